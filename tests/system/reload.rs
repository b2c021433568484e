//! A change of the configuration file while things run.

use crate::common::{
    Backend, Config, Forward, Home, Passerelle, Pattern, Sshd, Tunnel, answers, begin_download,
    free_port, wait_until,
};
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

/// A tunnel to a backend, whose configuration can be written anew.
struct Scene {
    sshd: Sshd,
    backend: Backend,
    local: u16,
    passerelle: Passerelle,
}

impl Scene {
    fn new() -> Self {
        let (sshd, backend, local) = (Sshd::start(), Backend::start(), free_port());
        let home = Home::empty().trusting(&sshd);
        home.key_for(&sshd);
        home.configure(&Config::of(tunnel(&sshd, &home, local, backend.port())).text());
        let passerelle = home.run();
        passerelle.wait_phase("healthy", BOUND);
        Self {
            sshd,
            backend,
            local,
            passerelle,
        }
    }

    /// As it is in force.
    fn tunnel(&self) -> Tunnel {
        tunnel(
            &self.sshd,
            &self.passerelle,
            self.local,
            self.backend.port(),
        )
    }
}

fn tunnel(sshd: &Sshd, home: &Home, local: u16, remote: u16) -> Tunnel {
    Tunnel::to(sshd, "lab")
        .key(&home.home(".ssh/id_ed25519"))
        .forward(Forward::tcp("Backend", local, remote))
}

#[test]
fn a_download_does_not_notice() {
    const LENGTH: u64 = 64 << 20;
    let scene = Scene::new();
    let download = begin_download(scene.local, &format!("/bytes/{LENGTH}"));
    let mut download = download.expect("the answer begins");

    let added = free_port();
    let forward = Forward::tcp("Added", added, scene.backend.port());
    let config = Config::of(scene.tunnel().forward(forward));
    scene.passerelle.configure(&config.text());
    wait_until("the added forward works", BOUND, || {
        answers(added, "/metrics")
    });
    scene
        .passerelle
        .configure(&Config::of(scene.tunnel()).text());
    wait_until("the removed forward is closed", BOUND, || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, added)).is_err()
    });

    let got = Pattern::summary(&mut download).expect("the rest comes");
    let sent = Pattern::summary(&mut Pattern::new().take(LENGTH)).expect("it never ends");
    assert_eq!(got, sent);
    assert_eq!(scene.sshd.connections(), 1);
}

#[test]
fn a_bad_file_keeps_the_good_configuration_and_says_why() {
    let scene = Scene::new();
    let broken = Config::of(scene.tunnel()).text().replace("port =", "prt =");
    scene.passerelle.configure(&broken);
    let errors = |report: &serde_json::Value| report["config_errors"].to_string();
    wait_until("the errors are told", BOUND, || {
        errors(&scene.passerelle.status()).contains("prt")
    });
    assert_eq!(scene.passerelle.tunnel()["phase"], "healthy");
    assert!(answers(scene.local, "/metrics"));
    let check = scene.passerelle.verb(&["config", "check"]);
    assert_eq!(check.code, Some(6), "{check:?}");
    assert!(check.stderr.contains("prt"), "{check:?}");

    scene
        .passerelle
        .configure(&Config::of(scene.tunnel()).text());
    wait_until("the errors are gone", BOUND, || {
        scene.passerelle.status()["config_errors"].is_null()
    });
    assert_eq!(scene.sshd.connections(), 1);
}

#[test]
fn a_file_of_thousands_of_errors_leaves_the_status_readable() {
    let scene = Scene::new();
    let lines: Vec<_> = (0..3_000).map(|line| format!("x{line} = 1\n")).collect();
    scene.passerelle.configure(&lines.concat());
    wait_until("the first errors are told", BOUND, || {
        let status = scene.passerelle.status();
        status["config_errors"][0].to_string().contains("x0")
    });
    let status = scene.passerelle.status();
    let errors = status["config_errors"].as_array().expect("a list");
    assert!((10..100).contains(&errors.len()), "{errors:?}");
    let more = errors.last().expect("one").to_string();
    let untold = 3_000 - (errors.len() - 1);
    assert!(more.contains(&untold.to_string()), "{more}");
    let shown = scene.passerelle.succeed(&["status"]).stdout;
    assert!(
        shown.contains("x0") && shown.contains(&more.replace('"', "")),
        "{shown}"
    );
    assert_eq!(scene.passerelle.tunnel()["phase"], "healthy");
}

#[test]
fn another_tunnel_comes_and_goes_and_leaves_the_first_alone() {
    let scene = Scene::new();
    let other = Tunnel::to(&scene.sshd, "other").key(&scene.passerelle.home(".ssh/id_ed25519"));
    let config = Config::of(scene.tunnel()).and(other);
    scene.passerelle.configure(&config.text());
    wait_until("the other tunnel is healthy", BOUND, || {
        scene.passerelle.status()["tunnels"][1]["phase"] == "healthy"
    });
    assert_eq!(scene.sshd.sessions(), 2);
    scene
        .passerelle
        .configure(&Config::of(scene.tunnel()).text());
    wait_until("the other session ends", BOUND, || {
        scene.sshd.sessions() == 1
    });
    assert_eq!(scene.sshd.connections(), 2);
    assert_eq!(scene.passerelle.tunnel()["attempt"], 1);
}
