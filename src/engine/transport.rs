//! The socket under a session, made so that it can be cut from outside.
//!
//! russh puts the stream into a task of its own that outlives the future which started it: a key
//! exchange that we no longer wait for would go on for as long as the server likes. Cancelling
//! [`Transport`]'s `cut` token fails its next read or write, and so ends that task; dropping it,
//! which the task does last, cancels the `gone` token.
//!
//! A write that the network does not take fails here after a while. russh has a bound of its own
//! (`inactivity_timeout`), but that counts the silence in which a person is asked as well, and ends
//! the session on an answer that took longer.

use crate::platform;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Large reads cost fewer system calls on a download.
const READ_BUFFER: usize = 256 << 10;

/// As much of what the server says first as is kept: more than RFC 4253 section 4.2's longest
/// banner line.
const OPENING_MOST: usize = 512;

/// How long the network may take no byte of what is to be sent. While a write blocks, russh does not
/// look at its keepalive timer.
const WRITE_DEADLINE: Duration = Duration::from_secs(45);

/// A socket that can be cut.
pub struct Transport {
    socket: BufReader<TcpStream>,
    stalled: Option<Pin<Box<Sleep>>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    opening: Opening,
    heard: Heard,
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

/// How often the server was heard: while that grows, it is not silent, whatever it has not answered.
#[derive(Debug, Clone, Default)]
pub struct Heard(Arc<AtomicU64>);

impl Heard {
    /// How often so far.
    #[must_use]
    pub fn times(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// It was heard once more.
    pub(super) fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
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
        heard: Heard,
    ) -> Self {
        Self {
            socket: BufReader::with_capacity(READ_BUFFER, socket),
            stalled: None,
            cut: Box::pin(cut.cancelled_owned()),
            opening,
            heard,
            _gone: gone.drop_guard(),
        }
    }

    fn check_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Fails a write that has made no progress for [`WRITE_DEADLINE`].
    fn bound<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(WRITE_DEADLINE)));
        std::task::ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
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
        let from_the_system = self.socket.buffer().is_empty();
        std::task::ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        if from_the_system {
            // sshd sends what completes a message only when its first part is acknowledged
            // (Nagle, RFC 9293 section 3.7.4): delayed, that costs 40 ms for each new channel.
            platform::quick_ack(self.socket.get_ref());
        }
        self.opening.note(&buf.filled()[before..]);
        self.heard.note();
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
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.bound(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        self.bound(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // russh tells the handler how a session ended only if the shutdown succeeds, and on a
        // connection that is broken already it does not.
        let _ = std::task::ready!(Pin::new(&mut self.socket).poll_shutdown(cx));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    async fn pair() -> (Transport, TcpStream, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
        let cut = CancellationToken::new();
        let transport = Transport::new(
            near.unwrap(),
            cut.clone(),
            CancellationToken::new(),
            Opening::default(),
            Heard::default(),
        );
        (transport, far.unwrap().0, cut)
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_after_a_while() {
        let (mut transport, _far, _cut) = pair().await;
        let start = Instant::now();
        let error = loop {
            if let Err(error) = transport.write_all(&[0; 1 << 16]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), WRITE_DEADLINE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_alone_fails_nothing() {
        let (mut transport, mut far, _cut) = pair().await;
        sleep(WRITE_DEADLINE * 3).await;
        transport.write_all(b"late").await.unwrap();
        let mut late = [0; 4];
        far.read_exact(&mut late).await.unwrap();
        assert_eq!(&late, b"late");
    }

    #[tokio::test]
    async fn a_cut_fails_a_read_that_waits() {
        let (mut transport, _far, cut) = pair().await;
        let reading = tokio::spawn(async move { transport.read_u8().await });
        tokio::task::yield_now().await;
        cut.cancel();
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
