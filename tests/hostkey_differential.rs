//! Our reading of known_hosts against OpenSSH's: `ssh-keygen` for the names, a real `ssh` that talks
//! to a real `sshd` for the verdict. A missing tool is a failure.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, as it should"
)]

use passerelle::hostkey::{self, KnownHosts, Verdict};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const HOSTS: [&str; 4] = ["serveurproduction", "prod.example.org", "192.0.2.7", "::1"];
const PORTS: [u16; 3] = [22, 722, 2222];

/// Key pairs as `ssh-keygen` makes them, and a directory for the files of a case.
struct Workshop {
    directory: TempDir,
    keys: Vec<PublicKey>,
}

impl Workshop {
    fn with_keys(types: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keys = types
            .iter()
            .enumerate()
            .map(|(number, kind)| {
                let path = directory.path().join(format!("key{number}"));
                let made = run(Command::new("ssh-keygen")
                    .args(["-q", "-t", kind, "-N", "", "-C", "", "-f"])
                    .arg(&path));
                assert!(made.status.success(), "{}", text(&made.stderr));
                let line = fs::read_to_string(path.with_extension("pub")).unwrap();
                PublicKey::from_openssh(line.trim()).unwrap()
            })
            .collect();
        Self { directory, keys }
    }

    fn line(&self, key: usize) -> String {
        self.keys[key].to_openssh().unwrap()
    }

    fn private(&self, key: usize) -> PathBuf {
        self.directory.path().join(format!("key{key}"))
    }

    fn write(&self, known_hosts: &str) -> PathBuf {
        let path = self.directory.path().join("known_hosts");
        fs::write(&path, known_hosts).unwrap();
        path
    }

    /// The keys that `ssh-keygen -F name` finds.
    fn found(&self, known_hosts: &Path, name: &str) -> BTreeSet<usize> {
        let output = run(Command::new("ssh-keygen")
            .args(["-F", name, "-f"])
            .arg(known_hosts));
        let output = text(&output.stdout);
        (0..self.keys.len())
            .filter(|key| output.lines().any(|line| line.ends_with(&self.line(*key))))
            .collect()
    }

    /// The keys that we trust.
    fn trusted(&self, known_hosts: &Path, host: &str, port: u16) -> BTreeSet<usize> {
        let known = KnownHosts::read(&[known_hosts.to_owned()]).unwrap();
        (0..self.keys.len())
            .filter(|key| known.verdict(host, port, &self.keys[*key], &[]) == Verdict::Trusted)
            .collect()
    }

    /// What `ssh` says with strict checking when `host` shows one of these keys.
    ///
    /// A `sshd -i` answers at the other end of a pipe, so any host and port can be played.
    fn ssh(&self, known_hosts: &Path, host: &str, port: u16, shown: &[usize]) -> String {
        // As root, sshd wants it; elsewhere, nobody may make it.
        let _ = fs::create_dir_all("/run/sshd");
        let mut sshd = "/usr/sbin/sshd -i -f /dev/null -o UsePAM=no".to_owned();
        for key in shown {
            sshd += &format!(" -o HostKey={}", self.private(*key).display());
        }
        let output = run(Command::new("ssh")
            .args(["-v", "-T", "-F", "none"])
            .args(["-o", &format!("ProxyCommand={sshd}")])
            .args([
                "-o",
                &format!("UserKnownHostsFile={}", known_hosts.display()),
            ])
            .args(["-o", "GlobalKnownHostsFile=/dev/null"])
            .args(["-o", "StrictHostKeyChecking=yes"])
            .args(["-o", "BatchMode=yes"])
            .args(["-o", "PreferredAuthentications=none"])
            .args(["-p", &port.to_string()])
            .arg(format!("nobody@{host}")));
        text(&output.stderr)
    }
}

fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The name of known_hosts for a host and port, as OpenSSH writes it.
fn name(host: &str, port: u16) -> String {
    if port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    }
}

/// Names that have something to do with the hosts above.
fn single_name() -> impl Strategy<Value = String> {
    (
        prop::sample::select(HOSTS.to_vec()),
        prop::sample::select(PORTS.to_vec()),
    )
        .prop_map(|(host, port)| name(host, port))
}

fn pattern() -> impl Strategy<Value = String> {
    let glob = prop::sample::select(vec![
        "*",
        "*.org",
        "*.example.org",
        "prod.*",
        "[*]:722",
        "[*]:*",
        "[prod.*]:?22",
        "??1",
        "serveur*production",
        "SERVEURPRODUCTION",
        "192.0.2.?",
    ]);
    let positive = prop_oneof![3 => single_name(), 2 => glob.prop_map(str::to_owned)];
    (prop::bool::weighted(0.2), positive)
        .prop_map(|(negated, text)| format!("{}{text}", if negated { "!" } else { "" }))
}

fn pattern_list() -> impl Strategy<Value = String> {
    prop::collection::vec(pattern(), 1..4).prop_map(|patterns| patterns.join(","))
}

fn check<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value)) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let checked = TestRunner::new(config).run(strategy, |value| {
        test(value);
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}

#[test]
fn names_mean_the_same_servers_as_for_ssh_keygen() {
    let workshop = Workshop::with_keys(&["ed25519"; 5]);
    let lists = prop::collection::vec(pattern_list(), 5);
    check(60, &lists, |lists| {
        let known_hosts: String = lists
            .iter()
            .enumerate()
            .map(|(key, list)| format!("{list} {}\n", workshop.line(key)))
            .collect();
        let path = workshop.write(&known_hosts);
        for host in HOSTS {
            let portless = workshop.found(&path, host);
            assert_eq!(workshop.trusted(&path, host, 22), portless, "{known_hosts}");
            for port in [722, 2222] {
                let with_port = workshop.found(&path, &name(host, port));
                let expected = if with_port.is_empty() {
                    &portless
                } else {
                    &with_port
                };
                assert_eq!(
                    &workshop.trusted(&path, host, port),
                    expected,
                    "{host} {port}\n{known_hosts}"
                );
            }
        }
    });
}

#[test]
fn names_hashed_by_ssh_keygen_mean_what_they_meant() {
    let workshop = Workshop::with_keys(&["ed25519"; 4]);
    let lists = prop::collection::vec(prop::collection::vec(single_name(), 1..3), 4);
    check(40, &lists, |lists| {
        let known_hosts: String = lists
            .iter()
            .enumerate()
            .map(|(key, list)| format!("{} {}\n", list.join(","), workshop.line(key)))
            .collect();
        let path = workshop.write(&known_hosts);
        let all = || {
            let servers = HOSTS.iter().flat_map(|host| PORTS.map(|port| (host, port)));
            servers
                .map(|(host, port)| workshop.trusted(&path, host, port))
                .collect::<Vec<_>>()
        };
        let plain = all();
        let hashed = run(Command::new("ssh-keygen").args(["-H", "-f"]).arg(&path));
        assert!(hashed.status.success(), "{}", text(&hashed.stderr));
        for line in fs::read_to_string(&path).unwrap().lines() {
            assert!(line.starts_with("|1|"), "{line}");
        }
        assert_eq!(all(), plain, "{known_hosts}");
    });
}

#[test]
fn forgetting_leaves_what_ssh_keygen_leaves() {
    let workshop = Workshop::with_keys(&["ed25519"; 2]);
    let line = (
        prop::sample::select(vec!["", "", "", "@revoked ", "@cert-authority "]),
        pattern_list(),
        0..2usize,
    );
    let file = prop::collection::vec(line, 0..6);
    check(40, &file, |lines| {
        let known_hosts: String = lines
            .iter()
            .map(|(marker, list, key)| format!("{marker}{list} {}\n", workshop.line(*key)))
            .collect();
        let path = workshop.write(&known_hosts);
        let theirs = workshop.directory.path().join("theirs");
        fs::copy(&path, &theirs).unwrap();
        // It exits with an error when there was nothing to remove.
        run(Command::new("ssh-keygen")
            .args(["-R", "[serveurproduction]:722", "-f"])
            .arg(&theirs));
        let removed = hostkey::forget(&path, "serveurproduction", 722).unwrap();
        let ours = fs::read_to_string(&path).unwrap();
        assert_eq!(ours, fs::read_to_string(&theirs).unwrap(), "{known_hosts}");
        assert_eq!(removed, lines.len() - ours.lines().count());
    });
}

#[test]
fn what_is_recorded_satisfies_ssh() {
    let workshop = Workshop::with_keys(&["ed25519", "ecdsa", "rsa"]);
    for (key, (host, port)) in HOSTS.into_iter().zip(PORTS).enumerate() {
        let path = workshop.write("");
        let presented = hostkey::present(host, port, &workshop.keys[key]);
        hostkey::record(&path, &presented).unwrap();
        assert_eq!(
            SshVerdict::of(&workshop.ssh(&path, host, port, &[key])),
            SshVerdict::Trusted
        );
    }
}

/// What `ssh` made of a host key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SshVerdict {
    Trusted,
    Unknown,
    Changed,
    Revoked,
}

impl SshVerdict {
    fn of(output: &str) -> Self {
        let says = |words: &str| output.contains(words);
        match (
            says("Host key verification failed"),
            says("REVOKED HOST KEY DETECTED"),
            says("REMOTE HOST IDENTIFICATION HAS CHANGED"),
        ) {
            (true, true, false) => Self::Revoked,
            (true, false, true) => Self::Changed,
            (true, false, false) if says("host key is known for") => Self::Unknown,
            (false, false, false) if says("Permission denied") => Self::Trusted,
            outcome => panic!("{outcome:?}\n{output}"),
        }
    }
}

/// One case for each verdict, under the name with the port and the one without.
#[test]
fn each_verdict_has_its_case() {
    let workshop = Workshop::with_keys(&["ed25519", "ed25519", "rsa"]);
    let line = |marker: &str, name: &str, key| format!("{marker}{name} {}\n", workshop.line(key));
    for port in [22, 722] {
        let name = &name("serveurproduction", port);
        let source = |path: &Path, number: usize| format!("{}:{number}", path.display());
        let path = &workshop.directory.path().join("known_hosts");
        let changed_from = |key: usize| Verdict::Changed {
            known: vec![workshop.keys[key].fingerprint(HashAlg::Sha256).to_string()],
            source: source(path, 1),
        };
        for (known_hosts, ours, ssh) in [
            (line("", name, 0), Verdict::Trusted, SshVerdict::Trusted),
            (
                line("", name, 1) + &line("", name, 0),
                Verdict::Trusted,
                SshVerdict::Trusted,
            ),
            (
                line("", "elsewhere", 0),
                Verdict::Unknown,
                SshVerdict::Unknown,
            ),
            (line("", name, 1), changed_from(1), SshVerdict::Changed),
            (line("", name, 2), changed_from(2), SshVerdict::Changed),
            (
                line("", name, 0) + &line("@revoked ", name, 0),
                Verdict::Revoked {
                    source: source(path, 2),
                },
                SshVerdict::Revoked,
            ),
            (
                line("@cert-authority ", name, 0),
                Verdict::CertificateAuthority {
                    source: source(path, 1),
                },
                SshVerdict::Unknown,
            ),
        ] {
            let path = workshop.write(&known_hosts);
            let output = workshop.ssh(&path, "serveurproduction", port, &[0]);
            assert_eq!(SshVerdict::of(&output), ssh, "{known_hosts}");
            let known = KnownHosts::read(&[path]).unwrap();
            let verdict = known.verdict("serveurproduction", port, &workshop.keys[0], &[]);
            assert_eq!(verdict, ours, "{known_hosts}");
        }
    }
}

#[test]
fn the_verdict_is_that_of_a_strict_ssh() {
    let workshop = Workshop::with_keys(&["ed25519", "ed25519", "ecdsa", "rsa"]);
    let names = prop::sample::select(vec![
        "[serveurproduction]:722",
        "serveurproduction",
        "[serveur*]:722",
        "[*]:*,![serveurproduction]:722",
        "*",
        "elsewhere",
        "[serveurproduction]:723",
    ]);
    let marker = prop_oneof![
        6 => Just(""),
        3 => Just("@revoked "),
        1 => Just("@cert-authority "),
        1 => Just("@unheard-of "),
    ];
    let line = (marker, names, 0..workshop.keys.len());
    let case = (
        prop::collection::vec(line, 0..4),
        0..workshop.keys.len(),
        prop::sample::select(vec![22, 722]),
    );
    let seen = RefCell::new(BTreeSet::new());
    check(120, &case, |(lines, shown, port)| {
        let known_hosts: String = lines
            .iter()
            .map(|(marker, names, key)| format!("{marker}{names} {}\n", workshop.line(*key)))
            .collect();
        let path = workshop.write(&known_hosts);
        let ssh = SshVerdict::of(&workshop.ssh(&path, "serveurproduction", port, &[shown]));
        let known = KnownHosts::read(std::slice::from_ref(&path)).unwrap();
        let ours = known.verdict("serveurproduction", port, &workshop.keys[shown], &[]);
        let agreed = match (&ours, ssh) {
            (Verdict::Trusted, SshVerdict::Trusted)
            | (Verdict::Changed { .. }, SshVerdict::Changed)
            | (Verdict::Revoked { .. }, SshVerdict::Revoked)
            | (Verdict::Unknown, SshVerdict::Unknown)
            | (Verdict::CertificateAuthority { .. }, SshVerdict::Unknown) => true,
            // Revoked under the name without port: ours alone refuses it on every port.
            (Verdict::Revoked { .. }, SshVerdict::Trusted | SshVerdict::Changed) => {
                port != 22 && lines.contains(&("@revoked ", "serveurproduction", shown))
            }
            (_, _) => false,
        };
        assert!(
            agreed,
            "{ours:?}, ssh: {ssh:?}\n{port} {shown}\n{known_hosts}"
        );
        seen.borrow_mut().insert(ssh);
    });
    assert_eq!(seen.take().len(), 4, "some verdict of ssh was never met");
}

#[test]
fn odd_lines_are_read_as_ssh_reads_them() {
    let workshop = Workshop::with_keys(&["rsa"]);
    let key = workshop.line(0);
    for (line, expected) in [
        (format!("serveurproduction {key}\r"), SshVerdict::Trusted),
        (
            format!("\t serveurproduction\t{}\t", key.replace(' ', "\t")),
            SshVerdict::Trusted,
        ),
        (
            format!("serveurproduction {key}\0comment"),
            SshVerdict::Trusted,
        ),
        (
            format!(
                "serveurproduction {}",
                key.replace("ssh-rsa", "rsa-sha2-512")
            ),
            SshVerdict::Trusted,
        ),
        (
            format!(
                "serveurproduction {}",
                key.replace("ssh-rsa", "ssh-ed25519")
            ),
            SshVerdict::Unknown,
        ),
        (format!("serveurproduction {key}AAAA"), SshVerdict::Unknown),
        (
            format!("\u{feff}serveurproduction {key}"),
            SshVerdict::Unknown,
        ),
        (
            format!("@revoked @revoked serveurproduction {key}"),
            SshVerdict::Unknown,
        ),
        (format!("[serveurproduction]:22 {key}"), SshVerdict::Unknown),
        (format!("#serveurproduction {key}"), SshVerdict::Unknown),
    ] {
        let path = workshop.write(&format!("not a line\n{line}\n"));
        let ssh = SshVerdict::of(&workshop.ssh(&path, "serveurproduction", 22, &[0]));
        assert_eq!(ssh, expected, "{line}");
        let known = KnownHosts::read(&[path]).unwrap();
        let ours = known.verdict("serveurproduction", 22, &workshop.keys[0], &[]);
        assert_eq!(
            ours == Verdict::Trusted,
            ssh == SshVerdict::Trusted,
            "{line}"
        );
        assert_eq!(
            ours == Verdict::Unknown,
            ssh == SshVerdict::Unknown,
            "{line}"
        );
    }
}

#[test]
fn the_type_asked_for_first_is_the_one_ssh_asks_for() {
    let workshop = Workshop::with_keys(&["ed25519", "ecdsa", "rsa"]);
    for key in 0..workshop.keys.len() {
        let path = workshop.write(&format!("[serveurproduction]:722 {}\n", workshop.line(key)));
        let output = workshop.ssh(&path, "serveurproduction", 722, &[0, 1, 2]);
        assert_eq!(SshVerdict::of(&output), SshVerdict::Trusted);
        let asked: Algorithm = output
            .lines()
            .find_map(|line| line.strip_prefix("debug1: kex: host key algorithm: "))
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let known = KnownHosts::read(&[path]).unwrap();
        assert_eq!(
            known.algorithms("serveurproduction", 722).first(),
            Some(&asked)
        );
    }
}
