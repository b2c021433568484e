//! A keyring that holds what nobody can read.

use super::bound::BOUND;
use crate::common::{Account, Config, Home, Keyring, Passerelle, Sshd, Tunnel, lasts, wait_until};
use serde_json::Value;
use std::fs;
use std::time::Duration;

/// No text: UTF-8 has no such bytes.
const RUBBISH: &[u8] = b"\xff\xfepass\x80word";

fn wait_question(passerelle: &Passerelle) {
    passerelle.wait_tunnel("it asks for the password", BOUND, |tunnel| {
        tunnel["phase"] == "blocked" && tunnel["question"]["kind"] == "password"
    });
}

fn answer_and_remember(passerelle: &Passerelle, account: &Account) {
    let words = format!("{}\n", account.password());
    let outcome = passerelle.verb_with_input(&["answer", "--remember"], &words);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_corrupt_entry_is_asked_about_and_stays_until_another_is_to_be_remembered() {
    let (keyring, account) = (Keyring::start(), Account::new());
    let sshd = Sshd::with_password(&account, "");
    let config = Config::of(Tunnel::to(&sshd, "lab").password());
    let home = Home::new(&config).trusting(&sshd).with_keyring(&keyring);
    let passerelle = home.run();
    wait_question(&passerelle);
    answer_and_remember(&passerelle, &account);
    wait_until("it is stored", BOUND, || keyring.entry().is_some());
    keyring.overwrite(RUBBISH);
    sshd.clear_log();

    let passerelle = passerelle.end().run();
    wait_question(&passerelle);
    wait_until("the log says why", BOUND, || {
        let log = fs::read_to_string(passerelle.state("passerelle.log"));
        log.unwrap_or_default()
            .contains("the keyring refuses: the entry is not UTF-8")
    });
    lasts(Duration::from_secs(2));
    assert_eq!(sshd.connections(), 1, "nothing is tried meanwhile");
    assert_eq!(
        sshd.logged("Failed password for "),
        0,
        "rubbish is not tried"
    );

    passerelle.answer("wrong");
    wait_until("it is refused", BOUND, || {
        sshd.logged("Failed password for ") == 1
    });
    wait_question(&passerelle);
    passerelle.answer(account.password());
    passerelle.wait_phase("healthy", BOUND);
    assert_eq!(keyring.entry().as_deref(), Some(RUBBISH));

    let passerelle = passerelle.end().run();
    wait_question(&passerelle);
    answer_and_remember(&passerelle, &account);
    wait_until("the new one is stored", BOUND, || {
        keyring.entry().as_deref() == Some(account.password().as_bytes())
    });
}

#[test]
fn a_refused_password_that_the_keyring_keeps_is_not_sent_by_the_next_run() {
    let (keyring, account) = (Keyring::start(), Account::new());
    let sshd = Sshd::with_password(&account, "");
    let config = Config::of(Tunnel::to(&sshd, "lab").password());
    let home = Home::new(&config).trusting(&sshd).with_keyring(&keyring);
    let passerelle = home.run();
    wait_question(&passerelle);
    answer_and_remember(&passerelle, &account);
    wait_until("it is stored", BOUND, || keyring.entry().is_some());

    // The password is changed on the server, and the keyring hangs when that shows.
    keyring.freeze();
    account.set_password("another one");
    sshd.kill_sessions();
    wait_question(&passerelle);
    assert_eq!(sshd.logged("Failed password for "), 1);
    wait_until("it is written down", BOUND, || {
        passerelle.state("refused").exists()
    });

    let home = passerelle.end();
    keyring.thaw();
    let stored = || keyring.entry();
    assert_eq!(stored().as_deref(), Some(account.password().as_bytes()));
    let passerelle = home.run();
    wait_question(&passerelle);
    assert_eq!(
        sshd.logged("Failed password for "),
        1,
        "it is not sent again"
    );
    let noted = fs::read_to_string(passerelle.state("refused")).expect("it is there");
    assert!(!noted.contains(account.password()), "{noted}");

    let outcome = passerelle.verb_with_input(&["answer", "--remember"], "another one\n");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    passerelle.wait_phase("healthy", BOUND);
    wait_until("the new one is stored", BOUND, || {
        stored().as_deref() == Some(b"another one") && !passerelle.state("refused").exists()
    });
    passerelle.end().run().wait_phase("healthy", BOUND);
    assert_eq!(sshd.logged("Failed password for "), 1);
}

#[test]
fn a_stale_password_is_sent_once_by_all_tunnels_of_its_account() {
    let (keyring, account) = (Keyring::start(), Account::new());
    let sshd = Sshd::with_password(&account, "");
    let tunnel = |name| Tunnel::to(&sshd, name).password();
    let home = Home::new(&Config::of(tunnel("one")))
        .trusting(&sshd)
        .with_keyring(&keyring);
    let passerelle = home.run();
    wait_question(&passerelle);
    answer_and_remember(&passerelle, &account);
    wait_until("it is stored", BOUND, || keyring.entry().is_some());
    let home = passerelle.end();

    account.set_password("another one");
    let three = Config::of(tunnel("one")).and(tunnel("two"));
    home.configure(&three.and(tunnel("three")).text());
    let passerelle = home.run();
    let all = |wanted: &dyn Fn(&Value) -> bool| {
        let status = passerelle.status();
        let tunnels = status["tunnels"].as_array().expect("three");
        tunnels.len() == 3 && tunnels.iter().all(wanted)
    };
    wait_until("each asks for the password", BOUND, || {
        all(&|tunnel| {
            tunnel["phase"] == "blocked"
                && tunnel["question"]["kind"] == "password"
                && tunnel["fault"]["code"] == "password_needed"
        })
    });
    assert_eq!(sshd.logged("Failed password for "), 1);
    assert_eq!(sshd.connections(), 5, "one each, and two of the first run");
    wait_until("it is deleted", BOUND, || keyring.entry().is_none());
}
