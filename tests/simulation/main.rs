//! One seed, hours of network in seconds.
//!
//! The real engine, the real supervisor and russh's own server side, on one thread, over a network that lives
//! in memory and on a clock that leaps to the next timer whenever nobody has anything to do. A seed draws a
//! [`script::Script`]: the server's manners, the way to it, what local programs do, and what goes wrong. What is
//! promised is in [`ledger`] and [`audit`].
//!
//! Each run has a process of its own, so that nothing of one reaches the next: memory, tasks, and chance,
//! see [`system`]. In it a script always plays the same, but for one thing: threads that read a file for
//! the engine answer at the same moment of the virtual clock, and not always in the same order as other
//! tasks of that moment.
//!
//! A script that fails is made smaller, event by event, and printed as JSON. To keep it, put it into
//! `tests/simulation/seeds`, with the fault that it found as the file's name. To see what happens in it:
//!
//! ```text
//! SIMULATION_SCRIPT=tests/simulation/seeds/NAME.json SIMULATION_LOG=passerelle=debug,simulation=debug \
//!     cargo test --test simulation -- one_script --include-ignored --nocapture
//! ```
//!
//! Why a transport of our own: `turmoil` has latency, messages that are held and partitions, but neither
//! a bandwidth nor a queue that fills, and its clock goes in ticks of one length: two hours are 7.2 million
//! of them at 1 ms. `madsim` takes the place of tokio itself, so russh would have to be built on it. Here the
//! engine asks a trait and russh takes any stream: there is nothing to replace.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

mod audit;
mod child;
mod ledger;
mod local;
mod network;
mod pattern;
mod pipe;
mod programs;
mod run;
mod script;
mod server;
mod service;
mod shrink;
mod system;
mod way;
mod wire;

use child::{Outcome, play_all};
use ledger::Figures;
use script::Script;
use std::path::Path;
use std::{env, fs};

/// Seeds that are played in each run of the tests.
const SEEDS: u64 = 200;

/// Plays the seeds from 0, or as many as `SIMULATION_SEEDS` says, from `SIMULATION_FROM` on.
#[test]
fn every_promise_is_kept_whatever_the_seed() {
    let number = |name, usual| match env::var(name) {
        Ok(text) => text.parse().expect("it is a number"),
        Err(_) => usual,
    };
    let from = number("SIMULATION_FROM", 0);
    let seeds = from..from + number("SIMULATION_SEEDS", SEEDS);
    let scripts: Vec<_> = seeds.map(Script::draw).collect();
    let outcomes = play_all(&scripts);
    let mut sum = Figures::default();
    let mut failed = Vec::new();
    for (script, outcome) in scripts.iter().zip(&outcomes) {
        match outcome {
            Outcome::Kept(figures) => sum.add(figures),
            Outcome::Broken(message) => failed.push((script, message)),
        }
    }
    println!("{sum:#?}");
    for (script, message) in &failed {
        println!("seed {}: {message}", script.seed);
    }
    if let Some((script, message)) = failed.first() {
        let (smallest, message) = shrink::shrink(script, message);
        let printed = serde_json::to_string_pretty(&smallest).expect("it can be printed");
        panic!(
            "{} of {} seeds; the first one made smaller: {message}\n{printed}",
            failed.len(),
            scripts.len()
        );
    }
}

/// Plays every script that once failed.
#[test]
fn what_failed_once_does_not_fail_again() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation/seeds");
    let mut files: Vec<_> = fs::read_dir(dir)
        .expect("the directory is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no script is kept");
    let scripts: Vec<_> = files.iter().map(|file| Script::read(file)).collect();
    for (file, outcome) in files.iter().zip(play_all(&scripts)) {
        if let Outcome::Broken(message) = outcome {
            panic!("{}: {message}", file.display());
        }
    }
}

/// Plays one script: that of the file `SIMULATION_SCRIPT`, or that of the seed `SIMULATION_SEED`. The
/// others call it in a process of its own.
#[test]
#[ignore = "a part of the others"]
fn one_script() {
    child::play_one();
}
