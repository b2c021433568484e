//! The system's network.

use super::{LocalConnection, LocalListener, LocalSocket, Network, ServerSocket};
use crate::engine::listen::Listeners;
use crate::model::{Fault, LocalBind};
use crate::platform;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use socket2::SockRef;
use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Read from a local program at once.
const READ: usize = 64 << 10;

/// How often to ask whether a program is still there that nothing is read from or written to.
const ASK_FOR_RESET: Duration = Duration::from_secs(1);

/// The network that the machine is in.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNetwork;

impl Network for SystemNetwork {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        async move {
            let found = tokio::net::lookup_host((host, port)).await?;
            Ok(found.collect())
        }
        .boxed()
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn ServerSocket>>> {
        async move {
            let stream = TcpStream::connect(to).await?;
            platform::tune_session_socket(&stream);
            Ok(Box::new(TcpServer(stream)) as Box<dyn ServerSocket>)
        }
        .boxed()
    }

    fn source(&self, to: SocketAddr) -> io::Result<IpAddr> {
        let any: IpAddr = if to.is_ipv6() {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(to)?;
        Ok(socket.local_addr()?.ip())
    }

    fn listen(
        &self,
        local: LocalBind,
    ) -> BoxFuture<'static, Result<Box<dyn LocalListener>, Fault>> {
        async move {
            let listeners = Listeners::bind(local).await?;
            Ok(Box::new(listeners) as Box<dyn LocalListener>)
        }
        .boxed()
    }

    fn watch(&self, changed: Arc<Notify>) -> BoxFuture<'static, ()> {
        async move { platform::watch_environment(&changed).await }.boxed()
    }
}

/// Resolves when the peer has closed or reset the connection. Reads nothing.
async fn closed_by_peer(stream: &TcpStream) {
    loop {
        match stream.ready(Interest::READABLE).await {
            Ok(ready) if ready.is_read_closed() => return,
            Ok(_) => {}
            Err(_) => return,
        }
        // There is data, and nobody reads it now. The next event is more of it, or the end.
        let _ = stream.try_io(Interest::READABLE, || {
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
    }
}

/// A TCP connection to a server.
struct TcpServer(TcpStream);

impl ServerSocket for TcpServer {
    fn source(&self) -> Option<IpAddr> {
        self.0.local_addr().map(|local| local.ip()).ok()
    }

    fn quick_ack(&self) {
        platform::quick_ack(&self.0);
    }

    fn hung_up(&self) -> BoxFuture<'static, ()> {
        // A descriptor of its own has a readiness of its own: to clear it takes nothing from the reader.
        let duplicate = SockRef::from(&self.0).try_clone();
        async move {
            let watched = duplicate.and_then(|socket| TcpStream::from_std(socket.into()));
            match watched {
                Ok(stream) => closed_by_peer(&stream).await,
                Err(error) => {
                    tracing::debug!(%error, "an end of the connection shows only to a reader");
                    std::future::pending().await
                }
            }
        }
        .boxed()
    }
}

impl AsyncRead for TcpServer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for TcpServer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl LocalListener for Listeners {
    fn local(&self) -> LocalBind {
        self.local()
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<LocalConnection>> {
        let (stream, peer) = ready!(self.poll_accept(cx))?;
        platform::tune_local_socket(&stream);
        let local: Box<dyn LocalSocket> = Box::new(TcpLocal::new(stream)?);
        Poll::Ready(Ok((local, peer)))
    }
}

/// A TCP connection of a local program.
struct TcpLocal {
    stream: TcpStream,
    /// The last read filled its buffer, so there is more where that came from.
    bulk: AtomicBool,
}

thread_local! {
    /// Where reads go whose length nobody knows: a connection that says nothing holds no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

impl TcpLocal {
    /// Takes the connection over: the system resets it when it is closed, until [`LocalSocket::finish`].
    fn new(stream: TcpStream) -> io::Result<Self> {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        Ok(Self {
            stream,
            bulk: AtomicBool::new(false),
        })
    }

    fn read(&self) -> io::Result<Bytes> {
        if self.bulk.load(Ordering::Relaxed) {
            let mut buffer = BytesMut::with_capacity(READ);
            let count = self.stream.try_read_buf(&mut buffer)?;
            self.bulk.store(count == READ, Ordering::Relaxed);
            return Ok(buffer.freeze());
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let count = self.once(Interest::READABLE, scratch.len(), |mut socket| {
                socket.read(scratch)
            })?;
            self.bulk.store(count == READ, Ordering::Relaxed);
            Ok(Bytes::copy_from_slice(&scratch[..count]))
        })
    }

    /// Reads or writes, once. What moves less than `whole` has emptied or filled the socket: the system
    /// tells when that changes, so no second call has to find it out.
    fn once(
        &self,
        interest: Interest,
        whole: usize,
        act: impl FnOnce(&socket2::Socket) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut moved = None;
        let outcome = self.stream.try_io(interest, || {
            let count = act(&SockRef::from(&self.stream))?;
            if 0 < count && count < whole {
                moved = Some(count);
                // tokio takes this for what it is: not ready any more.
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(count)
        });
        match moved {
            Some(count) => Ok(count),
            None => outcome,
        }
    }

    async fn told_of_reset(&self) -> io::Error {
        loop {
            match self.stream.ready(Interest::ERROR).await {
                Ok(_) => {}
                Err(error) => return error,
            }
            match self.stream.take_error() {
                Ok(Some(error)) | Err(error) => return error,
                Ok(None) => std::future::pending().await,
            }
        }
    }

    /// Windows tells of a reset only to whoever reads or writes.
    async fn ask_for_reset(&self) -> io::Error {
        loop {
            tokio::time::sleep(ASK_FOR_RESET).await;
            match SockRef::from(&self.stream).peek(&mut [MaybeUninit::uninit()]) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return error,
                Ok(_) | Err(_) => {}
            }
        }
    }
}

impl LocalSocket for TcpLocal {
    fn poll_read(&self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.read() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let whole = slices.iter().map(|slice| slice.len()).sum();
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let write = |mut socket: &socket2::Socket| socket.write_vectored(slices);
            match self.once(Interest::WRITABLE, whole, write) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    fn reset(&self) -> BoxFuture<'_, io::Error> {
        async {
            tokio::select! {
                error = self.told_of_reset() => error,
                error = self.ask_for_reset() => error,
            }
        }
        .boxed()
    }

    fn end(&self) -> io::Result<()> {
        SockRef::from(&self.stream).shutdown(Shutdown::Write)
    }

    fn finish(&self) {
        if let Err(error) = SockRef::from(&self.stream).set_linger(None) {
            tracing::debug!(%error, "a finished local connection is reset");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read, write_all};
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    async fn pair() -> (TcpLocal, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let program = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, program) = tokio::join!(listener.accept(), program);
        let local = TcpLocal::new(accepted.unwrap().0).unwrap();
        (local, program.unwrap())
    }

    const SOON: Duration = Duration::from_secs(5);

    async fn to_a_server() -> (Box<dyn ServerSocket>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connecting = SystemNetwork.connect(listener.local_addr().unwrap());
        let (socket, accepted) = tokio::join!(connecting, listener.accept());
        (socket.unwrap(), accepted.unwrap().0)
    }

    #[tokio::test]
    async fn a_server_that_leaves_is_noticed_though_nobody_reads_and_no_byte_is_lost() {
        for is_reset in [false, true] {
            let (mut socket, mut server) = to_a_server().await;
            let mut hung_up = socket.hung_up();
            for words in ["good", "bye"] {
                server.write_all(words.as_bytes()).await.unwrap();
                let pause = Duration::from_millis(50);
                assert!(timeout(pause, &mut hung_up).await.is_err(), "it is there");
            }
            if is_reset {
                SockRef::from(&server)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap();
            }
            drop(server);
            timeout(SOON, hung_up).await.unwrap();
            let mut read = [0; 7];
            if !is_reset {
                socket.read_exact(&mut read).await.unwrap();
                assert_eq!(&read, b"goodbye");
            }
        }
    }

    #[tokio::test]
    async fn the_watch_on_a_servers_end_takes_no_wake_up_from_the_reader() {
        let (mut socket, mut server) = to_a_server().await;
        let mut hung_up = socket.hung_up();
        for _ in 0..100 {
            server.write_all(b"x").await.unwrap();
            assert!((&mut hung_up).now_or_never().is_none());
            tokio::task::yield_now().await;
            assert!((&mut hung_up).now_or_never().is_none());
            let mut read = [0; 1];
            timeout(SOON, socket.read_exact(&mut read))
                .await
                .unwrap()
                .unwrap();
        }
        // The connection ends with the last that holds it.
        drop(socket);
        drop(hung_up);
        assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn dropped_is_reset() {
        let (local, mut program) = pair().await;
        drop(local);
        let error = program.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn ended_and_dropped_is_reset_still() {
        let (local, mut program) = pair().await;
        local.end().unwrap();
        assert_eq!(program.read(&mut [0; 8]).await.unwrap(), 0);
        drop(local);
        let error = program
            .writable()
            .await
            .and_then(|()| program.try_write(b"x"));
        let error = match error {
            Ok(_) => program.read(&mut [0; 8]).await.map(drop),
            Err(error) => Err(error),
        };
        assert!(error.is_err());
    }

    #[tokio::test]
    async fn finished_delivers_everything() {
        let (local, mut program) = pair().await;
        write_all(&local, b"all of it").await.unwrap();
        local.finish();
        drop(local);
        let mut read = Vec::new();
        program.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"all of it");
    }

    #[tokio::test]
    async fn short_and_long_reads_lose_nothing_and_the_end_comes_last() {
        let (local, mut program) = pair().await;
        let sent: Vec<u8> = (0..5 * READ + 17).map(|index| index as u8).collect();
        let sending = async {
            for piece in [&sent[..10], &sent[10..11], &sent[11..]] {
                program.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            program.shutdown().await.unwrap();
        };
        let reading = async {
            let mut all = Vec::new();
            loop {
                let bytes = read(&local).await.unwrap();
                if bytes.is_empty() {
                    return all;
                }
                all.extend_from_slice(&bytes);
            }
        };
        let ((), all) = tokio::join!(sending, reading);
        assert_eq!(all, sent);
    }

    #[tokio::test]
    async fn a_program_that_reads_late_gets_all_of_it() {
        let (local, mut program) = pair().await;
        let sent = vec![7; 16 << 20];
        let mut all = Vec::new();
        let writing = async {
            write_all(&local, &sent).await.unwrap();
            local.end().unwrap();
        };
        let (read, ()) = tokio::join!(program.read_to_end(&mut all), writing);
        assert_eq!(read.unwrap(), sent.len());
    }

    /// What asking finds after the program has done this.
    async fn found(deed: impl FnOnce(TcpLocal) -> Option<TcpLocal>) -> Option<io::ErrorKind> {
        let (local, program) = pair().await;
        let _program = deed(TcpLocal::new(program).unwrap());
        let asking = timeout(ASK_FOR_RESET * 10, local.ask_for_reset());
        asking.await.ok().map(|error| error.kind())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reset_is_found_by_asking_and_an_end_of_data_is_none() {
        assert_eq!(found(Some).await, None);
        let ended = |program: TcpLocal| program.end().map(|()| program).ok();
        assert_eq!(found(ended).await, None);
        let reset = Some(io::ErrorKind::ConnectionReset);
        assert_eq!(found(|_| None).await, reset);
    }
}
