//! A connection between the client and the server, its ends, and how it breaks.

use crate::pipe::{Far, Inner, Pipe};
use crate::way::{Direction, Loss, Way};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// A connection.
pub(crate) struct Wire {
    up: Pipe,
    down: Pipe,
    /// The client has closed its end.
    client_gone: AtomicBool,
}

impl Wire {
    /// A new connection by that way: the client's end and the server's.
    pub(crate) fn connect(way: &Way) -> (End, End) {
        let wire = Arc::new(Self {
            up: Pipe::new(way.clone(), Direction::Up),
            down: Pipe::new(way.clone(), Direction::Down),
            client_gone: AtomicBool::new(false),
        });
        let end = |side| End {
            wire: Arc::clone(&wire),
            side,
        };
        (end(Side::Client), end(Side::Server))
    }

    /// Has both ends look again.
    pub(crate) fn wake(&self) {
        self.up.wake();
        self.down.wake();
    }

    /// The server's end goes: `told` says what the client learns of it. The server itself knows at once.
    pub(crate) fn lose(&self, told: Loss) {
        let now = Instant::now();
        self.up.with(|pipe| {
            pipe.reset = Some(now);
            pipe.far = match told {
                Loss::Reset | Loss::Ended | Loss::OnWrite => Far::Resets,
                Loss::Never => Far::Swallows,
            };
            // Its own machine tells it, whatever the way is like.
            pipe.told_locally = true;
        });
        self.down.with(|pipe| match told {
            Loss::Reset => {
                pipe.chunks.clear();
                pipe.reset = Some(now);
            }
            Loss::Ended => pipe.end(),
            Loss::OnWrite | Loss::Never => {
                pipe.chunks.clear();
                pipe.mute = true;
            }
        });
    }

    /// Both ends are told that the connection is broken.
    pub(crate) fn cut(&self) {
        for pipe in [&self.up, &self.down] {
            pipe.with(|pipe| {
                pipe.chunks.clear();
                pipe.reset = Some(Instant::now());
                pipe.far = Far::Resets;
            });
        }
    }

    /// Whether something that the server sends still reaches the client, and the other way round.
    pub(crate) fn is_whole(&self) -> bool {
        let whole = |pipe: &Pipe| {
            pipe.way.silent_until(pipe.direction).is_none()
                && pipe
                    .look(|inner| !inner.mute && inner.reset.is_none() && inner.far == Far::Takes)
        };
        whole(&self.up) && whole(&self.down)
    }

    /// Whether the client has closed the connection, or must take it for gone by what it has heard.
    pub(crate) fn client_knows(&self) -> bool {
        if self.client_gone.load(Ordering::Relaxed) {
            return true;
        }
        let silent = self.down.way.silent_until(Direction::Down).is_some();
        self.down.look(|pipe| {
            let now = Instant::now();
            let told = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            !silent
                && (told(pipe.reset) || (!pipe.mute && pipe.chunks.is_empty() && told(pipe.end)))
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// One end of a connection. Dropping it closes it.
pub(crate) struct End {
    wire: Arc<Wire>,
    side: Side,
}

impl End {
    pub(crate) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// The pipe to read from, and the one to write to.
    fn pipes(&self) -> (&Pipe, &Pipe) {
        match self.side {
            Side::Client => (&self.wire.down, &self.wire.up),
            Side::Server => (&self.wire.up, &self.wire.down),
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pipes().0.poll_read(cx, buf)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (read, write) = self.pipes();
        write.poll_write(read, cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipes().1.with(Inner::end);
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.side == Side::Client {
            self.wire.client_gone.store(true, Ordering::Relaxed);
        }
        let (read, write) = self.pipes();
        write.with(Inner::end);
        read.with(|inner| {
            inner.discard();
            inner.far = match inner.far {
                Far::Swallows => Far::Swallows,
                Far::Takes | Far::Resets => Far::Resets,
            };
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::way::Quality;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::{sleep, timeout};

    const SECOND: Duration = Duration::from_secs(1);

    /// 100 ms, 1 MB/s, a queue of 100 kB.
    fn way() -> Way {
        Way::new(Quality {
            delay_ms: 100,
            bandwidth: 1_000_000,
            queue: 100_000,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_take_their_time_and_wait_for_room() {
        let (mut client, mut server) = way().connect();
        let start = Instant::now();
        let sending = async { client.write_all(&[7; 300_000]).await };
        let mut read = vec![0; 300_000];
        let (sent, received) = tokio::join!(sending, server.read_exact(&mut read));
        assert!(sent.is_ok() && received.is_ok());
        assert_eq!(read, [7; 300_000]);
        // What fits the queue is under way for 200 ms, and leaves room when it has arrived.
        let took = start.elapsed().as_millis();
        assert!((400..700).contains(&took), "{took} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_room_is_told_that_the_other_end_is_gone() {
        let (client, mut server) = way().connect();
        let sending = server.write_all(&[7; 300_000]);
        tokio::pin!(sending);
        assert!(timeout(SECOND, sending.as_mut()).await.is_err());
        drop(client);
        let _ = timeout(SECOND, sending).await.expect("it goes on");
        sleep(SECOND).await;
        let error = server.write_all(b"anybody?").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test(start_paused = true)]
    async fn what_silence_holds_back_arrives_after_it() {
        let way = way();
        let (mut client, mut server) = way.connect();
        way.silence(Direction::Up, Instant::now() + 10 * SECOND);
        client.write_all(b"late").await.unwrap();
        server.write_all(b"soon").await.unwrap();
        let mut word = [0; 4];
        timeout(SECOND, client.read_exact(&mut word))
            .await
            .unwrap()
            .unwrap();
        assert!(
            timeout(9 * SECOND, server.read_exact(&mut word))
                .await
                .is_err()
        );
        timeout(SECOND, server.read_exact(&mut word))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&word, b"late");
    }

    #[tokio::test(start_paused = true)]
    async fn the_client_learns_of_a_loss_as_it_is_told() {
        for told in [Loss::Reset, Loss::Ended, Loss::OnWrite, Loss::Never] {
            let (mut client, mut server) = way().connect();
            server.wire().lose(told);
            assert!(
                server.read_u8().await.is_err(),
                "{told:?}: the server knows"
            );
            let heard = timeout(SECOND, client.read(&mut [0; 1])).await;
            match told {
                Loss::Reset => assert!(matches!(heard, Ok(Err(_)))),
                Loss::Ended => assert!(matches!(heard, Ok(Ok(0)))),
                Loss::OnWrite | Loss::Never => assert!(heard.is_err()),
            }
            let knows = matches!(told, Loss::Reset | Loss::Ended);
            assert_eq!(client.wire().client_knows(), knows, "{told:?}");
            // Whoever is told of a reset cannot write.
            let _ = client.write_all(b"anybody?").await;
            sleep(SECOND).await;
            let heard = timeout(SECOND, client.read_u8()).await;
            assert_eq!(heard.is_err(), told == Loss::Never, "{told:?}");
        }
    }
}
