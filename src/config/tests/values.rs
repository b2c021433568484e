//! What each key takes, and what it refuses.

use super::{PIN, problems, settings};
use crate::config::Problem;
use std::net::SocketAddr;

#[test]
fn tables_are_lists() {
    assert_eq!(problems("[tunnel]\nhost = \"a\""), wrong("table"));
    assert_eq!(problems("tunnel = 1"), wrong("integer"));
    assert_eq!(problems("tunnel = [1]"), wrong("integer"));
    assert_eq!(problems("tunnel = []"), [Problem::Empty]);
    assert_eq!(in_tunnel("[tunnel.forward]"), wrong("table"));
    assert_eq!(in_tunnel("forward = []"), []);
}

#[test]
fn tunnel_values() {
    assert_eq!(in_tunnel("name = \" x\""), malformed(" x"));
    assert_eq!(in_tunnel("name = 1"), wrong("integer"));
    assert_eq!(in_tunnel(r#"name = "a\u001b[2J""#), malformed("a\u{1b}[2J"));
    for host in [
        "192.0.2.1",
        "fe80::1%eth0",
        "a.example.",
        "xn--a",
        "serveur_1",
    ] {
        assert_eq!(in_tunnel(&format!("host = \"{host}\"")), [], "{host}");
    }
    for host in [
        "maintenance@prod",
        "prod:722",
        "[::1]",
        "a b",
        "ssh://prod",
        "::x",
    ] {
        assert_eq!(in_tunnel(&format!("host = \"{host}\"")), malformed(host));
    }
    assert_eq!(in_tunnel("port = 0"), malformed("0"));
    assert_eq!(in_tunnel("port = -1"), malformed("-1"));
    assert_eq!(in_tunnel("port = \"722\""), wrong("string"));
    assert_eq!(in_tunnel("port = 22.0"), wrong("float"));
    assert_eq!(in_tunnel("user = \"\""), [Problem::Empty]);
    let user = "é".repeat(256);
    assert_eq!(in_tunnel(&format!("user = \"{user}\"")), []);
    let longer = format!("{user}é");
    assert_eq!(
        in_tunnel(&format!("user = \"{longer}\"")),
        malformed(&longer)
    );
    assert_eq!(in_tunnel("autostart = \"yes\""), wrong("string"));
    assert_eq!(in_tunnel("auth = []"), [Problem::Empty]);
    assert_eq!(
        in_tunnel("auth = [\"key\", \"keys\", 1, \"key\"]"),
        [
            Problem::UnknownWord {
                found: "keys".into(),
                suggestion: Some("key")
            },
            Problem::WrongType { found: "integer" },
        ]
    );
    assert_eq!(
        in_tunnel("auth = [\"key\", \"key\"]"),
        [Problem::Repeated {
            found: "key".into()
        }]
    );
    assert_eq!(in_tunnel("identity = \"~/.ssh/id\""), wrong("string"));
    assert_eq!(in_tunnel("identity = [\"keys/id\"]"), malformed("keys/id"));
    assert_eq!(in_tunnel("identity = []"), []);
}

#[test]
fn pins_are_whole_fingerprints() {
    let pins = |pin: &str| in_tunnel(&format!("host_key = [\"{pin}\"]"));
    assert_eq!(pins(PIN), []);
    assert_eq!(
        pins("SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDpCKkT5NsuEuw0oQQ"),
        []
    );
    let one_off = PIN.replace("SHA256:A", "SHA256:");
    let unused_bits = format!("{}B", &PIN[..PIN.len() - 1]);
    for pin in [
        "",
        "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
        &PIN.to_lowercase(),
        &PIN.replace("SHA256:", ""),
        &format!("{PIN}="),
        &format!("{PIN}A"),
        &one_off,
        &unused_bits,
        &PIN.replace("AAAA", "AA-_"),
    ] {
        assert_eq!(pins(pin).len(), 1, "{pin}");
    }
}

#[test]
fn forward_values() {
    assert_eq!(in_forward("name = \"x\""), []);
    for local in [
        "65535",
        "\"127.0.0.1:1\"",
        "\"127.1.2.3:1\"",
        "\"[::1]:1\"",
        "\"localhost:1\"",
    ] {
        assert_eq!(in_forward(&format!("local = {local}")), [], "{local}");
    }
    assert_eq!(in_forward("local = 0"), malformed("0"));
    assert_eq!(
        in_forward("local = \"127.0.0.1:0\""),
        malformed("127.0.0.1:0")
    );
    assert_eq!(in_forward("local = \"3000\""), malformed("3000"));
    assert_eq!(in_forward("local = \"here:3000\""), malformed("here:3000"));
    assert_eq!(in_forward("local = true"), wrong("boolean"));
    for address in ["192.0.2.1", "::", "::ffff:127.0.0.1"] {
        let address: std::net::IpAddr = address.parse().unwrap();
        assert_eq!(
            in_forward(&format!("local = \"{}\"", SocketAddr::new(address, 1))),
            [Problem::NotLoopback { address }]
        );
    }
    for remote in ["db:1", "[::1]:1", "10.0.0.1:65535"] {
        assert_eq!(
            in_forward(&format!("remote = \"{remote}\"")),
            [],
            "{remote}"
        );
    }
    for remote in [
        "db", ":1", "db:", "db:65536", "db:+1", "::1:1", "[db]:1", "a b:1",
    ] {
        assert_eq!(
            in_forward(&format!("remote = \"{remote}\"")),
            malformed(remote)
        );
    }
    for open in ["x", "http://a/", "/a b", "/é", "/a\\\\b", "/<", "/\\u0007"] {
        assert_eq!(in_forward(&format!("open = \"{open}\"")).len(), 1, "{open}");
    }
    let path = format!("/{}", "x".repeat(2047));
    assert_eq!(in_forward(&format!("open = \"{path}\"")), []);
    let longer = format!("{path}x");
    for value in [
        format!("open = \"{longer}\""),
        format!("health = {{ path = \"{longer}\" }}"),
    ] {
        assert_eq!(in_forward(&value), malformed(&longer));
    }
    for health in [
        "\"grafana\"",
        "\"none\"",
        "{ path = \"/x\" }",
        "{ path = \"/\", status = [503] }",
    ] {
        assert_eq!(in_forward(&format!("health = {health}")), [], "{health}");
    }
    assert_eq!(
        in_forward("health = \"grafanna\""),
        [Problem::UnknownWord {
            found: "grafanna".into(),
            suggestion: Some("grafana")
        }]
    );
    assert_eq!(
        in_forward("health = { path = \"/\", status = [] }"),
        [Problem::Empty]
    );
    assert_eq!(
        in_forward("health = { path = \"/\", status = [99] }"),
        malformed("99")
    );
    assert_eq!(in_forward("health = 1"), wrong("integer"));
}

#[test]
fn forwards_do_not_share_an_address() {
    let pair = |a: &str, b: &str| {
        let forward = |name: &str, local: &str| {
            format!("[[tunnel.forward]]\nname = \"{name}\"\nlocal = {local}\nremote = \"db:1\"\n")
        };
        problems(&format!(
            "[[tunnel]]\n{}{}",
            forward("a", a),
            forward("b", b)
        ))
    };
    let taken = [Problem::PortTaken {
        port: 7,
        by: "tunnel[0].forward[0]".into(),
        line: Some(4),
    }];
    assert_eq!(pair("7", "7"), taken);
    assert_eq!(pair("7", "\"127.0.0.1:7\""), taken);
    assert_eq!(pair("\"[::1]:7\"", "7"), taken);
    assert_eq!(pair("\"127.0.0.1:7\"", "\"127.0.0.2:7\""), []);
    assert_eq!(pair("7", "8"), []);
}

#[test]
fn one_forward_is_what_a_click_opens() {
    let tunnel = |flags: [&str; 3]| {
        let mut text = "[[tunnel]]\n".to_owned();
        for (i, flag) in flags.iter().enumerate() {
            text += &format!(
                "[[tunnel.forward]]\nname = \"{i}\"\nlocal = {}\nremote = \"db:1\"\n{flag}\n",
                i + 1
            );
        }
        text
    };
    let primary = |flags| {
        let settings = settings(&tunnel(flags));
        let forwards = settings.tunnels[0].forwards.iter();
        forwards.map(|forward| forward.primary).collect::<Vec<_>>()
    };
    let (nothing, opens) = ("", "open = \"/\"");
    let (chosen, refused) = (
        "open = \"/\"\nprimary = true",
        "open = \"/\"\nprimary = false",
    );
    assert_eq!(primary([nothing, opens, opens]), [false, true, false]);
    assert_eq!(primary([refused, opens, opens]), [false, true, false]);
    assert_eq!(primary([opens, nothing, chosen]), [false, false, true]);
    assert_eq!(primary([nothing, refused, nothing]), [false, false, false]);
    assert_eq!(
        problems(&tunnel([chosen, nothing, chosen])),
        [Problem::SecondPrimary {
            first: "tunnel[0].forward[0]".into(),
            line: Some(7)
        }]
    );
    assert_eq!(
        problems(&tunnel([nothing, "primary = true", nothing])),
        [Problem::PrimaryOpensNothing]
    );
}

/// The problems of one line in a forward that is right otherwise.
fn in_forward(line: &str) -> Vec<Problem> {
    let whole = [
        ("name", "name = \"x\""),
        ("local", "local = 3000"),
        ("remote", "remote = \"localhost:3000\""),
        ("open", "open = \"/\""),
    ];
    let rest = whole.iter().filter(|(key, _)| !line.starts_with(key));
    let rest: Vec<_> = rest.map(|(_, line)| *line).collect();
    let text = format!(
        "[[tunnel]]\n[[tunnel.forward]]\n{line}\n{}",
        rest.join("\n")
    );
    problems(&text)
}

fn in_tunnel(line: &str) -> Vec<Problem> {
    problems(&format!("[[tunnel]]\n{line}"))
}

fn malformed(found: &str) -> Vec<Problem> {
    vec![Problem::Malformed {
        found: found.to_owned(),
    }]
}

fn wrong(found: &'static str) -> Vec<Problem> {
    vec![Problem::WrongType { found }]
}
