//! A person is waited for, and the connection does not wait; what a person typed, and its verdict.

use super::*;
use crate::secrets::{SecretError, SecretStore};

const MINUTE: Duration = Duration::from_secs(60);

fn asks_for_a_code(act: &str) -> Say {
    match act {
        "converses" => Say::Ask("Code: "),
        "answers 123456" => Say::Yes,
        _ => Say::No,
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_goes_with_its_connection() {
    let mut user = User::new();
    // Typed in vain: it comes when the connection is gone.
    user.says = vec![(MINUTE, Some("123456"))];
    user.leaves = true;
    let start = Instant::now();
    let (outcome, seen) = user.dial(INTERACTIVE, asks_for_a_code).await;
    let server = "maintenance@lab:722".into();
    assert_eq!(outcome, Err(Fault::QuestionLost { server }));
    assert_eq!(start.elapsed().as_secs(), MINUTE.as_secs());
    assert_eq!(seen, ["asks", "converses"]);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_went_before_a_lost_question_is_not_in_doubt() {
    let mut user = User::knowing("secret").await;
    for _ in 0..3 {
        user.says = vec![(MINUTE, None)];
        user.leaves = true;
        let (outcome, _) = user
            .dial(INTERACTIVE, |act| match act {
                "converses" => Say::Ask("Password: "),
                "answers secret" => Say::Ask("Code: "),
                _ => Say::No,
            })
            .await;
        // Each next try comes from the user, who was too slow, and not wrong.
        assert_eq!(outcome.unwrap_err().code(), "question_lost");
    }
}

pub(super) fn typed(password: &str) -> Option<Grant> {
    Some(Grant::Password {
        value: Secret::new(password.into()),
        remember: false,
    })
}

#[tokio::test]
async fn a_typed_password_is_told_to_be_judged_before_anything_else_can_fail() {
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
    let path = dir.path().join("id_ed25519");
    let text = key
        .to_openssh(russh::keys::ssh_key::LineEnding::LF)
        .unwrap();
    std::fs::write(&path, text.as_bytes()).unwrap();
    let mut user = User::new();
    user.identity = vec![path];
    user.grant = typed("wrong");
    let (outcome, seen) = user
        .dial(
            &[MethodKind::Password, MethodKind::PublicKey],
            |act| match act {
                "shows a key" => Say::Cut,
                _ => Say::No,
            },
        )
        .await;
    assert_eq!(outcome.unwrap_err().code(), "connection_lost");
    assert_eq!(seen, ["asks", "sends wrong", "shows a key"]);
    assert_eq!(user.judged, 1);
}

#[tokio::test]
async fn only_a_typed_password_is_told_to_be_judged() {
    for (word, code) in [("right", None), ("wrong", Some("password_needed"))] {
        for (is_typed, judged) in [(true, 1), (false, 0)] {
            let mut user = if is_typed {
                User::new()
            } else {
                User::knowing(word).await
            };
            user.grant = typed(word).filter(|_| is_typed);
            let (outcome, _) = user
                .dial(PASSWORD, |act| match act {
                    "sends right" => Say::Yes,
                    _ => Say::No,
                })
                .await;
            assert_eq!(outcome.err().map(|fault| fault.code()), code);
            assert_eq!(user.judged, judged);
        }
    }
    let mut user = User::new();
    user.grant = typed("right");
    let (outcome, _) = user
        .dial(PASSWORD, |act| match act {
            "sends right" => Say::Cut,
            _ => Say::No,
        })
        .await;
    assert_eq!(outcome.unwrap_err().code(), "connection_lost");
    assert_eq!(user.judged, 0, "no verdict came");
}

/// A keyring that is unlocked only after the server has left.
struct Slow(Arc<Mutex<Option<Wire>>>);

impl SecretStore for Slow {
    fn get(&self, _: &SecretKey) -> Result<Option<Secret>, SecretError> {
        let line = self.0.lock().unwrap().take().unwrap();
        line.wire.abort();
        let start = std::time::Instant::now();
        while !line.farewell.has_ended() {
            assert!(start.elapsed() < MINUTE, "nobody notices");
            std::thread::yield_now();
        }
        Ok(Some(Secret::new("secret".into())))
    }

    fn set(&self, _: &SecretKey, _: &Secret) -> Result<(), SecretError> {
        Ok(())
    }

    fn delete(&self, _: &SecretKey) -> Result<(), SecretError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_password_that_was_found_too_late_was_not_shown() {
    let mut user = User::new();
    user.vault = Vault::new(Arc::new(Slow(Arc::clone(&user.line))));
    let (outcome, seen) = user.dial(PASSWORD, |_| Say::No).await;
    assert_eq!(outcome.unwrap_err().code(), "connection_lost");
    assert_eq!(seen, ["asks"]);
    let key = SecretKey::Password {
        server: "maintenance@lab:722".into(),
    };
    let in_doubt = user.vault.doubt(&key, &Secret::new("secret".into()));
    assert!(!in_doubt, "for the first time");
}
