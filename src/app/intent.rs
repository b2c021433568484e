//! The wish to open a service in the browser: it stands until the service works, however long the way
//! there takes, and is fulfilled once. Pure.

#[cfg(test)]
mod tests;

use crate::model::{
    Command, ForwardId, ForwardView, Input, Phase, Snapshot, Target, TunnelId, TunnelView,
};
use std::time::{Duration, Instant};

/// How long a wish stands before the user is told what stands in its way.
const PATIENCE: Duration = Duration::from_secs(20);

/// How old the knowledge that a service works may be when the browser is sent there.
const FRESH: Duration = Duration::from_secs(10);

/// Clicks that follow the opening so soon belong to the one that caused it.
const SAME_CLICK: Duration = Duration::from_secs(2);

/// What a wish to open a forward means for its tunnel: a stopped one is wanted up, a waiting one is
/// wanted now, and of one that is up an answer is wanted now. What only the user can lift is never
/// tried again for a click.
pub(super) fn wish_to_open(tunnel: &TunnelView) -> Input {
    let id = tunnel.id().clone();
    match tunnel.target {
        Target::Down => Input::Command(Command::Up(Some(id))),
        Target::Up => Input::Demand(id),
    }
}

/// How a wish to open a forward ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It can be opened.
    Works(String),
    /// It cannot, without the user.
    Blocked,
    /// The configuration has it no more.
    Gone,
}

/// How the wish of the moment `asked` ends; `None`: it is worth waiting.
pub(super) fn settled(snapshot: &Snapshot, id: &ForwardId, asked: Instant) -> Option<Settled> {
    let Some((tunnel, forward)) = find(snapshot, id) else {
        return Some(Settled::Gone);
    };
    match tunnel.phase {
        Phase::Blocked => Some(Settled::Blocked),
        Phase::Connecting | Phase::Healthy | Phase::Degraded => match forward.settings.url() {
            Some(url) if forward.works_since(asked) => Some(Settled::Works(url)),
            Some(_) => None,
            None => Some(Settled::Gone),
        },
        Phase::Stopped | Phase::Waiting | Phase::Offline | Phase::Stopping => None,
    }
}

fn find<'a>(snapshot: &'a Snapshot, id: &ForwardId) -> Option<(&'a TunnelView, &'a ForwardView)> {
    let tunnel = snapshot.tunnel(&id.tunnel)?;
    let forward = tunnel.forwards.iter().find(|forward| forward.id() == id)?;
    Some((tunnel, forward))
}

/// The wishes that stand.
#[derive(Debug, Default)]
pub(super) struct Intents {
    standing: Vec<Intent>,
    opened: Vec<(ForwardId, Instant)>,
}

#[derive(Debug)]
struct Intent {
    forward: ForwardId,
    /// Since when an answer is wanted: an older one does not count.
    asked: Instant,
    /// When the user is to be told what stands in the way; `None`: that is done.
    explain: Option<Instant>,
    /// The tunnel was seen to be wanted, so that from now on it can be seen to be wanted no more.
    wanted: bool,
}

/// What a wish leads to.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Something for the engine.
    Input(Input),
    /// Send the browser to this address.
    Open(String),
    /// Say why this one is not open yet.
    Explain(ForwardId),
}

impl Intents {
    /// The user wants that service. Another click on it joins the first.
    pub(super) fn wish(&mut self, id: ForwardId, snapshot: &Snapshot, now: Instant) -> Vec<Step> {
        self.opened
            .retain(|(_, at)| now.duration_since(*at) < SAME_CLICK);
        let just_opened = self.opened.iter().any(|(opened, _)| *opened == id);
        let Some(tunnel) = snapshot.tunnel(&id.tunnel).filter(|_| !just_opened) else {
            return Vec::new();
        };
        let mut steps = vec![Step::Input(wish_to_open(tunnel))];
        let mut standing = self.standing.iter_mut();
        if let Some(intent) = standing.find(|intent| intent.forward == id) {
            intent.explain = Some(now + PATIENCE);
        } else {
            self.standing.push(Intent {
                forward: id,
                asked: now,
                explain: Some(now + PATIENCE),
                wanted: false,
            });
        }
        steps.extend(self.follow(snapshot, now));
        steps
    }

    /// The user wants that tunnel, or all of them, down: nothing is to be opened there any more.
    pub(super) fn withdraw(&mut self, tunnel: Option<&TunnelId>) {
        self.standing
            .retain(|intent| tunnel.is_some_and(|tunnel| intent.forward.tunnel != *tunnel));
    }

    /// What is to be done now that this is true.
    pub(super) fn follow(&mut self, snapshot: &Snapshot, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        for mut intent in std::mem::take(&mut self.standing) {
            match intent.next(snapshot, now) {
                Next::Drop => continue,
                Next::Open(url) => {
                    self.opened.push((intent.forward, now));
                    steps.push(Step::Open(url));
                    continue;
                }
                Next::Ask(input) => steps.push(Step::Input(input)),
                Next::Explain => steps.push(Step::Explain(intent.forward.clone())),
                Next::Wait => {}
            }
            self.standing.push(intent);
        }
        steps
    }

    /// When [`Intents::follow`] has something to say even if nothing changes.
    pub(super) fn due(&self) -> Option<Instant> {
        let standing = self.standing.iter();
        standing.filter_map(|intent| intent.explain).min()
    }
}

/// What to do about an intent.
enum Next {
    Drop,
    Wait,
    Open(String),
    Ask(Input),
    Explain,
}

impl Intent {
    fn next(&mut self, snapshot: &Snapshot, now: Instant) -> Next {
        let Some((tunnel, forward)) = find(snapshot, &self.forward) else {
            return Next::Drop;
        };
        let unwanted = self.wanted && tunnel.target == Target::Down;
        if snapshot.quitting || unwanted {
            return Next::Drop;
        }
        self.wanted |= tunnel.target == Target::Up;
        match settled(snapshot, &self.forward, self.asked) {
            Some(Settled::Works(url)) => {
                let stale = |at| now.duration_since(at) > FRESH;
                if forward.confirmed.is_some_and(stale) {
                    self.asked = now;
                    return Next::Ask(Input::Demand(tunnel.id().clone()));
                }
                Next::Open(url)
            }
            Some(Settled::Gone) => Next::Drop,
            Some(Settled::Blocked) => self.explain_from(now, now),
            None => self.explain_from(self.explain.unwrap_or(now), now),
        }
    }

    /// Explains once, from that moment on.
    fn explain_from(&mut self, moment: Instant, now: Instant) -> Next {
        if self.explain.is_some() && moment <= now {
            self.explain = None;
            Next::Explain
        } else {
            Next::Wait
        }
    }
}
