//! Start at log-on.

use crate::platform::Autostart;
use std::ffi::OsStr;
use std::io;

/// Whether Windows starts Passerelle at log-on.
///
/// # Errors
/// Never yet.
pub fn autostart() -> io::Result<Autostart> {
    Ok(Autostart::Fixed(false))
}

/// Has Windows start this program with these arguments when the user logs on; `None`: not any more.
///
/// # Errors
/// Always yet.
pub fn set_autostart(_arguments: Option<&[&OsStr]>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
