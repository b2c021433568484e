//! Against servers that do what sshd would not: scripted ones, over a pipe in memory.

use super::interactive::MOST_ROUNDS;
use super::*;
use crate::engine::client::Farewell;
use crate::engine::offer::{self, SessionLimits};
use crate::engine::transport::ConnectionControl;
use crate::hostkey::KnownHosts;
use crate::model::{Attempt, Input, Secret, SessionEvent, samples};
use crate::secrets::SecretKey;
use futures_util::FutureExt;
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{self, Auth, Response, VerifiedPublicKey};
use std::sync::Mutex;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

mod account;
mod waiting;

/// What a server says to what a client does: `asks`, `shows a key`, `sends PASSWORD`, `converses`,
/// `answers WORDS`.
enum Say {
    Yes,
    No,
    Partly(&'static [MethodKind]),
    Ask(&'static str),
    AskNothing,
    Nothing,
    Cut,
}

/// A server that follows a script, and remembers what it saw.
struct Server {
    script: Box<dyn FnMut(&str) -> Say + Send>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn meet(&mut self, act: String) -> Result<Auth, russh::Error> {
        let said = (self.script)(&act);
        self.seen.lock().unwrap().push(act);
        match said {
            Say::Yes => Ok(Auth::Accept),
            Say::No => Ok(Auth::reject()),
            Say::Partly(methods) => Ok(Auth::Reject {
                proceed_with_methods: Some(methods.into()),
                partial_success: true,
            }),
            Say::Ask(label) => Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![(label.into(), false)].into(),
            }),
            Say::AskNothing => Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![].into(),
            }),
            Say::Nothing => std::future::pending().await,
            Say::Cut => Err(russh::Error::Disconnect),
        }
    }
}

impl server::Handler for Server {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
        self.meet("asks".into()).await
    }

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, russh::Error> {
        self.meet(format!("sends {password}")).await
    }

    async fn auth_publickey(
        &mut self,
        _: &str,
        _: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        self.meet("shows a key".into()).await
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let act = match response {
            None => "converses".into(),
            Some(response) => response.fold("answers".to_owned(), |said, word| {
                format!("{said} {}", String::from_utf8_lossy(&word))
            }),
        };
        self.meet(act).await
    }
}

/// Someone who logs in, dial after dial.
struct User {
    vault: Vault,
    identity: Vec<PathBuf>,
    /// What the user says to each question, and how long that takes.
    says: Vec<(Duration, Option<&'static str>)>,
    /// What the user has typed for the next dial.
    grant: Option<Grant>,
    /// The server leaves at the first question, after the pause of `says`.
    leaves: bool,
    /// The connection of the last dial.
    line: Arc<Mutex<Option<Wire>>>,
    asked: usize,
    judged: usize,
}

/// A connection, as its two ends know it.
struct Wire {
    wire: AbortHandle,
    farewell: Farewell,
}

impl User {
    fn new() -> Self {
        Self {
            vault: Vault::in_memory(),
            identity: Vec::new(),
            says: Vec::new(),
            grant: None,
            leaves: false,
            line: Arc::default(),
            asked: 0,
            judged: 0,
        }
    }

    async fn knowing(password: &str) -> Self {
        let user = Self::new();
        let key = SecretKey::Password {
            server: "maintenance@lab:722".into(),
        };
        let secret = Secret::new(password.into());
        user.vault.keep(&key, &secret, false).await.unwrap();
        user
    }

    /// Dials a server that offers these methods. Returns what came of it, and what the server saw.
    async fn dial(
        &mut self,
        methods: &[MethodKind],
        script: impl FnMut(&str) -> Say + Send + 'static,
    ) -> (Result<Option<AuthMethod>, Fault>, Vec<String>) {
        let host_key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
        let print = host_key.public_key().fingerprint(HashAlg::Sha256);
        let settings = Arc::new(TunnelSettings {
            auth: vec![AuthMethod::Key, AuthMethod::Password],
            identity: self.identity.clone(),
            ..samples::lab(&print.to_string())
        });
        let config = server::Config {
            methods: methods.into(),
            auth_rejection_time: Duration::ZERO,
            keys: vec![host_key],
            ..server::Config::default()
        };
        let seen = Arc::default();
        let server = Server {
            script: Box::new(script),
            seen: Arc::clone(&seen),
        };
        let [(near, mut near_end), (mut far_end, far)] =
            [(); 2].map(|()| tokio::io::duplex(1 << 16));
        let line = tokio::spawn(async move {
            tokio::io::copy_bidirectional(&mut near_end, &mut far_end).await
        });
        let serving = tokio::spawn(async move {
            let running = server::run_stream(Arc::new(config), far, server).await?;
            running.await
        });
        let control = ConnectionControl::default();
        let farewell = control.farewell.clone();
        let hung_up = CancellationToken::new();
        *self.line.lock().unwrap() = Some(Wire {
            wire: line.abort_handle(),
            farewell: farewell.clone(),
        });
        let client = Client::new(Arc::clone(&settings), KnownHosts::default(), control);
        let config = offer::config(&[], Duration::ZERO, SessionLimits::default());
        let config = Arc::new(config);
        let mut handle = russh::client::connect_stream(config, near, client)
            .await
            .unwrap();

        let (inputs, mut asked) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        let mut asker = Asker::new(
            settings.id.clone(),
            Attempt(1),
            settings.server(),
            inputs,
            answers,
        );
        let (vault, grant) = (self.vault.clone(), self.grant.take());
        let ends = Line::new(&farewell, hung_up.clone().cancelled_owned().boxed());
        let authenticating = authenticate(
            &mut handle,
            &ends,
            &settings,
            grant.as_ref(),
            &vault,
            &mut asker,
        );
        let answering = async {
            let mut answer = Some(answer);
            while let Some(input) = asked.recv().await {
                let Input::Session { event, .. } = input else {
                    panic!("a session has nothing else to tell");
                };
                if event == SessionEvent::PasswordJudged {
                    self.judged += 1;
                    continue;
                }
                assert!(matches!(event, SessionEvent::Asks { .. }));
                self.asked += 1;
                let (pause, words) = self.says.remove(0);
                tokio::time::sleep(pause).await;
                if self.leaves {
                    line.abort();
                    hung_up.cancel();
                }
                match (words, &answer) {
                    (Some(words), Some(answer)) => {
                        answer.send(vec![Secret::new(words.into())]).await.unwrap();
                    }
                    _ => answer = None,
                }
            }
        };
        let outcome = tokio::select! {
            outcome = authenticating => outcome,
            () = answering => unreachable!("the asker holds the queue"),
        };
        // What it told last.
        while let Ok(input) = asked.try_recv() {
            let Input::Session { event, .. } = input else {
                panic!("a session has nothing else to tell");
            };
            assert_eq!(event, SessionEvent::PasswordJudged);
            self.judged += 1;
        }
        drop(handle);
        serving.abort();
        let seen = seen.lock().unwrap().clone();
        (outcome, seen)
    }
}

fn passwords(seen: &[String]) -> usize {
    let is_password = |act: &&String| act.starts_with("sends ") || act.starts_with("answers ");
    seen.iter().filter(is_password).count()
}

const PASSWORD: &[MethodKind] = &[MethodKind::Password];
const INTERACTIVE: &[MethodKind] = &[MethodKind::KeyboardInteractive];
const BOTH: &[MethodKind] = &[MethodKind::Password, MethodKind::KeyboardInteractive];

#[tokio::test]
async fn a_server_that_asks_for_nothing_is_shown_nothing() {
    let mut user = User::knowing("secret").await;
    let (outcome, seen) = user.dial(PASSWORD, |_| Say::Yes).await;
    assert_eq!(outcome, Ok(None));
    assert_eq!(seen, ["asks"]);
}

#[tokio::test]
async fn a_server_that_cuts_the_line_on_a_password_sees_it_twice_and_no_more() {
    let mut user = User::knowing("secret").await;
    let cuts = |act: &str| match act {
        "sends secret" => Say::Cut,
        _ => Say::No,
    };
    let (first, seen) = user.dial(PASSWORD, cuts).await;
    assert_eq!(first.unwrap_err().code(), "connection_lost");
    assert_eq!(passwords(&seen), 1);
    let (second, seen) = user.dial(PASSWORD, cuts).await;
    assert_eq!(second.unwrap_err().code(), "authentication_rejected");
    assert_eq!(passwords(&seen), 1);
}

#[tokio::test]
async fn a_server_that_cuts_the_line_before_it_saw_anything_is_come_back_to() {
    let mut user = User::knowing("secret").await;
    for _ in 0..3 {
        let (outcome, seen) = user.dial(PASSWORD, |_| Say::Cut).await;
        assert_eq!(outcome.unwrap_err().code(), "connection_lost");
        assert_eq!(passwords(&seen), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_left_after_twenty_seconds() {
    let mut user = User::new();
    let start = Instant::now();
    let (outcome, _) = user.dial(PASSWORD, |_| Say::Nothing).await;
    assert_eq!(outcome.unwrap_err().code(), "authentication_timeout");
    assert_eq!(start.elapsed().as_secs(), DEADLINE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_on_a_password_sees_it_twice_and_no_more() {
    let mut user = User::knowing("secret").await;
    let hangs = |act: &str| match act {
        "sends secret" => Say::Nothing,
        _ => Say::No,
    };
    let (first, _) = user.dial(PASSWORD, hangs).await;
    assert_eq!(first.unwrap_err().code(), "authentication_timeout");
    let (second, _) = user.dial(PASSWORD, hangs).await;
    assert_eq!(second.unwrap_err().code(), "authentication_rejected");
}

#[tokio::test]
async fn a_code_is_asked_of_the_user_without_asking_for_a_password_first() {
    let mut user = User::new();
    user.says = vec![(Duration::ZERO, Some("123456"))];
    let (outcome, seen) = user
        .dial(BOTH, |act| match act {
            "converses" => Say::Ask("Verification code: "),
            "answers 123456" => Say::Yes,
            _ => Say::No,
        })
        .await;
    assert_eq!(outcome, Ok(Some(AuthMethod::Password)));
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_wrong_code_does_not_throw_the_password_after_it() {
    let mut user = User::knowing("secret").await;
    user.says = vec![(Duration::ZERO, Some("000000"))];
    let (outcome, seen) = user
        .dial(BOTH, |act| match act {
            "converses" => Say::Ask("Verification code: "),
            _ => Say::No,
        })
        .await;
    assert_eq!(outcome.unwrap_err().code(), "authentication_rejected");
    assert_eq!(passwords(&seen), 1);
}

#[tokio::test]
async fn the_password_and_then_a_code() {
    let mut user = User::knowing("secret").await;
    user.says = vec![(Duration::ZERO, Some("123456"))];
    let (outcome, seen) = user
        .dial(INTERACTIVE, |act| match act {
            "converses" => Say::Ask("Password: "),
            "answers secret" => Say::Ask("Verification code: "),
            "answers 123456" => Say::Yes,
            _ => Say::No,
        })
        .await;
    assert_eq!(outcome, Ok(Some(AuthMethod::Password)));
    assert_eq!((user.asked, passwords(&seen)), (1, 2));
}

#[tokio::test]
async fn a_conversation_that_is_refused_at_once_leaves_the_password_to_the_other_method() {
    let mut user = User::knowing("secret").await;
    let (outcome, seen) = user
        .dial(BOTH, |act| match act {
            "sends secret" => Say::Yes,
            _ => Say::No,
        })
        .await;
    assert_eq!(outcome, Ok(Some(AuthMethod::Password)));
    assert_eq!(seen, ["asks", "converses", "sends secret"]);
}

#[tokio::test(start_paused = true)]
async fn the_users_time_is_not_the_servers() {
    // russh's own bound on silence is one of several that a slow answer must not meet.
    for _ in 0..8 {
        let mut user = User::new();
        let minutes = Duration::from_secs(110);
        user.says = vec![(minutes, Some("1")), (minutes, Some("2"))];
        let (outcome, _) = user
            .dial(INTERACTIVE, |act| match act {
                "converses" => Say::Ask("First code: "),
                "answers 1" => Say::Ask("Second code: "),
                "answers 2" => Say::Yes,
                _ => Say::No,
            })
            .await;
        assert_eq!(outcome, Ok(Some(AuthMethod::Password)));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_there_and_somebody_who_gives_up_are_told_apart() {
    let asks = |act: &str| match act {
        "converses" => Say::Ask("Code: "),
        _ => Say::No,
    };
    let mut user = User::new();
    user.says = vec![(Duration::from_secs(3600), Some("1"))];
    let (outcome, _) = user.dial(INTERACTIVE, asks).await;
    assert_eq!(outcome.unwrap_err().code(), "question_timeout");
    user.says = vec![(Duration::ZERO, None)];
    let (outcome, _) = user.dial(INTERACTIVE, asks).await;
    assert_eq!(outcome.unwrap_err().code(), "question_cancelled");
}

#[tokio::test]
async fn a_server_that_asks_without_end_is_left() {
    let mut user = User::new();
    let (outcome, seen) = user
        .dial(INTERACTIVE, |act| match act {
            "asks" => Say::No,
            _ => Say::AskNothing,
        })
        .await;
    assert_eq!(outcome.unwrap_err().code(), "authentication_rejected");
    assert!(seen.len() <= MOST_ROUNDS + 2);
}

#[tokio::test]
async fn a_key_and_then_nothing_that_we_know() {
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
    let path = dir.path().join("id_ed25519");
    let text = key
        .to_openssh(russh::keys::ssh_key::LineEnding::LF)
        .unwrap();
    std::fs::write(&path, text.as_bytes()).unwrap();
    let mut user = User::new();
    user.identity = vec![path];
    let (outcome, seen) = user
        .dial(
            &[MethodKind::PublicKey, MethodKind::HostBased],
            |act| match act {
                "shows a key" => Say::Partly(&[MethodKind::HostBased]),
                _ => Say::No,
            },
        )
        .await;
    assert_eq!(
        outcome,
        Err(Fault::AuthenticationRejected {
            user: "maintenance".into(),
            server: "maintenance@lab:722".into(),
            tried: vec![AuthMethod::Key],
            offered: vec!["hostbased".into()],
            detail: String::new(),
        })
    );
    assert_eq!(seen, ["asks", "shows a key"]);
}
