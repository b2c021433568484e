//! Proves to the server who we are, in the configured order, without ever repeating what failed.
//!
//! The first request is `none` (RFC 4252 section 5.2): one round trip that tells what the server
//! takes, so that no key is read and no password sent that it does not want. Then `plan` decides
//! each step, as a pure function of what is offered, known and already tried; this file takes them.
//!
//! A connection shows a password at most once, and one connection of an account at a time does. A wrong
//! one ends in a question to the user, and the next connection carries the answer.

pub(super) mod agent;
mod candidate;
mod conversation;
mod ending;
mod interactive;
mod keyfile;
mod known;
mod line;
mod notes;
mod outcome;
mod patience;
mod plan;
mod sending;
mod sign;

use super::ask::Asker;
use super::client::Client;
use crate::model::{AuthMethod, Fault, TunnelSettings};
use crate::secrets::{Turn, Vault};
use crate::supervisor::Grant;
use agent::Agents;
use candidate::{Candidate, Shown, arrange};
use ending::InFlight;
use keyfile::{KeyFile, OnDisk};
use known::{Given, Known};
pub use line::Line;
use notes::Notes;
use patience::{Patience, TimeIsUp};
use plan::{KeyFate, PasswordState, Progress, Step};
use russh::MethodKind;
use russh::client::Handle;
use russh::keys::HashAlg;
use sign::{Signing, Unsigned};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinError;

/// How long the server may take for all of it, and key files and agents' listings with it. The time
/// in which a person is asked does not count: it has bounds of its own.
const DEADLINE: Duration = Duration::from_secs(20);

/// Authenticates the session behind `handle`. Returns what opened the door; `None` when the server
/// let us in without any proof.
///
/// On an error the session is of no use any more: the caller hangs up.
///
/// # Errors
/// Why the server did not let us in, as a [`Fault`] that says how to go on.
pub async fn authenticate(
    handle: &mut Handle<Client>,
    line: &Line<'_>,
    settings: &TunnelSettings,
    grant: Option<&Grant>,
    vault: &Vault,
    asker: &mut Asker,
) -> Result<Option<AuthMethod>, Fault> {
    let patience = Patience::new(DEADLINE);
    let mut exchange = Exchange {
        handle,
        line,
        settings,
        asker,
        patience: &patience,
        known: &Known::new(vault, grant, &patience, settings),
        progress: Progress::new(order(settings, grant)),
        offered: Vec::new(),
        agents: Agents::none(),
        candidates: Vec::new(),
        rsa_hash: HashAlg::Sha512,
        password: None,
        turn: None,
        silent: None,
        notes: Notes::default(),
    };
    exchange.run().await
}

/// The configured order; a password that the user has just typed goes first.
fn order(settings: &TunnelSettings, grant: Option<&Grant>) -> Vec<AuthMethod> {
    let mut order = settings.auth.clone();
    if matches!(grant, Some(Grant::Password { .. })) {
        order.sort_by_key(|method| *method != AuthMethod::Password);
    }
    order
}

/// One authentication under way.
struct Exchange<'a> {
    handle: &'a mut Handle<Client>,
    line: &'a Line<'a>,
    settings: &'a TunnelSettings,
    asker: &'a mut Asker,
    patience: &'a Patience,
    known: &'a Known<'a>,
    progress: Progress,
    /// What the server said last that it takes.
    offered: Vec<MethodKind>,
    agents: Agents,
    candidates: Vec<Candidate>,
    /// What to sign with by an RSA key.
    rsa_hash: HashAlg,
    password: Option<Given>,
    /// The account's turn, while the verdict on the password is awaited.
    turn: Option<Turn>,
    /// A key file that did not answer, and was passed over.
    silent: Option<PathBuf>,
    notes: Notes,
}

/// The server's word on a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// We are in.
    Success,
    /// It was taken, and another is wanted besides.
    Partial,
    /// It was not taken.
    Refused,
}

impl Exchange<'_> {
    async fn run(&mut self) -> Result<Option<AuthMethod>, Fault> {
        if self.ask_what_is_offered().await? == Verdict::Success {
            tracing::warn!("the server lets anyone in");
            return Ok(None);
        }
        loop {
            let (method, verdict) = match self.progress.next() {
                Step::FindKeys => {
                    self.find_keys().await?;
                    continue;
                }
                Step::FindPassword => {
                    self.find_password().await;
                    continue;
                }
                Step::Offer(number) => match self.offer(number).await? {
                    Some(outcome) => outcome,
                    None => continue,
                },
                Step::Converse => (AuthMethod::Password, self.converse().await?),
                Step::SendPassword => match self.send_password().await? {
                    Some(verdict) => (AuthMethod::Password, verdict),
                    None => continue,
                },
                Step::Stop(ending) => return Err(self.fault(ending)),
            };
            if verdict == Verdict::Success {
                return Ok(Some(method));
            }
        }
    }

    async fn ask_what_is_offered(&mut self) -> Result<Verdict, Fault> {
        let asking = self.handle.authenticate_none(&self.settings.user);
        let answer = self.patience.bound(asking).await;
        self.judge(answer.map(Result::ok), InFlight::Nothing).await
    }

    async fn find_keys(&mut self) -> Result<(), Fault> {
        let reading = read_all(self.settings.identity.clone());
        let with_agents = self.settings.auth.contains(&AuthMethod::Agent);
        let notes = &mut self.notes;
        let listing = async {
            if with_agents {
                Agents::find(notes).await
            } else {
                Agents::none()
            }
        };
        let both = async { tokio::join!(reading, listing) };
        let Ok((read, agents)) = self.patience.bound(both).await else {
            return Err(self.out_of_time(InFlight::Nothing));
        };
        let files = match read {
            Ok(Read {
                files,
                silent,
                notes,
            }) => {
                self.notes.append(notes);
                self.silent = silent;
                files
            }
            Err(error) => {
                self.notes.add(format!("reading the key files: {error}"));
                Vec::new()
            }
        };
        self.candidates = arrange(&self.settings.auth, &agents.identities(), &files);
        self.agents = agents;
        self.agree_on_rsa().await?;
        self.progress
            .found_keys(self.candidates.iter().map(|candidate| candidate.origin));
        Ok(())
    }

    /// Asks what the server takes from RSA keys: RFC 8332. One that does not tell is taken to know
    /// SHA-2; to one that knows nothing better than SHA-1 they are not offered.
    async fn agree_on_rsa(&mut self) -> Result<(), Fault> {
        if !self.candidates.iter().any(|it| it.shown.is_rsa()) {
            return Ok(());
        }
        let asking = self.handle.best_supported_rsa_hash();
        match self.patience.bound(asking).await {
            Ok(Ok(Some(Some(hash)))) => self.rsa_hash = hash,
            Ok(Ok(Some(None))) => {
                self.notes
                    .add("the server takes RSA keys with SHA-1 only".to_owned());
                self.candidates.retain(|it| !it.shown.is_rsa());
            }
            // It does not tell, or the session is gone, which the next request will tell.
            Ok(Ok(None) | Err(_)) => {}
            Err(TimeIsUp) => return Err(self.out_of_time(InFlight::Nothing)),
        }
        Ok(())
    }

    async fn find_password(&mut self) {
        self.password = self.known.password(&mut self.notes).await;
        let state = match self.password {
            Some(_) => PasswordState::Known,
            None => PasswordState::Unknown,
        };
        self.progress.password_is(state);
    }

    /// Offers a key, and signs if the server would take it. `None` when the server was not shown a
    /// signature, so that it has nothing to say.
    async fn offer(&mut self, number: usize) -> Result<Option<(AuthMethod, Verdict)>, Fault> {
        let Some(candidate) = self.candidates.get(number) else {
            self.progress.key_is(number, KeyFate::Unusable);
            return Ok(None);
        };
        let hash = candidate.shown.is_rsa().then_some(self.rsa_hash);
        let origin = candidate.origin;
        tracing::debug!("offering {}", candidate.shown);
        let mut signing = Signing {
            candidate,
            agents: &mut self.agents,
            known: self.known,
            line: self.line,
            patience: self.patience,
            notes: &mut self.notes,
            signed_by: None,
            trouble: KeyFate::Unusable,
        };
        let (handle, user) = (&mut *self.handle, &self.settings.user);
        let answer = match &candidate.shown {
            Shown::Key(key) => {
                let offering =
                    handle.authenticate_publickey_with(user, key.clone(), hash, &mut signing);
                self.patience.bound(offering).await
            }
            Shown::Certificate(certificate) => {
                let certificate = certificate.as_ref().clone();
                let offering =
                    handle.authenticate_certificate_with(user, certificate, hash, &mut signing);
                self.patience.bound(offering).await
            }
        };
        let (signed_by, trouble) = (signing.signed_by, signing.trouble);
        if let Ok(Err(Unsigned::NoSigner)) = answer {
            self.progress.key_is(number, trouble);
            return Ok(None);
        }
        let verdict = self
            .judge(answer.map(Result::ok), InFlight::Harmless)
            .await?;
        let fate = match verdict {
            Verdict::Success | Verdict::Partial => KeyFate::Accepted,
            Verdict::Refused => KeyFate::Refused,
        };
        self.progress.key_is(number, fate);
        Ok(Some((signed_by.unwrap_or(origin), verdict)))
    }
}

/// What the key files hold.
struct Read {
    files: Vec<Arc<KeyFile>>,
    /// The first file that did not answer.
    silent: Option<PathBuf>,
    notes: Notes,
}

/// Reads all of them, within the time that one file may take.
async fn read_all(paths: Vec<PathBuf>) -> Result<Read, JoinError> {
    // Large keys take their time to be decoded, too.
    let reading = tokio::task::spawn_blocking(move || {
        let mut notes = Notes::default();
        let read = OnDisk::read_all(paths);
        let silent = read.iter().find_map(OnDisk::silent);
        let files = read.into_iter();
        let files = files.filter_map(|disk| KeyFile::decode(disk, &mut notes));
        Read {
            files: files.map(Arc::new).collect(),
            silent,
            notes,
        }
    });
    reading.await
}

#[cfg(test)]
mod tests;
