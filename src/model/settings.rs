//! The resolved configuration: defaults filled in, every value checked.
//!
//! `config` makes it out of TOML and policy; everything else only reads it.

use super::{ForwardId, TunnelId};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The user's language, `None` for "as the system says".
    pub language: Option<Language>,
    /// Whether an installation that starts Passerelle at log-on is let.
    pub start_at_logon: bool,
    /// Whether to tell unasked what happens to a connection.
    pub notifications: bool,
    /// The tunnels, in the order of the file.
    pub tunnels: Vec<Arc<TunnelSettings>>,
}

/// A language that Passerelle speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    En,
    /// French.
    Fr,
}

/// One server, how to prove who we are to it, and what to forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelSettings {
    /// Who it is.
    pub id: TunnelId,
    /// Host name or address, as the user wrote it.
    pub host: String,
    /// The SSH server's port.
    pub port: u16,
    /// The account on the server.
    pub user: String,
    /// Whether to bring it up when Passerelle starts.
    pub autostart: bool,
    /// The kinds of credential to try, in this order.
    pub auth: Vec<AuthMethod>,
    /// Private key files, in the order to try them. A missing one is passed over.
    pub identity: Vec<PathBuf>,
    /// Pinned fingerprints, `SHA256:…` without padding. When not empty, nothing else is accepted.
    pub host_key: Vec<String>,
    /// What to forward.
    pub forwards: Vec<Arc<ForwardSettings>>,
}

impl TunnelSettings {
    /// `user@host:port`, with brackets around an IPv6 address.
    #[must_use]
    pub fn server(&self) -> String {
        if self.host.contains(':') {
            format!("{}@[{}]:{}", self.user, self.host, self.port)
        } else {
            format!("{}@{}:{}", self.user, self.host, self.port)
        }
    }

    /// Whether a session made for `other` serves `self` too: same server, same account, same
    /// credentials, same trust. Forwards may differ, they are compared one by one.
    #[must_use]
    pub fn same_session(&self, other: &Self) -> bool {
        self.host == other.host
            && self.port == other.port
            && self.user == other.user
            && self.auth == other.auth
            && self.identity == other.identity
            && self.host_key == other.host_key
    }
}

/// A kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// Keys held by an SSH agent.
    Agent,
    /// Private key files.
    Key,
    /// The `password` method, and `keyboard-interactive` (RFC 4256) where the server wants that.
    Password,
}

/// One local listener and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardSettings {
    /// Who it is.
    pub id: ForwardId,
    /// Where it listens.
    pub local: LocalBind,
    /// Where the server connects to for it.
    pub remote: RemoteTarget,
    /// How to tell whether the service works.
    pub health: HealthCheck,
    /// The path to open in the browser; `None`: there is nothing to open.
    pub open: Option<String>,
    /// Whether it is what a click opens.
    pub primary: bool,
    /// What becomes of a connection that comes in while there is no session.
    pub hold: Hold,
}

impl ForwardSettings {
    /// The address to open in the browser, if there is something to open.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let path = self.open.as_deref()?;
        Some(format!("http://{}{path}", self.local.authority()))
    }
}

/// Where a forward listens: always loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocalBind {
    /// 127.0.0.1 and `::1`, both on this port.
    Port(u16),
    /// This address alone.
    Address(SocketAddr),
}

impl LocalBind {
    /// The local port.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Port(port) => port,
            Self::Address(address) => address.port(),
        }
    }

    /// The addresses to bind, the one that must succeed first.
    #[must_use]
    pub fn addresses(self) -> Vec<SocketAddr> {
        match self {
            Self::Port(port) => vec![
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
                SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port),
            ],
            Self::Address(address) => vec![address],
        }
    }

    /// `host:port` as a browser wants it, and as the `Host` header of a probe has it.
    #[must_use]
    pub fn authority(self) -> String {
        match self {
            Self::Port(port) => format!("localhost:{port}"),
            Self::Address(address) => address.to_string(),
        }
    }
}

impl fmt::Display for LocalBind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority())
    }
}

/// What the server connects to, by its own names: RFC 4254 section 7.2.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteTarget {
    /// Host name or address, resolved by the server.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl fmt::Display for RemoteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What becomes of a connection that comes in while there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hold {
    /// How long it waits for one.
    pub time: Duration,
    /// Whether a browser is then told so by a page, and not by a reset.
    pub page: bool,
}

impl Hold {
    /// What is usual for a service that is asked for its health in this way: 15 s, and a page where
    /// it speaks HTTP.
    #[must_use]
    pub fn usual(health: &HealthCheck) -> Self {
        Self {
            time: Duration::from_secs(15),
            page: match health {
                HealthCheck::Grafana | HealthCheck::Prometheus | HealthCheck::Http { .. } => true,
                HealthCheck::Tcp | HealthCheck::None => false,
            },
        }
    }
}

/// How to tell whether the service behind a forward works.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HealthCheck {
    /// Grafana's `/api/health`.
    Grafana,
    /// Prometheus' `/-/ready`.
    Prometheus,
    /// The server can open a connection to it.
    Tcp,
    /// `GET path` answers with one of these status codes.
    Http {
        /// Path and query, from `/`.
        path: String,
        /// The accepted codes.
        status: Vec<u16>,
    },
    /// Never asked: taken as working while the session lives.
    None,
}
