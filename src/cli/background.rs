//! The tray program, and its starts that nobody asked for in person: at log-on, after an upgrade.

use super::args::{Secrets, Started, Tray};
use super::exit::{Exit, Failure};
use super::{Context, block_on, dispatch, program, switch};
use crate::app::{self, logon};
use crate::demo;
use crate::ipc::Request;
use crate::paths::Paths;
use crate::platform;
use std::ffi::OsString;
use std::fs;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long another one may take from the lock to its first answer.
const STARTING: Duration = Duration::from_secs(5);

/// How long to leave it alone between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Names who starts it.
const STARTED: &str = "--started";

/// Runs the tray program, which without a verb holds the tunnels in the background; the first argument is
/// the program itself.
pub fn tray(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    platform::harden_process();
    platform::attach_console();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let again = to_start_again(&arguments);
    program(arguments, |tray: Tray, language| {
        let cx = Context::find(tray.config, tray.state_dir, language)?;
        match tray.verb {
            Some(verb) => dispatch(cx, verb, demo::run_with_icon),
            None if is_wanted(&cx.paths, tray.started) => {
                platform::register_program(&again);
                hold(&cx, tray.secrets, tray.started)
            }
            None => Ok(()),
        }
    })
}

/// Whether to run.
fn is_wanted(paths: &Paths, started: Option<Started>) -> bool {
    match started {
        None => true,
        Some(Started::AtLogon) => logon::is_wanted(&paths.config_file),
        // The mark is good for one start.
        Some(Started::AfterUpgrade) => fs::remove_file(paths.upgraded()).is_ok(),
    }
}

/// Runs with an icon; where that runs already, has it show itself if it was a person who started it.
fn hold(cx: &Context, secrets: Secrets, started: Option<Started>) -> Result<(), Failure> {
    // It lives on when the console closes that it was started from.
    platform::leave_console();
    match super::hold(cx, false, secrets, app::run_with_icon) {
        Err(failure) if failure.is(Exit::AlreadyRunning) => match started {
            None => block_on(show(cx)),
            Some(_) => Ok(()),
        },
        outcome => outcome,
    }
}

/// Has the running one show itself. It may be starting as well, and not listen yet.
async fn show(cx: &Context) -> Result<(), Failure> {
    let given_up = Instant::now() + STARTING;
    loop {
        match switch::done(cx, &Request::Show).await {
            Err(failure) if failure.is(Exit::NotRunning) && Instant::now() < given_up => {
                sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// The arguments by which the system starts the program again that it had to end: the same, the program
/// itself left out, but nobody is to ask again whether it is wanted.
fn to_start_again(arguments: &[OsString]) -> Vec<OsString> {
    let mut again = Vec::new();
    let mut arguments = arguments.iter().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == STARTED {
            arguments.next();
        } else if !argument.to_string_lossy().starts_with(STARTED) {
            again.push(argument.clone());
        }
    }
    again
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(root: &std::path::Path) -> Paths {
        Paths {
            config_file: root.join("config.toml"),
            state_dir: root.to_path_buf(),
            user_known_hosts: None,
        }
    }

    #[test]
    fn at_logon_the_configuration_decides() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        let wanted = |text: &str| {
            fs::write(&paths.config_file, text).unwrap();
            is_wanted(&paths, Some(Started::AtLogon))
        };
        assert!(wanted(""));
        assert!(wanted("start_at_logon = true"));
        assert!(!wanted("start_at_logon = false"));
        assert!(wanted("start_at_logon = nonsense"));
        assert!(is_wanted(&paths, None));
    }

    #[test]
    fn the_system_starts_it_again_as_it_was_started() {
        let again = |arguments: &[&str]| {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            to_start_again(&arguments)
        };
        assert!(again(&["passerelle-tray"]).is_empty());
        assert_eq!(
            again(&["t", "--started", "after-upgrade", "--config", "a b"]),
            ["--config", "a b"]
        );
        assert_eq!(
            again(&["t", "--started=at-logon", "--secrets", "memory"]),
            ["--secrets", "memory"]
        );
    }

    #[test]
    fn after_an_upgrade_it_runs_once_and_only_if_it_ran_before() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        assert!(!is_wanted(&paths, Some(Started::AfterUpgrade)));
        fs::write(paths.upgraded(), "").unwrap();
        assert!(is_wanted(&paths, Some(Started::AfterUpgrade)));
        assert!(!is_wanted(&paths, Some(Started::AfterUpgrade)));
    }
}
