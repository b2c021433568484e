//! The process itself: which code it loads, what it leaves behind when it crashes, and how it is
//! told to end.

#![expect(
    unsafe_code,
    reason = "the loader's and the error reporting's switches"
)]

use super::announcements::{Announcement, announced};
use tokio::signal::windows;
use windows_sys::Win32::System::Console::{ATTACH_PARENT_PROCESS, AttachConsole, FreeConsole};
use windows_sys::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};
use windows_sys::Win32::System::LibraryLoader::{
    LOAD_LIBRARY_SEARCH_SYSTEM32, SetDefaultDllDirectories,
};

/// Keeps foreign code out of the process, and secrets in memory out of crash reports. It comes first
/// in `main`: a library that is loaded before it may come from the program's own directory.
///
/// Best effort: a system that refuses is no reason not to run.
pub fn harden_process() {
    // SAFETY: neither call takes a pointer.
    unsafe {
        SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
        WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP);
    }
}

/// The system's heap does so by itself.
pub fn keep_freed_memory() {}

/// Windows has no such limit.
pub fn raise_descriptor_limit() {}

/// Lets a program without a console of its own write to the one that it was started from. Output
/// that is redirected stays so, and without such a console it goes nowhere, as before.
pub fn attach_console() {
    // SAFETY: the call takes no pointer.
    unsafe { AttachConsole(ATTACH_PARENT_PROCESS) };
}

/// Lets go of the console: it may close without ending the program.
pub fn leave_console() {
    // SAFETY: the call takes nothing.
    unsafe { FreeConsole() };
}

/// Waits until someone asks the process to end: Ctrl-C or Ctrl-Break, the console closes, or the session
/// ends, be it that the user logs off, that the system shuts down, or that an installer wants our files.
pub async fn terminate_signal() {
    // The console's events for log-off and shutdown do not come to a program that can have windows.
    let session = announced(Announcement::SessionEnds);
    let (Ok(mut interrupt), Ok(mut stop), Ok(mut close)) = (
        windows::ctrl_c(),
        windows::ctrl_break(),
        windows::ctrl_close(),
    ) else {
        // The events then keep their default effect, which ends the process as well.
        tracing::warn!("cannot watch for console events");
        return session.await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = stop.recv() => {}
        _ = close.recv() => {}
        () = session => {}
    }
}
