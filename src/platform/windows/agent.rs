//! SSH agents on Windows: OpenSSH's pipe, and Pageant's.

use crate::platform::AgentStream;
use pageant::namedpipes::PageantStream;
use std::ffi::OsString;
use std::io;
use std::time::Duration;
use tokio::net::windows::named_pipe::ClientOptions;
use windows_sys::Win32::Foundation::ERROR_PIPE_BUSY;

/// Where the OpenSSH agent that Windows brings along listens.
const OPENSSH_PIPE: &str = r"\\.\pipe\openssh-ssh-agent";

const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// How long to leave a pipe alone whose instances are all taken.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// Connections to every SSH agent that can be reached now: OpenSSH's first, then Pageant's.
pub async fn agents() -> Vec<AgentStream> {
    let (openssh, pageant) = tokio::join!(
        tokio::time::timeout(CONNECT_DEADLINE, openssh()),
        tokio::time::timeout(CONNECT_DEADLINE, pageant()),
    );
    let mut agents = Vec::new();
    for (name, outcome) in [("OpenSSH", openssh), ("Pageant", pageant)] {
        match outcome {
            Ok(Ok(stream)) => agents.push(stream),
            Ok(Err(error)) => tracing::debug!(agent = name, %error, "no SSH agent"),
            Err(_) => tracing::debug!(agent = name, "the SSH agent does not take connections"),
        }
    }
    agents
}

/// The OpenSSH agent, or what `SSH_AUTH_SOCK` names instead, as OpenSSH for Windows reads it.
///
/// The pipe is opened at the identification level, tokio's default, so that a program that squats on
/// its name cannot act in the user's name. Ends only with the caller's deadline while it is busy.
async fn openssh() -> io::Result<AgentStream> {
    let named = std::env::var_os("SSH_AUTH_SOCK")
        .filter(|name| name.to_string_lossy().starts_with(r"\\.\pipe\"));
    let pipe = named.unwrap_or_else(|| OsString::from(OPENSSH_PIPE));
    loop {
        match ClientOptions::new().open(&pipe) {
            Ok(stream) => return Ok(Box::new(stream)),
            Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY.cast_signed()) => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Pageant by its named pipe, which it has had since PuTTY 0.75. The older way, a window message,
/// waits without a bound on the thread that asks.
async fn pageant() -> io::Result<AgentStream> {
    let runtime = tokio::runtime::Handle::current();
    // The pipe's name holds the user's, which Windows may ask the domain controller for: not on
    // the engine's only thread.
    let connecting = tokio::task::spawn_blocking(move || runtime.block_on(PageantStream::new()));
    match connecting.await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(io::Error::other(error)),
        Err(error) => Err(io::Error::other(error)),
    }
}
