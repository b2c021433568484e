//! The package: installed, upgraded, refused, removed, always without a question.

use crate::common::{Process, free_port, lasts, program};
use crate::machine::{
    INSTALLED, REFUSED, Release, file, msiexec, open, registry, wait_running, wine,
};
use std::fs;
use std::path::Path;
use std::time::Duration;

const SETUP: &str = r"HKLM\Software\Passerelle";
const POLICY: &str = r"HKLM\Software\Policies\Passerelle";
const RUN: &str = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run";
const UNINSTALL: &str = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall";
const IDENTITY: &str = r"HKLM\Software\Classes\AppUserModelId\Passerelle";
const ENVIRONMENT: &str = r"HKLM\System\CurrentControlSet\Control\Session Manager\Environment";
const PIN: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Every file of an installation, below its directory.
const FILES: [&str; 11] = [
    "passerelle.exe",
    "passerelle-tray.exe",
    "passerelle.dll",
    "README.txt",
    "config.example.toml",
    "LICENSE-MIT.txt",
    "LICENSE-APACHE.txt",
    "THIRD-PARTY.txt",
    r"policies\Passerelle.admx",
    r"policies\en-US\Passerelle.adml",
    r"policies\fr-FR\Passerelle.adml",
];

/// An installation; removed when dropped.
struct Installation {
    release: Release,
}

impl Installation {
    #[track_caller]
    fn of(release: Release, properties: &[&str]) -> Self {
        assert_eq!(msiexec("/i", &release.package(), properties), Some(0));
        Self { release }
    }

    #[track_caller]
    fn remove(self) {
        assert_eq!(msiexec("/x", &self.release.package(), &[]), Some(0));
        std::mem::forget(self);
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let _ = msiexec("/x", &self.release.package(), &[]);
    }
}

#[test]
fn it_is_installed_and_leaves_nothing_but_what_is_the_users() {
    let release = Release::this();
    let installation = Installation::of(Release::this(), &[]);
    for name in FILES {
        assert!(installed(name).is_file(), "{name}");
    }
    for program in ["passerelle.exe", "passerelle-tray.exe", "passerelle.dll"] {
        assert!(
            same(&installed(program), &release.file(program)),
            "{program}"
        );
    }
    let entry = registry(UNINSTALL);
    assert!(has(&entry, "DisplayName", "Passerelle"), "{entry}");
    assert!(has(&entry, "DisplayVersion", &release.version()), "{entry}");
    assert!(
        has(
            &entry,
            "HelpLink",
            &format!(r"file:///{INSTALLED}\README.txt")
        ),
        "{entry}"
    );
    let command = format!(r#""{INSTALLED}\passerelle-tray.exe" --started at-logon"#);
    assert!(has(&registry(RUN), "Passerelle", &command));
    assert!(has(&registry(IDENTITY), "DisplayName", "Passerelle"));
    assert!(registry(ENVIRONMENT).contains(INSTALLED));
    assert_eq!(registry(POLICY), "");
    assert_eq!(start_menu(), 1);

    let (code, version) = wine(&format!(r"{INSTALLED}\passerelle.exe"), &["--version"]);
    assert_eq!(code, Some(0));
    assert_eq!(version.trim(), format!("passerelle {}", release.version()));
    let own = user_configuration();
    fs::create_dir_all(own.parent().expect("a directory")).expect("it is ours");
    fs::write(&own, "language = \"fr\"\n").expect("it is ours");

    installation.remove();
    assert!(!file(INSTALLED).exists());
    assert!(!registry(UNINSTALL).contains("Passerelle"));
    assert!(!registry(RUN).contains("Passerelle"));
    assert!(!registry(ENVIRONMENT).contains(INSTALLED));
    for key in [SETUP, POLICY, IDENTITY] {
        assert_eq!(registry(key), "", "{key}");
    }
    assert_eq!(start_menu(), 0);
    assert!(own.exists());
    fs::remove_file(own).expect("it is ours");
}

#[test]
fn properties_become_policy() {
    let pin = format!("SSH_HOSTKEY={PIN}");
    let installation = Installation::of(
        Release::this(),
        &[
            "AUTOSTART=0",
            "SSH_HOST=gate.example",
            "SSH_PORT=2222",
            "SSH_USER=anna",
            &pin,
            "UI_LANGUAGE=en",
        ],
    );
    assert!(!registry(RUN).contains("Passerelle"));
    let program = format!(r"{INSTALLED}\passerelle.exe");
    let (code, shown) = wine(&program, &["config", "show", "--origin"]);
    assert_eq!(code, Some(0), "{shown}");
    for line in [
        "language = \"en\"",
        "tunnel[0].host = \"gate.example\"",
        "tunnel[0].port = 2222",
        "tunnel[0].user = \"anna\"",
    ] {
        assert!(
            shown.lines().any(|shown| shown.starts_with(line)),
            "{shown}"
        );
    }
    // The user's file says otherwise: that counts for what is preset, and not for what is locked.
    let own = user_configuration();
    fs::create_dir_all(own.parent().expect("a directory")).expect("it is ours");
    fs::write(&own, "[[tunnel]]\nhost = \"own.example\"\nhost_key = []\n").expect("it is ours");
    let (_, shown) = wine(&program, &["config", "show"]);
    fs::remove_file(own).expect("it is ours");
    assert!(
        shown.contains("tunnel[0].host = \"own.example\""),
        "{shown}"
    );
    assert!(shown.contains(PIN), "{shown}");
    installation.remove();
    assert_eq!(registry(POLICY), "");
}

#[test]
fn the_directory_is_the_administrators_choice() {
    let elsewhere = r"C:\Tools\Passerelle";
    let installation = Installation::of(Release::this(), &[&format!("INSTALLDIR={elsewhere}")]);
    for name in FILES {
        assert!(file(&format!(r"{elsewhere}\{name}")).is_file(), "{name}");
    }
    assert!(registry(RUN).contains(&format!(r"{elsewhere}\passerelle-tray.exe")));
    installation.remove();
}

#[test]
fn an_upgrade_by_a_double_click_keeps_what_was_chosen() {
    let elsewhere = r"C:\Tools\Passerelle";
    let directory = format!("INSTALLDIR={elsewhere}");
    let old = Installation::of(Release::this(), &[&directory, "SSH_HOST=gate.example"]);
    let next = Release::next();
    assert_eq!(open(&next.package()), Some(0));
    std::mem::forget(old);
    let new = Installation {
        release: Release::next(),
    };
    assert!(same(
        &file(&format!(r"{elsewhere}\passerelle.exe")),
        &next.file("passerelle.exe")
    ));
    assert!(registry(POLICY).contains("gate.example"));
    new.remove();
}

#[test]
fn an_upgrade_ends_the_running_one_and_starts_the_new_one() {
    let (this, next) = (Release::this(), Release::next());
    assert!(!same(
        &this.file("passerelle.exe"),
        &next.file("passerelle.exe")
    ));
    let port = format!("SSH_PORT={}", free_port());
    let old = Installation::of(
        Release::this(),
        &["SSH_HOST=127.0.0.1", &port, "AUTOSTART=0"],
    );
    let mut running = start_tray(&[]);
    wait_running(true);

    // Zero: neither failed nor in want of a restart (3010).
    let new = Installation::of(Release::next(), &[]);
    std::mem::forget(old);
    running.wait(Duration::from_secs(10));
    wait_running(true);
    let (_, status) = wine(
        &format!(r"{INSTALLED}\passerelle.exe"),
        &["status", "--json"],
    );
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["version"], next.version());
    for program in ["passerelle.exe", "passerelle-tray.exe", "passerelle.dll"] {
        assert!(same(&installed(program), &next.file(program)), "{program}");
    }
    // What the old one was installed with stays, and one entry is left.
    assert!(registry(POLICY).contains("127.0.0.1"));
    assert!(!registry(RUN).contains("Passerelle"));
    assert_eq!(registry(UNINSTALL).matches("DisplayVersion").count(), 1);

    // No way back by the old package.
    assert_eq!(msiexec("/i", &this.package(), &[]), Some(REFUSED));
    assert!(same(
        &installed("passerelle.exe"),
        &next.file("passerelle.exe")
    ));
    wait_running(true);

    // A removal ends it, too.
    new.remove();
    assert!(!file(INSTALLED).exists());
}

#[test]
fn an_upgrade_starts_nothing_that_did_not_run() {
    let old = Installation::of(Release::this(), &[]);
    let new = Installation::of(Release::next(), &[]);
    std::mem::forget(old);
    // Longer than it takes to come up.
    lasts(Duration::from_secs(5));
    wait_running(false);
    new.remove();
}

#[test]
fn at_logon_it_stays_away_from_who_does_not_want_it() {
    let installation = Installation::of(Release::this(), &[]);
    let own = user_configuration();
    fs::create_dir_all(own.parent().expect("a directory")).expect("it is ours");
    fs::write(&own, "start_at_logon = false\n").expect("it is ours");
    let mut unwanted = start_tray(&["--started", "at-logon"]);
    let status = unwanted.wait(Duration::from_secs(30));
    assert_eq!(status.code(), Some(0));

    // The administrator has the last word.
    let value = [
        r"HKLM\Software\Policies\Passerelle\Locked",
        "/v",
        "start_at_logon",
    ];
    let lock = [&["add"], &value[..], &["/t", "REG_DWORD", "/d", "1", "/f"]].concat();
    assert_eq!(wine("reg", &lock).0, Some(0));
    let _wanted = start_tray(&["--started", "at-logon"]);
    wait_running(true);
    fs::remove_file(own).expect("it is ours");
    assert_eq!(wine("reg", &["delete", POLICY, "/f"]).0, Some(0));
    installation.remove();
}

fn start_tray(arguments: &[&str]) -> Process {
    let mut command = program::under_wine(format!(r"{INSTALLED}\passerelle-tray.exe"));
    Process::start("passerelle-tray", command.args(arguments))
}

fn installed(name: &str) -> std::path::PathBuf {
    file(&format!(r"{INSTALLED}\{name}"))
}

fn user_configuration() -> std::path::PathBuf {
    let (_, path) = wine("cmd", &["/c", "echo", "%APPDATA%"]);
    file(&format!(r"{}\Passerelle\config.toml", path.trim()))
}

/// How many shortcuts the start menus have.
fn start_menu() -> usize {
    ["ProgramData", r"users\root\AppData\Roaming"]
        .iter()
        .map(|root| format!(r"C:\{root}\Microsoft\Windows\Start Menu\Programs\Passerelle.lnk"))
        .filter(|link| file(link).exists())
        .count()
}

fn same(left: &Path, right: &Path) -> bool {
    fs::read(left).expect("a file") == fs::read(right).expect("a file")
}

/// Whether `reg query` showed this value.
fn has(shown: &str, name: &str, value: &str) -> bool {
    shown.lines().any(|line| {
        let mut parts = line.trim().splitn(3, "    ");
        parts.next() == Some(name) && parts.nth(1).is_some_and(|shown| shown.trim() == value)
    })
}
