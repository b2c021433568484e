//! How our side leaves a channel.
//!
//! russh forgets a channel only when the server closes it first: one that we close stays in its
//! tables until the session ends, some kilobytes each. So we say that nothing more comes, which
//! makes most servers close, and close ourselves only when that has no effect.

use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::time::Duration;
use tokio::runtime::Handle;

/// How long the server may take to close a channel that is of no more use to us.
pub(super) const ABRUPT: Duration = Duration::from_secs(1);

/// A channel on its way to someone. If it never arrives, it is left.
pub(super) struct Parcel(Option<Channel<Msg>>);

impl Parcel {
    pub(super) fn new(channel: Channel<Msg>) -> Self {
        Self(Some(channel))
    }

    /// The channel, which is now the caller's. `None` after the first call.
    pub(super) fn open(&mut self) -> Option<Channel<Msg>> {
        self.0.take()
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Some(channel) = self.0.take() {
            let (reader, writer) = channel.split();
            leave_soon(reader, writer);
        }
    }
}

/// Leaves the channel in a task of its own, for those who cannot wait.
pub(super) fn leave_soon(reader: ChannelReadHalf, writer: ChannelWriteHalf<Msg>) {
    // Without a runtime there is no session either.
    if let Ok(runtime) = Handle::try_current() {
        drop(runtime.spawn(leave(reader, writer, ABRUPT)));
    }
}

/// Leaves the channel: the server has `patience` to close it, then we do. What still arrives is
/// thrown away.
pub(super) async fn leave(
    mut reader: ChannelReadHalf,
    writer: ChannelWriteHalf<Msg>,
    patience: Duration,
) {
    let closed = async { while !matches!(reader.wait().await, Some(ChannelMsg::Close) | None) {} };
    // Saying it twice is harmless, and one who leaves early does not know whether it was said. At the
    // same time the channel is emptied: the session's task may wait for that before it takes a word.
    let parting = async { tokio::join!(writer.eof(), closed) };
    if tokio::time::timeout(patience, parting).await.is_err() {
        drop(reader);
        let _ = writer.close().await;
    }
}
