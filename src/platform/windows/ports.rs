//! Who has a port, and which ports Windows keeps for itself.

#![expect(
    unsafe_code,
    reason = "the tables of iphlpapi and the list of processes"
)]

use crate::model::PortOwner;
use std::ffi::c_void;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::{ptr, slice};
use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, INVALID_HANDLE_VALUE, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCP6TABLE_OWNER_PID, MIB_TCPROW_OWNER_PID,
    MIB_TCPTABLE_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER,
};
use windows_sys::Win32::Networking::WinSock::{ADDRESS_FAMILY, AF_INET, AF_INET6, WSAEACCES};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};

/// The process that listens where `address` cannot be bound for it.
#[must_use]
pub fn port_owner(address: SocketAddr) -> Option<PortOwner> {
    // Number 0 is nobody: the idle process has no listener.
    let pid = holder(&listeners(), address).filter(|pid| *pid != 0)?;
    Some(PortOwner {
        pid,
        process: process_name(pid),
    })
}

/// Whether Windows keeps the port from everyone who asks for it, as Hyper-V and WinNAT do with whole
/// ranges (`netsh interface ipv4 show excludedportrange tcp`): it then forbids what nobody has.
#[must_use]
pub fn port_reserved(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let forbidden =
        TcpListener::bind(address).is_err_and(|error| error.raw_os_error() == Some(WSAEACCES));
    forbidden && holder(&listeners(), address).is_none()
}

/// A listening socket and its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listener {
    address: SocketAddr,
    pid: u32,
}

/// The process whose listener is in the way, the one on that very address before one on them all.
fn holder(listeners: &[Listener], wanted: SocketAddr) -> Option<u32> {
    let same_port = || {
        listeners
            .iter()
            .filter(|listener| listener.address.port() == wanted.port())
    };
    same_port()
        .find(|listener| listener.address.ip() == wanted.ip())
        .or_else(|| same_port().find(|listener| listener.address.ip().is_unspecified()))
        .map(|listener| listener.pid)
}

fn listeners() -> Vec<Listener> {
    let (v4, v6) = (tcp_table(AF_INET), tcp_table(AF_INET6));
    let mut all = Vec::new();
    if let Some(table) = v4 {
        // SAFETY: the table has the layout that the address family names.
        let rows = unsafe { rows::<MIB_TCPTABLE_OWNER_PID, MIB_TCPROW_OWNER_PID>(&table) };
        all.extend(rows.iter().map(|row| Listener {
            address: SocketAddr::new(
                IpAddr::V4(Ipv4Addr::from(row.dwLocalAddr.to_ne_bytes())),
                port(row.dwLocalPort),
            ),
            pid: row.dwOwningPid,
        }));
    }
    if let Some(table) = v6 {
        // SAFETY: the table has the layout that the address family names.
        let rows = unsafe { rows::<MIB_TCP6TABLE_OWNER_PID, MIB_TCP6ROW_OWNER_PID>(&table) };
        all.extend(rows.iter().map(|row| Listener {
            address: SocketAddr::new(
                IpAddr::V6(Ipv6Addr::from(row.ucLocalAddr)),
                port(row.dwLocalPort),
            ),
            pid: row.dwOwningPid,
        }));
    }
    all
}

/// The tables hold ports in network order, in the first two bytes.
fn port(field: u32) -> u16 {
    let [high, low, ..] = field.to_ne_bytes();
    u16::from_be_bytes([high, low])
}

fn tcp_table(family: ADDRESS_FAMILY) -> Option<Vec<u64>> {
    const TRIES: usize = 5;
    let mut buffer = vec![0_u64; 512];
    for _ in 0..TRIES {
        let mut length = u32::try_from(buffer.len() * size_of::<u64>()).ok()?;
        // SAFETY: the buffer has `length` bytes.
        let result = unsafe {
            GetExtendedTcpTable(
                buffer.as_mut_ptr().cast::<c_void>(),
                &raw mut length,
                0,
                u32::from(family),
                TCP_TABLE_OWNER_PID_LISTENER,
                0,
            )
        };
        match result {
            NO_ERROR => return Some(buffer),
            // It may grow between two calls, hence more than two tries.
            ERROR_INSUFFICIENT_BUFFER => {
                let needed = (length as usize).div_ceil(size_of::<u64>());
                buffer.resize(needed.max(buffer.len() * 2), 0);
            }
            error => {
                tracing::debug!(error, "no table of listeners");
                return None;
            }
        }
    }
    None
}

/// The rows of a table: a count of 32 bits, then the rows.
///
/// # Safety
/// The buffer must hold a table of this type, as the system wrote it.
unsafe fn rows<Table, Row>(buffer: &[u64]) -> &[Row] {
    let start = buffer.as_ptr();
    let offset = size_of::<Table>() - size_of::<Row>();
    // SAFETY: the caller vouches for the layout: the rows begin where the table's one declared row
    // does, and their count is in its first field; both types are aligned to 4 bytes.
    unsafe {
        let count = *start.cast::<u32>() as usize;
        let room = (size_of_val(buffer) - offset) / size_of::<Row>();
        slice::from_raw_parts(start.byte_add(offset).cast::<Row>(), count.min(room))
    }
}

fn process_name(pid: u32) -> Option<String> {
    // SAFETY: the call takes no pointer.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if ptr::eq(snapshot, INVALID_HANDLE_VALUE) {
        return None;
    }
    // SAFETY: the call above succeeded, so this is an open handle that nobody else closes.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let mut entry = PROCESSENTRY32W {
        dwSize: u32::try_from(size_of::<PROCESSENTRY32W>()).ok()?,
        ..PROCESSENTRY32W::default()
    };
    // SAFETY: the handle is open, and the entry says how long it is.
    let mut found = unsafe { Process32FirstW(snapshot.as_raw_handle(), &raw mut entry) };
    while found != 0 {
        if entry.th32ProcessID == pid {
            let name = entry.szExeFile.split(|unit| *unit == 0).next()?;
            return Some(String::from_utf16_lossy(name));
        }
        // SAFETY: as above.
        found = unsafe { Process32NextW(snapshot.as_raw_handle(), &raw mut entry) };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_found_with_their_process() {
        for any in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"] {
            let listener = TcpListener::bind(any).unwrap();
            let address = listener.local_addr().unwrap();
            let pid = holder(&listeners(), address).unwrap();
            // Wine knows the listener, and not whose it is.
            assert!([std::process::id(), 0].contains(&pid), "{any}: {pid}");
        }
    }

    #[test]
    fn a_process_has_a_name() {
        let name = process_name(std::process::id()).unwrap();
        assert!(name.to_lowercase().ends_with(".exe"), "{name}");
    }

    #[test]
    fn a_free_port_has_no_holder_and_is_not_reserved() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(!port_reserved(address.port()));
        drop(listener);
        assert_eq!(port_owner(address), None);
        assert!(!port_reserved(address.port()));
    }

    #[test]
    fn the_very_address_comes_before_all_addresses() {
        let listener = |address: &str, pid| Listener {
            address: address.parse().unwrap(),
            pid,
        };
        let all = [
            listener("0.0.0.0:3000", 1),
            listener("127.0.0.1:3000", 2),
            listener("[::1]:9090", 3),
        ];
        let holder = |address: &str| holder(&all, address.parse().unwrap());
        assert_eq!(holder("127.0.0.1:3000"), Some(2));
        assert_eq!(holder("[::1]:3000"), Some(1));
        assert_eq!(holder("127.0.0.1:9090"), None);
    }
}
