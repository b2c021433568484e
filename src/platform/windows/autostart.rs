//! Start at log-on: a value of a `Run` key.
//!
//! The package has one for everybody on the machine. A user who wants no start of it cannot remove that
//! one, so a mark of the user's own says so, which the program looks at when Windows starts it. Without
//! the package's value there is the user's own `Run` key.

use super::registration::command_line;
use super::registry::{remove_value, system_error, value};
use crate::platform::Autostart;
use std::ffi::OsStr;
use std::{env, io};
use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE};

const RUN: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";
/// Where the Task Manager and the Settings note which of those values Windows passes over.
const APPROVED: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run";
const NAME: &str = "Passerelle";

const OWN: &str = r"Software\Passerelle";
const DECLINED: &str = "DeclinedAtLogon";

/// Whether Windows starts Passerelle at log-on.
///
/// # Errors
/// When the registry cannot be read.
pub fn autostart() -> io::Result<Autostart> {
    let machine = is_on(LOCAL_MACHINE)? && !autostart_declined()?;
    if machine || is_on(CURRENT_USER)? {
        Ok(Autostart::On)
    } else {
        Ok(Autostart::Off)
    }
}

/// Has Windows start this program with these arguments when the user logs on; `None`: not any more.
///
/// # Errors
/// When the registry cannot be written.
pub fn set_autostart(arguments: Option<&[&OsStr]>) -> io::Result<()> {
    let by_machine = is_on(LOCAL_MACHINE)?;
    match arguments {
        Some(arguments) => {
            remove_value(CURRENT_USER, OWN, DECLINED)?;
            if !by_machine {
                let program = env::current_exe()?;
                let words = std::iter::once(program.as_os_str()).chain(arguments.iter().copied());
                let line = command_line(words).to_string_lossy().into_owned();
                let run = CURRENT_USER.create(RUN);
                run.and_then(|run| run.set_string(NAME, line))
                    .map_err(system_error)?;
                remove_value(CURRENT_USER, APPROVED, NAME)?;
            }
        }
        None => {
            remove_value(CURRENT_USER, RUN, NAME)?;
            if by_machine {
                let own = CURRENT_USER.create(OWN);
                own.and_then(|own| own.set_u32(DECLINED, 1))
                    .map_err(system_error)?;
            }
        }
    }
    Ok(())
}

/// Whether the user wants no start at log-on, whatever the machine's `Run` key says.
///
/// # Errors
/// When the registry cannot be read.
pub fn autostart_declined() -> io::Result<bool> {
    value(CURRENT_USER, OWN, DECLINED).map(|mark| mark.is_some())
}

/// Whether Windows starts what this `Run` key says.
fn is_on(hive: &Key) -> io::Result<bool> {
    Ok(value(hive, RUN, NAME)?.is_some()
        && value(hive, APPROVED, NAME)?.is_none_or(|noted| is_approved(&noted)))
}

/// The first of twelve bytes is odd in an entry that is passed over; the others are since when.
fn is_approved(noted: &[u8]) -> bool {
    noted.first().is_none_or(|state| state % 2 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_task_manager_turned_off_is_off() {
        assert!(is_approved(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!is_approved(&[3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]));
        assert!(is_approved(&[]));
    }

    // One test, as the registry is one.
    #[test]
    fn it_is_turned_on_and_off() {
        set_autostart(Some(&["--started".as_ref(), "at-logon".as_ref()])).unwrap();
        assert_eq!(autostart().unwrap(), Autostart::On);
        let line = value(CURRENT_USER, RUN, NAME).unwrap().unwrap();
        let line = String::try_from(line).unwrap();
        let program = env::current_exe().unwrap();
        assert_eq!(
            line,
            format!(r#""{}" "--started" "at-logon""#, program.display())
        );
        let off = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let approved = CURRENT_USER.create(APPROVED).unwrap();
        approved
            .set_bytes(NAME, windows_registry::Type::Bytes, &off)
            .unwrap();
        assert_eq!(autostart().unwrap(), Autostart::Off);
        set_autostart(Some(&[])).unwrap();
        assert_eq!(autostart().unwrap(), Autostart::On);
        set_autostart(None).unwrap();
        assert_eq!(autostart().unwrap(), Autostart::Off);
        assert!(!autostart_declined().unwrap());
        set_autostart(None).unwrap();
    }
}
