//! What is true of a tunnel, for those who show it.

use super::Tunnel;
use crate::model::{Fault, HealthState, Phase, Recovery, Stage, TunnelView};
use crate::supervisor::forward::Forward;
use crate::supervisor::state::{State, Successor, Then, is_at_the_server};
use std::sync::Arc;

impl Tunnel {
    pub(in crate::supervisor) fn view(&self) -> TunnelView {
        let live = self.state.live();
        TunnelView {
            settings: Arc::clone(&self.settings),
            target: self.target,
            phase: self.phase,
            since: self.since,
            stage: self.stage(),
            attempt: self.attempt,
            server: live.map(|live| live.server.clone()),
            round_trip: live.map(|live| live.round_trip),
            fault: self.state.fault().cloned(),
            next_dial: self.state.next_dial(),
            question: self.state.question().cloned(),
            forwards: self.forwards.iter().map(Forward::view).collect(),
        }
    }

    fn stage(&self) -> Option<Stage> {
        match &self.state {
            State::Dialing { stage, .. } => Some(*stage),
            State::Live(live) if live.is_silent() => match &live.successor {
                Some(Successor::Dialing { stage, .. }) => Some(*stage),
                Some(Successor::Waiting { .. }) | None => None,
            },
            State::Live(_) if self.checking() => Some(Stage::Checking),
            State::Idle
            | State::Live(_)
            | State::HangingUp { .. }
            | State::Waiting { .. }
            | State::Blocked { .. } => None,
        }
    }

    pub(super) fn current_phase(&self) -> Phase {
        match &self.state {
            State::Idle => Phase::Stopped,
            // Looking for a way there now and then does not mean that there is one.
            State::Dialing { stage, after, .. }
                if !is_at_the_server(*stage) && awaits_network(after.as_ref()) =>
            {
                Phase::Offline
            }
            State::Dialing { question: None, .. } => Phase::Connecting,
            State::Dialing { .. } | State::Blocked { .. } => Phase::Blocked,
            State::Live(live) if live.is_silent() && awaits_network(self.state.fault()) => {
                Phase::Offline
            }
            State::Live(live) if live.is_silent() || self.checking() => Phase::Connecting,
            State::Live(_) if self.all_work() => Phase::Healthy,
            State::Live(_) => Phase::Degraded,
            State::HangingUp { then, .. } => match then {
                Then::Stop => Phase::Stopping,
                Then::Dial => Phase::Connecting,
                Then::Block(_) => Phase::Blocked,
            },
            State::Waiting { fault, .. } if awaits_network(fault.as_ref()) => Phase::Offline,
            State::Waiting { .. } => Phase::Waiting,
        }
    }

    /// A service that a user opens has not answered yet since the SSH session began.
    fn checking(&self) -> bool {
        self.forwards.iter().any(|forward| {
            let view = forward.view();
            view.settings.open.is_some() && view.health.state == HealthState::Unknown
        })
    }

    fn all_work(&self) -> bool {
        self.forwards
            .iter()
            .map(Forward::view)
            .all(|view| view.settings.open.is_none() || view.works())
    }
}

fn awaits_network(fault: Option<&Fault>) -> bool {
    fault.is_some_and(|fault| fault.recovery() == Recovery::AwaitNetwork)
}
