//! Who has a port: `/proc/net/tcp` names the socket, `/proc/PID/fd` who holds it (proc(5)).

use crate::model::PortOwner;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The process that listens where `address` cannot be bound for it, as far as this user may see it.
#[must_use]
pub fn port_owner(address: SocketAddr) -> Option<PortOwner> {
    let socket = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listening_socket(&table, address))?;
    let link = format!("socket:[{}]", socket.inode);
    let pids: Vec<u32> = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    let holder = pids.iter().find(|pid| holds(**pid, &link));
    let pid = *holder.or_else(|| pids.iter().find(|pid| hides_as_we_do(**pid, socket.user)))?;
    Some(PortOwner {
        pid,
        process: name(pid),
    })
}

/// Whether the system keeps the port from everyone who asks for it. Linux does not: its reserved
/// ports are only never handed out unasked.
#[must_use]
pub fn port_reserved(_port: u16) -> bool {
    false
}

/// Whether it is likely another Passerelle of ours: it may not be dumped, and such a process shows what it
/// holds to nobody but root. Of other users every process hides that, so nothing follows from it.
fn hides_as_we_do(pid: u32, owner: u32) -> bool {
    if owner != rustix::process::getuid().as_raw() {
        return false;
    }
    let hidden = fs::read_dir(format!("/proc/{pid}/fd"))
        .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    hidden
        && name(pid).is_some_and(|name| name.starts_with(env!("CARGO_PKG_NAME")))
        && user(pid) == Some(owner)
}

fn name(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// The real user of a process.
fn user(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_ascii_whitespace().next()?.parse().ok()
}

fn holds(pid: u32, link: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == Path::new(link)))
}

#[derive(Debug, PartialEq, Eq)]
struct Socket {
    inode: u64,
    user: u32,
}

/// The listening socket in the table that is in the way of `wanted`.
fn listening_socket(table: &str, wanted: SocketAddr) -> Option<Socket> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, _, state, _, _, _, user, _, inode, ..] = fields.as_slice() else {
            return None;
        };
        let (address, port) = local.split_once(':')?;
        let address = parse_address(address)?;
        let in_the_way = *state == LISTEN
            && u16::from_str_radix(port, 16).ok()? == wanted.port()
            && (address == wanted.ip() || address.is_unspecified());
        let (inode, user) = (inode.parse().ok()?, user.parse().ok()?);
        in_the_way.then_some(Socket { inode, user })
    })
}

/// The kernel prints each 32-bit word of the address as the machine holds it.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |index: usize| {
        let digits = text.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut octets = [0; 16];
            for (index, chunk) in octets.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index)?);
            }
            Some(Ipv6Addr::from(octets).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_holder_of_a_port_is_named() {
        for any in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
            let listener = TcpListener::bind(any).unwrap();
            let bound = listener.local_addr().unwrap();
            let wanted = match bound {
                SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port())),
                SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, bound.port())),
            };
            let owner = port_owner(wanted).unwrap();
            assert_eq!(owner.pid, std::process::id(), "{any}");
            assert!(owner.process.is_some_and(|name| !name.is_empty()), "{any}");
        }
    }

    #[test]
    fn a_free_port_has_no_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(port_owner(address), None);
    }

    #[test]
    fn a_table_that_makes_no_sense_names_nobody() {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        for table in ["", "header", "header\n0: x y z", "header\n0: é:0050 0 0A"] {
            assert_eq!(listening_socket(table, wanted), None);
        }
    }
}
