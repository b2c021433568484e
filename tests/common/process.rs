//! Child processes that never outlive their test.

use super::wait::wait_until;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The path of a program; panics with the Debian package to install when it is missing.
pub(crate) fn tool(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: apt-get install {package}"))
}

/// A running program. Dropping it kills it and everything that it started.
pub(crate) struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// A command that the kernel kills when the calling thread dies.
    pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(tool("setpriv", "util-linux"));
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command.stdin(Stdio::null());
        command
    }

    /// Starts a command made by [`Process::command`].
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        let child = command.spawn();
        Self {
            name: name.to_owned(),
            child: child.unwrap_or_else(|error| panic!("{name} does not start: {error}")),
        }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Sends a signal to it alone.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Sends a signal to everything that it started, and not to it.
    pub(crate) fn signal_descendants(&self, signal: Signal) {
        for pid in descendants(self.pid()) {
            send(pid, signal);
        }
    }

    /// Its status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self, bound: Duration) -> ExitStatus {
        let mut status = None;
        wait_until(&format!("{} ends", self.name), bound, || {
            status = self.ended();
            status.is_some()
        });
        status.expect("just seen")
    }

    /// Kills it and everything that it started, and waits until all are gone.
    pub(crate) fn kill(&mut self) {
        if self.ended().is_some() {
            return;
        }
        // Stopped first: a program that cannot run starts nothing behind the back of the list.
        self.signal(Signal::STOP);
        let all = descendants(self.pid());
        for pid in &all {
            send(*pid, Signal::KILL);
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
        wait_until("killed processes vanish", Duration::from_secs(10), || {
            all.iter().all(|pid| !is_running(*pid))
        });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The most memory that a running process has held so far: `VmHWM`, proc(5).
pub(crate) fn peak_memory_mib(pid: u32) -> f64 {
    memory(pid, "VmHWM:")
}

fn memory(pid: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.expect("a number of KiB") / 1024.0
}

/// How many descriptors a running process has open.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("it runs")
        .count()
}

/// Lets this process have as many descriptors as the system lets it.
pub(crate) fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// The memory that a running process holds now: `VmRSS`, proc(5).
pub(crate) fn memory_mib(pid: u32) -> f64 {
    memory(pid, "VmRSS:")
}

/// The memory that is a running process's own, not pages of files: `RssAnon`, proc(5).
pub(crate) fn own_memory_mib(pid: u32) -> f64 {
    memory(pid, "RssAnon:")
}

/// Whether a process of that number runs; a zombie does not.
fn is_running(pid: u32) -> bool {
    parent_and_state(&Path::new("/proc").join(pid.to_string()))
        .is_some_and(|(_, state)| state != "Z" && state != "X")
}

/// Everything that descends from `root`, without it.
fn descendants(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").expect("/proc is mounted").flatten() {
        let pid = entry.file_name().to_string_lossy().parse();
        if let (Ok(pid), Some((parent, _))) = (pid, parent_and_state(&entry.path())) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        let below = children.remove(&pid).unwrap_or_default();
        found.extend(&below);
        next.extend(below);
    }
    found
}

/// The parent's number and the state's letter: proc(5), `/proc/PID/stat`.
fn parent_and_state(process: &Path) -> Option<(u32, String)> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // The name stands in parentheses and may hold anything, so look behind the last one.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.to_owned();
    Some((fields.next()?.parse().ok()?, state))
}

fn send(pid: u32, signal: Signal) {
    // A process that is gone already is as well as one that obeys.
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
