//! A channel as a byte stream, for protocols that want one. Dropping it leaves the channel in order.

use crate::engine::parting;
use bytes::{Buf, Bytes};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The stream.
///
/// russh has one of its own, which closes the channel when it is dropped; see [`parting`] for what
/// that costs.
pub(super) struct ChannelStream {
    /// Taken when it is dropped.
    halves: Option<(ChannelReadHalf, ChannelWriteHalf<Msg>)>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    unread: Bytes,
    ended: bool,
}

impl ChannelStream {
    pub(super) fn new(channel: Channel<Msg>) -> Self {
        let (reader, writer) = channel.split();
        Self {
            writer: Box::new(writer.make_writer()),
            halves: Some((reader, writer)),
            unread: Bytes::new(),
            ended: false,
        }
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

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}

impl Drop for ChannelStream {
    fn drop(&mut self) {
        if let Some((reader, writer)) = self.halves.take() {
            parting::leave_soon(reader, writer);
        }
    }
}
