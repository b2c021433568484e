//! What is secret stays so: not in a file, not in what is printed, not where `ps` looks.

use crate::common::{Account, Config, Home, Key, Keyring, Sshd, Tunnel, wait_until};
use std::fs;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

#[test]
fn no_secret_is_written_anywhere() {
    let account = Account::new();
    let lines = "AuthenticationMethods publickey,password";
    let sshd = Sshd::with_password(&account, lines);
    let home = Home::empty();
    let (passphrase, wrong) = ("canary-passphrase-5e1f", "canary-wrong-password-77aa");
    let key = Key::generate(home.home("key"), &["-t", "ed25519"], passphrase);
    sshd.authorize(&key);
    home.configure(&Config::of(Tunnel::to(&sshd, "lab").identity(key.path())).text());
    let mut passerelle = home.trusting(&sshd).env("RUST_LOG", "trace").run();

    let mut answers = vec![passphrase, wrong, account.password()].into_iter();
    wait_until("every answer is given", BOUND, || {
        let tunnel = passerelle.tunnel();
        if tunnel["question"].is_object()
            && let Some(answer) = answers.next()
        {
            let outcome = passerelle.answer(answer);
            assert_clean(
                "the verb's output",
                &format!("{outcome:?}"),
                account.password(),
            );
        }
        tunnel["phase"] == "healthy"
    });
    assert_clean(
        "status",
        &passerelle.status().to_string(),
        account.password(),
    );
    for name in ["cmdline", "environ", "comm"] {
        let path = format!("/proc/{}/{name}", passerelle.pid());
        let bytes = fs::read(&path).expect("it runs");
        assert_clean(&path, &String::from_utf8_lossy(&bytes), account.password());
    }
    passerelle.succeed(&["quit"]);
    passerelle.wait_end(BOUND);

    let files = passerelle.files();
    assert!(
        files
            .iter()
            .any(|path| path.starts_with(passerelle.state("")) && path.is_file())
    );
    for path in files {
        let bytes = fs::read(&path).expect("it is ours");
        assert_clean(
            &path.display().to_string(),
            &String::from_utf8_lossy(&bytes),
            account.password(),
        );
    }
}

#[test]
fn a_remembered_password_outlives_the_program() {
    let (keyring, account) = (Keyring::start(), Account::new());
    let sshd = Sshd::with_password(&account, "");
    let config = Config::of(Tunnel::to(&sshd, "lab").password());
    let home = Home::new(&config).trusting(&sshd).with_keyring(&keyring);
    let passerelle = home.run();
    let asks = |tunnel: &serde_json::Value| tunnel["question"]["kind"] == "password";
    passerelle.wait_tunnel("it asks", BOUND, asks);
    let words = format!("{}\n", account.password());
    let outcome = passerelle.verb_with_input(&["answer", "--remember"], &words);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    passerelle.wait_phase("healthy", BOUND);

    let passerelle = passerelle.end().run();
    passerelle.wait_phase("healthy", BOUND);
    assert_eq!(sshd.logged("Accepted password for "), 2);

    passerelle.succeed(&["secret", "clear"]);
    passerelle.succeed(&["restart"]);
    passerelle.wait_tunnel("it asks again", BOUND, asks);
}

#[track_caller]
fn assert_clean(place: &str, text: &str, password: &str) {
    for canary in ["canary-passphrase", "canary-wrong-password", password] {
        assert!(!text.contains(canary), "{place} holds {canary:?}");
    }
}
