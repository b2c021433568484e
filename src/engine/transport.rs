//! The socket under a session, made so that it can be cut from outside.
//!
//! russh puts the stream into a task of its own that outlives the future which started it: a key
//! exchange that we no longer wait for would go on for as long as the server likes. Cancelling
//! [`Transport`]'s `cut` token fails its next read or write, and so ends that task; dropping it,
//! which the task does last, cancels the `gone` token.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Large reads cost fewer system calls on a download.
const READ_BUFFER: usize = 256 << 10;

/// As much of what the server says first as is kept: more than RFC 4253 section 4.2's longest
/// banner line.
const OPENING_MOST: usize = 512;

/// A socket that can be cut.
pub struct Transport {
    socket: BufReader<TcpStream>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    opening: Opening,
    _gone: tokio_util::sync::DropGuard,
}

/// The first bytes that a server sent, for telling a busy server from one that is none.
#[derive(Debug, Clone, Default)]
pub struct Opening(Arc<Mutex<Vec<u8>>>);

impl Opening {
    /// The first bytes, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn note(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = OPENING_MOST.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl Transport {
    /// Takes the socket over. `cut` ends it; `gone` is cancelled when it has ended.
    #[must_use]
    pub fn new(
        socket: TcpStream,
        cut: CancellationToken,
        gone: CancellationToken,
        opening: Opening,
    ) -> Self {
        Self {
            socket: BufReader::with_capacity(READ_BUFFER, socket),
            cut: Box::pin(cut.cancelled_owned()),
            opening,
            _gone: gone.drop_guard(),
        }
    }

    fn check_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        let before = buf.filled().len();
        std::task::ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        self.opening.note(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(cx)?;
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // russh tells the handler how a session ended only if the shutdown succeeds, and on a
        // connection that is broken already it does not.
        let _ = std::task::ready!(Pin::new(&mut self.socket).poll_shutdown(cx));
        Poll::Ready(Ok(()))
    }
}
