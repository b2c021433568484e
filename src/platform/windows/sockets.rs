//! TCP sockets: exclusive listeners, and what each kind of connection is tuned to.

#![expect(unsafe_code, reason = "socket options that only Windows has")]

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::windows::io::{AsRawSocket, RawSocket};
use std::ptr;
use std::time::Duration;
use tokio::net::TcpStream;
use windows_sys::Win32::Networking::WinSock::{
    IPPROTO_TCP, SIO_TCP_SET_ACK_FREQUENCY, SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, TCP_MAXRT,
    WSAGetLastError, WSAIoctl, setsockopt,
};

/// Connections that the system accepts for us before we take them.
const BACKLOG: i32 = 128;

/// How long written data may stay unacknowledged before the system gives the connection up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Silence for this long is answered by probes of TCP, this far apart. Before authentication nothing
/// else finds a dead connection while the server waits for a person: SSH has no keepalive there.
const SILENCE: Duration = Duration::from_secs(15);
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// Listens on the address, which nobody else can then do. Not blocking; an IPv6 address takes no
/// IPv4 connection.
///
/// # Errors
/// As `bind` and `listen` have them; [`io::ErrorKind::AddrInUse`] when another program is there,
/// [`io::ErrorKind::PermissionDenied`] when it is there exclusively or the system keeps the port.
pub fn bind_exclusive(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Without it, any program of any user may listen on the same address and take our connections.
    set_option(socket.as_raw_socket(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// For the connection to the SSH server: no delay either way, and dead within a bound while data is
/// under way, or nothing is.
///
/// Tuning is never worth a connection: what the system refuses is left as it is.
pub fn tune_session_socket(stream: &TcpStream) {
    note(stream.set_nodelay(true), "TCP_NODELAY");
    let probes = TcpKeepalive::new()
        .with_time(SILENCE)
        .with_interval(PROBE_EVERY);
    note(
        SockRef::from(stream).set_tcp_keepalive(&probes),
        "SO_KEEPALIVE",
    );
    let socket = stream.as_raw_socket();
    let seconds = u32::try_from(UNACKNOWLEDGED.as_secs()).unwrap_or(u32::MAX);
    note(
        set_option(socket, IPPROTO_TCP, TCP_MAXRT, seconds),
        "TCP_MAXRT",
    );
    note(
        acknowledge_each_segment(socket),
        "SIO_TCP_SET_ACK_FREQUENCY",
    );
}

/// For a connection of a local program: no delay.
pub fn tune_local_socket(stream: &TcpStream) {
    note(stream.set_nodelay(true), "TCP_NODELAY");
}

/// Acknowledges at once what has arrived. Nothing is left to do here: [`tune_session_socket`] set it
/// for the connection's whole life.
pub fn quick_ack(_stream: &TcpStream) {}

fn acknowledge_each_segment(socket: RawSocket) -> io::Result<()> {
    let frequency: u32 = 1;
    let mut returned = 0;
    // SAFETY: the socket is open; the input is 4 bytes, the output none, and the call is not
    // overlapped, so nothing outlives it.
    let result = unsafe {
        WSAIoctl(
            raw(socket)?,
            SIO_TCP_SET_ACK_FREQUENCY,
            (&raw const frequency).cast(),
            size_of_u32(),
            ptr::null_mut(),
            0,
            &raw mut returned,
            ptr::null_mut(),
            None,
        )
    };
    check(result)
}

fn set_option(socket: RawSocket, level: i32, option: i32, value: u32) -> io::Result<()> {
    // SAFETY: the socket is open, and the value has the length that is said.
    let result = unsafe {
        setsockopt(
            raw(socket)?,
            level,
            option,
            (&raw const value).cast(),
            size_of_u32().cast_signed(),
        )
    };
    check(result)
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 {
        return Ok(());
    }
    // SAFETY: the call reads a thread-local number.
    Err(io::Error::from_raw_os_error(unsafe { WSAGetLastError() }))
}

fn raw(socket: RawSocket) -> io::Result<SOCKET> {
    SOCKET::try_from(socket).map_err(io::Error::other)
}

const fn size_of_u32() -> u32 {
    4
}

fn note(result: io::Result<()>, option: &str) {
    if let Err(error) = result {
        tracing::debug!(option, %error, "socket option refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn a_second_listener_is_refused_and_both_families_fit_one_port() {
        let first = bind_exclusive((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = first.local_addr().unwrap();
        assert!(bind_exclusive(address).is_err());
        assert!(TcpListener::bind(address).is_err());
        bind_exclusive((Ipv6Addr::LOCALHOST, address.port()).into()).unwrap();
    }

    #[tokio::test]
    async fn a_session_socket_has_its_options() {
        let listener = bind_exclusive((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        tune_session_socket(&stream);
        assert!(stream.nodelay().unwrap());
        assert!(SockRef::from(&stream).keepalive().unwrap());
    }
}
