//! The registry, with the errors of `std`.

use std::io;
use windows_registry::{Key, Value};

/// A value; `None`: there is none.
pub(super) fn value(hive: &Key, path: &str, name: &str) -> io::Result<Option<Value>> {
    let value = hive.open(path).and_then(|key| key.get_value(name));
    or_missing(value.map(Some))
}

/// Removes a value, which may be missing.
pub(super) fn remove_value(hive: &Key, path: &str, name: &str) -> io::Result<()> {
    let key = hive.options().write().open(path);
    or_missing(key.and_then(|key| key.remove_value(name)))
}

fn or_missing<T: Default>(result: windows_registry::Result<T>) -> io::Result<T> {
    match result.map_err(system_error) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        result => result,
    }
}

/// The system's own number for the error. What comes is an HRESULT, in whose lower half it stands,
/// and of which `std` does not tell the kind.
pub(super) fn system_error(error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    match error.raw_os_error() {
        Some(result) if result < 0 => io::Error::from_raw_os_error(result & 0xffff),
        Some(_) | None => error,
    }
}
