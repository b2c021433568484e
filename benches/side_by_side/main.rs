//! Passerelle beside `ssh -L` and, where it is installed, plink: same sshd, same service, same run.
//!
//! ```text
//! cargo bench --bench side_by_side -- [--rounds 3] [--mib 256]
//! ```
//!
//! Every round runs every client once, in turned order; each cell is the median over the rounds,
//! and the ratio is the median of the ratios to `ssh` *of the same round*: what else the machine
//! does then moves both. It takes root, as the tests do.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    reason = "a measurement that cannot be taken is no measurement"
)]

mod client;
#[expect(
    dead_code,
    unused_imports,
    reason = "the tests need more of the lab than the benchmark"
)]
#[path = "../../tests/common/mod.rs"]
mod common;
mod load;
#[path = "../option/mod.rs"]
mod option;

use client::{Client, Kind};
use common::Sshd;
use load::{Bulk, Direction};
use option::option;
use std::time::Duration;

/// What one round found: name, value, and whether more of it is better.
type Row = (String, f64, Better);

#[derive(Clone, Copy, PartialEq)]
enum Better {
    More,
    Less,
}

fn main() {
    let (rounds, mib) = (option("--rounds", 3), option("--mib", 256));
    let sshd = Sshd::start();
    let service = load::Service::start();
    let mut clients: Vec<_> = Kind::installed();
    let mut results = vec![Vec::new(); clients.len()];
    for round in 0..rounds {
        for kind in &clients {
            eprintln!("round {}: {}", round + 1, kind.name());
            let rows = measure(*kind, &sshd, &service, mib << 20);
            results[kind.index()].push(rows);
        }
        clients.reverse();
    }
    clients.sort_by_key(|kind| kind.index());
    print_table(&clients, &results);
}

fn measure(kind: Kind, sshd: &Sshd, service: &load::Service, bytes: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: f64, better| rows.push((name.to_owned(), value, better));

    let (client, took) = Client::start(kind, sshd, service);
    row("start to first answer, ms", millis(took), Better::Less);

    for (direction, word) in [(Direction::Down, "down"), (Direction::Up, "up")] {
        for streams in [1, 4] {
            let before = client.cpu();
            let bulk = Bulk::run(client.bulk, direction, streams, bytes);
            let spent = (client.cpu() - before).as_secs_f64();
            let gibibytes = bulk.bytes as f64 / f64::from(1 << 30);
            row(
                &format!("{word}, {streams} streams, MiB/s"),
                bulk.mib_per_second(),
                Better::More,
            );
            row(
                &format!("{word}, {streams} streams, CPU s/GiB"),
                spent / gibibytes,
                Better::Less,
            );
        }
    }
    let mut latency = load::requests(client.http, 500);
    latency.sort();
    row(
        "new connection, median ms",
        millis(latency[latency.len() / 2]),
        Better::Less,
    );
    row(
        "new connection, p99 ms",
        millis(latency[latency.len() * 99 / 100]),
        Better::Less,
    );
    let mut latency = load::requests_beside_download(client.http, client.bulk, 4 * bytes);
    latency.sort();
    row(
        "new connection beside a download, median ms",
        millis(latency[latency.len() / 2]),
        Better::Less,
    );
    let beside =
        load::requests_beside_stalled_reader(client.http, client.bulk, Duration::from_millis(500));
    row(
        "requests in 0.5 s, beside a stalled reader",
        beside as f64,
        Better::More,
    );
    row("peak memory, MiB", client.peak_memory_mib(), Better::Less);
    rows
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// `results[client][round][row]`; the first client is what the others are compared with.
fn print_table(clients: &[Kind], results: &[Vec<Vec<Row>>]) {
    let names: Vec<_> = clients.iter().map(|kind| kind.name()).collect();
    println!("| median | {} |", names.join(" | "));
    println!("|---|{}", "--:|".repeat(names.len()));
    for (at, (name, _, better)) in results[0][0].iter().enumerate() {
        let values = |client: usize| results[client].iter().map(move |rows| rows[at].1);
        let cells: Vec<_> = (0..clients.len())
            .map(|client| {
                let value = median(values(client));
                let ratio = median(values(client).zip(values(0)).map(|(ours, ssh)| ours / ssh));
                if client == 0 {
                    format!("{value:.4}")
                } else {
                    format!("{value:.4} ({ratio:.2}×)")
                }
            })
            .collect();
        let arrow = if *better == Better::More {
            "↑"
        } else {
            "↓"
        };
        println!("| {name} {arrow} | {} |", cells.join(" | "));
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
