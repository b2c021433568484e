//! How our side leaves a channel.
//!
//! russh forgets a channel only when the server closes it first: one that we close stays in its
//! tables until the session ends, some kilobytes each. So we say that nothing more comes, which
//! makes most servers close, and close ourselves only when that has no effect.

use russh::ChannelMsg;
use russh::client::Msg;
use russh::{ChannelReadHalf, ChannelWriteHalf};
use std::time::Duration;

/// Leaves the channel: the server has `patience` to close it, then we do. What still arrives is
/// thrown away.
pub(super) async fn leave(
    mut reader: ChannelReadHalf,
    writer: ChannelWriteHalf<Msg>,
    patience: Duration,
) {
    // Saying it twice is harmless, and one who leaves early does not know whether it was said.
    if writer.eof().await.is_err() {
        return;
    }
    let closed = async { while !matches!(reader.wait().await, Some(ChannelMsg::Close) | None) {} };
    if tokio::time::timeout(patience, closed).await.is_err() {
        let _ = writer.close().await;
    }
}
