//! One forward: its listeners, and the connections that come in by them.

use super::admit::{self, Entrance, Refusal};
use super::channel::OpenChannel;
use super::holding::Holding;
use super::link::{Guest, Links};
use super::network::{LocalListener, LocalSocket, Network};
use super::pump::{self, Ending};
use super::spool::{Backlog, Spool};
use crate::model::{ForwardSettings, Input, TrafficCounters};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What carries the connections of a forward.
pub struct Means {
    /// Where it listens.
    pub network: Arc<dyn Network>,
    /// The sessions that may.
    pub links: Links,
    /// Where bytes wait that a program does not take yet.
    pub spool: Arc<Spool>,
    /// Where they are counted.
    pub counters: Arc<TrafficCounters>,
    /// Where inputs go.
    pub inputs: mpsc::Sender<Input>,
    /// What a browser gets while there is no session.
    pub holding: Holding,
}

/// A forward at work. Dropping it closes its listeners and resets its connections.
#[derive(Debug)]
pub struct Forward {
    settings: watch::Sender<Arc<ForwardSettings>>,
    _stop: DropGuard,
}

impl Forward {
    /// Binds the listeners and serves them; [`Input::Listening`] tells how it went.
    #[must_use]
    pub fn start(settings: Arc<ForwardSettings>, means: Means) -> Self {
        let Means {
            network,
            links,
            spool,
            counters,
            inputs,
            holding,
        } = means;
        let stop = CancellationToken::new();
        let entrance = Entrance::new(settings.id.tunnel.clone(), links, inputs.clone());
        let (settings, wanted) = watch::channel(settings);
        let service = Service {
            entrance: Arc::new(entrance),
            spool,
            counters,
            holding,
            stop: stop.clone(),
            places: Arc::new(Semaphore::new(admit::CONNECTIONS)),
            connections: JoinSet::new(),
        };
        tokio::spawn(run(service, network, wanted, inputs));
        Self {
            settings,
            _stop: stop.drop_guard(),
        }
    }

    /// Takes new settings over, and tries again to listen if it does not. Answered by
    /// [`Input::Listening`]. Connections that are open stay as they are.
    pub fn update(&self, settings: Arc<ForwardSettings>) {
        self.settings.send_replace(settings);
    }
}

/// Listens as wanted until the forward is dropped, then waits for its connections to be gone.
async fn run(
    mut service: Service,
    network: Arc<dyn Network>,
    wanted: watch::Receiver<Arc<ForwardSettings>>,
    inputs: mpsc::Sender<Input>,
) {
    let stop = service.stop.clone();
    stop.run_until_cancelled(listen(&mut service, &*network, wanted, inputs))
        .await;
    while service.connections.join_next().await.is_some() {}
}

async fn listen(
    service: &mut Service,
    network: &dyn Network,
    mut wanted: watch::Receiver<Arc<ForwardSettings>>,
    inputs: mpsc::Sender<Input>,
) {
    let mut listeners: Option<Box<dyn LocalListener>> = None;
    loop {
        let settings = Arc::clone(&wanted.borrow_and_update());
        // What listens elsewhere goes first: the new address may overlap with it.
        listeners = listeners.filter(|bound| bound.local() == settings.local);
        let mut result = Ok(());
        if listeners.is_none() {
            match network.listen(settings.local).await {
                Ok(bound) => listeners = Some(bound),
                Err(fault) => result = Err(fault),
            }
            // Again and again while the port is taken: that it is, the journal tells once.
            tracing::debug!(forward = %settings.id, local = %settings.local, ?result, "listen");
        }
        let told = Input::Listening {
            forward: settings.id.clone(),
            result,
        };
        if inputs.send(told).await.is_err() {
            return;
        }
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            never = service.serve(listeners.as_deref(), &settings) => match never {},
        }
    }
}

/// What serves the connections of one forward, whatever becomes of its listeners.
struct Service {
    entrance: Arc<Entrance>,
    spool: Arc<Spool>,
    counters: Arc<TrafficCounters>,
    holding: Holding,
    stop: CancellationToken,
    places: Arc<Semaphore>,
    connections: JoinSet<()>,
}

impl Service {
    async fn serve(
        &mut self,
        listeners: Option<&dyn LocalListener>,
        settings: &Arc<ForwardSettings>,
    ) -> Infallible {
        let Some(listeners) = listeners else {
            return std::future::pending().await;
        };
        let mut failures = 0;
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return std::future::pending().await;
            };
            let accepted = tokio::select! {
                accepted = poll_fn(|cx| listeners.poll_accept(cx)) => accepted,
                // What is over takes up its memory until somebody asks.
                Some(_) = self.connections.join_next() => continue,
            };
            match accepted {
                Ok((local, peer)) => {
                    failures = 0;
                    self.admit(local, peer, place, settings);
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(forward = %settings.id, %error, failures, "accept failed");
                    tokio::time::sleep(admit::accept_pause(failures)).await;
                }
            }
        }
    }

    fn admit(
        &mut self,
        local: Box<dyn LocalSocket>,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
        settings: &Arc<ForwardSettings>,
    ) {
        let connection = Connection {
            peer,
            settings: Arc::clone(settings),
            entrance: Arc::clone(&self.entrance),
            backlog: Backlog::new(Arc::clone(&self.spool)),
            counters: Counted::new(Arc::clone(&self.counters)),
            holding: self.holding.clone(),
            stop: self.stop.clone(),
            _place: place,
        };
        self.connections.spawn(connection.run(local));
    }
}

/// One local connection on its way.
struct Connection {
    peer: SocketAddr,
    settings: Arc<ForwardSettings>,
    entrance: Arc<Entrance>,
    backlog: Backlog,
    counters: Counted,
    holding: Holding,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, local: Box<dyn LocalSocket>) {
        let (forward, remote) = (&self.settings.id, &self.settings.remote);
        let opened = self.stop.run_until_cancelled(self.open()).await;
        let (channel, _guest) = match opened {
            Some(Ok(opened)) => opened,
            Some(Err(refusal @ (Refusal::NoSession | Refusal::Avoided))) => {
                // Who fetches by the clock does so all through an outage, of which the journal tells once.
                tracing::debug!(%forward, %refusal, "not carried");
                if self.settings.hold.page {
                    let answer = self.holding.answer(&*local, &self.settings);
                    self.stop.run_until_cancelled(answer).await;
                }
                return;
            }
            Some(Err(Refusal::NotOpened(error))) => {
                tracing::warn!(%forward, %remote, %error, "connection reset");
                return;
            }
            None => return,
        };
        let ending = pump::carry(local, channel, self.backlog, &self.counters.0, &self.stop).await;
        match ending {
            Ending::Finished | Ending::LocalGone(_) | Ending::Cancelled => {
                tracing::debug!(%forward, %ending, "connection over");
            }
            Ending::ServerClosed | Ending::SessionLost | Ending::Overrun(_) => {
                tracing::warn!(%forward, %remote, %ending, "connection reset");
            }
        }
    }
}

impl Connection {
    /// A channel, as soon as there is a session. Errors at once if the target is avoided; also if the
    /// session needs the user and a page can say so.
    async fn open(&self) -> Result<(OpenChannel, Guest), Refusal> {
        let blocked = async {
            if self.settings.hold.page {
                self.holding.blocked(&self.settings.id.tunnel).await;
            } else {
                std::future::pending().await
            }
        };
        tokio::select! {
            // In this order: a connection that waited for a session must not use the new one for this.
            biased;
            () = self.holding.avoided(&self.settings.id) => Err(Refusal::Avoided),
            opened = self.entrance.open(&self.settings, self.peer) => opened,
            () = blocked => Err(Refusal::NoSession),
        }
    }
}

/// Counts a connection for as long as it lives.
struct Counted(Arc<TrafficCounters>);

impl Counted {
    fn new(counters: Arc<TrafficCounters>) -> Self {
        counters.opened();
        Self(counters)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.closed();
    }
}
