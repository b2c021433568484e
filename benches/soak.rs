//! One fault after another, at random and without end: how fast is it back, and does it grow?
//!
//! Beside the service there is a forward to a port on which nothing listens, at which a local program asks
//! again and again. It fails when a recovery takes too long, when a download has a wrong byte, when
//! somebody is answered at that port, and when memory or descriptors have grown. `scripts/soak [MINUTES [SEED]]` runs it. It takes root, as the tests do.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    reason = "a measurement that cannot be taken is no measurement"
)]

#[expect(
    dead_code,
    unused_imports,
    reason = "the tests need more of the lab than this"
)]
#[path = "../tests/common/mod.rs"]
mod common;
mod option;

use common::{
    Forward, Home, Mishap, Pattern, Proxy, Scene, Sshd, Tunnel, begin_download, descriptors,
    free_port, gets_nothing, lasts, memory_mib, wait_until,
};
use option::option;
use rustix::process::Signal;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(120);

/// What is downloaded again and again, while everything breaks.
const LENGTH: u64 = 8 << 20;

/// How many more descriptors there may be at the end than at the start: of the download that is under
/// way, more or less may be open.
const MORE_DESCRIPTORS: usize = 8;

/// By how much the last quarter of the run may exceed the second one, by their medians. The first one
/// is left out: what is allocated once, is allocated there.
const MORE_MEMORY_MIB: f64 = 4.0;

/// How often a local program asks at the port on which nothing listens.
const ASKS_AGAIN: Duration = Duration::from_millis(20);

/// How often somebody asks there in vain over one session, before its memory is looked at for the first
/// time, and until it is looked at for the last time.
const REFUSALS: [u64; 2] = [8_000, 24_000];

/// A fault.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Reset,
    Killed,
    Silent,
    Restarted,
    Asleep,
    Flipped,
    Truncated,
    Slow,
}

impl Fault {
    const ALL: [Self; 8] = [
        Self::Reset,
        Self::Killed,
        Self::Silent,
        Self::Restarted,
        Self::Asleep,
        Self::Flipped,
        Self::Truncated,
        Self::Slow,
    ];

    /// Whether no session outlives it.
    fn ends_the_session(self) -> bool {
        !matches!(self, Self::Slow)
    }
}

fn main() {
    let (minutes, seed) = (option("--minutes", 2), option("--seed", 1));
    let mut rng = fastrand::Rng::with_seed(seed);
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port());
    let through_proxy = |tunnel: Tunnel| tunnel.by_port(proxy.port());
    let dead = free_port();
    let nothing = Forward::tcp("Nothing", dead, free_port());
    let scene = Scene::beside(sshd, Home::empty(), through_proxy, nothing);
    let mut scene = scene.once_healthy();
    let downloads = download_for_ever(scene.local);
    let refusals = ask_for_ever(dead);
    wait_until("a download is whole", BOUND, || {
        downloads.load(Ordering::Relaxed) > 0
    });
    let files_at_start = descriptors(scene.passerelle.pid());
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    let mut recoveries = Vec::new();
    let mut sizes = Vec::new();
    while Instant::now() < end || recoveries.len() < 4 {
        let fault = Fault::ALL[rng.usize(..Fault::ALL.len())];
        let before = scene.attempt();
        inject(fault, &mut scene, &proxy);
        let start = Instant::now();
        // The answer may be the old session's last.
        wait_until("it works again", BOUND, || {
            scene.answers() && (!fault.ends_the_session() || scene.attempt() > before)
        });
        let took = start.elapsed();
        scene.passerelle.wait_phase("healthy", BOUND);
        // The silent session ends with what it carries. It is not to take the next fault upon itself.
        if matches!(fault, Fault::Silent) {
            scene.sshd.thaw_sessions();
            wait_until("one session is left", BOUND, || scene.sshd.sessions() == 1);
        }
        let pid = scene.passerelle.pid();
        let (memory, files) = (memory_mib(pid), descriptors(pid));
        println!("{fault:?}: {took:.2?}, {memory:.1} MiB, {files} descriptors");
        if fault.ends_the_session() {
            recoveries.push(took);
        }
        sizes.push((memory, files as f64));
    }
    recoveries.sort();
    let at = |share: usize| recoveries[(recoveries.len() - 1) * share / 100];
    println!(
        "{} recoveries: half within {:.2?}, 99 % within {:.2?}, the slowest {:.2?}",
        recoveries.len(),
        at(50),
        at(99),
        at(100)
    );
    let memory: Vec<_> = sizes.iter().map(|size| size.0).collect();
    let files: Vec<_> = sizes.iter().map(|size| size.1).collect();
    println!(
        "per 100 recoveries: {:+.2} MiB, {:+.2} descriptors",
        100.0 * slope(&memory),
        100.0 * slope(&files)
    );
    wait_until("it holds no more descriptors than before", BOUND, || {
        descriptors(scene.passerelle.pid()) <= files_at_start + MORE_DESCRIPTORS
    });
    let quarters: Vec<_> = memory
        .chunks(memory.len().div_ceil(4))
        .map(median)
        .collect();
    let (settled, last) = (quarters[1], quarters[quarters.len() - 1]);
    println!("{settled:.1} MiB in the second quarter, {last:.1} MiB in the last one");
    assert!(last <= settled + MORE_MEMORY_MIB, "it grows");
    refuse(&scene, dead);
    println!(
        "{} downloads were whole; no byte was wrong; {} connections were refused",
        downloads.load(Ordering::Relaxed),
        refusals.load(Ordering::Relaxed)
    );
}

fn inject(fault: Fault, scene: &mut Scene, proxy: &Proxy) {
    match fault {
        Fault::Reset => proxy.reset(),
        Fault::Killed => scene.sshd.kill_sessions(),
        Fault::Silent => scene.sshd.freeze_sessions(),
        Fault::Restarted => {
            scene.sshd.stop();
            scene.sshd.restart();
        }
        Fault::Asleep => {
            scene.passerelle.signal(Signal::STOP);
            scene.sshd.kill_sessions();
            lasts(Duration::from_secs(11));
            scene.passerelle.signal(Signal::CONT);
        }
        Fault::Flipped => proxy.mishap(Mishap::Flip),
        Fault::Truncated => proxy.mishap(Mishap::Truncate),
        Fault::Slow => {
            proxy.delay(Duration::from_millis(100));
            lasts(Duration::from_secs(2));
            proxy.delay(Duration::ZERO);
        }
    }
}

/// Counts those that came whole. One with another byte, or that ends too early, ends the run.
fn download_for_ever(local: u16) -> Arc<AtomicU64> {
    let whole = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&whole);
    thread::spawn(move || {
        loop {
            match download(local) {
                Ok(true) => {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                Ok(false) => {
                    eprintln!("a download ended in order, and was not whole");
                    std::process::exit(1);
                }
                Err(_) => lasts(Duration::from_millis(100)),
            }
        }
    });
    whole
}

/// Has many connections refused while nothing breaks: what a session keeps of each would add up.
fn refuse(scene: &Scene, dead: u16) {
    let sizes = REFUSALS.map(|count| {
        let refused = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while refused.fetch_add(1, Ordering::Relaxed) < count {
                        assert!(gets_nothing(dead), "nothing listens there");
                    }
                });
            }
        });
        memory_mib(scene.passerelle.pid())
    });
    let [first, last] = sizes;
    println!(
        "{first:.1} MiB after {} refusals, {last:.1} MiB after {} more",
        REFUSALS[0], REFUSALS[1]
    );
    assert!(
        last <= first + MORE_MEMORY_MIB,
        "it grows by what is refused"
    );
}

/// Counts the connections that were refused. One that is answered ends the run.
fn ask_for_ever(dead: u16) -> Arc<AtomicU64> {
    let refused = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&refused);
    thread::spawn(move || {
        while gets_nothing(dead) {
            counter.fetch_add(1, Ordering::Relaxed);
            lasts(ASKS_AGAIN);
        }
        eprintln!("somebody answered where nothing listens");
        std::process::exit(1);
    });
    refused
}

/// Whether what came, came whole; an error where it did not end in order.
fn download(local: u16) -> std::io::Result<bool> {
    let mut stream = begin_download(local, &format!("/bytes/{LENGTH}"))?;
    let got = Pattern::summary(&mut stream)?;
    let sent = Pattern::summary(&mut Pattern::new().take(LENGTH))?;
    Ok(got == sent)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The slope of the line that fits best, per step.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = |sum: f64| sum / count;
    let (middle, height) = (
        mean((0..values.len()).map(|x| x as f64).sum()),
        mean(values.iter().sum()),
    );
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in values.iter().enumerate() {
        let x = x as f64 - middle;
        above += x * (y - height);
        below += x * x;
    }
    if below == 0.0 { 0.0 } else { above / below }
}
