//! The state of a tunnel: each holds only the data that is valid in it.

use crate::model::{Attempt, Fault, Question, QuestionKind, ServerInfo, Stage};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) enum State {
    Idle,
    Dialing {
        attempt: Attempt,
        stage: Stage,
        /// Asked by the server, which waits.
        question: Option<Question>,
        /// What made this dial necessary.
        after: Option<Fault>,
    },
    Live(Live),
    HangingUp {
        attempt: Attempt,
        then: Then,
        until: Instant,
    },
    Waiting {
        /// `None`: nothing is wrong, dials are just kept apart.
        fault: Option<Fault>,
        at: Instant,
    },
    Blocked {
        fault: Fault,
        /// Stands without a connection: its answer starts the next dial.
        question: Option<Question>,
    },
}

/// A session that is authenticated.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) attempt: Attempt,
    pub(super) server: ServerInfo,
    pub(super) round_trip: Duration,
    pub(super) since: Instant,
}

/// What comes after a hang-up.
#[derive(Debug)]
pub(super) enum Then {
    Stop,
    Dial,
    Block(Fault),
}

impl State {
    /// The session that lives, or is being made or ended: at most one.
    pub(super) fn session(&self) -> Option<Attempt> {
        match self {
            Self::Dialing { attempt, .. }
            | Self::Live(Live { attempt, .. })
            | Self::HangingUp { attempt, .. } => Some(*attempt),
            Self::Idle | Self::Waiting { .. } | Self::Blocked { .. } => None,
        }
    }

    pub(super) fn live(&self) -> Option<&Live> {
        if let Self::Live(live) = self {
            Some(live)
        } else {
            None
        }
    }

    pub(super) fn question(&self) -> Option<&Question> {
        if let Self::Dialing { question, .. } | Self::Blocked { question, .. } = self {
            question.as_ref()
        } else {
            None
        }
    }

    pub(super) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Blocked { fault, .. }
            | Self::HangingUp {
                then: Then::Block(fault),
                ..
            } => Some(fault),
            Self::Waiting { fault, .. } | Self::Dialing { after: fault, .. } => fault.as_ref(),
            Self::Idle | Self::Live(_) | Self::HangingUp { .. } => None,
        }
    }

    pub(super) fn next_dial(&self) -> Option<Instant> {
        if let Self::Waiting { at, .. } = self {
            Some(*at)
        } else {
            None
        }
    }

    /// When time alone changes it.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Waiting { at, .. } => Some(*at),
            Self::HangingUp { until, .. } => Some(*until),
            Self::Dialing { question, .. } => {
                question.as_ref().and_then(|question| question.expires)
            }
            Self::Idle | Self::Live(_) | Self::Blocked { .. } => None,
        }
    }
}

/// The question whose answer would lift the fault.
pub(super) fn standing_question(fault: &Fault) -> Option<QuestionKind> {
    if let Fault::HostKeyUnknown { key } = fault {
        Some(QuestionKind::HostKey(key.clone()))
    } else if let Fault::PasswordNeeded {
        user,
        server,
        rejected,
    } = fault
    {
        Some(QuestionKind::Password {
            user: user.clone(),
            server: server.clone(),
            rejected: *rejected,
        })
    } else if let Fault::PassphraseNeeded { key, rejected } = fault {
        Some(QuestionKind::Passphrase {
            key: key.clone(),
            rejected: *rejected,
        })
    } else {
        None
    }
}
