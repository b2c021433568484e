//! The keyring of a desktop: on Linux a session bus with GNOME's, unlocked and empty.

use super::bus::Bus;
use super::process::{Process, tool};
use super::program;
use super::wait::wait_until;
use rustix::process::Signal;
use serde::Serialize;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Message};

const BOUND: Duration = Duration::from_secs(30);

/// The Secret Service's object.
const SECRETS: &str = "/org/freedesktop/secrets";

/// What a desktop offers to keep secrets in.
pub(crate) struct Keyring(Option<SecretService>);

impl Keyring {
    /// On a bus of its own. Windows always has one, its Credential Manager.
    pub(crate) fn start() -> Self {
        Self((!program::is_windows()).then(SecretService::start))
    }

    /// What a program needs to find it.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (String, OsString)> {
        let service = self.0.as_ref();
        service
            .into_iter()
            .flat_map(|service| service.bus.environment())
    }

    /// Stops it in its tracks: it answers nobody, and keeps what it holds. Not on Windows.
    pub(crate) fn freeze(&self) {
        self.service().daemon.signal(Signal::STOP);
    }

    /// Lets it go on. Not on Windows.
    pub(crate) fn thaw(&self) {
        self.service().daemon.signal(Signal::CONT);
    }

    /// The bytes of Passerelle's one entry, if it has one. Not on Windows.
    pub(crate) fn entry(&self) -> Option<Vec<u8>> {
        self.service().by(async |client| {
            let item = client.item().await?;
            let body = (client.session.clone(),);
            let reply = client.call(&item, "Item", "GetSecret", &body).await;
            let (secret,): (RawSecret,) = reply.body().deserialize().expect("it has a secret");
            Some(secret.2)
        })
    }

    /// Puts these bytes in place of that entry's. Not on Windows.
    pub(crate) fn overwrite(&self, bytes: &[u8]) {
        self.service().by(async |client| {
            let item = client.item().await.expect("there is an entry");
            let kind = "text/plain".to_owned();
            let secret: RawSecret = (client.session.clone(), Vec::new(), bytes.to_vec(), kind);
            client.call(&item, "Item", "SetSecret", &(secret,)).await;
        });
    }

    fn service(&self) -> &SecretService {
        self.0.as_ref().expect("there is a Secret Service")
    }
}

/// A secret as the Secret Service carries it: the session, its parameters, the bytes, their kind.
type RawSecret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// Somebody else who uses the same keyring.
struct Client {
    connection: Connection,
    /// One that encrypts nothing.
    session: OwnedObjectPath,
}

impl Client {
    async fn of(bus: &Bus) -> Self {
        let connection = zbus::connection::Builder::address(&*bus.address());
        let connection = connection.expect("the address is right").build().await;
        let mut client = Self {
            connection: connection.expect("the bus is there"),
            session: OwnedObjectPath::default(),
        };
        let body = ("plain", Value::from(""));
        let reply = client
            .call(SECRETS, "Service", "OpenSession", &body)
            .await
            .body()
            .deserialize::<(OwnedValue, OwnedObjectPath)>();
        client.session = reply.expect("it opens one").1;
        client
    }

    /// Passerelle's entry, if there is one.
    async fn item(&self) -> Option<OwnedObjectPath> {
        let ours = HashMap::from([("service", "Passerelle")]);
        let reply = self
            .call(SECRETS, "Service", "SearchItems", &(ours,))
            .await
            .body()
            .deserialize::<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>)>();
        let (unlocked, locked) = reply.expect("it searches");
        assert!(unlocked.len() <= 1 && locked.is_empty());
        unlocked.into_iter().next()
    }

    async fn call(
        &self,
        object: &str,
        interface: &str,
        method: &str,
        body: &(impl Serialize + DynamicType + Sync),
    ) -> Message {
        let interface = format!("org.freedesktop.Secret.{interface}");
        let owner = Some("org.freedesktop.secrets");
        let reply = self
            .connection
            .call_method(owner, object, Some(&*interface), method, body)
            .await;
        reply.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

/// A running Secret Service.
struct SecretService {
    daemon: Process,
    bus: Bus,
}

impl SecretService {
    fn start() -> Self {
        let bus = Bus::start();
        let dir = bus.dir();
        let mut command = Process::command(tool("gnome-keyring-daemon", "gnome-keyring"));
        command.args(["--foreground", "--components=secrets", "--unlock"]);
        command
            .env_clear()
            .envs(bus.environment())
            .env("HOME", dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let log = fs::File::create(dir.join("log")).expect("it is ours");
        let mut daemon = Process::start("gnome-keyring-daemon", command.stderr(log));
        let mut stdin = daemon.child().stdin.take().expect("it is piped");
        stdin.write_all(b"unlocked").expect("it reads");
        drop(stdin);
        let keyring = Self { daemon, bus };
        wait_until("the keyring is on the bus", BOUND, || keyring.is_there());
        keyring
    }

    /// Runs this as a client of the keyring.
    fn by<T>(&self, task: impl AsyncFnOnce(Client) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async { task(Client::of(&self.bus).await).await })
    }

    fn is_there(&self) -> bool {
        let mut command = Command::new(tool("dbus-send", "dbus-bin"));
        command.env_clear().envs(self.bus.environment());
        command.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
        ]);
        command.args([
            "org.freedesktop.DBus.NameHasOwner",
            "string:org.freedesktop.secrets",
        ]);
        let output = command.output().expect("dbus-send runs");
        String::from_utf8_lossy(&output.stdout).contains("boolean true")
    }
}
