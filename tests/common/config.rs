//! Configurations, as the user would write them.

use super::program;
use super::server::SshServer;
use std::fmt::Write as _;
use std::path::Path;

/// A whole file.
#[derive(Clone)]
pub(crate) struct Config {
    language: &'static str,
    tunnels: Vec<Tunnel>,
}

impl Config {
    /// With one tunnel.
    pub(crate) fn of(tunnel: Tunnel) -> Self {
        Self {
            language: "en",
            tunnels: vec![tunnel],
        }
    }

    /// With one more.
    pub(crate) fn and(mut self, tunnel: Tunnel) -> Self {
        self.tunnels.push(tunnel);
        self
    }

    /// In French rather than in English.
    pub(crate) fn in_french(mut self) -> Self {
        self.language = "fr";
        self
    }

    /// As TOML.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("language = \"{}\"\n", self.language);
        for tunnel in &self.tunnels {
            text += &tunnel.text();
        }
        text
    }
}

/// A `[[tunnel]]`.
#[derive(Clone)]
pub(crate) struct Tunnel {
    name: String,
    host: String,
    port: u16,
    lines: String,
    forwards: Vec<Forward>,
}

impl Tunnel {
    /// To this server, with a name of its own.
    pub(crate) fn to(server: &impl SshServer, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            host: "127.0.0.1".to_owned(),
            port: server.port(),
            lines: format!("user = \"{}\"\n", server.user()),
            forwards: Vec::new(),
        }
    }

    /// By this port of this machine, behind which the server is.
    pub(crate) fn by_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// By this name or address of the server.
    pub(crate) fn by_host(self, host: &str) -> Self {
        let host = host.to_owned();
        Self { host, ..self }
    }

    /// The server's name in known_hosts.
    pub(crate) fn known_as(&self) -> String {
        format!("[{}]:{}", self.host, self.port)
    }

    /// By this key file alone.
    pub(crate) fn key(self, path: &Path) -> Self {
        self.line("auth = [\"key\"]").identity(path)
    }

    /// With this key file.
    pub(crate) fn identity(self, path: &Path) -> Self {
        let path = program::path(path);
        self.line(&format!("identity = [\"{}\"]", path.display()))
    }

    /// By password alone.
    pub(crate) fn password(self) -> Self {
        self.line("auth = [\"password\"]")
    }

    /// With another key, as it stands in the file.
    pub(crate) fn line(mut self, line: &str) -> Self {
        let _ = writeln!(self.lines, "{line}");
        self
    }

    /// With one more forward.
    pub(crate) fn forward(mut self, forward: Forward) -> Self {
        self.forwards.push(forward);
        self
    }

    fn text(&self) -> String {
        let mut text = format!(
            "[[tunnel]]\nname = \"{}\"\nhost = \"{}\"\nport = {}\n{}",
            self.name, self.host, self.port, self.lines
        );
        if self.forwards.is_empty() {
            // Without the key, the first tunnel has the built-in ones.
            text += "forward = []\n";
        }
        for forward in &self.forwards {
            text += &forward.0;
        }
        text
    }
}

/// A `[[tunnel.forward]]`.
#[derive(Clone)]
pub(crate) struct Forward(String);

impl Forward {
    /// From a local port to a port of the server's own loopback.
    pub(crate) fn new(name: &str, local: u16, remote: u16) -> Self {
        Self(format!(
            "[[tunnel.forward]]\nname = \"{name}\"\nlocal = {local}\nremote = \"127.0.0.1:{remote}\"\n"
        ))
    }

    /// To a Grafana, to be opened at `/`.
    pub(crate) fn grafana(local: u16, remote: u16) -> Self {
        Self::new("Grafana", local, remote)
            .line("health = \"grafana\"\nopen = \"/\"\nprimary = true")
    }

    /// To a Prometheus, to be opened at `/`.
    pub(crate) fn prometheus(local: u16, remote: u16) -> Self {
        Self::new("Prometheus", local, remote).line("health = \"prometheus\"\nopen = \"/\"")
    }

    /// To a service that is asked by a TCP connection alone.
    pub(crate) fn tcp(name: &str, local: u16, remote: u16) -> Self {
        Self::new(name, local, remote).line("health = \"tcp\"")
    }

    /// With another key, as it stands in the file.
    pub(crate) fn line(mut self, line: &str) -> Self {
        let _ = writeln!(self.0, "{line}");
        self
    }
}
