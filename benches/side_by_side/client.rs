//! The clients that are compared, each with the same two forwards.

use crate::common::process::peak_memory_mib;
use crate::common::{
    Config, Forward, Home, Key, Process, Sshd, Tunnel, answers, free_port, tool, wait_until,
};
use crate::load::Service;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Which client.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Ssh,
    Passerelle,
    Plink,
}

impl Kind {
    /// Those that can run here, what the others are compared with first.
    pub(crate) fn installed() -> Vec<Self> {
        let mut all = vec![Self::Ssh, Self::Passerelle];
        if Command::new("plink").arg("-V").output().is_ok() {
            all.push(Self::Plink);
        }
        all
    }

    /// Its place in [`Kind::installed`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ssh => "ssh -L",
            Self::Passerelle => "passerelle",
            Self::Plink => "plink",
        }
    }
}

/// A running client, through which the service answers.
pub(crate) struct Client {
    process: Process,
    #[expect(dead_code, reason = "its files live as long as it runs")]
    home: Home,
    /// The local port that leads to the HTTP service.
    pub(crate) http: u16,
    /// The local port that leads to the bulk service.
    pub(crate) bulk: u16,
}

impl Client {
    /// Starts it; also says how long it took from there to the first answer.
    pub(crate) fn start(kind: Kind, sshd: &Sshd, service: &Service) -> (Self, Duration) {
        let (http, bulk) = (free_port(), free_port());
        let pairs = [(http, service.http()), (bulk, service.bulk())];
        let home = Home::empty().trusting(sshd);
        let key = home.key_for(sshd);
        let mut command = match kind {
            Kind::Passerelle => passerelle(sshd, &home, &key, pairs),
            Kind::Ssh => ssh(sshd, &key, pairs),
            Kind::Plink => plink(sshd, &home, &key, pairs),
        };
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let process = Process::start(kind.name(), &mut command);
        wait_until("the service answers", Duration::from_secs(30), || {
            answers(http, "/metrics")
        });
        let took = start.elapsed();
        let client = Self {
            process,
            home,
            http,
            bulk,
        };
        (client, took)
    }

    /// The processor time that it has taken so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.process.pid())).expect("it runs");
        let (_, rest) = stat.rsplit_once(')').expect("a name in parentheses");
        // utime and stime, proc(5), in ticks of 10 ms.
        let ticks = rest.split_whitespace().skip(11).take(2);
        let ticks = ticks.map(|field| field.parse::<u64>().expect("a number"));
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// The most memory that it has held so far.
    pub(crate) fn peak_memory_mib(&self) -> f64 {
        peak_memory_mib(self.process.pid())
    }
}

type Pairs = [(u16, u16); 2];

fn passerelle(sshd: &Sshd, home: &Home, key: &Key, pairs: Pairs) -> Command {
    let mut tunnel = Tunnel::to(sshd, "bench").key(key.path());
    for (local, remote) in pairs {
        let forward = Forward::new(&local.to_string(), local, remote);
        tunnel = tunnel.forward(forward.line("health = \"none\""));
    }
    home.configure(&Config::of(tunnel).text());
    home.command(&["run", "--json", "--secrets", "memory"])
}

fn ssh(sshd: &Sshd, key: &Key, pairs: Pairs) -> Command {
    let mut command = Process::command(tool("ssh", "openssh-client"));
    command.arg("-i").arg(key.path());
    sshd.forwarding(command, &pairs)
}

fn plink(sshd: &Sshd, home: &Home, key: &Key, pairs: Pairs) -> Command {
    let ppk = home.home("key.ppk");
    let converted = Command::new(tool("puttygen", "putty-tools"))
        .arg(key.path())
        .args(["-O", "private", "-o"])
        .arg(&ppk)
        .status();
    assert!(
        converted.is_ok_and(|status| status.success()),
        "puttygen converts the key"
    );
    let mut command = Process::command(tool("plink", "putty-tools"));
    // Where it would look for the user's own settings otherwise.
    command.env("HOME", home.home(""));
    command.args([
        "-batch",
        "-N",
        "-ssh",
        "-hostkey",
        &sshd.host_key().fingerprint(),
    ]);
    command.args(["-P", &sshd.port().to_string(), "-l", sshd.user(), "-i"]);
    command.arg(ppk);
    for (local, remote) in pairs {
        command
            .arg("-L")
            .arg(format!("127.0.0.1:{local}:127.0.0.1:{remote}"));
    }
    command.arg("127.0.0.1");
    command
}
