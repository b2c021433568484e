//! One session at a time, without the program around it: what each way in costs, counted in sshd's log.

use crate::common::{Account, CertificateAuthority, Key, Scratch, Sshd, wait_until};
use passerelle::engine::link::Links;
use passerelle::engine::network::SystemNetwork;
use passerelle::engine::offer::SessionLimits;
use passerelle::engine::session::{KnownHostsFiles, Orders, Session};
use passerelle::model::{
    Attempt, AuthMethod, Fault, Input, Secret, SessionEvent, TunnelId, TunnelSettings,
};
use passerelle::secrets::{SecretKey, Vault};
use passerelle::supervisor::Grant;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Who logs in where, and by what.
struct Login {
    settings: TunnelSettings,
    vault: Arc<Vault>,
    /// What the user says, question by question.
    says: Vec<Vec<String>>,
    /// What was asked: the labels.
    asked: Vec<Vec<String>>,
}

impl Login {
    fn to(sshd: &Sshd, auth: &[AuthMethod], identity: &[&Key]) -> Self {
        let settings = TunnelSettings {
            id: TunnelId::new("lab"),
            host: "127.0.0.1".into(),
            port: sshd.port(),
            user: sshd.user().into(),
            autostart: true,
            auth: auth.to_vec(),
            identity: identity.iter().map(|key| key.path().to_owned()).collect(),
            host_key: vec![sshd.host_key().fingerprint()],
            forwards: Vec::new(),
        };
        Self {
            settings,
            vault: Arc::new(Vault::in_memory()),
            says: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn password_key(&self) -> SecretKey {
        SecretKey::Password {
            server: self.settings.server(),
        }
    }

    /// Dials once, and hangs up as soon as it is in.
    fn dial(&mut self, grant: Option<Grant>) -> Result<(), Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let outcome = runtime.block_on(self.session(grant));
        runtime.shutdown_background();
        outcome
    }

    async fn session(&mut self, grant: Option<Grant>) -> Result<(), Fault> {
        let dir = Scratch::new();
        let (inputs, mut events) = mpsc::channel(16);
        let (answer, answers) = mpsc::channel(1);
        let orders = Orders::default();
        let session = Session {
            settings: Arc::new(self.settings.clone()),
            attempt: Attempt(1),
            grant,
            known_hosts: KnownHostsFiles {
                own: dir.join("known_hosts"),
                user: None,
            },
            vault: Arc::clone(&self.vault),
            inputs,
            answers,
            network: Arc::new(SystemNetwork),
            limits: SessionLimits::default(),
            links: Links::default(),
            orders: orders.clone(),
        };
        let mut established = false;
        let watching = async {
            while let Some(input) = events.recv().await {
                let Input::Session { event, .. } = input else {
                    continue;
                };
                match event {
                    SessionEvent::Established(_) => {
                        established = true;
                        orders.hang_up.cancel();
                    }
                    SessionEvent::Asks { prompts, .. } => {
                        let labels = prompts.into_iter().map(|prompt| prompt.text).collect();
                        self.asked.push(labels);
                        let words = self.says.remove(0).into_iter().map(Secret::new).collect();
                        let _ = answer.send(words).await;
                    }
                    SessionEvent::Stage(_)
                    | SessionEvent::HostKeyRecorded
                    | SessionEvent::PasswordJudged
                    | SessionEvent::RoundTrip(_)
                    | SessionEvent::Silent { .. }
                    | SessionEvent::Tried { .. }
                    | SessionEvent::Rerouted
                    | SessionEvent::Worn { .. }
                    | SessionEvent::RekeyNear
                    | SessionEvent::Ended(_) => {}
                }
            }
        };
        let (fault, ()) = tokio::join!(session.run(), watching);
        match fault {
            Some(fault) => Err(fault),
            None => {
                assert!(established);
                Ok(())
            }
        }
    }
}

fn password(text: &str) -> Option<Grant> {
    Some(Grant::Password {
        value: Secret::new(text.into()),
        remember: false,
    })
}

fn passphrase(key: &Key, text: &str) -> Option<Grant> {
    Some(Grant::Passphrase {
        key: key.path().to_owned(),
        value: Secret::new(text.into()),
        remember: false,
    })
}

const BOUND: Duration = Duration::from_secs(20);

const ANY: [AuthMethod; 2] = [AuthMethod::Key, AuthMethod::Password];

#[test]
fn keys_of_every_kind_and_never_with_sha1() {
    let dir = Scratch::new();
    for (name, kind) in [
        ("ed25519", &["-t", "ed25519"][..]),
        ("ecdsa", &["-t", "ecdsa", "-b", "384"]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
        ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        ("pkcs8", &["-t", "ecdsa", "-m", "PKCS8"]),
    ] {
        let sshd = Sshd::start();
        let key = Key::generate(dir.join(name), kind, "");
        sshd.authorize(&key);
        let mut login = Login::to(&sshd, &[AuthMethod::Key], &[&key]);
        assert_eq!(login.dial(None), Ok(()), "{name}");
        assert_eq!(sshd.logged("Accepted publickey"), 1, "{name}");
        assert_eq!(sshd.logged("Failed"), 0, "{name}");
    }
}

#[test]
fn the_passphrase_is_asked_for_only_where_the_server_would_take_the_key() {
    let dir = Scratch::new();
    let sshd = Sshd::start();
    let stranger = Key::generate(dir.join("a"), &["-t", "ed25519"], "one");
    let key = Key::generate(dir.join("b"), &["-t", "ed25519"], "two");
    sshd.authorize(&key);
    let mut login = Login::to(&sshd, &[AuthMethod::Key], &[&stranger, &key]);
    let needed = |rejected| Fault::PassphraseNeeded {
        key: key.path().to_owned(),
        rejected,
    };
    assert_eq!(login.dial(None), Err(needed(false)));
    assert_eq!(login.dial(passphrase(&key, "three")), Err(needed(true)));
    assert_eq!(
        login.dial(None),
        Err(needed(false)),
        "the wrong one is gone"
    );
    assert_eq!(login.dial(passphrase(&key, "two")), Ok(()));
    assert_eq!(login.dial(None), Ok(()), "it is kept for this run");
}

#[test]
fn a_locked_key_does_not_stop_the_password() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let dir = Scratch::new();
    let key = Key::generate(dir.join("key"), &["-t", "ed25519"], "secret");
    sshd.authorize(&key);
    let mut login = Login::to(&sshd, &ANY, &[&key]);
    assert_eq!(login.dial(password(account.password())), Ok(()));
    assert_eq!(
        login.dial(None),
        Ok(()),
        "after the key, with the password kept"
    );
    assert_eq!(sshd.logged("Failed password"), 0);
}

#[test]
fn key_files_that_are_none_are_passed_over_and_said() {
    let dir = Scratch::new();
    let sshd = Sshd::start();
    let key = Key::ed25519(dir.join("key"));
    sshd.authorize(&key);
    dir.write("garbage", "canary");
    let mut login = Login::to(&sshd, &[AuthMethod::Key], &[]);
    login.settings.identity = vec![dir.join("missing"), dir.join("garbage")];
    let Err(Fault::NoCredential {
        detail, offered, ..
    }) = login.dial(None)
    else {
        panic!("there is nothing to try");
    };
    assert!(
        detail.contains("/garbage: ") && !detail.contains("missing"),
        "{detail}"
    );
    assert_eq!(offered, ["publickey"]);
    login.settings.identity.push(PathBuf::from(key.path()));
    assert_eq!(login.dial(None), Ok(()));
}

#[test]
fn a_certificate_opens_and_its_bare_key_would_not() {
    let dir = Scratch::new();
    let authority = CertificateAuthority::new(dir.join("authority"));
    let lines = format!("TrustedUserCAKeys {}", authority.public_path().display());
    for (name, kind) in [
        ("ed25519", &["-t", "ed25519"][..]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
    ] {
        let sshd = Sshd::with(&lines);
        let key = Key::generate(dir.join(name), kind, "secret");
        authority.sign(&key, sshd.user());
        let mut login = Login::to(&sshd, &[AuthMethod::Key], &[&key]);
        assert_eq!(login.dial(passphrase(&key, "secret")), Ok(()), "{name}");
        assert_eq!(sshd.logged("Failed"), 0, "{name}");
        assert!(sshd.logged("-CERT") > 0, "{name}");
    }
}

#[test]
fn many_keys_leave_room_for_the_password() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let dir = Scratch::new();
    let keys: Vec<_> = (0..8)
        .map(|number| Key::ed25519(dir.join(&number.to_string())))
        .collect();
    let keys: Vec<_> = keys.iter().collect();
    let mut login = Login::to(&sshd, &ANY, &keys);
    let needed = login.dial(None).expect_err("no password is known");
    assert_eq!(needed.code(), "password_needed");
    assert_eq!(login.dial(password(account.password())), Ok(()));
    assert_eq!(
        login.dial(None),
        Ok(()),
        "after the keys, and before sshd's limit"
    );
    assert_eq!(sshd.logged("Failed password"), 0);
    assert_eq!(sshd.logged("Too many authentication failures"), 0);
}

#[test]
fn too_many_failures_by_a_strict_server_are_a_rejection_and_no_retry() {
    let sshd = Sshd::with("MaxAuthTries 2");
    let dir = Scratch::new();
    let keys = [1, 2, 3].map(|number: u8| Key::ed25519(dir.join(&number.to_string())));
    let mut login = Login::to(&sshd, &[AuthMethod::Key], &keys.each_ref());
    let Err(Fault::AuthenticationRejected { tried, detail, .. }) = login.dial(None) else {
        panic!("it takes none of them");
    };
    assert_eq!(tried, [AuthMethod::Key]);
    assert!(
        detail.contains("Too many authentication failures"),
        "{detail}"
    );
}

#[test]
fn a_wrong_password_is_shown_once_and_then_forgotten() {
    let account = Account::new();
    for (sshd, failed) in [
        (Sshd::with_password(&account, ""), "Failed password for"),
        (
            Sshd::with_keyboard_interactive(&account, ""),
            "Failed keyboard-interactive/pam for",
        ),
        (
            Sshd::with_keyboard_interactive(&account, "PasswordAuthentication yes"),
            "Failed keyboard-interactive/pam for",
        ),
        (
            Sshd::with_password(&account, "MaxAuthTries 1"),
            "Failed password for",
        ),
    ] {
        let mut login = Login::to(&sshd, &ANY, &[]);
        let stored = login
            .vault
            .keep(&login.password_key(), &Secret::new("wrong".into()), false);
        futures_util::FutureExt::now_or_never(stored)
            .expect("memory does not wait")
            .expect("memory takes everything");
        let needed = |rejected| Fault::PasswordNeeded {
            user: account.name().into(),
            server: login.settings.server(),
            rejected,
        };
        let (first, then) = (needed(true), needed(false));
        assert_eq!(login.dial(None), Err(first.clone()));
        assert_eq!(login.dial(None), Err(then));
        wait_until("it is logged", BOUND, || sshd.logged(failed) == 1);
        assert_eq!(login.dial(password("wrong too")), Err(first));
        wait_until("it is logged too", BOUND, || sshd.logged(failed) == 2);
        assert_eq!(login.dial(password(account.password())), Ok(()));
        assert_eq!(login.dial(None), Ok(()));
        wait_until("both are logged", BOUND, || sshd.logged("Accepted ") == 2);
        assert_eq!(sshd.logged("Failed "), 2, "one for each wrong password");
        assert_eq!(login.asked, Vec::<Vec<String>>::new());
    }
}

#[test]
fn a_key_and_then_the_password() {
    let account = Account::new();
    let dir = Scratch::new();
    let (key, other) = (Key::ed25519(dir.join("a")), Key::ed25519(dir.join("b")));
    for lines in [
        "AuthenticationMethods publickey,password",
        "AuthenticationMethods password,publickey",
        "AuthenticationMethods publickey,keyboard-interactive\nUsePAM yes\nKbdInteractiveAuthentication yes",
    ] {
        let sshd = Sshd::with_password(&account, lines);
        sshd.authorize(&key);
        let mut login = Login::to(&sshd, &ANY, &[&other, &key]);
        let needed = login.dial(None).expect_err("no password is known");
        assert_eq!(needed.code(), "password_needed", "{lines}");
        assert_eq!(login.dial(password(account.password())), Ok(()), "{lines}");
        assert_eq!(sshd.logged("Failed password"), 0, "{lines}");
    }
}

#[test]
fn two_rounds_the_second_asked_of_the_user() {
    let account = Account::new();
    let sshd = Sshd::with_keyboard_interactive(&account, "");
    account.expire_password();
    let mut login = Login::to(&sshd, &ANY, &[]);
    let new = "Quite-another-4321";
    login.says = [account.password(), new, new]
        .map(|words| vec![words.to_owned()])
        .to_vec();
    assert_eq!(login.dial(password(account.password())), Ok(()));
    assert_eq!(login.says.len(), 0);
    assert_eq!(login.asked.len(), 3, "{:?}", login.asked);
    assert_eq!(login.dial(password(new)), Ok(()));
}

#[test]
fn a_server_that_wants_nothing_of_ours_is_told_from_one_that_refuses() {
    let sshd = Sshd::start();
    let mut login = Login::to(&sshd, &[AuthMethod::Password], &[]);
    let fault = login
        .dial(password("anything"))
        .expect_err("it takes keys alone");
    assert_eq!(fault.code(), "no_credential");
    assert_eq!(sshd.logged("Failed password"), 0);
}
