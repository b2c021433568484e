//! A loopback of one's own, which can swallow what goes to a port: no refusal, no reset, silence.

use super::process::tool;
use std::process::Command;

/// Set for the test that runs in a network of its own.
const INSIDE: &str = "PASSERELLE_LAB_NETWORK";

/// Runs the test of this name again, alone, in a network namespace, and there `body`.
pub(crate) fn in_own_network(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        ip(&["link", "set", "lo", "up"]);
        // The local table comes after our rules; by default nothing comes before it.
        ip(&["rule", "add", "pref", "10", "lookup", "local"]);
        ip(&["rule", "del", "pref", "0"]);
        return body();
    }
    let myself = std::env::current_exe().expect("a test program has a path");
    let status = Command::new(tool("unshare", "util-linux"))
        .args(["--net", "--"])
        .arg(myself)
        .args(["--exact", "--include-ignored", "--nocapture", test])
        .env(INSIDE, "1")
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "it fails inside"
    );
}

/// Swallows every segment to and from this port until [`mend`].
pub(crate) fn cut(port: u16) {
    for (pref, side) in [("5", "dport"), ("6", "sport")] {
        let port = port.to_string();
        ip(&[
            "rule",
            "add",
            "pref",
            pref,
            "ipproto",
            "tcp",
            side,
            &port,
            "blackhole",
        ]);
    }
    ip(&["route", "flush", "cache"]);
}

/// Lets everything through again.
pub(crate) fn mend() {
    ip(&["rule", "del", "pref", "5"]);
    ip(&["rule", "del", "pref", "6"]);
    ip(&["route", "flush", "cache"]);
}

fn ip(arguments: &[&str]) {
    let status = Command::new(tool("ip", "iproute2"))
        .args(arguments)
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "ip {arguments:?}"
    );
}
