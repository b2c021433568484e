//! The desktop, as far as systems differ in it.

use std::process::Command;

/// Whether there is a display: X11 or Wayland.
#[must_use]
pub fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The size to draw the tray's icon in, in pixels a side. Panels here scale it down to theirs, which
/// they tell nobody.
#[must_use]
pub fn tray_icon_size() -> u32 {
    64
}

/// The text of a tooltip, as the tray wants it: a small part of HTML.
#[must_use]
pub fn tooltip_text(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

/// The program that opens a text file for reading or changing.
#[must_use]
pub fn text_editor() -> Command {
    Command::new("xdg-open")
}

/// The system has no box of its own for an error. Tells whether there was one.
pub fn show_error(_title: &str, _text: &str) -> bool {
    false
}
