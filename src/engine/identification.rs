//! The exchange of identification strings, RFC 4253 section 4.2, made before russh takes the socket over.
//!
//! From our identification to the server's first packet (its KEXINIT) is one round trip of SSH. TCP's own
//! says little: a VPN gateway, a jump host or a proxy answers it next door. russh wants the window with
//! its configuration, before it sends anything, so the exchange is ours: russh reads again
//! what was read here, and its own identification, the same, is not sent twice.

use super::network::{ServerSocket, now};
use super::transport::Opening;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Our identification, without version or library, as russh sends it.
pub(super) const LINE: &str = "SSH-2.0-Passerelle\r\n";

/// How long to wait for the server's first packet. A server may wait for ours first.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What a server may say before its identification: more than OpenSSH's client takes in one line.
const LINES_MOST: usize = 16 << 10;

/// What came of it.
pub(super) struct Identified {
    /// What the server has sent so far.
    pub(super) received: Vec<u8>,
    /// From our identification to the server's first packet, or until that was waited for in vain.
    pub(super) round_trip: Duration,
}

/// Sends our identification, and reads until the server's first packet begins. What the server says
/// instead of SSH is left to russh to judge.
///
/// # Errors
/// Our identification cannot be sent, or nothing can be read.
pub(super) async fn exchange(
    socket: &mut dyn ServerSocket,
    opening: &Opening,
) -> io::Result<Identified> {
    let began = now();
    socket.write_all(LINE.as_bytes()).await?;
    socket.flush().await?;
    let mut received = Vec::new();
    let reading = async {
        while !has_packet(&received) && received.len() < LINES_MOST {
            let before = received.len();
            if socket.read_buf(&mut received).await? == 0 {
                break;
            }
            opening.note(&received[before..]);
        }
        io::Result::Ok(())
    };
    if let Ok(read) = timeout(PATIENCE, reading).await {
        read?;
    }
    Ok(Identified {
        received,
        round_trip: now() - began,
    })
}

/// Whether something follows the line that begins with `SSH-`.
fn has_packet(received: &[u8]) -> bool {
    received
        .split_inclusive(|byte| *byte == b'\n')
        .scan(false, |identified, line| {
            let follows = std::mem::replace(
                identified,
                *identified || (line.starts_with(b"SSH-") && line.ends_with(b"\n")),
            );
            Some(follows)
        })
        .any(|follows| follows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_what_follows_the_identification() {
        assert!(!has_packet(b""));
        assert!(!has_packet(b"SSH-2.0-OpenSSH_9.2"));
        assert!(!has_packet(b"SSH-2.0-OpenSSH_9.2\r\n"));
        assert!(has_packet(b"SSH-2.0-OpenSSH_9.2\r\n\0"));
        assert!(!has_packet(b"Hello\r\nSSH-2.0-x\n"));
        assert!(has_packet(b"Hello\r\nSSH-2.0-x\n\0\0\n"));
        assert!(!has_packet(b"HTTP/1.1 400 Bad Request\r\n\r\nSSH\n"));
    }
}
