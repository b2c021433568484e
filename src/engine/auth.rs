//! Proves to the server who we are, in the configured order, without ever repeating what failed.
//!
//! The first request is `none` (RFC 4252 section 5.2): one round trip that tells what the server
//! takes, so that no key is read and no password sent that it does not want. Then [`plan`] decides
//! each step, as a pure function of what is offered, known and already tried; this file takes them.
//!
//! A connection shows a password at most once. A wrong one ends in a question to the user, and the
//! next connection carries the answer.

pub(super) mod agent;
mod candidate;
mod ending;
mod interactive;
mod keyfile;
mod known;
mod notes;
mod patience;
mod plan;
mod sign;

use super::ask::Asker;
use super::client::{Client, Farewell};
use crate::model::{AuthMethod, Fault, InteractivePrompt, Secret, TunnelSettings};
use crate::secrets::Vault;
use crate::supervisor::Grant;
use agent::Agents;
use candidate::{Candidate, Shown, arrange};
use ending::{InFlight, Meaning, meaning};
use interactive::{MOST_FIELDS, MOST_ROUNDS, Reply, reply};
use keyfile::KeyFile;
use known::{Given, Known};
use notes::Notes;
use patience::{Patience, TimeIsUp};
use plan::{Ending, KeyFate, PasswordState, Progress, Step};
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Round};
use russh::keys::HashAlg;
use russh::{MethodKind, MethodSet};
use sign::{Signing, Unsigned};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the server may take for all of it, and key files and agents' listings with it. The time
/// in which a person is asked does not count: it has bounds of its own.
const DEADLINE: Duration = Duration::from_secs(20);

/// How long russh may take to tell how a session ended, once it has.
const FAREWELL_DEADLINE: Duration = Duration::from_secs(1);

/// Authenticates the session behind `handle`. Returns what opened the door; `None` when the server
/// let us in without any proof.
///
/// On an error the session is of no use any more: the caller hangs up.
///
/// # Errors
/// Why the server did not let us in, as a [`Fault`] that says how to go on.
pub async fn authenticate(
    handle: &mut Handle<Client>,
    farewell: &Farewell,
    settings: &TunnelSettings,
    grant: Option<&Grant>,
    vault: &Vault,
    asker: &mut Asker,
) -> Result<Option<AuthMethod>, Fault> {
    let patience = Patience::new(DEADLINE);
    let mut exchange = Exchange {
        handle,
        farewell,
        settings,
        asker,
        patience: &patience,
        known: &Known::new(vault, grant, &patience, settings),
        progress: Progress::new(order(settings, grant)),
        offered: Vec::new(),
        agents: Agents::none(),
        candidates: Vec::new(),
        password: None,
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
    farewell: &'a Farewell,
    settings: &'a TunnelSettings,
    asker: &'a mut Asker,
    patience: &'a Patience,
    known: &'a Known<'a>,
    progress: Progress,
    /// What the server said last that it takes.
    offered: Vec<MethodKind>,
    agents: Agents,
    candidates: Vec<Candidate>,
    password: Option<Given>,
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
                Step::SendPassword => (AuthMethod::Password, self.send_password().await?),
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
        self.judge(answer, InFlight::Nothing).await
    }

    async fn find_keys(&mut self) -> Result<(), Fault> {
        let paths = self.settings.identity.clone();
        let reading = tokio::task::spawn_blocking(move || read_all(&paths));
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
            Ok((files, noted)) => {
                self.notes.append(noted);
                files
            }
            Err(error) => {
                self.notes.add(format!("reading the key files: {error}"));
                Vec::new()
            }
        };
        self.candidates = arrange(&self.settings.auth, &agents.identities(), &files);
        self.agents = agents;
        self.progress
            .found_keys(self.candidates.iter().map(|candidate| candidate.origin));
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
        let rsa = self.candidates.get(number).map(|it| it.shown.is_rsa());
        let hash = match rsa {
            Some(true) => self.rsa_hash().await?,
            Some(false) | None => None,
        };
        let candidate = match self.candidates.get(number) {
            Some(candidate) if rsa != Some(true) || hash.is_some() => candidate,
            _ => {
                self.notes
                    .add("the server takes RSA keys with SHA-1 only".to_owned());
                self.progress.key_is(number, KeyFate::Unusable);
                return Ok(None);
            }
        };
        let origin = candidate.origin;
        tracing::debug!("offering {}", candidate.shown);
        let mut signing = Signing {
            candidate,
            agents: &mut self.agents,
            known: self.known,
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
        let verdict = self.judge(answer, InFlight::Harmless).await?;
        let fate = match verdict {
            Verdict::Success | Verdict::Partial => KeyFate::Accepted,
            Verdict::Refused => KeyFate::Refused,
        };
        self.progress.key_is(number, fate);
        Ok(Some((signed_by.unwrap_or(origin), verdict)))
    }

    /// The hash to sign with by an RSA key, RFC 8332; `None` when the server knows nothing better than
    /// SHA-1, which we do not use. One that does not tell is taken to know SHA-2.
    async fn rsa_hash(&mut self) -> Result<Option<HashAlg>, Fault> {
        let asking = self.handle.best_supported_rsa_hash();
        match self.patience.bound(asking).await {
            Ok(Ok(told)) => Ok(told.unwrap_or(Some(HashAlg::Sha512))),
            // The session is gone; the offer will tell how.
            Ok(Err(_)) => Ok(Some(HashAlg::Sha512)),
            Err(TimeIsUp) => Err(self.out_of_time(InFlight::Nothing)),
        }
    }

    async fn send_password(&mut self) -> Result<Verdict, Fault> {
        self.progress.used_up(MethodKind::Password);
        // russh takes a `String` of its own, and wipes it once it has been sent.
        let password = self.password_text();
        let user = &self.settings.user;
        let sending = self.handle.authenticate_password(user, password);
        let answer = self.patience.bound(sending).await;
        let verdict = self.judge(answer, InFlight::Password).await?;
        self.settle_password(verdict);
        Ok(verdict)
    }

    async fn converse(&mut self) -> Result<Verdict, Fault> {
        self.progress.used_up(MethodKind::KeyboardInteractive);
        let mut said = Said::default();
        let verdict = self.conversation(&mut said).await?;
        if said.password {
            self.settle_password(verdict);
        } else if said.user && verdict == Verdict::Refused {
            // The user's own answer was wrong. A stored password is not thrown after it.
            self.progress.used_up(MethodKind::Password);
        }
        Ok(verdict)
    }

    async fn conversation(&mut self, said: &mut Said) -> Result<Verdict, Fault> {
        let user = &self.settings.user;
        let starting = self
            .handle
            .authenticate_keyboard_interactive_start(user, None);
        let mut answer = self.patience.bound(starting).await;
        for _ in 0..MOST_ROUNDS {
            let (name, instruction, prompts) = match answer {
                Ok(Ok(Round::InfoRequest {
                    name,
                    instructions,
                    prompts,
                })) => (name, instructions, prompts),
                Ok(Ok(Round::Success)) => {
                    return self
                        .judge::<Unsigned>(Ok(Ok(AuthResult::Success)), said.in_flight())
                        .await;
                }
                Ok(Ok(Round::Failure {
                    remaining_methods,
                    partial_success,
                })) => {
                    let failure = AuthResult::Failure {
                        remaining_methods,
                        partial_success,
                    };
                    return self
                        .judge::<Unsigned>(Ok(Ok(failure)), said.in_flight())
                        .await;
                }
                Ok(Err(error)) => return self.judge(Ok(Err(error)), said.in_flight()).await,
                Err(TimeIsUp) => return Err(self.out_of_time(said.in_flight())),
            };
            if prompts.len() > MOST_FIELDS {
                self.notes.add(format!(
                    "the server asked for {} fields at once",
                    prompts.len()
                ));
                return Err(self.rejected());
            }
            let prompts: Vec<_> = prompts
                .into_iter()
                .map(|prompt| InteractivePrompt {
                    text: prompt.prompt,
                    echo: prompt.echo,
                })
                .collect();
            let responses = match reply(&prompts, self.progress.password(), said.password) {
                Reply::Nothing => Vec::new(),
                Reply::Password => {
                    said.password = true;
                    vec![self.password_text()]
                }
                Reply::PasswordNeeded => {
                    return Err(self.fault(Ending::PasswordNeeded { rejected: false }));
                }
                Reply::AskUser => {
                    said.user = true;
                    let asking = self.asker.ask(name, instruction, prompts);
                    let answers = self.patience.pause(asking).await?;
                    answers
                        .iter()
                        .map(Secret::expose)
                        .map(str::to_owned)
                        .collect()
                }
            };
            // russh takes `String`s of its own, and does not wipe these.
            let responding = self
                .handle
                .authenticate_keyboard_interactive_respond(responses);
            answer = self.patience.bound(responding).await;
        }
        self.notes.add(format!(
            "the server asked {MOST_ROUNDS} times without an end"
        ));
        Err(self.rejected())
    }

    fn password_text(&self) -> String {
        let given = self.password.as_ref();
        given.map_or_else(String::new, |given| given.secret.expose().to_owned())
    }

    fn settle_password(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Success | Verdict::Partial => {
                if let Some(given) = &self.password {
                    self.known.password_is_right(given);
                }
            }
            Verdict::Refused => {
                self.known.password_is_wrong();
                self.progress.password_is(PasswordState::Refused);
            }
        }
    }

    /// Reads the server's answer, and takes note of what it offers from now on.
    async fn judge<E>(
        &mut self,
        answer: Result<Result<AuthResult, E>, TimeIsUp>,
        in_flight: InFlight,
    ) -> Result<Verdict, Fault> {
        match answer {
            Ok(Ok(AuthResult::Success)) => Ok(Verdict::Success),
            // russh gives a failure without methods for a session that is gone, too.
            Ok(Ok(AuthResult::Failure {
                remaining_methods,
                partial_success,
            })) if !remaining_methods.is_empty() => {
                self.offers(&remaining_methods);
                if partial_success {
                    Ok(Verdict::Partial)
                } else {
                    Ok(Verdict::Refused)
                }
            }
            Ok(Ok(AuthResult::Failure { .. }) | Err(_)) => self.ended(in_flight).await,
            Err(TimeIsUp) => Err(self.out_of_time(in_flight)),
        }
    }

    fn offers(&mut self, methods: &MethodSet) {
        self.offered = methods.to_vec();
        self.progress.offers(self.offered.clone());
    }

    /// The session has ended.
    async fn ended(&mut self, in_flight: InFlight) -> Result<Verdict, Fault> {
        // Without the word of how it ended, that it did is all there is to say.
        drop(tokio::time::timeout(FAREWELL_DEADLINE, self.farewell.ended()).await);
        let shown = !self.progress.tried().is_empty();
        let server = self.settings.server();
        match meaning(self.farewell.end(), in_flight, shown, &server) {
            Meaning::Refused { words } => {
                if !words.is_empty() {
                    self.notes.add(words);
                }
                self.progress.offers(Vec::new());
                Ok(Verdict::Refused)
            }
            Meaning::ShownTheDoor { words } => {
                self.notes.add(words);
                Err(self.rejected())
            }
            Meaning::InDoubt { detail } => {
                let lost = Fault::ConnectionLost { server, detail };
                Err(self.in_doubt(lost))
            }
            Meaning::Lost(fault) => Err(fault),
        }
    }

    fn out_of_time(&mut self, in_flight: InFlight) -> Fault {
        let server = self.settings.server();
        let late = Fault::AuthenticationTimeout { server };
        match in_flight {
            InFlight::Password => self.in_doubt(late),
            InFlight::Nothing | InFlight::Harmless => late,
        }
    }

    /// The password was sent, and no verdict came. `fault` is tried again by itself, which may happen
    /// once with this password: a server may cut the line instead of saying no.
    fn in_doubt(&mut self, fault: Fault) -> Fault {
        let again = self
            .password
            .as_ref()
            .is_some_and(|given| self.known.password_is_in_doubt(given));
        if !again {
            return fault;
        }
        self.notes
            .add("the connection broke twice where the password's verdict was due".to_owned());
        self.rejected()
    }

    fn fault(&self, ending: Ending) -> Fault {
        let user = self.settings.user.clone();
        let server = self.settings.server();
        match ending {
            Ending::PasswordNeeded { rejected } => Fault::PasswordNeeded {
                user,
                server,
                rejected,
            },
            Ending::PassphraseNeeded { file, rejected } => Fault::PassphraseNeeded {
                key: file,
                rejected,
            },
            Ending::Rejected(tried) => Fault::AuthenticationRejected {
                user,
                server,
                tried,
                offered: self.offered_names(),
                detail: self.notes.to_string(),
            },
            Ending::NoCredential => Fault::NoCredential {
                user,
                server,
                offered: self.offered_names(),
                detail: self.notes.to_string(),
            },
        }
    }

    fn rejected(&self) -> Fault {
        self.fault(Ending::Rejected(self.progress.tried()))
    }

    fn offered_names(&self) -> Vec<String> {
        self.offered.iter().map(String::from).collect()
    }
}

/// What has been said in a conversation.
#[derive(Debug, Default)]
struct Said {
    /// The known password was.
    password: bool,
    /// What the user answered was.
    user: bool,
}

impl Said {
    fn in_flight(&self) -> InFlight {
        if self.password {
            InFlight::Password
        } else {
            InFlight::Harmless
        }
    }
}

fn read_all(paths: &[PathBuf]) -> (Vec<Arc<KeyFile>>, Notes) {
    let mut notes = Notes::default();
    let files = paths
        .iter()
        .filter_map(|path| KeyFile::read(path, &mut notes))
        .map(Arc::new)
        .collect();
    (files, notes)
}

#[cfg(test)]
mod tests;
