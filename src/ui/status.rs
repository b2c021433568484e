//! What is true of a tunnel, in a line: for the menu and the tooltip. Pure.

use crate::clock::WallClock;
use crate::i18n::{self, tray as words};
use crate::model::{Language, Phase, TunnelView};
use std::time::Instant;

/// The longest line of the menu, in characters.
const LONGEST: usize = 90;

/// How moments are told: by this clock, on the day of `now`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The user's clock.
    pub(super) clock: WallClock,
    /// When it is told.
    pub(super) now: Instant,
}

impl Times {
    fn past(&self, language: Language, at: Instant) -> String {
        let today = self.clock.local(self.now).date();
        words::moment(language, self.clock.local(at), today)
    }

    fn near(&self, at: Instant) -> String {
        words::near_moment(self.clock.local(at))
    }
}

/// What is true of the tunnel, since when, and what comes next.
pub(super) fn state(l: Language, view: &TunnelView, times: &Times) -> String {
    let since = || times.past(l, view.since);
    match (view.phase, view.next_dial) {
        (Phase::Stopped, _) => words::stopped_since(l, &since()),
        (Phase::Healthy, _) => words::well_since(l, &since()),
        (Phase::Degraded, _) => words::partly_since(l, &since()),
        (Phase::Waiting, Some(at)) => words::next_try(l, &times.near(at)),
        (Phase::Offline, Some(at)) => words::offline_next_try(l, &times.near(at)),
        (Phase::Connecting, _) => {
            let phase = || i18n::phase(l, Phase::Connecting);
            let stage = view.stage.map(|stage| i18n::stage(l, stage));
            words::dialing(l, &stage.unwrap_or_else(phase))
        }
        (phase @ (Phase::Waiting | Phase::Offline), None)
        | (phase @ (Phase::Blocked | Phase::Stopping), _) => i18n::phase(l, phase),
    }
}

/// Why the tunnel is not up, where a fault says so.
pub(super) fn fault(l: Language, view: &TunnelView) -> Option<String> {
    match view.phase {
        Phase::Waiting | Phase::Offline | Phase::Blocked | Phase::Connecting => view
            .fault
            .as_ref()
            .map(|fault| short(&i18n::fault(l, fault).message)),
        Phase::Healthy | Phase::Degraded | Phase::Stopped | Phase::Stopping => None,
    }
}

/// Whether a session lives, so that what probes found is true.
pub(super) fn session_lives(view: &TunnelView) -> bool {
    match view.phase {
        Phase::Healthy | Phase::Degraded => true,
        Phase::Stopped
        | Phase::Connecting
        | Phase::Waiting
        | Phase::Offline
        | Phase::Blocked
        | Phase::Stopping => false,
    }
}

/// Cut where it is long for a menu.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(LONGEST - 1).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}
