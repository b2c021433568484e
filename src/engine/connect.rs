//! From a host name to a TCP connection: Happy Eyeballs, RFC 8305.

use crate::model::Fault;
use crate::platform;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long name resolution may take.
const RESOLVE_DEADLINE: Duration = Duration::from_secs(10);

/// How long one address may take to answer.
const ADDRESS_DEADLINE: Duration = Duration::from_secs(10);

/// How long one address is tried alone before the next one joins: RFC 8305 section 5.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A connection, and how long its three-way handshake took: about one round trip.
pub struct Connected {
    /// The socket.
    pub socket: TcpStream,
    /// The address that answered.
    pub address: SocketAddr,
    /// From SYN to connected.
    pub round_trip: Duration,
}

/// Resolves `host`.
///
/// # Errors
/// [`Fault::NameNotResolved`], also when it takes more than 10 s.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Fault> {
    let fault = |detail: String| Fault::NameNotResolved {
        host: host.to_owned(),
        detail,
    };
    let found = timeout(RESOLVE_DEADLINE, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| fault("the resolver did not answer in time".into()))?
        .map_err(|error| fault(error.to_string()))?;
    let addresses = interleave(found.collect());
    if addresses.is_empty() {
        return Err(fault("the name has no address".into()));
    }
    Ok(addresses)
}

/// Connects to the first of `addresses` that answers; each gets 250 ms alone before the next one
/// joins in, and 10 s in all. The losers are closed.
///
/// # Errors
/// What stopped it. Where addresses failed in different ways, what says most wins: refused, then no
/// answer in time, then no route, then anything else.
pub async fn connect(server: &str, addresses: &[SocketAddr]) -> Result<Connected, Fault> {
    let mut waiting = addresses.iter().copied();
    let mut dialing = FuturesUnordered::new();
    let mut failures = Vec::new();
    dialing.extend(waiting.next().map(dial));
    loop {
        let next_joins = tokio::time::sleep(ATTEMPT_DELAY);
        tokio::select! {
            outcome = dialing.next() => match outcome {
                Some(Ok(connected)) => return Ok(connected),
                // A failure makes room at once: RFC 8305 section 5.
                Some(Err(failure)) => {
                    failures.push(failure);
                    dialing.extend(waiting.next().map(dial));
                }
                None => return Err(explain(server, &failures)),
            },
            () = next_joins, if waiting.len() > 0 => dialing.extend(waiting.next().map(dial)),
        }
    }
}

async fn dial(address: SocketAddr) -> Result<Connected, (SocketAddr, io::Error)> {
    let began = Instant::now();
    let socket = timeout(ADDRESS_DEADLINE, TcpStream::connect(address))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| (address, error))?;
    platform::tune_session_socket(&socket);
    Ok(Connected {
        socket,
        address,
        round_trip: began.elapsed(),
    })
}

/// IPv6 and IPv4 in turn, the resolver's first choice first: RFC 8305 section 4.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return addresses;
    };
    let lead_is_v6 = first.is_ipv6();
    let (lead, other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == lead_is_v6);
    let mut ordered = Vec::with_capacity(lead.len() + other.len());
    let (mut lead, mut other) = (lead.into_iter(), other.into_iter());
    loop {
        let pair = [lead.next(), other.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

fn explain(server: &str, failures: &[(SocketAddr, io::Error)]) -> Fault {
    let server = server.to_owned();
    let any = |kinds: &[io::ErrorKind]| {
        failures
            .iter()
            .any(|(_, error)| kinds.contains(&error.kind()))
    };
    let detail = failures
        .iter()
        .map(|(address, error)| format!("{address}: {error}"))
        .collect::<Vec<_>>()
        .join("; ");
    if any(&[io::ErrorKind::ConnectionRefused]) {
        Fault::ConnectionRefused { server }
    } else if any(&[io::ErrorKind::TimedOut]) {
        Fault::ConnectTimeout { server }
    } else if any(&[
        io::ErrorKind::NetworkUnreachable,
        io::ErrorKind::HostUnreachable,
        io::ErrorKind::NetworkDown,
        io::ErrorKind::AddrNotAvailable,
    ]) {
        Fault::NoRoute { server, detail }
    } else {
        Fault::ConnectFailed { server, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_take_turns_and_the_resolvers_first_choice_leads() {
        let (a, b, c) = (
            address("[2001:db8::1]:22"),
            address("[2001:db8::2]:22"),
            address("192.0.2.1:22"),
        );
        assert_eq!(interleave(vec![a, b, c]), [a, c, b]);
        assert_eq!(interleave(vec![c, a, b]), [c, a, b]);
        assert_eq!(interleave(vec![]), []);
    }

    #[test]
    fn a_refusal_says_more_than_a_missing_route() {
        let failures = [
            (
                address("[2001:db8::1]:22"),
                io::ErrorKind::NetworkUnreachable.into(),
            ),
            (
                address("192.0.2.1:22"),
                io::ErrorKind::ConnectionRefused.into(),
            ),
        ];
        assert_eq!(
            explain("m@s:722", &failures),
            Fault::ConnectionRefused {
                server: "m@s:722".into()
            }
        );
        assert_eq!(explain("m@s:722", &failures[..1]).code(), "no_route");
    }

    #[tokio::test]
    async fn a_refused_address_gives_way_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        // Bound and not listening: refuses.
        let dead = tokio::net::TcpSocket::new_v4().unwrap();
        dead.bind(address("127.0.0.1:0")).unwrap();
        let addresses = [dead.local_addr().unwrap(), good];
        let connected = connect("m@s:722", &addresses).await.unwrap();
        assert_eq!(connected.address, good);
    }
}
