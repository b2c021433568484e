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
//!
//! russh reads nothing while it writes, and some servers do the same (those made with russh). With much on its
//! way in both directions each would wait for the other one to read. So while a write is stuck, what comes is
//! read ahead here.

use super::client::Farewell;
use super::congestion::{self, Congestion};
use super::identification::{Identified, LINE};
use super::network::ServerSocket;
use super::turns::Turns;
use super::wear::Wear;
use bytes::{Buf, BytesMut};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Large reads cost fewer system calls on a download.
const READ_BUFFER: usize = 256 << 10;

/// As much of what the server says first as is kept: more than RFC 4253 section 4.2's longest
/// banner line.
const OPENING_MOST: usize = 512;

/// How long the network may take no byte of what is to be sent. While a write blocks, russh does not
/// send what asks whether the server is there.
const WRITE_DEADLINE: Duration = Duration::from_secs(45);

/// How long a write is stuck before what comes is read ahead. Most are over sooner.
const READ_AHEAD_AFTER: Duration = Duration::from_millis(250);

/// As much is read ahead, in bytes: the windows of a few busy channels. A server sends no more than those
/// before it has to read.
const READ_AHEAD_MOST: usize = 32 << 20;

/// A socket that can be cut.
pub struct Transport {
    socket: BufReader<Box<dyn ServerSocket>>,
    /// What was read before russh asked for it.
    received: BytesMut,
    /// Of russh's identification, which was sent already, what it has not written yet.
    identification: &'static [u8],
    stuck: Option<Stuck>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    opening: Opening,
    heard: Heard,
    wear: Arc<Wear>,
    turns: Arc<Turns>,
    congestion: Arc<Congestion>,
    /// Until when nothing is read.
    pause: Option<Pin<Box<Sleep>>>,
    _gone: tokio_util::sync::DropGuard,
}

/// A write that the network does not take.
struct Stuck {
    since: Instant,
    timer: Pin<Box<Sleep>>,
    /// It has been stuck for [`READ_AHEAD_AFTER`].
    reads_ahead: bool,
}

impl Stuck {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            timer: Box::pin(sleep(READ_AHEAD_AFTER)),
            reads_ahead: false,
        }
    }

    /// Ready when it is time to read ahead.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.reads_ahead {
            std::task::ready!(self.timer.as_mut().poll(cx));
            self.reads_ahead = true;
            // Only ever forward: a timer that is set to what is past wakes its task, again and again.
            self.timer.as_mut().reset(self.since + WRITE_DEADLINE);
        }
        Poll::Ready(())
    }

    /// Ready after [`WRITE_DEADLINE`]. Asked when it is time to read ahead.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }
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

    pub(super) fn note(&self, bytes: &[u8]) {
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

/// By what a transport is held from outside of russh. Cheap to clone; clones hold the same.
#[derive(Clone, Default)]
pub struct ConnectionControl {
    /// Ends it.
    pub cut: CancellationToken,
    /// Cancelled when it has ended.
    pub gone: CancellationToken,
    /// What the server said first.
    pub opening: Opening,
    /// How often the server was heard.
    pub heard: Heard,
    /// What its use costs.
    pub wear: Arc<Wear>,
    /// Whose turn it is to send.
    pub turns: Arc<Turns>,
    /// Who does not read what it brings.
    pub congestion: Arc<Congestion>,
    /// What it tells about its end.
    pub farewell: Farewell,
}

impl Transport {
    /// Takes over a socket on which identifications were exchanged.
    pub(super) fn new(
        socket: Box<dyn ServerSocket>,
        identified: Identified,
        control: ConnectionControl,
    ) -> Self {
        Self {
            socket: BufReader::with_capacity(READ_BUFFER, socket),
            received: identified.received.as_slice().into(),
            identification: LINE.as_bytes(),
            stuck: None,
            cut: Box::pin(control.cut.cancelled_owned()),
            opening: control.opening,
            heard: control.heard,
            wear: control.wear,
            turns: control.turns,
            congestion: control.congestion,
            pause: None,
            _gone: control.gone.drop_guard(),
        }
    }

    /// Of what was read before russh asked for it, as much as fits. Nothing when it is used up.
    fn replay(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let left = self.received.remaining();
        if left == 0 {
            return false;
        }
        let count = left.min(buf.remaining());
        buf.put_slice(&self.received.chunk()[..count]);
        self.received.advance(count);
        if !self.received.has_remaining() {
            // Most of the time nothing is read ahead.
            self.received = BytesMut::new();
        }
        true
    }

    /// How many of these bytes russh writes of an identification that was sent already.
    fn swallow(&mut self, bytes: &[u8]) -> usize {
        let count = self.identification.len().min(bytes.len());
        debug_assert_eq!(self.identification[..count], bytes[..count]);
        self.identification = &self.identification[count..];
        count
    }

    /// Ready when the socket may be read: at once, or after a pause when the session is jammed.
    fn poll_pace(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.pause.is_none() && self.congestion.is_jammed() {
            self.pause = Some(Box::pin(sleep(congestion::PACE)));
        }
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(())
    }

    fn check_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Fails a write that has made no progress for [`WRITE_DEADLINE`]. Until then reads ahead, so that a server
    /// that writes before it reads can go on.
    fn bound<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let stuck = self.stuck.get_or_insert_with(Stuck::new);
        std::task::ready!(stuck.poll_patience(cx));
        if stuck.poll_deadline(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        match self.poll_read_ahead(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    /// Reads what is there, into what is replayed. Ready when there is nothing more to come, or no room for it.
    fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.received.remaining() < READ_AHEAD_MOST {
            std::task::ready!(self.poll_pace(cx));
            let read = std::task::ready!(Pin::new(&mut self.socket).poll_fill_buf(cx))?;
            let count = read.len();
            if count == 0 {
                break;
            }
            self.opening.note(read);
            self.received.extend_from_slice(read);
            Pin::new(&mut self.socket).consume(count);
            self.wear.encrypted(count);
            self.heard.note();
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Transport {
    /// Nobody waits for a socket that is gone.
    fn drop(&mut self) {
        self.turns.socket_takes(true);
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        if self.replay(buf) {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let from_the_system = self.socket.buffer().is_empty();
        if from_the_system {
            std::task::ready!(self.poll_pace(cx));
        }
        std::task::ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        if from_the_system {
            // sshd sends what completes a message only when its first part is acknowledged
            // (Nagle, RFC 9293 section 3.7.4): delayed, that costs 40 ms for each new channel. After large
            // reads, too: beside a download, 1 % of requests took 21 ms instead of 8.
            self.socket.get_ref().quick_ack();
        }
        let read = &buf.filled()[before..];
        self.opening.note(read);
        self.wear.encrypted(read.len());
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
        let swallowed = self.swallow(bytes);
        if swallowed > 0 {
            return Poll::Ready(Ok(swallowed));
        }
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.turns.socket_takes(written.is_ready());
        if let Poll::Ready(Ok(count)) = written {
            self.wear.encrypted(count);
        }
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
    use crate::engine::network::{Network, SystemNetwork};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    async fn pair() -> (Transport, TcpStream, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(SystemNetwork.connect(address), listener.accept());
        let control = ConnectionControl::default();
        let identified = Identified {
            received: b"SSH-2.0-x\r\n\0".to_vec(),
            round_trip: Duration::ZERO,
        };
        let transport = Transport::new(near.unwrap(), identified, control.clone());
        (transport, far.unwrap().0, control.cut)
    }

    #[tokio::test]
    async fn identifications_are_read_again_and_not_sent_twice() {
        let (mut transport, mut far, _cut) = pair().await;
        transport.write_all(LINE.as_bytes()).await.unwrap();
        transport.write_all(b"packet").await.unwrap();
        let mut sent = [0; 6];
        far.read_exact(&mut sent).await.unwrap();
        assert_eq!(&sent, b"packet");
        far.write_all(b"more").await.unwrap();
        let mut read = [0; 16];
        transport.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"SSH-2.0-x\r\n\0more");
    }

    #[tokio::test]
    async fn a_turn_does_not_outwait_a_socket_that_is_gone() {
        let (transport, _far, _cut) = pair().await;
        let turns = Arc::clone(&transport.turns);
        turns.socket_takes(false);
        let mut waiting = Box::pin(turns.turn(turns.sender(), 1 << 20));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(transport);
        assert!(futures_util::poll!(waiting.as_mut()).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_after_a_while() {
        let (mut transport, _far, _cut) = pair().await;
        transport.write_all(LINE.as_bytes()).await.unwrap();
        let start = Instant::now();
        let error = loop {
            if let Err(error) = transport.write_all(&[0; 1 << 16]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), WRITE_DEADLINE.as_secs());
    }

    /// As any server does that writes from where it reads.
    #[tokio::test]
    async fn a_peer_that_writes_before_it_reads_can_go_on() {
        const MUCH: usize = 24 << 20;
        let (mut transport, mut far, _cut) = pair().await;
        transport.read_exact(&mut [0; 12]).await.unwrap();
        transport.write_all(LINE.as_bytes()).await.unwrap();
        let peer = tokio::spawn(async move {
            far.write_all(&vec![2; MUCH]).await.unwrap();
            let mut sent = vec![0; MUCH];
            far.read_exact(&mut sent).await.unwrap();
            assert!(sent.iter().all(|byte| *byte == 1));
            far
        });
        let exchange = async {
            transport.write_all(&vec![1; MUCH]).await.unwrap();
            let mut come = vec![0; MUCH];
            transport.read_exact(&mut come).await.unwrap();
            assert!(come.iter().all(|byte| *byte == 2));
        };
        timeout(WRITE_DEADLINE / 2, exchange).await.unwrap();
        drop(peer.await.unwrap());
        // What was read ahead takes up nothing any more.
        assert_eq!(transport.received.capacity(), 0);
    }

    #[tokio::test]
    async fn what_was_read_ahead_and_used_takes_up_nothing() {
        const PIECE: usize = 64 << 10;
        let (mut transport, mut far, _cut) = pair().await;
        transport.read_exact(&mut [0; 12]).await.unwrap();
        let mut piece = vec![0; PIECE];
        far.write_all(&piece).await.unwrap();
        for _ in 0..256 {
            far.write_all(&piece).await.unwrap();
            let ahead = std::future::poll_fn(|cx| {
                let _ = transport.poll_read_ahead(cx);
                if transport.received.remaining() < 2 * PIECE {
                    return Poll::Pending;
                }
                Poll::Ready(())
            });
            timeout(WRITE_DEADLINE, ahead).await.unwrap();
            // Something is always left.
            transport.read_exact(&mut piece).await.unwrap();
        }
        assert!(transport.received.capacity() <= 16 * PIECE);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_alone_fails_nothing() {
        let (mut transport, mut far, _cut) = pair().await;
        transport.write_all(LINE.as_bytes()).await.unwrap();
        sleep(WRITE_DEADLINE * 3).await;
        transport.write_all(b"late").await.unwrap();
        let mut late = [0; 4];
        far.read_exact(&mut late).await.unwrap();
        assert_eq!(&late, b"late");
    }

    #[tokio::test]
    async fn a_cut_fails_a_read_that_waits() {
        let (mut transport, _far, cut) = pair().await;
        transport.read_exact(&mut [0; 12]).await.unwrap();
        let reading = tokio::spawn(async move { transport.read_u8().await });
        tokio::task::yield_now().await;
        cut.cancel();
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
