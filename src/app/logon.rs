//! Start at log-on: what the system does, under what the configuration and the policy say.

use crate::config::{self, Loaded};
use crate::paths::Paths;
use crate::platform::{self, Autostart};
use std::ffi::OsStr;
use std::io;
use std::path::Path;

/// What tells the program that nobody asked for it in person.
const ARGUMENTS: [&str; 2] = ["--started", "at-logon"];

/// Whether it is started, as the menu shows it.
pub(super) fn state(config_file: &Path) -> io::Result<Autostart> {
    let system = platform::autostart()?;
    Ok(under(config::load(config_file).ok().as_ref(), system))
}

/// Has the system start it, or not; with these paths, where they are not the usual ones.
pub(super) fn set(on: bool, paths: &Paths) -> io::Result<()> {
    let mut arguments = ARGUMENTS.map(OsStr::new).to_vec();
    if !Paths::find(None, None).is_ok_and(|usual| usual == *paths) {
        arguments.extend([OsStr::new("--config"), paths.config_file.as_os_str()]);
        arguments.extend([OsStr::new("--state-dir"), paths.state_dir.as_os_str()]);
    }
    platform::set_autostart(on.then_some(&arguments))
}

/// Whether to run, now that the system has started it. A configuration that cannot be read is no reason
/// to stay away: its errors are for the user to see.
pub(crate) fn is_wanted(config_file: &Path) -> bool {
    let declined = platform::autostart_declined().unwrap_or_default();
    wanted(config::load(config_file).ok().as_ref(), declined)
}

/// What the system does is the user's to change only where the configuration allows the start, and the
/// policy leaves it open.
fn under(loaded: Option<&Loaded>, system: Autostart) -> Autostart {
    match loaded {
        Some(loaded) if loaded.start_at_logon_is_locked() || !loaded.settings.start_at_logon => {
            Autostart::Fixed(loaded.settings.start_at_logon)
        }
        Some(_) | None => system,
    }
}

/// The administrator's word counts for more than the user's "off".
fn wanted(loaded: Option<&Loaded>, declined: bool) -> bool {
    match loaded {
        Some(loaded) => {
            loaded.settings.start_at_logon && (loaded.start_at_logon_is_locked() || !declined)
        }
        None => !declined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn loaded(text: &str) -> Loaded {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("config.toml");
        fs::write(&file, text).unwrap();
        config::load(&file).unwrap()
    }

    #[test]
    fn the_configuration_allows_it_or_not() {
        let (silent, off) = (loaded(""), loaded("start_at_logon = false"));
        assert_eq!(under(Some(&silent), Autostart::On), Autostart::On);
        assert_eq!(under(Some(&silent), Autostart::Off), Autostart::Off);
        assert_eq!(under(Some(&off), Autostart::On), Autostart::Fixed(false));
        assert_eq!(under(None, Autostart::Off), Autostart::Off);
    }

    #[test]
    fn the_users_off_counts() {
        let (silent, off) = (loaded(""), loaded("start_at_logon = false"));
        assert!(wanted(Some(&silent), false));
        assert!(!wanted(Some(&silent), true));
        assert!(!wanted(Some(&off), false));
        assert!(wanted(None, false));
        assert!(!wanted(None, true));
    }
}
