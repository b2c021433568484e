//! What the server asks while it waits, and what the user answered: neither outlives its connection, and
//! no right answer is lost with one.

use crate::common::network::{cut, in_own_network};
use crate::common::{Account, Config, Home, Passerelle, Sshd, Tunnel, wait_until};
use serde_json::Value;
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(60);

/// How long a live question stands by itself.
const LIVE_QUESTION: Duration = Duration::from_secs(120);

/// In front of a server that asks by keyboard-interactive.
fn run(sshd: &Sshd) -> Passerelle {
    let home = Home::new(&Config::of(Tunnel::to(sshd, "lab").password()));
    home.trusting(sshd).run()
}

#[track_caller]
fn wait_question(passerelle: &Passerelle, kind: &str) -> Value {
    passerelle.wait_tunnel(kind, BOUND, |tunnel| tunnel["question"]["kind"] == kind)
}

/// Brings it to a live question: the server takes the password, and wants another one at once.
fn wait_live_question(passerelle: &Passerelle, account: &Account) -> Value {
    wait_question(passerelle, "password");
    account.expire_password();
    passerelle.answer(account.password());
    wait_question(passerelle, "interactive")
}

/// Waits until the question is gone. Returns how long that took.
#[track_caller]
fn wait_lost(passerelle: &Passerelle, bound: Duration) -> Duration {
    let start = Instant::now();
    let gone = |tunnel: &Value| tunnel["question"].is_null();
    let tunnel = passerelle.wait_tunnel("the question is gone", bound, gone);
    assert_eq!(tunnel["phase"], "blocked", "{tunnel}");
    assert_eq!(tunnel["fault"]["code"], "question_lost", "{tunnel}");
    println!("gone after {:?}", start.elapsed());
    start.elapsed()
}

#[test]
fn a_question_goes_when_the_server_waits_no_longer() {
    let account = Account::new();
    let sshd = Sshd::with_keyboard_interactive(&account, "LoginGraceTime 8");
    let passerelle = run(&sshd);
    let tunnel = wait_live_question(&passerelle, &account);
    assert!(tunnel["fault"].is_null(), "no old fault: {tunnel}");
    assert_eq!(sshd.sessions(), 1);
    wait_lost(&passerelle, Duration::from_secs(20));
    let connections = sshd.connections();
    let late = passerelle.verb_with_input(&["answer"], "123456\n");
    assert_ne!(late.code, Some(0), "nothing is asked: {late:?}");

    // The next try comes from the user, and asks for what is new alone.
    passerelle.succeed(&["up"]);
    let tunnel = wait_question(&passerelle, "interactive");
    assert!(tunnel["fault"].is_null(), "no old fault: {tunnel}");
    assert_eq!(sshd.connections(), connections + 1);
    let new = "Quite-another-4321";
    for words in [account.password(), new, new] {
        wait_question(&passerelle, "interactive");
        passerelle.answer(words);
    }
    passerelle.wait_phase("healthy", BOUND);
    assert_eq!(sshd.logged("Failed "), 0);
}

#[test]
fn a_question_goes_when_the_server_is_killed() {
    let account = Account::new();
    let sshd = Sshd::with_keyboard_interactive(&account, "");
    let passerelle = run(&sshd);
    wait_live_question(&passerelle, &account);
    sshd.kill_sessions();
    wait_lost(&passerelle, Duration::from_secs(10));
}

#[test]
#[ignore = "takes a minute: scripts/test --long"]
fn a_question_goes_when_the_cable_is_cut() {
    in_own_network("questions::a_question_goes_when_the_cable_is_cut", || {
        let account = Account::new();
        let sshd = Sshd::with_keyboard_interactive(&account, "");
        let passerelle = run(&sshd);
        wait_live_question(&passerelle, &account);
        cut(sshd.port());
        let gone = wait_lost(&passerelle, LIVE_QUESTION);
        assert!(
            gone < Duration::from_secs(40),
            "the promise is 35 s: {gone:?}"
        );
    });
}

#[test]
fn a_password_typed_for_a_busy_server_is_not_asked_for_again() {
    let account = Account::new();
    let mut sshd = Sshd::with_password(&account, "");
    sshd.configure("PasswordAuthentication yes\nMaxStartups 1:100:1");
    sshd.restart();
    let passerelle = run(&sshd);
    wait_question(&passerelle, "password");
    let connections = sshd.connections();
    // One stranger who never logs in: the server takes nobody else.
    let stranger = TcpStream::connect((Ipv4Addr::LOCALHOST, sshd.port())).expect("it listens");
    wait_until("the stranger is in", BOUND, || {
        sshd.connections() == connections + 1
    });
    passerelle.answer(account.password());
    let tunnel = passerelle.wait_phase("waiting", BOUND);
    assert_eq!(tunnel["fault"]["code"], "server_busy", "{tunnel}");
    drop(stranger);
    let settled = |tunnel: &Value| tunnel["phase"] == "healthy" || tunnel["question"].is_object();
    let tunnel = passerelle.wait_tunnel("it is up, or asks", BOUND, settled);
    assert_eq!(tunnel["phase"], "healthy", "{tunnel}");
    assert_eq!(sshd.logged("Failed password"), 0);
}

#[test]
fn a_wrong_password_typed_for_a_busy_server_is_sent_once() {
    let account = Account::new();
    let mut sshd = Sshd::with_password(&account, "");
    let passerelle = run(&sshd);
    wait_question(&passerelle, "password");
    sshd.stop();
    passerelle.answer("wrong");
    let refused = |tunnel: &Value| tunnel["fault"]["code"] == "connection_refused";
    passerelle.wait_tunnel("nobody is there", BOUND, refused);
    sshd.restart();
    wait_question(&passerelle, "password");
    assert_eq!(sshd.logged("Failed password for "), 1);
    // It is forgotten.
    passerelle.succeed(&["up"]);
    let connections = sshd.connections();
    wait_until("it has asked the server", BOUND, || {
        sshd.connections() > connections || passerelle.tunnel()["attempt"].as_u64() > Some(3)
    });
    wait_question(&passerelle, "password");
    assert_eq!(sshd.logged("Failed password for "), 1);
}
