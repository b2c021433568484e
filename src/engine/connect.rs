//! From a host name to a TCP connection: Happy Eyeballs, RFC 8305.

use super::network::{Network, ServerSocket, now};
use crate::model::Fault;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
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
    pub socket: Box<dyn ServerSocket>,
    /// The address that answered.
    pub address: SocketAddr,
    /// The way that it takes.
    pub way: Way,
    /// From SYN to connected.
    pub round_trip: Duration,
}

/// Resolves `host`.
///
/// # Errors
/// [`Fault::NameNotResolved`], also when it takes more than 10 s.
pub async fn resolve(
    network: &dyn Network,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, Fault> {
    let fault = |detail: String| Fault::NameNotResolved {
        host: host.to_owned(),
        detail,
    };
    let found = timeout(RESOLVE_DEADLINE, network.resolve(host, port))
        .await
        .map_err(|_| fault("the resolver did not answer in time".into()))?
        .map_err(|error| fault(error.to_string()))?;
    let addresses = interleave(found);
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
/// answer, then no route, then anything else.
pub async fn connect(
    network: &dyn Network,
    server: &str,
    addresses: &[SocketAddr],
) -> Result<Connected, Fault> {
    let mut waiting = addresses.iter().copied();
    let mut dialing = FuturesUnordered::new();
    let mut failures = Vec::new();
    dialing.extend(waiting.next().map(|to| dial(network, to)));
    loop {
        let next_joins = tokio::time::sleep(ATTEMPT_DELAY);
        tokio::select! {
            outcome = dialing.next() => match outcome {
                Some(Ok(connected)) => return Ok(connected),
                // A failure makes room at once: RFC 8305 section 5.
                Some(Err(failure)) => {
                    failures.push(failure);
                    dialing.extend(waiting.next().map(|to| dial(network, to)));
                }
                None => return Err(explain(server, &failures, |to| network.source(to).is_ok())),
            },
            () = next_joins, if waiting.len() > 0 => dialing.extend(waiting.next().map(|to| dial(network, to))),
        }
    }
}

async fn dial(
    network: &dyn Network,
    address: SocketAddr,
) -> Result<Connected, (SocketAddr, io::Error)> {
    let began = now();
    let socket = timeout(ADDRESS_DEADLINE, network.connect(address))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| (address, error))?;
    let way = Way {
        from: socket.source(),
        to: address,
    };
    Ok(Connected {
        socket,
        address,
        way,
        round_trip: now() - began,
    })
}

/// From which of our addresses a connection goes to which of the server's.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    from: Option<IpAddr>,
    to: SocketAddr,
}

/// What the system says of a way to the server, as against the one that a session took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A new connection would take the same.
    Same,
    /// A new connection would leave by another network.
    Other,
    /// There is none.
    None,
}

impl Way {
    /// What a new connection would do now.
    #[must_use]
    pub fn now(&self, network: &dyn Network) -> Route {
        match (self.from, network.source(self.to)) {
            (_, Err(error)) if is_no_route(error.kind()) => Route::None,
            (Some(from), Ok(source)) if !same_network(from, source) => Route::Other,
            // What cannot be told is not worth another session.
            (Some(_) | None, Ok(_) | Err(_)) => Route::Same,
        }
    }
}

/// IPv6 addresses change by themselves within their network, RFC 8981.
fn same_network(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..4] == other.segments()[..4],
        (IpAddr::V4(_) | IpAddr::V6(_), IpAddr::V4(_) | IpAddr::V6(_)) => one == other,
    }
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

fn is_no_route(kind: io::ErrorKind) -> bool {
    [
        io::ErrorKind::NetworkUnreachable,
        io::ErrorKind::HostUnreachable,
        io::ErrorKind::NetworkDown,
        io::ErrorKind::AddrNotAvailable,
    ]
    .contains(&kind)
}

/// What the failures amount to; `has_way`: the system knows where to send what is for that address.
fn explain(
    server: &str,
    failures: &[(SocketAddr, io::Error)],
    has_way: impl Fn(SocketAddr) -> bool,
) -> Fault {
    let server = server.to_owned();
    let any = |wanted: &dyn Fn(SocketAddr, io::ErrorKind) -> bool| {
        failures
            .iter()
            .any(|(address, error)| wanted(*address, error.kind()))
    };
    // Where there is a way, it is the host at its end that is not there: no change of our own network
    // will tell when it is back.
    let no_answer = |address, kind| {
        kind == io::ErrorKind::TimedOut
            || (kind == io::ErrorKind::HostUnreachable && has_way(address))
    };
    let detail = failures
        .iter()
        .map(|(address, error)| format!("{address}: {error}"))
        .collect::<Vec<_>>()
        .join("; ");
    if any(&|_, kind| kind == io::ErrorKind::ConnectionRefused) {
        Fault::ConnectionRefused { server }
    } else if any(&no_answer) {
        Fault::ConnectTimeout { server }
    } else if any(&|_, kind| is_no_route(kind)) {
        Fault::NoRoute { server, detail }
    } else {
        Fault::ConnectFailed { server, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::network::SystemNetwork;

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
        let code = |failures| explain("m@s:722", failures, |_| false).code();
        assert_eq!(code(&failures), "connection_refused");
        assert_eq!(code(&failures[..1]), "no_route");
    }

    #[test]
    fn a_host_that_is_not_there_is_no_missing_network() {
        let (v6, v4) = (address("[2001:db8::1]:22"), address("192.0.2.1:22"));
        let failures = [
            (v6, io::ErrorKind::NetworkUnreachable.into()),
            (v4, io::ErrorKind::HostUnreachable.into()),
        ];
        let code = |has_way: fn(SocketAddr) -> bool| explain("m@s:722", &failures, has_way).code();
        assert_eq!(code(|to| to.is_ipv4()), "connect_timeout");
        assert_eq!(code(|_| false), "no_route");
    }

    #[test]
    fn an_address_of_the_same_network_is_no_other_way() {
        let ip = |text: &str| text.parse().unwrap();
        assert!(same_network(ip("192.0.2.7"), ip("192.0.2.7")));
        assert!(!same_network(ip("192.0.2.7"), ip("192.0.2.8")));
        assert!(same_network(ip("2001:db8::1"), ip("2001:db8::2")));
        assert!(!same_network(ip("2001:db8:1::1"), ip("2001:db8:2::1")));
        assert!(!same_network(ip("192.0.2.7"), ip("2001:db8::1")));
        let here = Way {
            from: Some(ip("127.0.0.1")),
            to: address("127.0.0.1:22"),
        };
        assert_eq!(here.now(&SystemNetwork), Route::Same);
        let from = Some(ip("192.0.2.7"));
        assert_eq!(Way { from, ..here }.now(&SystemNetwork), Route::Other);
    }

    #[tokio::test]
    async fn a_refused_address_gives_way_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        // Bound and not listening: refuses.
        let dead = tokio::net::TcpSocket::new_v4().unwrap();
        dead.bind(address("127.0.0.1:0")).unwrap();
        let addresses = [dead.local_addr().unwrap(), good];
        let connected = connect(&SystemNetwork, "m@s:722", &addresses)
            .await
            .unwrap();
        assert_eq!(connected.address, good);
    }
}
