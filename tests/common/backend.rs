//! A service behind the tunnel: metrics for Prometheus, and bytes by the gibibyte.

use super::http::{Request, Server, respond};
use super::scratch::free_port;
use ring::digest::{Context, SHA256};
use std::fmt::Write as _;
use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
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
    requests: Arc<AtomicU64>,
}

impl Backend {
    /// A running one.
    pub(crate) fn start() -> Self {
        let requests = Arc::new(AtomicU64::new(0));
        let server = Server::start(free_port(), {
            let requests = Arc::clone(&requests);
            move |request, stream| {
                let count = requests.fetch_add(1, Ordering::Relaxed) + 1;
                answer(count, request, stream)
            }
        });
        Self { server, requests }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// How many requests came so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
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
    if let Some(length) = request.path.strip_prefix("/bytes/") {
        let length = length.parse().map_err(io::Error::other)?;
        let stream = stream.get_mut();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )?;
        return io::copy(&mut Pattern::new().take(length), stream).map(drop);
    }
    match request.path.as_str() {
        "/metrics" => {
            let text = ("Content-Type", "text/plain; version=0.0.4");
            let body = format!("# TYPE lab_requests_total counter\nlab_requests_total {count}\n");
            respond(stream.get_mut(), "200 OK", &[text], &body)
        }
        "/upload" => {
            let length = request.header("content-length");
            let length = length.map_or(Ok(u64::MAX), |length| {
                length.parse().map_err(io::Error::other)
            })?;
            let summary = Pattern::summary(&mut stream.by_ref().take(length))?;
            respond(stream.get_mut(), "200 OK", &[], &summary)
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
