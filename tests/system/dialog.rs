//! Questions on the screen, answered with the keyboard, by the real tray program.

use crate::common::{Account, Bus, Config, Home, Screen, Sshd, Tunnel, wait_until};
use serde_json::Value;
use std::time::Duration;
use zbus::zvariant::{self, OwnedValue};

const BOUND: Duration = Duration::from_secs(60);

/// In the titles of its windows.
const TUNNEL: &str = "Production";

fn tunnel(sshd: &Sshd) -> Tunnel {
    Tunnel::to(sshd, TUNNEL).password()
}

#[test]
fn a_new_server_is_trusted_and_the_password_typed() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let screen = Screen::start();
    let home = Home::new(&Config::of(tunnel(&sshd)).in_french());
    let passerelle = home.on(&screen).run_in_tray();

    screen.wait_window(TUNNEL);
    screen.wait_drawn("host-key");
    assert_eq!(passerelle.tunnel()["question"]["kind"], "host_key");
    // From the safe button, back to the box, and on to the other one.
    screen.press(&["shift+Tab", "space", "Tab", "Return"]);
    let question = || passerelle.tunnel()["question"]["kind"].clone();
    wait_until("the password is asked for", BOUND, || {
        question() == "password"
    });

    screen.wait_window(TUNNEL);
    screen.wait_drawn("password");
    screen.type_text("wrong");
    screen.press(&["Return"]);
    passerelle.wait_tunnel("it asks again", BOUND, |tunnel| {
        tunnel["question"]["kind"] == "password" && tunnel["attempt"] == 3
    });
    screen.wait_window(TUNNEL);
    screen.wait_drawn("password-refused");
    screen.type_text(account.password());
    screen.press(&["Return"]);
    passerelle.wait_phase("healthy", BOUND);
    screen.wait_no_window(TUNNEL);

    let known = std::fs::read_to_string(passerelle.state("known_hosts")).expect("it was learnt");
    assert!(known.contains(&sshd.host_key().public()), "{known}");
    for file in passerelle.files() {
        let text = std::fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(account.password()), "{}", file.display());
    }
}

#[test]
fn several_questions_are_asked_one_after_the_other() {
    let (screen, sshd) = (Screen::start(), Sshd::start());
    let config = Config::of(Tunnel::to(&sshd, "First")).and(Tunnel::to(&sshd, "Second"));
    let passerelle = Home::new(&config).on(&screen).run_in_tray();
    let mut titles = ["First", "Second"];
    // Whichever dialled first.
    wait_until("one is asked", BOUND, || {
        screen.has_window("First") || screen.has_window("Second")
    });
    if screen.has_window("Second") {
        titles.reverse();
    }
    for title in titles {
        screen.wait_window(title);
        assert!(
            titles
                .iter()
                .filter(|title| screen.has_window(title))
                .count()
                == 1
        );
        // The safe button.
        screen.press(&["Return"]);
        screen.wait_no_window(title);
    }
    let status = passerelle.status();
    for tunnel in status["tunnels"].as_array().expect("both") {
        assert_eq!(tunnel["fault"]["code"], "question_cancelled", "{tunnel}");
    }
}

#[test]
fn what_the_server_asks_is_answered_while_it_waits() {
    let account = Account::new();
    let sshd = Sshd::with_keyboard_interactive(&account, "");
    let screen = Screen::start();
    let home = Home::new(&Config::of(tunnel(&sshd))).trusting(&sshd);
    account.expire_password();
    let passerelle = home.on(&screen).run_in_tray();
    let answer = |kind: &str, words: &str| {
        let asks = |tunnel: &Value| tunnel["question"]["kind"] == kind;
        let asked = passerelle.wait_tunnel(kind, BOUND, asks)["question"].clone();
        screen.wait_window(TUNNEL);
        screen.wait_drawn(kind);
        screen.type_text(words);
        screen.press(&["Return"]);
        passerelle.wait_tunnel("it is taken", BOUND, |tunnel| tunnel["question"] != asked);
    };
    answer("password", account.password());
    // The live connection wants a new one: the old one again, the new one, and the new one again.
    let new = "Quite-another-4321";
    for words in [account.password(), new, new] {
        answer("interactive", words);
    }
    passerelle.wait_phase("healthy", BOUND);
    screen.wait_no_window(TUNNEL);
}

#[test]
fn a_question_that_is_answered_elsewhere_is_taken_from_the_screen() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let screen = Screen::start();
    let home = Home::new(&Config::of(tunnel(&sshd))).trusting(&sshd);
    let passerelle = home.on(&screen).run_in_tray();
    screen.wait_window(TUNNEL);
    passerelle.answer(account.password());
    screen.wait_no_window(TUNNEL);
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_dialog_whose_question_is_lost_closes_and_says_why() {
    let account = Account::new();
    let sshd = Sshd::with_keyboard_interactive(&account, "LoginGraceTime 15");
    let screen = Screen::start();
    let home = Home::new(&Config::of(tunnel(&sshd))).trusting(&sshd);
    account.expire_password();
    let passerelle = home.on(&screen).run_in_tray();
    screen.wait_window(TUNNEL);
    screen.wait_drawn("password");
    screen.type_text(account.password());
    screen.press(&["Return"]);
    let asks = |tunnel: &Value| tunnel["question"]["kind"] == "interactive";
    passerelle.wait_tunnel("it asks", BOUND, asks);
    screen.wait_window(TUNNEL);
    screen.wait_drawn("interactive");
    screen.type_text("half of a co");
    let lost = |tunnel: &Value| tunnel["fault"]["code"] == "question_lost";
    passerelle.wait_tunnel("the server waits no more", BOUND, lost);
    // The dialog's title starts with the program's name, the one of the box with the tunnel's.
    screen.wait_no_window("Passerelle: ");
    screen.wait_window("waits for you");
    screen.wait_drawn("question-lost");
    screen.press(&["Return"]);
    screen.wait_no_window("waits for you");
}

/// The part of a desktop's portal that knows whether the user wants it dark.
struct Portal {
    scheme: u32,
}

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Portal {
    fn read(&self, namespace: &str, key: &str) -> OwnedValue {
        assert_eq!(
            (namespace, key),
            ("org.freedesktop.appearance", "color-scheme")
        );
        // Wrapped twice, as the portal does.
        let scheme = zvariant::Value::U32(self.scheme);
        let wrapped = zvariant::Value::Value(Box::new(scheme));
        wrapped.try_into().expect("a number has no descriptor")
    }
}

#[test]
fn a_dialog_is_dark_where_the_desktop_is() {
    let (screen, sshd) = (Screen::start(), Sshd::start());
    let config = Config::of(tunnel(&sshd));
    for (scheme, background) in [(1, "#202328"), (2, "#FCFCFD")] {
        let bus = Bus::start();
        let (name, path) = (
            "org.freedesktop.portal.Desktop",
            "/org/freedesktop/portal/desktop",
        );
        let _portal = bus.serve(name, path, Portal { scheme });
        let home = Home::new(&config).on(&screen).envs(bus.environment());
        let passerelle = home.run_in_tray();
        screen.wait_window(TUNNEL);
        wait_until("it has the desktop's colours", BOUND, || {
            screen.background().as_deref() == Some(background)
        });
        passerelle.succeed(&["quit"]);
        screen.wait_no_window(TUNNEL);
    }
}
