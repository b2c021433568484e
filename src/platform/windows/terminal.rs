//! The console, which a prompt that hides what is typed leaves changed when the process ends in the
//! middle of it.

#![expect(unsafe_code, reason = "the console's mode has no safe wrapper")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::io::AsRawHandle;
use std::time::Duration;
use windows_sys::Win32::System::Console::{
    CONSOLE_MODE, ENABLE_ECHO_INPUT, FlushConsoleInputBuffer, GetConsoleMode, SetConsoleMode,
};
use zeroize::Zeroizing;

/// The console's input mode as it was; it is so again when this is dropped.
#[must_use]
#[derive(Debug)]
pub struct SavedTerminal(Option<(File, CONSOLE_MODE)>);

/// Notes the input mode of the process's console, if it has one.
pub fn save_terminal() -> SavedTerminal {
    let input = OpenOptions::new().read(true).write(true).open("CONIN$");
    let saved = input.ok().and_then(|input| {
        let mut mode = 0;
        // SAFETY: the handle is open, and `mode` outlives the call.
        let known = unsafe { GetConsoleMode(input.as_raw_handle(), &raw mut mode) } != 0;
        known.then_some((input, mode))
    });
    SavedTerminal(saved)
}

/// From now on nothing that is typed is shown, until this is dropped. What was typed ahead is
/// dropped: it was shown, so it is no secret.
pub fn hide_typing() -> SavedTerminal {
    let saved = save_terminal();
    if let Some((input, mode)) = &saved.0 {
        // SAFETY: the handle is open.
        unsafe {
            SetConsoleMode(input.as_raw_handle(), mode & !ENABLE_ECHO_INPUT);
            FlushConsoleInputBuffer(input.as_raw_handle());
        }
    }
    saved
}

/// Drops what was typed and not read, which nobody is to read any more.
pub fn drop_typing() {
    if let Some((input, _)) = &save_terminal().0 {
        // SAFETY: the handle is open.
        unsafe { FlushConsoleInputBuffer(input.as_raw_handle()) };
    }
}

/// Whether the terminal is this job's. A console knows no jobs.
#[must_use]
pub fn in_foreground() -> bool {
    true
}

/// Whether a read may begin: a console cannot be asked for a whole line, so it always may, and lasts
/// until one is typed.
///
/// # Errors
/// Never; other systems may have some.
pub fn typed_within(_patience: Duration) -> io::Result<bool> {
    Ok(true)
}

/// Reads a line that is not shown, without its end.
///
/// # Errors
/// The console is gone, or nothing was typed but the end.
pub fn read_hidden_line() -> io::Result<Zeroizing<String>> {
    rpassword::read_password().map(Zeroizing::new)
}

impl Drop for SavedTerminal {
    fn drop(&mut self) {
        if let Some((input, mode)) = &self.0 {
            // SAFETY: the handle is open.
            unsafe { SetConsoleMode(input.as_raw_handle(), *mode) };
        }
    }
}
