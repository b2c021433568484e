//! The listening sockets of one forward: bound all, or none and a fault that says why.

use crate::model::{Fault, LocalBind};
use crate::platform;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpStream};

/// Sockets that listen where a forward wants it, and nobody else can.
#[derive(Debug)]
pub(super) struct Listeners {
    local: LocalBind,
    sockets: Vec<TcpListener>,
}

impl Listeners {
    /// Listens at every address of `local`. A machine without IPv6 does with 127.0.0.1.
    pub(super) async fn bind(local: LocalBind) -> Result<Self, Fault> {
        // Names the owner of a taken port, which can take the system a while.
        tokio::task::spawn_blocking(move || Self::bind_now(local))
            .await
            .map_err(|error| Fault::Internal {
                detail: error.to_string(),
            })?
            .and_then(|(local, sockets)| Self::register(local, sockets))
    }

    fn bind_now(local: LocalBind) -> Result<(LocalBind, Vec<std::net::TcpListener>), Fault> {
        let mut sockets = Vec::new();
        for address in local.addresses() {
            match platform::bind_exclusive(address) {
                Ok(socket) => sockets.push(socket),
                Err(_) if !sockets.is_empty() && address.is_ipv6() && !has_ipv6() => {
                    tracing::info!(%address, "this machine has no IPv6");
                }
                Err(error) => return Err(bind_fault(address, &error)),
            }
        }
        Ok((local, sockets))
    }

    fn register(local: LocalBind, sockets: Vec<std::net::TcpListener>) -> Result<Self, Fault> {
        let sockets: io::Result<_> = sockets.into_iter().map(TcpListener::from_std).collect();
        match sockets {
            Ok(sockets) => Ok(Self { local, sockets }),
            Err(error) => Err(Fault::Internal {
                detail: error.to_string(),
            }),
        }
    }

    /// Where they listen.
    pub(super) fn local(&self) -> LocalBind {
        self.local
    }

    /// The next connection that comes in by any of them.
    pub(super) fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.sockets
            .iter()
            .map(|socket| socket.poll_accept(cx))
            .find(Poll::is_ready)
            .unwrap_or(Poll::Pending)
    }
}

fn has_ipv6() -> bool {
    std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

fn bind_fault(address: SocketAddr, error: &io::Error) -> Fault {
    if platform::port_reserved(address.port()) {
        return Fault::PortReserved { address };
    }
    let owner = platform::port_owner(address);
    // Windows refuses a port that is taken exclusively as it refuses one that is forbidden.
    let taken = error.kind() == io::ErrorKind::AddrInUse || owner.is_some();
    if taken {
        Fault::PortTaken { address, owner }
    } else {
        Fault::BindFailed {
            address,
            detail: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::net::Ipv4Addr;
    use tokio::io::AsyncWriteExt;

    async fn bound() -> (Listeners, u16) {
        loop {
            let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            // Another test may be quicker.
            if let Ok(listeners) = Listeners::bind(LocalBind::Port(port)).await {
                return (listeners, port);
            }
        }
    }

    #[tokio::test]
    async fn both_families_lead_to_it() {
        let (listeners, port) = bound().await;
        for ip in LocalBind::Port(port).addresses() {
            let mut program = TcpStream::connect(ip).await.unwrap();
            let (mut accepted, peer) = poll_fn(|cx| listeners.poll_accept(cx)).await.unwrap();
            assert_eq!(peer, program.local_addr().unwrap());
            accepted.shutdown().await.unwrap();
            program.shutdown().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_taken_port_names_its_owner_in_either_family() {
        for taken_by in ["127.0.0.1:0", "[::1]:0"] {
            let other = std::net::TcpListener::bind(taken_by).unwrap();
            let address = other.local_addr().unwrap();
            let fault = Listeners::bind(LocalBind::Port(address.port()))
                .await
                .unwrap_err();
            let Fault::PortTaken { address: at, owner } = fault else {
                panic!("{fault:?}");
            };
            assert_eq!(at, address);
            assert_eq!(owner.map(|owner| owner.pid), Some(std::process::id()));
            drop(other);
            Listeners::bind(LocalBind::Port(address.port()))
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn an_address_that_is_not_here_is_another_fault() {
        let nowhere = SocketAddr::from(([192, 0, 2, 1], 4_000));
        let fault = Listeners::bind(LocalBind::Address(nowhere))
            .await
            .unwrap_err();
        assert!(matches!(fault, Fault::BindFailed { .. }), "{fault:?}");
    }
}
