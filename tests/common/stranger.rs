//! Something that listens and is no SSH server.

use super::scratch::free_port;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A listener on a port of its own.
pub(crate) struct Stranger {
    port: u16,
}

impl Stranger {
    /// One that says this, hears nothing, and hangs up; or, with nothing to say, waits.
    pub(crate) fn saying(words: &'static [u8]) -> Self {
        Self::start(move |mut stream| {
            if words.is_empty() {
                // Until the other side hangs up.
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            } else {
                let _ = stream.write_all(words);
            }
        })
    }

    /// One that says this again and again.
    pub(crate) fn repeating(words: &'static [u8]) -> Self {
        Self::start(|mut stream| while stream.write_all(words).is_ok() {})
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn start(talk: impl Fn(TcpStream) + Send + Sync + Copy + 'static) -> Self {
        let port = free_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let _ = stream.set_write_timeout(Some(Duration::from_secs(60)));
                thread::spawn(move || talk(stream));
            }
        });
        Self { port }
    }
}
