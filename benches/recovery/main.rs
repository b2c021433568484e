//! Passerelle beside `autossh` around OpenSSH: the same faults, the same sshd, the same run.
//!
//! ```text
//! cargo bench --bench recovery
//! ```
//!
//! `ssh` is told to look every 10 s and to give up after three answers that did not come, which is what
//! people are told to do. It takes root, as the tests do.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    reason = "a measurement that cannot be taken is no measurement"
)]

#[expect(
    dead_code,
    unused_imports,
    reason = "the tests need more of the lab than the benchmark"
)]
#[path = "../../tests/common/mod.rs"]
mod common;

use common::{
    Backend, Config, Forward, Home, Key, Process, Sshd, Tunnel, answers, free_port, lasts, tool,
    visit, wait_until,
};
use rustix::process::Signal;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(180);
const OUTAGE: Duration = Duration::from_secs(20);

/// A column of the table.
#[derive(Clone, Copy)]
enum Kind {
    Autossh,
    Passerelle,
}

type Row = (&'static str, String);

fn main() {
    let columns = [Kind::Autossh, Kind::Passerelle].map(measure);
    println!("| fault | autossh | passerelle |\n|---|--:|--:|");
    for ((fault, theirs), (_, ours)) in columns[0].iter().zip(&columns[1]) {
        println!("| {fault} | {theirs} | {ours} |");
    }
}

fn measure(kind: Kind) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |fault, found: String| {
        eprintln!("{fault}: {found}");
        rows.push((fault, found));
    };
    let scene = Scene::start(kind);
    scene.sshd.kill_sessions();
    row(
        "session killed: until it is usable",
        seconds(scene.until_usable()),
    );

    let scene = Scene::start(kind);
    scene.sshd.freeze_sessions();
    row(
        "silent death, nobody asks: until it dials",
        seconds(scene.until_dialled()),
    );

    let scene = Scene::start(kind);
    scene.sshd.freeze_sessions();
    row(
        "silent death, somebody asks: until it is usable",
        seconds(scene.until_usable()),
    );

    let mut scene = Scene::start(kind);
    scene.sshd.stop();
    let asking: Vec<_> = (0..OUTAGE.as_secs())
        .map(|_| scene.ask_in_a_second())
        .collect();
    scene.sshd.restart();
    row(
        "after an outage of 20 s: until it is usable",
        seconds(scene.until_usable()),
    );
    let lost: Vec<Duration> = asking
        .into_iter()
        .filter_map(|asked| asked.join().expect("it does not panic").err())
        .collect();
    let refused = lost.iter().filter(|after| **after < Duration::from_secs(1));
    let (refused, lost) = (refused.count(), lost.len());
    row(
        "local connections refused meanwhile, of 20",
        refused.to_string(),
    );
    row(
        "… given up after they had waited for 15 s",
        (lost - refused).to_string(),
    );

    let scene = Scene::start(kind);
    scene.signal(Signal::STOP);
    scene.sshd.kill_sessions();
    lasts(OUTAGE);
    scene.signal(Signal::CONT);
    row(
        "after sleep, session ended: until it is usable",
        seconds(scene.until_usable()),
    );

    let scene = Scene::start(kind);
    scene.signal(Signal::STOP);
    scene.sshd.freeze_sessions();
    lasts(OUTAGE);
    scene.signal(Signal::CONT);
    row(
        "after sleep, session silent: until it is usable",
        seconds(scene.until_usable()),
    );
    rows
}

/// A client that works.
struct Scene {
    client: Process,
    sshd: Sshd,
    local: u16,
    _backend: Backend,
    _home: Home,
}

impl Scene {
    fn start(kind: Kind) -> Self {
        let (sshd, backend, local) = (Sshd::start(), Backend::start(), free_port());
        let home = Home::empty().trusting(&sshd);
        let key = home.key_for(&sshd);
        let mut command = match kind {
            Kind::Autossh => autossh(&sshd, &key, local, backend.port()),
            Kind::Passerelle => passerelle(&sshd, &home, &key, local, backend.port()),
        };
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let scene = Self {
            client: Process::start("the client", &mut command),
            sshd,
            local,
            _backend: backend,
            _home: home,
        };
        wait_until("it works", BOUND, || answers(local, "/metrics"));
        scene
    }

    /// Asks again and again, as a browser's user does.
    fn until_usable(&self) -> Duration {
        let start = Instant::now();
        wait_until("it works again", BOUND, || answers(self.local, "/metrics"));
        start.elapsed()
    }

    /// Asks nothing.
    fn until_dialled(&self) -> Duration {
        let (start, before) = (Instant::now(), self.sshd.connections());
        wait_until("it dials", BOUND, || self.sshd.connections() > before);
        start.elapsed()
    }

    /// Asks once, patiently, and lets a second pass. Says after how long the asking failed.
    fn ask_in_a_second(&self) -> thread::JoinHandle<Result<(), Duration>> {
        let (local, start) = (self.local, Instant::now());
        let asking = thread::spawn(move || match visit(local, "/metrics") {
            Ok(_) => Ok(()),
            Err(_) => Err(start.elapsed()),
        });
        lasts(Duration::from_secs(1));
        asking
    }

    /// To the client and all that it has started.
    fn signal(&self, signal: Signal) {
        self.client.signal_descendants(signal);
        self.client.signal(signal);
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn passerelle(sshd: &Sshd, home: &Home, key: &Key, local: u16, remote: u16) -> Command {
    let forward = Forward::tcp("Backend", local, remote);
    let tunnel = Tunnel::to(sshd, "bench").key(key.path()).forward(forward);
    home.configure(&Config::of(tunnel).text());
    home.command(&["run", "--json", "--secrets", "memory"])
}

fn autossh(sshd: &Sshd, key: &Key, local: u16, remote: u16) -> Command {
    let mut command = Process::command(tool("autossh", "autossh"));
    command.env("AUTOSSH_GATETIME", "0").args(["-M", "0"]);
    command.args(["-o", "ServerAliveInterval=10"]);
    command.args(["-o", "ServerAliveCountMax=3", "-i"]);
    command.arg(key.path());
    sshd.forwarding(command, &[(local, remote)])
}
