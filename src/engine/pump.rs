//! Carries one connection: a local program on one side, a channel on the other.
//!
//! Whatever arrives on the channel is taken at once and queued for the program, because a channel
//! that is not emptied stops its whole session. Either direction ends on its own: end of data
//! (RFC 4254 section 5.3) here is a TCP half-close there. The program gets every byte and then an
//! orderly end, or a reset; never an orderly end after half of the bytes.
//!
//! Resets of a service do not all reach us: OpenSSH's sshd tells one as an end of data, unless it
//! has something to deliver.

use super::channel::{self, OpenChannel, Outgoing, SessionEnded};
use super::congestion::Stall;
use super::network::{LocalSocket, read};
use super::spool::{Backlog, SpoolError};
use crate::model::TrafficCounters;
use bytes::Bytes;
use futures_util::FutureExt;
use russh::{ChannelMsg, ChannelReadHalf};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Messages taken from a channel, and slices written to a program, at once.
const BATCH: usize = 16;

/// How long the server may take to close a channel on which both sides have ended: it first brings
/// the last bytes to their target.
const ORDERLY: Duration = Duration::from_secs(60);

/// How long a program may take to close its side after the server has closed the channel.
const LINGER: Duration = Duration::from_secs(30);

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
    local: Box<dyn LocalSocket>,
    channel: OpenChannel,
    backlog: Backlog,
    counters: &TrafficCounters,
    cancel: &CancellationToken,
) -> Ending {
    let Some((incoming, outgoing)) = channel.split() else {
        return Ending::SessionLost;
    };
    let stall = outgoing.stall();
    let mut download = Download {
        local: &*local,
        incoming,
        outgoing: &outgoing,
        backlog,
        counters,
        server: Server::Sending,
        stall,
    };
    let outcome = tokio::select! {
        outcome = copy(&*local, &mut download, &outgoing) => outcome,
        () = cancel.cancelled() => Err(Ending::Cancelled),
    };
    let Download {
        incoming,
        server,
        backlog,
        stall,
        ..
    } = download;
    // What waited here gives its place to others now, not when the server has closed the channel.
    drop((backlog, stall));
    let (ending, patience) = match outcome {
        Ok(()) => {
            local.finish();
            (Ending::Finished, ORDERLY)
        }
        Err(ending) => (ending, channel::ABRUPT),
    };
    drop(local);
    if server != Server::Closed {
        channel::leave(incoming, outgoing, patience).await;
    }
    ending
}

async fn copy(
    local: &dyn LocalSocket,
    download: &mut Download<'_>,
    outgoing: &Outgoing,
) -> Result<(), Ending> {
    let in_hand = AtomicBool::new(false);
    let mut upload = pin!(upload(local, outgoing, download.counters, &in_hand));
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
        // Both at each turn: neither direction waits for the other one to be idle.
        poll_fn(|cx| {
            let down = download.poll_progress(cx);
            let mut up = Poll::Pending;
            if uploading && download.server != Server::Closed {
                up = upload.as_mut().poll(cx);
                uploading = up.is_pending();
            }
            match (down, up) {
                (Poll::Pending, Poll::Pending) => Poll::Pending,
                (down, Poll::Ready(end)) => Poll::Ready(match down {
                    Poll::Ready(progress) => progress.and(end),
                    Poll::Pending => end,
                }),
                (Poll::Ready(progress), Poll::Pending) => Poll::Ready(progress),
            }
        })
        .await?;
    }
    // The server has closed, and the program has not ended.
    if in_hand.load(Ordering::Relaxed) {
        return Err(Ending::ServerClosed);
    }
    match tokio::time::timeout(LINGER, nothing_more(local)).await {
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
    local: &'a dyn LocalSocket,
    incoming: ChannelReadHalf,
    outgoing: &'a Outgoing,
    backlog: Backlog,
    counters: &'a TrafficCounters,
    server: Server,
    stall: Stall,
}

impl Download<'_> {
    fn is_complete(&self) -> bool {
        self.server != Server::Sending && self.backlog.is_empty()
    }

    /// Moves on whatever can be moved now. Ready when something was.
    fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        let mut moved = false;
        self.backlog.settle()?;
        for _ in 0..BATCH {
            if self.server == Server::Closed || !self.backlog.has_room() {
                break;
            }
            let Poll::Ready(message) = pin!(self.incoming.wait()).poll(cx) else {
                break;
            };
            self.take(message)?;
            moved = true;
        }
        if self.backlog.is_readable()
            && let Poll::Ready(written) = self.poll_write(cx)
        {
            written?;
            moved = true;
        }
        self.backlog.settle()?;
        if let Poll::Ready(worked) = self.backlog.poll_work(cx) {
            worked?;
            self.stall.set(self.backlog.is_stalled());
            moved = true;
        }
        if moved {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn take(&mut self, message: Option<ChannelMsg>) -> Result<(), Ending> {
        match message {
            Some(ChannelMsg::Data { data }) => {
                self.counters.received(data.len());
                self.backlog.push(data);
            }
            Some(ChannelMsg::Eof) => self.server = Server::Ended,
            None if self.server == Server::Sending => return Err(Ending::SessionLost),
            // CLOSE without EOF is an orderly end too: RFC 4254 section 5.3 allows it, and servers
            // made with Go's x/crypto end a channel so.
            Some(ChannelMsg::Close) | None => self.server = Server::Closed,
            Some(ChannelMsg::WindowAdjusted { new_size }) => self.outgoing.window_is(new_size),
            // What has no meaning here.
            Some(_) => {}
        }
        Ok(())
    }

    /// Writes as much as the program takes now; the rest waits.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        while self.backlog.is_readable() {
            let mut slices = [IoSlice::new(&[]); BATCH];
            let shown = self.backlog.peek(&mut slices);
            let count = ready!(self.local.poll_write(cx, &slices[..shown]));
            self.backlog.advance(count.map_err(Ending::LocalGone)?);
        }
        Poll::Ready(Ok(()))
    }
}

/// From the program to the channel, until the program's end of data. While bytes are taken from the
/// program and not yet given to the session, `in_hand` is set.
async fn upload(
    local: &dyn LocalSocket,
    outgoing: &Outgoing,
    counters: &TrafficCounters,
    in_hand: &AtomicBool,
) -> Result<(), Ending> {
    loop {
        let data = read(local).await.map_err(Ending::LocalGone)?;
        if data.is_empty() {
            return Ok(outgoing.end().await?);
        }
        in_hand.store(true, Ordering::Relaxed);
        let count = data.len();
        send(local, outgoing, data).await?;
        in_hand.store(false, Ordering::Relaxed);
        counters.sent(count);
    }
}

/// Gives the bytes to the session. A server that takes nothing must not hide that there is nobody left
/// to send.
async fn send(local: &dyn LocalSocket, outgoing: &Outgoing, data: Bytes) -> Result<(), Ending> {
    let mut sending = pin!(outgoing.send(data));
    // The watch for a reset costs timers, and is for those who have to wait.
    if let Some(sent) = sending.as_mut().now_or_never() {
        return Ok(sent?);
    }
    tokio::select! {
        sent = sending => Ok(sent?),
        error = local.reset() => Err(Ending::LocalGone(error)),
    }
}

/// Waits for the program's end of data, before which nothing may come that would be lost.
async fn nothing_more(local: &dyn LocalSocket) -> Result<(), Ending> {
    let data = read(local).await.map_err(Ending::LocalGone)?;
    if data.is_empty() {
        Ok(())
    } else {
        Err(Ending::ServerClosed)
    }
}

impl From<SessionEnded> for Ending {
    fn from(_: SessionEnded) -> Self {
        Self::SessionLost
    }
}
