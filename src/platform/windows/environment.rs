//! Tells that addresses or routes changed (IP Helper), or that the machine woke (power management).
//!
//! The system calls back on threads of its own; a callback sends one unit and does nothing else.
//! `PowerRegisterSuspendResumeNotification` tells of Modern Standby too, which windows are not told of.

#![expect(unsafe_code, reason = "callbacks of the system, and their context")]

use super::announcements::{Announcement, announced};
use std::ffi::c_void;
use std::io;
use std::ptr;
use std::sync::Arc;
use tokio::sync::Notify;
use windows_sys::Win32::Foundation::{HANDLE, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    CancelMibChangeNotify2, MIB_IPFORWARD_ROW2, MIB_NOTIFICATION_TYPE, MIB_UNICASTIPADDRESS_ROW,
    NotifyRouteChange2, NotifyUnicastIpAddressChange,
};
use windows_sys::Win32::Networking::WinSock::AF_UNSPEC;
use windows_sys::Win32::System::Power::{
    DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS, HPOWERNOTIFY, PowerRegisterSuspendResumeNotification,
    PowerUnregisterSuspendResumeNotification,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    DEVICE_NOTIFY_CALLBACK, PBT_APMRESUMEAUTOMATIC, PBT_APMRESUMESUSPEND,
};

/// Notifies whenever an address or a route changes, or the machine wakes from sleep; what exactly is
/// for the listener to find out.
pub async fn watch_environment(changed: &Notify) {
    let told = Arc::new(Notify::new());
    // They end with this future.
    let _watches = [
        kept("addresses", Watch::addresses(&told)),
        kept("routes", Watch::routes(&told)),
        kept("sleep", Watch::sleep(&told)),
    ];
    loop {
        tokio::select! {
            () = told.notified() => {}
            () = announced(Announcement::Resumed) => {}
        }
        changed.notify_one();
    }
}

fn kept(what: &str, watch: io::Result<Watch>) -> Option<Watch> {
    watch
        .inspect_err(|error| tracing::warn!(what, %error, "changes are not told"))
        .ok()
}

/// A registration with the system. Dropping it ends it.
enum Watch {
    /// Its end waits for a callback that is under way.
    Network {
        handle: HANDLE,
        /// What the callback points to.
        _told: Arc<Notify>,
    },
    Power(HPOWERNOTIFY),
}

// SAFETY: both kinds of registration are numbers of the system, which any thread may end.
unsafe impl Send for Watch {}

impl Watch {
    fn addresses(told: &Arc<Notify>) -> io::Result<Self> {
        let mut handle: HANDLE = ptr::null_mut();
        // SAFETY: the context outlives the registration, which `Watch` ends before it drops it, and the
        // end waits for a callback that is under way.
        let code = unsafe {
            NotifyUnicastIpAddressChange(
                AF_UNSPEC,
                Some(address_changed),
                Arc::as_ptr(told).cast(),
                false,
                &mut handle,
            )
        };
        check(code)?;
        Ok(Self::network(handle, told))
    }

    fn routes(told: &Arc<Notify>) -> io::Result<Self> {
        let mut handle: HANDLE = ptr::null_mut();
        // SAFETY: as in `addresses`.
        let code = unsafe {
            NotifyRouteChange2(
                AF_UNSPEC,
                Some(route_changed),
                Arc::as_ptr(told).cast(),
                false,
                &mut handle,
            )
        };
        check(code)?;
        Ok(Self::network(handle, told))
    }

    fn network(handle: HANDLE, told: &Arc<Notify>) -> Self {
        Self::Network {
            handle,
            _told: Arc::clone(told),
        }
    }

    fn sleep(told: &Arc<Notify>) -> io::Result<Self> {
        // Nobody promises that the end of this registration waits for a callback that is under way, so
        // what that one points to is never freed: a few bytes, once in the life of the program.
        let recipient = Box::leak(Box::new(DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS {
            Callback: Some(power_changed),
            Context: Arc::into_raw(Arc::clone(told)).cast_mut().cast(),
        }));
        let mut handle: *mut c_void = ptr::null_mut();
        // SAFETY: the recipient and its context live as long as the program, and the place for the
        // handle outlives the call.
        let code = unsafe {
            PowerRegisterSuspendResumeNotification(
                DEVICE_NOTIFY_CALLBACK,
                ptr::from_mut(recipient).cast(),
                &mut handle,
            )
        };
        check(code)?;
        Ok(Self::Power(handle as HPOWERNOTIFY))
    }
}

fn check(code: u32) -> io::Result<()> {
    if code == NO_ERROR {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(code.cast_signed()))
}

impl Drop for Watch {
    fn drop(&mut self) {
        match self {
            Self::Network { handle, .. } if !handle.is_null() => {
                // SAFETY: the handle is of a registration that is ended only here.
                unsafe { CancelMibChangeNotify2(*handle) };
            }
            // Wine registers nothing, and says that it went well.
            Self::Network { .. } => {}
            Self::Power(handle) => {
                // SAFETY: as above.
                unsafe { PowerUnregisterSuspendResumeNotification(*handle) };
            }
        }
    }
}

unsafe extern "system" fn address_changed(
    told: *const c_void,
    _row: *const MIB_UNICASTIPADDRESS_ROW,
    _kind: MIB_NOTIFICATION_TYPE,
) {
    // SAFETY: the context that was registered with this callback.
    unsafe { tell(told) };
}

unsafe extern "system" fn route_changed(
    told: *const c_void,
    _row: *const MIB_IPFORWARD_ROW2,
    _kind: MIB_NOTIFICATION_TYPE,
) {
    // SAFETY: the context that was registered with this callback.
    unsafe { tell(told) };
}

unsafe extern "system" fn power_changed(
    told: *const c_void,
    event: u32,
    _setting: *const c_void,
) -> u32 {
    if matches!(event, PBT_APMRESUMEAUTOMATIC | PBT_APMRESUMESUSPEND) {
        // SAFETY: the context that was registered with this callback.
        unsafe { tell(told) };
    }
    NO_ERROR
}

/// # Safety
/// `told` points to a [`Notify`] that lives.
unsafe fn tell(told: *const c_void) {
    // SAFETY: by this function's contract.
    unsafe { &*told.cast::<Notify>() }.notify_one();
}
