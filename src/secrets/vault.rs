//! The secrets of this run, in front of the store that outlives it.

use super::observed::ObservedStore;
use super::refused::Refused;
use super::verdicts::{MaySend, Turn, Verdicts};
use super::{Memory, SecretError, SecretKey, SecretStore};
use crate::model::Secret;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the store may take. A keyring that is locked asks the user to unlock it meanwhile.
const STORE_DEADLINE: Duration = Duration::from_secs(30);

/// How long the file of the refused accounts may take. It is small, and on a disk of this machine.
const FILE_DEADLINE: Duration = Duration::from_secs(5);

/// What is known of a secret without asking the store.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// It is this one, which was found or kept.
    Value(Secret),
    /// It was forgotten. The store is not asked any more: a deletion may have failed, and a secret
    /// that was rejected once must not come back.
    Forgotten,
}

/// Remembers secrets for this run, and where it is asked to, in a [`SecretStore`] beyond it.
/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Vault {
    known: Arc<Mutex<HashMap<SecretKey, Known>>>,
    verdicts: Arc<Verdicts>,
    store: Arc<ObservedStore>,
    /// What must not be used of the store, this run or any later one.
    refused: Option<Arc<Refused>>,
    // A store that hangs holds one thread, not one for each question.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Known {
    fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Value(secret) => Some(secret),
            Self::Forgotten => None,
        }
    }
}

impl Vault {
    /// A vault in front of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn SecretStore>) -> Self {
        Self {
            known: Arc::default(),
            verdicts: Arc::default(),
            store: Arc::new(ObservedStore::new(store)),
            refused: None,
            turn: Arc::default(),
        }
    }

    /// The same, with refused passwords that the store could not delete noted in this file: no later
    /// run sends them again.
    #[must_use]
    pub fn noting_refusals_in(mut self, file: PathBuf) -> Self {
        self.refused = Some(Arc::new(Refused::at(file)));
        self
    }

    /// A vault that keeps nothing beyond this run.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Arc::new(Memory::default()))
    }

    /// The secret for `key`, `None` when none is known.
    ///
    /// # Errors
    /// The store cannot tell.
    pub async fn find(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        if let Some(known) = self.known().get(key) {
            return Ok(known.secret().cloned());
        }
        if self.was_refused(key).await {
            tracing::warn!(
                account = key.account(),
                "the password in the keyring was refused once: it is not used"
            );
            self.known().entry(key.clone()).or_insert(Known::Forgotten);
        }
        if let Some(known) = self.known().get(key) {
            return Ok(known.secret().cloned());
        }
        let wanted = key.clone();
        let found = self.ask(move |store| store.get(&wanted)).await?;
        // What was kept or forgotten meanwhile is newer than what the store had.
        let mut known = self.known();
        match (known.get(key), found) {
            (Some(Known::Value(secret)), _) => Ok(Some(secret.clone())),
            (Some(Known::Forgotten), _) | (None, None) => Ok(None),
            (None, Some(secret)) => {
                known.insert(key.clone(), Known::Value(secret.clone()));
                Ok(Some(secret))
            }
        }
    }

    /// Keeps `secret` for this run, from now on; the future keeps it in the store too, if it is to be
    /// remembered.
    ///
    /// # Errors
    /// The store does not take it; it is kept for this run all the same.
    pub fn keep(
        &self,
        key: &SecretKey,
        secret: &Secret,
        remember: bool,
    ) -> impl Future<Output = Result<(), SecretError>> + Send + use<> {
        self.verdicts.pardon(key, secret);
        let value = Known::Value(secret.clone());
        self.known().insert(key.clone(), value);
        if remember {
            self.store.will_change(key);
        }
        let (vault, key, secret) = (self.clone(), key.clone(), secret.clone());
        async move {
            if !remember {
                return Ok(());
            }
            let kept = key.clone();
            vault.ask(move |store| store.set(&kept, &secret)).await?;
            vault.note_refusal_over(&key).await;
            Ok(())
        }
    }

    /// Forgets the secret for `key`, from now on; the future deletes it from the store too.
    ///
    /// # Errors
    /// The store still has it; it is not asked for it again in this run.
    pub fn forget(
        &self,
        key: &SecretKey,
    ) -> impl Future<Output = Result<(), SecretError>> + Send + use<> {
        self.known().insert(key.clone(), Known::Forgotten);
        self.store.will_change(key);
        let (vault, key) = (self.clone(), key.clone());
        async move {
            let forgotten = key.clone();
            vault.ask(move |store| store.delete(&forgotten)).await?;
            vault.note_refusal_over(&key).await;
            Ok(())
        }
    }

    /// Forgets `secret`, because it does not open what it was given for. Another one, which was kept
    /// while this one was tried, stays. The future deletes it from the store too, if the store has
    /// this very one: another one is newer, or was not tried.
    ///
    /// A password is noted before the store is asked, so that no later run sends it again; but not if
    /// the store has answered that it does not hold it. A passphrase is not noted: a wrong one never
    /// leaves this machine.
    ///
    /// # Errors
    /// The store may still have it.
    pub fn refuse(
        &self,
        key: &SecretKey,
        secret: &Secret,
    ) -> impl Future<Output = Result<(), SecretError>> + Send + use<> {
        let may_be_stored = self.store.may_hold(key, secret);
        let mut known = self.known();
        let kept = known.get(key).and_then(Known::secret);
        if kept.is_none_or(|kept| kept == secret) {
            known.insert(key.clone(), Known::Forgotten);
        }
        drop(known);
        self.verdicts.refuse(key, secret);
        let (vault, key, secret) = (self.clone(), key.clone(), secret.clone());
        async move {
            let is_noted = may_be_stored && vault.note_refusal(&key).await;
            let (entry, wrong) = (key.clone(), secret.clone());
            let deleting = vault.ask(move |store| store.delete_if(&entry, &wrong));
            match deleting.await {
                Ok(None) => vault.note_refusal_over(&key).await,
                // A note that was there before is on what the store holds, as far as is known.
                Ok(Some(_)) if is_noted => vault.note_refusal_over(&key).await,
                Ok(Some(_)) => {}
                Err(error) => {
                    // Another refusal, whose note this one relied on, may be over by now.
                    if vault.store.may_hold(&key, &secret) {
                        vault.note_refusal(&key).await;
                    }
                    return Err(error);
                }
            }
            Ok(())
        }
    }

    /// Waits until nobody else holds the account's turn to send its password.
    pub async fn turn(&self, key: &SecretKey) -> Turn {
        self.verdicts.turn(key).await
    }

    /// Whether `secret` may be sent to the account's server, by whoever holds the turn.
    #[must_use]
    pub fn may_send(&self, key: &SecretKey, secret: &Secret) -> MaySend {
        self.verdicts.may_send(key, secret)
    }

    /// Notes that `secret` was shown to the server, and that no verdict came. Returns whether that
    /// was so before: a server may cut the line on a wrong password instead of saying no, so nobody
    /// shows it again then, until the user wants another try.
    #[must_use]
    pub fn doubt(&self, key: &SecretKey, secret: &Secret) -> bool {
        self.verdicts.doubt(key, secret)
    }

    /// The user wants another try: with the password that was just typed, whatever was said of it; or
    /// with those whose verdict was lost.
    pub fn try_again(&self, key: &SecretKey, typed: Option<&Secret>) {
        match typed {
            Some(typed) => self.verdicts.pardon(key, typed),
            None => self.verdicts.drop_doubts(key),
        }
    }

    /// Whether a password of the store was refused, and may still be there. Where that cannot be told,
    /// it was: asking the user costs less than a locked account.
    async fn was_refused(&self, key: &SecretKey) -> bool {
        let wanted = key.clone();
        self.with_refused(key, move |refused| refused.holds(&wanted))
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "it cannot be told whether a stored password was refused");
                true
            })
    }

    /// Returns whether the note is a new one.
    async fn note_refusal(&self, key: &SecretKey) -> bool {
        let refused = key.clone();
        let noting = self.with_refused(key, move |file| file.add(&refused));
        noting.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a refused password is not noted");
            false
        })
    }

    async fn note_refusal_over(&self, key: &SecretKey) {
        let over = key.clone();
        let noting = self.with_refused(key, move |file| file.remove(&over));
        if let Err(error) = noting.await {
            tracing::warn!(%error, "the stored password stays unused");
        }
    }

    /// Asks the file of the refused accounts, for passwords; `false` where there is no such file.
    async fn with_refused(
        &self,
        key: &SecretKey,
        question: impl FnOnce(&Refused) -> io::Result<bool> + Send + 'static,
    ) -> io::Result<bool> {
        let refused = match (key, &self.refused) {
            (SecretKey::Password { .. }, Some(refused)) => Arc::clone(refused),
            (SecretKey::Password { .. } | SecretKey::Passphrase { .. }, _) => return Ok(false),
        };
        let asking = tokio::task::spawn_blocking(move || question(&refused));
        match tokio::time::timeout(FILE_DEADLINE, asking).await {
            Ok(answer) => answer.unwrap_or_else(|error| Err(io::Error::other(error))),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&ObservedStore) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, SecretError> {
        let store = Arc::clone(&self.store);
        let turn = Arc::clone(&self.turn);
        let answer = async move {
            let turn = turn.lock_owned().await;
            let asked = move || {
                let _turn = turn;
                question(&store)
            };
            tokio::task::spawn_blocking(asked).await
        };
        let unavailable = |reason: &str| SecretError::Unavailable {
            reason: reason.into(),
        };
        match tokio::time::timeout(STORE_DEADLINE, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(unavailable("it broke off")),
            Err(_) => Err(unavailable("it does not answer")),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SecretKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
