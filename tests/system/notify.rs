//! Notifications of the real tray program, in front of a daemon that notes them.

use crate::common::{
    Backend, Config, Corner, Forward, Home, Panel, Screen, Sshd, Tunnel, free_port, wait_until,
};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

#[test]
fn a_loss_is_told_and_its_end_in_its_place() {
    let (screen, corner) = (Screen::start(), Corner::start());
    let (backend, mut sshd) = (Backend::start(), Sshd::start());
    let (local, home) = (free_port(), Home::empty().trusting(&sshd));
    let service = Forward::tcp("Service", local, backend.port()).line("open = \"/\"");
    let tunnel = Tunnel::to(&sshd, "Production").key(home.key_for(&sshd).path());
    home.configure(&Config::of(tunnel.forward(service)).in_french().text());
    let browser = home.noting("browser");
    let home = home.env("BROWSER", browser).on(&screen);
    let passerelle = home.envs(corner.environment()).run_in_tray();
    passerelle.wait_phase("healthy", BOUND);

    sshd.stop();
    let lost = corner.wait_shown(1);
    assert_eq!(lost.title, "Production\u{a0}: connexion perdue");
    assert!(lost.text.contains("127.0.0.1"), "{lost:?}");
    // A click says more.
    corner.click(lost.place);
    screen.wait_window("Production");
    screen.press(&["Escape"]);
    screen.wait_no_window("Production");

    sshd.restart();
    passerelle.succeed(&["up"]);
    let back = corner.wait_shown(2);
    assert_eq!(back.title, "Production\u{a0}: connexion rétablie");
    assert_eq!(back.place, lost.place);
    passerelle.wait_phase("healthy", BOUND);
    // A click opens what is there again.
    corner.click(back.place);
    wait_until("the browser is called", BOUND, || {
        !passerelle.noted("browser").is_empty()
    });

    passerelle.succeed(&["quit"]);
    let url = format!("http://localhost:{local}/");
    assert_eq!(passerelle.noted("browser"), [url]);
    assert_eq!(corner.shown().len(), 2);
}

#[test]
fn a_tunnel_calls_for_its_user_once_and_not_where_that_is_unwanted() {
    let (screen, sshd) = (Screen::start(), Sshd::start());
    let config = Config::of(Tunnel::to(&sshd, "Production")).in_french();
    for (wanted, count) in [(true, 1), (false, 0)] {
        let corner = Corner::start();
        let home = Home::empty().on(&screen).envs(corner.environment());
        home.configure(&format!("notifications = {wanted}\n{}", config.text()));
        let passerelle = home.run_in_tray();
        screen.wait_window("Production");
        if wanted {
            let call = corner.wait_shown(1);
            assert_eq!(call.title, "Production vous attend");
            assert!(call.text.contains(&sshd.host_key().fingerprint()));
        }
        // The question is asked again.
        screen.press(&["Return"]);
        screen.wait_no_window("Production");
        passerelle.succeed(&["up"]);
        screen.wait_window("Production");
        passerelle.succeed(&["quit"]);
        assert_eq!(corner.shown().len(), count);
    }
}

#[test]
fn notifications_are_switched_while_it_runs() {
    let (screen, corner, sshd) = (Screen::start(), Corner::start(), Sshd::start());
    let home = Home::empty().on(&screen).envs(corner.environment());
    let configure = |home: &Home, wanted: bool, tunnels: &[&str]| {
        let mut tunnels = tunnels.iter().map(|name| Tunnel::to(&sshd, name));
        let first = Config::of(tunnels.next().expect("there is one"));
        let config = tunnels.fold(first, Config::and).in_french();
        home.configure(&format!("notifications = {wanted}\n{}", config.text()));
    };
    configure(&home, false, &["Un"]);
    let passerelle = home.run_in_tray();
    passerelle.wait_phase("blocked", BOUND);

    // Each tunnel calls for its user once: one that comes later shows what holds by then.
    configure(&passerelle, true, &["Un", "Deux"]);
    let call = corner.wait_shown(1);
    assert_eq!(call.title, "Deux vous attend");
    configure(&passerelle, false, &["Un", "Deux", "Trois"]);
    wait_until("the third one asks", BOUND, || {
        let tunnels = passerelle.status()["tunnels"].clone();
        tunnels[2]["phase"] == "blocked"
    });
    passerelle.succeed(&["quit"]);
    assert_eq!(corner.shown().len(), 1);
}

#[test]
fn what_no_notification_can_tell_is_said_in_a_box() {
    // This panel's bus has nobody who shows notifications, and nothing opens a file.
    let (screen, panel, sshd) = (Screen::start(), Panel::start(), Sshd::start());
    let config = Config::of(Tunnel::to(&sshd, "Production").line("autostart = false"));
    let home = Home::new(&config).on(&screen).env("PATH", "/nonexistent");
    let passerelle = home.envs(panel.environment()).run_in_tray();
    panel.wait_icon().choose("Open the log");
    screen.wait_window("Passerelle could not do it");
    screen.press(&["Escape"]);
    screen.wait_no_window("Passerelle could not do it");
    passerelle.succeed(&["quit"]);
}
