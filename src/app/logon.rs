//! Start at log-on: what the system does, under what the configuration and the policy say.

use super::SecretsIn;
use crate::config::{self, Loaded};
use crate::files::{self, FileError};
use crate::paths::Paths;
use crate::platform::{self, Autostart};
use crate::ui_messages::{UiEvent, UiHandle};
use std::ffi::OsString;
use std::path::Path;

/// What tells the program that nobody asked for it in person.
const ARGUMENTS: [&str; 2] = ["--started", "at-logon"];

/// What the entry of the system waits in line by: only `platform` knows where it is.
const ENTRY: &str = "autostart";

/// Tells the menu whether it is started. Reads files.
pub(super) fn announce(ui: &UiHandle, config_file: &Path) {
    let asked = files::work(Path::new(ENTRY), |_| {
        Ok((platform::autostart()?, platform::autostart_declined()?))
    });
    match asked {
        Ok((system, declined)) => {
            let loaded = config::load(config_file).ok();
            let autostart = under(loaded.as_ref(), system, declined);
            ui.tell(UiEvent::Autostart(autostart));
        }
        Err(error) => tracing::warn!(%error, "no start at log-on"),
    }
}

/// Has the system start it, or not; with these paths, where they are not the usual ones.
pub(super) fn set(on: bool, paths: &Paths, secrets: SecretsIn) -> Result<(), FileError> {
    let mut arguments = ARGUMENTS.map(OsString::from).to_vec();
    if !Paths::find(None, None).is_ok_and(|usual| usual == *paths) {
        arguments.extend(["--config".into(), paths.config_file.clone().into()]);
        arguments.extend(["--state-dir".into(), paths.state_dir.clone().into()]);
    }
    match secrets {
        SecretsIn::Memory => arguments.extend(["--secrets", "memory"].map(OsString::from)),
        SecretsIn::Keyring => {}
    }
    files::work(Path::new(ENTRY), move |_| {
        let arguments: Vec<_> = arguments.iter().map(OsString::as_os_str).collect();
        Ok(platform::set_autostart(on.then_some(&arguments))?)
    })
}

/// Whether to run, now that the system has started it. A configuration that cannot be read is no reason
/// to stay away: its errors are for the user to see.
#[cfg(feature = "icon")]
pub(crate) fn is_wanted(config_file: &Path) -> bool {
    let declined = platform::autostart_declined().unwrap_or_default();
    wanted(config::load(config_file).ok().as_ref(), declined)
}

/// What the system does is the user's to change only where the configuration allows the start, and the
/// policy leaves it open. What nothing starts and nobody declined is the user's to switch on whatever
/// the policy says.
fn under(loaded: Option<&Loaded>, system: Autostart, declined: bool) -> Autostart {
    match loaded {
        Some(loaded) if !loaded.settings.start_at_logon => Autostart::Fixed(false),
        Some(loaded) if loaded.start_at_logon_is_locked() => match system {
            Autostart::Off if !declined => Autostart::Off,
            Autostart::On | Autostart::Off | Autostart::Fixed(_) => Autostart::Fixed(true),
        },
        Some(_) | None => system,
    }
}

/// The administrator's word counts for more than the user's "off".
#[cfg(feature = "icon")]
fn wanted(loaded: Option<&Loaded>, declined: bool) -> bool {
    match loaded {
        Some(loaded) => {
            loaded.settings.start_at_logon && (loaded.start_at_logon_is_locked() || !declined)
        }
        None => !declined,
    }
}

#[cfg(feature = "icon")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::PolicySource;
    use std::fs;

    fn loaded(text: &str) -> Loaded {
        loaded_under("", text)
    }

    fn loaded_under(policy: &str, text: &str) -> Loaded {
        let root = tempfile::tempdir().unwrap();
        let [policy_file, file] = ["policy.toml", "config.toml"].map(|name| root.path().join(name));
        fs::write(&policy_file, policy).unwrap();
        fs::write(&file, text).unwrap();
        config::load_under(&PolicySource::File(policy_file), &file).unwrap()
    }

    #[test]
    fn a_locked_start_is_nobodys_to_change_but_may_be_brought_about() {
        let on = loaded_under("locked.start_at_logon = true", "");
        assert_eq!(
            under(Some(&on), Autostart::On, false),
            Autostart::Fixed(true)
        );
        // It is started and stays, in spite of the user's "off".
        assert_eq!(
            under(Some(&on), Autostart::Off, true),
            Autostart::Fixed(true)
        );
        assert_eq!(under(Some(&on), Autostart::Off, false), Autostart::Off);
        let off = loaded_under("locked.start_at_logon = false", "");
        assert_eq!(
            under(Some(&off), Autostart::On, false),
            Autostart::Fixed(false)
        );
        assert!(wanted(Some(&on), true));
        assert!(!wanted(Some(&off), false));
    }

    #[test]
    fn the_configuration_allows_it_or_not() {
        let (silent, off) = (loaded(""), loaded("start_at_logon = false"));
        assert_eq!(under(Some(&silent), Autostart::On, false), Autostart::On);
        assert_eq!(under(Some(&silent), Autostart::Off, false), Autostart::Off);
        assert_eq!(
            under(Some(&off), Autostart::On, false),
            Autostart::Fixed(false)
        );
        assert_eq!(under(None, Autostart::Off, false), Autostart::Off);
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
