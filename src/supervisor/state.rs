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
        /// The network changed meanwhile: a dial that does not reach the server by then went wrong.
        until: Option<Instant>,
        /// A password was given meanwhile, which may have come too late for this dial.
        password_given: bool,
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
    pub(super) trust: Trust,
    pub(super) wear: Wear,
    pub(super) successor: Option<Successor>,
    /// A dial beside it ended in this, which only a person can lift. Until then there are no more.
    pub(super) withheld: Option<Fault>,
}

/// How far a session is believed to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing speaks against it.
    Good,
    /// Something changed around it: it is to prove itself once the dust has settled.
    ProveAt(Instant),
    /// It was to prove itself, and has not answered. It may yet.
    Silent,
}

/// How much a session has worn. It works, and another one should take over from it. Only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wear {
    Fresh,
    /// The handover may wait until the session before it has ended.
    Worn,
    /// The server begins new keys soon, which it may not survive: no more waiting for the session before it.
    RekeyNear,
    /// It holds so much memory that it is to end, even if only a person can log in after that.
    Full,
}

/// The session that is to take over from a live one.
#[derive(Debug)]
pub(super) enum Successor {
    Dialing {
        attempt: Attempt,
        stage: Stage,
        /// As in [`State::Dialing`].
        after: Option<Fault>,
        /// As in [`State::Dialing`].
        until: Option<Instant>,
    },
    Waiting {
        /// `None`: nothing has failed yet.
        fault: Option<Fault>,
        at: Instant,
        /// By when the session that leaves has to make room for it. `None`: it may take its time.
        room: Option<Instant>,
    },
}

/// The session that another one took over from, or that is of no more use.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) attempt: Attempt,
    pub(super) pace: Pace,
}

/// How a session leaves.
#[derive(Debug)]
pub(super) enum Pace {
    /// It was told to hang up, and is written off then.
    HungUp { until: Instant },
    /// It ends with its last connection.
    Retired {
        since: Instant,
        /// It did not answer when it was asked last.
        is_silent: bool,
    },
}

impl Leaving {
    /// When it is written off, if it was told to hang up.
    pub(super) fn until(&self) -> Option<Instant> {
        match self.pace {
            Pace::HungUp { until } => Some(until),
            Pace::Retired { .. } => None,
        }
    }
}

impl Live {
    pub(super) fn new(attempt: Attempt, server: ServerInfo, now: Instant) -> Self {
        Self {
            attempt,
            round_trip: server.round_trip,
            server,
            since: now,
            trust: Trust::Good,
            wear: Wear::Fresh,
            successor: None,
            withheld: None,
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.trust == Trust::Silent
    }

    /// Whether it is of no use as it is: another session has to come, even if that takes a person.
    pub(super) fn is_past_use(&self) -> bool {
        self.is_silent() || self.wear == Wear::Full
    }

    /// The dial of its successor, while one is under way.
    pub(super) fn successor(&self) -> Option<Attempt> {
        match &self.successor {
            Some(Successor::Dialing { attempt, .. }) => Some(*attempt),
            Some(Successor::Waiting { .. }) | None => None,
        }
    }

    /// When its successor is to be dialed.
    pub(super) fn next_dial(&self) -> Option<Instant> {
        match &self.successor {
            Some(Successor::Waiting { at, .. }) => Some(*at),
            Some(Successor::Dialing { .. }) | None => None,
        }
    }

    /// How far the dial of its successor is, while one is under way.
    pub(super) fn successor_stage(&self) -> Option<Stage> {
        match &self.successor {
            Some(Successor::Dialing { stage, .. }) => Some(*stage),
            Some(Successor::Waiting { .. }) | None => None,
        }
    }

    /// When a dial of its successor that has not reached the server by then is to begin anew.
    pub(super) fn dial_until(&self) -> Option<Instant> {
        match &self.successor {
            Some(Successor::Dialing { until, .. }) => *until,
            Some(Successor::Waiting { .. }) | None => None,
        }
    }

    /// Why its successor is not there yet. Nothing is wrong as long as it works itself.
    fn fault(&self) -> Option<&Fault> {
        if !self.is_silent() {
            return None;
        }
        match &self.successor {
            Some(Successor::Waiting { fault, .. } | Successor::Dialing { after: fault, .. }) => {
                fault.as_ref()
            }
            None => None,
        }
    }
}

/// What comes after a hang-up.
#[derive(Debug)]
pub(super) enum Then {
    Stop,
    Dial,
    Block(Fault),
}

impl State {
    /// The session that lives, or is being made or ended. Its successor is another.
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
            Self::Live(live) => live.fault(),
            Self::Idle | Self::HangingUp { .. } => None,
        }
    }

    /// When the next dial is due that somebody waits for.
    pub(super) fn next_dial(&self) -> Option<Instant> {
        match self {
            Self::Waiting { at, .. } => Some(*at),
            Self::Live(live) if live.is_silent() => live.next_dial(),
            Self::Idle
            | Self::Live(_)
            | Self::Dialing { .. }
            | Self::HangingUp { .. }
            | Self::Blocked { .. } => None,
        }
    }

    /// When time alone changes it. The beginning of a successor's dial is not among it: that takes
    /// room, too.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Waiting { at, .. } => Some(*at),
            Self::HangingUp { until, .. } => Some(*until),
            Self::Dialing {
                question, until, ..
            } => {
                let expires = question.as_ref().and_then(|question| question.expires);
                expires.into_iter().chain(*until).min()
            }
            Self::Live(live) => {
                let prove = match live.trust {
                    Trust::ProveAt(at) => Some(at),
                    Trust::Good | Trust::Silent => None,
                };
                prove.into_iter().chain(live.dial_until()).min()
            }
            Self::Idle | Self::Blocked { .. } => None,
        }
    }
}

/// Whether a dial that has come this far has reached the server.
pub(super) fn is_at_the_server(stage: Stage) -> bool {
    match stage {
        Stage::Resolving | Stage::Connecting => false,
        Stage::Handshake | Stage::Authenticating | Stage::Checking => true,
    }
}

/// The question whose answer would lift the fault.
pub(super) fn standing_question(fault: &Fault) -> Option<QuestionKind> {
    if let Fault::HostKeyUnknown { key } | Fault::KnownHostsUnwritable { key, .. } = fault {
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
