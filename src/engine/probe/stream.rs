//! A channel as a byte stream, for protocols that want one. Dropping it leaves the channel in order.

use crate::engine::channel::{self, OpenChannel, Outgoing};
use bytes::{Buf, Bytes};
use russh::{ChannelMsg, ChannelReadHalf};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The stream.
///
/// russh has one of its own, which closes the channel when it is dropped; see [`channel`] for what
/// that costs.
pub(super) struct ChannelStream {
    /// Taken when it is dropped.
    halves: Option<(ChannelReadHalf, Outgoing)>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    unread: Bytes,
    ended: bool,
}

impl ChannelStream {
    /// `None` for a channel that was taken apart before.
    pub(super) fn new(channel: OpenChannel) -> Option<Self> {
        let (incoming, outgoing) = channel.split()?;
        Some(Self {
            writer: outgoing.writer(),
            halves: Some((incoming, outgoing)),
            unread: Bytes::new(),
            ended: false,
        })
    }
}

impl AsyncRead for ChannelStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = &mut *self;
        while stream.unread.is_empty() && !stream.ended {
            let Some((reader, _)) = &mut stream.halves else {
                break;
            };
            match ready!(pin!(reader.wait()).poll(cx)) {
                Some(ChannelMsg::Data { data }) => stream.unread = data,
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => stream.ended = true,
                Some(_) => {}
            }
        }
        let count = stream.unread.len().min(buf.remaining());
        buf.put_slice(&stream.unread[..count]);
        stream.unread.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ChannelStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    /// The one EOF is sent when the channel is left.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for ChannelStream {
    fn drop(&mut self) {
        if let Some((reader, writer)) = self.halves.take() {
            channel::leave_soon(reader, writer);
        }
    }
}
