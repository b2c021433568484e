//! The desktop, as far as systems differ in it.

#![expect(unsafe_code, reason = "a message box, and a size of the system's")]

use super::wide;
use std::path::PathBuf;
use std::process::Command;
use std::{env, ptr};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    GetSystemMetrics, MB_ICONERROR, MB_OK, MB_SETFOREGROUND, MessageBoxW, SM_CXSMICON,
};

/// Whether there is a display: always, as far as a program that a user starts is concerned.
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

/// Shows a box of the system's own, and waits until the user has closed it. Tells whether there was one.
pub fn show_error(title: &str, text: &str) -> bool {
    let (title, text) = (wide(title.as_ref()), wide(text.as_ref()));
    // SAFETY: both texts end with a zero and outlive the call; the box may have no owner.
    let pressed = unsafe {
        MessageBoxW(
            ptr::null_mut(),
            text.as_ptr(),
            title.as_ptr(),
            MB_OK | MB_ICONERROR | MB_SETFOREGROUND,
        )
    };
    pressed != 0
}
