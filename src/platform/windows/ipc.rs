//! The local pipe between the verbs and the running program, named after the user and the state
//! directory.
//!
//! Only this user's programs may open it: that is its access list. (The identifier of the logon session
//! would not do in its place, as what `runas` starts for another user bears the same.) Each end then makes
//! sure that the other one is in its own session, and a verb also that the pipe it found is its own user's,
//! as anyone may make a pipe of any free name.

#![expect(
    unsafe_code,
    reason = "a pipe's security descriptor, and who is at its other end"
)]

use super::identity::{Permissions, owner_of, user_sid};
use crate::paths::Paths;
use crate::platform::IpcStream;
use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle};
use std::process;
use std::time::Duration;
use tokio::net::windows::named_pipe::{
    ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions,
};
use tokio::time::{sleep, timeout};
use windows_sys::Win32::Foundation::{ERROR_PIPE_BUSY, HANDLE};
use windows_sys::Win32::Security::Authorization::SE_KERNEL_OBJECT;
use windows_sys::Win32::System::Pipes::{
    GetNamedPipeClientSessionId, GetNamedPipeServerProcessId, GetNamedPipeServerSessionId,
};
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;
use windows_sys::Win32::UI::WindowsAndMessaging::AllowSetForegroundWindow;
use windows_sys::core::BOOL;

/// How long a verb waits for the program to take it in.
const BUSY: Duration = Duration::from_secs(2);

/// The running program's end: takes connections of the user's own, from the same Windows session.
#[derive(Debug)]
pub struct IpcListener {
    name: String,
    sddl: String,
    /// The pipe instance that the next verb connects to.
    next: NamedPipeServer,
}

impl IpcListener {
    /// Listens.
    ///
    /// # Errors
    /// When the pipe cannot be made, as when another program has its name.
    pub fn bind(paths: &Paths) -> io::Result<Self> {
        let user = user_sid()?;
        let name = pipe_name(&user, paths);
        let sddl = format!("O:{user}D:P(A;;GA;;;{user})");
        let next = create(&name, &sddl, Instance::First)?;
        Ok(Self { name, sddl, next })
    }

    /// The next connection.
    ///
    /// # Errors
    /// When no further pipe can be made.
    pub async fn accept(&mut self) -> io::Result<IpcStream> {
        loop {
            let connected = self.next.connect().await;
            let next = create(&self.name, &self.sddl, Instance::Further)?;
            let current = std::mem::replace(&mut self.next, next);
            // It may have come and gone before we looked.
            let caller = connected.and_then(|()| {
                assert_own_session(current.as_raw_handle(), GetNamedPipeClientSessionId)
            });
            match caller {
                Ok(()) => return Ok(Box::new(current)),
                Err(error) => tracing::debug!(%error, "a verb is not taken in"),
            }
        }
    }
}

/// Connects to the program that runs on these paths.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when none does; [`io::ErrorKind::PermissionDenied`] when it is another
/// user's or another session's; [`io::ErrorKind::TimedOut`] when it takes nobody in.
pub async fn ipc_connect(paths: &Paths) -> io::Result<IpcStream> {
    let user = user_sid()?;
    let pipe = timeout(BUSY, open(&pipe_name(&user, paths)))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // SAFETY: the pipe stays open for longer than the handle is borrowed.
    let handle = unsafe { BorrowedHandle::borrow_raw(pipe.as_raw_handle()) };
    let owner = owner_of(handle, SE_KERNEL_OBJECT)?;
    if owner != user {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("the other end belongs to user {owner}"),
        ));
    }
    assert_own_session(pipe.as_raw_handle(), GetNamedPipeServerSessionId)?;
    let_come_forward(pipe.as_raw_handle());
    Ok(Box::new(pipe))
}

/// Fails unless the other end of the pipe is in our own session, as `session_of` tells that.
fn assert_own_session(
    pipe: HANDLE,
    session_of: unsafe extern "system" fn(HANDLE, *mut u32) -> BOOL,
) -> io::Result<()> {
    let (mut own, mut other) = (0, 0);
    // SAFETY: the caller's pipe is open for the calls, and the places for the numbers outlive them.
    let known = unsafe {
        ProcessIdToSessionId(process::id(), &raw mut own) != 0
            && session_of(pipe, &raw mut other) != 0
    };
    if !known {
        return Err(io::Error::last_os_error());
    }
    if own != other {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("the other end is in session {other}, not in {own}"),
        ));
    }
    Ok(())
}

/// What the user has just started may show itself; the program that it turns to may do so in its place.
fn let_come_forward(pipe: HANDLE) {
    let mut process = 0;
    // SAFETY: the caller's pipe is open for the call, and the place for the number outlives it.
    unsafe {
        if GetNamedPipeServerProcessId(pipe, &raw mut process) != 0 {
            AllowSetForegroundWindow(process);
        }
    }
}

async fn open(name: &str) -> io::Result<NamedPipeClient> {
    const PAUSE: Duration = Duration::from_millis(20);
    loop {
        match ClientOptions::new().open(name) {
            Err(error) if is(&error, ERROR_PIPE_BUSY) => sleep(PAUSE).await,
            result => return result,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Instance {
    First,
    Further,
}

fn create(name: &str, sddl: &str, instance: Instance) -> io::Result<NamedPipeServer> {
    let permissions = Permissions::parse(sddl)?;
    let mut attributes = permissions.attributes();
    // SAFETY: the attributes and the descriptor that they point to outlive the call.
    unsafe {
        ServerOptions::new()
            .first_pipe_instance(instance == Instance::First)
            .reject_remote_clients(true)
            .create_with_security_attributes_raw(name, (&raw mut attributes).cast())
    }
}

/// A name of its own for each state directory: FNV-1a, as it must be the same in every build.
fn pipe_name(user: &str, paths: &Paths) -> String {
    let path = paths.state_dir.to_string_lossy().to_lowercase();
    let hash = path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!(r"\\.\pipe\passerelle-{user}-{hash:016x}")
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn paths(state_dir: &str) -> Paths {
        Paths {
            config_file: PathBuf::new(),
            state_dir: PathBuf::from(state_dir),
            user_known_hosts: None,
        }
    }

    #[tokio::test]
    async fn the_verbs_reach_the_program_one_after_the_other() {
        let paths = paths(r"C:\passerelle-tests\reach");
        let mut listener = IpcListener::bind(&paths).unwrap();
        for _ in 0..3 {
            let (client, server) = tokio::join!(ipc_connect(&paths), listener.accept());
            let (mut client, mut server) = (client.unwrap(), server.unwrap());
            client.write_all(b"?").await.unwrap();
            assert_eq!(server.read_u8().await.unwrap(), b'?');
            server.write_all(b"!").await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), b'!');
        }
    }

    #[tokio::test]
    async fn nobody_there_is_told() {
        let missing = ipc_connect(&paths(r"C:\passerelle-tests\nobody")).await;
        assert_eq!(missing.err().unwrap().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_case_of_a_state_directory_does_not_matter() {
        let name = |state_dir| pipe_name("S-1-5-21-1", &paths(state_dir));
        assert_eq!(name(r"C:\Users\Zoé"), name(r"c:\users\zoé"));
        assert_ne!(name(r"C:\a"), name(r"C:\b"));
    }
}
