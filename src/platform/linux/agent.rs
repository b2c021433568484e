//! SSH agents on Linux: the socket that `SSH_AUTH_SOCK` names.

use crate::platform::AgentStream;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::UnixStream;

const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// Connections to every SSH agent that can be reached now.
pub async fn agents() -> Vec<AgentStream> {
    let Some(socket) = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from) else {
        return Vec::new();
    };
    match tokio::time::timeout(CONNECT_DEADLINE, UnixStream::connect(&socket)).await {
        Ok(Ok(stream)) => vec![Box::new(stream)],
        Ok(Err(error)) => {
            tracing::debug!(socket = %socket.display(), %error, "no SSH agent");
            Vec::new()
        }
        Err(_) => {
            tracing::debug!(socket = %socket.display(), "the SSH agent does not take connections");
            Vec::new()
        }
    }
}
