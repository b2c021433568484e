//! What Windows knows the program by: the identity that its windows and notifications share, and how it
//! is started again.

#![expect(unsafe_code, reason = "functions of the shell and of the kernel")]

use super::wide;
use std::ffi::{OsStr, OsString};
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use windows_registry::{CURRENT_USER, LOCAL_MACHINE};
use windows_sys::Win32::System::Recovery::{RESTART_NO_REBOOT, RegisterApplicationRestart};
use windows_sys::Win32::UI::Shell::SetCurrentProcessExplicitAppUserModelID;

/// Our AppUserModelID. The shortcut that the package puts in the Start menu bears the same.
pub(super) const APP_ID: &str = "Passerelle";

/// Makes the program known to the system: its windows and notifications belong together and bear its
/// name, and an installer that has to end it starts it again with these arguments.
///
/// Best effort: a system that refuses is no reason not to run.
pub fn register_program(arguments: &[OsString]) {
    let identity = wide(APP_ID.as_ref());
    let command_line = wide(&command_line(arguments));
    // SAFETY: both texts end with a zero and outlive the calls, which copy them. After a restart of the
    // machine it is the system's list of programs to start at log-on that counts.
    let results = unsafe {
        [
            SetCurrentProcessExplicitAppUserModelID(identity.as_ptr()),
            RegisterApplicationRestart(command_line.as_ptr(), RESTART_NO_REBOOT),
        ]
    };
    if results.iter().any(|result| *result != 0) {
        tracing::debug!(?results, "the system does not take all of it");
    }
    name_identity();
}

/// Notifications show the name that is registered for the identity. The package registers it for the
/// machine; a program that was only copied there does so for its user.
fn name_identity() {
    let key = format!(r"Software\Classes\AppUserModelId\{APP_ID}");
    if LOCAL_MACHINE.open(&key).is_ok() {
        return;
    }
    let named = CURRENT_USER
        .create(&key)
        .and_then(|key| key.set_string("DisplayName", APP_ID));
    if let Err(error) = named {
        tracing::debug!(%error, "notifications have no name");
    }
}

/// The arguments as one text, which a program takes apart into the same arguments: the rules of
/// `CommandLineToArgvW`.
pub(super) fn command_line(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> OsString {
    const QUOTE: u16 = b'"' as u16;
    const BACKSLASH: u16 = b'\\' as u16;
    let mut line = Vec::new();
    for argument in arguments {
        if !line.is_empty() {
            line.push(u16::from(b' '));
        }
        line.push(QUOTE);
        let mut backslashes = 0;
        for unit in argument.as_ref().encode_wide() {
            match unit {
                BACKSLASH => backslashes += 1,
                // Those before a quote are doubled, and the quote has one of its own.
                QUOTE => {
                    line.extend(std::iter::repeat_n(BACKSLASH, backslashes + 1));
                    backslashes = 0;
                }
                _ => backslashes = 0,
            }
            line.push(unit);
        }
        line.extend(std::iter::repeat_n(BACKSLASH, backslashes));
        line.push(QUOTE);
    }
    OsString::from_wide(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_survive_the_command_line() {
        let line = |arguments: &[&str]| command_line(arguments).into_string().unwrap();
        assert_eq!(line(&[]), "");
        assert_eq!(
            line(&["--config", r"C:\Zoé P\a.toml"]),
            r#""--config" "C:\Zoé P\a.toml""#
        );
        assert_eq!(line(&[r"C:\dir\"]), r#""C:\dir\\""#);
        assert_eq!(line(&[r#"a"b\"c"#]), r#""a\"b\\\"c""#);
    }
}
