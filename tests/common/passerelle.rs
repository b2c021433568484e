//! The program itself, as its user runs it.

use super::config::{Config, Forward, Tunnel};
use super::keyring::Keyring;
use super::keys::Key;
use super::process::{Process, peak_memory_mib};
use super::program;
use super::scratch::Scratch;
use super::screen::Screen;
use super::server::SshServer;
use super::sshd::Sshd;
use super::wait::{wait_for, wait_until};
use chrono::{DateTime, FixedOffset};
use rustix::process::Signal;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// No verb takes longer, not even one that waits for health.
const VERB_BOUND: Duration = Duration::from_secs(90);

/// One user's home, with a configuration and a state directory. Nothing runs in it by itself.
pub(crate) struct Home {
    dir: Scratch,
    config_file: PathBuf,
    environment: Vec<(String, OsString)>,
    secrets: &'static str,
    /// What `run` is started by.
    wrapper: Vec<String>,
}

impl Home {
    /// With this configuration.
    pub(crate) fn new(config: &Config) -> Self {
        let home = Self::empty();
        home.configure(&config.text());
        home
    }

    /// Without a configuration file.
    pub(crate) fn empty() -> Self {
        let dir = Scratch::new();
        for name in ["home", "home/.ssh", "state"] {
            fs::create_dir(dir.join(name)).expect("a directory can be made");
        }
        Self {
            config_file: dir.join("config.toml"),
            dir,
            environment: Vec::new(),
            secrets: "memory",
            wrapper: Vec::new(),
        }
    }

    /// With the configuration in a directory of its own, below the user's home.
    pub(crate) fn with_config_in(mut self, directory: &str) -> Self {
        let directory = self.home(directory);
        fs::create_dir(&directory).expect("a directory can be made");
        self.config_file = directory.join("config.toml");
        self
    }

    /// Makes the server's key known to Passerelle.
    pub(crate) fn trusting(self, sshd: &Sshd) -> Self {
        self.know(&sshd.known_hosts_line());
        self
    }

    /// With `run` started by another program, which gets it as its last arguments.
    pub(crate) fn started_by(mut self, wrapper: impl IntoIterator<Item = String>) -> Self {
        self.wrapper = wrapper.into_iter().collect();
        self
    }

    /// With one more environment variable.
    pub(crate) fn env(self, name: &str, value: impl Into<OsString>) -> Self {
        self.envs([(name.to_owned(), value.into())])
    }

    /// With these environment variables.
    pub(crate) fn envs(mut self, more: impl IntoIterator<Item = (String, OsString)>) -> Self {
        self.environment.extend(more);
        self
    }

    /// With this screen.
    pub(crate) fn on(self, screen: &Screen) -> Self {
        self.envs(screen.environment())
    }

    /// With secrets kept in this keyring.
    pub(crate) fn with_keyring(mut self, keyring: &Keyring) -> Self {
        self.secrets = "keyring";
        self.envs(keyring.environment())
    }

    /// Puts a program of this name into the user's home, which notes what it is given.
    pub(crate) fn noting(&self, name: &str) -> PathBuf {
        let notes = self.home(&format!("{name}.noted"));
        let lines = format!("echo \"$@\" >> '{}'", notes.display());
        self.dir.script(&format!("home/{name}"), &lines)
    }

    /// What that program was given so far, call by call.
    pub(crate) fn noted(&self, name: &str) -> Vec<String> {
        let notes = fs::read_to_string(self.home(&format!("{name}.noted")));
        notes
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// A new key in the usual file, which lets the user into that server.
    pub(crate) fn key_for(&self, server: &impl SshServer) -> Key {
        let key = Key::ed25519(self.home(".ssh/id_ed25519"));
        server.authorize(&key);
        key
    }

    /// Writes the configuration file.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(&self.config_file, text).expect("a file can be written");
    }

    /// Writes Passerelle's own known_hosts.
    pub(crate) fn know(&self, lines: &str) {
        self.dir.write("state/known_hosts", lines);
    }

    /// A path below the user's home.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.dir.join("home").join(name)
    }

    /// A path below the state directory.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.dir.join("state").join(name)
    }

    /// The configuration file.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.config_file.clone()
    }

    /// A command of our program in this home; `arguments` start with the verb.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.complete(program::command(), arguments)
    }

    fn complete(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .arg("--config")
            .arg(program::path(&self.config_file))
            .arg("--state-dir")
            .arg(program::path(&self.dir.join("state")))
            .env("HOME", self.dir.join("home"))
            .env("LANG", "C.UTF-8")
            .env("RUST_BACKTRACE", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a verb to its end.
    #[track_caller]
    pub(crate) fn verb(&self, arguments: &[&str]) -> Outcome {
        self.verb_with_input(arguments, "")
    }

    /// Runs a verb that has to succeed.
    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.verb(arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        outcome
    }

    /// Runs a verb to its end, with this on its standard input.
    #[track_caller]
    pub(crate) fn verb_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
        finish(&arguments.join(" "), self.command(arguments), input)
    }

    /// Answers what the tunnel asks.
    #[track_caller]
    pub(crate) fn answer(&self, words: &str) -> Outcome {
        let outcome = self.verb_with_input(&["answer"], &format!("{words}\n"));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome
    }

    /// Starts `run` in this home.
    pub(crate) fn run(self) -> Passerelle {
        self.run_with(&[])
    }

    /// Starts `run` in this home, with more options.
    pub(crate) fn run_with(self, options: &[&str]) -> Passerelle {
        let process = self.spawn_run(options);
        Passerelle::answering(process, self)
    }

    /// Starts the tray program in this home.
    pub(crate) fn run_in_tray(self) -> Passerelle {
        let process = self.spawn_tray();
        Passerelle::answering(process, self)
    }

    /// Starts the tray program in this home, and does not wait for anything.
    pub(crate) fn spawn_tray(&self) -> Process {
        let command = self.complete(program::tray_command(), &["--secrets", self.secrets]);
        self.spawn("passerelle-tray", command)
    }

    /// Starts `run` in this home, and does not wait for anything.
    pub(crate) fn spawn_run(&self, options: &[&str]) -> Process {
        let program = program::command_by(&self.wrapper);
        let mut command = self.complete(program, &["run", "--json", "--secrets", self.secrets]);
        command.args(options);
        self.spawn("passerelle run", command)
    }

    /// Starts a verb in this home, and does not wait for anything.
    pub(crate) fn start(&self, arguments: &[&str]) -> Process {
        self.spawn(&arguments.join(" "), self.command(arguments))
    }

    fn spawn(&self, name: &str, mut command: Command) -> Process {
        let open = |name| {
            let file = fs::File::options()
                .create(true)
                .append(true)
                .open(self.dir.join(name));
            file.expect("an output file can be made")
        };
        command.stdout(open("stdout")).stderr(open("stderr"));
        Process::start(name, &mut command)
    }

    /// Starts the tray program beside one that runs in this home, to its end.
    #[track_caller]
    pub(crate) fn second_tray(&self) -> Outcome {
        let command = self.complete(program::tray_command(), &["--secrets", self.secrets]);
        finish("passerelle-tray", command, "")
    }

    /// All that it has complained so far.
    pub(crate) fn complained(&self) -> String {
        fs::read_to_string(self.dir.join("stderr")).unwrap_or_default()
    }

    /// All that `run` has printed to standard output so far.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(self.dir.join("stdout")).unwrap_or_default()
    }

    /// Every file below home, state and beside them.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut next = vec![self.dir.path().to_owned()];
        while let Some(dir) = next.pop() {
            for entry in fs::read_dir(dir).expect("it is ours").flatten() {
                let kind = entry.file_type().expect("it is ours");
                if kind.is_dir() {
                    next.push(entry.path());
                } else if kind.is_file() {
                    files.push(entry.path());
                }
            }
        }
        files
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let panicking = thread::panicking();
        for path in self.files().iter().filter(|path| is_text(path)) {
            let text = fs::read_to_string(path).unwrap_or_default();
            if panicking {
                eprintln!("--- {} ---\n{text}", path.display());
                continue;
            }
            // Whatever befell it: what the runtime says to stderr, and our hook to the log.
            assert!(!text.contains("panicked at"), "{}:\n{text}", path.display());
        }
    }
}

/// `passerelle run`, in a home of its own. Killed when dropped.
pub(crate) struct Passerelle {
    process: Process,
    home: Home,
}

impl Deref for Passerelle {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl Passerelle {
    /// One that has this configuration, trusts this server, and holds a key that the server lets in.
    pub(crate) fn ready(
        server: &impl SshServer,
        forwards: impl IntoIterator<Item = Forward>,
    ) -> Self {
        let tunnel = Tunnel::to(server, "lab");
        Self::on(Home::empty(), server, tunnel, forwards)
    }

    /// The same in a home of the caller's, by a tunnel that may take a way of its own to the server.
    pub(crate) fn on(
        home: Home,
        server: &impl SshServer,
        tunnel: Tunnel,
        forwards: impl IntoIterator<Item = Forward>,
    ) -> Self {
        let key = home.key_for(server);
        home.know(&format!(
            "{} {}\n",
            tunnel.known_as(),
            server.host_key().public()
        ));
        let tunnel = forwards
            .into_iter()
            .fold(tunnel.key(key.path()), Tunnel::forward);
        home.configure(&Config::of(tunnel).text());
        home.run()
    }

    fn answering(process: Process, home: Home) -> Self {
        let passerelle = Self { process, home };
        wait_until("passerelle answers", Duration::from_secs(30), || {
            passerelle.verb(&["status", "--json"]).code == Some(0)
        });
        passerelle
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// Its process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The most memory that it has held so far.
    pub(crate) fn peak_memory_mib(&self) -> f64 {
        peak_memory_mib(self.pid())
    }

    /// What `status --json` prints.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let outcome = self.verb(&["status", "--json"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.json()
    }

    /// The first tunnel of [`Passerelle::status`].
    #[track_caller]
    pub(crate) fn tunnel(&self) -> Value {
        self.status()["tunnels"][0].clone()
    }

    /// Waits until the first tunnel is in this phase, and gives it.
    #[track_caller]
    pub(crate) fn wait_phase(&self, phase: &str, bound: Duration) -> Value {
        self.wait_tunnel(&format!("the tunnel is {phase}"), bound, |tunnel| {
            tunnel["phase"] == phase
        })
    }

    /// Waits until the first tunnel is as wanted, and gives it.
    #[track_caller]
    pub(crate) fn wait_tunnel(
        &self,
        what: &str,
        bound: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        wait_for(what, bound, || Some(self.tunnel()).filter(&wanted))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait_end(&mut self, bound: Duration) -> ExitStatus {
        self.process.wait(bound)
    }

    /// Ends it, and gives back its home.
    pub(crate) fn end(mut self) -> Home {
        if program::is_windows() {
            // Windows has no signals: Wine would tear it down.
            self.verb(&["quit"]);
        } else {
            self.process.signal(Signal::TERM);
        }
        self.process.wait(Duration::from_secs(20));
        self.home
    }
}

/// A moment of [`Passerelle::tunnel`], if there is one.
pub(crate) fn moment(value: &Value) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok()
}

/// How a verb ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Its exit code; `None`: a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained.
    pub(crate) stderr: String,
}

impl Outcome {
    /// Its output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs it to its end, with this on its standard input.
#[track_caller]
fn finish(name: &str, mut command: Command, input: &str) -> Outcome {
    // Files, as a pipe stays open as long as anything that the program starts, or Wine in passing.
    let [stdout, stderr] =
        [(); 2].map(|()| tempfile::NamedTempFile::new().expect("a file can be made"));
    command.stdin(Stdio::piped());
    command.stdout(stdout.reopen().expect("it is ours"));
    command.stderr(stderr.reopen().expect("it is ours"));
    let mut process = Process::start(name, &mut command);
    if let Some(mut stdin) = process.child().stdin.take() {
        let _ = stdin.write_all(input.as_bytes());
    }
    let status = process.wait(VERB_BOUND);
    let text = |file: tempfile::NamedTempFile| {
        let bytes = fs::read(file.path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Outcome {
        code: status.code(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

fn is_text(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.len() < 1 << 20)
        && !path.parent().is_some_and(|dir| dir.ends_with(".ssh"))
}
