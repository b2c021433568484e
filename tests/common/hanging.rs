//! A service whose machine does not answer: no refusal, no answer to a SYN.

use super::scratch::free_port;
use rustix::net::listen;
use socket2::{Domain, Socket, Type};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A listener whose queue is full, so that the system drops every SYN for it.
pub(crate) struct Hanging {
    port: u16,
    listener: TcpListener,
    fills: TcpStream,
}

impl Hanging {
    /// On a port of its own.
    pub(crate) fn start() -> Self {
        let port = free_port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("it is ours");
        socket.bind(&address.into()).expect("the port is free");
        // One more than so many wait to be taken.
        socket.listen(0).expect("it is bound");
        Self {
            port,
            listener: socket.into(),
            fills: TcpStream::connect(address).expect("there is room for one"),
        }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on it answers each connection with these words, and closes it.
    pub(crate) fn answer(self, words: &'static [u8]) {
        drop(self.fills);
        listen(&self.listener, 128).expect("it listens");
        thread::spawn(move || {
            while let Ok((mut stream, _)) = self.listener.accept() {
                let _ = stream.write_all(words);
            }
        });
    }
}
