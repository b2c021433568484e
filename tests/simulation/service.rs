//! What is behind the server: one service for each forward, all of the same kind.
//!
//! The first line of a connection says what is wanted: a stream of bytes, a check of what is sent, an echo, or
//! an HTTP answer that all is well.

use crate::pattern::Pattern;
use crate::script::Manners;
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::time::Duration;
use tokio::time::sleep;

/// Sent at once.
const PIECE: usize = 32 << 10;

/// A strict server knows a channel until the client has closed it too, and complains of what comes till
/// then. russh forgets it as soon as it is closed here, so that it is closed later.
const KNOWN: Duration = Duration::from_millis(300);

const WELL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/// The client has gone, or said what makes no sense here.
struct Gone;

/// Serves a connection to its end.
pub(crate) async fn serve(channel: Channel<Msg>, manners: Manners) {
    let (reader, writer) = channel.split();
    let mut service = Service {
        reader: Reader {
            channel: reader,
            unread: Vec::new(),
            ended: false,
        },
        writer,
    };
    if service.answer().await.is_err() {
        // As sshd does when its target has reset: no end of data, which would say that it was whole.
        let _ = service.writer.close().await;
        return;
    }
    if manners.close_alone {
        let _ = service.writer.close().await;
        return;
    }
    if service.writer.eof().await.is_ok() {
        service.reader.drain().await;
        if manners.strict {
            sleep(KNOWN).await;
        }
    }
    let _ = service.writer.close().await;
}

struct Service {
    reader: Reader,
    writer: ChannelWriteHalf<Msg>,
}

impl Service {
    async fn answer(&mut self) -> Result<(), Gone> {
        let line = match self.reader.line().await {
            Ok(line) => line,
            // Somebody who only looked whether it is there.
            Err(Gone) if self.reader.ended && self.reader.unread.is_empty() => return Ok(()),
            Err(Gone) => return Err(Gone),
        };
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["D", seed, bytes] => self.give(number(seed)?, number(bytes)?).await,
            ["U", seed, bytes] => self.take(number(seed)?, number(bytes)?).await,
            ["E"] => self.echo().await,
            ["GET", ..] => {
                while !self.reader.line().await?.trim().is_empty() {}
                self.send(WELL.to_vec()).await
            }
            _ => Err(Gone),
        }
    }

    async fn give(&mut self, seed: u64, bytes: u64) -> Result<(), Gone> {
        let mut pattern = Pattern::new(seed);
        let mut left = usize::try_from(bytes).map_err(|_| Gone)?;
        while left > 0 {
            let piece = pattern.take(left.min(PIECE));
            left -= piece.len();
            self.send(piece).await?;
        }
        Ok(())
    }

    async fn take(&mut self, seed: u64, bytes: u64) -> Result<(), Gone> {
        let mut pattern = Pattern::new(seed);
        let mut came = 0;
        while let Some(piece) = self.reader.next().await {
            came += piece.len() as u64;
            if !pattern.goes_on_with(&piece) {
                return self
                    .send(format!("wrong within byte {came}").into_bytes())
                    .await;
            }
        }
        if !self.reader.ended {
            return Err(Gone);
        }
        let word = if came == bytes {
            "ok".to_owned()
        } else {
            format!("an orderly end after {came} of {bytes} bytes")
        };
        self.send(word.into_bytes()).await
    }

    async fn echo(&mut self) -> Result<(), Gone> {
        while let Some(piece) = self.reader.next().await {
            self.send(piece).await?;
        }
        if self.reader.ended { Ok(()) } else { Err(Gone) }
    }

    async fn send(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        self.writer.data_bytes(bytes).await.map_err(|_| Gone)
    }
}

fn number(word: &str) -> Result<u64, Gone> {
    word.parse().map_err(|_| Gone)
}

struct Reader {
    channel: ChannelReadHalf,
    unread: Vec<u8>,
    /// The client has said that nothing more comes.
    ended: bool,
}

impl Reader {
    /// The next bytes; `None` at their end, be it the client's word or the channel's.
    async fn next(&mut self) -> Option<Vec<u8>> {
        if !self.unread.is_empty() {
            return Some(std::mem::take(&mut self.unread));
        }
        while !self.ended {
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => return Some(data.to_vec()),
                Some(ChannelMsg::Eof) => self.ended = true,
                Some(ChannelMsg::Close) | None => return None,
                Some(_) => {}
            }
        }
        None
    }

    async fn line(&mut self) -> Result<String, Gone> {
        let mut held = Vec::new();
        loop {
            match self.next().await {
                Some(piece) => held.extend_from_slice(&piece),
                None => {
                    self.unread = held;
                    return Err(Gone);
                }
            }
            if let Some(at) = held.iter().position(|byte| *byte == b'\n') {
                self.unread = held.split_off(at + 1);
                held.truncate(at);
                return String::from_utf8(held).map_err(|_| Gone);
            }
        }
    }

    async fn drain(&mut self) {
        while self.next().await.is_some() {}
    }
}
