//! A stand-in for Grafana that answers as its source does.

use super::http::{Request, Server, respond};
use super::scratch::free_port;
use std::io::{self, BufReader};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

/// How it answers; may be changed while it runs.
#[derive(Debug, Clone)]
pub(crate) struct GrafanaState {
    /// `database` of `/api/health`: `ok` with 200, or `failing` with 503.
    pub(crate) database_ok: bool,
    /// Sent in `/api/health`, unless the configuration hides it.
    pub(crate) version: Option<String>,
    /// The host that `root_url` names: with `enforce_domain`, any other is redirected there.
    pub(crate) root_url: Option<String>,
    /// `serve_from_sub_path`: `/grafana`, without a slash at its end.
    pub(crate) sub_path: String,
}

impl Default for GrafanaState {
    fn default() -> Self {
        Self {
            database_ok: true,
            version: Some("11.3.0".into()),
            root_url: None,
            sub_path: String::new(),
        }
    }
}

/// The stand-in, on a port of its own.
pub(crate) struct Grafana {
    server: Server,
    state: Arc<Mutex<GrafanaState>>,
}

impl Grafana {
    /// A healthy one.
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(GrafanaState::default()));
        let server = Server::start(free_port(), {
            let state = Arc::clone(&state);
            move |request, stream| {
                let now = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
                answer(&now, request, stream)
            }
        });
        Self { server, state }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Changes how it answers from now on.
    pub(crate) fn set(&self, change: impl FnOnce(&mut GrafanaState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Closes its listener and its connections.
    pub(crate) fn stop(&mut self) {
        self.server.stop();
    }

    /// Listens again.
    pub(crate) fn restart(&mut self) {
        self.server.restart();
    }
}

fn answer(
    state: &GrafanaState,
    request: &Request,
    mut stream: BufReader<TcpStream>,
) -> io::Result<()> {
    let stream = stream.get_mut();
    let json = ("Content-Type", "application/json; charset=UTF-8");
    // What lacks the sub-path is sent there before anything else is looked at.
    let Some(path) = request.path.strip_prefix(&state.sub_path) else {
        let root = state.root_url.as_deref().unwrap_or("http://localhost:3000");
        let location = format!("{root}{}{}", state.sub_path, request.path);
        return redirect(stream, "301 Moved Permanently", &location);
    };
    // Health comes before authentication and `enforce_domain`.
    if path == "/api/health" {
        let (status, database) = if state.database_ok {
            ("200 OK", "ok")
        } else {
            ("503 Service Unavailable", "failing")
        };
        let version = match &state.version {
            Some(version) => format!(",\n  \"version\": \"{version}\",\n  \"commit\": \"0000000\""),
            None => String::new(),
        };
        let body = format!("{{\n  \"database\": \"{database}\"{version}\n}}");
        return respond(stream, status, &[json], &body);
    }
    if let Some(root) = &state.root_url {
        let location = format!("{root}{}", request.path);
        return redirect(stream, "301 Moved Permanently", &location);
    }
    match path {
        "" | "/" => redirect(stream, "302 Found", &format!("{}/login", state.sub_path)),
        "/login" => {
            let html = ("Content-Type", "text/html; charset=UTF-8");
            let page = "<!DOCTYPE html><title>Grafana</title><h1>Welcome to Grafana</h1>";
            respond(stream, "200 OK", &[html], page)
        }
        _ => {
            let body = "{\"message\":\"Not found\"}";
            respond(stream, "404 Not Found", &[json], body)
        }
    }
}

fn redirect(stream: &mut TcpStream, status: &str, location: &str) -> io::Result<()> {
    respond(stream, status, &[("Location", location)], "")
}
