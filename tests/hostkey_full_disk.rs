//! A disk that fills up while a host key is recorded: the file stays as it was, and it is said.
//!
//! The test runs itself again in a mount namespace of its own, on a file system of one page.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

use passerelle::hostkey;
use passerelle::model::{Fault, PresentedKey};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const FULL_DISK: &str = "PASSERELLE_TEST_FULL_DISK";

#[test]
fn a_disk_that_fills_up_leaves_the_file_as_it_was() {
    match std::env::var_os(FULL_DISK) {
        Some(directory) => record_on_full_disk(&PathBuf::from(directory).join("known_hosts")),
        None => run_again_on_full_disk(),
    }
}

fn run_again_on_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    let root = fs::metadata("/proc/self")
        .map(|of| std::os::unix::fs::MetadataExt::uid(&of))
        .unwrap()
        == 0;
    let output = Command::new("unshare")
        .args(if root {
            &["--mount"][..]
        } else {
            &["--mount", "--map-root-user"]
        })
        .args(["sh", "-euc"])
        .arg("mount -t tmpfs -o size=4k tmpfs \"$1\"; shift; exec \"$@\"")
        .arg("sh")
        .arg(directory.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_disk_that_fills_up_leaves_the_file_as_it_was"])
        .env(FULL_DISK, directory.path())
        .output()
        .expect("unshare, of util-linux");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("1 passed"), "{said}");
}

fn record_on_full_disk(path: &PathBuf) {
    // So much that a part of the line still fits.
    let before = "#".repeat(4075) + "\n";
    fs::write(path, &before).unwrap();
    let key = PresentedKey {
        host: "serveurproduction".to_owned(),
        port: 722,
        algorithm: "ssh-ed25519".to_owned(),
        fingerprint: "SHA256:79a7IccnMAv5j48mUer+zxWSWSH6SkNz7j/vq5oS3sA".to_owned(),
        line: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAZmJYWb5P94FBpY1IwJZi33w3pepMEtckdT5kAW5zrj"
            .to_owned(),
    };
    let Err(Fault::KnownHostsUnwritable {
        path: told, detail, ..
    }) = hostkey::record(path, &key)
    else {
        panic!("recorded on a full disk");
    };
    assert_eq!(&told, path);
    assert!(detail.contains("No space left"), "{detail}");
    assert_eq!(fs::read_to_string(path).unwrap(), before);

    // Forgetting needs room for the file that is to take its place.
    let line = format!("[serveurproduction]:722 {}\n", key.line);
    fs::write(path, format!("{line}{}", "#".repeat(3900))).unwrap();
    let before = fs::read(path).unwrap();
    hostkey::forget(path, "serveurproduction", 722).unwrap_err();
    assert_eq!(fs::read(path).unwrap(), before);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}
