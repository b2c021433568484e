//! The secrets that this authentication may use: what the user just answered, and the vault's.

use super::notes::Notes;
use super::patience::Patience;
use crate::model::{Secret, TunnelSettings};
use crate::secrets::{MaySend, SecretKey, Turn, Vault};
use crate::supervisor::Grant;
use std::path::Path;

/// Where secrets come from, and where the word on them goes.
pub(super) struct Known<'a> {
    vault: &'a Vault,
    grant: Option<&'a Grant>,
    patience: &'a Patience,
    account: SecretKey,
}

/// A secret, and whether it is to be stored in the keyring once it has worked.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) secret: Secret,
    remember: bool,
    origin: Origin,
}

/// Where a secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The dial carried it: the user has just typed it.
    Typed,
    /// The vault had it.
    Vault,
}

/// What is known of a password by now.
#[derive(Debug)]
pub(super) enum Latest {
    /// This one is to be sent: the same, or a newer one.
    Is(Given),
    /// It was refused.
    Refused,
    /// It was sent twice, and no verdict came.
    NoVerdictTwice,
    /// It was forgotten, and there is no other.
    Unknown,
}

impl Given {
    fn typed(secret: &Secret, remember: bool) -> Self {
        Self {
            secret: secret.clone(),
            remember,
            origin: Origin::Typed,
        }
    }

    /// Whether the dial carried it.
    pub(super) fn was_typed(&self) -> bool {
        self.origin == Origin::Typed
    }
}

impl<'a> Known<'a> {
    pub(super) fn new(
        vault: &'a Vault,
        grant: Option<&'a Grant>,
        patience: &'a Patience,
        settings: &TunnelSettings,
    ) -> Self {
        let server = settings.server();
        Self {
            vault,
            grant,
            patience,
            account: SecretKey::Password { server },
        }
    }

    /// The account's password.
    pub(super) async fn password(&self, notes: &mut Notes) -> Option<Given> {
        if let Some(Grant::Password { value, remember }) = self.grant {
            return Some(Given::typed(value, *remember));
        }
        self.stored(&self.account, notes).await
    }

    /// Waits until no other session waits for a verdict on the account's password.
    pub(super) async fn turn(&self) -> Turn {
        self.vault.turn(&self.account).await
    }

    /// What has become of this password since it was found.
    pub(super) async fn latest(&self, given: Given, notes: &mut Notes) -> Latest {
        let verdict = self.vault.may_send(&self.account, &given.secret);
        let latest = match (verdict, given.origin) {
            (MaySend::Yes, Origin::Typed) => return Latest::Is(given),
            (MaySend::NoVerdictTwice, Origin::Typed) => return Latest::NoVerdictTwice,
            // What the vault has by now is newer.
            (MaySend::Refused, Origin::Typed) | (_, Origin::Vault) => {
                self.stored(&self.account, notes).await
            }
        };
        match latest {
            None if verdict == MaySend::Refused => Latest::Refused,
            None => Latest::Unknown,
            Some(latest) => match self.vault.may_send(&self.account, &latest.secret) {
                MaySend::Yes => Latest::Is(latest),
                MaySend::Refused => Latest::Refused,
                MaySend::NoVerdictTwice => Latest::NoVerdictTwice,
            },
        }
    }

    /// The passphrase of the key in this file.
    pub(super) async fn passphrase(&self, file: &Path, notes: &mut Notes) -> Option<Given> {
        match self.grant {
            Some(Grant::Passphrase {
                key,
                value,
                remember,
            }) if key == file => Some(Given::typed(value, *remember)),
            _ => self.stored(&passphrase_of(file), notes).await,
        }
    }

    /// The password opened the account.
    pub(super) fn password_is_right(&self, given: &Given) {
        self.keep(&self.account, given);
    }

    /// The server refused the password.
    pub(super) fn password_is_wrong(&self, given: &Given) {
        self.refuse(&self.account, given);
    }

    /// The password was sent, and no verdict came. Returns whether it must not be sent again.
    pub(super) fn password_is_in_doubt(&self, given: &Given) -> bool {
        self.vault.doubt(&self.account, &given.secret)
    }

    /// The passphrase opened the key in this file.
    pub(super) fn passphrase_is_right(&self, file: &Path, given: &Given) {
        self.keep(&passphrase_of(file), given);
    }

    /// The passphrase does not open the key in this file.
    pub(super) fn passphrase_is_wrong(&self, file: &Path, given: &Given) {
        self.refuse(&passphrase_of(file), given);
    }

    async fn stored(&self, key: &SecretKey, notes: &mut Notes) -> Option<Given> {
        // A locked keyring asks the user to unlock it, which is not the server's time.
        match self.patience.pause(self.vault.find(key)).await {
            Ok(found) => found.map(|secret| Given {
                secret,
                remember: false,
                origin: Origin::Vault,
            }),
            Err(error) => {
                notes.add(error.to_string());
                None
            }
        }
    }

    // The vault knows at once; the keyring hears of it in its own time, so that a slow one delays
    // neither the session nor the question to the user.

    fn keep(&self, key: &SecretKey, given: &Given) {
        let storing = self.vault.keep(key, &given.secret, given.remember);
        tokio::spawn(async {
            if let Err(error) = storing.await {
                tracing::warn!("the secret is kept only until Passerelle ends: {error}");
            }
        });
    }

    fn refuse(&self, key: &SecretKey, given: &Given) {
        let deleting = self.vault.refuse(key, &given.secret);
        tokio::spawn(async {
            if let Err(error) = deleting.await {
                tracing::warn!("a wrong secret may still be stored: {error}");
            }
        });
    }
}

fn passphrase_of(file: &Path) -> SecretKey {
    SecretKey::Passphrase {
        file: file.to_owned(),
    }
}
