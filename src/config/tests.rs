//! The room as a whole: text in, settings or errors out.

mod bounds;
mod policy;
mod values;

use super::*;
use crate::model::{
    AuthMethod, ForwardId, ForwardSettings, HealthCheck, Hold, Language, LocalBind, RemoteTarget,
    TunnelId, TunnelSettings,
};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLE: &str = include_str!("../../config.example.toml");
const PIN: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn source(name: &str, text: &str) -> Source {
    Source::written(name.into(), text.to_owned())
}

fn loaded(text: &str) -> Result<Loaded, ConfigErrors> {
    resolve(None, Some(&source("config.toml", text)))
}

fn settings(text: &str) -> Settings {
    let loaded = loaded(text).unwrap();
    Settings::clone(&loaded.settings)
}

/// Each error as its place, its key and its problem.
fn errors(text: &str) -> Vec<((usize, usize), String, Problem)> {
    let ConfigErrors(errors) = loaded(text).unwrap_err();
    let errors = errors.into_iter().map(|error| {
        assert_eq!(error.file, PathBuf::from("config.toml"));
        let at = error.position.unwrap();
        ((at.line, at.column), error.key, error.problem)
    });
    errors.collect()
}

fn problems(text: &str) -> Vec<Problem> {
    match loaded(text) {
        Ok(_) => Vec::new(),
        Err(ConfigErrors(errors)) => errors.into_iter().map(|error| error.problem).collect(),
    }
}

#[test]
fn nothing_said_means_the_mission() {
    let dir = tempfile::tempdir().unwrap();
    let missing = load(&dir.path().join("config.toml")).unwrap();
    assert_eq!(*missing.settings, default_settings());
    for text in ["", "# nothing\n", "\u{feff}", "[[tunnel]]\n"] {
        assert_eq!(settings(text), default_settings(), "{text:?}");
    }
}

#[test]
fn the_example_is_the_default_and_holds_every_key() {
    let loaded = loaded(EXAMPLE).unwrap();
    assert_eq!(*loaded.settings, default_settings());
    for row in loaded.rows() {
        let said = !matches!(row.origin, Origin::Default);
        // Said of the first forward alone.
        let of_one = ["primary", "hold", "holding_page"];
        let of_one = of_one.map(|key| format!("tunnel[0].forward[1].{key}"));
        assert!(said || of_one.contains(&row.key), "{row:?}");
    }
    for key in KEYS {
        let name = key.name;
        let forms = [
            format!("{name} = "),
            format!("[[{name}]]"),
            format!(".{name}]]"),
        ];
        assert!(forms.iter().any(|form| EXAMPLE.contains(form)), "{name}");
    }
}

#[test]
fn the_examples_in_comments_are_right() {
    let mut tried = 0;
    for line in EXAMPLE.lines() {
        let Some(example) = line.strip_prefix("# ") else {
            continue;
        };
        let Some((key, _)) = example.split_once(" = ") else {
            continue;
        };
        if !KEYS.iter().any(|known| known.name == key) {
            continue;
        }
        let shown = EXAMPLE
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")));
        let text = EXAMPLE.replacen(shown.unwrap(), example, 1);
        assert_eq!(problems(&text), [], "{example}");
        assert_ne!(
            settings(&text),
            Settings {
                language: None,
                start_at_logon: true,
                notifications: true,
                tunnels: vec![]
            }
        );
        tried += 1;
    }
    assert_eq!(tried, 3);
}

#[test]
fn every_key_is_read() {
    let key = std::env::temp_dir().join("key");
    let text = format!(
        r#"
language = "fr"
start_at_logon = false
notifications = false
[[tunnel]]
name = "Test"
host = "2001:db8::1"
port = 22
user = "anna@example.org"
autostart = false
auth = ["password", "key"]
identity = ["~/keys/id", '{key}']
host_key = ["{PIN}"]
[[tunnel.forward]]
name = "A"
local = "[::1]:8080"
remote = "[2001:db8::2]:80"
health = {{ path = "/x?y=%20", status = [200, 401] }}
open = "/d/home?kiosk#top"
hold = "2s 500ms"
holding_page = false
[[tunnel.forward]]
name = "B"
local = 0x1F91
remote = "10.0.0.1:81"
[[tunnel]]
name = "Second"
host = "other"
forward = []
"#,
        key = key.display(),
    );
    let home = crate::paths::home().unwrap();
    let first = TunnelId::new("Test");
    let expected = Settings {
        language: Some(Language::Fr),
        start_at_logon: false,
        notifications: false,
        tunnels: vec![
            Arc::new(TunnelSettings {
                id: first.clone(),
                host: "2001:db8::1".into(),
                port: 22,
                user: "anna@example.org".into(),
                autostart: false,
                auth: vec![AuthMethod::Password, AuthMethod::Key],
                identity: vec![home.join("keys/id"), key.clone()],
                host_key: vec![PIN.into()],
                forwards: vec![
                    Arc::new(ForwardSettings {
                        id: ForwardId::new(&first, "A"),
                        local: LocalBind::Address(SocketAddr::from((
                            std::net::Ipv6Addr::LOCALHOST,
                            8080,
                        ))),
                        remote: RemoteTarget {
                            host: "2001:db8::2".into(),
                            port: 80,
                        },
                        health: HealthCheck::Http {
                            path: "/x?y=%20".into(),
                            status: vec![200, 401],
                        },
                        hold: Hold {
                            time: Duration::from_millis(2500),
                            page: false,
                        },
                        open: Some("/d/home?kiosk#top".into()),
                        primary: true,
                    }),
                    Arc::new(ForwardSettings {
                        id: ForwardId::new(&first, "B"),
                        local: LocalBind::Port(8081),
                        remote: RemoteTarget {
                            host: "10.0.0.1".into(),
                            port: 81,
                        },
                        health: HealthCheck::Tcp,
                        hold: Hold::usual(&HealthCheck::Tcp),
                        open: None,
                        primary: false,
                    }),
                ],
            }),
            Arc::new(TunnelSettings {
                id: TunnelId::new("Second"),
                host: "other".into(),
                forwards: Vec::new(),
                ..mission::tunnel()
            }),
        ],
    };
    assert_eq!(settings(&text), expected);
}

#[test]
fn a_renamed_tunnel_keeps_the_default_forwards() {
    let settings = settings("[[tunnel]]\nname = \"Prod\"");
    let id = TunnelId::new("Prod");
    let ids: Vec<_> = settings.tunnels[0]
        .forwards
        .iter()
        .map(|f| f.id.clone())
        .collect();
    assert_eq!(
        ids,
        [
            ForwardId::new(&id, "Grafana"),
            ForwardId::new(&id, "Prometheus")
        ]
    );
}

#[test]
fn what_is_shown_can_be_written_in_a_file() {
    let text = r#"
[[tunnel]]
name = "a \"b\" \\ c"
[[tunnel.forward]]
name = "x"
local = "127.0.0.2:1"
remote = "[::1]:2"
health = { path = "/x", status = [204] }
open = "/"
"#;
    let first = loaded(text).unwrap();
    let mut written = String::new();
    for row in first.rows() {
        let (table, key) = row.key.rsplit_once('.').unwrap_or(("", &row.key));
        if key == "name" {
            let header = table.replace("[0]", "");
            written += &format!("[[{header}]]\n");
        }
        written += &format!("{key} = {}\n", row.value);
    }
    assert_eq!(
        loaded(&written).unwrap().settings,
        first.settings,
        "{written}"
    );
}

#[test]
fn rows_say_where_values_come_from() {
    let loaded = loaded("[[tunnel]]\nuser = \"bob\"\nforward = []\n").unwrap();
    let row = |key: &str, value: &str, origin| KeyOrigin {
        key: key.to_owned(),
        value: value.to_owned(),
        origin,
    };
    let rows = loaded.rows();
    assert_eq!(rows[0], row("language", "\"auto\"", Origin::Default));
    assert_eq!(
        rows[6],
        row("tunnel[0].user", "\"bob\"", Origin::File { line: 2 })
    );
    assert_eq!(rows.len(), 11);
}

#[test]
fn all_errors_are_told_at_once() {
    let text = r#"language = "french"
host = "a"
[[tunnel]]
hots = "b"
port = 70000
[[tunnel.forward]]
local = "0.0.0.0:3000"
[[tunnel.forward]]
name = "x"
local = 3000
remote = "nowhere"
health = { stat = 200 }
[[tunnel]]
name = "production"
host = ""
[[tunnel.forward]]
name = "y"
local = "127.0.0.1:3000"
remote = "localhost:0"
"#;
    let malformed = |found: &str| Problem::Malformed {
        found: found.to_owned(),
    };
    assert_eq!(
        errors(text),
        [
            (
                (1, 12),
                "language".into(),
                Problem::UnknownWord {
                    found: "french".into(),
                    suggestion: Some("fr")
                }
            ),
            (
                (2, 1),
                "host".into(),
                Problem::UnknownKey {
                    suggestion: None,
                    belongs_in: Some(Section::Tunnel)
                }
            ),
            (
                (4, 1),
                "tunnel[0].hots".into(),
                Problem::UnknownKey {
                    suggestion: Some("host"),
                    belongs_in: None
                }
            ),
            ((5, 8), "tunnel[0].port".into(), malformed("70000")),
            ((6, 1), "tunnel[0].forward[0].name".into(), Problem::Missing),
            (
                (6, 1),
                "tunnel[0].forward[0].remote".into(),
                Problem::Missing
            ),
            (
                (7, 9),
                "tunnel[0].forward[0].local".into(),
                Problem::NotLoopback {
                    address: std::net::Ipv4Addr::UNSPECIFIED.into()
                }
            ),
            (
                (11, 10),
                "tunnel[0].forward[1].remote".into(),
                malformed("nowhere")
            ),
            (
                (12, 10),
                "tunnel[0].forward[1].health.path".into(),
                Problem::Missing
            ),
            (
                (12, 12),
                "tunnel[0].forward[1].health.stat".into(),
                Problem::UnknownKey {
                    suggestion: Some("status"),
                    belongs_in: None
                }
            ),
            (
                (14, 8),
                "tunnel[1].name".into(),
                Problem::NameTaken {
                    name: "production".into(),
                    by: "tunnel[0]".into(),
                    line: None
                }
            ),
            ((15, 8), "tunnel[1].host".into(), Problem::Empty),
            (
                (18, 9),
                "tunnel[1].forward[0].local".into(),
                Problem::PortTaken {
                    port: 3000,
                    by: "tunnel[0].forward[1]".into(),
                    line: Some(10)
                }
            ),
            (
                (19, 10),
                "tunnel[1].forward[0].remote".into(),
                malformed("localhost:0")
            ),
        ]
    );
}

#[test]
fn a_further_tunnel_names_what_the_mission_cannot() {
    let text = "[[tunnel]]\n[[tunnel]]\n";
    assert_eq!(
        errors(text),
        ["name", "host", "forward"].map(|key| (
            (2, 1),
            format!("tunnel[1].{key}"),
            Problem::Missing
        ))
    );
}

#[test]
fn syntax_errors_come_with_what_is_certain() {
    let text = "languag = \"fr\"\n[[tunnel]]\nport = 7x\nhost = \nhots = 1\n";
    let found = errors(text);
    let places: Vec<_> = found
        .iter()
        .map(|(at, key, _)| (*at, key.as_str()))
        .collect();
    assert_eq!(places, [((1, 1), "languag"), ((3, 8), ""), ((4, 8), "")]);
    assert!(matches!(found[1].2, Problem::Syntax { .. }));

    let text = "[[tunnel]]\nidentity = [\"C:\\Users\\x\"]\n";
    assert_eq!(problems(text), [Problem::Backslash]);
    assert_eq!(problems("a = 1\na = 2\n").len(), 2);
}

#[test]
fn a_file_cut_anywhere_is_read_or_refused() {
    for end in (0..=EXAMPLE.len()).filter(|end| EXAMPLE.is_char_boundary(*end)) {
        if let Err(ConfigErrors(errors)) = loaded(&EXAMPLE[..end]) {
            assert_ne!(errors, []);
        }
    }
}

#[test]
fn a_file_with_a_byte_changed_is_read_or_refused() {
    for at in 0..EXAMPLE.len() {
        for byte in [b'"', b'[', b'='] {
            let mut bytes = EXAMPLE.as_bytes().to_vec();
            bytes[at] = byte;
            if let Ok(text) = String::from_utf8(bytes) {
                let _ = loaded(&text);
            }
        }
    }
}

#[test]
fn nesting_without_end_is_refused() {
    for text in [
        format!("x = {}", "[".repeat(500_000)),
        format!("x = {}", "{a=".repeat(300_000)),
        format!("x{} = 1", ".x".repeat(400_000)),
        format!("[x{}]", ".x".repeat(400_000)),
    ] {
        assert_ne!(problems(&text), []);
    }
}
