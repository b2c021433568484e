//! The desktop, as far as one has to ask before one uses it.

/// Whether this session has a display: X11 or Wayland.
#[must_use]
pub fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
