//! The secrets of this run, in front of the store that outlives it.

use super::{Memory, SecretError, SecretKey, SecretStore};
use crate::model::Secret;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the store may take. A keyring that is locked asks the user to unlock it meanwhile.
const STORE_DEADLINE: Duration = Duration::from_secs(30);

/// What is known of a secret without asking the store.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// It is this one.
    Value {
        /// What was found or kept.
        secret: Secret,
        /// It is what the store has too, or is to have.
        stored: bool,
    },
    /// It was forgotten. The store is not asked any more: a deletion may have failed, and a secret
    /// that was rejected once must not come back.
    Forgotten,
}

/// Remembers secrets for this run, and where it is asked to, in a [`SecretStore`] beyond it.
/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Vault {
    known: Arc<Mutex<HashMap<SecretKey, Known>>>,
    in_doubt: Arc<Mutex<HashMap<SecretKey, Secret>>>,
    store: Arc<dyn SecretStore>,
    // A store that hangs holds one thread, not one for each question.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Vault {
    /// A vault in front of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn SecretStore>) -> Self {
        Self {
            known: Arc::default(),
            in_doubt: Arc::default(),
            store,
            turn: Arc::default(),
        }
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
        match self.known().get(key) {
            Some(Known::Value { secret, .. }) => return Ok(Some(secret.clone())),
            Some(Known::Forgotten) => return Ok(None),
            None => {}
        }
        let wanted = key.clone();
        let found = self.ask(move |store| store.get(&wanted)).await?;
        // What was kept or forgotten meanwhile is newer than what the store had.
        let mut known = self.known();
        match (known.get(key), found) {
            (Some(Known::Value { secret, .. }), _) => Ok(Some(secret.clone())),
            (Some(Known::Forgotten), _) | (None, None) => Ok(None),
            (None, Some(secret)) => {
                let value = Known::Value {
                    secret: secret.clone(),
                    stored: true,
                };
                known.insert(key.clone(), value);
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
        self.in_doubt().remove(key);
        let value = Known::Value {
            secret: secret.clone(),
            stored: remember,
        };
        self.known().insert(key.clone(), value);
        let (vault, key, secret) = (self.clone(), key.clone(), secret.clone());
        async move {
            if !remember {
                return Ok(());
            }
            vault.ask(move |store| store.set(&key, &secret)).await
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
        self.in_doubt().remove(key);
        self.known().insert(key.clone(), Known::Forgotten);
        let (vault, key) = (self.clone(), key.clone());
        async move { vault.ask(move |store| store.delete(&key)).await }
    }

    /// Forgets `secret`, because it does not open what it was given for. The future deletes it from
    /// the store too, if it is there: what the store has instead, and may not have been able to tell,
    /// is left to it. Another one, which was kept while this one was tried, stays.
    ///
    /// # Errors
    /// The store still has it; it is not asked for it again in this run.
    pub fn refuse(
        &self,
        key: &SecretKey,
        secret: &Secret,
    ) -> impl Future<Output = Result<(), SecretError>> + Send + use<> {
        let (is_another, is_stored) = match self.known().get(key) {
            Some(Known::Value {
                secret: kept,
                stored,
            }) => (kept != secret, *stored),
            Some(Known::Forgotten) | None => (false, false),
        };
        // To forget takes effect by the call; its future is the store's part.
        let forgetting = (!is_another).then(|| self.forget(key));
        async move {
            match forgetting {
                Some(forgetting) if is_stored => forgetting.await,
                Some(_) | None => Ok(()),
            }
        }
    }

    /// Notes that `secret` was shown to the server, and that no verdict came. Returns whether that
    /// is so for the second time: a server may cut the line on a wrong password instead of saying no,
    /// so a caller must not show it again by itself.
    #[must_use]
    pub fn doubt(&self, key: &SecretKey, secret: &Secret) -> bool {
        let mut in_doubt = self.in_doubt();
        if in_doubt.get(key) == Some(secret) {
            in_doubt.remove(key);
            return true;
        }
        in_doubt.insert(key.clone(), secret.clone());
        false
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn SecretStore) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, SecretError> {
        let store = Arc::clone(&self.store);
        let turn = Arc::clone(&self.turn);
        let answer = async move {
            let turn = turn.lock_owned().await;
            let asked = move || {
                let _turn = turn;
                question(&*store)
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

    fn in_doubt(&self) -> MutexGuard<'_, HashMap<SecretKey, Secret>> {
        self.in_doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    fn key() -> SecretKey {
        SecretKey::Password {
            server: "maintenance@serveurproduction:722".into(),
        }
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.into())
    }

    #[tokio::test]
    async fn only_what_is_to_be_remembered_reaches_the_store() {
        let store = Arc::new(Memory::default());
        let vault = Vault::new(Arc::clone(&store) as Arc<dyn SecretStore>);
        vault.keep(&key(), &secret("now"), false).await.unwrap();
        assert_eq!(vault.find(&key()).await, Ok(Some(secret("now"))));
        assert_eq!(store.get(&key()), Ok(None));

        vault.keep(&key(), &secret("always"), true).await.unwrap();
        assert_eq!(store.get(&key()), Ok(Some(secret("always"))));

        let next_run = Vault::new(store);
        assert_eq!(next_run.find(&key()).await, Ok(Some(secret("always"))));
    }

    /// A store that reads, and neither writes nor deletes.
    struct ReadOnly(Memory);

    impl SecretStore for ReadOnly {
        fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
            self.0.get(key)
        }

        fn set(&self, _: &SecretKey, _: &Secret) -> Result<(), SecretError> {
            Err(SecretError::Unavailable {
                reason: "locked".into(),
            })
        }

        fn delete(&self, _: &SecretKey) -> Result<(), SecretError> {
            Err(SecretError::Unavailable {
                reason: "locked".into(),
            })
        }
    }

    #[tokio::test]
    async fn a_forgotten_secret_does_not_come_back_though_the_store_kept_it() {
        let memory = Memory::default();
        memory.set(&key(), &secret("wrong")).unwrap();
        let vault = Vault::new(Arc::new(ReadOnly(memory)));
        assert_eq!(vault.find(&key()).await, Ok(Some(secret("wrong"))));
        vault.forget(&key()).await.unwrap_err();
        assert_eq!(vault.find(&key()).await, Ok(None));
    }

    #[tokio::test]
    async fn a_store_that_refuses_leaves_the_secret_for_this_run() {
        let vault = Vault::new(Arc::new(ReadOnly(Memory::default())));
        vault.keep(&key(), &secret("new"), true).await.unwrap_err();
        assert_eq!(vault.find(&key()).await, Ok(Some(secret("new"))));
    }

    /// A store that answers only once it is let go.
    struct Hanging {
        entered: AtomicBool,
        release: Mutex<mpsc::Receiver<()>>,
    }

    impl SecretStore for Hanging {
        fn get(&self, _: &SecretKey) -> Result<Option<Secret>, SecretError> {
            assert!(!self.entered.swap(true, Ordering::SeqCst), "asked twice");
            self.release.lock().unwrap().recv().unwrap();
            Ok(None)
        }

        fn set(&self, _: &SecretKey, _: &Secret) -> Result<(), SecretError> {
            Ok(())
        }

        fn delete(&self, _: &SecretKey) -> Result<(), SecretError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_was_kept_while_the_store_was_asked_is_newer() {
        let (release, held) = mpsc::channel();
        let store = Arc::new(Hanging {
            entered: AtomicBool::new(false),
            release: Mutex::new(held),
        });
        let vault = Vault::new(Arc::clone(&store) as Arc<dyn SecretStore>);
        let asking = tokio::spawn({
            let vault = vault.clone();
            async move { vault.find(&key()).await }
        });
        while !store.entered.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        vault.keep(&key(), &secret("new"), false).await.unwrap();
        release.send(()).unwrap();
        assert_eq!(asking.await.unwrap(), Ok(Some(secret("new"))));
    }

    #[tokio::test]
    async fn a_refused_secret_goes_and_the_one_that_was_kept_meanwhile_stays() {
        let store = Arc::new(Memory::default());
        let vault = Vault::new(Arc::clone(&store) as Arc<dyn SecretStore>);
        vault.keep(&key(), &secret("new"), true).await.unwrap();
        vault.refuse(&key(), &secret("old")).await.unwrap();
        assert_eq!(vault.find(&key()).await, Ok(Some(secret("new"))));
        assert_eq!(store.get(&key()), Ok(Some(secret("new"))));
        vault.refuse(&key(), &secret("new")).await.unwrap();
        assert_eq!(vault.find(&key()).await, Ok(None));
        assert_eq!(store.get(&key()), Ok(None));
    }

    #[tokio::test]
    async fn a_refused_secret_that_was_not_stored_leaves_what_is() {
        let store = Arc::new(Memory::default());
        store.set(&key(), &secret("stored")).unwrap();
        for kept_first in [false, true] {
            let vault = Vault::new(Arc::clone(&store) as Arc<dyn SecretStore>);
            if kept_first {
                vault.keep(&key(), &secret("typed"), false).await.unwrap();
            }
            vault.refuse(&key(), &secret("typed")).await.unwrap();
            assert_eq!(vault.find(&key()).await, Ok(None));
            assert_eq!(store.get(&key()), Ok(Some(secret("stored"))));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_given_up_and_holds_one_thread() {
        let (release, held) = mpsc::channel();
        let vault = Vault::new(Arc::new(Hanging {
            entered: AtomicBool::new(false),
            release: Mutex::new(held),
        }));
        let key = key();
        let both = async { tokio::join!(vault.find(&key), vault.find(&key)) };
        let patience = async {
            // A paused clock does not run by itself while a thread is held.
            tokio::time::advance(STORE_DEADLINE).await;
            std::future::pending::<()>().await;
        };
        let (first, second) = tokio::select! {
            biased;
            answers = both => answers,
            () = patience => unreachable!("it never ends"),
        };
        assert!(matches!(first, Err(SecretError::Unavailable { .. })));
        assert!(matches!(second, Err(SecretError::Unavailable { .. })));
        release.send(()).unwrap();
    }

    #[tokio::test]
    async fn a_secret_is_doubted_once_and_then_held_back() {
        let vault = Vault::in_memory();
        assert!(!vault.doubt(&key(), &secret("a")));
        assert!(!vault.doubt(&key(), &secret("b")), "another one");
        assert!(vault.doubt(&key(), &secret("b")));
        assert!(!vault.doubt(&key(), &secret("b")), "a new start");
        vault.keep(&key(), &secret("b"), false).await.unwrap();
        assert!(!vault.doubt(&key(), &secret("b")), "it had worked");
    }
}
