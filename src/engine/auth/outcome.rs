//! What an answer of the server means, and the fault where there is none to go on with.

use super::ending::{InFlight, Meaning, meaning};
use super::patience::TimeIsUp;
use super::plan::Ending;
use super::{Exchange, Verdict};
use crate::model::Fault;
use russh::MethodSet;
use russh::client::AuthResult;
use std::time::Duration;

/// How long russh may take to tell how a session ended, once it has.
const FAREWELL_DEADLINE: Duration = Duration::from_secs(1);

impl Exchange<'_> {
    /// Reads the server's answer, `None` when the session is gone, and takes note of what it offers
    /// from now on.
    pub(super) async fn judge(
        &mut self,
        answer: Result<Option<AuthResult>, TimeIsUp>,
        in_flight: InFlight,
    ) -> Result<Verdict, Fault> {
        match answer {
            Ok(Some(AuthResult::Success)) => Ok(Verdict::Success),
            // russh gives a failure without methods for a session that is gone, too.
            Ok(Some(AuthResult::Failure {
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
            Ok(Some(AuthResult::Failure { .. }) | None) => self.ended(in_flight).await,
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
        drop(tokio::time::timeout(FAREWELL_DEADLINE, self.line.reported()).await);
        let shown = !self.progress.tried().is_empty();
        let server = self.settings.server();
        match meaning(self.line.end(), in_flight, shown, &server) {
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

    pub(super) fn out_of_time(&mut self, in_flight: InFlight) -> Fault {
        let server = self.settings.server();
        let late = Fault::AuthenticationTimeout { server };
        match in_flight {
            InFlight::Password => self.in_doubt(late),
            InFlight::Nothing | InFlight::Harmless => late,
        }
    }

    /// The password was sent, and no verdict came. `fault` is tried again by itself, which may happen
    /// once with this password, for all sessions of the account together: a server may cut the line instead of saying no.
    fn in_doubt(&mut self, fault: Fault) -> Fault {
        let again = self
            .password
            .as_ref()
            .is_some_and(|given| self.known.password_is_in_doubt(given));
        if again {
            self.no_verdict_twice()
        } else {
            fault
        }
    }

    /// The password was sent twice, by whatever session of the account, and no verdict came.
    pub(super) fn no_verdict_twice(&mut self) -> Fault {
        self.notes
            .add("the connection broke twice where the password's verdict was due".to_owned());
        self.rejected()
    }

    pub(super) fn fault(&self, ending: Ending) -> Fault {
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
            // What would have opened the account is in there, as far as anyone knows; and nothing was
            // shown that the server could count against it.
            Ending::NoCredential if let Some(path) = &self.silent => {
                Fault::FileTimeout { path: path.clone() }
            }
            Ending::NoCredential => Fault::NoCredential {
                user,
                server,
                offered: self.offered_names(),
                detail: self.notes.to_string(),
            },
        }
    }

    pub(super) fn rejected(&self) -> Fault {
        self.fault(Ending::Rejected(self.progress.tried()))
    }

    fn offered_names(&self) -> Vec<String> {
        self.offered.iter().map(String::from).collect()
    }
}
