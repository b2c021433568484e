//! The command line: one verb, one exit code.
//!
//! Most verbs ask the program that runs on the same state directory; `run` is that program. What a
//! verb has to say goes to standard output, what went wrong to standard error.

mod args;
#[cfg(feature = "icon")]
mod background;
mod config;
mod exit;
mod help;
mod hostkey;
#[cfg(all(windows, feature = "icon"))]
mod library;
mod open;
mod print;
mod secret;
mod status;
mod switch;

#[cfg(feature = "icon")]
pub use background::tray;
pub use exit::Exit;

use crate::app::{self, RunError, RunOptions};
use crate::demo::{self, DemoError, DemoOptions};
use crate::files::{self, FileError};
use crate::i18n::{self, verbs as words};
use crate::ipc::{self, CallError, Refusal, Replies, Request, Response};
use crate::model::{Fault, Language};
use crate::paths::Paths;
use crate::platform;
use args::{Cli, Verb};
use clap::{CommandFactory, Parser};
use exit::Failure;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the running program may take for what it does at once.
const AT_ONCE: Duration = Duration::from_secs(10);

/// How long where the keyring has a say: it may want to be unlocked by the user first, for which the
/// running program gives it 30 s.
const BY_KEYRING: Duration = Duration::from_secs(40);

/// How long where files have a say: two of them, for each of which the running program waits.
const BY_FILES: Duration = Duration::from_secs(2 * files::DEADLINE.as_secs() + 5);

/// Runs the verb that the arguments name; the first one is the program itself.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    platform::harden_process();
    program(arguments, |cli: Cli, language| {
        let cx = Context::find(cli.config, cli.state_dir, language)?;
        dispatch(cx, cli.verb, demo::run)
    })
}

fn program<P: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    run: impl FnOnce(P, Language) -> Result<(), Failure>,
) -> Exit {
    let language = i18n::detect();
    let command = help::in_language(P::command(), language);
    let matches = command.try_get_matches_from(arguments);
    let parsed = match matches.and_then(|matches| P::from_arg_matches(&matches)) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help is an error of this kind as well. Nobody to read it is no failure.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
        }
    };
    match run(parsed, language) {
        Ok(()) => Exit::Done,
        Err(failure) => failure.tell(),
    }
}

/// How a demonstration is run.
type Demonstrate = fn(DemoOptions) -> Result<(), DemoError>;

fn dispatch(cx: Context, verb: Verb, demonstrate: Demonstrate) -> Result<(), Failure> {
    match verb {
        Verb::Run { json, secrets } => {
            cx.check_named_file()?;
            hold(&cx, json, secrets, app::run)
        }
        Verb::Status { json, watch } => block_on(status::status(&cx, json, watch)),
        Verb::Up { tunnel } => block_on(switch::up(&cx, tunnel)),
        Verb::Down { tunnel } => block_on(switch::down(&cx, tunnel)),
        Verb::Restart { tunnel } => block_on(switch::restart(&cx, tunnel)),
        Verb::Quit { for_upgrade: false } => block_on(switch::quit(&cx)),
        Verb::Quit { for_upgrade: true } => switch::quit_for_upgrade(&cx),
        Verb::Open {
            forward,
            print,
            timeout,
        } => block_on(open::open(&cx, forward, print, timeout)),
        Verb::Hostkey { verb } => block_on(hostkey::hostkey(&cx, verb)),
        Verb::Secret { verb } => block_on(secret::secret(&cx, verb)),
        Verb::Answer {
            tunnel,
            remember,
            cancel,
        } => block_on(secret::answer(&cx, tunnel, remember, cancel)),
        Verb::Config { verb } => config::config(&cx, verb),
        Verb::Completions { shell } => completions(shell),
        Verb::Demo { headless, once } => {
            let options = DemoOptions {
                headless,
                once,
                language: cx.language,
            };
            let shown = demonstrate(options);
            shown.map_err(|error| Failure::new(Exit::Failed, error.explain(cx.language)))
        }
    }
}

/// What every verb needs.
struct Context {
    paths: Paths,
    language: Language,
    /// The user named the configuration file.
    file_named: bool,
}

impl Context {
    fn find(
        config: Option<PathBuf>,
        state_dir: Option<PathBuf>,
        detected: Language,
    ) -> Result<Self, Failure> {
        let file_named = config.is_some();
        let paths =
            Paths::find(config, state_dir).map_err(|error| Failure::new(Exit::Failed, error))?;
        // The language is the configuration's, if that can be read and has one.
        let configured = crate::config::load(&paths.config_file)
            .ok()
            .and_then(|loaded| loaded.settings.language);
        Ok(Self {
            paths,
            language: configured.unwrap_or(detected),
            file_named,
        })
    }

    /// The usual file may be missing. One that the user names is meant to be there: a slip in its name
    /// must not lead to the server of the built-in configuration.
    fn check_named_file(&self) -> Result<(), Failure> {
        let file = &self.paths.config_file;
        // What is wrong with one that cannot be looked at, reading it says better.
        if !self.file_named || !matches!(files::is_there(file), Ok(false)) {
            return Ok(());
        }
        let message = words::config_missing(self.language, &file.display().to_string());
        Err(Failure::new(Exit::BadConfig, message))
    }

    /// A file or directory that does not answer.
    fn silent(&self, path: &Path) -> Failure {
        let path = path.display().to_string();
        Failure::new(Exit::Failed, words::file_silent(self.language, &path))
    }

    /// Sends a request to the running program.
    async fn call(&self, request: &Request) -> Result<Replies, Failure> {
        // Its socket is there, and whoever opens it on a disk that is gone waits without end.
        let state_dir = &self.paths.state_dir;
        if let Err(FileError::Silent) = files::is_directory(state_dir) {
            return Err(self.silent(state_dir));
        }
        ipc::call(&self.paths, request)
            .await
            .map_err(|error| self.call_failed(&error))
    }

    /// The next response, unless it is a refusal.
    async fn next(
        &self,
        replies: &mut Replies,
        bound: Option<Duration>,
    ) -> Result<Option<Response>, Failure> {
        match replies.next(bound).await {
            Ok(Some(Response::Refused(refusal))) => Err(self.refused(refusal)),
            Ok(response) => Ok(response),
            Err(error) => Err(self.call_failed(&error)),
        }
    }

    /// Asks the running program something that it answers at once, or as soon as the keyring or a file
    /// lets it.
    async fn ask(&self, request: &Request) -> Result<Response, Failure> {
        let keyring = matches!(
            request,
            Request::SetPassword { remember: true, .. } | Request::ClearSecrets { .. }
        );
        let files = matches!(
            request,
            Request::HostKeys { .. }
                | Request::AcceptHostKey { .. }
                | Request::ForgetHostKey { .. }
        );
        let patience = match (keyring, files) {
            (true, _) => BY_KEYRING,
            (false, true) => BY_FILES,
            (false, false) => AT_ONCE,
        };
        let mut replies = self.call(request).await?;
        self.next(&mut replies, Some(patience))
            .await?
            .ok_or_else(|| self.call_failed(&CallError::NotRunning))
    }

    /// A response that does not fit its request: the two are of different versions.
    fn unexpected(&self) -> Failure {
        self.call_failed(&CallError::Garbled("a response of another kind".to_owned()))
    }

    fn call_failed(&self, error: &CallError) -> Failure {
        let l = self.language;
        match error {
            CallError::NotRunning => Failure::new(
                Exit::NotRunning,
                words::not_running(l, &self.paths.state_dir.display().to_string()),
            ),
            CallError::Timeout => Failure::new(Exit::TimedOut, words::no_answer(l)),
            CallError::Io(error) => {
                Failure::new(Exit::Failed, words::call_broke(l, &error.to_string()))
            }
            CallError::Garbled(detail) => {
                Failure::new(Exit::Failed, words::other_version(l, detail))
            }
        }
    }

    fn refused(&self, refusal: Refusal) -> Failure {
        let l = self.language;
        let listed = |known: Vec<String>| known.join(", ");
        match refusal {
            Refusal::NoSuchTunnel { known } => {
                Failure::new(Exit::Usage, words::no_such_tunnel(l, &listed(known)))
            }
            Refusal::WhichTunnel { known } => {
                Failure::new(Exit::Usage, words::which_tunnel(l, &listed(known)))
            }
            Refusal::NoSuchForward { known } => {
                Failure::new(Exit::Usage, words::no_such_forward(l, &listed(known)))
            }
            Refusal::NothingToOpen => Failure::new(Exit::Failed, words::nothing_to_open(l)),
            Refusal::NothingToShow => Failure::new(
                Exit::AlreadyRunning,
                words::already_running(l, &self.paths.state_dir.display().to_string()),
            ),
            Refusal::NothingAsked => Failure::new(Exit::Failed, words::nothing_asked(l)),
            Refusal::QuestionGone => Failure::new(Exit::Failed, words::question_gone(l)),
            Refusal::OtherFingerprint { shown } => {
                Failure::new(Exit::Failed, words::other_fingerprint(l, &shown))
            }
            Refusal::KnownHosts { path, detail } => {
                Failure::new(Exit::Failed, words::known_hosts_failed(l, &path, &detail))
            }
            Refusal::KnownHostsUnreadable { path, detail } => {
                let path = path.into();
                let fault = Fault::KnownHostsUnreadable { path, detail };
                Failure::new(Exit::Failed, i18n::fault(l, &fault))
            }
            Refusal::FileSilent { path } => self.silent(Path::new(&path)),
            Refusal::Keyring { detail } => {
                Failure::new(Exit::Failed, words::keyring_failed(l, &detail))
            }
            Refusal::NotUnderstood { detail } => {
                Failure::new(Exit::Failed, words::other_version(l, &detail))
            }
            Refusal::TooLong => Failure::new(Exit::Failed, words::answer_too_long(l)),
            Refusal::Ending => Failure::new(
                Exit::NotRunning,
                words::not_running(l, &self.paths.state_dir.display().to_string()),
            ),
        }
    }
}

/// Runs the program itself, in one of its two ways.
fn hold(
    cx: &Context,
    json: bool,
    secrets: args::Secrets,
    run: fn(RunOptions) -> Result<(), RunError>,
) -> Result<(), Failure> {
    let language = cx.language;
    let options = RunOptions {
        paths: cx.paths.clone(),
        secrets: match secrets {
            args::Secrets::Keyring => app::SecretsIn::Keyring,
            args::Secrets::Memory => app::SecretsIn::Memory,
        },
        output: if json {
            app::Output::Json
        } else {
            app::Output::Lines
        },
    };
    run(options).map_err(|error| {
        let exit = match error {
            RunError::AlreadyRunning(_) => Exit::AlreadyRunning,
            RunError::Config(_) => Exit::BadConfig,
            RunError::State { .. }
            | RunError::Log(_)
            | RunError::System(_)
            | RunError::BrokeDown => Exit::Failed,
        };
        Failure::new(exit, error.explain(language))
    })
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "passerelle", &mut script);
    print::bytes(&script)
}

fn block_on(verb: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error: io::Error| Failure::new(Exit::Failed, error))?;
    let result = runtime.block_on(verb);
    runtime.shutdown_background();
    result
}
