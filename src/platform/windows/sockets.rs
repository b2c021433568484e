//! TCP sockets: exclusive listeners, who has a port, and what each kind of connection is tuned to.

use crate::model::PortOwner;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use tokio::net::TcpStream;

/// Connections that the system accepts for us before we take them.
const BACKLOG: i32 = 128;

/// Listens on the address, which nobody else can then do. Not blocking; an IPv6 address takes no
/// IPv4 connection.
///
/// # Errors
/// As `bind` and `listen` have them; [`io::ErrorKind::AddrInUse`] when another program is there.
pub fn bind_exclusive(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The process that listens where `address` cannot be bound for it.
#[must_use]
pub fn port_owner(_address: SocketAddr) -> Option<PortOwner> {
    None
}

/// Whether the system keeps the port from everyone who asks for it.
#[must_use]
pub fn port_reserved(_port: u16) -> bool {
    false
}

/// For the connection to the SSH server: no delay.
pub fn tune_session_socket(stream: &TcpStream) {
    no_delay(stream);
}

/// For a connection of a local program: no delay.
pub fn tune_local_socket(stream: &TcpStream) {
    no_delay(stream);
}

/// Acknowledges at once what has arrived.
pub fn quick_ack(_stream: &TcpStream) {}

fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY refused");
    }
}
