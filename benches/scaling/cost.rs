//! Processor time of both ends.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// The processor time that our program and all of sshd have taken so far.
pub(crate) struct Cost {
    pid: u32,
    ours: Duration,
    sshds: Duration,
}

/// Cores that both took meanwhile.
pub(crate) struct Spent {
    pub(crate) ours: f64,
    pub(crate) sshds: f64,
}

impl Cost {
    /// So far, with our program being that process.
    pub(crate) fn now(pid: u32) -> Self {
        Self {
            pid,
            ours: of_process(pid),
            sshds: of_sshd(),
        }
    }

    /// Since then, which was that long ago. What ended meanwhile is not counted.
    pub(crate) fn until_now(&self, took: Duration) -> Spent {
        let now = Self::now(self.pid);
        let cores = |now: Duration, then: Duration| {
            now.saturating_sub(then).as_secs_f64() / took.as_secs_f64()
        };
        Spent {
            ours: cores(now.ours, self.ours),
            sshds: cores(now.sshds, self.sshds),
        }
    }
}

/// `schedstat` of each thread, in nanoseconds: `Documentation/scheduler/sched-stats.rst` of Linux.
fn of_process(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let nanoseconds = threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
    Duration::from_nanos(nanoseconds.sum())
}

/// Every sshd of this machine: there is no other one on a machine that is measured on.
fn of_sshd() -> Duration {
    let processes = fs::read_dir("/proc").expect("/proc is mounted");
    let pids = processes.flatten().filter_map(|process| {
        let name = fs::read_to_string(Path::new(&process.path()).join("comm")).ok()?;
        let pid = process.file_name().to_str()?.parse().ok()?;
        (name.trim_end() == "sshd").then_some(pid)
    });
    pids.map(of_process).sum()
}
