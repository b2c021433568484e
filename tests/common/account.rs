//! A throw-away account of this machine, for logins by password.

use super::process::tool;
use super::wait::wait_until;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// An account with a random password, without home and shell. Removed when dropped.
pub(crate) struct Account {
    name: String,
    password: String,
}

/// The account files have one lock, for which `useradd` does not wait long.
static ACCOUNTS: Mutex<()> = Mutex::new(());

impl Account {
    /// A new one; takes root.
    pub(crate) fn new() -> Self {
        let random = || std::iter::repeat_with(fastrand::alphanumeric).take(12);
        let account = Self {
            name: format!("lab{}", random().collect::<String>().to_lowercase()),
            password: random().collect(),
        };
        let shell = ["--no-create-home", "--shell", "/usr/sbin/nologin"];
        edit("useradd", &[&shell[..], &[&account.name]].concat(), "");
        account.set_password(&account.password);
        account
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its first password.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Gives it another password, on the server's side.
    pub(crate) fn set_password(&self, password: &str) {
        edit("chpasswd", &[], &format!("{}:{password}\n", self.name));
    }

    /// Lets the password run out: the next login has to choose another one.
    pub(crate) fn expire_password(&self) {
        edit("chage", &["--lastday", "0", &self.name], "");
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        edit("userdel", &[&self.name], "");
    }
}

/// Runs a tool of the package passwd, again while another process holds the lock.
fn edit(name: &str, arguments: &[&str], input: &str) {
    let _guard = ACCOUNTS.lock();
    let program = tool(name, "passwd");
    let what = format!("{name} works (it takes root)");
    wait_until(&what, Duration::from_secs(30), || {
        let mut child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(input.as_bytes());
        }
        child.wait().is_ok_and(|status| status.success())
    });
}
