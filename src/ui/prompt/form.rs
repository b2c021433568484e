//! A question as its dialog holds it: what is asked, and what was filled in so far.

use super::field::Typed;
use crate::model::{Answer, Language, PresentedKey, Question, QuestionKind};
use std::path::PathBuf;

/// Where a dialog stands: what it says around the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct Setting {
    /// The language it speaks.
    pub(in crate::ui) language: Language,
    /// The server that asks, `user@host:port`.
    pub(in crate::ui) server: String,
    /// What to say of keeping a secret; `None` where there is no keyring.
    pub(in crate::ui) remember: Option<String>,
    /// Which of the standing questions this is, and how many there are.
    pub(in crate::ui) place: (usize, usize),
    /// Until when the answer is waited for, as a time of the day.
    pub(in crate::ui) until: Option<String>,
}

/// What is asked and was filled in.
pub(in crate::ui) enum Form {
    /// Is this key the server's?
    HostKey {
        /// The key.
        key: PresentedKey,
        /// The user says to have compared it.
        compared: bool,
    },
    /// A password or a passphrase.
    Secret {
        /// Whose.
        of: SecretOf,
        /// The last one was wrong.
        rejected: bool,
        /// The new one.
        field: Field,
        /// Keep it.
        remember: bool,
    },
    /// What the server wants to know.
    Interactive {
        /// What the server says above the fields, a paragraph each.
        said: Vec<String>,
        /// The fields, with their labels.
        fields: Vec<Field>,
    },
}

/// What a secret opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) enum SecretOf {
    /// The account on the server.
    Account {
        /// The account.
        user: String,
        /// Where it is, `host:port`.
        server: String,
    },
    /// The key in this file.
    Key(PathBuf),
}

/// A field.
pub(in crate::ui) struct Field {
    /// What it asks for, as the server sent it; empty where the dialog says it.
    pub(in crate::ui) label: String,
    /// What was typed.
    pub(in crate::ui) typed: Typed,
    /// What was typed is shown, though it is hidden by itself.
    pub(in crate::ui) revealed: bool,
}

impl Field {
    fn new(label: String, typed: Typed) -> Self {
        Self {
            label,
            typed,
            revealed: false,
        }
    }
}

impl Form {
    /// The empty form of a question.
    pub(in crate::ui) fn of(question: &Question) -> Self {
        let secret = |of, rejected| Self::Secret {
            of,
            rejected,
            field: Field::new(String::new(), Typed::hidden()),
            remember: false,
        };
        match &question.kind {
            QuestionKind::HostKey(key) => Self::HostKey {
                key: key.clone(),
                compared: false,
            },
            QuestionKind::Password {
                user,
                server,
                rejected,
            } => {
                let account = format!("{user}@");
                let server = server.strip_prefix(&account).unwrap_or(server);
                let of = SecretOf::Account {
                    user: user.clone(),
                    server: server.to_owned(),
                };
                secret(of, *rejected)
            }
            QuestionKind::Passphrase { key, rejected } => {
                secret(SecretOf::Key(key.clone()), *rejected)
            }
            QuestionKind::Interactive {
                name,
                instruction,
                prompts,
            } => Self::Interactive {
                said: [name, instruction]
                    .into_iter()
                    .filter(|text| !text.trim().is_empty())
                    .cloned()
                    .collect(),
                fields: prompts
                    .iter()
                    .map(|prompt| {
                        let typed = if prompt.echo {
                            Typed::shown()
                        } else {
                            Typed::hidden()
                        };
                        Field::new(prompt.text.clone(), typed)
                    })
                    .collect(),
            },
        }
    }

    /// Whether what is filled in is an answer.
    pub(in crate::ui) fn is_complete(&self) -> bool {
        match self {
            Self::HostKey { compared, .. } => *compared,
            Self::Secret { field, .. } => !field.typed.is_empty(),
            // A server may well expect an empty line.
            Self::Interactive { .. } => true,
        }
    }

    /// Makes what is filled in the answer, and empties the form.
    pub(in crate::ui) fn take_answer(&mut self) -> Answer {
        match self {
            Self::HostKey { .. } => Answer::AcceptHostKey,
            Self::Secret {
                field, remember, ..
            } => Answer::Secret {
                value: field.typed.take_secret(),
                remember: *remember,
            },
            Self::Interactive { fields, .. } => {
                let fields = fields.iter_mut();
                Answer::Responses(fields.map(|field| field.typed.take_secret()).collect())
            }
        }
    }
}
