//! Carries one connection: a local program on one side, a channel on the other.
//!
//! Whatever arrives on the channel is taken at once and queued for the program, because a channel
//! that is not emptied stops its whole session. Either direction ends on its own: end of data
//! (RFC 4254 section 5.3) here is a TCP half-close there. The program gets every byte and then an
//! orderly end, or a reset; never an orderly end after half of the bytes.
//!
//! Resets of a service do not all reach us: OpenSSH's sshd tells one as an end of data, unless it
//! has something to deliver.

use super::local::LocalEnd;
use super::parting;
use super::spool::{Backlog, SpoolError};
use crate::model::TrafficCounters;
use crate::platform;
use bytes::BytesMut;
use futures_util::FutureExt;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use socket2::SockRef;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Read from a local program at once.
const READ: usize = 64 << 10;

/// A read buffer with less room than this is replaced.
const READ_LEAST: usize = 16 << 10;

/// Messages taken from a channel, and slices written to a program, at once.
const BATCH: usize = 16;

/// How long the server may take to close a channel on which both sides have ended: it first brings
/// the last bytes to their target.
const ORDERLY: Duration = Duration::from_secs(60);

/// How long a program may take to close its side after the server has closed the channel.
const LINGER: Duration = Duration::from_secs(30);

/// How often to ask whether a program is still there that nothing is read from or written to.
const ASK_FOR_RESET: Duration = Duration::from_secs(1);

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Ending {
    /// In order, in both directions.
    #[error("finished")]
    Finished,
    /// The local program reset it.
    #[error("the local program is gone: {0}")]
    LocalGone(io::Error),
    /// The server closed the channel before everything was said.
    #[error("the server closed the channel")]
    ServerClosed,
    /// The session ended.
    #[error("the session has ended")]
    SessionLost,
    /// The local program reads too slowly for what may wait for it.
    #[error("{0}")]
    Overrun(#[from] SpoolError),
    /// Nobody wants it any more.
    #[error("the forward is being closed")]
    Cancelled,
}

/// Carries the connection until it ends, or until `cancel`. All but [`Ending::Finished`] reset it.
pub async fn carry(
    local: LocalEnd,
    channel: Channel<Msg>,
    backlog: Backlog,
    counters: &TrafficCounters,
    cancel: &CancellationToken,
) -> Ending {
    let (reader, writer) = channel.split();
    let mut download = Download {
        local: local.stream(),
        reader,
        backlog,
        counters,
        server: Server::Sending,
    };
    let outcome = tokio::select! {
        outcome = copy(&local, &mut download, &writer) => outcome,
        () = cancel.cancelled() => Err(Ending::Cancelled),
    };
    let Download { reader, server, .. } = download;
    let (ending, patience) = match outcome {
        Ok(()) => {
            local.finish();
            (Ending::Finished, ORDERLY)
        }
        Err(ending) => {
            drop(local);
            (ending, parting::ABRUPT)
        }
    };
    if server != Server::Closed {
        parting::leave(reader, writer, patience).await;
    }
    ending
}

async fn copy(
    local: &LocalEnd,
    download: &mut Download<'_>,
    writer: &ChannelWriteHalf<Msg>,
) -> Result<(), Ending> {
    let in_hand = AtomicBool::new(false);
    let upload = upload(local.stream(), writer, download.counters, &in_hand);
    tokio::pin!(upload);
    let mut uploading = true;
    let mut delivered = false;
    loop {
        if !delivered && download.is_complete() {
            local.end().map_err(Ending::LocalGone)?;
            delivered = true;
        }
        if delivered && !uploading {
            return Ok(());
        }
        if delivered && download.server == Server::Closed {
            break;
        }
        tokio::select! {
            progress = download.progress() => progress?,
            end = &mut upload, if uploading && download.server != Server::Closed => {
                end?;
                uploading = false;
            }
        }
    }
    // The server has closed, and the program has not ended.
    if in_hand.load(Ordering::Relaxed) {
        return Err(Ending::ServerClosed);
    }
    match tokio::time::timeout(LINGER, nothing_more(local.stream())).await {
        Ok(end) => end,
        Err(_) => Ok(()),
    }
}

/// What the server has said about its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Sending,
    /// It has no more data.
    Ended,
    /// It has no more data, and takes none; or the session is over.
    Closed,
}

/// From the channel to the program.
struct Download<'a> {
    local: &'a TcpStream,
    reader: ChannelReadHalf,
    backlog: Backlog,
    counters: &'a TrafficCounters,
    server: Server,
}

impl Download<'_> {
    fn is_complete(&self) -> bool {
        self.server != Server::Sending && self.backlog.is_empty()
    }

    /// Waits for one thing to happen, and deals with it. Cancel safe.
    async fn progress(&mut self) -> Result<(), Ending> {
        self.backlog.settle()?;
        tokio::select! {
            message = self.reader.wait(), if self.server != Server::Closed && self.backlog.has_room() => {
                self.take(message)?;
                for _ in 1..BATCH {
                    if self.server == Server::Closed || !self.backlog.has_room() {
                        break;
                    }
                    match self.reader.wait().now_or_never() {
                        Some(message) => self.take(message)?,
                        None => break,
                    }
                }
                self.write()
            }
            ready = self.local.writable(), if self.backlog.is_readable() => {
                ready.map_err(Ending::LocalGone)?;
                self.write()
            }
            worked = self.backlog.work(), if self.backlog.is_working() => {
                worked?;
                self.write()
            }
            else => std::future::pending().await,
        }
    }

    fn take(&mut self, message: Option<ChannelMsg>) -> Result<(), Ending> {
        match message {
            Some(ChannelMsg::Data { data }) => {
                self.counters.received(data.len());
                self.backlog.push(data);
            }
            Some(ChannelMsg::Eof) => self.server = Server::Ended,
            Some(ChannelMsg::Close) if self.server == Server::Sending => {
                self.server = Server::Closed;
                return Err(Ending::ServerClosed);
            }
            None if self.server == Server::Sending => return Err(Ending::SessionLost),
            Some(ChannelMsg::Close) | None => self.server = Server::Closed,
            // Window adjustments, which russh has dealt with, and what has no meaning here.
            Some(_) => {}
        }
        Ok(())
    }

    /// Writes as much as the program takes now; the rest waits.
    fn write(&mut self) -> Result<(), Ending> {
        while self.backlog.is_readable() {
            let mut slices = [IoSlice::new(&[]); BATCH];
            let shown = self.backlog.peek(&mut slices);
            match self.local.try_write_vectored(&slices[..shown]) {
                Ok(count) => self.backlog.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(Ending::LocalGone(error)),
            }
        }
        Ok(())
    }
}

/// From the program to the channel, until the program's end of data. While bytes are taken from the
/// program and not yet given to the session, `in_hand` is set.
async fn upload(
    local: &TcpStream,
    channel: &ChannelWriteHalf<Msg>,
    counters: &TrafficCounters,
    in_hand: &AtomicBool,
) -> Result<(), Ending> {
    let mut buffer = BytesMut::new();
    loop {
        local.readable().await.map_err(Ending::LocalGone)?;
        if buffer.capacity() < READ_LEAST {
            buffer.reserve(READ);
        }
        match local.try_read_buf(&mut buffer) {
            Ok(0) => {
                return channel.eof().await.map_err(|_| Ending::SessionLost);
            }
            Ok(count) => {
                platform::quick_ack(local);
                in_hand.store(true, Ordering::Relaxed);
                let data = buffer.split().freeze();
                tokio::select! {
                    sent = channel.data_bytes(data) => sent.map_err(|_| Ending::SessionLost)?,
                    // A server that takes nothing must not hide that there is nobody left to send.
                    error = aborted(local) => return Err(Ending::LocalGone(error)),
                }
                in_hand.store(false, Ordering::Relaxed);
                counters.sent(count);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(Ending::LocalGone(error)),
        }
    }
}

/// Resolves when the program has reset the connection. An end of data is none.
async fn aborted(local: &TcpStream) -> io::Error {
    tokio::select! {
        error = told_of_reset(local) => error,
        error = ask_for_reset(local) => error,
    }
}

async fn told_of_reset(local: &TcpStream) -> io::Error {
    loop {
        match local.ready(Interest::ERROR).await {
            Ok(_) => {}
            Err(error) => return error,
        }
        match local.take_error() {
            Ok(Some(error)) | Err(error) => return error,
            Ok(None) => std::future::pending().await,
        }
    }
}

/// Windows tells of a reset only to whoever reads or writes.
async fn ask_for_reset(local: &TcpStream) -> io::Error {
    loop {
        tokio::time::sleep(ASK_FOR_RESET).await;
        match SockRef::from(local).peek(&mut [MaybeUninit::uninit()]) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return error,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Waits for the program's end of data, before which nothing may come that would be lost.
async fn nothing_more(local: &TcpStream) -> Result<(), Ending> {
    loop {
        local.readable().await.map_err(Ending::LocalGone)?;
        match local.try_read(&mut [0; 1]) {
            Ok(0) => return Ok(()),
            Ok(_) => return Err(Ending::ServerClosed),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(Ending::LocalGone(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    /// What asking finds after the program has done this.
    async fn found(deed: impl FnOnce(LocalEnd) -> Option<LocalEnd>) -> Option<io::ErrorKind> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let program = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, program) = tokio::join!(listener.accept(), program);
        let _program = deed(LocalEnd::new(program.unwrap()).unwrap());
        let local = accepted.unwrap().0;
        let asking = timeout(ASK_FOR_RESET * 10, ask_for_reset(&local));
        asking.await.ok().map(|error| error.kind())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reset_is_found_by_asking_and_an_end_of_data_is_none() {
        assert_eq!(found(Some).await, None);
        let ended = |program: LocalEnd| program.end().map(|()| program).ok();
        assert_eq!(found(ended).await, None);
        let reset = Some(io::ErrorKind::ConnectionReset);
        assert_eq!(found(|_| None).await, reset);
    }
}
