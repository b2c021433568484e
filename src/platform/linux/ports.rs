//! Who has a port: `/proc/net/tcp` names the socket, `/proc/PID/fd` who holds it (proc(5)).

use crate::model::PortOwner;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The process that listens where `address` cannot be bound for it, as far as this user may see it.
#[must_use]
pub fn port_owner(address: SocketAddr) -> Option<PortOwner> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listening_inode(&table, address))?;
    let link = format!("socket:[{inode}]");
    let pid = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| holds(*pid, &link))?;
    let process = fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    Some(PortOwner {
        pid,
        process: process.map(|name| name.trim_end().to_owned()),
    })
}

/// Whether the system keeps the port from everyone who asks for it. Linux does not: its reserved
/// ports are only never handed out unasked.
#[must_use]
pub fn port_reserved(_port: u16) -> bool {
    false
}

fn holds(pid: u32, link: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == Path::new(link)))
}

/// The inode of the listening socket in the table that is in the way of `wanted`.
fn listening_inode(table: &str, wanted: SocketAddr) -> Option<u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else {
            return None;
        };
        let (address, port) = local.split_once(':')?;
        let address = parse_address(address)?;
        let in_the_way = *state == LISTEN
            && u16::from_str_radix(port, 16).ok()? == wanted.port()
            && (address == wanted.ip() || address.is_unspecified());
        in_the_way.then(|| inode.parse().ok()).flatten()
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
            assert_eq!(listening_inode(table, wanted), None);
        }
    }
}
