//! The loopback of the simulated machine: the engine listens there, programs connect.
//!
//! It behaves as Linux does: a close with unread data is a reset, a reset throws away what was not read, and
//! what is written to somebody who has closed is answered with a reset.

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use passerelle::engine::network::{LocalConnection, LocalListener, LocalSocket};
use passerelle::model::{Fault, LocalBind};
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a socket holds in each direction.
const BUFFER: usize = 256 << 10;

/// The most that is read at once.
const READ: usize = 64 << 10;

/// The ports of the machine. Clones are the same ports.
#[derive(Clone, Default)]
pub(crate) struct Loopback(Arc<Mutex<Ports>>);

#[derive(Default)]
struct Ports {
    listening: BTreeMap<u16, Backlog>,
    last_program: u16,
}

#[derive(Default)]
struct Backlog {
    waiting: VecDeque<LocalConnection>,
    acceptor: Option<Waker>,
}

impl Loopback {
    pub(crate) fn listen(&self, local: LocalBind) -> Result<Box<dyn LocalListener>, Fault> {
        let port = local.port();
        let mut ports = self.ports();
        if ports.listening.contains_key(&port) {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            return Err(Fault::PortTaken {
                address,
                owner: None,
            });
        }
        ports.listening.insert(port, Backlog::default());
        let loopback = self.clone();
        Ok(Box::new(Listener { loopback, local }))
    }

    /// Connects a program to a port; `None`: refused.
    pub(crate) fn connect(&self, port: u16) -> Option<Program> {
        let mut ports = self.ports();
        ports.last_program = ports.last_program.wrapping_add(1);
        let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 20_000 + ports.last_program % 40_000));
        let backlog = ports.listening.get_mut(&port)?;
        let pair = Pair::default();
        backlog
            .waiting
            .push_back((Box::new(Socket(pair.clone())), from));
        if let Some(acceptor) = backlog.acceptor.take() {
            acceptor.wake();
        }
        Some(Program(pair))
    }

    fn ports(&self) -> MutexGuard<'_, Ports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Listener {
    loopback: Loopback,
    local: LocalBind,
}

impl LocalListener for Listener {
    fn local(&self) -> LocalBind {
        self.local
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<LocalConnection>> {
        let mut ports = self.loopback.ports();
        let Some(backlog) = ports.listening.get_mut(&self.local.port()) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match backlog.waiting.pop_front() {
            Some(connection) => Poll::Ready(Ok(connection)),
            None => {
                backlog.acceptor = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Outside of the lock: those in the backlog are reset.
        let gone = self.loopback.ports().listening.remove(&self.local.port());
        drop(gone);
    }
}

/// A connection between a program and the engine.
#[derive(Clone, Default)]
struct Pair(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// From the engine to the program.
    down: Half,
    /// From the program to the engine.
    up: Half,
    /// Who waits to hear of a reset.
    engine_reset: Option<Waker>,
    reset: bool,
    finished: bool,
}

#[derive(Default)]
struct Half {
    bytes: BytesMut,
    ended: bool,
    /// The end that reads has closed.
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Half {
    fn wake(&mut self) {
        for waker in [&mut self.reader, &mut self.writer] {
            if let Some(waker) = waker.take() {
                waker.wake();
            }
        }
    }
}

impl State {
    fn reset(&mut self) {
        self.reset = true;
        self.down.bytes.clear();
        self.up.bytes.clear();
        self.wake();
    }

    fn wake(&mut self) {
        self.down.wake();
        self.up.wake();
        if let Some(waker) = self.engine_reset.take() {
            waker.wake();
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.reset {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }

    fn half(&mut self, direction: Towards) -> &mut Half {
        match direction {
            Towards::Program => &mut self.down,
            Towards::Engine => &mut self.up,
        }
    }

    fn poll_read(
        &mut self,
        direction: Towards,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Bytes>> {
        self.check()?;
        let half = self.half(direction);
        if half.bytes.is_empty() && !half.ended {
            half.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = half.bytes.len().min(most);
        let read = half.bytes.split_to(count).freeze();
        if let Some(writer) = half.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(read))
    }

    fn poll_write(
        &mut self,
        direction: Towards,
        slices: &[IoSlice<'_>],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let half = self.half(direction);
        if half.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if half.closed {
            self.reset();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let mut written = 0;
        for slice in slices {
            let room = BUFFER.saturating_sub(half.bytes.len());
            let count = slice.len().min(room);
            half.bytes.extend_from_slice(&slice[..count]);
            written += count;
        }
        if written == 0 && slices.iter().any(|slice| !slice.is_empty()) {
            half.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(reader) = half.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(written))
    }

    fn end(&mut self, direction: Towards) {
        let half = self.half(direction);
        half.ended = true;
        half.wake();
    }

    /// The end that reads what comes in that direction closes its socket.
    fn close(&mut self, read: Towards, written: Towards) {
        if self.half(read).bytes.is_empty() {
            self.half(read).closed = true;
            self.end(written);
        } else {
            self.reset();
        }
    }
}

/// Where bytes go.
#[derive(Clone, Copy)]
enum Towards {
    Program,
    Engine,
}

impl Pair {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The engine's end.
struct Socket(Pair);

impl LocalSocket for Socket {
    fn poll_read(&self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        self.0.state().poll_read(Towards::Engine, READ, cx)
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.0.state().poll_write(Towards::Program, slices, cx)
    }

    fn reset(&self) -> BoxFuture<'_, io::Error> {
        poll_fn(|cx| {
            let mut state = self.0.state();
            if state.reset {
                return Poll::Ready(io::ErrorKind::ConnectionReset.into());
            }
            state.engine_reset = Some(cx.waker().clone());
            Poll::Pending
        })
        .boxed()
    }

    fn end(&self) -> io::Result<()> {
        let mut state = self.0.state();
        state.check()?;
        state.end(Towards::Program);
        Ok(())
    }

    fn finish(&self) {
        self.0.state().finished = true;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.finished {
            state.close(Towards::Engine, Towards::Program);
        } else {
            state.reset();
        }
    }
}

/// A program's end. Dropping it closes it.
pub(crate) struct Program(Pair);

impl Program {
    /// Throws the connection away: the engine sees a reset.
    pub(crate) fn abort(self) {
        self.0.state().reset();
    }
}

impl AsyncRead for Program {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.state();
        match state.poll_read(Towards::Program, buf.remaining(), cx)? {
            Poll::Ready(bytes) => {
                buf.put_slice(&bytes);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Program {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let slices = [IoSlice::new(bytes)];
        self.0.state().poll_write(Towards::Engine, &slices, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.state().end(Towards::Engine);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.state().close(Towards::Program, Towards::Engine);
    }
}
