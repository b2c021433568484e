//! A hop that buffers, as VPN gateways, jump hosts and Wi-Fi do: what comes from the server waits in a long queue
//! before a link that is slower than the server.

use super::scratch::free_port;
use super::slow::lasts;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// What is read and passed on at once.
const PIECE: usize = 32 << 10;

/// A relay on a port of its own. It runs as long as the tests do.
pub(crate) struct Hop {
    port: u16,
}

impl Hop {
    /// To this port of this machine. Towards the client it passes on so many bytes a second, none before `delay`,
    /// and holds up to `queue` bytes; towards the server it holds back nothing.
    pub(crate) fn to(target: u16, queue: usize, bytes_per_second: u32, delay: Duration) -> Self {
        let port = free_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                // A server that is away closes the connection.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) {
                    let _ = relay(client, server, queue, bytes_per_second, delay);
                }
            }
        });
        Self { port }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

fn relay(
    client: TcpStream,
    server: TcpStream,
    queue: usize,
    rate: u32,
    delay: Duration,
) -> io::Result<()> {
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (pieces, queued) = sync_channel(queue / PIECE);
    thread::spawn(move || fill(server, &pieces, delay));
    thread::spawn(move || drain(&queued, client, rate));
    Ok(())
}

/// From the server into the queue.
fn fill(mut server: TcpStream, pieces: &SyncSender<(Instant, Vec<u8>)>, delay: Duration) {
    loop {
        let mut piece = vec![0; PIECE];
        match server.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => piece.truncate(read),
        }
        if pieces.send((Instant::now() + delay, piece)).is_err() {
            return;
        }
    }
}

/// From the queue to the client, at that many bytes a second.
fn drain(queued: &Receiver<(Instant, Vec<u8>)>, mut client: TcpStream, rate: u32) {
    let mut free_at = Instant::now();
    for (due, piece) in queued {
        let now = Instant::now();
        // Too short a wait is made up for by the next one.
        free_at = free_at.max(now - Duration::from_millis(5)).max(due);
        lasts(free_at.saturating_duration_since(now));
        free_at += Duration::from_secs_f64(piece.len() as f64 / f64::from(rate));
        if client.write_all(&piece).is_err() {
            return;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
