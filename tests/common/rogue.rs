//! An SSH server that does what sshd never does: everyone gets in, and then it does as it is told.

use super::keys::Key;
use super::scratch::free_port;
use russh::keys::{PrivateKey, load_secret_key};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, PublicKeyOffer, Session,
    VerifiedPublicKey, run_stream,
};
use russh::{Channel, Disconnect, Error};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle as Runtime};

/// The server, on a port of its own. It runs as long as the tests do.
pub(crate) struct Rogue {
    port: u16,
    runtime: Runtime,
    sessions: Arc<Mutex<Vec<Handle>>>,
    ignored: Arc<Mutex<Vec<ChannelOpenHandle>>>,
}

impl Rogue {
    /// One that proves to hold this key.
    pub(crate) fn with(key: &Key) -> Self {
        let key = load_secret_key(key.path(), None).expect("ssh-keygen wrote it");
        let (port, sessions, ignored) = (free_port(), Arc::default(), Arc::default());
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let rogue = Self {
            port,
            runtime: runtime.handle().clone(),
            sessions: Arc::clone(&sessions),
            ignored: Arc::clone(&ignored),
        };
        let anyone = Anyone { ignored };
        thread::spawn(move || runtime.block_on(serve(port, key, sessions, anyone)));
        rogue
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Says good-bye to everyone, with these words.
    pub(crate) fn disconnect(&self, words: &str) {
        for session in self.take() {
            let goodbye =
                session.disconnect(Disconnect::ByApplication, words.to_owned(), String::new());
            self.runtime.block_on(goodbye).expect("it is open");
        }
    }

    /// Opens so many channels to the first client, and says how many of them it took.
    pub(crate) fn open_channels(&self, count: usize) -> usize {
        let session = self.take().remove(0);
        self.runtime.block_on(async {
            let mut taken = 0;
            for _ in 0..count {
                let opened = session.channel_open_forwarded_tcpip("localhost", 1, "localhost", 1);
                taken += usize::from(opened.await.is_ok());
            }
            taken
        })
    }

    /// How many channels it was asked for so far: it answers to none.
    pub(crate) fn ignored(&self) -> usize {
        locked(&self.ignored).len()
    }

    fn take(&self) -> Vec<Handle> {
        std::mem::take(&mut locked(&self.sessions))
    }
}

fn locked<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(port: u16, key: PrivateKey, sessions: Arc<Mutex<Vec<Handle>>>, anyone: Anyone) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = listener.expect("the port is free");
    let config = Arc::new(Config {
        keys: vec![key],
        ..Config::default()
    });
    while let Ok((stream, _)) = listener.accept().await {
        let (config, sessions) = (Arc::clone(&config), Arc::clone(&sessions));
        let anyone = anyone.clone();
        tokio::spawn(async move {
            let session = run_stream(config, stream, anyone).await?;
            locked(&sessions).push(session.handle());
            session.await
        });
    }
}

#[derive(Clone)]
struct Anyone {
    ignored: Arc<Mutex<Vec<ChannelOpenHandle>>>,
}

impl Handler for Anyone {
    type Error = Error;

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        _offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Error> {
        Ok(Auth::Accept)
    }

    async fn auth_publickey(
        &mut self,
        _user: &str,
        _key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host: &str,
        _port: u32,
        _originator: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        // Dropped, it would refuse.
        locked(&self.ignored).push(reply);
        Ok(())
    }
}
