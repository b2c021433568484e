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
use tokio::sync::{mpsc, oneshot, watch};

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
            let Some(answer) = self.ask(question).await else {
                return;
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

    /// On a thread of its own: a terminal's read cannot be cancelled, and must not hold up the end.
    async fn ask(&self, question: Question) -> Option<Answer> {
        let (sender, answer) = oneshot::channel();
        let (language, keyring) = (self.language, self.keyring);
        let asking = thread::Builder::new()
            .name("prompt".to_owned())
            .spawn(move || {
                // Nobody waits for it any more when the program ends.
                let _ = sender.send(ask(language, &question.kind, keyring));
            });
        match (asking, answer.await) {
            (Ok(_), Ok(Ok(answer))) => Some(answer),
            (Err(error), _) | (_, Ok(Err(error))) => {
                tracing::info!(%error, "the terminal answers no questions");
                None
            }
            (Ok(_), Err(_)) => None,
        }
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

/// Asks on the terminal, and waits as long as it takes.
fn ask(language: Language, kind: &QuestionKind, keyring: bool) -> io::Result<Answer> {
    let question = i18n::question(language, kind);
    match kind {
        QuestionKind::HostKey(key) => {
            say(&question)?;
            let typed = read_line(&words::trust_it(language))?;
            Ok(if trusts(&typed, key) {
                Answer::AcceptHostKey
            } else {
                Answer::Cancel
            })
        }
        QuestionKind::Password { .. } | QuestionKind::Passphrase { .. } => {
            let value = read_secret(&format!("{question} "))?;
            if value.expose().is_empty() {
                return Ok(Answer::Cancel);
            }
            let remember = keyring && ask_to_keep(language)?;
            Ok(Answer::Secret { value, remember })
        }
        QuestionKind::Interactive { prompts, .. } => {
            say(&question)?;
            let fields: Vec<_> = prompts.iter().map(read_field).collect::<io::Result<_>>()?;
            Ok(Answer::Responses(fields))
        }
    }
}

fn read_field(prompt: &InteractivePrompt) -> io::Result<Secret> {
    let label = format!("{} ", clean(&prompt.text));
    if prompt.echo {
        read_line(&label).map(Secret::new)
    } else {
        read_secret(&label)
    }
}

/// Whether the user wants what was typed kept in the keyring.
pub(crate) fn ask_to_keep(language: Language) -> io::Result<bool> {
    read_line(&words::keep_it(language)).map(|typed| means_yes(&typed))
}

/// Reads a line that is not shown.
pub(crate) fn read_secret(label: &str) -> io::Result<Secret> {
    // The label invites to type, and must not come before the typing is hidden.
    let _hidden = platform::hide_typing();
    rpassword::prompt_password(label).map(Secret::new)
}

/// Reads a line that is shown, without its end.
pub(crate) fn read_line(label: &str) -> io::Result<String> {
    let mut terminal = io::stderr();
    write!(terminal, "{label}")?;
    terminal.flush()?;
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
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
