//! Keyboard-interactive, RFC 4256: the server asks, round by round.

use super::ending::InFlight;
use super::interactive::{MOST_FIELDS, MOST_ROUNDS, Reply, reply};
use super::plan::{Ending, PasswordState};
use super::{Exchange, Verdict};
use crate::model::{Fault, InteractivePrompt, Secret};
use russh::MethodKind;
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse as Round, Prompt};

impl Exchange<'_> {
    /// Holds the conversation to its end.
    pub(super) async fn converse(&mut self) -> Result<Verdict, Fault> {
        self.progress.used_up(MethodKind::KeyboardInteractive);
        let mut said = Said::default();
        let verdict = self.conversation(&mut said).await?;
        if said.password {
            self.settle_password(verdict).await;
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
                ended => return self.judge(ended.map(verdict), said.in_flight()).await,
            };
            if prompts.len() > MOST_FIELDS {
                self.notes.add(format!(
                    "the server asked for {} fields at once",
                    prompts.len()
                ));
                return Err(self.rejected());
            }
            let prompts: Vec<_> = prompts.into_iter().map(field).collect();
            let responses = match reply(&prompts, self.progress.password(), said.password) {
                Reply::Nothing => Vec::new(),
                Reply::Password => match self.password_to_send().await? {
                    Some(password) => {
                        said.password = true;
                        vec![password]
                    }
                    None => return Err(self.password_needed()),
                },
                Reply::PasswordNeeded => return Err(self.password_needed()),
                Reply::AskUser => {
                    said.user = true;
                    let answers = self.ask_user(name, instruction, prompts).await?;
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

    fn password_needed(&self) -> Fault {
        let rejected = self.progress.password() == PasswordState::Refused;
        self.fault(Ending::PasswordNeeded { rejected })
    }

    /// Asks the user, for as long as the connection that the question belongs to is there.
    async fn ask_user(
        &mut self,
        name: String,
        instruction: String,
        prompts: Vec<InteractivePrompt>,
    ) -> Result<Vec<Secret>, Fault> {
        let asking = self.asker.ask(name, instruction, prompts);
        let asked = self.patience.pause(self.line.unless_ended(asking));
        asked.await.unwrap_or_else(|| {
            let server = self.settings.server();
            Err(Fault::QuestionLost { server })
        })
    }
}

/// The verdict that ends a conversation; `None` when the session is gone.
fn verdict(answer: Result<Round, russh::Error>) -> Option<AuthResult> {
    match answer.ok()? {
        Round::Success => Some(AuthResult::Success),
        Round::Failure {
            remaining_methods,
            partial_success,
        } => Some(AuthResult::Failure {
            remaining_methods,
            partial_success,
        }),
        Round::InfoRequest { .. } => None,
    }
}

fn field(prompt: Prompt) -> InteractivePrompt {
    InteractivePrompt {
        text: prompt.prompt,
        echo: prompt.echo,
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
