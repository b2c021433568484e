//! The icon, its menu and the windows, with a mouse and a keyboard.

use crate::common::{
    Config, Forward, Grafana, Home, Passerelle, Prometheus, Sshd, Tunnel, free_port, lasts,
    wait_until,
};
use crate::desktop::{
    choose, close_menu, keep_screenshot, open_menu, press, send, wait_for_drawing, wait_for_icon,
    wait_for_no_icon, windows,
};
use crate::machine::wine;
use std::fs;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(60);

/// A dialog that has just come up takes no Enter and no space bar: it cannot have been read.
const UNREAD: Duration = Duration::from_secs(1);

/// A dialog that is still there so long after its last key has not got all of them.
const LOST: Duration = Duration::from_secs(5);

/// winit's windows.
const DIALOG: &str = "Window Class";

/// The window that hears what Windows announces.
const ANNOUNCEMENTS: &str = "PasserelleAnnouncements";
const WM_QUERYENDSESSION: u32 = 0x11;
const WM_ENDSESSION: u32 = 0x16;
const WM_POWERBROADCAST: u32 = 0x218;
const PBT_APMRESUMEAUTOMATIC: usize = 0x12;

/// Starts the tray program, and waits for its icon.
fn with_icon(home: Home) -> Passerelle {
    let passerelle = home.run_in_tray();
    wait_for_icon();
    passerelle
}

/// One that is let in, with both services of the mission.
fn ready(
    sshd: &Sshd,
    grafana: &Grafana,
    prometheus: &Prometheus,
    language: fn(Config) -> Config,
) -> Passerelle {
    let home = Home::empty().trusting(sshd);
    let key = home.key_for(sshd);
    let tunnel = Tunnel::to(sshd, "serveurproduction")
        .key(key.path())
        .forward(Forward::grafana(free_port(), grafana.port()))
        .forward(Forward::prometheus(free_port(), prometheus.port()));
    home.configure(&language(Config::of(tunnel)).text());
    with_icon(home)
}

/// One whose server is not there.
fn alone() -> Passerelle {
    let mut sshd = Sshd::start();
    sshd.stop();
    let tunnel = Tunnel::to(&sshd, "lab").forward(Forward::grafana(free_port(), 1));
    with_icon(Home::new(&Config::of(tunnel)).trusting(&sshd))
}

fn in_english(config: Config) -> Config {
    config
}

fn log(passerelle: &Passerelle) -> String {
    fs::read_to_string(passerelle.state("passerelle.log")).unwrap_or_default()
}

/// From now on Windows' browser is a program that notes what it is given.
fn note_what_is_opened(home: &Home) {
    let browser = home.noting("browser").display().to_string();
    let key = r"HKCU\Software\Wine\WineBrowser";
    let set = ["add", key, "/v", "Browsers", "/d", &browser, "/f"];
    assert_eq!(wine("reg", &set).0, Some(0));
}

fn opened(home: &Home) -> Vec<String> {
    home.noted("browser")
}

#[test]
fn the_menu_is_there_in_both_languages() {
    let (grafana, sshd) = (Grafana::start(), Sshd::start());
    let prometheus = Prometheus::scraping(grafana.port());
    let french: fn(Config) -> Config = Config::in_french;
    for (language, code, first, last) in [
        (french, "fr", "Ouvrir Grafana", "Quitter"),
        (in_english, "en", "Open Grafana", "Quit"),
    ] {
        let mut passerelle = ready(&sshd, &grafana, &prometheus, language);
        wait_for_drawing("healthy");
        let items = open_menu();
        assert_eq!(items.first().map(|item| item.text.as_str()), Some(first));
        keep_screenshot(&format!("windows-menu.{code}"));
        close_menu();
        choose(last);
        assert_eq!(passerelle.wait_end(BOUND).code(), Some(0));
        wait_for_no_icon();
    }
}

#[test]
fn a_click_opens_grafana_once_and_not_before_it_works() {
    let (grafana, mut sshd) = (Grafana::start(), Sshd::start());
    let prometheus = Prometheus::scraping(grafana.port());
    sshd.stop();
    let passerelle = ready(&sshd, &grafana, &prometheus, in_english);
    note_what_is_opened(&passerelle);
    wait_for_drawing("waiting");
    choose("Open Grafana");
    choose("Open Grafana");
    assert!(opened(&passerelle).is_empty());
    sshd.restart();
    wait_for_drawing("healthy");
    wait_until("Grafana is opened", BOUND, || {
        !opened(&passerelle).is_empty()
    });
    choose("Open Prometheus");
    wait_until("Prometheus is opened", BOUND, || {
        opened(&passerelle).len() > 1
    });
    let [grafana, prometheus] =
        [0, 1].map(|number: usize| passerelle.tunnel()["forwards"][number]["url"].clone());
    assert_eq!(opened(&passerelle), [grafana, prometheus]);
}

#[test]
fn an_unknown_key_is_compared_in_a_window() {
    let (grafana, sshd) = (Grafana::start(), Sshd::start());
    let home = Home::empty();
    let key = home.key_for(&sshd);
    let tunnel = Tunnel::to(&sshd, "serveurproduction").key(key.path());
    let forward = Forward::grafana(free_port(), grafana.port());
    home.configure(&Config::of(tunnel.forward(forward)).in_french().text());
    let passerelle = with_icon(home);
    wait_for_drawing("attention");
    wait_until("its window is open", BOUND, || {
        windows(DIALOG)
            .iter()
            .any(|title| title.ends_with("serveurproduction"))
    });
    keep_screenshot("windows-host-key.fr");
    // From the button that trusts nobody to the box that says that the keys were compared, and on. Wine
    // may lose a key while the window is coming up; then nobody is trusted, and it asks again.
    let refusals = || log(&passerelle).matches("QuestionCancelled").count();
    let answered = || windows(DIALOG).is_empty();
    wait_until("the key is trusted", BOUND, || {
        let before = refusals();
        lasts(UNREAD);
        for key in ["shift+Tab", "space", "Tab", "Return"] {
            press(key);
        }
        let given_up = Instant::now() + LOST;
        wait_until("an answer, or none", BOUND, || {
            answered() || Instant::now() > given_up
        });
        wait_until("the question is answered", BOUND, || {
            answered() || {
                press("Escape");
                false
            }
        });
        wait_until("the answer is taken", BOUND, || {
            refusals() > before || passerelle.tunnel()["phase"] == "healthy"
        });
        let trusted = refusals() == before;
        if !trusted {
            passerelle.succeed(&["up"]);
            wait_until("it asks again", BOUND, || !answered());
        }
        trusted
    });
    wait_for_drawing("healthy");
    wait_until("its window is closed", BOUND, || windows(DIALOG).is_empty());
}

#[test]
fn a_second_start_shows_the_first_one() {
    let passerelle = alone();
    let mut second = passerelle.spawn_tray();
    assert_eq!(second.wait(BOUND).code(), Some(0));
    wait_until("it shows itself", BOUND, || !windows(DIALOG).is_empty());
    keep_screenshot("windows-second-start.en");
    passerelle.succeed(&["status"]);
}

#[test]
fn the_end_of_the_windows_session_ends_it_within_two_seconds() {
    let mut passerelle = alone();
    wait_for_drawing("waiting");
    assert_eq!(send(ANNOUNCEMENTS, WM_QUERYENDSESSION, 0), Some(1));
    let start = Instant::now();
    send(ANNOUNCEMENTS, WM_ENDSESSION, 1);
    passerelle.wait_end(BOUND);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let log = log(&passerelle);
    assert!(log.contains("ended"), "{log}");
    wait_for_no_icon();
}

#[test]
fn a_session_that_goes_on_ends_nothing() {
    let passerelle = alone();
    assert_eq!(send(ANNOUNCEMENTS, WM_ENDSESSION, 0), Some(0));
    // By then it would have ended.
    lasts(Duration::from_secs(2));
    passerelle.succeed(&["status"]);
}

#[test]
fn it_hears_that_the_machine_woke() {
    let passerelle = alone();
    send(ANNOUNCEMENTS, WM_POWERBROADCAST, PBT_APMRESUMEAUTOMATIC);
    wait_until("it is in the log", BOUND, || {
        log(&passerelle).contains("Resumed")
    });
}
