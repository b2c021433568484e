//! What is true of a tunnel, for those who show it.

use super::Tunnel;
use crate::model::{Fault, HealthState, Phase, Recovery, Stage, TunnelView};
use crate::supervisor::forward::Forward;
use crate::supervisor::state::{State, Then, is_at_the_server};
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
            State::Live(live) if live.is_silent() => live.successor_stage(),
            State::Live(_) if self.checking() => Some(Stage::Checking),
            State::Idle
            | State::Live(_)
            | State::HangingUp { .. }
            | State::Waiting { .. }
            | State::Blocked { .. } => None,
        }
    }

    pub(super) fn current_phase(&self) -> Phase {
        if self.awaits_network() {
            return Phase::Offline;
        }
        match &self.state {
            State::Idle => Phase::Stopped,
            State::Dialing { question: None, .. } => Phase::Connecting,
            State::Dialing { .. } | State::Blocked { .. } => Phase::Blocked,
            State::Live(live) if live.is_silent() || self.checking() => Phase::Connecting,
            State::Live(_) if self.all_work() => Phase::Healthy,
            State::Live(_) => Phase::Degraded,
            State::HangingUp { then, .. } => match then {
                Then::Stop => Phase::Stopping,
                Then::Dial => Phase::Connecting,
                Then::Block(_) => Phase::Blocked,
            },
            State::Waiting { .. } => Phase::Waiting,
        }
    }

    /// There was no way to the server when one was looked for last. Looking again now and then does not
    /// mean that there is one.
    fn awaits_network(&self) -> bool {
        let is_looking = match &self.state {
            State::Waiting { .. } => true,
            State::Dialing { stage, .. } => !is_at_the_server(*stage),
            State::Live(live) => {
                live.is_silent() && !live.successor_stage().is_some_and(is_at_the_server)
            }
            State::Idle | State::HangingUp { .. } | State::Blocked { .. } => false,
        };
        let lifted_by = self.state.fault().map(Fault::recovery);
        is_looking && lifted_by == Some(Recovery::AwaitNetwork)
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
