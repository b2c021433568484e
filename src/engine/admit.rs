//! Who gets in: how many local connections at once, and how long one waits for a session.

use super::channel::OpenChannel;
use super::link::{Guest, Link, Links, OpenError};
use crate::model::{Attempt, ForwardSettings, Input, TunnelId};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Connections of one forward at once. What comes beyond that waits in the system's backlog.
pub(super) const CONNECTIONS: usize = 256;

/// As long as connections wait, the tunnel is told so this often: as often as it would dial.
const DEMAND_INTERVAL: Duration = Duration::from_secs(2);

/// Why a connection does not get in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// There was no session in time.
    #[error("no session")]
    NoSession,
    /// The server answers nothing else while it connects to the target.
    #[error("the target is avoided, as it stops the server")]
    Avoided,
    /// The server did not open a channel for it.
    #[error("{0}")]
    NotOpened(#[from] OpenError),
}

/// The way from a forward to its tunnel's session, whether there is one or not.
pub(super) struct Entrance {
    tunnel: TunnelId,
    links: Links,
    inputs: mpsc::Sender<Input>,
    demanded: Mutex<Option<Instant>>,
}

impl Entrance {
    pub(super) fn new(tunnel: TunnelId, links: Links, inputs: mpsc::Sender<Input>) -> Self {
        Self {
            tunnel,
            links,
            inputs,
            demanded: Mutex::new(None),
        }
    }

    /// A channel to where the forward leads, as soon as there is a session, which then waits for the
    /// guest.
    pub(super) async fn open(
        &self,
        forward: &ForwardSettings,
        originator: SocketAddr,
    ) -> Result<(OpenChannel, Guest), Refusal> {
        let deadline = Instant::now() + forward.hold.time;
        let mut lost = None;
        loop {
            let link = tokio::time::timeout_at(deadline, self.link(lost))
                .await
                .map_err(|_| Refusal::NoSession)?;
            let guest = link.guest();
            let opened = tokio::select! {
                opened = link.open(&forward.remote, originator) => opened,
                // Nothing was said on it yet, so another session will do.
                () = self.links.changed_from(link.attempt()) => continue,
            };
            match opened {
                Err(OpenError::SessionGone) => lost = Some(link.attempt()),
                outcome => return Ok((outcome?, guest)),
            }
        }
    }

    /// The link to take, once there is one that is not of the `lost` dial.
    async fn link(&self, lost: Option<Attempt>) -> Arc<Link> {
        loop {
            let link = self.links.current();
            if let Some(link) = link.filter(|link| Some(link.attempt()) != lost) {
                return link;
            }
            self.demand();
            // There may be none for long: then it is asked for again.
            let _ = tokio::time::timeout(DEMAND_INTERVAL, self.links.other_than(lost)).await;
        }
    }

    /// Asks for a session; many connections that wait make one demand.
    fn demand(&self) {
        let now = Instant::now();
        let mut demanded = self.demanded.lock().unwrap_or_else(PoisonError::into_inner);
        let due = demanded.is_none_or(|at| now - at >= DEMAND_INTERVAL);
        if due
            && self
                .inputs
                .try_send(Input::Demand(self.tunnel.clone()))
                .is_ok()
        {
            *demanded = Some(now);
        }
    }
}

/// How long to leave a listener alone after so many failures to accept in a row, the last included.
///
/// A system that is out of descriptors or memory keeps the connection in its backlog, so that the
/// next try fails at once too.
pub(super) fn accept_pause(failures: u32) -> Duration {
    let doubled = Duration::from_millis(5).saturating_mul(1 << failures.min(10));
    doubled.min(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::default_settings;
    #[tokio::test]
    async fn many_that_wait_make_one_demand_and_give_up_in_time() {
        let (inputs, mut received) = mpsc::channel(8);
        let tunnel = TunnelId::new("Production");
        let entrance = Entrance::new(tunnel.clone(), Links::default(), inputs);
        let mut forward = (*default_settings().tunnels[0].forwards[0]).clone();
        forward.hold.time = Duration::from_millis(30);
        let originator = SocketAddr::from(([127, 0, 0, 1], 5000));
        let (one, two) = tokio::join!(
            entrance.open(&forward, originator),
            entrance.open(&forward, originator)
        );
        assert!(matches!(one, Err(Refusal::NoSession)));
        assert!(matches!(two, Err(Refusal::NoSession)));
        drop(entrance);
        assert_eq!(received.recv().await, Some(Input::Demand(tunnel)));
        assert_eq!(received.recv().await, None);
    }

    #[test]
    fn accepting_never_spins() {
        assert_eq!(accept_pause(1), Duration::from_millis(10));
        assert_eq!(accept_pause(5), Duration::from_millis(160));
        assert_eq!(accept_pause(u32::MAX), Duration::from_secs(1));
    }
}
