//! Starts and ends of the tray program that nobody asked for in person: at log-on, around an upgrade.

use super::args::{Secrets, Started};
use super::exit::{Exit, Failure};
use super::{Context, block_on, switch};
use crate::app::{self, logon};
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

/// Whether to run.
pub(super) fn is_wanted(paths: &Paths, started: Option<Started>) -> bool {
    match started {
        None => true,
        Some(Started::AtLogon) => logon::is_wanted(&paths.config_file),
        // The mark is good for one start.
        Some(Started::AfterUpgrade) => fs::remove_file(paths.upgraded()).is_ok(),
    }
}

/// Runs with an icon; where that runs already, has it show itself if it was a person who started it.
pub(super) fn hold(
    cx: &Context,
    secrets: Secrets,
    started: Option<Started>,
) -> Result<(), Failure> {
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
pub(super) fn to_start_again(arguments: &[OsString]) -> Vec<OsString> {
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

/// Ends the running program, and leaves a mark that it ran.
pub(super) fn quit_for_upgrade(cx: &Context) -> Result<(), Failure> {
    // One from an upgrade that came to nothing would start what does not run now.
    let _ = fs::remove_file(cx.paths.upgraded());
    block_on(switch::quit(cx))?;
    fs::write(cx.paths.upgraded(), "").map_err(|error| Failure::new(Exit::Failed, error))
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
