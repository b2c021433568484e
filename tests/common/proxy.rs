//! A way to a server that can be made a bad one: it stalls, resets, changes bits, cuts short.

use super::scratch::free_port;
use super::slow::lasts;
use rustix::net::sockopt::set_socket_linger;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How often a connection that is quiet looks whether it is to be reset.
const LOOK: Duration = Duration::from_millis(100);

/// Something that befalls the next bytes from the server.
#[derive(Clone, Copy)]
pub(crate) enum Mishap {
    /// One bit is another.
    Flip,
    /// The second half is missing, and nothing follows.
    Truncate,
}

/// A proxy on a port of its own.
pub(crate) struct Proxy {
    port: u16,
    way: Arc<Way>,
}

#[derive(Default)]
struct Way {
    taken: AtomicU64,
    resets: AtomicU64,
    delay: AtomicU64,
    mishap: Mutex<Option<Mishap>>,
}

impl Proxy {
    /// To this port of this machine.
    pub(crate) fn to(target: u16) -> Self {
        let port = free_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
        let way = Arc::new(Way::default());
        thread::spawn({
            let way = Arc::clone(&way);
            move || accept(&listener, target, &way)
        });
        Self { port, way }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it has taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.way.taken.load(Ordering::SeqCst)
    }

    /// Resets every connection; later ones are carried again.
    pub(crate) fn reset(&self) {
        self.way.resets.fetch_add(1, Ordering::SeqCst);
    }

    /// Makes everything take so much longer, each way.
    pub(crate) fn delay(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.way.delay.store(milliseconds, Ordering::SeqCst);
    }

    /// Lets this befall the next bytes from the server.
    pub(crate) fn mishap(&self, mishap: Mishap) {
        *self.way.next_mishap() = Some(mishap);
    }
}

impl Way {
    fn next_mishap(&self) -> std::sync::MutexGuard<'_, Option<Mishap>> {
        self.mishap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, target: u16, way: &Arc<Way>) {
    while let Ok((client, _)) = listener.accept() {
        way.taken.fetch_add(1, Ordering::SeqCst);
        // A server that is away closes the connection.
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else {
            continue;
        };
        let resets = way.resets.load(Ordering::SeqCst);
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
            let _ = stream.set_read_timeout(Some(LOOK));
        }
        let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else {
            continue;
        };
        let (up, down) = (Arc::clone(way), Arc::clone(way));
        thread::spawn(move || carry(client, server, &up, resets, |_| None));
        thread::spawn(move || {
            carry(server_too, client_too, &down, resets, |way| {
                way.next_mishap().take()
            });
        });
    }
}

fn carry(
    mut from: TcpStream,
    mut to: TcpStream,
    way: &Way,
    resets: u64,
    mishap: impl Fn(&Way) -> Option<Mishap>,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        if way.resets.load(Ordering::SeqCst) != resets {
            for stream in [&from, &to] {
                let _ = set_socket_linger(stream, Some(Duration::ZERO));
            }
            return;
        }
        let read = match from.read(&mut buffer) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            Err(_) => {
                // Nothing comes this way any more, nor does anything go the other way.
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        };
        lasts(Duration::from_millis(way.delay.load(Ordering::SeqCst)));
        let mut whole = &mut buffer[..read];
        let mishap = mishap(way);
        match mishap {
            Some(Mishap::Flip) => whole[read / 2] ^= 1,
            Some(Mishap::Truncate) => whole = &mut buffer[..read / 2],
            None => {}
        }
        if to.write_all(whole).is_err() {
            return;
        }
        if matches!(mishap, Some(Mishap::Truncate)) {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}
