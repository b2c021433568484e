//! The system's keyring: Secret Service on Linux, Credential Manager on Windows.

use super::{SecretError, SecretKey, SecretStore};
use crate::model::Secret;
use keyring_core::{CredentialStore, Entry, Error};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// What every entry of ours is filed under.
const SERVICE: &str = "Passerelle";

/// Opens the system's store; fails where there is none, such as on Linux without a session bus.
pub type OpenStore = fn() -> Result<Arc<CredentialStore>, Error>;

/// The system's keyring. It is opened at the first use, and again after a failure, because on many
/// desktops it appears some time after the programs that start with the session.
pub struct Keyring {
    open: OpenStore,
    store: Mutex<Option<Arc<CredentialStore>>>,
}

impl Keyring {
    /// The keyring that `open` opens.
    #[must_use]
    pub fn new(open: OpenStore) -> Self {
        Self {
            open,
            store: Mutex::new(None),
        }
    }

    fn entry(&self, key: &SecretKey) -> Result<Entry, SecretError> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match &*store {
            Some(opened) => Arc::clone(opened),
            None => {
                let opened = (self.open)().map_err(explain)?;
                store.insert(opened).clone()
            }
        };
        opened.build(SERVICE, &key.account(), None).map_err(explain)
    }

    /// Hands `result` on; after a failure of the store itself, the next use opens it anew.
    fn settle<T>(&self, result: Result<T, Error>) -> Result<T, SecretError> {
        result.map_err(|error| {
            let error = explain(error);
            if matches!(error, SecretError::Unavailable { .. }) {
                *self.store.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            error
        })
    }
}

impl SecretStore for Keyring {
    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        let bytes = match self.entry(key)?.get_secret() {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(Error::NoEntry) => return Ok(None),
            Err(error) => return self.settle(Err(error)),
        };
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(Secret::new(text.to_owned()))),
            Err(_) => Err(SecretError::Refused {
                reason: "the entry is not UTF-8".into(),
            }),
        }
    }

    fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError> {
        let result = self.entry(key)?.set_secret(secret.expose().as_bytes());
        self.settle(result)
    }

    fn delete(&self, key: &SecretKey) -> Result<(), SecretError> {
        match self.entry(key)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => self.settle(Err(error)),
        }
    }
}

/// Our word for the keyring's error. Its `Debug` may hold the entry's bytes, so only `Display` is used.
fn explain(error: Error) -> SecretError {
    let reason = error.to_string();
    let unavailable = matches!(
        error,
        Error::PlatformFailure(_)
            | Error::NoStorageAccess(_)
            | Error::NoDefaultStore
            | Error::NotSupportedByStore(_)
    );
    if unavailable {
        SecretError::Unavailable { reason }
    } else {
        SecretError::Refused { reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::Password {
            server: "maintenance@serveurproduction:722".into(),
        }
    }

    fn mock() -> Result<Arc<CredentialStore>, Error> {
        keyring_core::mock::Store::new().map(|store| store as Arc<CredentialStore>)
    }

    #[test]
    fn nothing_stored_is_not_an_error() {
        assert_eq!(Keyring::new(mock).get(&key()), Ok(None));
        assert_eq!(Keyring::new(mock).delete(&key()), Ok(()));
    }

    #[test]
    fn no_keyring_is_unavailable() {
        let keyring = Keyring::new(|| Err(Error::NoStorageAccess("no session bus".into())));
        let error = keyring.get(&key()).unwrap_err();
        assert!(
            matches!(&error, SecretError::Unavailable { reason } if reason.contains("session bus"))
        );
        let secret = Secret::new("s".into());
        assert_eq!(keyring.set(&key(), &secret), Err(error));
    }

    #[test]
    fn what_is_stored_comes_back() {
        let keyring = Keyring::new(mock);
        let secret = Secret::new("pâté 🗝".into());
        keyring.set(&key(), &secret).unwrap();
        assert_eq!(keyring.get(&key()), Ok(Some(secret)));
        keyring.delete(&key()).unwrap();
        assert_eq!(keyring.get(&key()), Ok(None));
    }

    #[test]
    fn an_error_does_not_print_the_entry() {
        let error = explain(Error::BadEncoding(b"canary".to_vec()));
        assert!(!format!("{error:?} {error}").contains("canary"));
        assert!(!format!("{error:?}").contains("99, 97, 110"));
    }
}
