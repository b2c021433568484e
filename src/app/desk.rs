//! Where the verbs of other processes are served: each call is checked against what is true, and
//! becomes commands to the supervisor.

mod choice;
#[cfg(test)]
mod tests;

use super::intent::{Settled, settled, wish_to_open};
use super::report::Reporter;
use crate::engine::session::KnownHostsFiles;
use crate::files::FileError;
use crate::hostkey::{self, KnownHosts};
use crate::ipc::{Call, KnownKeyReport, Refusal, Reply, Request, Response, SecretText};
use crate::model::{
    Answer, Command, Fault, Input, Language, QuestionKind, Secret, Snapshot, Target, TunnelId,
    TunnelSettings,
};
use crate::secrets::{SecretError, SecretKey, Vault};
use crate::ui_messages::{UiEvent, UiHandle};
use choice::{
    asking, fits, recorded, same_fingerprint, the_tunnel, the_view, to_open, to_set_password,
};
use futures_util::future::join_all;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often a watched status tells new byte counts.
const COUNTS: Duration = Duration::from_secs(1);

/// How long to wait for the word that an accepted host key is recorded, or cannot be. It is recorded
/// before the server is dialled. After that time, the file itself is asked.
const RECORDING: Duration = Duration::from_secs(2);

/// Serves calls.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) reporter: Reporter,
    /// Where host keys are.
    pub(crate) known_hosts: KnownHostsFiles,
    /// Where passwords and passphrases are.
    pub(crate) vault: Vault,
    /// What the user sees, where there is a desktop.
    pub(crate) ui: Option<UiHandle>,
}

impl Desk {
    /// Serves the calls, each for itself, until there can be no more.
    pub(crate) async fn serve(self, mut calls: mpsc::Receiver<Call>) {
        let mut served = JoinSet::new();
        loop {
            tokio::select! {
                call = calls.recv() => match call {
                    Some(Call { request, responses }) => {
                        let desk = self.clone();
                        served.spawn(async move {
                            tokio::select! {
                                () = desk.answer(request, &responses) => {}
                                // The verb went away: nobody waits for the rest.
                                () = responses.closed() => {}
                            }
                        });
                    }
                    None => return,
                },
                Some(_) = served.join_next() => {}
            }
        }
    }

    async fn answer(&self, request: Request, responses: &mpsc::Sender<Response>) {
        let result = match request {
            Request::Status { language } => Ok(self.status(language)),
            Request::Watch { language } => return self.watch(language, responses).await,
            Request::Quit => return self.quit(responses).await,
            Request::Show => self.show(),
            Request::Up { tunnel } => self.switch(tunnel, Command::Up).await,
            Request::Down { tunnel } => self.switch(tunnel, Command::Down).await,
            Request::Restart { tunnel } => self.switch(tunnel, Command::Restart).await,
            Request::Open {
                forward,
                patience,
                language,
            } => {
                let patience = Duration::from_millis(patience);
                self.open(forward.as_deref(), patience, language).await
            }
            Request::AcceptHostKey {
                tunnel,
                fingerprint,
            } => self.accept_host_key(tunnel, fingerprint).await,
            Request::HostKeys { tunnel } => self.host_keys(&tunnel).await,
            Request::ForgetHostKey { tunnel } => self.forget_host_key(tunnel).await,
            Request::Answer {
                tunnel,
                question,
                answer,
            } => self.reply(&tunnel, question, answer).await,
            Request::SetPassword {
                tunnel,
                value: SecretText(value),
                remember,
            } => self.set_password(tunnel.as_deref(), &value, remember).await,
            Request::ClearSecrets { tunnel } => self.clear_secrets(tunnel.as_deref()).await,
        };
        // A verb that is gone needs no answer.
        let _ = responses
            .send(result.unwrap_or_else(Response::Refused))
            .await;
    }

    /// Somebody started the tray program beside this one.
    fn show(&self) -> Result<Response, Refusal> {
        let ui = self.ui.as_ref().ok_or(Refusal::NothingToShow)?;
        ui.tell(UiEvent::Show);
        Ok(Response::Done)
    }

    fn status(&self, language: Language) -> Response {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        Response::Status(Box::new(self.reporter.status(&snapshot, language)))
    }

    async fn watch(&self, language: Language, responses: &mpsc::Sender<Response>) {
        let mut snapshots = self.snapshots.clone();
        let mut counts = interval(COUNTS);
        // A machine that has slept has nothing to make up for.
        counts.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            snapshots.mark_unchanged();
            let status = self.status(language);
            if told.as_ref() != Some(&status) {
                if responses.send(status.clone()).await.is_err() {
                    return;
                }
                told = Some(status);
            }
            tokio::select! {
                changed = snapshots.changed() => if changed.is_err() { return },
                _ = counts.tick() => {}
            }
        }
    }

    /// The connection ends with the program, and tells the verb so.
    async fn quit(&self, responses: &mpsc::Sender<Response>) {
        // It may be ending already, which is what is wanted.
        let _ = self.command(Command::Quit).await;
        let _ = responses.send(Response::Done).await;
        responses.closed().await;
    }

    async fn switch(
        &self,
        tunnel: Option<String>,
        command: fn(Option<TunnelId>) -> Command,
    ) -> Result<Response, Refusal> {
        let tunnel = self.resolve(|snapshot| match &tunnel {
            Some(name) => the_tunnel(snapshot, Some(name)).map(Some),
            None => Ok(None),
        })?;
        self.command(command(tunnel)).await
    }

    async fn open(
        &self,
        name: Option<&str>,
        patience: Duration,
        language: Language,
    ) -> Result<Response, Refusal> {
        let id = self.resolve(|snapshot| to_open(snapshot, name))?;
        let wish = self.resolve(|snapshot| {
            let tunnel = snapshot.tunnel(&id.tunnel).ok_or(Refusal::Ending)?;
            Ok(wish_to_open(tunnel))
        })?;
        let asked = Instant::now();
        self.input(wish).await?;
        let mut snapshots = self.snapshots.clone();
        let found = snapshots.wait_for(|snapshot| settled(snapshot, &id, asked).is_some());
        let answer = match timeout(patience, found).await {
            Ok(Ok(snapshot)) => settled(&snapshot, &id, asked),
            Ok(Err(_)) => return Err(Refusal::Ending),
            Err(_) => None,
        };
        if let Some(Settled::Works(url)) = answer {
            return Ok(Response::Works { url });
        }
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let tunnel = snapshot.tunnel(&id.tunnel).ok_or(Refusal::NothingToOpen)?;
        Ok(Response::DoesNotWork {
            forward: id.name.to_string(),
            tunnel: Box::new(self.reporter.tunnel(tunnel, language)),
        })
    }

    async fn accept_host_key(
        &self,
        name: Option<String>,
        fingerprint: Option<String>,
    ) -> Result<Response, Refusal> {
        let (tunnel, question, shown) = self.resolve(|snapshot| {
            let (tunnel, question) = asking(snapshot, name.as_deref(), |kind| {
                matches!(kind, QuestionKind::HostKey(_))
            })?;
            let QuestionKind::HostKey(key) = &question.kind else {
                return Err(Refusal::NothingAsked);
            };
            Ok((tunnel.id().clone(), question.id, key.fingerprint.clone()))
        })?;
        if fingerprint.is_some_and(|wanted| !same_fingerprint(&wanted, &shown)) {
            return Err(Refusal::OtherFingerprint { shown });
        }
        self.command(Command::Answer {
            tunnel: tunnel.clone(),
            question,
            answer: Answer::AcceptHostKey,
        })
        .await?;
        let mut snapshots = self.snapshots.clone();
        let found = snapshots.wait_for(|snapshot| recorded(snapshot, &tunnel, question).is_some());
        let told = match timeout(RECORDING, found).await {
            Ok(Ok(snapshot)) => recorded(&snapshot, &tunnel, question),
            Ok(Err(_)) | Err(_) => None,
        };
        match told {
            Some(told) => told?,
            // Its server cannot be dialled yet, or the file hangs.
            None => drop(read_known_hosts(vec![self.known_hosts.own.clone()]).await?),
        }
        Ok(Response::Accepted { fingerprint: shown })
    }

    async fn host_keys(&self, name: &str) -> Result<Response, Refusal> {
        let settings = self.resolve(|snapshot| {
            let tunnel = the_view(snapshot, Some(name))?;
            Ok(Arc::clone(&tunnel.settings))
        })?;
        let known = read_known_hosts(self.known_hosts.paths()).await?;
        let known = known.keys(&settings.host, settings.port);
        let known = known.into_iter().map(|key| KnownKeyReport {
            algorithm: key.algorithm,
            fingerprint: key.fingerprint,
            source: key.source,
        });
        Ok(Response::HostKeys {
            pinned: settings.host_key.clone(),
            known: known.collect(),
        })
    }

    async fn forget_host_key(&self, name: Option<String>) -> Result<Response, Refusal> {
        let (tunnel, host, port, target) = self.resolve(|snapshot| {
            let tunnel = the_view(snapshot, name.as_deref())?;
            let settings = &tunnel.settings;
            Ok((
                settings.id.clone(),
                settings.host.clone(),
                settings.port,
                tunnel.target,
            ))
        })?;
        // First: a dial that has not recorded its accepted key yet would put it back.
        self.command(Command::ForgetHostKeys {
            host: host.clone(),
            port,
        })
        .await?;
        let file = self.known_hosts.own.clone();
        let path = file.display().to_string();
        let forgotten =
            tokio::task::spawn_blocking(move || hostkey::forget(&file, &host, port)).await;
        let keys = match forgotten.unwrap_or_else(|error| Err(FileError::Io(error.into()))) {
            Ok(keys) => keys,
            Err(FileError::Silent) => return Err(Refusal::FileSilent { path }),
            Err(error) => {
                let detail = error.to_string();
                return Err(Refusal::KnownHosts { path, detail });
            }
        };
        if keys > 0 && target == Target::Up {
            // A session that trusts what is no longer trusted must not go on.
            self.command(Command::Restart(Some(tunnel))).await?;
        }
        Ok(Response::Forgot { keys })
    }

    async fn set_password(
        &self,
        name: Option<&str>,
        value: &Secret,
        remember: bool,
    ) -> Result<Response, Refusal> {
        let settings = self.resolve(|snapshot| {
            let tunnel = to_set_password(snapshot, name)?;
            Ok(Arc::clone(
                &the_view(snapshot, Some(tunnel.as_str()))?.settings,
            ))
        })?;
        let storing = self.vault.keep(&password_of(&settings), value, remember);
        // It is known for this run already, whatever the keyring does.
        self.command(Command::PasswordGiven(settings.id.clone()))
            .await?;
        storing.await.map_err(|error| keyring_refusal(&error))?;
        Ok(Response::Done)
    }

    async fn clear_secrets(&self, name: Option<&str>) -> Result<Response, Refusal> {
        let settings =
            self.resolve(|snapshot| Ok(Arc::clone(&the_view(snapshot, name)?.settings)))?;
        let passphrases = settings
            .identity
            .iter()
            .map(|file| SecretKey::Passphrase { file: file.clone() });
        let keys = std::iter::once(password_of(&settings)).chain(passphrases);
        // Each is forgotten for this run at once, and none is spared because another one stays.
        let deleted = join_all(keys.map(|key| self.vault.forget(&key))).await;
        let deleted: Result<(), SecretError> = deleted.into_iter().collect();
        deleted.map_err(|error| keyring_refusal(&error))?;
        Ok(Response::Done)
    }

    async fn reply(&self, name: &str, number: u64, reply: Reply) -> Result<Response, Refusal> {
        let (tunnel, question) = self.resolve(|snapshot| {
            let tunnel = the_view(snapshot, Some(name))?;
            let question = tunnel.question.as_ref();
            let question = question.filter(|question| question.id.0 == number);
            let question = question.ok_or(Refusal::QuestionGone)?;
            if fits(&question.kind, &reply) {
                Ok((tunnel.id().clone(), question.id))
            } else {
                Err(Refusal::NothingAsked)
            }
        })?;
        let answer = match reply {
            Reply::Secret {
                value: SecretText(value),
                remember,
            } => Answer::Secret { value, remember },
            Reply::Responses(responses) => {
                Answer::Responses(responses.into_iter().map(|response| response.0).collect())
            }
            Reply::Cancel => Answer::Cancel,
        };
        self.command(Command::Answer {
            tunnel,
            question,
            answer,
        })
        .await
    }

    fn resolve<T>(
        &self,
        decide: impl FnOnce(&Snapshot) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let snapshot = self.snapshots.borrow();
        if snapshot.quitting {
            return Err(Refusal::Ending);
        }
        decide(&snapshot)
    }

    async fn command(&self, command: Command) -> Result<Response, Refusal> {
        self.input(Input::Command(command)).await?;
        Ok(Response::Done)
    }

    async fn input(&self, input: Input) -> Result<(), Refusal> {
        self.inputs.send(input).await.map_err(|_| Refusal::Ending)
    }
}

fn password_of(settings: &TunnelSettings) -> SecretKey {
    SecretKey::Password {
        server: settings.server(),
    }
}

fn keyring_refusal(error: &SecretError) -> Refusal {
    Refusal::Keyring {
        detail: error.to_string(),
    }
}

/// Reads them beside the engine's thread.
async fn read_known_hosts(files: Vec<PathBuf>) -> Result<KnownHosts, Refusal> {
    let read = tokio::task::spawn_blocking(move || KnownHosts::read(&files)).await;
    let detail = match read {
        Ok(Ok(known)) => return Ok(known),
        Ok(Err(Fault::FileTimeout { path })) => {
            let path = path.display().to_string();
            return Err(Refusal::FileSilent { path });
        }
        Ok(Err(Fault::KnownHostsUnreadable { path, detail })) => {
            let path = path.display().to_string();
            return Err(Refusal::KnownHostsUnreadable { path, detail });
        }
        Ok(Err(other)) => other.code().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Refusal::KnownHostsUnreadable {
        path: "known_hosts".to_owned(),
        detail,
    })
}
