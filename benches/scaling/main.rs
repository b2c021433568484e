//! How the cost grows: with streams, with connections, with forwards, with tunnels.
//!
//! ```text
//! cargo bench --bench scaling
//! ```
//!
//! One sshd of OpenSSH's, one program of ours for each row. Beside what is carried stands how much of a core
//! each end takes for it, which tells what limits a row. It takes root, as the tests do.

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
mod cost;
mod echo;
#[expect(
    dead_code,
    reason = "the comparison with other clients needs more of it"
)]
#[path = "../side_by_side/load.rs"]
mod load;

use common::process::peak_memory_mib;
use common::{
    Config, Forward, Home, Process, Sshd, Tunnel, answers, free_port, lasts, memory_mib,
    raise_descriptor_limit, wait_until,
};
use cost::{Cost, Spent};
use load::{Bulk, Direction};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// What a bulk transfer carries in sum.
const BULK: u64 = 512 << 20;

/// A forward has 256 connections at once, and the others wait.
const FORWARDS: usize = 4;

/// How long requests are sent.
const REQUESTS: Duration = Duration::from_secs(3);

/// How long the idle program is watched.
const IDLE: Duration = Duration::from_secs(20);

/// The longest bar of a plot, in characters.
const WIDEST: f64 = 40.0;

fn main() {
    raise_descriptor_limit();
    // All the tunnels of a row come at once.
    let sshd = Sshd::with("MaxStartups 100:30:200\nMaxSessions 200\n");
    let service = load::Service::start();
    let echo = echo::serve();
    for (direction, title) in [(Direction::Down, "down"), (Direction::Up, "up")] {
        let rows = [1, 4, 16, 64, 256].map(|streams| {
            let running = Running::start(&sshd, &service, 1, &[service.bulk()], false);
            let before = Cost::now(running.pid());
            let begun = Instant::now();
            let bulk = Bulk::run(running.ports[0], direction, streams, BULK);
            let spent = before.until_now(begun.elapsed());
            Row::new(
                streams,
                bulk.mib_per_second(),
                spent,
                peak_memory_mib(running.pid()),
            )
        });
        print(&format!("streams {title}"), "MiB/s", &rows);
    }
    let rows = [1, 10, 100, 1000].map(|connections| {
        let running = Running::start(&sshd, &service, 1, &[echo; FORWARDS], false);
        let before = Cost::now(running.pid());
        let begun = Instant::now();
        let answered = echo::requests(&running.ports, connections, REQUESTS);
        let took = begun.elapsed();
        let spent = before.until_now(took);
        let rate = answered as f64 / took.as_secs_f64();
        Row::new(
            connections as u64,
            rate,
            spent,
            peak_memory_mib(running.pid()),
        )
    });
    print("connections, all of them busy", "requests/s", &rows);
    for (title, counts) in [
        (
            "forwards of one tunnel, idle",
            [(1, 1), (1, 4), (1, 16), (1, 64)].as_slice(),
        ),
        (
            "tunnels of one forward, idle",
            [(1, 1), (4, 1), (16, 1)].as_slice(),
        ),
    ] {
        let rows: Vec<_> = counts
            .iter()
            .map(|(tunnels, forwards)| {
                let targets = vec![service.http(); *forwards];
                let begun = Instant::now();
                let running = Running::start(&sshd, &service, *tunnels, &targets, true);
                let start = begun.elapsed();
                let before = Cost::now(running.pid());
                lasts(IDLE);
                let spent = before.until_now(IDLE);
                let memory = memory_mib(running.pid());
                let count = (tunnels * forwards) as u64;
                Row::new(count, start.as_secs_f64() * 1e3, spent, memory)
            })
            .collect();
        print(title, "ms to the last answer", &rows);
    }
}

/// The program with so many tunnels, each with a forward to each target; everything answers.
struct Running {
    process: Process,
    #[expect(dead_code, reason = "its files live as long as it runs")]
    home: Home,
    ports: Vec<u16>,
}

impl Running {
    fn start(
        sshd: &Sshd,
        service: &load::Service,
        tunnels: usize,
        targets: &[u16],
        probed: bool,
    ) -> Self {
        let home = Home::empty().trusting(sshd);
        let key = home.key_for(sshd);
        let (mut ports, mut probes) = (Vec::new(), Vec::new());
        let health = if probed {
            "health = { path = \"/metrics\", status = [200] }"
        } else {
            "health = \"none\""
        };
        let mut all = (0..tunnels).map(|number| {
            let mut tunnel = Tunnel::to(sshd, &format!("t{number}")).key(key.path());
            let forward = |ports: &mut Vec<u16>, target| {
                let local = free_port();
                ports.push(local);
                Forward::new(&local.to_string(), local, target).line(health)
            };
            for target in targets {
                tunnel = tunnel.forward(forward(&mut ports, *target));
            }
            // What tells that the tunnel is there, where the targets speak no HTTP.
            if !probed {
                tunnel = tunnel.forward(forward(&mut probes, service.http()));
            }
            tunnel
        });
        let first = Config::of(all.next().expect("one at least"));
        let config = all.fold(first, Config::and);
        home.configure(&config.text());
        let mut command = home.command(&["run", "--json", "--secrets", "memory"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start("passerelle", &mut command);
        for port in if probed { &ports } else { &probes } {
            wait_until("it answers", Duration::from_secs(60), || {
                answers(*port, "/metrics")
            });
        }
        Self {
            process,
            home,
            ports,
        }
    }

    fn pid(&self) -> u32 {
        self.process.pid()
    }
}

struct Row {
    count: u64,
    value: f64,
    spent: Spent,
    memory: f64,
}

impl Row {
    fn new(count: u64, value: f64, spent: Spent, memory: f64) -> Self {
        Self {
            count,
            value,
            spent,
            memory,
        }
    }
}

/// Cores are shares of one: 1.00 is a core that does nothing else.
fn print(title: &str, unit: &str, rows: &[Row]) {
    let most = rows.iter().map(|row| row.value).fold(0.0, f64::max);
    println!("\n{title}");
    println!(
        "{:>6}  {:>10}  {:>7}  {:>7}  {:>6}",
        "", unit, "ours", "sshd's", "MiB"
    );
    for row in rows {
        let bar = "#".repeat((row.value / most * WIDEST).round() as usize);
        println!(
            "{:>6}  {:>10.0}  {:>7.3}  {:>7.3}  {:>6.1}  {bar}",
            row.count, row.value, row.spent.ours, row.spent.sshds, row.memory
        );
    }
}
