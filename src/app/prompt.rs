//! Asks the user's terminal: the questions that stand while `passerelle run` is in the foreground,
//! and those of the verbs.

use crate::i18n::{self, clean, run as words};
use crate::model::{
    Answer, Command, Input, InteractivePrompt, Language, PresentedKey, Question, QuestionId,
    QuestionKind, Secret, Snapshot, TunnelId,
};
use crate::platform;
use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// How soon a prompt notices that its answer is wanted no more, or that its job changed places.
const TICK: Duration = Duration::from_millis(200);

/// Whether there is someone to ask.
pub(crate) fn terminal_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks each question that stands, one after the other, and sends the answers on.
pub(crate) struct Prompter {
    pub(crate) language: Language,
    /// Whether what is typed can be kept beyond this run.
    pub(crate) keyring: bool,
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Prompter {
    /// Runs until the program ends, or the terminal is gone.
    pub(crate) async fn run(mut self) {
        let mut asked = BTreeSet::new();
        loop {
            let found = self
                .snapshots
                .wait_for(|snapshot| next(snapshot, &asked).is_some());
            let found = match found.await {
                Ok(snapshot) => next(&snapshot, &asked),
                Err(_) => return,
            };
            let Some((tunnel, question)) = found else {
                continue;
            };
            let number = question.id;
            asked.insert(number);
            let answer = match self.ask(question).await {
                Ok(Some(answer)) => answer,
                Ok(None) => continue,
                Err(error) => {
                    tracing::info!(%error, "the terminal answers no questions");
                    return;
                }
            };
            // An answer that comes too late meets no question, and does nothing.
            let command = Command::Answer {
                tunnel,
                question: number,
                answer,
            };
            if self.inputs.send(Input::Command(command)).await.is_err() {
                return;
            }
        }
    }

    /// `None` when the user gives no answer here, or it is needed no more.
    ///
    /// On a thread of its own, which must not hold up the end.
    async fn ask(&mut self, question: Question) -> io::Result<Option<Answer>> {
        let (sender, mut answer) = oneshot::channel();
        let terminal = Terminal::default();
        let withdrawn = terminal.withdrawn.clone();
        let (language, keyring, number) = (self.language, self.keyring, question.id);
        thread::Builder::new()
            .name("prompt".to_owned())
            .spawn(move || {
                // Nobody waits for it any more when the program ends.
                let _ = sender.send(terminal.put(language, &question.kind, keyring));
            })?;
        let settled = async {
            let wanted_no_more = |snapshot: &Arc<Snapshot>| !stands(snapshot, number);
            // When the program ends, too.
            let _ = self.snapshots.wait_for(wanted_no_more).await;
        };
        let answer = tokio::select! {
            answer = &mut answer => answer,
            () = settled => {
                withdrawn.cancel();
                answer.await
            }
        };
        answer.unwrap_or_else(|_| Err(io::Error::other("the prompt broke down")))
    }
}

/// A question that stands and was not asked yet.
fn next(snapshot: &Snapshot, asked: &BTreeSet<QuestionId>) -> Option<(TunnelId, Question)> {
    snapshot.tunnels.iter().find_map(|tunnel| {
        let question = tunnel.question.as_ref()?;
        let new = !asked.contains(&question.id);
        new.then(|| (tunnel.id().clone(), question.clone()))
    })
}

fn stands(snapshot: &Snapshot, number: QuestionId) -> bool {
    let mut questions = snapshot
        .tunnels
        .iter()
        .filter_map(|tunnel| tunnel.question.as_ref());
    questions.any(|question| question.id == number)
}

/// The user's terminal, for as long as an answer is wanted from it.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    /// The answer is wanted no more.
    withdrawn: CancellationToken,
}

impl Terminal {
    /// Asks, and waits as long as it takes; in the background, until the user comes back to it.
    /// `None` when the user only ends the input, or the question is withdrawn.
    fn put(
        &self,
        language: Language,
        kind: &QuestionKind,
        keyring: bool,
    ) -> io::Result<Option<Answer>> {
        if !self.await_foreground() {
            return Ok(None);
        }
        let answer = self.ask(language, kind, keyring);
        if self.withdrawn.is_cancelled() {
            // Half of an answer must not become a part of the next, or a line for the shell.
            platform::drop_typing();
            say(&format!("\n{}", words::settled_elsewhere(language)))?;
            return Ok(None);
        }
        match answer {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                say("")?;
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    fn ask(&self, language: Language, kind: &QuestionKind, keyring: bool) -> io::Result<Answer> {
        let question = i18n::question(language, kind);
        match kind {
            QuestionKind::HostKey(key) => {
                say(&question)?;
                let typed = self.read_line(&words::trust_it(language))?;
                Ok(if trusts(&typed, key) {
                    Answer::AcceptHostKey
                } else {
                    Answer::Cancel
                })
            }
            QuestionKind::Password { .. } | QuestionKind::Passphrase { .. } => {
                let value = self.read_secret(&format!("{question} "))?;
                if value.expose().is_empty() {
                    return Ok(Answer::Cancel);
                }
                let remember = keyring && self.ask_to_keep(language)?;
                Ok(Answer::Secret { value, remember })
            }
            QuestionKind::Interactive { prompts, .. } => {
                say(&question)?;
                let fields = prompts.iter().map(|prompt| self.read_field(prompt));
                Ok(Answer::Responses(fields.collect::<io::Result<_>>()?))
            }
        }
    }

    fn read_field(&self, prompt: &InteractivePrompt) -> io::Result<Secret> {
        let label = format!("{} ", clean(&prompt.text));
        if prompt.echo {
            self.read_line(&label).map(Secret::new)
        } else {
            self.read_secret(&label)
        }
    }

    /// Whether the user wants what was typed kept in the keyring.
    fn ask_to_keep(&self, language: Language) -> io::Result<bool> {
        self.read_line(&words::keep_it(language))
            .map(|typed| means_yes(&typed))
    }

    /// Reads a line that is not shown.
    pub(crate) fn read_secret(&self, label: &str) -> io::Result<Secret> {
        self.await_foreground();
        // The label invites to type, and must not come before the typing is hidden.
        let _hidden = platform::hide_typing();
        self.invite(label)?;
        let mut line = platform::read_hidden_line()?;
        Ok(Secret::new(std::mem::take(&mut *line)))
    }

    /// Reads a line that is shown, without its end.
    pub(crate) fn read_line(&self, label: &str) -> io::Result<String> {
        self.invite(label)?;
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(line)
    }

    /// Shows the label, and waits until something is there to be read.
    fn invite(&self, label: &str) -> io::Result<()> {
        let mut terminal = io::stderr();
        write!(terminal, "{label}")?;
        terminal.flush()?;
        while self.await_foreground() {
            if platform::typed_within(TICK)? && platform::in_foreground() {
                return Ok(());
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    /// Returns false when the answer is wanted no more.
    fn await_foreground(&self) -> bool {
        while !self.withdrawn.is_cancelled() {
            if platform::in_foreground() {
                return true;
            }
            thread::sleep(TICK);
        }
        false
    }
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{text}")
}

fn trusts(typed: &str, key: &PresentedKey) -> bool {
    let typed = typed.trim();
    matches!(typed.to_lowercase().as_str(), "yes" | "oui") || typed == key.fingerprint
}

fn means_yes(typed: &str) -> bool {
    matches!(
        typed.trim().to_lowercase().as_str(),
        "y" | "yes" | "o" | "oui"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::samples;

    #[test]
    fn a_key_is_trusted_by_a_whole_word_or_its_own_fingerprint() {
        let QuestionKind::HostKey(key) = samples::host_key_question(1).kind else {
            panic!("it is about a key");
        };
        for typed in ["yes", "Oui", " SHA256:abc "] {
            assert!(trusts(typed, &key), "{typed}");
        }
        for typed in ["", "y", "o", "no", "SHA256:ABC", "abc"] {
            assert!(!trusts(typed, &key), "{typed}");
        }
        assert!(means_yes("O") && !means_yes("") && !means_yes("non"));
    }

    #[test]
    fn each_question_is_asked_once() {
        let mut snapshot = samples::two(["A", "B"]);
        snapshot.tunnels[1].question = Some(samples::password_question(2));
        let mut asked = BTreeSet::new();
        let (tunnel, question) = next(&snapshot, &asked).unwrap();
        assert_eq!((tunnel.as_str(), question.id.0), ("B", 2));
        asked.insert(question.id);
        assert!(next(&snapshot, &asked).is_none());
        snapshot.tunnels[1].question = Some(samples::password_question(3));
        assert!(next(&snapshot, &asked).is_some());
    }
}
