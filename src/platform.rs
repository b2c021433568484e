//! What differs between operating systems, behind one signature for each.
//!
//! Nothing outside this room asks which system it runs on.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::{
    IpcListener, agents, bind_exclusive, create_private_dir, harden_process, ipc_connect,
    keyring_store, port_owner, port_reserved, private_file_options, quick_ack, terminate_signal,
    tune_local_socket, tune_session_socket,
};
#[cfg(windows)]
pub use windows::{
    IpcListener, agents, bind_exclusive, create_private_dir, harden_process, ipc_connect,
    keyring_store, port_owner, port_reserved, private_file_options, quick_ack, terminate_signal,
    tune_local_socket, tune_session_socket,
};

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection to another program of this machine, whatever the system makes it of.
pub trait LocalStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> LocalStream for S {}

/// A connection between a verb and the running Passerelle. Both ends belong to the same user.
pub type IpcStream = Box<dyn LocalStream>;

/// A connection to an SSH agent.
pub type AgentStream = Box<dyn LocalStream>;
