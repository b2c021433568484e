//! One channel of a session, and how our side leaves it.
//!
//! russh forgets a channel only when the server closes it first: of one that we close, a part stays in its
//! tables until the session ends. So we say that nothing more comes, which makes most
//! servers close, and close ourselves only when that has no effect. What stays is counted as
//! [`Wear`].
//!
//! EOF and CLOSE are sent once each at most, in this order: RFC 4254 section 5.3. A server may take a
//! second EOF for an error of the whole session, and AsyncSSH does.

use super::congestion::{Congestion, Place, Stall};
use super::flight::Flight;
use super::transport::ConnectionControl;
use super::turns::{Sender, Turns};
use super::wear::Wear;
use bytes::Bytes;
use futures_util::FutureExt;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;
use tokio::task::yield_now;

/// How long the server may take to close a channel that is of no more use to us.
pub(super) const ABRUPT: Duration = Duration::from_secs(1);

/// A channel that is open. Dropped, it is left: it never stays behind without an owner.
pub struct OpenChannel(Option<(ChannelReadHalf, Outgoing)>);

impl OpenChannel {
    pub(super) fn new(channel: Channel<Msg>, control: &ConnectionControl) -> Self {
        let (incoming, half) = channel.split();
        let outgoing = Outgoing {
            half,
            ended: AtomicBool::new(false),
            flight: Flight::new(control.turns.window(), control.turns.round_trip()),
            wear: Arc::clone(&control.wear),
            turns: Arc::clone(&control.turns),
            sender: control.turns.sender(),
            congestion: Arc::clone(&control.congestion),
            _place: control.congestion.place(),
        };
        Self(Some((incoming, outgoing)))
    }

    /// Its two directions. Whoever takes them leaves the channel, by [`leave`].
    pub(super) fn split(mut self) -> Option<(ChannelReadHalf, Outgoing)> {
        self.0.take()
    }
}

impl Drop for OpenChannel {
    fn drop(&mut self) {
        if let Some((incoming, outgoing)) = self.0.take() {
            leave_soon(incoming, outgoing);
        }
    }
}

/// Our direction of a channel.
pub(super) struct Outgoing {
    half: ChannelWriteHalf<Msg>,
    /// EOF was sent.
    ended: AtomicBool,
    flight: Flight,
    wear: Arc<Wear>,
    turns: Arc<Turns>,
    sender: Sender,
    congestion: Arc<Congestion>,
    _place: Place,
}

/// The session has ended.
#[derive(Debug, thiserror::Error)]
#[error("the session has ended")]
pub(super) struct SessionEnded;

impl Outgoing {
    /// Sends the bytes. Waits for its turn if they are many, and for the server if much is under way to it.
    pub(super) async fn send(&self, data: Bytes) -> Result<(), SessionEnded> {
        self.flight.room(&self.turns, self.sender).await;
        self.flight.sent(data.len());
        let turn = self.turns.turn(self.sender, data.len()).await;
        let mut sending = pin!(self.half.data_bytes(data));
        if let Some(sent) = sending.as_mut().now_or_never() {
            if turn.is_some() {
                // The session takes it before there is more.
                yield_now().await;
            }
            return sent.map_err(|_| SessionEnded);
        }
        // It waits for its own window, or for room in the queue: meanwhile others have their turns.
        drop(turn);
        sending.await.map_err(|_| SessionEnded)
    }

    /// Whether the program that the channel is for is stalled: it is not yet.
    pub(super) fn stall(&self) -> Stall {
        self.congestion.stall()
    }

    /// The server has confirmed what was sent: there is that much of its window now.
    pub(super) fn window_is(&self, window: u32) {
        self.flight.window_is(window);
    }

    /// Says that nothing more comes, unless that was said.
    pub(super) async fn end(&self) -> Result<(), SessionEnded> {
        if self.ended.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.half.eof().await.map_err(|_| SessionEnded)?;
        self.ended.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// A writer of the same direction, for protocols that want one. It is not to be shut down: that
    /// would send an EOF of its own.
    pub(super) fn writer(&self) -> Box<dyn AsyncWrite + Send + Unpin> {
        Box::new(self.half.make_writer())
    }
}

/// Leaves the channel in a task of its own, for those who cannot wait.
pub(super) fn leave_soon(incoming: ChannelReadHalf, outgoing: Outgoing) {
    // Without a runtime there is no session either.
    if let Ok(runtime) = Handle::try_current() {
        drop(runtime.spawn(leave(incoming, outgoing, ABRUPT)));
    }
}

/// Leaves the channel: the server has `patience` to close it, then we do. What still arrives is
/// thrown away.
pub(super) async fn leave(mut incoming: ChannelReadHalf, outgoing: Outgoing, patience: Duration) {
    let closed =
        async { while !matches!(incoming.wait().await, Some(ChannelMsg::Close) | None) {} };
    // At the same time the channel is emptied: the session's task may wait for that before it takes a
    // word.
    let parting = async { tokio::join!(outgoing.end(), closed) };
    if tokio::time::timeout(patience, parting).await.is_err() {
        drop(incoming);
        outgoing.wear.channel_closed_first();
        // Where the session took no word in that time, EOF has not gone out either, and is to be the first.
        let _ = outgoing.end().await;
        let _ = outgoing.half.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::test_server::{self, Server, Told};
    use crate::model::RemoteTarget;
    use russh::server;
    use tokio::time::timeout;

    const BOUND: Duration = Duration::from_secs(20);

    /// What takes as long is not going on.
    const STUCK: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn eof_comes_first_also_where_the_session_takes_no_word_for_a_while() {
        let (control, server) = (ConnectionControl::default(), Server::new());
        let serving = server.clone();
        let (link, _served) = test_server::link(&control, |socket, config| async move {
            server::run_stream(config, socket, serving).await?.await
        })
        .await;
        let target = RemoteTarget {
            host: "localhost".to_owned(),
            port: 1,
        };
        let from = ([127, 0, 0, 1], 1).into();
        let open = async || link.open(&target, from).await.unwrap().split().unwrap();
        let (_unread, uploading) = open().await;
        let (incoming, outgoing) = open().await;
        let left = outgoing.half.id();

        // The socket takes nothing more, then the session's queue.
        server.set_reads(false);
        let flood = async {
            loop {
                let sending = uploading.half.data_bytes(vec![0; 1 << 15]);
                if timeout(STUCK, sending).await.is_err() {
                    break;
                }
            }
        };
        timeout(BOUND, flood).await.unwrap();
        let going = tokio::spawn(leave(incoming, outgoing, Duration::from_millis(100)));
        until(|| control.wear.memory() > 0).await;
        server.set_reads(true);
        timeout(BOUND, going).await.unwrap().unwrap();
        until(|| server.told().len() > 1).await;
        assert_eq!(server.told(), [Told::Eof(left), Told::Close(left)]);
    }

    async fn until(condition: impl Fn() -> bool) {
        let met = async {
            while !condition() {
                yield_now().await;
            }
        };
        timeout(BOUND, met).await.unwrap();
    }
}
