//! What the vault gives, keeps and withholds, run after run.

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
async fn a_refused_secret_goes_from_the_store_however_it_was_given() {
    let store = Arc::new(Memory::default());
    store.set(&key(), &secret("old")).unwrap();
    // Typed, and not to be remembered: the store has the same.
    let vault = Vault::new(Arc::clone(&store) as Arc<dyn SecretStore>);
    vault.refuse(&key(), &secret("old")).await.unwrap();
    assert_eq!(store.get(&key()), Ok(None));

    store.set(&key(), &secret("old")).unwrap();
    let vault = Vault::new(Arc::clone(&store) as Arc<dyn SecretStore>);
    vault.keep(&key(), &secret("old"), false).await.unwrap();
    vault.refuse(&key(), &secret("old")).await.unwrap();
    assert_eq!(store.get(&key()), Ok(None));
}

#[tokio::test]
async fn a_newer_secret_in_the_store_is_not_deleted_for_an_older_one() {
    let store = Arc::new(Memory::default());
    store.set(&key(), &secret("old")).unwrap();
    let vault = Vault::new(Arc::clone(&store) as Arc<dyn SecretStore>);
    assert_eq!(vault.find(&key()).await, Ok(Some(secret("old"))));
    // By another program.
    store.set(&key(), &secret("new")).unwrap();
    vault.refuse(&key(), &secret("old")).await.unwrap();
    assert_eq!(store.get(&key()), Ok(Some(secret("new"))));
}

/// A run of the program on this store, with this state directory.
fn run(store: &Arc<dyn SecretStore>, dir: &tempfile::TempDir) -> Vault {
    Vault::new(Arc::clone(store)).noting_refusals_in(dir.path().join("refused"))
}

#[tokio::test]
async fn a_refused_password_that_cannot_be_deleted_is_used_by_no_later_run() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    memory.set(&key(), &secret("wrong")).unwrap();
    let store: Arc<dyn SecretStore> = Arc::new(ReadOnly(memory));
    let first = run(&store, &dir);
    assert_eq!(first.find(&key()).await, Ok(Some(secret("wrong"))));
    // Typed by the user in this run, and right: the store still has it.
    first.keep(&key(), &secret("wrong"), false).await.unwrap();
    first.refuse(&key(), &secret("wrong")).await.unwrap_err();

    for _ in 0..2 {
        let later = run(&store, &dir);
        assert_eq!(later.find(&key()).await, Ok(None));
        later.refuse(&key(), &secret("typo")).await.unwrap();
    }
    assert_eq!(store.get(&key()), Ok(Some(secret("wrong"))));
    let other = SecretKey::Password {
        server: "maintenance@other:722".into(),
    };
    assert_eq!(run(&store, &dir).find(&other).await, Ok(None));
}

/// A store that is locked at times, and then answers nothing.
struct Lockable {
    memory: Memory,
    is_locked: AtomicBool,
}

impl Lockable {
    fn holding(stored: Option<&str>) -> Arc<Self> {
        let memory = Memory::default();
        if let Some(stored) = stored {
            memory.set(&key(), &secret(stored)).unwrap();
        }
        let is_locked = AtomicBool::new(false);
        Arc::new(Self { memory, is_locked })
    }

    fn lock(&self, is_locked: bool) {
        self.is_locked.store(is_locked, Ordering::SeqCst);
    }

    fn unlocked(&self) -> Result<&Memory, SecretError> {
        if self.is_locked.load(Ordering::SeqCst) {
            return Err(SecretError::Unavailable {
                reason: "locked".into(),
            });
        }
        Ok(&self.memory)
    }
}

impl SecretStore for Lockable {
    fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        self.unlocked()?.get(key)
    }

    fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError> {
        self.unlocked()?.set(key, secret)
    }

    fn delete(&self, key: &SecretKey) -> Result<(), SecretError> {
        self.unlocked()?.delete(key)
    }
}

#[tokio::test]
async fn a_refused_password_that_a_locked_store_may_hold_is_used_by_no_later_run() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Lockable::holding(Some("wrong"));
    let store: Arc<dyn SecretStore> = keyring.clone();
    keyring.lock(true);
    let first = run(&store, &dir);
    first.find(&key()).await.unwrap_err();
    // Typed by the user, who knows no better than the store.
    first.refuse(&key(), &secret("wrong")).await.unwrap_err();

    keyring.lock(false);
    for _ in 0..2 {
        let later = run(&store, &dir);
        assert_eq!(later.find(&key()).await, Ok(None));
        later.refuse(&key(), &secret("typo")).await.unwrap();
    }
    run(&store, &dir)
        .refuse(&key(), &secret("wrong"))
        .await
        .unwrap();
    assert_eq!(store.get(&key()), Ok(None));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_refused_password_that_the_store_does_not_hold_leaves_no_note() {
    for stored in [None, Some("right")] {
        let dir = tempfile::tempdir().unwrap();
        let keyring = Lockable::holding(stored);
        let store: Arc<dyn SecretStore> = keyring.clone();
        let vault = run(&store, &dir);
        assert_eq!(vault.find(&key()).await, Ok(stored.map(secret)));
        keyring.lock(true);
        // It has answered before it was locked.
        vault.refuse(&key(), &secret("typo")).await.unwrap_err();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

        // Or it answers only now.
        keyring.lock(false);
        let later = run(&store, &dir);
        later.refuse(&key(), &secret("typo")).await.unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(store.get(&key()), Ok(stored.map(secret)));
    }
}

#[tokio::test]
async fn what_could_not_be_stored_may_be_in_the_store_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Lockable::holding(None);
    let store: Arc<dyn SecretStore> = keyring.clone();
    let vault = run(&store, &dir);
    assert_eq!(vault.find(&key()).await, Ok(None));
    keyring.lock(true);
    vault.keep(&key(), &secret("new"), true).await.unwrap_err();
    vault.refuse(&key(), &secret("new")).await.unwrap_err();
    // A store that was given up may take it late.
    keyring.memory.set(&key(), &secret("new")).unwrap();
    keyring.lock(false);
    assert_eq!(run(&store, &dir).find(&key()).await, Ok(None));
}

#[tokio::test]
async fn a_withheld_password_is_used_again_once_it_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let file = Refused::at(dir.path().join("refused"));
    let store: Arc<dyn SecretStore> = Arc::new(Memory::default());
    let withheld = || {
        store.set(&key(), &secret("old")).unwrap();
        file.add(&key()).unwrap();
        run(&store, &dir)
    };
    let vault = withheld();
    assert_eq!(vault.find(&key()).await, Ok(None));
    vault.keep(&key(), &secret("now"), false).await.unwrap();
    assert!(file.holds(&key()).unwrap(), "the store has the old one");
    vault.keep(&key(), &secret("new"), true).await.unwrap();
    assert_eq!(
        run(&store, &dir).find(&key()).await,
        Ok(Some(secret("new")))
    );

    let vault = withheld();
    vault.forget(&key()).await.unwrap();
    assert!(!file.holds(&key()).unwrap());

    // What was refused is deleted at once where that is possible, and nothing is left of it.
    let vault = run(&store, &dir);
    vault.keep(&key(), &secret("old"), true).await.unwrap();
    vault.refuse(&key(), &secret("old")).await.unwrap();
    assert_eq!(store.get(&key()), Ok(None));
    assert!(!file.holds(&key()).unwrap());
}

#[tokio::test]
async fn a_wrong_passphrase_is_not_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let passphrase = SecretKey::Passphrase {
        file: "/home/u/.ssh/id_ed25519".into(),
    };
    let memory = Memory::default();
    memory.set(&passphrase, &secret("wrong")).unwrap();
    let store: Arc<dyn SecretStore> = Arc::new(ReadOnly(memory));
    let vault = run(&store, &dir);
    assert_eq!(vault.find(&passphrase).await, Ok(Some(secret("wrong"))));
    vault
        .refuse(&passphrase, &secret("wrong"))
        .await
        .unwrap_err();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
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
async fn a_secret_is_sent_twice_without_a_verdict_and_no_more() {
    let vault = Vault::in_memory();
    let may_send = |text| vault.may_send(&key(), &secret(text));
    assert!(!vault.doubt(&key(), &secret("a")));
    assert!(!vault.doubt(&key(), &secret("b")), "another one");
    assert_eq!(may_send("a"), MaySend::Yes);
    for _ in 0..2 {
        assert!(vault.doubt(&key(), &secret("a")), "the other one since");
        assert_eq!(may_send("a"), MaySend::NoVerdictTwice);
    }
    assert_eq!(may_send("b"), MaySend::Yes);
    vault.try_again(&key(), Some(&secret("b")));
    assert_eq!(may_send("a"), MaySend::NoVerdictTwice);
    vault.try_again(&key(), None);
    assert_eq!(may_send("a"), MaySend::Yes);
    assert!(!vault.doubt(&key(), &secret("a")), "a new start");
    vault.keep(&key(), &secret("a"), false).await.unwrap();
    assert!(!vault.doubt(&key(), &secret("a")), "it had worked");
}

#[tokio::test]
async fn a_refused_secret_may_be_sent_once_it_is_typed_or_given_anew() {
    let vault = Vault::in_memory();
    let may_send = || vault.may_send(&key(), &secret("a"));
    let other = SecretKey::Password {
        server: "maintenance@other:722".into(),
    };
    for typed in [true, false] {
        vault.refuse(&key(), &secret("a")).await.unwrap();
        vault.try_again(&key(), None);
        vault.keep(&key(), &secret("b"), false).await.unwrap();
        assert_eq!(may_send(), MaySend::Refused);
        assert_eq!(vault.may_send(&other, &secret("a")), MaySend::Yes);
        if typed {
            vault.try_again(&key(), Some(&secret("a")));
        } else {
            vault.keep(&key(), &secret("a"), false).await.unwrap();
        }
        assert_eq!(may_send(), MaySend::Yes);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_has_one_turn_and_another_account_has_its_own() {
    let vault = Vault::in_memory();
    let (key, other) = (
        key(),
        SecretKey::Password {
            server: "maintenance@other:722".into(),
        },
    );
    let turn = vault.turn(&key).await;
    let _other = vault.turn(&other).await;
    let soon = Duration::from_secs(1);
    let waiting = tokio::time::timeout(soon, vault.turn(&key)).await;
    assert!(waiting.is_err());
    drop(turn);
    let _turn = vault.turn(&key).await;
}
