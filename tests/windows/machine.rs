//! A Windows machine: the Wine prefix that `scripts/test-windows` made.

use crate::common::{Process, program, wait_until};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// An installation takes a few seconds.
const BOUND: Duration = Duration::from_secs(120);

/// Where the package puts itself.
pub(crate) const INSTALLED: &str = r"C:\Program Files\Passerelle";

/// The exit code of msiexec when it was refused: ERROR_INSTALL_FAILURE, cut to a byte.
pub(crate) const REFUSED: i32 = 1603 & 0xff;

/// A release: the directory that `scripts/build-windows` filled.
pub(crate) struct Release(PathBuf);

impl Release {
    /// The one under test.
    pub(crate) fn this() -> Self {
        Self::of("LAB_WINDOWS_DIST")
    }

    /// The one after it.
    pub(crate) fn next() -> Self {
        Self::of("LAB_WINDOWS_NEXT")
    }

    fn of(variable: &str) -> Self {
        Self(std::env::var_os(variable).expect(variable).into())
    }

    /// A file of it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The package.
    pub(crate) fn package(&self) -> PathBuf {
        let files = fs::read_dir(&self.0).expect("scripts/build-windows filled it");
        files
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "msi"))
            .expect("a package")
    }

    /// Its version.
    pub(crate) fn version(&self) -> String {
        let name = self.package();
        let name = name.file_stem().expect("a name").to_string_lossy();
        let version = name.strip_prefix("passerelle-");
        let version = version.and_then(|rest| rest.strip_suffix("-x64"));
        version.expect("passerelle-VERSION-x64").to_owned()
    }
}

/// The file of this machine that Windows calls so.
pub(crate) fn file(windows: &str) -> PathBuf {
    let prefix = std::env::var_os("WINEPREFIX").expect("WINEPREFIX");
    let below = windows.strip_prefix(r"C:\").expect("on drive C");
    Path::new(&prefix)
        .join("drive_c")
        .join(below.replace('\\', "/"))
}

/// Runs msiexec, silently; gives its exit code.
pub(crate) fn msiexec(action: &str, package: &Path, properties: &[&str]) -> Option<i32> {
    install(action, package, &[&["/qn"], properties].concat())
}

/// Opens the package, as a double click on it does; gives msiexec's exit code.
pub(crate) fn open(package: &Path) -> Option<i32> {
    install("/i", package, &[])
}

fn install(action: &str, package: &Path, arguments: &[&str]) -> Option<i32> {
    let mut command = program::under_wine("msiexec");
    command.arg(action).arg(backslashes(package));
    run(command.args(arguments)).0
}

/// Runs a program for Windows; gives its exit code and what it printed.
pub(crate) fn wine(program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    run(program::under_wine(program).args(arguments))
}

/// The values of a key of the registry and of those below it, as `reg query` shows them; empty when
/// there is none.
pub(crate) fn registry(key: &str) -> String {
    let (code, text) = wine("reg", &["query", key, "/s"]);
    if code == Some(0) { text } else { String::new() }
}

/// Runs it to its end; gives its exit code and what it printed.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String) {
    // Into a file: a pipe would stay open as long as anything that Wine starts in passing.
    let output = tempfile::NamedTempFile::new().expect("a file can be made");
    command.stdout(output.reopen().expect("it is ours"));
    command.stderr(Stdio::null());
    let mut process = Process::start("a program under Wine", command);
    let code = process.wait(BOUND).code();
    let mut text = String::new();
    let mut file = output.reopen().expect("it is ours");
    let _ = file.read_to_string(&mut text);
    (code, text)
}

/// Waits until the installed program answers `status`, or does not.
pub(crate) fn wait_running(wanted: bool) {
    let what = if wanted { "it runs" } else { "it has ended" };
    let program = format!(r"{INSTALLED}\passerelle.exe");
    wait_until(what, BOUND, || {
        let running = wine(&program, &["status"]).0 == Some(0);
        running == wanted
    });
}

/// msiexec takes what begins with a slash for an option.
fn backslashes(path: &Path) -> String {
    let path = program::path(path);
    path.to_string_lossy().replace('/', r"\")
}
