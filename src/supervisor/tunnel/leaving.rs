//! The session that leaves: another one has taken over from it, or it is of no more use.
//!
//! A tunnel has two sessions at most. So whatever needs one more beside the live session waits until this one
//! has ended. How long this one may take then depends on what waits, and on whether it works itself: what is
//! open on it is not cut for a mere suspicion against another session.

use super::dial::HANG_UP;
use super::{Context, Tunnel};
use crate::model::{Attempt, SessionEvent};
use crate::supervisor::Action;
use crate::supervisor::state::{Leaving, Live, Pace, Successor};
use std::time::{Duration, Instant};

/// For so long a retired session may hold up the trial of an avoided target. Most downloads are over by
/// then. A WebSocket may stay open for days, and somebody may wait for the target.
const TRIAL_WAITS: Duration = Duration::from_secs(30 * 60);

impl Tunnel {
    /// The session takes no more connections, and ends with its last one.
    pub(super) fn retire(&mut self, attempt: Attempt, is_silent: bool, cx: &mut Context<'_>) {
        self.leaving = Some(Leaving {
            attempt,
            pace: Pace::Retired {
                since: cx.now,
                is_silent,
            },
        });
        cx.actions.push_back(Action::Retire {
            tunnel: self.settings.id.clone(),
            attempt,
        });
    }

    /// Ends a session, and goes on without it.
    pub(super) fn leave(&mut self, attempt: Attempt, cx: &mut Context<'_>) {
        self.tell_to_hang_up(attempt, cx);
        let until = cx.now + HANG_UP;
        self.leaving = Some(Leaving {
            attempt,
            pace: Pace::HungUp { until },
        });
    }

    /// The session that leaves is to do so now.
    pub(super) fn hasten_leaving(&mut self, cx: &mut Context<'_>) {
        if let Some(Leaving {
            attempt,
            pace: Pace::Retired { .. },
        }) = self.leaving
        {
            self.leave(attempt, cx);
        }
    }

    /// An event of the session that leaves.
    pub(super) fn leaving_event(&mut self, event: &SessionEvent) {
        let silent = match event {
            SessionEvent::Ended(_) => {
                self.leaving = None;
                return;
            }
            SessionEvent::Silent { .. } => true,
            SessionEvent::RoundTrip(_) => false,
            SessionEvent::Stage(_)
            | SessionEvent::HostKeyRecorded
            | SessionEvent::Asks { .. }
            | SessionEvent::PasswordJudged
            | SessionEvent::Established(_)
            | SessionEvent::Tried { .. }
            | SessionEvent::Rerouted
            | SessionEvent::Worn { .. }
            | SessionEvent::RekeyNear => return,
        };
        if let Some(Leaving {
            pace: Pace::Retired { is_silent, .. },
            ..
        }) = &mut self.leaving
        {
            *is_silent = silent;
        }
    }

    /// When something about the session that leaves is due.
    pub(super) fn leaving_due(&self) -> Option<Instant> {
        let leaving = self.leaving.as_ref()?;
        leaving.until().or_else(|| self.room_due())
    }

    /// When a retired session has to make room for the successor to the live one, or for a trial.
    pub(super) fn room_due(&self) -> Option<Instant> {
        let (since, is_silent) = match self.leaving.as_ref()?.pace {
            Pace::Retired { since, is_silent } => (since, is_silent),
            Pace::HungUp { .. } => return None,
        };
        let for_successor = match self.state.live()?.successor {
            Some(Successor::Waiting { room, .. }) if is_silent => room.map(|room| room.min(since)),
            Some(Successor::Waiting { room, .. }) => room,
            Some(Successor::Dialing { .. }) | None => None,
        };
        let for_trial = self.trial_wanted().map(|at| at.max(since + TRIAL_WAITS));
        for_successor.into_iter().chain(for_trial).min()
    }

    /// When the successor to the live session is to be dialed. `None` as long as there is no room for it.
    pub(super) fn successor_due(&self) -> Option<Instant> {
        match &self.leaving {
            Some(_) => None,
            None => self.state.live().and_then(Live::next_dial),
        }
    }
}
