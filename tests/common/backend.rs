//! A service behind the tunnel: metrics for Prometheus, and bytes by the gibibyte.

use super::http::{Request, Server, respond};
use super::scratch::free_port;
use ring::digest::{Context, SHA256};
use std::fmt::Write as _;
use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

/// The stand-in, on a port of its own.
///
/// | request | answer |
/// |---|---|
/// | `GET /metrics` | `lab_requests_total`, in Prometheus' text format |
/// | `GET /bytes/N` | the first N bytes of [`Pattern`] |
/// | `POST /upload` | length and SHA-256 of the body, which ends by its `Content-Length` or by EOF |
pub(crate) struct Backend {
    server: Server,
}

impl Backend {
    /// A running one.
    pub(crate) fn start() -> Self {
        let requests = AtomicU64::new(0);
        let server = Server::start(free_port(), move |request, stream| {
            let count = requests.fetch_add(1, Ordering::Relaxed) + 1;
            answer(count, request, stream)
        });
        Self { server }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Closes its listener and its connections.
    pub(crate) fn stop(&mut self) {
        self.server.stop();
    }

    /// Listens again, on the same port.
    pub(crate) fn restart(&mut self) {
        self.server.restart();
    }
}

fn answer(count: u64, request: &Request, mut stream: BufReader<TcpStream>) -> io::Result<()> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/metrics") => {
            let text = ("Content-Type", "text/plain; version=0.0.4");
            let body = format!("# TYPE lab_requests_total counter\nlab_requests_total {count}\n");
            respond(stream.get_mut(), "200 OK", &[text], &body)
        }
        ("POST", "/upload") => {
            let length = request.header("content-length").map(str::parse);
            let length = length.transpose().map_err(io::Error::other)?;
            let mut body = stream.by_ref().take(length.unwrap_or(u64::MAX));
            let summary = Pattern::summary(&mut body)?;
            respond(stream.get_mut(), "200 OK", &[], &summary)
        }
        ("GET", path) if path.starts_with("/bytes/") => {
            let length = path.trim_start_matches("/bytes/").parse();
            let length = length.map_err(io::Error::other)?;
            let stream = stream.get_mut();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            )?;
            io::copy(&mut Pattern::new().take(length), stream).map(drop)
        }
        _ => respond(stream.get_mut(), "404 Not Found", &[], ""),
    }
}

/// An endless stream of bytes that is the same each time and never repeats itself.
pub(crate) struct Pattern {
    block: Vec<u8>,
    number: u64,
    at: usize,
}

const BLOCK: usize = 1 << 20;

impl Pattern {
    /// From its first byte.
    pub(crate) fn new() -> Self {
        let mut block = vec![0; BLOCK];
        fastrand::Rng::with_seed(1).fill(&mut block);
        Self {
            block,
            number: 0,
            at: 0,
        }
    }

    /// `LENGTH SHA256` of all that can be read: as `/upload` answers.
    pub(crate) fn summary(reader: &mut impl Read) -> io::Result<String> {
        let mut context = Context::new(&SHA256);
        let mut buffer = vec![0; 256 << 10];
        let mut length = 0;
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            length += read as u64;
            context.update(&buffer[..read]);
        }
        let mut summary = format!("{length} ");
        for byte in context.finish().as_ref() {
            let _ = write!(summary, "{byte:02x}");
        }
        Ok(summary)
    }
}

impl Read for Pattern {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == BLOCK {
            self.at = 0;
            self.number += 1;
            self.block[..8].copy_from_slice(&self.number.to_le_bytes());
        }
        let length = buffer.len().min(BLOCK - self.at);
        buffer[..length].copy_from_slice(&self.block[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
