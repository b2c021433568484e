//! A session with a server in the same process, for tests of what it says to one.

use super::client::Client;
use super::identification;
use super::link::Link;
use super::network::{Network, SystemNetwork};
use super::offer::{self, SessionLimits};
use super::transport::{ConnectionControl, Transport};
use crate::hostkey::KnownHosts;
use crate::model::{Attempt, samples};
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, HashAlg, PrivateKey};
use russh::server::{self, Auth, ChannelOpenHandle, Msg};
use russh::{Channel, ChannelId, ChannelOpenFailure};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port that the server does not connect to.
pub(super) const REFUSED: u16 = 9;

/// What the server was told of a channel's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Eof(ChannelId),
    Close(ChannelId),
}

/// A server that lets anyone in, takes every channel but those to [`REFUSED`], and may stop reading.
#[derive(Clone)]
pub(super) struct Server {
    told: Arc<Mutex<Vec<Told>>>,
    reads: watch::Sender<bool>,
}

impl Server {
    pub(super) fn new() -> Self {
        Self {
            told: Arc::default(),
            reads: watch::Sender::new(true),
        }
    }

    /// What it was told so far, in that order.
    pub(super) fn told(&self) -> Vec<Told> {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether it goes on after the next data.
    pub(super) fn set_reads(&self, reads: bool) {
        self.reads.send_replace(reads);
    }

    fn note(&self, told: Told) {
        let mut list = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(told);
    }
}

impl server::Handler for Server {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        if port == u32::from(REFUSED) {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
        } else {
            reply.accept().await;
        }
        Ok(())
    }

    async fn data(
        &mut self,
        _: ChannelId,
        _: &[u8],
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        let _ = self.reads.subscribe().wait_for(|reads| *reads).await;
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        self.note(Told::Eof(channel));
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        self.note(Told::Close(channel));
        Ok(())
    }
}

/// A link to what `serve` makes of the other end of its connection.
pub(super) async fn link<F: Future + Send + 'static>(
    control: &ConnectionControl,
    serve: impl FnOnce(TcpStream, Arc<server::Config>) -> F,
) -> (Link, tokio::task::JoinHandle<F::Output>)
where
    F::Output: Send,
{
    let host_key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
    let print = host_key.public_key().fingerprint(HashAlg::Sha256);
    let settings = Arc::new(samples::lab(&print.to_string()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = SystemNetwork.connect(listener.local_addr().unwrap());
    let (socket, accepted) = tokio::join!(socket, listener.accept());
    let config = server::Config {
        keys: vec![host_key],
        // More than the sockets hold.
        window_size: 64 << 20,
        ..server::Config::default()
    };
    let serving = tokio::spawn(serve(accepted.unwrap().0, Arc::new(config)));

    let mut socket = socket.unwrap();
    let identified = identification::exchange(&mut *socket, &control.opening);
    let identified = identified.await.unwrap();
    let transport = Transport::new(socket, identified, control.clone());
    let client = Client::new(settings, KnownHosts::default(), control.clone());
    let config = offer::config(&[], Duration::ZERO, SessionLimits::default());
    let config = Arc::new(config);
    let handle = russh::client::connect_stream(config, transport, client);
    let mut handle = handle.await.unwrap();
    let authenticated = handle.authenticate_none("maintenance").await;
    assert!(authenticated.unwrap().success());
    let link = Link::new(handle, Attempt(1), Arc::default(), control.clone());
    (link, serving)
}
