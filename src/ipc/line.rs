//! Lines of JSON over a stream, of a bounded length, wiped after use.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::{Zeroize, Zeroizing};

/// The longest request, in bytes.
pub(super) const REQUEST_LIMIT: usize = 64 * 1024;

/// The longest response, in bytes: a status grows with the number of forwards.
pub(super) const RESPONSE_LIMIT: usize = 256 * 1024;

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
    /// What was received and not yet taken. Its room is allocated once, so that growing leaves no
    /// copy of a secret behind.
    received: Zeroizing<Vec<u8>>,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(super) fn new(stream: R, limit: usize) -> Self {
        Self {
            stream,
            limit,
            received: Zeroizing::new(Vec::with_capacity(limit)),
        }
    }

    /// The next line's value; `None` when the stream ended before one began.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LineError> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let value = serde_json::from_slice(&self.received[..end]);
                self.forget(end + 1);
                return Ok(Some(value?));
            }
            let room = self.limit - self.received.len();
            if room == 0 {
                return Err(LineError::TooLong);
            }
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

    fn forget(&mut self, taken: usize) {
        let rest = self.received.len() - taken;
        self.received.copy_within(taken.., 0);
        self.received[rest..].zeroize();
        self.received.truncate(rest);
    }
}

/// Writes one line.
pub(super) async fn write_line<W: AsyncWrite + Unpin>(
    stream: &mut W,
    value: &impl Serialize,
    limit: usize,
) -> Result<(), LineError> {
    let mut line = Zeroizing::new(Vec::with_capacity(limit));
    serde_json::to_writer(Bounded(&mut line), value)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    Ok(stream.flush().await?)
}

/// Never lets the buffer grow: that would move it, and leave what it held behind.
struct Bounded<'a>(&'a mut Vec<u8>);

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // One byte stays for the end of the line.
        if self.0.len() + bytes.len() >= self.0.capacity() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
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
    async fn a_line_that_breaks_off_is_an_error() {
        let mut lines = LineReader::new(&b"\"half"[..], 100);
        let broken = lines.next::<String>().await.unwrap_err();
        assert!(matches!(broken, LineError::Io(_)));
    }

    #[tokio::test]
    async fn what_is_too_long_is_not_sent() {
        let mut sent = Vec::new();
        let long = "x".repeat(100);
        assert!(write_line(&mut sent, &long, 100).await.is_err());
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
