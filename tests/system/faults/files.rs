//! Files that a dial reads, in whose place something stands that has no end, or that never answers.

use super::bound::BOUND;
use crate::common::network::in_own_network;
use crate::common::{
    Config, DeadDisk, Home, Key, Passerelle, Sshd, Tunnel, descriptors, tool, wait_until,
};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a file may take, and a part of it for a busy machine.
const DEADLINE: Duration = Duration::from_secs(25);

/// How often each is tried.
const TRIES: usize = 12;

/// Threads that rest between two tries, and end only where none comes for ten seconds.
const RESTING: usize = TRIES / 4;

/// What is no file, each made under its own name in that directory.
fn no_files(dir: &Path) -> [PathBuf; 3] {
    let [fifo, folder, endless] = ["fifo", "folder", "endless"].map(|name| dir.join(name));
    make_fifo(&fifo);
    fs::create_dir(&folder).expect("it is ours");
    symlink("/dev/zero", &endless).expect("it is ours");
    [fifo, folder, endless]
}

fn make_fifo(path: &Path) {
    let made = Command::new(tool("mkfifo", "coreutils")).arg(path).status();
    assert!(made.expect("mkfifo runs").success());
}

fn threads(pid: u32) -> usize {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    tasks.expect("it runs").count()
}

/// Has it dial again and again; each dial ends in a fault of that code. No thread is left of each, and
/// no descriptor.
#[track_caller]
fn fails_each_time(passerelle: &Passerelle, code: &str) {
    let ended = |tunnel: &Value| tunnel["fault"]["code"] == code;
    let mut tunnel = passerelle.wait_tunnel(code, DEADLINE, ended);
    let count = || (threads(passerelle.pid()), descriptors(passerelle.pid()));
    let before = count();
    for _ in 0..TRIES {
        let last = tunnel["attempt"].clone();
        passerelle.succeed(&["restart"]);
        tunnel = passerelle.wait_tunnel("it dials again", BOUND, |tunnel| {
            tunnel["attempt"] != last && ended(tunnel)
        });
    }
    wait_until("nothing is left of it", BOUND, || {
        let now = count();
        now.0 <= before.0 + RESTING && now.1 <= before.1 + 2
    });
}

#[track_caller]
fn names(passerelle: &Passerelle, path: &Path) {
    let fault = passerelle.tunnel()["fault"].clone();
    let words = fault["message"].as_str().expect("a message");
    assert!(words.contains(&*path.to_string_lossy()), "{fault}");
}

#[test]
fn what_is_no_file_is_passed_over_as_a_key() {
    let sshd = Sshd::start();
    let home = Home::empty().trusting(&sshd);
    let no_files = no_files(&home.home(""));
    let key = home.key_for(&sshd);
    fs::create_dir(home.home("beside")).expect("it is ours");
    let certified = Key::ed25519(home.home("beside/id"));
    make_fifo(&home.home("beside/id-cert.pub"));
    let tunnel = |identity: &[&Path]| {
        let names: Vec<_> = identity
            .iter()
            .map(|path| format!("\"{}\"", path.display()))
            .collect();
        let tunnel = Tunnel::to(&sshd, "lab").line("auth = [\"key\"]");
        let tunnel = tunnel.line(&format!("identity = [{}]", names.join(", ")));
        Config::of(tunnel).text()
    };
    let paths: Vec<_> = no_files.iter().map(PathBuf::as_path).collect();

    home.configure(&tunnel(&paths));
    let passerelle = home.run();
    fails_each_time(&passerelle, "no_credential");
    for path in &paths {
        names(&passerelle, path);
    }
    // One that is a key opens the account all the same, and so does one beside which no certificate
    // can be read.
    for good in [&key, &certified] {
        sshd.authorize(good);
        let all: Vec<_> = paths.iter().copied().chain([good.path()]).collect();
        passerelle.configure(&tunnel(&all));
        passerelle.wait_phase("healthy", BOUND);
        passerelle.configure(&tunnel(&paths));
        passerelle.wait_phase("blocked", BOUND);
    }
}

#[test]
fn what_is_no_file_in_the_place_of_known_hosts_is_named() {
    let sshd = Sshd::start();
    let home = Home::empty().trusting(&sshd);
    let no_files = no_files(&home.home(""));
    let key = home.key_for(&sshd);
    home.configure(&Config::of(Tunnel::to(&sshd, "lab").key(key.path())).text());
    let [own, user] = [home.state("known_hosts"), home.home(".ssh/known_hosts")];
    fs::remove_file(&own).expect("it is there");
    let passerelle = home.run();
    for known_hosts in [own, user] {
        for what in &no_files {
            symlink(what, &known_hosts).expect("it is ours");
            passerelle.succeed(&["restart"]);
            fails_each_time(&passerelle, "known_hosts_unreadable");
            names(&passerelle, &known_hosts);
            fs::remove_file(&known_hosts).expect("it is there");
        }
    }
    // With none of them in its place, the server is merely unknown.
    passerelle.succeed(&["restart"]);
    passerelle.wait_tunnel("it asks", BOUND, |tunnel| tunnel["question"].is_object());
}

#[test]
fn a_dead_network_home_is_named_and_holds_one_thread_for_each_file() {
    let test = "faults::files::a_dead_network_home_is_named_and_holds_one_thread_for_each_file";
    in_own_network(test, || {
        let sshd = Sshd::start();
        let home = Home::empty().trusting(&sshd);
        let key = home.key_for(&sshd);
        let alive = home.home("id");
        fs::copy(key.path(), &alive).expect("it is ours");
        home.configure(&Config::of(Tunnel::to(&sshd, "lab").key(&alive)).text());
        let known_hosts = home.home(".ssh/known_hosts");
        // Whatever happens, the disk goes first: the home is looked through at the end.
        let mut passerelle;
        let dead = DeadDisk::on(&home.home(".ssh"));
        passerelle = home.run();
        let begun = Instant::now();
        fails_each_time(&passerelle, "file_timeout");
        // It hangs once; what comes after knows it at once.
        assert!(begun.elapsed() < DEADLINE * 2, "{:?}", begun.elapsed());
        names(&passerelle, &known_hosts);

        // It comes back by itself when the home does.
        drop(dead);
        passerelle.wait_phase("healthy", BOUND);
        passerelle.succeed(&["quit"]);
        passerelle.wait_end(BOUND);
    });
}

#[test]
fn a_host_key_accepted_beside_a_dead_network_home_is_recorded_once_and_forgotten() {
    let test = "faults::files::\
                a_host_key_accepted_beside_a_dead_network_home_is_recorded_once_and_forgotten";
    in_own_network(test, || {
        let (sshd, home) = (Sshd::start(), Home::empty());
        let key = home.key_for(&sshd);
        let alive = home.home("id");
        fs::copy(key.path(), &alive).expect("it is ours");
        home.configure(&Config::of(Tunnel::to(&sshd, "lab").key(&alive)).text());
        let passerelle = home.run();
        let asks = |tunnel: &Value| tunnel["question"]["kind"] == "host_key";
        passerelle.wait_tunnel("it asks about the key", BOUND, asks);
        // Whatever happens, the disk goes first: the home is looked through at the end.
        let dead = DeadDisk::on(&passerelle.home(".ssh"));
        let known_lines = || {
            let known = fs::read_to_string(passerelle.state("known_hosts"));
            known.unwrap_or_default().lines().count()
        };
        let wait_dials = |more: u64| {
            let number = |tunnel: &Value| tunnel["attempt"].as_u64().expect("a number");
            let before = number(&passerelle.tunnel());
            passerelle.wait_tunnel("it has dialed again and again", BOUND, |tunnel| {
                number(tunnel) >= before + more && tunnel["fault"]["code"] == "file_timeout"
            });
        };
        passerelle.succeed(&["hostkey", "accept"]);
        wait_dials(3);
        assert_eq!(known_lines(), 1);

        passerelle.succeed(&["hostkey", "forget"]);
        assert_eq!(known_lines(), 0);
        wait_dials(2);
        assert_eq!(known_lines(), 0);

        drop(dead);
        passerelle.succeed(&["restart"]);
        passerelle.wait_tunnel("it asks about the key anew", BOUND, asks);
    });
}

#[test]
fn a_key_on_a_dead_network_home_is_passed_over_or_named() {
    let test = "faults::files::a_key_on_a_dead_network_home_is_passed_over_or_named";
    in_own_network(test, || {
        let sshd = Sshd::start();
        let home = Home::empty().trusting(&sshd);
        let key = home.key_for(&sshd);
        let lost = home.home("gone/id");
        fs::create_dir(home.home("gone")).expect("it is ours");
        let tunnel = Tunnel::to(&sshd, "lab").line("auth = [\"key\"]");
        let only = tunnel.clone().identity(&lost);
        let both = format!(
            "identity = [\"{}\", \"{}\"]",
            lost.display(),
            key.path().display()
        );
        home.configure(&Config::of(only).text());
        // Whatever happens, the disk goes first: the home is looked through at the end.
        let mut passerelle;
        let _dead = DeadDisk::on(&home.home("gone"));
        passerelle = home.run();
        fails_each_time(&passerelle, "file_timeout");
        names(&passerelle, &lost);

        passerelle.configure(&Config::of(tunnel.line(&both)).text());
        passerelle.wait_phase("healthy", BOUND);
        // What hangs does not keep it from ending.
        passerelle.succeed(&["quit"]);
        passerelle.wait_end(BOUND);
    });
}

#[test]
fn a_configuration_on_a_dead_disk_is_named_at_the_start() {
    let test = "faults::files::a_configuration_on_a_dead_disk_is_named_at_the_start";
    in_own_network(test, || {
        let home = Home::empty().with_config_in("gone");
        home.configure("");
        // Whatever happens, the disk goes first: the home is looked through at the end.
        let mut processes = Vec::new();
        let _dead = DeadDisk::on(&home.home("gone"));
        for verb in [&["run"][..], &["config", "check"], &["config", "init"]] {
            processes.push((verb, home.start(verb)));
        }
        for (verb, process) in &mut processes {
            let ended = process.wait(DEADLINE).code();
            let expected = if verb.contains(&"init") { 1 } else { 6 };
            assert_eq!(ended, Some(expected), "{verb:?}");
            let complained = home.complained();
            let path = home.config_file();
            assert!(
                complained.contains(&*path.to_string_lossy()),
                "{complained}"
            );
        }
    });
}

#[test]
fn a_state_directory_on_a_dead_disk_is_named() {
    let test = "faults::files::a_state_directory_on_a_dead_disk_is_named";
    in_own_network(test, || {
        let home = Home::empty();
        home.configure("");
        let mut processes = Vec::new();
        let _dead = DeadDisk::on(&home.state(""));
        for verb in ["run", "status"] {
            processes.push((verb, home.start(&[verb])));
        }
        for (verb, process) in &mut processes {
            assert_eq!(process.wait(DEADLINE).code(), Some(1), "{verb}");
        }
        let (complained, path) = (home.complained(), home.state(""));
        let path = path.to_string_lossy();
        let named = complained.matches(path.trim_end_matches('/')).count();
        assert!(named >= 2, "{complained}");
    });
}

#[test]
fn a_configuration_whose_disk_dies_is_told_and_the_tunnel_stays() {
    let test = "faults::files::a_configuration_whose_disk_dies_is_told_and_the_tunnel_stays";
    in_own_network(test, || {
        let sshd = Sshd::start();
        let home = Home::empty().with_config_in("gone").trusting(&sshd);
        let key = home.key_for(&sshd);
        home.configure(&Config::of(Tunnel::to(&sshd, "lab").key(key.path())).text());
        let file = home.config_file();
        // Whatever happens, the disk goes first: the home is looked through at the end.
        let mut passerelle = home.run();
        passerelle.wait_phase("healthy", BOUND);
        let dead = DeadDisk::on(&passerelle.home("gone"));
        let errors = |passerelle: &Passerelle| passerelle.status()["config_errors"].clone();
        // It is looked at each 30 s, and then its directory and itself have 10 s each.
        wait_until("the file is named", BOUND * 2, || {
            errors(&passerelle)[0]
                .as_str()
                .is_some_and(|error| error.starts_with(&*file.to_string_lossy()))
        });
        let tunnel = passerelle.tunnel();
        assert_eq!(
            (&tunnel["phase"], &tunnel["attempt"]),
            (&"healthy".into(), &1.into())
        );

        // It is found again when the disk is back.
        drop(dead);
        wait_until("the errors are gone", BOUND * 2, || {
            errors(&passerelle).is_null()
        });
        let _dead = DeadDisk::on(&passerelle.home("gone"));
        passerelle.succeed(&["quit"]);
        passerelle.wait_end(BOUND);
    });
}

/// A verb that is to name that file, with exit code 1, in time.
#[track_caller]
fn names_by_verb(passerelle: &Passerelle, verb: &[&str], path: &Path) {
    let begun = Instant::now();
    let outcome = passerelle.verb(verb);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.stderr.contains(&*path.to_string_lossy()),
        "{outcome:?}"
    );
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
}

#[test]
fn the_verbs_of_host_keys_name_what_is_no_file() {
    let sshd = Sshd::start();
    let home = Home::empty().trusting(&sshd);
    let key = home.key_for(&sshd);
    home.configure(&Config::of(Tunnel::to(&sshd, "lab").key(key.path())).text());
    let [own, user] = [home.state("known_hosts"), home.home(".ssh/known_hosts")];
    let passerelle = home.run();
    passerelle.wait_phase("healthy", BOUND);
    make_fifo(&user);
    names_by_verb(&passerelle, &["hostkey", "show"], &user);
    fs::remove_file(&user).expect("it is there");
    passerelle.succeed(&["hostkey", "show"]);

    fs::remove_file(&own).expect("it is there");
    make_fifo(&own);
    for verb in ["show", "forget"] {
        names_by_verb(&passerelle, &["hostkey", verb], &own);
    }
    assert_eq!(passerelle.tunnel()["phase"], "healthy");
}

#[test]
fn the_verbs_of_host_keys_name_what_does_not_answer() {
    let test = "faults::files::the_verbs_of_host_keys_name_what_does_not_answer";
    in_own_network(test, || {
        let sshd = Sshd::start();
        let home = Home::empty();
        let key = home.key_for(&sshd);
        home.configure(&Config::of(Tunnel::to(&sshd, "lab").key(key.path())).text());
        let own = home.state("known_hosts");
        fs::create_dir(home.home("gone")).expect("it is ours");
        symlink(home.home("gone/known_hosts"), &own).expect("it is ours");
        // Whatever happens, the disk goes first: the home is looked through at the end.
        let mut passerelle = home.run();
        passerelle.wait_tunnel("it asks", BOUND, |tunnel| tunnel["question"].is_object());
        let _dead = DeadDisk::on(&passerelle.home("gone"));
        for verb in ["accept", "show", "forget"] {
            names_by_verb(&passerelle, &["hostkey", verb], &own);
        }
        passerelle.succeed(&["quit"]);
        passerelle.wait_end(BOUND);
    });
}
