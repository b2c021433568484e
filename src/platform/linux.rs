//! Linux.

mod agent;
mod appearance;
mod autostart;
mod desktop;
mod environment;
mod files;
mod ipc;
mod keyring;
mod memory;
mod notifications;
mod policy;
mod ports;
mod process;
mod sockets;
mod terminal;

pub use agent::agents;
pub use appearance::appearance;
pub use autostart::{autostart, autostart_declined, set_autostart};
pub use desktop::{has_display, show_error, text_editor, tooltip_text, tray_icon_size};
pub use environment::watch_environment;
pub use files::{create_private_dir, open_regular, private_file_options};
pub use ipc::{IpcListener, ipc_connect};
pub use keyring::{KEYRING, keyring_store};
pub use memory::keep_freed_memory;
pub use notifications::Notifications;
pub use policy::policy_source;
pub use ports::{port_owner, port_reserved};
pub use process::{
    attach_console, harden_process, leave_console, raise_descriptor_limit, register_program,
    terminate_signal,
};
pub use sockets::{bind_exclusive, quick_ack, tune_local_socket, tune_session_socket};
pub use terminal::{
    SavedTerminal, drop_typing, hide_typing, in_foreground, read_hidden_line, save_terminal,
    typed_within,
};
