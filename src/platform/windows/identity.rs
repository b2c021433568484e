//! Who we are to Windows: the security identifiers of our token, and what they may open.

#![expect(unsafe_code, reason = "the security functions of advapi32")]

use super::wide;
use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo,
    SDDL_REVISION_1, SE_OBJECT_TYPE, SetSecurityInfo,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, GetTokenInformation,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
    SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// `BUILTIN\Administrators`: owns what an elevated process makes.
pub(super) const ADMINISTRATORS: &str = "S-1-5-32-544";

/// `NT AUTHORITY\SYSTEM`.
pub(super) const SYSTEM: &str = "S-1-5-18";

/// The user that we run as, as `S-1-5-21-…`.
///
/// # Errors
/// As the token functions have them.
pub(super) fn user_sid() -> io::Result<String> {
    let information = token_user()?;
    // SAFETY: the buffer is aligned to 8 bytes and holds the TOKEN_USER that the call wrote, whose
    // identifier points into the same buffer, which outlives its use.
    unsafe { sid_text((*information.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
}

/// The owner of an open object.
///
/// # Errors
/// As `GetSecurityInfo` has them; the handle needs `READ_CONTROL`.
pub(super) fn owner_of(object: BorrowedHandle<'_>, kind: SE_OBJECT_TYPE) -> io::Result<String> {
    let mut owner: PSID = ptr::null_mut();
    let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
    // SAFETY: the handle is open for the call, and both places for results outlive it.
    let error = unsafe {
        GetSecurityInfo(
            object.as_raw_handle(),
            kind,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    check(error)?;
    let _descriptor = LocalMemory(descriptor);
    // SAFETY: on success the owner points into the descriptor, which lives to the end of this scope.
    unsafe { sid_text(owner) }
}

/// Who may do what with a new object: a security descriptor made from its SDDL text.
pub(super) struct Permissions(LocalMemory);

impl Permissions {
    /// Reads the text.
    ///
    /// # Errors
    /// When it is not SDDL.
    pub(super) fn parse(sddl: &str) -> io::Result<Self> {
        let text = wide(sddl.as_ref());
        let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
        // SAFETY: the text ends with a zero, the place for the result outlives the call, and its
        // length is not asked for.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                ptr::null_mut(),
            )
        };
        succeeded(done)?;
        Ok(Self(LocalMemory(descriptor)))
    }

    /// The form in which calls that make an object take it; valid while `self` lives.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(0),
            lpSecurityDescriptor: self.0.0,
            bInheritHandle: 0,
        }
    }

    /// Puts them on an object that exists, in the place of those it has and those it inherits.
    ///
    /// # Errors
    /// As `SetSecurityInfo` has them; the handle needs `WRITE_DAC`.
    pub(super) fn apply(&self, object: BorrowedHandle<'_>, kind: SE_OBJECT_TYPE) -> io::Result<()> {
        let mut list: *mut ACL = ptr::null_mut();
        let (mut present, mut defaulted) = (0, 0);
        // SAFETY: the descriptor is valid while `self` lives, and so is the list in it; the handle is
        // open for the call.
        unsafe {
            succeeded(GetSecurityDescriptorDacl(
                self.0.0,
                &raw mut present,
                &raw mut list,
                &raw mut defaulted,
            ))?;
            check(SetSecurityInfo(
                object.as_raw_handle(),
                kind,
                DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                ptr::null_mut(),
                ptr::null_mut(),
                list,
                ptr::null(),
            ))
        }
    }
}

fn token_user() -> io::Result<Vec<u64>> {
    let mut token = ptr::null_mut();
    // SAFETY: the pseudo handle of the own process needs no closing; the place for the token outlives
    // the call.
    succeeded(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) })?;
    // SAFETY: the call above succeeded, so this is an open handle that nobody else closes.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };

    let mut length = 0;
    // SAFETY: a buffer of no length is allowed: the call then only tells the length.
    unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            ptr::null_mut(),
            0,
            &raw mut length,
        )
    };
    if length == 0 {
        return Err(io::Error::last_os_error());
    }
    // Of u64, so that the structures are aligned.
    let mut buffer = vec![0_u64; (length as usize).div_ceil(size_of::<u64>())];
    // SAFETY: the buffer has at least `length` bytes.
    succeeded(unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            buffer.as_mut_ptr().cast::<c_void>(),
            length,
            &raw mut length,
        )
    })?;
    Ok(buffer)
}

/// # Safety
/// `sid` must point to a valid security identifier.
unsafe fn sid_text(sid: PSID) -> io::Result<String> {
    let mut text = ptr::null_mut();
    // SAFETY: the caller vouches for the identifier; the place for the result outlives the call.
    succeeded(unsafe { ConvertSidToStringSidW(sid, &raw mut text) })?;
    let memory = LocalMemory(text.cast());
    let units = memory.0.cast::<u16>();
    let mut length = 0;
    // SAFETY: the call wrote a text that ends with a zero, which bounds the search and the slice.
    unsafe {
        while *units.add(length) != 0 {
            length += 1;
        }
        Ok(String::from_utf16_lossy(std::slice::from_raw_parts(
            units, length,
        )))
    }
}

fn succeeded(result: i32) -> io::Result<()> {
    if result == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn check(error: u32) -> io::Result<()> {
    match error {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code.cast_signed())),
    }
}

/// Memory that a system call allocated for us.
struct LocalMemory(*mut c_void);

impl Drop for LocalMemory {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a call that says to free it by LocalFree, and is freed once.
        unsafe { LocalFree(self.0) };
    }
}

// SAFETY: the memory belongs to no thread, and is only read.
unsafe impl Send for LocalMemory {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_has_a_name() {
        assert!(user_sid().unwrap().starts_with("S-1-5-"));
    }

    #[test]
    fn permissions_are_sddl() {
        assert!(Permissions::parse("D:P(A;;GA;;;SY)").is_ok());
        assert!(Permissions::parse("nonsense").is_err());
    }
}
