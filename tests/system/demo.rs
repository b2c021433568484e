//! The first command that a newcomer types: nothing configured, nothing left behind.

use crate::common::{Panel, Process, Scratch, Screen, get, wait_for, wait_until};
use rustix::process::Signal;
use std::ffi::OsString;
use std::fs::{self, File};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

/// No home at all, and a temporary directory that holds nothing.
struct Newcomer(Scratch);

impl Newcomer {
    fn new() -> Self {
        let scratch = Scratch::new();
        fs::create_dir(scratch.join("tmp")).expect("it is ours");
        Self(scratch)
    }

    /// Runs `line` in a shell, where `$demo` is the demonstration, and `$tray` the tray program.
    fn shell(&self, line: &str, language: &str) -> Process {
        self.shell_with(line, language, [])
    }

    /// The same on a desktop, of which these variables tell.
    fn shell_with(
        &self,
        line: &str,
        language: &str,
        desktop: impl IntoIterator<Item = (String, OsString)>,
    ) -> Process {
        let printed = File::create(self.0.join("printed")).expect("it is ours");
        let mut command = Process::command("sh");
        command
            .args(["-c", line])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("demo", concat!(env!("CARGO_BIN_EXE_passerelle"), " demo"))
            .env("tray", env!("CARGO_BIN_EXE_passerelle-tray"))
            .env("HOME", self.0.join("home"))
            .env("TMPDIR", self.0.join("tmp"))
            .env("LANG", language)
            .envs(desktop)
            .stdout(printed.try_clone().expect("it is ours"))
            .stderr(printed);
        Process::start("passerelle demo", &mut command)
    }

    fn printed(&self) -> String {
        fs::read_to_string(self.0.join("printed")).unwrap_or_default()
    }

    #[track_caller]
    fn assert_nothing_is_left(&self) {
        let left = fs::read_dir(self.0.join("tmp")).expect("it is ours");
        assert_eq!(left.count(), 0, "files are left");
        assert!(!self.0.join("home").exists(), "it wrote into the home");
    }
}

#[test]
fn demo_once_ends_well_without_a_network_and_leaves_nothing() {
    let newcomer = Newcomer::new();
    let line = "exec unshare --net sh -c 'ip link set lo up && exec $demo --once --headless'";
    let mut demo = newcomer.shell(line, "fr_FR.UTF-8");
    let status = demo.wait(BOUND);
    let printed = newcomer.printed();
    assert_eq!(status.code(), Some(0), "{printed}");
    assert!(printed.contains("Une page est venue par"), "{printed}");
    newcomer.assert_nothing_is_left();
}

#[test]
fn demo_serves_until_it_is_told_to_end_and_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM] {
        let newcomer = Newcomer::new();
        let mut demo = newcomer.shell("exec $demo", "en_US.UTF-8");
        // No display: it prints what it would open.
        let port = wait_for("an address", BOUND, || {
            let printed = newcomer.printed();
            let (_, rest) = printed.split_once("Open http://localhost:")?;
            rest.split_once("/\n")?.0.parse().ok()
        });
        let page = get(port, "/").expect("the page");
        assert_eq!(page.status, 200);
        assert!(
            page.body
                .contains("You reached this page through the tunnel.")
        );

        demo.signal(signal);
        let status = demo.wait(Duration::from_secs(5));
        assert_eq!(status.code(), Some(0), "{}", newcomer.printed());
        assert!(get(port, "/").is_err(), "somebody still listens");
        newcomer.assert_nothing_is_left();
    }
}

#[test]
fn demo_shows_its_icon_on_a_desktop_and_ends_from_its_menu() {
    let (screen, panel) = (Screen::start(), Panel::start());
    let newcomer = Newcomer::new();
    let desktop = screen.environment().into_iter().chain(panel.environment());
    let browser = [("BROWSER".to_owned(), OsString::from("/bin/true"))];
    let mut demo = newcomer.shell_with("exec $tray demo", "en_US.UTF-8", desktop.chain(browser));

    let icon = panel.wait_icon();
    wait_until("everything works", BOUND, || {
        icon.tooltip().contains("everything works since")
    });
    let labels = icon.labels();
    assert!(labels.contains(&"Open Grafana".to_owned()), "{labels:?}");
    assert!(
        !labels.contains(&"Start at log-on".to_owned()),
        "{labels:?}"
    );
    icon.choose("Quit");
    assert_eq!(demo.wait(BOUND).code(), Some(0), "{}", newcomer.printed());
    newcomer.assert_nothing_is_left();
}
