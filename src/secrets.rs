//! Where the user's secrets are kept: the system's keyring, or memory alone.
//!
//! A [`SecretStore`] blocks, because every keyring does; [`Vault`] is what asynchronous code asks.

mod digest;
mod keyring;
mod observed;
mod refused;
mod vault;
mod verdicts;

pub use keyring::{Keyring, OpenStore};
pub use vault::Vault;
pub use verdicts::{MaySend, Turn};

use crate::model::Secret;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// What a secret opens. A secret is only ever given to the one thing it was given for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretKey {
    /// The password of an account.
    Password {
        /// `user@host:port`, so that no other server, port or account is ever shown it.
        server: String,
    },
    /// The passphrase of a private key.
    Passphrase {
        /// The private key's file.
        file: PathBuf,
    },
}

impl SecretKey {
    /// The name under which a keyring keeps it.
    #[must_use]
    pub fn account(&self) -> String {
        match self {
            Self::Password { server } => server.clone(),
            Self::Passphrase { file } => format!("passphrase:{}", file.display()),
        }
    }
}

/// Why a secret could not be read, written or deleted. That none is stored is not an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no keyring, it is locked, or it does not answer.
    #[error("the keyring is not available: {reason}")]
    Unavailable {
        /// The system's word for it.
        reason: String,
    },
    /// The keyring does not take this secret, or holds something else under its name.
    #[error("the keyring refuses: {reason}")]
    Refused {
        /// The system's word for it.
        reason: String,
    },
}

/// A place for secrets. Every call may block for as long as the system takes.
pub trait SecretStore: Send + Sync {
    /// The secret for `key`, `None` when none is stored.
    ///
    /// # Errors
    /// The store is unavailable, or what it holds is not a secret of ours.
    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError>;

    /// Keeps `secret` for `key`, in place of an older one.
    ///
    /// # Errors
    /// The store is unavailable, or refuses the secret.
    fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError>;

    /// Forgets the secret for `key`; that there is none is fine.
    ///
    /// # Errors
    /// The store is unavailable.
    fn delete(&self, key: &SecretKey) -> Result<(), SecretError>;
}

/// Secrets that last until Passerelle ends.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<SecretKey, Secret>>);

impl SecretStore for Memory {
    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(secrets.get(key).cloned())
    }

    fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError> {
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(key.clone(), secret.clone());
        Ok(())
    }

    fn delete(&self, key: &SecretKey) -> Result<(), SecretError> {
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.remove(key);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_gives_back_what_it_was_given_and_to_nobody_else() {
        let store = Memory::default();
        let key = SecretKey::Password {
            server: "maintenance@a:722".into(),
        };
        let other = SecretKey::Password {
            server: "maintenance@b:722".into(),
        };
        assert_eq!(store.get(&key), Ok(None));
        store.set(&key, &Secret::new("one".into())).unwrap();
        store.set(&key, &Secret::new("two".into())).unwrap();
        assert_eq!(store.get(&key), Ok(Some(Secret::new("two".into()))));
        assert_eq!(store.get(&other), Ok(None));
        store.delete(&key).unwrap();
        store.delete(&key).unwrap();
        assert_eq!(store.get(&key), Ok(None));
    }

    #[test]
    fn a_printed_store_shows_no_secret() {
        let store = Memory::default();
        let key = SecretKey::Passphrase {
            file: "/home/u/.ssh/id_ed25519".into(),
        };
        store.set(&key, &Secret::new("canary".into())).unwrap();
        assert!(!format!("{store:?}").contains("canary"));
    }
}
