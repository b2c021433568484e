//! The lab itself works, as OpenSSH's own client sees it: what a failing test blames is Passerelle.

use crate::common::{
    Account, Backend, Home, Keyring, Process, Prometheus, Scratch, Sshd, answers, free_port, get,
    tool, wait_until,
};
use std::process::Command;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

#[test]
fn prometheus_scrapes_the_backend() {
    let backend = Backend::start();
    let prometheus = Prometheus::scraping(backend.port());
    wait_until("a scrape is stored", BOUND, || {
        get(prometheus.port(), "/api/v1/query?query=lab_requests_total")
            .is_ok_and(|reply| reply.body.contains("\"job\":\"backend\""))
    });
}

#[test]
fn a_keyring_starts_beside_another() {
    let (_one, _other) = (Keyring::start(), Keyring::start());
}

#[test]
fn ssh_gets_through_by_a_key() {
    let sshd = Sshd::start();
    let home = Home::empty();
    let key = home.key_for(&sshd);
    let mut ssh = ssh();
    ssh.arg("-i").arg(key.path());
    assert_forwards(ssh, &sshd);
    assert_eq!(sshd.logged("Accepted publickey for root"), 1);
}

#[test]
fn ssh_gets_through_by_a_password() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let scratch = Scratch::new();
    assert_forwards(asking(&scratch, account.password()), &sshd);
    assert_eq!(sshd.logged("Accepted password for "), 1);
}

#[test]
fn ssh_gets_through_by_keyboard_interactive() {
    let account = Account::new();
    let sshd = Sshd::with_keyboard_interactive(&account, "");
    let scratch = Scratch::new();
    assert_forwards(asking(&scratch, account.password()), &sshd);
    assert_eq!(sshd.logged("Accepted keyboard-interactive/pam for "), 1);
}

fn ssh() -> Command {
    Process::command(tool("ssh", "openssh-client"))
}

/// One that asks a program for the password.
fn asking(scratch: &Scratch, password: &str) -> Command {
    let mut ssh = ssh();
    let says_it = format!("echo '{password}'");
    ssh.env("SSH_ASKPASS", scratch.script("ask", &says_it));
    ssh.env("SSH_ASKPASS_REQUIRE", "force");
    ssh
}

fn assert_forwards(ssh: Command, sshd: &Sshd) {
    let (backend, local) = (Backend::start(), free_port());
    let mut ssh = sshd.forwarding(ssh, &[(local, backend.port())]);
    let _ssh = Process::start("ssh", &mut ssh);
    wait_until("the backend answers through ssh -L", BOUND, || {
        answers(local, "/metrics")
    });
}
