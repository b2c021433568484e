//! Windows.

mod agent;
mod announcements;
mod appearance;
mod autostart;
mod desktop;
mod environment;
mod files;
mod identity;
mod ipc;
mod keyring;
mod notifications;
mod policy;
mod ports;
mod process;
mod registration;
mod registry;
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
pub use notifications::Notifications;
pub use policy::policy_source;
pub use ports::{port_owner, port_reserved};
pub use process::{
    attach_console, harden_process, keep_freed_memory, leave_console, raise_descriptor_limit,
    terminate_signal,
};
pub use registration::register_program;
pub use sockets::{bind_exclusive, quick_ack, tune_local_socket, tune_session_socket};
pub use terminal::{
    SavedTerminal, drop_typing, hide_typing, in_foreground, read_hidden_line, save_terminal,
    typed_within,
};

use std::ffi::OsStr;
use std::os::windows::ffi::OsStrExt;

/// The text as the system's calls take it: UTF-16, with a zero at its end.
fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}
