//! What the house asks of every file, where no compiler asks it.

#![expect(
    clippy::expect_used,
    reason = "a test that panics has failed, as it should"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Names that C knows.
const ENTRIES: &str = "src/cli/library.rs";

/// A test that takes the place of the system's chance and counts memory.
const UNSAFE_TEST: &str = "tests/simulation/system.rs";

/// Longer, and a file holds more than one idea.
const LONGEST: usize = 600;

#[test]
fn files_are_short() {
    refuse("has more lines than one idea needs", |file| {
        file.text.lines().count() > LONGEST
    });
}

#[test]
fn modules_open_with_what_they_are() {
    refuse("does not open with `//!`", |file| {
        !file.text.starts_with("//!")
    });
}

#[test]
fn exceptions_are_expected_with_a_reason() {
    // Cut in two, so that this file does not hold what it looks for.
    let allow = ["#[al", "low("].concat();
    let allow_all = ["#![al", "low("].concat();
    refuse("allows instead of expecting", |file| {
        file.text.contains(&allow) || file.text.contains(&allow_all)
    });
}

#[test]
fn unsafe_code_stays_in_platform() {
    let exception = ["expect(", "unsafe_code"].concat();
    refuse("has unsafe code outside src/platform", |file| {
        file.text.contains(&exception)
            && !file.name.starts_with("src/platform")
            && file.name != ENTRIES
            && file.name != UNSAFE_TEST
    });
}

#[test]
fn tests_wait_on_conditions() {
    let sleep = ["thread::", "sleep("].concat();
    refuse("sleeps, where it could wait on a condition", |file| {
        file.name.starts_with("tests")
            && !["tests/common/wait.rs", "tests/common/slow.rs"].contains(&&*file.name)
            && file.text.contains(&sleep)
    });
}

struct File {
    name: String,
    text: String,
}

/// Panics with the names of all Rust files that are `wrong`.
#[track_caller]
fn refuse(complaint: &str, wrong: impl Fn(&File) -> bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in ["src", "tests", "benches"] {
        collect(root, &root.join(dir), &mut files);
    }
    assert!(files.len() > 20, "only {} files found", files.len());
    let names: Vec<_> = files
        .iter()
        .filter(|file| wrong(file))
        .map(|file| &file.name)
        .collect();
    assert!(names.is_empty(), "{complaint}: {names:?}");
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<File>) {
    let entries: Vec<PathBuf> = match fs::read_dir(dir) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => return,
    };
    for path in entries {
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("it lies below");
            files.push(File {
                name: name.to_string_lossy().into_owned(),
                text: fs::read_to_string(&path).expect("it can be read"),
            });
        }
    }
}
