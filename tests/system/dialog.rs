//! Questions on the screen, answered with the keyboard, by the real tray program.

use crate::common::{Account, Config, Home, Screen, Sshd, Tunnel, wait_until};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

/// In the titles of its windows.
const TUNNEL: &str = "Production";

fn tunnel(sshd: &Sshd) -> Tunnel {
    Tunnel::to(sshd, TUNNEL).line("auth = [\"password\"]")
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
