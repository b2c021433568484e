//! How a session asks the user something while the server waits.

use crate::model::{Attempt, Fault, Input, InteractivePrompt, Secret, SessionEvent, TunnelId};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a person may take to answer. sshd's own `LoginGraceTime` is 120 s by default.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(120);

/// One session's way to the user: the question becomes state, the answer comes back as an action.
#[derive(Debug)]
pub struct Asker {
    tunnel: TunnelId,
    attempt: Attempt,
    server: String,
    inputs: mpsc::Sender<Input>,
    answers: mpsc::Receiver<Vec<Secret>>,
}

impl Asker {
    /// Asks by `inputs` on behalf of a session, and hears by `answers` what the user says: one
    /// response for each field. A closed queue of answers is a user who gives up.
    #[must_use]
    pub fn new(
        tunnel: TunnelId,
        attempt: Attempt,
        server: String,
        inputs: mpsc::Sender<Input>,
        answers: mpsc::Receiver<Vec<Secret>>,
    ) -> Self {
        Self {
            tunnel,
            attempt,
            server,
            inputs,
            answers,
        }
    }

    /// Reports that the password that the dial carried was taken or refused.
    pub async fn tell_password_judged(&self) {
        let judged = Input::Session {
            tunnel: self.tunnel.clone(),
            attempt: self.attempt,
            event: SessionEvent::PasswordJudged,
        };
        // A closed queue means that the engine is going, and the answer with it.
        let _ = self.inputs.send(judged).await;
    }

    /// Asks, and waits for one response for each prompt.
    ///
    /// # Errors
    /// [`Fault::QuestionCancelled`] when the user gives up, [`Fault::QuestionTimeout`] when nobody
    /// answers within [`ANSWER_DEADLINE`].
    pub async fn ask(
        &mut self,
        name: String,
        instruction: String,
        prompts: Vec<InteractivePrompt>,
    ) -> Result<Vec<Secret>, Fault> {
        let fields = prompts.len();
        let question = Input::Session {
            tunnel: self.tunnel.clone(),
            attempt: self.attempt,
            event: SessionEvent::Asks {
                name,
                instruction,
                prompts,
            },
        };
        let conversation = async {
            // A closed queue means that the engine is going: as good as giving up.
            self.inputs.send(question).await.ok()?;
            self.answers.recv().await
        };
        let server = self.server.clone();
        match tokio::time::timeout(ANSWER_DEADLINE, conversation).await {
            Ok(Some(responses)) if responses.len() == fields => Ok(responses),
            Ok(Some(responses)) => Err(Fault::Internal {
                detail: format!("{} answers to {fields} fields", responses.len()),
            }),
            Ok(None) => Err(Fault::QuestionCancelled { server }),
            Err(_) => Err(Fault::QuestionTimeout { server }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker() -> (Asker, mpsc::Receiver<Input>, mpsc::Sender<Vec<Secret>>) {
        let (inputs, asked) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        let tunnel = TunnelId::new("Production");
        let asker = Asker::new(tunnel, Attempt(7), "m@s:722".into(), inputs, answers);
        (asker, asked, answer)
    }

    fn field(text: &str) -> InteractivePrompt {
        InteractivePrompt {
            text: text.into(),
            echo: false,
        }
    }

    #[tokio::test]
    async fn the_answer_comes_back_to_the_one_who_asked() {
        let (mut asker, mut asked, answer) = asker();
        let answers = vec![Secret::new("123456".into())];
        answer.send(answers.clone()).await.unwrap();
        let got = asker
            .ask("Login".into(), String::new(), vec![field("Code: ")])
            .await;
        assert_eq!(got, Ok(answers));
        assert_eq!(
            asked.recv().await,
            Some(Input::Session {
                tunnel: TunnelId::new("Production"),
                attempt: Attempt(7),
                event: SessionEvent::Asks {
                    name: "Login".into(),
                    instruction: String::new(),
                    prompts: vec![field("Code: ")],
                },
            })
        );
    }

    #[tokio::test]
    async fn giving_up_is_a_fault_that_waits_for_the_user() {
        let (mut asker, _asked, answer) = asker();
        drop(answer);
        let server = "m@s:722".to_owned();
        assert_eq!(
            asker.ask(String::new(), String::new(), Vec::new()).await,
            Err(Fault::QuestionCancelled { server })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_without_end() {
        let (mut asker, _asked, _answer) = asker();
        let server = "m@s:722".to_owned();
        assert_eq!(
            asker.ask(String::new(), String::new(), Vec::new()).await,
            Err(Fault::QuestionTimeout { server })
        );
    }
}
