//! The desktop, as far as systems differ in it.

#![expect(unsafe_code, reason = "GetSystemMetrics is a system call")]

use std::env;
use std::path::PathBuf;
use std::process::Command;
use windows_sys::Win32::UI::WindowsAndMessaging::{GetSystemMetrics, SM_CXSMICON};

/// Whether this session has a display: always, as far as a program that a user starts is concerned.
#[must_use]
pub fn has_display() -> bool {
    true
}

/// The size to draw the tray's icon in, in pixels a side.
#[must_use]
pub fn tray_icon_size() -> u32 {
    // SAFETY: it takes a number and gives one.
    let size = unsafe { GetSystemMetrics(SM_CXSMICON) };
    u32::try_from(size).unwrap_or_default()
}

/// The text of a tooltip, as the tray wants it: plain.
#[must_use]
pub fn tooltip_text(text: &str) -> String {
    text.to_owned()
}

/// The program that opens a text file for reading or changing. By its full name: a program beside
/// ours could have the short one.
#[must_use]
pub fn text_editor() -> Command {
    let root =
        env::var_os("SystemRoot").map_or_else(|| PathBuf::from(r"C:\Windows"), PathBuf::from);
    Command::new(root.join("System32").join("notepad.exe"))
}
