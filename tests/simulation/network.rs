//! The engine's network, in memory: names, connections, listeners, and word of a change.

use crate::ledger::Ledger;
use crate::local::Loopback;
use crate::server::{Door, Sshd};
use crate::way::Way;
use crate::wire::End;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use passerelle::engine::network::{LocalListener, Network, ServerSocket};
use passerelle::model::{Fault, LocalBind};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// The server's name and where it is.
pub(crate) const HOST: &str = "server.example";
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What the resolver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolver {
    Works,
    Fails,
    Hangs,
}

/// The network. Clones are the same network.
#[derive(Clone)]
pub(crate) struct Simulated(Arc<Shared>);

struct Shared {
    way: Way,
    sshd: Sshd,
    loopback: Loopback,
    ledger: Ledger,
    changed: Arc<Notify>,
    state: Mutex<State>,
}

struct State {
    resolver: Resolver,
    routed: bool,
    address: u8,
}

impl Simulated {
    pub(crate) fn new(way: Way, sshd: Sshd, loopback: Loopback, ledger: Ledger) -> Self {
        let state = State {
            resolver: Resolver::Works,
            routed: true,
            address: 1,
        };
        Self(Arc::new(Shared {
            way,
            sshd,
            loopback,
            ledger,
            changed: Arc::default(),
            state: Mutex::new(state),
        }))
    }

    pub(crate) fn set_resolver(&self, resolver: Resolver) {
        self.state().resolver = resolver;
    }

    /// There is a way to the server, or none. The system says so.
    pub(crate) fn set_routed(&self, routed: bool) {
        self.state().routed = routed;
        self.tell();
    }

    /// Another address from now on. The system says so.
    pub(crate) fn move_on(&self) {
        let mut state = self.state();
        state.address = state.address % 250 + 1;
        drop(state);
        self.tell();
    }

    /// The system says that something changed.
    pub(crate) fn tell(&self) {
        self.0.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn from(&self) -> io::Result<IpAddr> {
        let state = self.state();
        if state.routed {
            Ok(Ipv4Addr::new(198, 51, 100, state.address).into())
        } else {
            Err(io::ErrorKind::NetworkUnreachable.into())
        }
    }
}

impl Network for Simulated {
    fn resolve(&self, _host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let resolver = self.state().resolver;
        async move {
            match resolver {
                Resolver::Works => Ok(vec![SocketAddr::new(ADDRESS, port)]),
                Resolver::Fails => Err(io::Error::other("no such name")),
                Resolver::Hangs => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn connect(&self, _to: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn ServerSocket>>> {
        let network = self.clone();
        async move {
            let from = network.from()?;
            network.0.ledger.dialed();
            network.0.way.round_trip().await;
            if network.0.sshd.door() == Door::Closed {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (near, far) = network.0.way.connect();
            network.0.sshd.accept(far);
            let socket: Box<dyn ServerSocket> = Box::new(Socket { end: near, from });
            Ok(socket)
        }
        .boxed()
    }

    fn source(&self, _to: SocketAddr) -> io::Result<IpAddr> {
        self.from()
    }

    fn listen(
        &self,
        local: LocalBind,
    ) -> BoxFuture<'static, Result<Box<dyn LocalListener>, Fault>> {
        let listening = self.0.loopback.listen(local);
        async move { listening }.boxed()
    }

    fn watch(&self, changed: Arc<Notify>) -> BoxFuture<'static, ()> {
        let said = Arc::clone(&self.0.changed);
        async move {
            loop {
                said.notified().await;
                changed.notify_one();
            }
        }
        .boxed()
    }
}

/// The client's end of a connection to the server.
struct Socket {
    end: End,
    from: IpAddr,
}

impl ServerSocket for Socket {
    fn source(&self) -> Option<IpAddr> {
        Some(self.from)
    }

    fn quick_ack(&self) {}
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.end).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_shutdown(cx)
    }
}
