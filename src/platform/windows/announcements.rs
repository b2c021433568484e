//! What Windows announces to top-level windows: the end of the session, and that the machine woke. A
//! hidden window of ours hears it, on a thread of its own, which nothing else holds up. (A message-only
//! window would be told neither.)

#![expect(unsafe_code, reason = "a window and its messages")]

use std::sync::{LazyLock, Once};
use std::time::Duration;
use std::{io, ptr, thread};
use tokio::sync::broadcast;
use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, WPARAM};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DefWindowProcW, DispatchMessageW, GetMessageW, MSG, PBT_APMRESUMEAUTOMATIC,
    RegisterClassW, WM_ENDSESSION, WM_POWERBROADCAST, WM_QUERYENDSESSION, WNDCLASSW,
    WS_EX_TOOLWINDOW, WS_OVERLAPPED,
};
use windows_sys::core::w;

/// How long the program has to leave in an orderly way when the session ends, and how long it then has
/// to leave in any way. Windows tells the user of a program that takes more than a few seconds.
const ORDERLY: Duration = Duration::from_millis(1_300);
const ANYHOW: Duration = Duration::from_millis(500);

/// How many announcements a listener may be behind.
const BEHIND: usize = 16;

/// Something that Windows announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announcement {
    /// The user logs off, the machine shuts down, or an installer wants the program's files. Announced
    /// again to a program that is slow to leave.
    SessionEnds,
    /// The machine is awake again.
    Resumed,
}

static SENDER: LazyLock<broadcast::Sender<Announcement>> =
    LazyLock::new(|| broadcast::Sender::new(BEHIND));

/// Waits until this is announced. Without a window, which the log then says, it never is.
pub(super) async fn announced(awaited: Announcement) {
    let mut announcements = announcements();
    while announcements.recv().await != Ok(awaited) {}
}

fn announcements() -> broadcast::Receiver<Announcement> {
    static STARTED: Once = Once::new();
    let receiver = SENDER.subscribe();
    STARTED.call_once(|| {
        let thread = thread::Builder::new().name("announcements".to_owned());
        let started = thread.spawn(|| {
            if let Err(error) = listen() {
                tracing::warn!(%error, "the end of the session will not be noticed");
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "the end of the session will not be noticed");
        }
    });
    receiver
}

/// Makes the window, and serves it as long as the process lives.
fn listen() -> io::Result<()> {
    let class = w!("PasserelleAnnouncements");
    // SAFETY: the class's name and procedure live as long as the program; what is null or zero may be so.
    let window = unsafe {
        let instance = GetModuleHandleW(ptr::null());
        let description = WNDCLASSW {
            lpfnWndProc: Some(hear),
            hInstance: instance,
            lpszClassName: class,
            ..WNDCLASSW::default()
        };
        if RegisterClassW(&raw const description) == 0 {
            return Err(io::Error::last_os_error());
        }
        CreateWindowExW(
            WS_EX_TOOLWINDOW,
            class,
            w!("Passerelle"),
            WS_OVERLAPPED,
            0,
            0,
            0,
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            instance,
            ptr::null(),
        )
    };
    if window.is_null() {
        return Err(io::Error::last_os_error());
    }
    let mut message = MSG::default();
    // SAFETY: the place for the message outlives the calls.
    unsafe {
        while GetMessageW(&raw mut message, ptr::null_mut(), 0, 0) > 0 {
            DispatchMessageW(&raw const message);
        }
    }
    Ok(())
}

/// The window's procedure.
extern "system" fn hear(window: HWND, message: u32, wparam: WPARAM, lparam: LPARAM) -> LRESULT {
    match message {
        // It may end: we ask nobody.
        WM_QUERYENDSESSION => 1,
        // The process is ended once this returns, so it returns when the process had its time.
        WM_ENDSESSION => {
            if wparam != 0 {
                announce(Announcement::SessionEnds);
                thread::sleep(ORDERLY);
                announce(Announcement::SessionEnds);
                thread::sleep(ANYHOW);
            }
            0
        }
        WM_POWERBROADCAST => {
            if u32::try_from(wparam) == Ok(PBT_APMRESUMEAUTOMATIC) {
                announce(Announcement::Resumed);
            }
            1
        }
        // SAFETY: the arguments are those that the system gave.
        _ => unsafe { DefWindowProcW(window, message, wparam, lparam) },
    }
}

fn announce(announcement: Announcement) {
    tracing::info!(?announcement, "told by the system");
    // Nobody may be listening yet.
    let _ = SENDER.send(announcement);
}
