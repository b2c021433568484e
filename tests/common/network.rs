//! Networks of a test's own: a loopback that can swallow what goes to a port (no refusal, no reset,
//! silence) or lose some of it, and a second machine whose address changes.

use super::process::{Process, tool};
use super::scratch::Scratch;
use super::wait::wait_until;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Set for the test that runs in a network of its own: names the file by which it shows that it ran.
const INSIDE: &str = "PASSERELLE_LAB_NETWORK";

/// Runs the test of this name again, alone, in a network namespace, and there `body`.
pub(crate) fn in_own_network(test: &str, body: impl FnOnce()) {
    if let Some(mark) = std::env::var_os(INSIDE) {
        std::fs::write(mark, "").expect("the mark can be left");
        ip(&["link", "set", "lo", "up"]);
        // The local table comes after our rules; by default nothing comes before it.
        ip(&["rule", "add", "pref", "10", "lookup", "local"]);
        ip(&["rule", "del", "pref", "0"]);
        return body();
    }
    let scratch = Scratch::new();
    let mark = scratch.join("inside");
    let myself = std::env::current_exe().expect("a test program has a path");
    let status = Command::new(tool("unshare", "util-linux"))
        .args(["--net", "--mount", "--"])
        .arg(myself)
        .args(["--exact", "--include-ignored", "--nocapture", test])
        .env(INSIDE, &mark)
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "it fails inside"
    );
    // A name that no test has makes the test program succeed, with nothing run.
    assert!(mark.exists(), "no test is called {test}");
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

/// Loses so many of a hundred segments to and from this port, at random; the loopback's segments are
/// then as long as an Ethernet's.
pub(crate) fn lose(port: u16, of_hundred: u8) -> Loss {
    ip(&["link", "set", "dev", "lo", "mtu", "1500"]);
    ip(&["link", "set", "dev", "lo", "gso_max_segs", "1"]);
    nft("add table inet lossy");
    // On arrival, as a sender is told of what is dropped on departure.
    nft("add chain inet lossy arrival { type filter hook prerouting priority raw; }");
    for side in ["dport", "sport"] {
        nft(&format!(
            "add rule inet lossy arrival tcp {side} {port} \
             numgen random mod 100 < {of_hundred} counter drop"
        ));
    }
    Loss
}

/// What [`lose`] does.
pub(crate) struct Loss;

impl Loss {
    /// How many segments were lost so far.
    pub(crate) fn segments(&self) -> u64 {
        let rules = nft("list chain inet lossy arrival");
        let counts = rules.split("counter packets ").skip(1);
        let counts = counts.map(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        counts.sum::<Option<u64>>().expect("numbers of packets")
    }
}

/// Has the packet filter do this, and gives what it prints.
fn nft(command: &str) -> String {
    let output = Command::new(tool("nft", "nftables")).arg(command).output();
    let output = output.expect("nft runs");
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Puts this text in the place of a system's file, for all that runs in the network of one's own.
/// Returns the file to change it by.
pub(crate) fn replace_file(scratch: &Scratch, path: &str, text: &str) -> PathBuf {
    let name = path.replace('/', "_");
    let stand_in = scratch.write(&name, text);
    let status = Command::new(tool("mount", "mount"))
        .arg("--bind")
        .arg(&stand_in)
        .arg(path)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "{path}");
    stand_in
}

/// Another machine, as far as the network is concerned, with a cable to this one. It takes a network
/// of one's own on this side.
pub(crate) struct Machine {
    holder: Process,
}

impl Machine {
    /// This side's address, by which the other one reaches it.
    pub(crate) const GATEWAY: &str = "10.99.0.1";

    /// With this address out of 10.99.0.0/24.
    pub(crate) fn at(address: &str) -> Self {
        let mut command = Process::command(tool("unshare", "util-linux"));
        command.args(["--net", "--", "sleep", "infinity"]);
        let machine = Self {
            holder: Process::start("a machine", &mut command),
        };
        let network = |process: &str| {
            std::fs::read_link(Path::new("/proc").join(process).join("ns/net")).ok()
        };
        let pid = machine.holder.pid().to_string();
        wait_until("it is alone", Duration::from_secs(10), || {
            network(&pid) != network("self")
        });
        ip(&[
            "link", "add", "cable", "type", "veth", "peer", "name", "eth0", "netns", &pid,
        ]);
        let mine = format!("{}/24", Self::GATEWAY);
        ip(&["addr", "add", &mine, "dev", "cable"]);
        ip(&["link", "set", "cable", "up"]);
        machine.ip(&["link", "set", "lo", "up"]);
        machine.ip(&["link", "set", "eth0", "up"]);
        machine.address("add", address);
        machine
    }

    /// Gives it another address for the old one, as a network that is changed does.
    pub(crate) fn move_to(&self, old: &str, new: &str) {
        self.address("del", old);
        self.address("add", new);
    }

    /// Pulls its cable, so that it has no route any more.
    pub(crate) fn unplug(&self) {
        self.ip(&["link", "set", "eth0", "down"]);
    }

    /// Plugs it in again.
    pub(crate) fn plug_in(&self) {
        self.ip(&["link", "set", "eth0", "up"]);
    }

    /// Makes a program run on it.
    pub(crate) fn enter(&self) -> [String; 4] {
        let nsenter = tool("nsenter", "util-linux");
        let target = self.holder.pid().to_string();
        let [net, end] = ["--net", "--"].map(str::to_owned);
        [
            nsenter.to_string_lossy().into_owned(),
            format!("--target={target}"),
            net,
            end,
        ]
    }

    fn address(&self, verb: &str, address: &str) {
        self.ip(&["addr", verb, &format!("{address}/24"), "dev", "eth0"]);
    }

    /// Changes its network.
    pub(crate) fn ip(&self, arguments: &[&str]) {
        let [program, rest @ ..] = self.enter();
        let mut command = Command::new(program);
        command
            .args(rest)
            .arg(tool("ip", "iproute2"))
            .args(arguments);
        assert!(
            command.status().is_ok_and(|status| status.success()),
            "ip {arguments:?}"
        );
    }
}

/// Changes the network of one's own.
pub(crate) fn ip(arguments: &[&str]) {
    let status = Command::new(tool("ip", "iproute2"))
        .args(arguments)
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "ip {arguments:?}"
    );
}
