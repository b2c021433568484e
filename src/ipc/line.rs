//! Lines of JSON over a stream, of a bounded length, wiped after use.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::{Zeroize, Zeroizing};

/// The longest request, in bytes.
pub(super) const REQUEST_LIMIT: usize = 64 * 1024;

/// The longest response, in bytes: the status of the largest configuration, with the longest words of
/// servers in it.
pub(crate) const RESPONSE_LIMIT: usize = 8 * 1024 * 1024;

/// Room for what is usual, in bytes.
const USUAL: usize = 64 * 1024;

/// Why there is no line to read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The stream failed, or ended in the middle of a line.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The line is longer than allowed.
    #[error("the line is too long")]
    TooLong,
    /// The line is not what is expected.
    #[error(transparent)]
    Garbled(#[from] serde_json::Error),
}

/// Reads lines.
pub(super) struct LineReader<R> {
    stream: R,
    limit: usize,
    /// What was received and not yet taken.
    received: Zeroizing<Vec<u8>>,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(super) fn new(stream: R, limit: usize) -> Self {
        Self {
            stream,
            limit,
            received: Zeroizing::new(Vec::with_capacity(limit.min(USUAL))),
        }
    }

    /// The next line's value; `None` when the stream ended before one began.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LineError> {
        let mut seen = 0;
        loop {
            let unseen = &self.received[seen..];
            if let Some(end) = unseen.iter().position(|byte| *byte == b'\n') {
                let end = seen + end;
                let value = serde_json::from_slice(&self.received[..end]);
                self.forget(end + 1);
                return Ok(Some(value?));
            }
            seen = self.received.len();
            if seen >= self.limit {
                return Err(LineError::TooLong);
            }
            self.make_room();
            let room = self.received.capacity().min(self.limit) - seen;
            let mut limited = (&mut self.stream).take(room as u64);
            match limited.read_buf(&mut *self.received).await? {
                0 if self.received.is_empty() => return Ok(None),
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                _ => {}
            }
        }
    }

    /// Completes when the other end hangs up, or says something that it should not.
    pub(super) async fn hung_up(&mut self) {
        let mut unwanted = [0];
        // An error is an end, too.
        let _ = self.stream.read(&mut unwanted).await;
    }

    /// Makes room for more. The old room is wiped: it may have held a secret.
    fn make_room(&mut self) {
        let room = self.received.capacity();
        if self.received.len() < room {
            return;
        }
        let room = (room * 2).min(self.limit);
        let mut wider = Zeroizing::new(Vec::with_capacity(room));
        wider.extend_from_slice(&self.received);
        self.received = wider;
    }

    fn forget(&mut self, taken: usize) {
        let rest = self.received.len() - taken;
        self.received.copy_within(taken.., 0);
        self.received[rest..].zeroize();
        self.received.truncate(rest);
    }
}

/// Writes one line, or none of it where it would be longer than `limit`.
pub(super) async fn write_line<W: AsyncWrite + Unpin>(
    stream: &mut W,
    value: &impl Serialize,
    limit: usize,
) -> Result<(), LineError> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value)?;
    // One more for the end of the line.
    let length = length.0 + 1;
    if length > limit {
        return Err(LineError::TooLong);
    }
    // Its room is allocated once: a buffer that grows leaves copies of a secret behind.
    let mut line = Zeroizing::new(Vec::with_capacity(length));
    serde_json::to_writer(&mut *line, value)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    Ok(stream.flush().await?)
}

/// Counts bytes, and keeps none.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_arrive_one_by_one_however_they_are_cut() {
        let (mut near, far) = tokio::io::duplex(3);
        let writer = tokio::spawn(async move {
            for value in ["one", "two", "three"] {
                write_line(&mut near, &value, REQUEST_LIMIT).await.unwrap();
            }
        });
        let mut lines = LineReader::new(far, REQUEST_LIMIT);
        for expected in ["one", "two", "three"] {
            assert_eq!(lines.next::<String>().await.unwrap().unwrap(), expected);
        }
        assert!(lines.next::<String>().await.unwrap().is_none());
        writer.await.unwrap();
    }

    #[tokio::test]
    async fn an_endless_line_is_refused_at_the_bound() {
        let mut lines = LineReader::new(tokio::io::repeat(b'x'), 100);
        let refused = lines.next::<String>().await.unwrap_err();
        assert!(matches!(refused, LineError::TooLong));
        assert_eq!(lines.received.capacity(), 100);
    }

    #[tokio::test]
    async fn a_long_line_is_read_whole() {
        let long = "x".repeat(3 * USUAL);
        let (mut near, far) = tokio::io::duplex(USUAL);
        let text = long.clone();
        let writer = tokio::spawn(async move {
            write_line(&mut near, &text, RESPONSE_LIMIT).await.unwrap();
        });
        let mut lines = LineReader::new(far, RESPONSE_LIMIT);
        assert_eq!(lines.next::<String>().await.unwrap().unwrap(), long);
        writer.await.unwrap();
    }

    #[tokio::test]
    async fn a_line_that_breaks_off_is_an_error() {
        let mut lines = LineReader::new(&b"\"half"[..], 100);
        let broken = lines.next::<String>().await.unwrap_err();
        assert!(matches!(broken, LineError::Io(_)));
    }

    #[tokio::test]
    async fn what_is_too_long_is_not_sent() {
        let mut sent = Vec::new();
        let long = "x".repeat(100);
        let refused = write_line(&mut sent, &long, 102).await.unwrap_err();
        assert!(matches!(refused, LineError::TooLong));
        assert!(sent.is_empty());
        write_line(&mut sent, &long, 103).await.unwrap();
        assert_eq!(sent.len(), 103);
    }

    #[tokio::test]
    async fn what_was_read_is_wiped() {
        let mut lines = LineReader::new(&b"\"secret\"\n"[..], 100);
        lines.next::<String>().await.unwrap();
        let room = lines.received.spare_capacity_mut();
        assert_eq!(room.len(), 100);
        lines.received.resize(100, 0);
        assert_eq!(&lines.received[..6], [0; 6]);
    }
}
