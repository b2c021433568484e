//! How much of everything there may be, and what it costs to read it.

use super::{errors, loaded, problems, settings, source};
use crate::config::{ConfigErrors, Counted, Problem, resolve};
use std::fmt::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const TUNNELS: usize = 64;
const FORWARDS: usize = 256;

fn too_many(what: Counted) -> Problem {
    let limit = what.limit();
    Problem::TooMany { what, limit }
}

/// So many tunnels, with so many forwards each.
fn text(tunnels: usize, forwards: usize) -> String {
    let mut text = String::new();
    for tunnel in 0..tunnels {
        let _ = writeln!(text, "[[tunnel]]\nname = \"t{tunnel}\"\nhost = \"h\"");
        if forwards == 0 {
            text += "forward = []\n";
        }
        for forward in 0..forwards {
            let port = 1 + (tunnel * forwards + forward) % 65_535;
            let _ = writeln!(
                text,
                "[[tunnel.forward]]\nname = \"f{forward}\"\nlocal = {port}\nremote = \"r:1\""
            );
        }
    }
    text
}

#[test]
fn as_many_as_there_may_be_are_read() {
    assert_eq!(settings(&text(TUNNELS, 0)).tunnels.len(), TUNNELS);
    let even = settings(&text(TUNNELS, FORWARDS / TUNNELS));
    let forwards = even.tunnels.iter().map(|tunnel| tunnel.forwards.len());
    assert_eq!(forwards.sum::<usize>(), FORWARDS);
    let one = settings(&text(1, FORWARDS));
    assert_eq!(one.tunnels[0].forwards.len(), FORWARDS);
}

#[test]
fn more_are_one_error_that_says_where_they_begin() {
    let forwards = (
        String::from("tunnel[0].forward"),
        too_many(Counted::Forwards),
    );
    let told = |text: &str| {
        let told = errors(text).into_iter();
        told.map(|((line, _), key, problem)| (line, (key, problem)))
            .collect::<Vec<_>>()
    };
    // Each takes four lines, after three of the tunnel.
    let line = 3 + FORWARDS * 4 + 1;
    assert_eq!(told(&text(1, FORWARDS + 1)), [(line, forwards.clone())]);
    // Their ports and their names are those of others by then.
    assert_eq!(told(&text(1, 10_000)), [(line, forwards.clone())]);
    assert_eq!(told(&text(3, 10_000)), [(line, forwards)]);

    let tunnels = (String::from("tunnel"), too_many(Counted::Tunnels));
    let line = TUNNELS * 4 + 1;
    assert_eq!(told(&text(TUNNELS + 1, 0)), [(line, tunnels.clone())]);
    assert_eq!(told(&text(10_000, 0)), [(line, tunnels)]);

    // In sum, where no tunnel has too many for itself.
    let sum = [too_many(Counted::Forwards)];
    assert_eq!(problems(&text(3, FORWARDS / 2)), sum);
    assert_eq!(problems(&text(TUNNELS, 100)), sum);
}

#[test]
fn what_else_is_wrong_is_told_as_well() {
    let text = format!("nonsense = 1\n{}", text(2, FORWARDS));
    let told = problems(&text);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(matches!(told[0], Problem::UnknownKey { .. }));
    assert_eq!(told[1], too_many(Counted::Forwards));
}

#[test]
fn a_policy_adds_no_more_than_there_may_be() {
    let policy = "[locked.tunnel.forward.More]\nlocal = 65000\nremote = \"r:1\"\n";
    let policy = source("policy.toml", policy);
    let read = |forwards| {
        let file = source("config.toml", &text(1, forwards));
        resolve(Some(&policy), Some(&file))
    };
    assert!(read(FORWARDS - 1).is_ok());
    let ConfigErrors(told) = read(FORWARDS).unwrap_err();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].file.as_os_str(), "policy.toml");
    assert_eq!(told[0].problem, too_many(Counted::Forwards));
}

#[test]
fn a_list_of_values_has_a_bound_too() {
    let pins = |count: usize| {
        let pin = |number| format!("\"SHA256:{number:0>42}A\"");
        let pins: Vec<_> = (0..count).map(pin).collect();
        format!("[[tunnel]]\nhost_key = [{}]\n", pins.join(","))
    };
    let limit = Counted::Items.limit();
    assert_eq!(settings(&pins(limit)).tunnels[0].host_key.len(), limit);
    let many = [too_many(Counted::Items)];
    assert_eq!(problems(&pins(limit + 1)), many);
    assert_eq!(problems(&pins(10_000)), many);
    let list = |key: &str, item: &str| {
        let items = vec![item; 10_000].join(",");
        format!("[[tunnel]]\n{key} = [{items}]\n")
    };
    let key_files = [too_many(Counted::KeyFiles)];
    assert_eq!(problems(&list("identity", "\"/x\"")), key_files);
    assert_eq!(problems(&list("auth", "\"key\"")), many);
    let forwards = [too_many(Counted::Forwards)];
    assert_eq!(problems(&list("forward", "1")), forwards);
}

/// A text of that many mistakes; each kind of it once took a time that grew with the square of them.
type Many = fn(usize) -> String;

#[test]
fn four_times_the_mistakes_take_about_four_times_the_time() {
    let kinds: [(&str, Many); 5] = [
        ("unknown keys", |count| {
            let lines: Vec<_> = (0..count).map(|n| format!("x{n} = 1\n")).collect();
            lines.concat()
        }),
        ("unknown keys in one line", |count| {
            let keys: Vec<_> = (0..count).map(|n| format!("x{n} = 1")).collect();
            format!(
                "x = 1\n[[tunnel]]\n[[tunnel.forward]]\nhealth = {{ {} }}\n",
                keys.join(", ")
            )
        }),
        ("broken lines among unknown keys", |count| {
            let lines: Vec<_> = (0..count / 2)
                .map(|n| format!("x{n} = 1\ny{n} = \n"))
                .collect();
            lines.concat()
        }),
        ("forwards", |count| text(1, count)),
        ("tunnels", |count| text(count, 1)),
    ];
    for (kind, many) in kinds {
        let (few, much) = (cost(&many(3_000)), cost(&many(12_000)));
        // Sixteen times for what is quadratic.
        assert!(much < few * 9, "{kind}: {few:?}, then {much:?}");
    }
}

/// The least time of three readings: other programs only add to it.
fn cost(text: &str) -> Duration {
    let read = |_| {
        let begun = spent();
        assert!(loaded(text).is_err());
        spent() - begun
    };
    (0..3).map(read).min().unwrap()
}

/// The processor's time that this thread has spent, where the system says it.
fn spent() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat");
    let spent = statistics
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok());
    spent.map_or_else(|| START.elapsed(), Duration::from_nanos)
}
