//! The first command that a newcomer types.

use crate::common::{Process, Scratch, wait_until};
use std::process::Stdio;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

#[test]
fn demo_once_ends_well_and_leaves_nothing() {
    let scratch = Scratch::new();
    let output = std::fs::File::create(scratch.join("output")).expect("it is ours");
    std::fs::create_dir(scratch.join("tmp")).expect("it is ours");
    let mut command = Process::command(env!("CARGO_BIN_EXE_passerelle"));
    command
        .args(["demo", "--headless", "--once"])
        .env_clear()
        .env("HOME", scratch.join("home"))
        .env("TMPDIR", scratch.join("tmp"))
        .env("LANG", "C.UTF-8")
        .stdout(output.try_clone().expect("it is ours"))
        .stderr(output)
        .stdin(Stdio::null());
    let mut demo = Process::start("passerelle demo", &mut command);
    let mut status = None;
    wait_until("the demonstration ends", BOUND, || {
        status = demo.ended();
        status.is_some()
    });
    let printed = std::fs::read_to_string(scratch.join("output")).unwrap_or_default();
    assert_eq!(
        status.and_then(|status| status.code()),
        Some(0),
        "{printed}"
    );
    assert!(printed.contains("http://"), "{printed}");
    let left = std::fs::read_dir(scratch.join("tmp"))
        .expect("it is ours")
        .count();
    assert_eq!(left, 0, "files are left");
    assert!(
        !scratch.join("home").exists(),
        "it wrote into the user's home"
    );
}
