//! Processes that play one script each, as many at once as there are processors.

use crate::ledger::Figures;
use crate::run;
use crate::script::Script;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, thread};
use tempfile::TempDir;
use tokio::time::Instant;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const SCRIPT: &str = "SIMULATION_SCRIPT";
const SEED: &str = "SIMULATION_SEED";
const LOG: &str = "SIMULATION_LOG";
const DIR: &str = "SIMULATION_DIR";

/// How long a script may take on the system's clock: what takes longer turns in circles.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a run ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Every promise was kept.
    Kept(Figures),
    /// This one was not.
    Broken(String),
}

/// Plays the scripts, in this order as far as there are processors; the outcomes have the same order.
pub(crate) fn play_all(scripts: &[Script]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let mut outcomes = vec![None; scripts.len()];
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let (done, finished) = mpsc::channel();
        for _ in 0..workers.min(scripts.len()) {
            let (next, done) = (&next, done.clone());
            scope.spawn(move || {
                while let Some(index) = Some(next.fetch_add(1, Ordering::Relaxed))
                    && let Some(script) = scripts.get(index)
                {
                    done.send((index, play(script))).expect("it is awaited");
                }
            });
        }
        drop(done);
        for (index, outcome) in finished {
            outcomes[index] = Some(outcome);
        }
    });
    outcomes.into_iter().flatten().collect()
}

/// Plays a script in a process of its own.
pub(crate) fn play(script: &Script) -> Outcome {
    let dir = TempDir::with_prefix("simulation").expect("a directory can be made");
    let text = serde_json::to_string(script).expect("it can be printed");
    let file = dir.path().join("script.json");
    fs::write(&file, text).expect("it can be written");
    let mut child = Command::new(env::current_exe().expect("there is a program"))
        .args(["one_script", "--exact", "--include-ignored", "--nocapture"])
        .env(SCRIPT, &file)
        .env(DIR, dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(dir.path().join("stderr")).expect("it can be made"))
        .spawn()
        .expect("it can be started");
    let outcome = wait_for(&mut child);
    let said = fs::read_to_string(dir.path().join("stderr")).unwrap_or_default();
    match outcome {
        Ok(()) => match fs::read_to_string(dir.path().join("outcome.json")) {
            Ok(text) => serde_json::from_str(&text).expect("it is an outcome"),
            Err(_) => Outcome::Broken(format!("the process failed: {said}")),
        },
        Err(message) => Outcome::Broken(format!("{message}: {said}")),
    }
}

/// Waits until the child has ended, and ends it if it does not.
fn wait_for(child: &mut std::process::Child) -> Result<(), String> {
    let start = std::time::Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return Ok(()),
            Ok(None) if start.elapsed() > PATIENCE => {
                // It may just have ended.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("not done within {PATIENCE:?} of real time"));
            }
            Ok(None) => thread::park_timeout(Duration::from_millis(5)),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Plays the script that the environment names. Without one there is nothing to do.
pub(crate) fn play_one() {
    let script = match (env::var(SCRIPT), env::var(SEED)) {
        (Ok(file), _) => Script::read(Path::new(&file)),
        (Err(_), Ok(seed)) => Script::draw(seed.parse().expect("it is a number")),
        (Err(_), Err(_)) => return,
    };
    show_log();
    let scratch = TempDir::with_prefix("simulation").expect("a directory can be made");
    let outcome = match run::play(&script, scratch.path()) {
        Ok(figures) => Outcome::Kept(figures),
        Err(message) => Outcome::Broken(message),
    };
    let text = serde_json::to_string(&outcome).expect("it can be printed");
    match env::var(DIR) {
        Ok(dir) => {
            fs::write(Path::new(&dir).join("outcome.json"), text).expect("it can be written");
        }
        Err(_) => println!("{outcome:#?}"),
    }
    // What the parent reads is written; a panic on the way would have ended this process without it.
    std::io::stdout().flush().expect("it can be written");
}

/// What happens, with the virtual time, if somebody wants to see it.
fn show_log() {
    if let Ok(filter) = env::var(LOG) {
        let filter: Targets = filter.parse().expect("it is a filter");
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_timer(VirtualTime);
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .init();
    }
}

/// Seconds since the first line.
struct VirtualTime;

impl FormatTime for VirtualTime {
    fn format_time(&self, line: &mut Writer<'_>) -> std::fmt::Result {
        static START: OnceLock<Instant> = OnceLock::new();
        let now = Instant::now();
        write!(line, "{:.3?}", now - *START.get_or_init(|| now))
    }
}
