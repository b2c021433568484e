//! The program as a script meets it: verbs, exit codes, what is printed where. No peer is needed.

#![expect(
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

#[path = "common/wait.rs"]
mod wait;

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use wait::{wait_for, wait_until};

const BOUND: Duration = Duration::from_secs(60);

const NOT_RUNNING: i32 = 4;

/// A tunnel that is down until it is wanted, and then finds nobody.
const CONFIG: &str = r#"
language = "en"
[[tunnel]]
name = "Nowhere"
host = "127.0.0.1"
port = 1
user = "nobody"
autostart = false
host_key = ["SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"]
    [[tunnel.forward]]
    name = "Grafana"
    local = LOCAL
    remote = "localhost:3000"
    health = "grafana"
    open = "/"
"#;

/// One user's home, configuration and state.
struct Home {
    dir: tempfile::TempDir,
    state: PathBuf,
}

impl Home {
    fn new() -> Self {
        let home = Self::empty();
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("there is a free port")
            .port();
        home.configure(&CONFIG.replace("LOCAL", &port.to_string()));
        home
    }

    fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let state = dir.path().join("state");
        Self { dir, state }
    }

    fn configure(&self, text: &str) {
        fs::write(self.config(), text).expect("the configuration can be written");
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_passerelle"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .arg("--state-dir")
            .arg(&self.state)
            .env("HOME", self.dir.path())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn verb(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.command(arguments))
    }

    fn status(&self) -> Value {
        self.verb(&["status", "--json"]).json()
    }

    /// Starts `run`, and waits until it answers.
    fn run(&self) -> Running {
        let running = self.start_run(Stdio::null());
        wait_until("it answers", BOUND, || {
            self.verb(&["status"]).code == Some(0)
        });
        running
    }

    fn start_run(&self, stdout: Stdio) -> Running {
        let mut command = self.command(&["run", "--secrets", "memory"]);
        command.stdout(stdout);
        Running(command.spawn().expect("the program starts"))
    }
}

/// `passerelle run`; killed when dropped.
struct Running(Child);

impl Running {
    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child can be waited for")
    }

    fn wait(&mut self) -> ExitStatus {
        wait_for("the program ends", BOUND, || self.ended())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Debug)]
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Outcome {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().expect("the program starts");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("it prints text"),
        stderr: String::from_utf8(output.stderr).expect("it prints text"),
    }
}

#[track_caller]
fn assert_ends(outcome: &Outcome, code: i32, complaint: &str) {
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert!(outcome.stderr.contains(complaint), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
}

#[test]
fn wrong_usage_is_told_from_help() {
    let home = Home::empty();
    for wrong in [
        &["fly"][..],
        &["status", "--colour"],
        &["secret", "set", "Nowhere", "hunter2"],
        &["open", "--timeout", "soon"],
        &["config"],
    ] {
        assert_eq!(home.verb(wrong).code, Some(2), "{wrong:?}");
    }
    for help in [&["--help"][..], &["--version"], &["hostkey", "--help"]] {
        let outcome = home.verb(help);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.stdout.contains("asserelle"), "{outcome:?}");
        assert_eq!(outcome.stderr, "", "{outcome:?}");
    }
}

#[test]
fn verbs_that_find_nobody_running_say_so() {
    let home = Home::new();
    for verb in [
        &["status"][..],
        &["status", "--watch"],
        &["up"],
        &["down"],
        &["restart"],
        &["open"],
        &["hostkey", "show"],
        &["hostkey", "accept"],
        &["hostkey", "forget"],
        &["secret", "clear"],
        &["answer"],
        &["quit"],
    ] {
        assert_ends(&home.verb(verb), NOT_RUNNING, "passerelle run");
    }
    assert!(!home.state.exists(), "a verb writes nothing");
}

#[test]
fn the_configuration_is_found_begun_checked_and_shown() {
    let home = Home::empty();
    let path = home.verb(&["config", "path"]);
    assert_eq!(path.stdout.trim_end(), home.config().to_string_lossy());

    assert_eq!(home.verb(&["config", "init"]).code, Some(0));
    let written = fs::read_to_string(home.config()).expect("it was written");
    assert_eq!(written, include_str!("../config.example.toml"));
    assert_eq!(home.verb(&["config", "check"]).code, Some(0));

    home.configure("# mine\n");
    assert_ends(&home.verb(&["config", "init"]), 1, "exists already");
    let kept = fs::read_to_string(home.config()).expect("it is there");
    assert_eq!(kept, "# mine\n");

    home.configure("[[tunnel]]\nprot = 722\nport = 0\n");
    let bad = home.verb(&["config", "check"]);
    assert_ends(&bad, 6, "config.toml:2:1");
    assert!(bad.stderr.contains("config.toml:3:"), "{bad:?}");
    assert!(bad.stderr.contains("port"), "{bad:?}");
    assert_ends(&home.verb(&["config", "show"]), 6, "config.toml:2:1");

    home.configure(CONFIG.replace("LOCAL", "3000").as_str());
    let shown = home.verb(&["config", "show", "--origin"]);
    assert_eq!(shown.code, Some(0));
    assert!(
        shown.stdout.contains("tunnel[0].user = \"nobody\""),
        "{shown:?}"
    );
}

#[test]
fn a_file_that_is_named_has_to_be_there() {
    let home = Home::empty();
    for verb in [&["config", "check"][..], &["run"]] {
        assert_ends(&home.verb(verb), 6, "config.toml: this file does not exist");
    }
}

#[cfg(unix)]
#[test]
fn the_usual_file_may_be_missing() {
    let home = Home::empty();
    let mut check = Command::new(env!("CARGO_BIN_EXE_passerelle"));
    check.args(["config", "check"]).env("LC_ALL", "C.UTF-8");
    let check = outcome(check.env("XDG_CONFIG_HOME", &home.state));
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(check.stdout.contains("built-in configuration"), "{check:?}");
}

#[test]
fn a_bad_configuration_starts_nothing() {
    let home = Home::empty();
    home.configure("[[tunnel]]\nprot = 722\n");
    assert_ends(&home.verb(&["run"]), 6, "config.toml:2:1");
}

#[test]
fn every_shell_is_completed() {
    let home = Home::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.verb(&["completions", shell]);
        assert_eq!(script.code, Some(0), "{script:?}");
        assert!(script.stdout.contains("hostkey"), "{shell}");
    }
}

#[cfg(unix)]
#[test]
fn the_language_is_the_systems_unless_the_configuration_says_otherwise() {
    let home = Home::empty();
    let french = |home: &Home| outcome(home.command(&["status"]).env("LC_ALL", "fr_FR.UTF-8"));
    assert!(french(&home).stderr.contains("n’est pas lancé"));
    home.configure("language = \"en\"\n");
    assert!(french(&home).stderr.contains("is not running"));
    let help = outcome(home.command(&["--help"]).env("LC_ALL", "fr_CA.UTF-8"));
    assert!(help.stdout.contains("Codes de retour"), "{help:?}");
}

#[test]
fn a_run_is_asked_switched_and_ended() {
    let home = Home::new();
    let mut running = home.run();
    let status = home.status();
    let tunnel = &status["tunnels"][0];
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (&tunnel["name"], &tunnel["target"], &tunnel["phase"]),
        (&"Nowhere".into(), &"down".into(), &"stopped".into())
    );
    assert_eq!(tunnel["server"], "nobody@127.0.0.1:1");
    let text = home.verb(&["status"]).stdout;
    assert!(
        text.starts_with("Nowhere (nobody@127.0.0.1:1): stopped"),
        "{text}"
    );

    assert_eq!(home.verb(&["up", "nowhere"]).code, Some(0));
    wait_until("it says what is wrong", BOUND, || {
        home.status()["tunnels"][0]["fault"]["code"] == "connection_refused"
    });
    assert_ends(&home.verb(&["up", "Elsewhere"]), 2, "Nowhere");
    assert_ends(&home.verb(&["hostkey", "accept"]), 1, "passerelle status");
    assert_ends(&home.verb(&["answer"]), 1, "passerelle status");
    assert_ends(
        &home.verb(&["open", "--timeout", "300ms"]),
        5,
        "no SSH service listens",
    );
    assert_eq!(home.verb(&["down"]).code, Some(0));
    wait_until("it is down", BOUND, || {
        home.status()["tunnels"][0]["phase"] == "stopped"
    });

    // What `quit` waited for is over: the next one can begin at once.
    assert_eq!(home.verb(&["quit"]).code, Some(0));
    let next = home.run();
    assert_eq!(running.wait().code(), Some(0));
    drop(next);
}

#[test]
fn a_second_run_on_the_same_state_says_so() {
    let home = Home::new();
    let _first = home.run();
    assert_ends(&home.verb(&["run"]), 3, "already running");
    assert_eq!(home.verb(&["status"]).code, Some(0), "the first one stays");
}

#[test]
fn of_twenty_starts_at_once_one_wins() {
    let home = Home::new();
    let mut starts: Vec<Running> = (0..20).map(|_| home.start_run(Stdio::null())).collect();
    let losers = wait_for("nineteen give up", BOUND, || {
        let ended: Vec<_> = starts.iter_mut().filter_map(Running::ended).collect();
        (ended.len() == 19).then_some(ended)
    });
    assert!(losers.iter().all(|status| status.code() == Some(3)));
    wait_until("the winner answers", BOUND, || {
        home.verb(&["status"]).code == Some(0)
    });
}

#[test]
fn a_deep_state_directory_is_no_obstacle() {
    let mut home = Home::new();
    home.state = home.dir.path().join("d".repeat(150));
    let _running = home.run();
    assert_eq!(home.verb(&["quit"]).code, Some(0));
}

#[test]
fn a_watched_status_is_told_at_each_change_until_the_end() {
    let home = Home::new();
    let _running = home.run();
    let mut watch = home
        .command(&["status", "--json", "--watch"])
        .spawn()
        .expect("the program starts");
    let output = watch.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(output).lines().map(|line| {
        let line = line.expect("it prints text");
        serde_json::from_str::<Value>(&line).expect("each line is an object")
    });
    let mut phase = || Some(lines.next()?["tunnels"][0]["phase"].clone());
    assert_eq!(phase(), Some("stopped".into()));
    assert_eq!(home.verb(&["up"]).code, Some(0));
    assert_eq!(phase(), Some("connecting".into()));
    assert_eq!(home.verb(&["quit"]).code, Some(0));
    while phase().is_some() {}
    assert_eq!(watch.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_password_comes_from_standard_input() {
    let home = Home::new();
    let mut running = home.run();
    let set = |input: &[u8]| {
        let mut command = home.command(&["secret", "set"]);
        let mut child = command
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // It need not read all that is too much.
        let _ = stdin.write_all(input);
        drop(stdin);
        child.wait_with_output().expect("it ends")
    };
    assert_eq!(set(b"canary-4711\n").status.code(), Some(0));
    assert_eq!(set(b"\n").status.code(), Some(1));
    assert_eq!(set(&[b'x'; 100_000]).status.code(), Some(1));
    // Its name is wrong, and nothing is read.
    let misspelt = home.verb(&["secret", "set", "misspelt"]);
    assert_ends(&misspelt, 2, "No tunnel has that name");
    assert_eq!(home.verb(&["secret", "clear"]).code, Some(0));
    assert_eq!(home.verb(&["quit"]).code, Some(0));
    running.wait();
    for entry in fs::read_dir(&home.state).expect("it is there").flatten() {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("canary"), "{}", entry.path().display());
    }
}

#[test]
fn output_that_nobody_reads_is_no_failure() {
    let home = Home::new();
    let mut completions = home
        .command(&["completions", "zsh"])
        .spawn()
        .expect("the program starts");
    drop(completions.stdout.take());
    let mut complaint = String::new();
    let mut stderr = completions.stderr.take().expect("it is piped");
    stderr
        .read_to_string(&mut complaint)
        .expect("it prints text");
    assert_eq!(completions.wait().expect("it ends").code(), Some(0));
    assert_eq!(complaint, "");

    // What runs goes on running.
    let mut running = home.start_run(Stdio::piped());
    drop(running.0.stdout.take());
    wait_until("it answers", BOUND, || home.verb(&["up"]).code == Some(0));
    wait_until("it has had something to print", BOUND, || {
        home.status()["tunnels"][0]["fault"].is_object()
    });
    assert!(running.ended().is_none());
}

#[cfg(unix)]
#[test]
fn what_is_written_is_for_this_user_alone() {
    use std::os::unix::fs::MetadataExt;

    let home = Home::new();
    fs::create_dir(&home.state).expect("a directory can be made");
    let _running = home.run();
    let mode = |path: PathBuf| fs::metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!(mode(home.state.clone()), 0o700);
    for entry in fs::read_dir(&home.state).expect("it is there").flatten() {
        assert_eq!(mode(entry.path()) & 0o077, 0, "{:?}", entry.path());
    }
    assert!(home.state.join("passerelle.log").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_it_in_order() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::time::Instant;

    for signal in [Signal::TERM, Signal::INT] {
        let home = Home::new();
        let mut running = home.run();
        let pid = Pid::from_child(&running.0);
        let told = Instant::now();
        kill_process(pid, signal).expect("it runs");
        assert_eq!(running.wait().code(), Some(0));
        assert!(told.elapsed() < Duration::from_secs(3));
        assert!(!home.state.join("ipc.sock").exists());
    }
}
