//! What differs between operating systems, behind one signature for each.
//!
//! Nothing outside this room asks which system it runs on.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::{
    IpcListener, KEYRING, Notifications, SavedTerminal, agents, appearance, attach_console,
    autostart, autostart_declined, bind_exclusive, create_private_dir, drop_typing, harden_process,
    has_display, hide_typing, in_foreground, ipc_connect, keep_freed_memory, keyring_store,
    leave_console, open_regular, policy_source, port_owner, port_reserved, private_file_options,
    quick_ack, raise_descriptor_limit, read_hidden_line, register_program, save_terminal,
    set_autostart, show_error, terminate_signal, text_editor, tooltip_text, tray_icon_size,
    tune_local_socket, tune_session_socket, typed_within, watch_environment,
};
#[cfg(windows)]
pub use windows::{
    IpcListener, KEYRING, Notifications, SavedTerminal, agents, appearance, attach_console,
    autostart, autostart_declined, bind_exclusive, create_private_dir, drop_typing, harden_process,
    has_display, hide_typing, in_foreground, ipc_connect, keep_freed_memory, keyring_store,
    leave_console, open_regular, policy_source, port_owner, port_reserved, private_file_options,
    quick_ack, raise_descriptor_limit, read_hidden_line, register_program, save_terminal,
    set_autostart, show_error, terminate_signal, text_editor, tooltip_text, tray_icon_size,
    tune_local_socket, tune_session_socket, typed_within, watch_environment,
};

use std::io;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection to another program of this machine, whatever the system makes it of.
pub trait LocalStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> LocalStream for S {}

/// A connection between a verb and the running Passerelle. Both ends belong to the same user.
pub type IpcStream = Box<dyn LocalStream>;

/// A connection to an SSH agent.
pub type AgentStream = Box<dyn LocalStream>;

/// Whether the desktop starts Passerelle when the user logs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Autostart {
    /// It does.
    On,
    /// It does not.
    Off,
    /// It does, or does not, and the user cannot change that here.
    Fixed(bool),
}

/// A notification, and what comes of it.
pub struct Notification {
    /// Its first line.
    pub title: String,
    /// The rest.
    pub text: String,
    /// The user clicked it. Called on a thread of the system's, or of its own.
    pub clicked: Box<dyn Fn() + Send>,
    /// The system does not show it. Called on any thread.
    pub refused: Box<dyn Fn() + Send>,
}

/// The colours that the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appearance {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What the system calls the keyring that keeps secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyringName {
    /// Windows' own.
    CredentialManager,
    /// Any that speaks `org.freedesktop.secrets`.
    SecretService,
}

/// Where the machine's administrator lays a policy down. It may be empty.
#[derive(Debug)]
pub enum PolicySource {
    /// In a file, which may be missing.
    File(PathBuf),
    /// In a registry.
    Registry {
        /// The key's name, for messages.
        name: &'static str,
        /// What it holds, or why that cannot be told.
        root: io::Result<PolicyKey>,
    },
}

/// A key of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyKey {
    /// Its values, by name.
    pub values: Vec<(String, PolicyValue)>,
    /// The keys below it, by name.
    pub keys: Vec<(String, PolicyKey)>,
}

/// A value of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyValue {
    /// `REG_SZ`, `REG_EXPAND_SZ`, as it stands there.
    Text(String),
    /// `REG_MULTI_SZ`.
    Lines(Vec<String>),
    /// `REG_DWORD`.
    Number(u32),
    /// Anything else.
    Other,
}
