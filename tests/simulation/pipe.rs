//! One direction of a connection: what is under way in it, and what its ends are told.

use crate::way::{Direction, Way};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep, sleep_until};

/// The most that is written at once: what a large TCP segment offload has.
const SEGMENT: usize = 64 << 10;

/// What becomes of what is sent into a pipe.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Far {
    /// The other end takes it.
    Takes,
    /// There is nobody: the machine there answers with a reset.
    Resets,
    /// Nothing comes back.
    Swallows,
}

/// One direction of a connection.
pub(crate) struct Pipe {
    pub(crate) way: Way,
    pub(crate) direction: Direction,
    inner: Mutex<Inner>,
}

pub(crate) struct Inner {
    pub(crate) chunks: VecDeque<Chunk>,
    queued: usize,
    last: Instant,
    pub(crate) end: Option<Instant>,
    pub(crate) reset: Option<Instant>,
    /// Nothing arrives any more, but for a reset.
    pub(crate) mute: bool,
    pub(crate) told_locally: bool,
    pub(crate) far: Far,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Who reads here and waits to write into the other pipe: a reset comes by this one.
    other_writer: Option<Waker>,
    timer: Option<Pin<Box<Sleep>>>,
}

pub(crate) struct Chunk {
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

    /// Nobody reads here any more: what is under way makes room.
    pub(crate) fn discard(&mut self) {
        self.chunks.clear();
        self.queued = 0;
    }

    /// Nothing comes after what was sent.
    pub(crate) fn end(&mut self) {
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
    pub(crate) fn new(way: Way, direction: Direction) -> Self {
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

    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        self.look(|inner| {
            let changed = change(inner);
            inner.wake();
            changed
        })
    }

    pub(crate) fn wake(&self) {
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

    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
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
    pub(crate) fn poll_write(
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
