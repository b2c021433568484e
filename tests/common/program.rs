//! Which program the lab runs: this system's own, or the one for Windows, under Wine.

use super::process::{Process, tool};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Names a `passerelle.exe`; the whole lab then runs that one.
const VARIABLE: &str = "LAB_WINDOWS_PROGRAM";

static WINDOWS: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::var_os(VARIABLE).map(PathBuf::from));

/// Whether it is the one for Windows.
pub(crate) fn is_windows() -> bool {
    WINDOWS.is_some()
}

/// A command of our program, without arguments, and with no environment but what it takes to run.
pub(crate) fn command() -> Command {
    command_by(&[])
}

/// The same, started by another program, which gets ours as its last argument.
pub(crate) fn command_by(wrapper: &[String]) -> Command {
    let ours = env!("CARGO_BIN_EXE_passerelle");
    match (&*WINDOWS, wrapper) {
        (None, []) => clean(ours),
        (None, [first, rest @ ..]) => {
            let mut command = clean(first);
            command.args(rest).arg(ours);
            command
        }
        (Some(program), _) => under_wine(program),
    }
}

/// Our tray program, which lies beside the other one. Only the tests that want it have it built.
pub(crate) fn tray() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_passerelle")).with_file_name("passerelle-tray")
}

/// A command of our tray program.
pub(crate) fn tray_command() -> Command {
    match &*WINDOWS {
        None => clean(tray()),
        Some(program) => under_wine(program.with_file_name("passerelle-tray.exe")),
    }
}

/// A command of any program for Windows.
pub(crate) fn under_wine(program: impl Into<OsString>) -> Command {
    let mut command = clean(tool("wine", "wine"));
    let of_wine = |name: &OsString| name == "DISPLAY" || name.to_string_lossy().starts_with("WINE");
    command
        .arg(program.into())
        .envs(std::env::vars_os().filter(|(name, _)| of_wine(name)));
    command
}

/// The path as the program calls it. Wine has the root directory as drive Z.
pub(crate) fn path(path: &Path) -> PathBuf {
    if is_windows() {
        Path::new("Z:").join(path.strip_prefix("/").unwrap_or(path))
    } else {
        path.to_owned()
    }
}

fn clean(program: impl Into<OsString>) -> Command {
    let mut command = Process::command(program.into());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}
