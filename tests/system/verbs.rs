//! The verbs, as a script sees them: their exit codes are a promise.

use crate::common::{
    Config, Forward, Grafana, Home, Passerelle, Process, Sshd, Tunnel, free_port, wait_until,
};
use std::fs;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);
const DONE: Option<i32> = Some(0);
const FAILED: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);
const NOT_RUNNING: Option<i32> = Some(4);
const TIMED_OUT: Option<i32> = Some(5);
const BAD_CONFIG: Option<i32> = Some(6);
const BLOCKED: Option<i32> = Some(7);

/// A healthy tunnel `lab` to a Grafana.
fn healthy() -> (Sshd, Grafana, Passerelle) {
    let (sshd, grafana) = (Sshd::start(), Grafana::start());
    let forward = Forward::grafana(free_port(), grafana.port());
    let passerelle = Passerelle::ready(&sshd, [forward]);
    passerelle.wait_phase("healthy", BOUND);
    (sshd, grafana, passerelle)
}

#[test]
fn without_a_running_one() {
    let home = Home::empty();
    let code = |arguments: &[&str]| home.verb(arguments).code;
    for verb in [
        &["status"][..],
        &["status", "--json"],
        &["up"],
        &["down"],
        &["restart"],
        &["open", "--print"],
        &["hostkey", "show"],
        &["hostkey", "accept"],
        &["answer"],
        &["secret", "clear"],
        &["quit"],
    ] {
        let outcome = home.verb(verb);
        assert_eq!(outcome.code, NOT_RUNNING, "{verb:?}: {outcome:?}");
        assert!(!outcome.stderr.is_empty(), "{verb:?} says why");
        assert!(outcome.stdout.is_empty(), "{verb:?}: {outcome:?}");
    }
    assert_eq!(code(&["dance"]), USAGE);
    assert_eq!(code(&["status", "--no-such-option"]), USAGE);
    assert_eq!(code(&["--help"]), DONE);
    assert_eq!(code(&["--version"]), DONE);
    assert_eq!(code(&["completions", "bash"]), DONE);
}

#[test]
fn the_configuration_is_made_shown_and_checked() {
    let home = Home::empty();
    let path = home.succeed(&["config", "path"]).stdout;
    let path = path.trim_end();
    assert!(!fs::exists(path).expect("it can be asked"));
    // Without a file there is the mission's own configuration.
    home.succeed(&["config", "check"]);
    let shown = home.succeed(&["config", "show"]).stdout;
    assert!(shown.contains("serveurproduction"), "{shown}");

    home.succeed(&["config", "init"]);
    let made = fs::read_to_string(path).expect("it was made");
    home.succeed(&["config", "check"]);
    assert_eq!(
        home.verb(&["config", "init"]).code,
        FAILED,
        "it is not overwritten"
    );
    assert_eq!(fs::read_to_string(path).expect("it is there"), made);

    home.configure("langage = \"en\"\n[[tunnel]]\nport = 70000\n");
    for verb in [&["config", "check"][..], &["run"]] {
        let outcome = home.verb(verb);
        assert_eq!(outcome.code, BAD_CONFIG, "{verb:?}: {outcome:?}");
        for error in ["langage", "language", "port"] {
            assert!(outcome.stderr.contains(error), "{verb:?}: {outcome:?}");
        }
    }
}

#[test]
fn what_nobody_knows_is_wrong_usage() {
    let (_sshd, _grafana, passerelle) = healthy();
    for verb in [
        &["up", "nobody"][..],
        &["down", "nobody"],
        &["restart", "nobody"],
        &["open", "Nothing", "--print"],
    ] {
        let outcome = passerelle.verb(verb);
        assert_eq!(outcome.code, USAGE, "{verb:?}: {outcome:?}");
    }
    assert_eq!(
        passerelle.verb(&["answer"]).code,
        FAILED,
        "nothing is asked"
    );
    assert_eq!(passerelle.tunnel()["phase"], "healthy");
}

#[test]
fn open_says_why_it_does_not() {
    let (sshd, mut grafana, passerelle) = healthy();
    grafana.stop();
    passerelle.wait_phase("degraded", BOUND);
    let waited = passerelle.verb(&["open", "--print", "--timeout", "1s"]);
    assert_eq!(waited.code, TIMED_OUT, "{waited:?}");
    assert!(waited.stdout.is_empty(), "{waited:?}");
    assert!(waited.stderr.contains("Grafana"), "{waited:?}");
    drop(passerelle);

    let forward = Forward::grafana(free_port(), grafana.port());
    let config = Config::of(Tunnel::to(&sshd, "lab").password().forward(forward));
    let unknown = Home::new(&config).run();
    unknown.wait_phase("blocked", BOUND);
    let blocked = unknown.verb(&["open", "--print"]);
    assert_eq!(blocked.code, BLOCKED, "{blocked:?}");
    assert!(
        blocked.stderr.contains("hostkey accept"),
        "what to do: {blocked:?}"
    );
}

#[test]
fn status_watches() {
    let (_sshd, _grafana, passerelle) = healthy();
    let output = passerelle.home("watched");
    let mut command = passerelle.command(&["status", "--json", "--watch"]);
    command.stdout(fs::File::create(&output).expect("it is ours"));
    let mut watching = Process::start("passerelle status --watch", &mut command);
    let last = || {
        let text = fs::read_to_string(&output).unwrap_or_default();
        let line = text.lines().last().unwrap_or_default().to_owned();
        let report = serde_json::from_str::<serde_json::Value>(&line).unwrap_or_default();
        report["tunnels"][0]["phase"].clone()
    };
    wait_until("it tells the present", BOUND, || last() == "healthy");
    passerelle.succeed(&["down"]);
    wait_until("it tells the change", BOUND, || last() == "stopped");
    passerelle.succeed(&["quit"]);
    watching.wait(BOUND);
}

#[test]
fn a_forgotten_host_key_is_asked_for_again() {
    let (sshd, _grafana, passerelle) = healthy();
    let fingerprint = sshd.host_key().fingerprint();
    passerelle.succeed(&["hostkey", "forget"]);
    passerelle.succeed(&["restart"]);
    let tunnel = passerelle.wait_phase("blocked", BOUND);
    assert_eq!(tunnel["question"]["fingerprint"], fingerprint, "{tunnel}");
    let shown = passerelle.succeed(&["hostkey", "show"]).stdout;
    assert!(shown.contains(&fingerprint), "{shown}");
}

#[test]
fn it_speaks_french_to_whom_speaks_french() {
    let home = Home::empty().env("LANG", "fr_FR.UTF-8");
    let outcome = home.verb(&["status"]);
    assert!(outcome.stderr.contains("n’est pas"), "{outcome:?}");
    let help = home.succeed(&["--help"]).stdout;
    assert!(help.contains("Codes de retour"), "{help}");
}
