//! The password: sent by one session of an account at a time, and never after it was refused.
//!
//! Several tunnels may log in to one account. Each finds the same stored password, and a server that
//! locks accounts counts the tries of all of them. So a session waits for its turn, and then looks
//! again at what is known of its password: the session before it may have had it refused.

use super::ending::InFlight;
use super::known::{Given, Latest};
use super::plan::PasswordState;
use super::{Exchange, Verdict};
use crate::engine::ask::ANSWER_DEADLINE;
use crate::model::Fault;
use russh::MethodKind;
use std::time::Duration;

/// How long to wait for the turn. Whoever holds it may wait for a person, to whom the server puts a
/// question after the password.
const TURN_DEADLINE: Duration = ANSWER_DEADLINE;

impl Exchange<'_> {
    /// Sends the password, if it is still to be sent. `None`: it is not.
    pub(super) async fn send_password(&mut self) -> Result<Option<Verdict>, Fault> {
        let Some(password) = self.password_to_send().await? else {
            return Ok(None);
        };
        self.progress.used_up(MethodKind::Password);
        let user = &self.settings.user;
        let sending = self.handle.authenticate_password(user, password);
        let answer = self.patience.bound(sending).await;
        let verdict = self
            .judge(answer.map(Result::ok), InFlight::Password)
            .await?;
        self.settle_password(verdict).await;
        Ok(Some(verdict))
    }

    /// Waits for the turn to send the password. `None`: it is not to be sent any more, and
    /// [`Exchange::progress`] has been told why.
    ///
    /// russh takes a `String` of its own. Sent by the password method, it is wiped.
    pub(super) async fn password_to_send(&mut self) -> Result<Option<String>, Fault> {
        self.wait_for_turn().await?;
        let was_typed = self.password.as_ref().is_some_and(Given::was_typed);
        let latest = match self.password.take() {
            Some(given) => self.known.latest(given, &mut self.notes).await,
            None => Latest::Unknown,
        };
        let state = match latest {
            Latest::NoVerdictTwice => return Err(self.no_verdict_twice()),
            Latest::Is(given) => {
                self.password = Some(given);
                PasswordState::Known
            }
            Latest::Refused => PasswordState::Refused,
            Latest::Unknown => PasswordState::Unknown,
        };
        self.progress.password_is(state);
        if was_typed && !self.password.as_ref().is_some_and(Given::was_typed) {
            // The verdict came over another session, and holds for the answer that this one carries.
            self.asker.tell_password_judged().await;
        }
        let text = self
            .password
            .as_ref()
            .map(|given| given.secret.expose().to_owned());
        if text.is_none() {
            self.turn = None;
        }
        Ok(text)
    }

    /// Notes the verdict on the password, and gives the turn to the next session.
    pub(super) async fn settle_password(&mut self, verdict: Verdict) {
        // First of all, so that no dial sends the answer again, however this one goes on.
        if self.password.as_ref().is_some_and(Given::was_typed) {
            self.asker.tell_password_judged().await;
        }
        match verdict {
            Verdict::Success | Verdict::Partial => {
                if let Some(given) = &self.password {
                    self.known.password_is_right(given);
                }
            }
            Verdict::Refused => {
                if let Some(given) = &self.password {
                    self.known.password_is_wrong(given);
                }
                self.progress.password_is(PasswordState::Refused);
            }
        }
        self.turn = None;
    }

    async fn wait_for_turn(&mut self) -> Result<(), Fault> {
        // A session that waits for another one does not use up the server's time.
        let turn = tokio::time::timeout(TURN_DEADLINE, self.known.turn());
        let waiting = self.patience.pause(self.line.unless_ended(turn));
        match waiting.await {
            Some(Ok(turn)) => {
                self.turn = Some(turn);
                Ok(())
            }
            Some(Err(_)) => Err(self.out_of_time(InFlight::Nothing)),
            // It may have ended while the keyring was being unlocked: the password is not in doubt.
            None => match self.judge(Ok(None), InFlight::Nothing).await {
                Ok(_) => Err(self.rejected()),
                Err(fault) => Err(fault),
            },
        }
    }
}
