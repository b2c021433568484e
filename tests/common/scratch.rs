//! Directories that vanish with the test, and ports that nobody else has.

use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// A private directory; removed with everything in it when dropped.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("passerelle-lab-").tempdir();
        Self(dir.expect("a temporary directory can be made"))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of `name` in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file in it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Writes a program in it, for the shell.
    pub(crate) fn script(&self, name: &str, lines: &str) -> PathBuf {
        let path = self.write(name, &format!("#!/bin/sh\n{lines}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        path
    }
}

/// A loopback port on which nothing listens, IPv4 and IPv6, given to one caller only.
///
/// It lies below the ephemeral range, so that no outgoing connection takes it in between.
pub(crate) fn free_port() -> u16 {
    static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let port = fastrand::u16(10_000..32_000);
        if is_free(port) && given.insert(port) {
            return port;
        }
    }
}

/// Bound, never listened to: a process that is forked meanwhile has a copy of the socket until it
/// becomes another program, and a copy that listens would keep the port taken.
fn is_free(port: u16) -> bool {
    let binds = |address: IpAddr| {
        let address = SocketAddr::from((address, port));
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // As a listener has it, which may then bind beside such a copy.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())
    };
    let v6 = match binds(Ipv6Addr::LOCALHOST.into()) {
        Ok(()) => true,
        // There may be no IPv6 here.
        Err(error) => matches!(
            error.raw_os_error().map(Errno::from_raw_os_error),
            Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT)
        ),
    };
    v6 && binds(Ipv4Addr::LOCALHOST.into()).is_ok()
}
