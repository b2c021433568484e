//! How long a fault may take.

use std::time::{Duration, Instant};

/// Longer than anything may take.
pub(super) const BOUND: Duration = Duration::from_secs(60);

/// Asserts that no more than `bound` has passed, of which a busy machine may take a part.
#[track_caller]
pub(super) fn within(what: &str, start: Instant, bound: Duration) {
    let took = start.elapsed();
    println!("{what}: {took:?}");
    assert!(took <= bound, "{what} took {took:?}, more than {bound:?}");
}
