//! What the demonstration stands on: a temporary directory, fresh keys, the server, free ports.

use super::DemoError;
use super::pages::Service;
use super::server::{Server, USER};
use crate::hostkey;
use crate::model::{
    AuthMethod, ForwardId, ForwardSettings, Hold, Language, LocalBind, PresentedKey, Settings,
    TunnelId, TunnelSettings,
};
use crate::paths::Paths;
use crate::platform;
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey, PublicKey};
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The tunnel's name.
const TUNNEL: &str = "Demo";
/// How often to look for a port that is free on both loopback addresses.
const PORT_TRIES: usize = 16;

/// Everything that the demonstration makes. Dropped, it is gone: server, keys, directory.
#[derive(Debug)]
pub(super) struct Stage {
    directory: TempDir,
    _server: Server,
    host_key: PresentedKey,
    settings: Arc<Settings>,
}

impl Stage {
    /// Makes the keys, starts the server, records its key as known, and finds free ports.
    pub(super) async fn set(language: Language) -> Result<Self, DemoError> {
        let directory = tempfile::Builder::new()
            .prefix("passerelle-demo-")
            .tempdir()?;
        let identity = directory.path().join("id_ed25519");
        let user_key = make_identity(&identity)?;
        let server = Server::start(user_key, language).await?;

        let host = server.address().ip().to_string();
        let host_key = hostkey::present(&host, server.address().port(), server.host_key());
        hostkey::record(&directory.path().join("known_hosts"), &host_key)
            .map_err(DemoError::KnownHosts)?;
        Ok(Self {
            settings: Arc::new(settings(&host_key, identity, free_ports()?, language)),
            directory,
            _server: server,
            host_key,
        })
    }

    /// Where all files are.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where the files would be of a Passerelle that is no demonstration.
    pub(super) fn paths(&self) -> Paths {
        Paths {
            config_file: self.directory().join("config.toml"),
            state_dir: self.directory().to_path_buf(),
            user_known_hosts: None,
        }
    }

    /// Where the server's key is recorded as known.
    pub(super) fn known_hosts(&self) -> PathBuf {
        self.directory.path().join("known_hosts")
    }

    /// The key that the server proves to hold.
    pub(super) fn host_key(&self) -> &PresentedKey {
        &self.host_key
    }

    /// The client's configuration.
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }

    /// Deletes the directory, and says so when that fails.
    pub(super) fn strike(self) -> io::Result<()> {
        self.directory.close()
    }
}

/// Makes a key pair, the private half in a file for this user's eyes only.
fn make_identity(path: &Path) -> io::Result<PublicKey> {
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(io::Error::other)?;
    let text = key.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
    let mut file = platform::private_file_options()
        .write(true)
        .create_new(true)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(key.public_key().clone())
}

fn settings(
    server: &PresentedKey,
    identity: PathBuf,
    ports: [u16; 2],
    language: Language,
) -> Settings {
    let id = TunnelId::new(TUNNEL);
    let forwards = Service::ALL.into_iter().zip(ports).map(|(service, port)| {
        Arc::new(ForwardSettings {
            id: ForwardId::new(&id, service.name()),
            local: LocalBind::Port(port),
            remote: service.remote(),
            hold: Hold::usual(&service.health_check()),
            health: service.health_check(),
            open: Some("/".to_owned()),
            primary: service == Service::Grafana,
        })
    });
    Settings {
        language: Some(language),
        start_at_logon: false,
        notifications: false,
        tunnels: vec![Arc::new(TunnelSettings {
            forwards: forwards.collect(),
            id,
            host: server.host.clone(),
            port: server.port,
            user: USER.to_owned(),
            autostart: true,
            auth: vec![AuthMethod::Key],
            identity: vec![identity],
            host_key: Vec::new(),
        })],
    }
}

/// Two ports that are free on 127.0.0.1 and `::1` alike. They are free again when this returns, for
/// the client to take; should another program be faster, the client says so.
fn free_ports() -> io::Result<[u16; 2]> {
    let first = reserve_port()?;
    let second = reserve_port()?;
    Ok([first.port, second.port])
}

/// A port, held as long as this lives.
struct ReservedPort {
    port: u16,
    _listeners: Vec<TcpListener>,
}

fn reserve_port() -> io::Result<ReservedPort> {
    for _ in 0..PORT_TRIES {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = v4.local_addr()?.port();
        let listeners = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(v6) => vec![v4, v6],
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => continue,
            // No IPv6 on this machine.
            Err(_) => vec![v4],
        };
        return Ok(ReservedPort {
            port,
            _listeners: listeners,
        });
    }
    Err(io::ErrorKind::AddrInUse.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_is_private_and_vanishes() {
        let stage = Stage::set(Language::En).await.unwrap();
        let directory = stage.directory().to_owned();
        let known = std::fs::read_to_string(stage.known_hosts()).unwrap();
        assert!(known.contains(&stage.host_key().line));

        let tunnel = &stage.settings().tunnels[0];
        assert_eq!(tunnel.server(), format!("demo@127.0.0.1:{}", tunnel.port));
        assert!(tunnel.identity[0].starts_with(&directory));
        let ports: Vec<_> = tunnel.forwards.iter().map(|f| f.local.port()).collect();
        assert_ne!(ports[0], ports[1]);

        stage.strike().unwrap();
        assert!(!directory.exists());
    }
}
