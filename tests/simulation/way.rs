//! The way between the client and the server: delay, bandwidth, a queue, and what can go wrong on it.
//!
//! A connection is two pipes, one for each direction. All connections share the way's bandwidth. What is
//! written leaves when the way is free and arrives a delay later; what is not yet read counts against the
//! pipe's queue, so that a writer waits when it is full.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

/// The most that is written at once: what a large TCP segment offload has.
const SEGMENT: usize = 64 << 10;

/// How good the way is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quality {
    /// From one end to the other.
    pub(crate) delay_ms: u32,
    /// Bytes a second, in each direction.
    pub(crate) bandwidth: u32,
    /// Bytes that may be under way in one direction of one connection.
    pub(crate) queue: u32,
}

/// A direction on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Up, Self::Down];
}

/// How an end of a connection goes, as its peer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Loss {
    /// The peer is told at once.
    Reset,
    /// The peer is told in order: an end of data.
    Ended,
    /// The peer is told as soon as it sends something.
    OnWrite,
    /// The peer is never told.
    Never,
}

/// The way. Clones are the same way.
#[derive(Clone)]
pub(crate) struct Way(Arc<Mutex<State>>, Arc<Notify>);

struct State {
    quality: Quality,
    /// Until when nothing arrives, for each direction.
    silent: [Option<Instant>; 2],
    /// When the last byte that was sent has left, for each direction.
    free: [Instant; 2],
    wires: Vec<Weak<Wire>>,
}

impl Way {
    pub(crate) fn new(quality: Quality) -> Self {
        let state = State {
            quality,
            silent: [None; 2],
            free: [Instant::now(); 2],
            wires: Vec::new(),
        };
        Self(Arc::new(Mutex::new(state)), Arc::default())
    }

    pub(crate) fn quality(&self) -> Quality {
        self.state().quality
    }

    /// What is under way already keeps its time.
    pub(crate) fn set_quality(&self, quality: Quality) {
        self.state().quality = quality;
        self.wake_all();
    }

    /// Nothing arrives in that direction until then. What was under way arrives after it, as TCP sends it
    /// again.
    pub(crate) fn silence(&self, direction: Direction, until: Instant) {
        {
            let mut state = self.state();
            let silent = &mut state.silent[direction as usize];
            *silent = Some(silent.map_or(until, |old| old.max(until)));
        }
        self.wake_all();
        let way = self.clone();
        tokio::spawn(async move {
            sleep_until(until).await;
            way.wake_all();
        });
    }

    /// Until when nothing arrives, if that is so now.
    fn silent_until(&self, direction: Direction) -> Option<Instant> {
        let until = self.state().silent[direction as usize];
        until.filter(|until| *until > Instant::now())
    }

    /// Whether something is lost now, in either direction.
    pub(crate) fn is_silent(&self) -> bool {
        Direction::BOTH
            .iter()
            .any(|direction| self.silent_until(*direction).is_some())
    }

    /// Waits until a question and its answer have made their way.
    pub(crate) async fn round_trip(&self) {
        loop {
            while self.is_silent() {
                self.1.notified().await;
            }
            let delay = Duration::from_millis(u64::from(self.quality().delay_ms));
            tokio::time::sleep(2 * delay).await;
            if !self.is_silent() {
                return;
            }
        }
    }

    /// A new connection: the client's end and the server's.
    pub(crate) fn connect(&self) -> (End, End) {
        let wire = Arc::new(Wire {
            up: Pipe::new(self.clone(), Direction::Up),
            down: Pipe::new(self.clone(), Direction::Down),
            client_gone: AtomicBool::new(false),
        });
        let mut state = self.state();
        state.wires.retain(|wire| wire.strong_count() > 0);
        state.wires.push(Arc::downgrade(&wire));
        let end = |side| End {
            wire: Arc::clone(&wire),
            side,
        };
        (end(Side::Client), end(Side::Server))
    }

    /// When what is sent now arrives at the other end.
    fn arrival(&self, direction: Direction, bytes: usize) -> Instant {
        let mut state = self.state();
        let now = Instant::now();
        let takes = Duration::from_secs_f64(bytes as f64 / f64::from(state.quality.bandwidth));
        let delay = Duration::from_millis(u64::from(state.quality.delay_ms));
        let free = &mut state.free[direction as usize];
        *free = (*free).max(now) + takes;
        *free + delay
    }

    fn wake_all(&self) {
        self.1.notify_waiters();
        let wires: Vec<_> = {
            let state = self.state();
            state.wires.iter().filter_map(Weak::upgrade).collect()
        };
        for wire in wires {
            wire.up.wake();
            wire.down.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection.
pub(crate) struct Wire {
    up: Pipe,
    down: Pipe,
    /// The client has closed its end.
    client_gone: AtomicBool,
}

impl Wire {
    /// The server's end goes: `told` says what the client learns of it. The server itself knows at once.
    pub(crate) fn lose(&self, told: Loss) {
        let now = Instant::now();
        self.up.with(|pipe| {
            pipe.reset = Some(now);
            pipe.far = match told {
                Loss::Reset | Loss::Ended | Loss::OnWrite => Far::Resets,
                Loss::Never => Far::Swallows,
            };
            // Its own machine tells it, whatever the way is like.
            pipe.told_locally = true;
        });
        self.down.with(|pipe| match told {
            Loss::Reset => {
                pipe.chunks.clear();
                pipe.reset = Some(now);
            }
            Loss::Ended => pipe.end(),
            Loss::OnWrite | Loss::Never => {
                pipe.chunks.clear();
                pipe.mute = true;
            }
        });
    }

    /// Both ends are told that the connection is broken.
    pub(crate) fn cut(&self) {
        for pipe in [&self.up, &self.down] {
            pipe.with(|pipe| {
                pipe.chunks.clear();
                pipe.reset = Some(Instant::now());
                pipe.far = Far::Resets;
            });
        }
    }

    /// Whether something that the server sends still reaches the client, and the other way round.
    pub(crate) fn is_whole(&self) -> bool {
        let whole = |pipe: &Pipe| {
            pipe.way.silent_until(pipe.direction).is_none()
                && pipe
                    .look(|inner| !inner.mute && inner.reset.is_none() && inner.far == Far::Takes)
        };
        whole(&self.up) && whole(&self.down)
    }

    /// Whether the client has closed the connection, or must take it for gone by what it has heard.
    pub(crate) fn client_knows(&self) -> bool {
        if self.client_gone.load(Ordering::Relaxed) {
            return true;
        }
        let silent = self.down.way.silent_until(Direction::Down).is_some();
        self.down.look(|pipe| {
            let now = Instant::now();
            let told = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            !silent
                && (told(pipe.reset) || (!pipe.mute && pipe.chunks.is_empty() && told(pipe.end)))
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// What becomes of what is sent into a pipe.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Far {
    /// The other end takes it.
    Takes,
    /// There is nobody: the machine there answers with a reset.
    Resets,
    /// Nothing comes back.
    Swallows,
}

/// One direction of a connection.
struct Pipe {
    way: Way,
    direction: Direction,
    inner: Mutex<Inner>,
}

struct Inner {
    chunks: VecDeque<Chunk>,
    queued: usize,
    last: Instant,
    end: Option<Instant>,
    reset: Option<Instant>,
    /// Nothing arrives any more, but for a reset.
    mute: bool,
    told_locally: bool,
    far: Far,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Who reads here and waits to write into the other pipe: a reset comes by this one.
    other_writer: Option<Waker>,
    timer: Option<Pin<Box<Sleep>>>,
}

struct Chunk {
    at: Instant,
    bytes: Vec<u8>,
    read: usize,
}

impl Inner {
    /// Moves what has arrived into `buf`; says how much that is.
    fn read(&mut self, now: Instant, buf: &mut ReadBuf<'_>) -> usize {
        let before = buf.filled().len();
        while buf.remaining() > 0
            && let Some(chunk) = self.chunks.front_mut()
            && chunk.at <= now
        {
            let rest = &chunk.bytes[chunk.read..];
            let count = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..count]);
            chunk.read += count;
            self.queued -= count;
            if chunk.read == chunk.bytes.len() {
                self.chunks.pop_front();
            }
        }
        buf.filled().len() - before
    }

    /// Nothing comes after what was sent.
    fn end(&mut self) {
        self.end.get_or_insert(self.last.max(Instant::now()));
    }

    fn wake(&mut self) {
        for waker in [&mut self.reader, &mut self.writer, &mut self.other_writer] {
            if let Some(waker) = waker.take() {
                waker.wake();
            }
        }
    }

    /// Has the task polled again at that moment.
    fn poll_at(&mut self, moment: Instant, cx: &mut Context<'_>) {
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(moment),
            None => self.timer = Some(Box::pin(sleep_until(moment))),
        }
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
    }
}

impl Pipe {
    fn new(way: Way, direction: Direction) -> Self {
        let inner = Inner {
            chunks: VecDeque::new(),
            queued: 0,
            last: Instant::now(),
            end: None,
            reset: None,
            mute: false,
            told_locally: false,
            far: Far::Takes,
            reader: None,
            writer: None,
            other_writer: None,
            timer: None,
        };
        Self {
            way,
            direction,
            inner: Mutex::new(inner),
        }
    }

    fn look<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        self.look(|inner| {
            let changed = change(inner);
            inner.wake();
            changed
        })
    }

    fn wake(&self) {
        self.look(Inner::wake);
    }

    /// Whether the end that reads here has been told of a reset.
    fn is_reset(&self) -> bool {
        let silent = self.way.silent_until(self.direction).is_some();
        self.look(|inner| {
            let told = inner.reset.is_some_and(|at| at <= Instant::now());
            told && (inner.told_locally || !silent)
        })
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let silent = self.way.silent_until(self.direction).is_some();
        self.look(|inner| {
            inner.reader = Some(cx.waker().clone());
            let now = Instant::now();
            let reset = inner.reset.is_some_and(|at| at <= now);
            if reset && inner.told_locally {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if silent {
                // Woken when that is over.
                return Poll::Pending;
            }
            if inner.mute && !reset {
                if let Some(at) = inner.reset {
                    inner.poll_at(at, cx);
                }
                return Poll::Pending;
            }
            if inner.read(now, buf) > 0 {
                if let Some(writer) = inner.writer.take() {
                    writer.wake();
                }
                return Poll::Ready(Ok(()));
            }
            if reset {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let next = inner.chunks.front().map(|chunk| chunk.at).or(inner.end);
            match next {
                Some(at) if at <= now => Poll::Ready(Ok(())),
                next => {
                    if let Some(at) = next.into_iter().chain(inner.reset).min() {
                        inner.poll_at(at, cx);
                    }
                    Poll::Pending
                }
            }
        })
    }

    /// Sends what fits; a full queue has the writer wait. `back` is the pipe that leads to the writer.
    fn poll_write(
        &self,
        back: &Self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if back.is_reset() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        back.look(|inner| inner.other_writer = Some(cx.waker().clone()));
        let quality = self.way.quality();
        let (room, far, ended) = self.look(|inner| {
            inner.writer = Some(cx.waker().clone());
            let room = (quality.queue as usize).saturating_sub(inner.queued);
            (room, inner.far, inner.end.is_some())
        });
        if ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(room).min(SEGMENT);
        if count == 0 && !bytes.is_empty() {
            return Poll::Pending;
        }
        let at = self.way.arrival(self.direction, count);
        if far == Far::Resets {
            let delay = Duration::from_millis(u64::from(quality.delay_ms));
            back.with(|inner| {
                inner.reset.get_or_insert(at + delay);
            });
            return Poll::Ready(Ok(count));
        }
        self.look(|inner| {
            inner.queued += count;
            inner.last = at;
            if far == Far::Takes {
                inner.chunks.push_back(Chunk {
                    at,
                    bytes: bytes[..count].to_vec(),
                    read: 0,
                });
                if let Some(reader) = inner.reader.take() {
                    reader.wake();
                }
            }
        });
        Poll::Ready(Ok(count))
    }
}

/// One end of a connection. Dropping it closes it.
pub(crate) struct End {
    wire: Arc<Wire>,
    side: Side,
}

impl End {
    pub(crate) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// The pipe to read from, and the one to write to.
    fn pipes(&self) -> (&Pipe, &Pipe) {
        match self.side {
            Side::Client => (&self.wire.down, &self.wire.up),
            Side::Server => (&self.wire.up, &self.wire.down),
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pipes().0.poll_read(cx, buf)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (read, write) = self.pipes();
        write.poll_write(read, cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipes().1.with(Inner::end);
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.side == Side::Client {
            self.wire.client_gone.store(true, Ordering::Relaxed);
        }
        let (read, write) = self.pipes();
        write.with(Inner::end);
        read.with(|inner| {
            inner.chunks.clear();
            inner.far = match inner.far {
                Far::Swallows => Far::Swallows,
                Far::Takes | Far::Resets => Far::Resets,
            };
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::{sleep, timeout};

    const SECOND: Duration = Duration::from_secs(1);

    /// 100 ms, 1 MB/s, a queue of 100 kB.
    fn way() -> Way {
        Way::new(Quality {
            delay_ms: 100,
            bandwidth: 1_000_000,
            queue: 100_000,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_take_their_time_and_wait_for_room() {
        let (mut client, mut server) = way().connect();
        let start = Instant::now();
        let sending = async { client.write_all(&[7; 300_000]).await };
        let mut read = vec![0; 300_000];
        let (sent, received) = tokio::join!(sending, server.read_exact(&mut read));
        assert!(sent.is_ok() && received.is_ok());
        assert_eq!(read, [7; 300_000]);
        // What fits the queue is under way for 200 ms, and leaves room when it has arrived.
        let took = start.elapsed().as_millis();
        assert!((400..700).contains(&took), "{took} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn what_silence_holds_back_arrives_after_it() {
        let way = way();
        let (mut client, mut server) = way.connect();
        way.silence(Direction::Up, Instant::now() + 10 * SECOND);
        client.write_all(b"late").await.unwrap();
        server.write_all(b"soon").await.unwrap();
        let mut word = [0; 4];
        timeout(SECOND, client.read_exact(&mut word))
            .await
            .unwrap()
            .unwrap();
        assert!(
            timeout(9 * SECOND, server.read_exact(&mut word))
                .await
                .is_err()
        );
        timeout(SECOND, server.read_exact(&mut word))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&word, b"late");
    }

    #[tokio::test(start_paused = true)]
    async fn the_client_learns_of_a_loss_as_it_is_told() {
        for told in [Loss::Reset, Loss::Ended, Loss::OnWrite, Loss::Never] {
            let (mut client, mut server) = way().connect();
            server.wire().lose(told);
            assert!(
                server.read_u8().await.is_err(),
                "{told:?}: the server knows"
            );
            let heard = timeout(SECOND, client.read(&mut [0; 1])).await;
            match told {
                Loss::Reset => assert!(matches!(heard, Ok(Err(_)))),
                Loss::Ended => assert!(matches!(heard, Ok(Ok(0)))),
                Loss::OnWrite | Loss::Never => assert!(heard.is_err()),
            }
            let knows = matches!(told, Loss::Reset | Loss::Ended);
            assert_eq!(client.wire().client_knows(), knows, "{told:?}");
            // Whoever is told of a reset cannot write.
            let _ = client.write_all(b"anybody?").await;
            sleep(SECOND).await;
            let heard = timeout(SECOND, client.read_u8()).await;
            assert_eq!(heard.is_err(), told == Loss::Never, "{told:?}");
        }
    }
}
