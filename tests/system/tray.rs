//! The icon and its menu, as a panel meets them: over D-Bus, with the real program behind them.

use crate::common::{
    Backend, Config, Forward, Home, Icon, Panel, Passerelle, Prometheus, Screen, Sshd, Tunnel,
    answers, free_port, lasts, wait_until,
};
use std::fs;
use std::path::Path;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

const OPEN: &str = "Ouvrir Prometheus";

/// A home on a screen and in a panel, with a browser that notes what it is given.
fn home(screen: &Screen, panel: &Panel) -> Home {
    let home = Home::empty();
    let browser = home.noting("browser");
    let home = home.env("BROWSER", browser).on(screen);
    home.envs(panel.environment())
}

fn opened(home: &Home) -> Vec<String> {
    home.noted("browser")
}

/// The pixels of one of our drawings in its largest size: ARGB, from the top.
fn drawing(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/tray");
    let file = fs::read(path.join(name).with_extension("ico")).expect("a drawing");
    // The last bitmap of the file, from the bottom up, then a mask of one bit a pixel.
    let mask = 64 * 64 / 8;
    let pixels = &file[file.len() - mask - 64 * 64 * 4..file.len() - mask];
    let rows = pixels.chunks_exact(64 * 4).rev();
    rows.flat_map(|row| row.chunks_exact(4))
        .flat_map(|bgra| [bgra[3], bgra[2], bgra[1], bgra[0]])
        .collect()
}

#[track_caller]
fn wait_drawing(icon: &Icon<'_>, name: &str) {
    let expected = (64, drawing(name));
    wait_until(&format!("the icon is {name}"), BOUND, || {
        icon.picture() == expected
    });
}

#[track_caller]
fn wait_label(icon: &Icon<'_>, wanted: impl Fn(&str) -> bool) {
    wait_until("the menu says it", BOUND, || {
        icon.labels().iter().any(|label| wanted(label))
    });
}

#[test]
fn one_click_opens_the_service_once_it_works() {
    let (screen, panel) = (Screen::start(), Panel::start());
    let backend = Backend::start();
    let mut prometheus = Prometheus::scraping(backend.port());
    let mut sshd = Sshd::start();
    let local = free_port();
    let url = [format!("http://localhost:{local}/")];
    let home = home(&screen, &panel).trusting(&sshd);
    let tunnel = Tunnel::to(&sshd, "Production").key(home.key_for(&sshd).path());
    let tunnel = tunnel.forward(Forward::prometheus(local, prometheus.port()));
    home.configure(&Config::of(tunnel).in_french().text());
    sshd.stop();
    prometheus.stop();
    let mut passerelle = home.run_in_tray();

    // Nothing is there: the click is an intention, however often it is made.
    let icon = panel.wait_icon();
    wait_drawing(&icon, "waiting");
    wait_label(&icon, |label| label.contains("nouvelle tentative à"));
    assert!(
        icon.tooltip().starts_with("Production\u{a0}: "),
        "{}",
        icon.tooltip()
    );
    assert_eq!(icon.labels()[0], OPEN);
    icon.choose(OPEN);
    icon.choose(OPEN);
    icon.activate();

    // The server is there, the service is not: no browser yet.
    sshd.restart();
    wait_drawing(&icon, "degraded");
    wait_label(&icon, |label| {
        label == "Prometheus\u{a0}: arrêté sur le serveur"
    });
    assert!(opened(&passerelle).is_empty());

    prometheus.restart();
    wait_until("the browser is called", BOUND, || {
        !opened(&passerelle).is_empty()
    });
    assert!(answers(local, "/-/ready"));
    wait_drawing(&icon, "healthy");
    wait_until("the tooltip says it", BOUND, || {
        icon.tooltip()
            .starts_with("Production\u{a0}: tout fonctionne depuis ")
    });
    assert_eq!(opened(&passerelle), url);

    assert_idle(&passerelle);
    quit(&mut passerelle, &icon);
    assert_eq!(opened(&passerelle), url);
}

#[test]
fn the_menu_does_what_it_says() {
    let (screen, panel) = (Screen::start(), Panel::start());
    let (mut sshd, backend) = (Sshd::start(), Backend::start());
    let home = home(&screen, &panel).trusting(&sshd);
    let forward = Forward::tcp("R&D_1", free_port(), backend.port()).line("open = \"/\"");
    let tunnel = Tunnel::to(&sshd, "Production").key(home.key_for(&sshd).path());
    home.configure(&Config::of(tunnel.forward(forward)).in_french().text());
    home.noting("xdg-open");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", home.home("").display());
    let mut passerelle = home.env("PATH", path).run_in_tray();
    let icon = panel.wait_icon();
    wait_drawing(&icon, "healthy");

    // A wish ends with the connection that it was for.
    sshd.stop();
    wait_drawing(&icon, "waiting");
    icon.choose("Ouvrir R&D_1");
    icon.choose("Déconnecter");
    wait_drawing(&icon, "off");
    // The panel is told of the picture first, then of the menu.
    wait_until("there is nothing to reconnect", BOUND, || {
        !icon.line("Reconnecter maintenant").enabled
    });
    sshd.restart();
    icon.choose("Connecter");
    wait_drawing(&icon, "healthy");

    let sessions = sshd.logged("Accepted publickey");
    icon.choose("Reconnecter maintenant");
    wait_until("it has logged in once more", BOUND, || {
        sshd.logged("Accepted publickey") > sessions
    });
    wait_drawing(&icon, "healthy");

    for (label, file) in [
        ("Ouvrir le journal", passerelle.state("passerelle.log")),
        ("Modifier la configuration", passerelle.config_file()),
    ] {
        icon.choose(label);
        wait_until(label, BOUND, || {
            let shown = passerelle.noted("xdg-open");
            shown
                .last()
                .is_some_and(|shown| shown.contains(&*file.to_string_lossy()))
        });
    }

    let logon = "Démarrer à l’ouverture de session";
    let entry = passerelle.home(".config/autostart/passerelle.desktop");
    assert_eq!(icon.line(logon).checked, Some(false));
    icon.choose(logon);
    wait_until("it is checked", BOUND, || {
        icon.line(logon).checked == Some(true)
    });
    let command = format!(
        "Exec=\"{}\" \"--started\" \"at-logon\" \"--config\" \"{}\" ",
        env!("CARGO_BIN_EXE_passerelle-tray"),
        passerelle.config_file().display()
    );
    // The panel's item is checked by the click already, the program acts on it after that.
    wait_until("it is written", BOUND, || {
        fs::read_to_string(&entry).is_ok_and(|text| text.contains(&command))
    });
    icon.choose(logon);
    wait_until("it is not", BOUND, || {
        icon.line(logon).checked == Some(false)
    });
    wait_until("it is removed", BOUND, || !entry.exists());

    // The second one leaves it to the first.
    let second = passerelle.second_tray();
    assert_eq!(second.code, Some(0), "{second:?}");
    screen.wait_window("Passerelle fonctionne");
    screen.wait_drawn("second-start");
    screen.press(&["Return"]);
    screen.wait_no_window("Passerelle fonctionne");
    quit(&mut passerelle, &icon);
    assert!(opened(&passerelle).is_empty(), "the wish was taken back");
}

#[test]
fn without_an_icon_it_runs_and_says_so() {
    let sshd = Sshd::start();
    let config = Config::of(Tunnel::to(&sshd, "Production").password());
    let blind = Home::new(&config).trusting(&sshd).run_in_tray();
    blind.wait_phase("blocked", BOUND);
    assert!(
        blind.complained().contains("No display"),
        "{}",
        blind.complained()
    );

    let screen = Screen::start();
    let home = Home::new(&config).trusting(&sshd).on(&screen);
    let home = home.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let without_bus = home.run_in_tray();
    without_bus.wait_phase("blocked", BOUND);
    wait_until("it says so", BOUND, || {
        without_bus.complained().contains("No icon")
    });
    without_bus.succeed(&["down"]);
    // By then the desktop would have been offered an icon again.
    lasts(Duration::from_secs(6));
    assert_idle(&without_bus);
}

#[test]
fn what_keeps_it_from_starting_is_told_in_a_box() {
    let screen = Screen::start();
    let home = Home::empty().on(&screen);
    home.configure("language = \"fr\"\nnonsense = 1\n");
    let mut tray = home.spawn_tray();
    screen.wait_window("Passerelle");
    screen.wait_drawn("cannot-start");
    screen.press(&["Return"]);
    assert_eq!(tray.wait(BOUND).code(), Some(6));
    assert!(
        home.complained().contains("nonsense"),
        "{}",
        home.complained()
    );
}

#[test]
fn a_click_on_a_tunnel_that_asks_brings_its_question() {
    let (screen, panel) = (Screen::start(), Panel::start());
    // Nobody has accepted this server's key.
    let sshd = Sshd::start();
    let one = Tunnel::to(&sshd, "One").forward(Forward::grafana(free_port(), 1));
    let two = Tunnel::to(&sshd, "Two").forward(Forward::prometheus(free_port(), 1));
    let home = home(&screen, &panel);
    home.configure(&Config::of(one).and(two).text());
    let passerelle = home.run_in_tray();
    let icon = panel.wait_icon();
    wait_until("both ask", BOUND, || {
        let tunnels = &passerelle.status()["tunnels"];
        (0..2).all(|number| tunnels[number]["question"].is_object())
    });
    wait_drawing(&icon, "attention");

    // Whichever was shown first, one of these clicks changes it.
    for (service, asks, waits) in [
        ("Open Grafana", "One", "Two"),
        ("Open Prometheus", "Two", "One"),
    ] {
        icon.choose(service);
        screen.wait_window(&format!("Passerelle: {asks}"));
        screen.wait_no_window(&format!("Passerelle: {waits}"));
    }
    assert!(opened(&passerelle).is_empty());
}

#[test]
fn a_click_on_a_menu_that_has_changed_meanwhile_does_what_it_said_or_nothing() {
    const SWITCH: &str = "Disconnect";
    let (screen, panel) = (Screen::start(), Panel::start());
    let (sshd, backend) = (Sshd::start(), Backend::start());
    let home = home(&screen, &panel).trusting(&sshd);
    let key = home.key_for(&sshd);
    let tunnel = |name| {
        let forward = Forward::tcp("service", free_port(), backend.port());
        let tunnel = Tunnel::to(&sshd, name).key(key.path());
        tunnel.forward(forward)
    };
    let (one, two) = (tunnel("One"), tunnel("Two"));
    home.configure(&Config::of(one.clone()).and(two.clone()).text());
    let passerelle = home.run_in_tray();
    let icon = panel.wait_icon();
    wait_drawing(&icon, "healthy");
    let begins_with = |name| wait_until(name, BOUND, || icon.labels()[0].starts_with(name));
    let stopped = |number: usize| passerelle.status()["tunnels"][number]["phase"] == "stopped";
    begins_with("One");
    let menu = icon.menu();
    let of_one = menu.iter().find(|line| line.label == SWITCH);
    let of_one = of_one.expect("it can be switched").clone();

    // The other one is in its place when the click comes.
    passerelle.configure(&Config::of(two).and(one).text());
    begins_with("Two");
    assert!(!icon.click(&of_one), "it means another tunnel now");

    // What is there now does what it says; by then the click would have done what it could.
    let menu = icon.menu();
    let last = menu.iter().rev().find(|line| line.label == SWITCH);
    let last = last.expect("it can be switched").clone();
    let clicked = icon.click(&last);
    wait_until("One is disconnected", BOUND, || stopped(1));
    assert!(clicked && !stopped(0), "{}", passerelle.status());
}

#[test]
fn of_two_that_start_at_once_one_runs_and_the_other_leaves_well() {
    let (screen, panel) = (Screen::start(), Panel::start());
    let sshd = Sshd::start();
    let home = home(&screen, &panel).trusting(&sshd);
    home.configure(&Config::of(Tunnel::to(&sshd, "Production").password()).text());
    let mut started = [home.spawn_tray(), home.spawn_tray()];
    let mut statuses = Vec::new();
    wait_until("one of them leaves", BOUND, || {
        statuses = started.iter_mut().filter_map(|tray| tray.ended()).collect();
        !statuses.is_empty()
    });
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0].code(), Some(0), "{}", home.complained());
    home.succeed(&["quit"]);
}

/// Nothing turns while nothing happens, though items of the menu were chosen before: the main thread is
/// seldom awake, and whoever is awake all the time shows in its processor time.
#[track_caller]
fn assert_idle(passerelle: &Passerelle) {
    let before = main_thread(passerelle.pid());
    lasts(Duration::from_secs(3));
    let after = main_thread(passerelle.pid());
    let (wakes, ticks) = (after.0 - before.0, after.1 - before.1);
    assert!(wakes < 20, "{wakes} times awake in 3 s");
    assert!(ticks < 30, "{ticks} hundredths of a second busy in 3 s");
}

/// How often it went to sleep, and for how many clock ticks it ran: proc(5).
fn main_thread(pid: u32) -> (u64, u64) {
    let read =
        |file: &str| fs::read_to_string(format!("/proc/{pid}/task/{pid}/{file}")).expect("it runs");
    let number = |text: Option<&str>| -> u64 {
        let text = text.expect("the kernel counts");
        text.parse().expect("a number")
    };
    let (status, stat) = (read("status"), read("stat"));
    let line = status.lines().find(|line| line.starts_with("voluntary"));
    let sleeps = number(line.and_then(|line| line.split_whitespace().last()));
    // After the name, which stands in parentheses, `utime` and `stime` are the 12th and 13th field.
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let mut fields = fields.split_whitespace().skip(11);
    (sleeps, number(fields.next()) + number(fields.next()))
}

#[track_caller]
fn quit(passerelle: &mut Passerelle, icon: &Icon<'_>) {
    icon.choose("Quitter");
    assert_eq!(passerelle.wait_end(BOUND).code(), Some(0));
    wait_until("the icon is gone", BOUND, || icon.is_gone());
}
