//! What the clients carry: a small HTTP service, and bytes in bulk without anything that computes.

use crate::common::{Backend, get, lasts};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const CHUNK: usize = 256 << 10;

/// Behind the server.
pub(crate) struct Service {
    http: Backend,
    bulk: u16,
}

impl Service {
    /// Both services, until the program ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let bulk = listener.local_addr().expect("it is bound").port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that leaves is the end of a measurement, not an error.
                thread::spawn(move || drop(serve_bulk(stream)));
            }
        });
        Self {
            http: Backend::start(),
            bulk,
        }
    }

    /// The port of the HTTP service.
    pub(crate) fn http(&self) -> u16 {
        self.http.port()
    }

    /// The port of the bulk service.
    pub(crate) fn bulk(&self) -> u16 {
        self.bulk
    }
}

/// Eight bytes say how much to send; zero: swallow until the end, then say how much it was.
fn serve_bulk(mut stream: TcpStream) -> io::Result<()> {
    let mut wanted = [0; 8];
    stream.read_exact(&mut wanted)?;
    match u64::from_be_bytes(wanted) {
        0 => {
            let swallowed = swallow(&mut stream)?;
            stream.write_all(&swallowed.to_be_bytes())
        }
        wanted => pour(&mut stream, wanted),
    }
}

fn swallow(stream: &mut TcpStream) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(total),
            read => total += read as u64,
        }
    }
}

fn pour(stream: &mut TcpStream, mut left: u64) -> io::Result<()> {
    let buffer = vec![0x5a; CHUNK];
    while left > 0 {
        let length = left.min(CHUNK as u64) as usize;
        stream.write_all(&buffer[..length])?;
        left -= length as u64;
    }
    Ok(())
}

/// Which way the bytes go.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Down,
    Up,
}

/// A bulk transfer that is over.
pub(crate) struct Bulk {
    /// What went through, over all streams.
    pub(crate) bytes: u64,
    took: Duration,
}

impl Bulk {
    /// Sends `bytes` through the local port, split over this many streams.
    pub(crate) fn run(port: u16, direction: Direction, streams: u64, bytes: u64) -> Self {
        let each = bytes / streams;
        let start = Instant::now();
        thread::scope(|scope| {
            let all: Vec<_> = (0..streams)
                .map(|_| scope.spawn(move || transfer(port, direction, each)))
                .collect();
            for stream in all {
                let through = stream.join().expect("it does not panic");
                assert_eq!(through.expect("the bytes come through"), each);
            }
        });
        Self {
            bytes: each * streams,
            took: start.elapsed(),
        }
    }

    /// How fast it was.
    pub(crate) fn mib_per_second(&self) -> f64 {
        self.bytes as f64 / f64::from(1 << 20) / self.took.as_secs_f64()
    }
}

fn transfer(port: u16, direction: Direction, bytes: u64) -> io::Result<u64> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    match direction {
        Direction::Down => {
            stream.write_all(&bytes.to_be_bytes())?;
            swallow(&mut stream)
        }
        Direction::Up => {
            stream.write_all(&0_u64.to_be_bytes())?;
            pour(&mut stream, bytes)?;
            stream.shutdown(Shutdown::Write)?;
            let mut swallowed = [0; 8];
            stream.read_exact(&mut swallowed)?;
            Ok(u64::from_be_bytes(swallowed))
        }
    }
}

/// How long each of so many requests took, each on a connection of its own, one after the other.
pub(crate) fn requests(port: u16, count: usize) -> Vec<Duration> {
    (0..count)
        .map(|_| {
            let start = Instant::now();
            let reply = get(port, "/metrics").expect("it answers");
            assert_eq!(reply.status, 200);
            start.elapsed()
        })
        .collect()
}

/// How long a request on a connection of its own takes while a download of `bytes` fills the way, each
/// after the other.
pub(crate) fn requests_beside_download(http: u16, bulk: u16, bytes: u64) -> Vec<Duration> {
    thread::scope(|scope| {
        let download = scope.spawn(move || Bulk::run(bulk, Direction::Down, 1, bytes));
        let mut took = Vec::new();
        // Each leaves a port behind that is not used again for a minute, so there is an end to them.
        while took.len() < 500 && !download.is_finished() {
            took.extend(requests(http, 1));
        }
        took
    })
}

/// How many requests were answered while another peer asked for a lot and read nothing.
pub(crate) fn requests_beside_stalled_reader(http: u16, bulk: u16, during: Duration) -> usize {
    let mut stalled = TcpStream::connect((Ipv4Addr::LOCALHOST, bulk)).expect("it listens");
    let wanted = 48_u64 << 20;
    stalled
        .write_all(&wanted.to_be_bytes())
        .expect("it is open");
    let over = AtomicBool::new(false);
    let answered = thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut answered = 0;
            while !over.load(Ordering::Relaxed) {
                // A request that hangs ends by the bound of `get`, and does not count.
                answered += usize::from(get(http, "/metrics").is_ok());
            }
            answered
        });
        lasts(during);
        over.store(true, Ordering::Relaxed);
        asking.join().expect("it does not panic")
    });
    drop(stalled);
    answered
}
