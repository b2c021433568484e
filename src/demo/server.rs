//! The demonstration's SSH server: on loopback, for one key, to the two stand-ins, and nothing else.

use super::pages::{Service, StandIn};
use crate::model::Language;
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
    run_stream,
};
use russh::{
    Channel, ChannelOpenFailure, Disconnect, MethodKind, MethodSet, Preferred, SshId, cipher, kex,
    mac,
};
use std::borrow::Cow;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The only account.
pub const USER: &str = "demo";

/// How many SSH connections are served at once; more wait in the backlog.
const MAX_SESSIONS: usize = 4;
/// How many channels are open at once, over all connections.
const MAX_CHANNELS: usize = 64;
/// A connection that is silent for so long is closed; a client's keepalives come more often.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long saying good-bye may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause after a failed accept, so that a lack of descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A running server. Dropped, it hangs up on everyone and ends.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    host_key: PublicKey,
    _stop: DropGuard,
}

impl Server {
    /// Listens on a free port of 127.0.0.1, with a fresh host key, for the holder of `user_key`.
    ///
    /// # Errors
    /// When no key can be made or no port bound.
    pub async fn start(user_key: PublicKey, language: Language) -> io::Result<Self> {
        let host_key =
            PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let stop = CancellationToken::new();
        let server = Self {
            address: listener.local_addr()?,
            host_key: host_key.public_key().clone(),
            _stop: stop.clone().drop_guard(),
        };
        let gate = Gate {
            user_key: Arc::new(user_key),
            stand_ins: Service::ALL.map(|service| Arc::new(StandIn::new(service, language))),
            channels: Arc::new(Semaphore::new(MAX_CHANNELS)),
        };
        let config = Arc::new(config(host_key));
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(accept(listener, config, gate, stop)),
        );
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The key that it proves to hold.
    #[must_use]
    pub fn host_key(&self) -> &PublicKey {
        &self.host_key
    }
}

fn config(host_key: PrivateKey) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-PasserelleDemo")),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        max_auth_attempts: 3,
        // The first request, "none", only asks for the methods: nothing to slow down there.
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![host_key],
        inactivity_timeout: Some(IDLE_TIMEOUT),
        nodelay: true,
        preferred: Preferred {
            kex: Cow::Borrowed(&[
                kex::MLKEM768X25519_SHA256,
                kex::CURVE25519,
                kex::EXTENSION_SUPPORT_AS_SERVER,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
            ]),
            key: Cow::Borrowed(&[Algorithm::Ed25519]),
            cipher: Cow::Borrowed(&[cipher::AES_256_GCM, cipher::CHACHA20_POLY1305]),
            // Both ciphers authenticate by themselves, yet a list must be sent.
            mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM]),
            ..Preferred::DEFAULT
        },
        ..Config::default()
    }
}

async fn accept(listener: TcpListener, config: Arc<Config>, gate: Gate, stop: CancellationToken) {
    let sessions = Arc::new(Semaphore::new(MAX_SESSIONS));
    loop {
        let Ok(slot) = Arc::clone(&sessions).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((socket, _)) => {
                let (config, gate, stop) = (Arc::clone(&config), gate.clone(), stop.clone());
                tokio::spawn(async move {
                    serve(socket, config, gate, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the demonstration's server cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, config: Arc<Config>, gate: Gate, stop: CancellationToken) {
    let started = stop
        .run_until_cancelled(async {
            socket.set_nodelay(true)?;
            run_stream(config, socket, gate).await
        })
        .await;
    let mut session = match started {
        Some(Ok(session)) => session,
        Some(Err(error)) => {
            tracing::debug!(%error, "no SSH session");
            return;
        }
        None => return,
    };
    if stop.run_until_cancelled(&mut session).await.is_none() {
        let handle = session.handle();
        let goodbye = handle.disconnect(
            Disconnect::ByApplication,
            "the demonstration ends".to_owned(),
            String::new(),
        );
        let _ = tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await;
    }
}

/// Who comes in, and how far. Whatever it does not name, russh's handler refuses by itself: other
/// authentication methods, certificates, shells, remote forwards, agents, X11.
#[derive(Clone)]
struct Gate {
    user_key: Arc<PublicKey>,
    stand_ins: [Arc<StandIn>; 2],
    channels: Arc<Semaphore>,
}

impl Gate {
    fn admits(&self, user: &str, key: &PublicKey) -> Auth {
        if user == USER && key.key_data() == self.user_key.key_data() {
            Auth::Accept
        } else {
            Auth::reject()
        }
    }

    fn stand_in(&self, host: &str, port: u32) -> Option<&Arc<StandIn>> {
        self.stand_ins.iter().find(|stand_in| {
            let remote = stand_in.service().remote();
            host == remote.host && port == u32::from(remote.port)
        })
    }
}

impl Handler for Gate {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.admits(user, offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.admits(user, key.public_key))
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host_to_connect: &str,
        port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(stand_in) = self.stand_in(host_to_connect, port_to_connect) else {
            reply
                .reject(ChannelOpenFailure::AdministrativelyProhibited)
                .await;
            return Ok(());
        };
        let Ok(slot) = Arc::clone(&self.channels).try_acquire_owned() else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let stand_in = Arc::clone(stand_in);
        reply.accept().await;
        tokio::spawn(async move {
            stand_in.serve(channel.into_stream()).await;
            drop(slot);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fetch;
    use russh::client;
    use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate};

    struct Trusting(PublicKey);

    impl client::Handler for Trusting {
        type Error = russh::Error;

        async fn check_server_key(
            &mut self,
            key: &PublicKeyOrCertificate,
        ) -> Result<bool, Self::Error> {
            match key {
                PublicKeyOrCertificate::PublicKey { key, .. } => {
                    Ok(key.key_data() == self.0.key_data())
                }
                PublicKeyOrCertificate::Certificate(_) => Ok(false),
            }
        }
    }

    fn key() -> PrivateKey {
        PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()
    }

    async fn connect(server: &Server) -> client::Handle<Trusting> {
        let handler = Trusting(server.host_key().clone());
        client::connect(Arc::default(), server.address(), handler)
            .await
            .unwrap()
    }

    async fn log_in(client: &mut client::Handle<Trusting>, user: &str, key: PrivateKey) -> bool {
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        client
            .authenticate_publickey(user, key)
            .await
            .unwrap()
            .success()
    }

    #[tokio::test]
    async fn both_stand_ins_answer_through_a_channel() {
        let user_key = key();
        let server = Server::start(user_key.public_key().clone(), Language::Fr)
            .await
            .unwrap();
        let mut client = connect(&server).await;
        assert!(log_in(&mut client, USER, user_key).await);

        for service in Service::ALL {
            let remote = service.remote();
            let channel = client
                .channel_open_direct_tcpip(remote.host, remote.port.into(), "127.0.0.1", 1)
                .await
                .unwrap();
            let body = fetch(channel.into_stream(), "localhost", "/")
                .await
                .unwrap();
            assert_eq!(body, service.page(Language::Fr));
        }
    }

    #[tokio::test]
    async fn nothing_else_is_let_through() {
        let user_key = key();
        let server = Server::start(user_key.public_key().clone(), Language::En)
            .await
            .unwrap();
        let mut client = connect(&server).await;
        assert!(log_in(&mut client, USER, user_key).await);

        let refused = |result: Result<_, russh::Error>| {
            matches!(
                result,
                Err(russh::Error::ChannelOpenFailure(
                    ChannelOpenFailure::AdministrativelyProhibited
                ))
            )
        };
        for (host, port) in [
            ("localhost", 22),
            ("127.0.0.1", 3000),
            ("example.org", 9090),
        ] {
            let opened = client.channel_open_direct_tcpip(host, port, "::1", 1).await;
            assert!(refused(opened), "{host}:{port}");
        }
        assert!(refused(client.channel_open_session().await));
        assert!(refused(
            client.channel_open_direct_streamlocal("/run/x").await
        ));
        assert!(client.tcpip_forward("localhost", 0).await.is_err());
    }

    #[tokio::test]
    async fn only_the_one_key_of_the_one_user_comes_in() {
        let user_key = key();
        let server = Server::start(user_key.public_key().clone(), Language::En)
            .await
            .unwrap();

        assert!(!log_in(&mut connect(&server).await, USER, key()).await);
        assert!(!log_in(&mut connect(&server).await, "root", user_key).await);
        let mut client = connect(&server).await;
        assert!(!client.authenticate_none(USER).await.unwrap().success());
        let password = client.authenticate_password(USER, "").await.unwrap();
        assert!(!password.success());
    }

    #[tokio::test]
    async fn a_dropped_server_hangs_up_and_frees_its_port() {
        let user_key = key();
        let server = Server::start(user_key.public_key().clone(), Language::En)
            .await
            .unwrap();
        let address = server.address();
        let mut client = connect(&server).await;
        assert!(log_in(&mut client, USER, user_key).await);

        drop(server);
        let ended = tokio::time::timeout(Duration::from_secs(5), &mut client).await;
        assert!(ended.is_ok(), "the session lives on");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
