//! What the engine asks of the network: names, connections, listeners, and word of a change.
//!
//! [`SystemNetwork`] is the system's. A test may put one of its own in its place, in memory and on a clock that
//! it turns by hand; that is why nothing else in this room opens a socket or reads a clock but by
//! [`now`].

mod system;

pub use system::SystemNetwork;

use crate::model::{Fault, LocalBind};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

/// The moment, by the clock that tokio's timers go by: a paused one in tests, the system's otherwise.
#[must_use]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The way out of this machine, and the ports on it.
pub trait Network: Send + Sync {
    /// The addresses of a host, the resolver's first choice first. It has no deadline.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

    /// A TCP connection. It has no deadline; dropping the future gives it up.
    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn ServerSocket>>>;

    /// The address from which a connection to `to` would leave now. Nothing is sent.
    ///
    /// # Errors
    /// There is no route, for one.
    fn source(&self, to: SocketAddr) -> io::Result<IpAddr>;

    /// Listens at every address of `local`, and nobody else can.
    fn listen(&self, local: LocalBind)
    -> BoxFuture<'static, Result<Box<dyn LocalListener>, Fault>>;

    /// Notifies `changed` whenever addresses or routes change, or the machine wakes. Ends where
    /// nothing can be watched.
    fn watch(&self, changed: Arc<Notify>) -> BoxFuture<'static, ()>;
}

/// A connection to an SSH server.
pub trait ServerSocket: AsyncRead + AsyncWrite + Send + Unpin {
    /// Our own address on it, where the system tells.
    fn source(&self) -> Option<IpAddr>;

    /// Acknowledges at once what has arrived (TCP_QUICKACK, tcp(7)).
    fn quick_ack(&self);

    /// Resolves when the other side has closed or reset the connection, also while nobody reads: what
    /// came before that may still wait to be read. Where that cannot be told, never.
    ///
    /// The connection stays open for as long as the future is held.
    fn hung_up(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// The listeners of one forward.
pub trait LocalListener: Send + Sync {
    /// Where they listen.
    fn local(&self) -> LocalBind;

    /// The next connection of a local program, and where it comes from.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<LocalConnection>>;
}

/// A connection of a local program, and the address that it comes from.
pub type LocalConnection = (Box<dyn LocalSocket>, SocketAddr);

/// A connection of a local program, made so that it ends in a reset unless it was finished.
///
/// A program that sees an orderly end takes what it has read for the whole. So only
/// [`LocalSocket::finish`] makes the end an orderly one: an early return, a panic, or the death of this
/// process is a reset.
pub trait LocalSocket: Send + Sync {
    /// The next bytes of the program, at most 64 KiB; none at its end of data.
    fn poll_read(&self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>>;

    /// Writes the slices, one after the other, as far as the program takes them now: at least a byte.
    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// Resolves when the program has reset the connection; an end of data is no reset.
    fn reset(&self) -> BoxFuture<'_, io::Error>;

    /// Tells the program that nothing more will come: a half-close.
    ///
    /// # Errors
    /// It is gone.
    fn end(&self) -> io::Result<()>;

    /// From now on a drop closes it in order: what was written is still delivered.
    fn finish(&self);
}

/// [`LocalSocket::poll_read`] as a future. Cancel safe.
///
/// # Errors
/// The program is gone.
pub async fn read(local: &dyn LocalSocket) -> io::Result<Bytes> {
    poll_fn(|cx| local.poll_read(cx)).await
}

/// Writes all of it.
///
/// # Errors
/// The program is gone.
pub async fn write_all(local: &dyn LocalSocket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| local.poll_write(cx, &[IoSlice::new(bytes)])).await?;
        bytes = &bytes[written..];
    }
    Ok(())
}
