//! The desktop, as far as one has to ask before one uses it.

/// Whether this session has a display: always, as far as a program that a user starts is concerned.
#[must_use]
pub fn has_display() -> bool {
    true
}
