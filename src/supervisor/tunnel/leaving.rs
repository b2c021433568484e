//! The session that leaves: another one has taken over from it, or it is of no more use.
//!
//! A tunnel has two sessions at most. So whatever needs one more beside the live session waits until this one
//! has ended. How long this one may take then depends on what waits.

use super::dial::HANG_UP;
use super::{Context, Tunnel};
use crate::model::Attempt;
use crate::supervisor::Action;
use crate::supervisor::state::{Leaving, Live, Successor};
use std::time::Instant;

impl Tunnel {
    /// The session takes no more connections, and ends with its last one.
    pub(super) fn retire(&mut self, attempt: Attempt, cx: &mut Context<'_>) {
        self.leaving = Some(Leaving {
            attempt,
            until: None,
        });
        cx.actions.push_back(Action::Retire {
            tunnel: self.settings.id.clone(),
            attempt,
        });
    }

    /// Ends a session, and goes on without it.
    pub(super) fn leave(&mut self, attempt: Attempt, cx: &mut Context<'_>) {
        self.tell_to_hang_up(attempt, cx);
        self.leaving = Some(Leaving {
            attempt,
            until: Some(cx.now + HANG_UP),
        });
    }

    /// The session that leaves is to do so now.
    pub(super) fn hasten_leaving(&mut self, cx: &mut Context<'_>) {
        if let Some(Leaving {
            attempt,
            until: None,
        }) = self.leaving
        {
            self.leave(attempt, cx);
        }
    }

    /// When something about the session that leaves is due.
    pub(super) fn leaving_due(&self) -> Option<Instant> {
        let leaving = self.leaving.as_ref()?;
        leaving.until.or_else(|| self.room_due())
    }

    /// When the session that leaves has to make room for the successor to the live one.
    pub(super) fn room_due(&self) -> Option<Instant> {
        match self.state.live().map(|live| &live.successor) {
            Some(Some(Successor::Waiting { room, .. })) => *room,
            Some(Some(Successor::Dialing { .. }) | None) | None => None,
        }
    }

    /// When the successor to the live session is to be dialed. `None` as long as there is no room for it.
    pub(super) fn successor_due(&self) -> Option<Instant> {
        match &self.leaving {
            Some(_) => None,
            None => self.state.live().and_then(Live::next_dial),
        }
    }
}
