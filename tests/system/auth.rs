//! Ways in, and what a wrong answer costs: one attempt, never two.

use crate::common::{
    Account, Agent, CertificateAuthority, Config, Forward, Grafana, Home, Key, Passerelle, Sshd,
    Tunnel, free_port, gets_nothing, wait_until,
};
use serde_json::Value;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

/// Starts Passerelle in front of this server; `tunnel` says how to log in.
fn run(sshd: &Sshd, home: Home, tunnel: Tunnel) -> Passerelle {
    home.configure(&Config::of(tunnel).text());
    home.trusting(sshd).run()
}

#[track_caller]
fn wait_question(passerelle: &Passerelle, kind: &str) -> Value {
    let what = format!("a question of the kind {kind}");
    passerelle.wait_tunnel(&what, BOUND, |tunnel| tunnel["question"]["kind"] == kind)
}

#[test]
fn the_usual_key_files_are_found() {
    let sshd = Sshd::start();
    let home = Home::empty();
    home.key_for(&sshd);
    let tunnel = Tunnel::to(&sshd, "lab").line("auth = [\"key\"]");
    run(&sshd, home, tunnel).wait_phase("healthy", BOUND);
}

#[test]
fn an_encrypted_key_asks_for_its_passphrase_once() {
    let sshd = Sshd::start();
    let home = Home::empty();
    let key = Key::generate(home.home("key"), &["-t", "ed25519"], "open sesame");
    sshd.authorize(&key);
    let tunnel = Tunnel::to(&sshd, "lab").key(key.path());
    let passerelle = run(&sshd, home, tunnel);
    let tunnel = wait_question(&passerelle, "passphrase");
    assert_eq!(tunnel["phase"], "blocked");
    passerelle.answer("closed sesame");
    passerelle.wait_tunnel("it asks again", BOUND, |tunnel| {
        tunnel["question"]["kind"] == "passphrase" && tunnel["attempt"] == 2
    });
    passerelle.answer("open sesame");
    passerelle.wait_phase("healthy", BOUND);
    // Kept for as long as it runs.
    sshd.kill_sessions();
    wait_until("it is in again", BOUND, || {
        sshd.logged("Accepted publickey") == 2
    });
    assert!(passerelle.tunnel()["question"].is_null());
}

#[test]
fn an_agent() {
    let sshd = Sshd::start();
    let home = Home::empty();
    let agent = Agent::start(home.home("agent"));
    let key = home.key_for(&sshd);
    agent.add(&Key::ed25519(home.home("other")));
    agent.add(&key);
    let tunnel = Tunnel::to(&sshd, "lab").line("auth = [\"agent\"]");
    let home = home.env("SSH_AUTH_SOCK", agent.socket());
    run(&sshd, home, tunnel).wait_phase("healthy", BOUND);
}

#[test]
fn a_certificate_beside_the_key() {
    let home = Home::empty();
    let authority = CertificateAuthority::new(home.home("authority"));
    let trusted = authority.public_path();
    let sshd = Sshd::with(&format!("TrustedUserCAKeys {}", trusted.display()));
    let key = Key::ed25519(home.home("key"));
    authority.sign(&key, sshd.user());
    let tunnel = Tunnel::to(&sshd, "lab").key(key.path());
    run(&sshd, home, tunnel).wait_phase("healthy", BOUND);
    assert_eq!(sshd.logged(" ssh2: ED25519-CERT "), 1);
}

#[test]
fn a_key_that_the_server_does_not_know_stops_after_one_connection() {
    let sshd = Sshd::start();
    let (home, local) = (Home::empty(), free_port());
    let key = Key::ed25519(home.home("key"));
    let tunnel = Tunnel::to(&sshd, "lab").key(key.path());
    let passerelle = run(&sshd, home, tunnel.forward(Forward::tcp("any", local, 1)));
    let tunnel = passerelle.wait_phase("blocked", BOUND);
    assert_eq!(
        tunnel["fault"]["code"], "authentication_rejected",
        "{tunnel}"
    );
    assert!(gets_nothing(local));
    assert_eq!(passerelle.tunnel()["phase"], "blocked");
    assert_eq!(sshd.connections(), 1);
    // The user says that it is in place now.
    sshd.authorize(&key);
    passerelle.succeed(&["up"]);
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_wrong_password_is_sent_once() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    wrong_then_right(&account, &sshd, "Failed password for ");
}

#[test]
fn a_wrong_password_is_typed_once_into_keyboard_interactive() {
    let account = Account::new();
    let sshd = Sshd::with_keyboard_interactive(&account, "");
    wrong_then_right(&account, &sshd, "Failed keyboard-interactive/pam for ");
}

/// `failed` is how sshd logs a refused attempt.
fn wrong_then_right(account: &Account, sshd: &Sshd, failed: &str) {
    let (grafana, local) = (Grafana::start(), free_port());
    let forward = Forward::grafana(local, grafana.port());
    let tunnel = Tunnel::to(sshd, "lab").password().forward(forward);
    let passerelle = run(sshd, Home::empty(), tunnel);
    wait_question(&passerelle, "password");
    assert_eq!(sshd.sessions(), 0, "nobody is kept waiting for the user");
    assert_eq!(sshd.logged(failed), 0);

    passerelle.answer("not the password");
    wait_until("the server refuses it", BOUND, || sshd.logged(failed) == 1);
    passerelle.wait_phase("blocked", BOUND);
    let tunnel = wait_question(&passerelle, "password");
    assert_eq!(tunnel["fault"]["code"], "password_needed", "{tunnel}");
    let connections = sshd.connections();
    // Somebody who wants something does not spend another attempt.
    assert!(gets_nothing(local));
    assert_eq!((sshd.connections(), sshd.logged(failed)), (connections, 1));

    passerelle.answer(account.password());
    passerelle.wait_phase("healthy", BOUND);
    assert_eq!(sshd.logged(failed), 1);

    // Kept for as long as it runs.
    sshd.kill_sessions();
    wait_until("it is in again", BOUND, || {
        passerelle.tunnel()["phase"] == "healthy" && sshd.connections() == connections + 2
    });
    assert_eq!(sshd.logged(failed), 1);
}

#[test]
fn a_password_given_before_it_is_asked_for() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let home = Home::empty();
    let passerelle = run(&sshd, home, Tunnel::to(&sshd, "lab").password());
    wait_question(&passerelle, "password");
    let outcome =
        passerelle.verb_with_input(&["secret", "set"], &format!("{}\n", account.password()));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    passerelle.succeed(&["up"]);
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_password_that_was_changed_on_the_server_is_asked_for_anew() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let passerelle = run(&sshd, Home::empty(), Tunnel::to(&sshd, "lab").password());
    wait_question(&passerelle, "password");
    passerelle.answer(account.password());
    passerelle.wait_phase("healthy", BOUND);
    account.set_password("another one");
    sshd.kill_sessions();
    wait_question(&passerelle, "password");
    assert_eq!(
        sshd.logged("Failed password for "),
        1,
        "the stored one was tried once"
    );
    passerelle.answer("another one");
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_key_and_then_a_password_where_the_server_wants_both() {
    let account = Account::new();
    let lines = "AuthenticationMethods publickey,keyboard-interactive";
    let sshd = Sshd::with_keyboard_interactive(&account, lines);
    let home = Home::empty();
    let key = home.key_for(&sshd);
    let passerelle = run(&sshd, home, Tunnel::to(&sshd, "lab").identity(key.path()));
    wait_question(&passerelle, "password");
    passerelle.answer(account.password());
    passerelle.wait_phase("healthy", BOUND);
    assert_eq!(sshd.logged("Failed "), 0);
}

#[test]
fn several_rounds_of_questions() {
    let account = Account::new();
    let sshd = Sshd::with_keyboard_interactive(&account, "");
    let passerelle = run(&sshd, Home::empty(), Tunnel::to(&sshd, "lab").password());
    wait_question(&passerelle, "password");
    // The server lets the password in and wants a new one at once.
    account.expire_password();
    passerelle.answer(account.password());
    let new = "Quite-another-4321";
    for words in [account.password(), new, new] {
        wait_question(&passerelle, "interactive");
        passerelle.answer(words);
    }
    passerelle.wait_phase("healthy", BOUND);
}
