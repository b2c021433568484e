//! Windows.

mod files;
mod ipc;
mod process;
mod sockets;

pub use files::{create_private_dir, private_file_options};
pub use ipc::{IpcListener, ipc_connect};
pub use process::{harden_process, terminate_signal};
pub use sockets::{
    bind_exclusive, port_owner, port_reserved, quick_ack, tune_local_socket, tune_session_socket,
};
