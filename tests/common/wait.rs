//! Waiting for a condition, with a bound.

use std::thread;
use std::time::{Duration, Instant};

/// How long to leave the machine to others between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until `condition` holds; panics with `what` when `bound` has passed.
#[track_caller]
pub(crate) fn wait_until(what: &str, bound: Duration, mut condition: impl FnMut() -> bool) {
    wait_for(what, bound, || condition().then_some(()));
}

/// Looks until there is a value; panics with `what` when `bound` has passed.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, bound: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < bound, "not within {bound:?}: {what}");
        thread::sleep(PAUSE);
    }
}
