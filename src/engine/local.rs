//! A local program's connection, made so that it ends in a reset unless it was finished.
//!
//! A program that sees an orderly end takes what it has read for the whole. So the system is told
//! beforehand to reset the connection when its socket is closed, and only an orderly end takes that
//! back: an early return, a panic, or the death of this process is then a reset too.

use socket2::SockRef;
use std::io;
use std::net::Shutdown;
use std::time::Duration;
use tokio::net::TcpStream;

/// The connection. Dropping it resets it.
#[derive(Debug)]
pub struct LocalEnd(TcpStream);

impl LocalEnd {
    /// Takes the connection over.
    ///
    /// # Errors
    /// It is gone already.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        Ok(Self(stream))
    }

    /// The socket, to read from and write to.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.0
    }

    /// Tells the program that nothing more will come.
    ///
    /// # Errors
    /// It is gone.
    pub fn end(&self) -> io::Result<()> {
        SockRef::from(&self.0).shutdown(Shutdown::Write)
    }

    /// Closes it in order: what was written is still delivered.
    pub fn finish(self) {
        if let Err(error) = SockRef::from(&self.0).set_linger(None) {
            tracing::debug!(%error, "a finished local connection is reset");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    async fn pair() -> (LocalEnd, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let program = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, program) = tokio::join!(listener.accept(), program);
        (
            LocalEnd::new(accepted.unwrap().0).unwrap(),
            program.unwrap(),
        )
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
        local.stream().writable().await.unwrap();
        assert_eq!(local.stream().try_write(b"all of it").unwrap(), 9);
        local.finish();
        let mut read = Vec::new();
        program.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"all of it");
    }
}
