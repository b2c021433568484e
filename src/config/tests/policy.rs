//! The administrator's word over and under the user's.

use super::{PIN, source};
use crate::config::{
    ConfigErrors, KEYS, KeyOrigin, Loaded, Origin, Problem, Section, default_settings, load_under,
    policy, resolve,
};
use crate::model::{Settings, TunnelSettings};
use crate::platform::{PolicyKey, PolicySource, PolicyValue};
use std::io;
use std::path::{Path, PathBuf};

const LOCKED: Origin = Origin::Policy { locked: true };
const PRESET: Origin = Origin::Policy { locked: false };

fn under(policy: &str, file: &str) -> Result<Loaded, ConfigErrors> {
    let (policy, file) = (source("policy.toml", policy), source("config.toml", file));
    resolve(Some(&policy), Some(&file))
}

fn settings(policy: &str, file: &str) -> Settings {
    Settings::clone(&under(policy, file).unwrap().settings)
}

fn tunnel(policy: &str, file: &str) -> TunnelSettings {
    TunnelSettings::clone(&settings(policy, file).tunnels[0])
}

/// Errors as file, key and problem.
fn errors(policy: &str, file: &str) -> Vec<(PathBuf, String, Problem)> {
    let ConfigErrors(errors) = under(policy, file).unwrap_err();
    let errors = errors.into_iter();
    errors.map(|e| (e.file, e.key, e.problem)).collect()
}

/// What the row of this key shows.
fn row(loaded: &Loaded, key: &str) -> (String, Origin) {
    let row = loaded.rows().into_iter().find(|row| row.key == key);
    let KeyOrigin { value, origin, .. } = row.unwrap();
    (value, origin)
}

#[test]
fn an_empty_policy_says_nothing() {
    for policy in ["", "[preset]\n[locked]\n", "[locked.tunnel.forward]\n"] {
        assert_eq!(settings(policy, ""), default_settings(), "{policy}");
    }
}

#[test]
fn locked_beats_the_file_and_the_file_beats_preset() {
    let policy =
        "[locked.tunnel]\nhost = \"locked\"\n[preset.tunnel]\nuser = \"preset\"\nport = 1\n";
    let file = "[[tunnel]]\nhost = \"file\"\nuser = \"file\"\n";
    let loaded = under(policy, file).unwrap();
    let row = |key| row(&loaded, key);
    assert_eq!(row("tunnel[0].host"), ("\"locked\"".to_owned(), LOCKED));
    let line = Origin::File { line: 3 };
    assert_eq!(row("tunnel[0].user"), ("\"file\"".to_owned(), line));
    assert_eq!(row("tunnel[0].port"), ("1".to_owned(), PRESET));
    let default = ("true".to_owned(), Origin::Default);
    assert_eq!(row("tunnel[0].autostart"), default);
}

/// A value for each key that differs from the default.
const OTHER_VALUES: [(&str, &str); 19] = [
    ("language", "\"fr\""),
    ("start_at_logon", "false"),
    ("notifications", "false"),
    ("tunnel.name", "\"Other\""),
    ("tunnel.host", "\"other\""),
    ("tunnel.port", "22"),
    ("tunnel.user", "\"other\""),
    ("tunnel.autostart", "false"),
    ("tunnel.auth", "[\"key\"]"),
    ("tunnel.identity", "[]"),
    (
        "tunnel.host_key",
        "[\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"]",
    ),
    ("tunnel.forward.Prometheus.name", "\"Other\""),
    ("tunnel.forward.Prometheus.local", "4000"),
    ("tunnel.forward.Prometheus.remote", "\"db:1\""),
    ("tunnel.forward.Prometheus.health", "\"none\""),
    ("tunnel.forward.Prometheus.open", "\"/x\""),
    ("tunnel.forward.Grafana.primary", "true"),
    ("tunnel.forward.Prometheus.hold", "\"1m\""),
    ("tunnel.forward.Prometheus.holding_page", "false"),
];

#[test]
fn every_key_can_be_preset_and_locked() {
    let sections = [Section::Root, Section::Tunnel, Section::Forward];
    let scalars = KEYS.iter().filter(|key| {
        sections.contains(&key.section) && !["tunnel", "forward"].contains(&key.name)
    });
    assert_eq!(OTHER_VALUES.len(), scalars.count());

    for (half, origin) in [("locked", LOCKED), ("preset", PRESET)] {
        for (key, value) in OTHER_VALUES {
            let loaded = under(&format!("{half}.{key} = {value}"), "").unwrap();
            let shown = key
                .replace("tunnel.", "tunnel[0].")
                .replace("forward.Grafana", "forward[0]")
                .replace("forward.Prometheus", "forward[1]");
            assert_eq!(row(&loaded, &shown), (value.to_owned(), origin), "{key}");
        }
    }
}

#[test]
fn only_what_is_locked_leaves_no_word_about_the_start() {
    let locked = |policy, file| under(policy, file).unwrap().start_at_logon_is_locked();
    assert!(locked(
        "locked.start_at_logon = true",
        "start_at_logon = false"
    ));
    assert!(!locked("preset.start_at_logon = true", ""));
    assert!(!locked("", "start_at_logon = true"));
}

#[test]
fn a_locked_pin_cannot_be_taken_away() {
    let policy = format!("locked.tunnel.host_key = [\"{PIN}\"]");
    let other = format!("SHA256:{}", "E".repeat(43));
    for file in [
        "",
        "[[tunnel]]\nhost_key = []",
        &format!("[[tunnel]]\nhost_key = [\"{other}\"]"),
        "[[tunnel]]\nname = \"Mine\"",
    ] {
        assert_eq!(tunnel(&policy, file).host_key, [PIN], "{file}");
    }

    let file = "[[tunnel]]\nforward = []\n\
        [[tunnel]]\nname = \"Again\"\nhost = \"ServeurProduction\"\nforward = []\n\
        [[tunnel]]\nname = \"Elsewhere\"\nhost = \"elsewhere\"\nforward = []\n";
    let pins: Vec<_> = settings(&policy, file)
        .tunnels
        .iter()
        .map(|t| t.host_key.len())
        .collect();
    assert_eq!(pins, [1, 1, 0]);
    let loaded = under(&policy, file).unwrap();
    assert_eq!(row(&loaded, "tunnel[1].host_key").1, LOCKED);
    let preset = policy.replace("locked", "preset");
    let pins: Vec<_> = settings(&preset, file)
        .tunnels
        .iter()
        .map(|t| t.host_key.len())
        .collect();
    assert_eq!(pins, [1, 0, 0]);
}

#[test]
fn forwards_are_met_by_name() {
    let locals = |policy: &str, file: &str| {
        let tunnel = tunnel(policy, file);
        let forwards = tunnel.forwards.iter();
        forwards
            .map(|f| (f.id.name.to_string(), f.local.port()))
            .collect::<Vec<_>>()
    };
    let pairs = |pairs: &[(&str, u16)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(name, port)| ((*name).to_owned(), *port))
            .collect::<Vec<_>>()
    };
    let local = "locked.tunnel.forward.grafana.local = 3001\n";
    let whole = "[locked.tunnel.forward.Loki]\nlocal = 3100\nremote = \"localhost:3100\"\n";
    let own = "[[tunnel]]\n[[tunnel.forward]]\nname = \"DB\"\nlocal = 5432\nremote = \"db:5432\"\n";

    assert_eq!(
        locals(local, ""),
        pairs(&[("Grafana", 3001), ("Prometheus", 9090)])
    );
    assert_eq!(locals(local, own), pairs(&[("DB", 5432)]));
    let all = [("Grafana", 3000), ("Prometheus", 9090), ("Loki", 3100)];
    assert_eq!(locals(whole, ""), pairs(&all));
    assert_eq!(locals(whole, own), pairs(&[("DB", 5432), ("Loki", 3100)]));
    let preset = whole.replace("locked", "preset");
    assert_eq!(locals(&preset, ""), pairs(&all));
    assert_eq!(locals(&preset, own), pairs(&[("DB", 5432)]));
}

#[test]
fn a_policy_has_errors_of_its_own() {
    let policy = "lock = 1\n[locked]\ntunnel = []\n[preset]\nport = 1\n\
        [preset.tunnel.forward]\nGrafana = 1\n[preset.tunnel.forward.Loki]\nlocal = \"x\"\n";
    let file = "[[tunnel]]\nport = 0";
    let policy_file = || PathBuf::from("policy.toml");
    assert_eq!(
        errors(policy, file),
        [
            (
                "config.toml".into(),
                "tunnel[0].port".into(),
                Problem::Malformed { found: "0".into() }
            ),
            (
                policy_file(),
                "lock".into(),
                Problem::UnknownKey {
                    suggestion: Some("locked"),
                    belongs_in: None
                }
            ),
            (
                policy_file(),
                "locked.tunnel".into(),
                Problem::WrongType { found: "array" }
            ),
            (
                policy_file(),
                "preset.port".into(),
                Problem::UnknownKey {
                    suggestion: None,
                    belongs_in: Some(Section::Tunnel)
                }
            ),
            (
                policy_file(),
                "preset.tunnel.forward.Grafana".into(),
                Problem::WrongType { found: "integer" }
            ),
            (
                policy_file(),
                "preset.tunnel.forward.Loki.remote".into(),
                Problem::Missing
            ),
            (
                policy_file(),
                "preset.tunnel.forward.Loki.local".into(),
                Problem::Malformed { found: "x".into() }
            ),
        ]
    );
}

#[test]
fn a_broken_policy_locks_the_door() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    let broken = PolicySource::File(dir.path().to_owned());
    assert_eq!(load_under(&broken, &file).unwrap_err().0.len(), 1);
    let unreadable = PolicySource::Registry {
        name: r"HKLM\Policy",
        root: Err(io::ErrorKind::PermissionDenied.into()),
    };
    let ConfigErrors(errors) = load_under(&unreadable, &file).unwrap_err();
    assert_eq!(errors[0].file, Path::new(r"HKLM\Policy"));
    assert_eq!(load_under(&unreadable, dir.path()).unwrap_err().0.len(), 2);

    let none = PolicySource::File(dir.path().join("none"));
    assert_eq!(
        *load_under(&none, &file).unwrap().settings,
        default_settings()
    );
}

fn text(name: &str, value: &str) -> (String, PolicyValue) {
    (name.to_owned(), PolicyValue::Text(value.to_owned()))
}

fn number(name: &str, value: u32) -> (String, PolicyValue) {
    (name.to_owned(), PolicyValue::Number(value))
}

fn key(values: Vec<(String, PolicyValue)>, keys: Vec<(&str, PolicyKey)>) -> PolicyKey {
    PolicyKey {
        values,
        keys: keys
            .into_iter()
            .map(|(name, key)| (name.to_owned(), key))
            .collect(),
    }
}

fn in_registry(root: PolicyKey) -> String {
    let registry = PolicySource::Registry {
        name: r"HKLM\Software\Policies\Passerelle",
        root: Ok(root),
    };
    policy::read(&registry).unwrap().unwrap().text
}

#[test]
fn a_registry_holds_the_same_policy() {
    let lines =
        |lines: &[&str]| PolicyValue::Lines(lines.iter().map(|line| (*line).to_owned()).collect());
    let grafana = key(
        vec![text("Local", "3001"), text("open", "/d/home")],
        vec![(
            "Health",
            key(
                vec![text("path", "/up"), text("status", "200; 204")],
                vec![],
            ),
        )],
    );
    let tunnel = key(
        vec![
            text("Host", "serveur"),
            text("port", "722"),
            text("user", "  "),
            text("name", "2"),
            number("AutoStart", 0),
            text("auth", "key;password;"),
            text("host_key", PIN),
            ("identity".to_owned(), lines(&["~/.ssh/a b", ""])),
        ],
        vec![("Forward", key(vec![], vec![("Grafana", grafana)]))],
    );
    let root = key(
        vec![],
        vec![
            (
                "Locked",
                key(vec![text("Language", "fr")], vec![("Tunnel", tunnel)]),
            ),
            (
                "Preset",
                key(
                    vec![],
                    vec![("Tunnel", key(vec![number("port", 22)], vec![]))],
                ),
            ),
        ],
    );
    let expected = format!(
        r#"
[locked]
language = "fr"
[locked.tunnel]
host = "serveur"
port = 722
name = "2"
autostart = false
auth = ["key", "password"]
host_key = ["{PIN}"]
identity = ["~/.ssh/a b"]
[locked.tunnel.forward.Grafana]
local = 3001
open = "/d/home"
health = {{ path = "/up", status = [200, 204] }}
[preset.tunnel]
port = 22
"#
    );
    let parse = |text: &str| text.parse::<toml::Table>().unwrap();
    let text = in_registry(root);
    assert_eq!(parse(&text), parse(&expected));
    assert_eq!(settings(&text, "").tunnels[0].host, "serveur");
}

#[test]
fn what_a_registry_cannot_mean_is_an_error() {
    let locked = |values| {
        let tunnel = key(values, vec![]);
        in_registry(key(
            vec![],
            vec![("Locked", key(vec![], vec![("Tunnel", tunnel)]))],
        ))
    };
    let problem = |value: (String, PolicyValue)| {
        let mut errors = errors(&locked(vec![value]), "");
        assert_eq!(errors.len(), 1);
        errors.remove(0).2
    };
    assert_eq!(
        problem(("host".to_owned(), PolicyValue::Other)),
        Problem::WrongType { found: "table" }
    );
    assert_eq!(
        problem(number("autostart", 2)),
        Problem::WrongType { found: "integer" }
    );
    assert_eq!(
        problem(text("port", "many")),
        Problem::WrongType { found: "string" }
    );
    assert!(matches!(
        problem(text("HostKey", PIN)),
        Problem::UnknownKey {
            suggestion: Some("host_key"),
            ..
        }
    ));
}

#[test]
fn errors_of_a_registry_have_no_line() {
    let registry = PolicySource::Registry {
        name: r"HKLM\Policy",
        root: Ok(key(vec![text("x", "y")], vec![])),
    };
    let ConfigErrors(errors) =
        load_under(&registry, Path::new("/nowhere/config.toml")).unwrap_err();
    let places: Vec<_> = errors
        .iter()
        .map(|e| (e.key.as_str(), e.position))
        .collect();
    assert_eq!(places, [("x", None)]);
}
