//! TCP sockets: exclusive listeners, and what each kind of connection is tuned to.

use rustix::net::sockopt;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::net::TcpStream;

/// Connections that the system accepts for us before we take them.
const BACKLOG: i32 = 128;

/// How long written data may stay unacknowledged before the system gives the connection up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How much may wait in the system to be sent, in bytes: a small message waits behind it.
const UNSENT: u32 = 128 << 10;

/// Silence for this long is answered by probes of TCP, this far apart. Before authentication nothing
/// else finds a dead connection while the server waits for a person: SSH has no keepalive there.
const SILENCE: Duration = Duration::from_secs(15);
const PROBE_EVERY: Duration = Duration::from_secs(5);

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
    // Two listeners never share an address here, with or without this option: it only lets us back
    // in while connections of our last run are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// For the connection to the SSH server: no delay, and dead within a bound while data is under way, or
/// nothing is.
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
    let milliseconds = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
    let refused = sockopt::set_tcp_user_timeout(stream, milliseconds).map_err(io::Error::from);
    note(refused, "TCP_USER_TIMEOUT");
    let bounded = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
    note(bounded, "TCP_NOTSENT_LOWAT");
}

/// For a connection of a local program: no delay.
pub fn tune_local_socket(stream: &TcpStream) {
    note(stream.set_nodelay(true), "TCP_NODELAY");
}

/// Acknowledges at once what has arrived. The system falls back to delayed acknowledgements by
/// itself, so it is to be called again after each read.
pub fn quick_ack(stream: &TcpStream) {
    let refused = sockopt::set_tcp_quickack(stream, true).map_err(io::Error::from);
    note(refused, "TCP_QUICKACK");
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
        let refused = bind_exclusive(address).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        bind_exclusive((Ipv6Addr::LOCALHOST, address.port()).into()).unwrap();
    }

    #[test]
    fn a_listener_on_all_addresses_is_seen() {
        let first = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let refused = bind_exclusive((Ipv4Addr::LOCALHOST, port).into()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn a_port_is_free_again_at_once() {
        let listener = bind_exclusive((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let (served, _) = listener.accept().await.unwrap();
        // The side that closes first is the one that stays in TIME_WAIT.
        drop(served);
        drop(client);
        drop(listener);
        bind_exclusive(address).unwrap();
    }

    #[tokio::test]
    async fn a_session_socket_has_its_options() {
        let listener = bind_exclusive((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        tune_session_socket(&stream);
        assert!(stream.nodelay().unwrap());
        assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), 30_000);
        assert!(SockRef::from(&stream).keepalive().unwrap());
        quick_ack(&stream);
    }
}
