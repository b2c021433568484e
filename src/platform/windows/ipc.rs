//! The local pipe between the verbs and the running program, named after the state directory.

use crate::paths::Paths;
use crate::platform::IpcStream;
use std::io;
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeServer, ServerOptions};

/// The running program's end: takes connections of this machine.
#[derive(Debug)]
pub struct IpcListener {
    name: String,
    /// The pipe instance that the next verb connects to.
    next: NamedPipeServer,
}

impl IpcListener {
    /// Listens.
    ///
    /// # Errors
    /// When the pipe cannot be made, as when another program has its name.
    pub fn bind(paths: &Paths) -> io::Result<Self> {
        let name = pipe_name(paths);
        let next = ServerOptions::new()
            .first_pipe_instance(true)
            .reject_remote_clients(true)
            .create(&name)?;
        Ok(Self { name, next })
    }

    /// The next connection.
    ///
    /// # Errors
    /// When the pipe fails.
    pub async fn accept(&mut self) -> io::Result<IpcStream> {
        self.next.connect().await?;
        let next = ServerOptions::new()
            .reject_remote_clients(true)
            .create(&self.name)?;
        Ok(Box::new(std::mem::replace(&mut self.next, next)))
    }
}

/// Connects to the program that runs on these paths.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when none does.
pub async fn ipc_connect(paths: &Paths) -> io::Result<IpcStream> {
    Ok(Box::new(ClientOptions::new().open(pipe_name(paths))?))
}

/// A name of its own for each state directory: FNV-1a, as it must be the same in every build.
fn pipe_name(paths: &Paths) -> String {
    let path = paths.state_dir.to_string_lossy().to_lowercase();
    let hash = path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!(r"\\.\pipe\passerelle-{hash:016x}")
}
