//! Whom Passerelle trusts, seen from the server: what it gets to hear before it is trusted.

use crate::common::{
    Config, Forward, Grafana, Home, Key, Passerelle, Sshd, Tunnel, free_port, gets_nothing,
};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

/// A server, what it leads to, and a home that does not know the server yet.
struct Scene {
    sshd: Sshd,
    grafana: Grafana,
    local: u16,
    home: Home,
    key: Key,
}

impl Scene {
    fn new() -> Self {
        let (sshd, home) = (Sshd::start(), Home::empty());
        let scene = Self {
            key: home.key_for(&sshd),
            grafana: Grafana::start(),
            local: free_port(),
            sshd,
            home,
        };
        scene.configure("");
        scene
    }

    /// Writes the configuration, with one more line for the tunnel.
    fn configure(&self, line: &str) {
        let tunnel = Tunnel::to(&self.sshd, "lab")
            .key(self.key.path())
            .line(line);
        let forward = Forward::grafana(self.local, self.grafana.port());
        self.home
            .configure(&Config::of(tunnel.forward(forward)).text());
    }

    /// Has another key than the server's in Passerelle's known_hosts, behind this marker.
    fn know_another_key(&self, kind: &[&str], marker: &str) {
        let key = Key::generate(self.home.home("other"), kind, "");
        let (port, key) = (self.sshd.port(), key.public());
        self.home
            .know(&format!("{marker}[127.0.0.1]:{port} {key}\n"));
    }

    fn run(self) -> Meeting {
        Meeting {
            passerelle: self.home.run(),
            sshd: self.sshd,
            local: self.local,
            _grafana: self.grafana,
        }
    }
}

/// Passerelle in front of the server.
struct Meeting {
    passerelle: Passerelle,
    sshd: Sshd,
    local: u16,
    _grafana: Grafana,
}

impl Meeting {
    /// Waits for the stop, and proves that the server heard nothing about us and hears nothing more.
    #[track_caller]
    fn assert_hard_stop(&self, code: &str) -> Value {
        let tunnel = self.passerelle.wait_phase("blocked", BOUND);
        assert_eq!(tunnel["fault"]["code"], code, "{tunnel}");
        // Somebody who wants something does not change it.
        assert!(gets_nothing(self.local));
        let tunnel = self.passerelle.tunnel();
        assert_eq!(tunnel["phase"], "blocked", "{tunnel}");
        assert_eq!(self.sshd.connections(), 1);
        assert_eq!(self.sshd.authentication_requests(), 0);
        tunnel
    }
}

#[test]
fn an_unknown_key_is_asked_about_and_remembered() {
    let meeting = Scene::new().run();
    let tunnel = meeting.assert_hard_stop("host_key_unknown");
    let Meeting {
        passerelle, sshd, ..
    } = &meeting;
    let fingerprint = sshd.host_key().fingerprint();
    assert_eq!(tunnel["question"]["kind"], "host_key");
    assert_eq!(tunnel["question"]["fingerprint"], fingerprint);

    let wrong = [
        "hostkey",
        "accept",
        "--fingerprint",
        "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    let refused = passerelle.verb(&wrong);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert_eq!(passerelle.tunnel()["phase"], "blocked");

    passerelle.succeed(&["hostkey", "accept", "--fingerprint", &fingerprint]);
    passerelle.wait_phase("healthy", BOUND);
    let known = fs::read_to_string(passerelle.state("known_hosts")).expect("it was written");
    assert!(known.contains(&sshd.host_key().public()), "{known}");
    assert!(
        !passerelle.home(".ssh/known_hosts").exists(),
        "the user's own file is not ours"
    );

    // The next start asks nothing.
    let passerelle = meeting.passerelle.end().run();
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_changed_key_is_a_hard_stop() {
    let scene = Scene::new();
    scene.know_another_key(&["-t", "ed25519"], "");
    let meeting = scene.run();
    let tunnel = meeting.assert_hard_stop("host_key_changed");
    assert!(
        tunnel["question"].is_null(),
        "there is nothing to accept: {tunnel}"
    );
    let refused = meeting.passerelle.verb(&["hostkey", "accept"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
}

#[test]
fn a_key_of_another_type_is_a_changed_key() {
    let scene = Scene::new();
    scene.know_another_key(&["-t", "ecdsa"], "");
    scene.run().assert_hard_stop("host_key_changed");
}

#[test]
fn a_revoked_key_is_a_hard_stop() {
    let scene = Scene::new();
    let line = scene.sshd.known_hosts_line();
    scene.home.know(&format!("{line}@revoked {line}"));
    scene.run().assert_hard_stop("host_key_revoked");
}

#[test]
fn a_certificate_authority_is_refused_with_a_word() {
    let scene = Scene::new();
    scene.know_another_key(&["-t", "ed25519"], "@cert-authority ");
    scene.run().assert_hard_stop("host_certificate_unsupported");
}

#[test]
fn a_file_that_cannot_be_read_trusts_nobody() {
    let scene = Scene::new();
    fs::create_dir(scene.home.state("known_hosts")).expect("it is ours");
    let meeting = scene.run();
    let tunnel = meeting.passerelle.wait_phase("blocked", BOUND);
    assert_eq!(
        tunnel["fault"]["code"], "known_hosts_unreadable",
        "{tunnel}"
    );
    assert_eq!(meeting.sshd.connections(), 0);
}

#[test]
fn a_file_of_rubbish_trusts_nobody_and_stays_as_it_is() {
    let scene = Scene::new();
    let line = scene.sshd.known_hosts_line();
    let rubbish = [
        b"\xff\x00\xfe\n".as_slice(),
        &line.as_bytes()[..line.len() - 10],
    ]
    .concat();
    let file = scene.home.state("known_hosts");
    fs::write(&file, &rubbish).expect("it is ours");
    let meeting = scene.run();
    let tunnel = meeting.passerelle.wait_phase("blocked", BOUND);
    assert_eq!(tunnel["fault"]["code"], "host_key_unknown");
    assert_eq!(meeting.sshd.authentication_requests(), 0);
    assert_eq!(fs::read(&file).expect("it is there"), rubbish);
}

#[test]
fn the_users_hashed_file_is_enough() {
    let scene = Scene::new();
    let path = scene.home.home(".ssh/known_hosts");
    fs::write(&path, scene.sshd.known_hosts_line()).expect("it is ours");
    let hashed = Command::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(&path)
        .output();
    assert!(hashed.expect("ssh-keygen runs").status.success());
    let before = fs::read_to_string(&path).expect("it is ours");
    assert!(before.starts_with("|1|"), "{before}");
    let meeting = scene.run();
    meeting.passerelle.wait_phase("healthy", BOUND);
    let after = fs::read_to_string(path).expect("it is ours");
    assert_eq!(before, after);
}

#[test]
fn a_known_type_is_asked_for_when_the_server_has_several() {
    let mut sshd = Sshd::start();
    let second = Key::generate(sshd.path("second"), &["-t", "ecdsa"], "");
    sshd.configure(&format!("HostKey {}\n", second.path().display()));
    sshd.restart();
    let home = Home::empty();
    let key = home.key_for(&sshd);
    home.know(&format!(
        "[127.0.0.1]:{} {}\n",
        sshd.port(),
        second.public()
    ));
    home.configure(&Config::of(Tunnel::to(&sshd, "lab").key(key.path())).text());
    home.run().wait_phase("healthy", BOUND);
}

#[test]
fn a_pinned_key_needs_no_file() {
    let scene = Scene::new();
    let pin = scene.sshd.host_key().fingerprint();
    scene.configure(&format!("host_key = [\"{pin}\"]"));
    scene.run().passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn another_key_than_the_pinned_one_is_a_hard_stop_even_when_known() {
    let scene = Scene::new();
    let other = Key::ed25519(scene.home.home("other")).fingerprint();
    scene.configure(&format!("host_key = [\"{other}\"]"));
    scene.home.know(&scene.sshd.known_hosts_line());
    scene.run().assert_hard_stop("host_key_not_pinned");
}

#[test]
fn a_key_that_changes_between_two_sessions_is_a_hard_stop() {
    let scene = Scene::new();
    scene.home.know(&scene.sshd.known_hosts_line());
    let mut meeting = scene.run();
    meeting.passerelle.wait_phase("healthy", BOUND);
    meeting.sshd.stop();
    meeting.sshd.clear_log();
    meeting.sshd.replace_host_key(&["-t", "ed25519"]);
    meeting.sshd.restart();
    meeting.assert_hard_stop("host_key_changed");
}

#[test]
fn a_forgotten_key_is_asked_about_again() {
    let scene = Scene::new();
    scene.home.know(&scene.sshd.known_hosts_line());
    let Meeting {
        passerelle, sshd, ..
    } = &scene.run();
    passerelle.wait_phase("healthy", BOUND);
    passerelle.succeed(&["hostkey", "forget"]);
    passerelle.succeed(&["restart"]);
    let tunnel = passerelle.wait_phase("blocked", BOUND);
    let fingerprint = sshd.host_key().fingerprint();
    assert_eq!(tunnel["question"]["fingerprint"], fingerprint, "{tunnel}");
    let shown = passerelle.succeed(&["hostkey", "show"]).stdout;
    assert!(shown.contains(&fingerprint), "{shown}");
}
