//! One beat for everything that looks again now and then, so that an idle program wakes once for all of it.

use super::network::now;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// From one beat to the next: a multiple of 4,096 ms. tokio keeps its timers in wheels of 64 slots, the finest
/// of one millisecond: one that is due at such a multiple after the runtime began wakes the program
/// once, any other one up to four times.
pub(super) const BEAT: Duration = Duration::from_millis(3 * 4_096);

static BEGINNING: LazyLock<Instant> = LazyLock::new(now);

/// Beats count from here: to be called right before the runtime is made.
pub fn begin() {
    LazyLock::force(&BEGINNING);
}

/// Waits for the next beat.
pub(super) async fn beat() {
    let at = next(*BEGINNING, now());
    tokio::time::sleep_until(at.into()).await;
}

/// The first beat after `now`, counted from `beginning`.
fn next(beginning: Instant, now: Instant) -> Instant {
    let since = now.saturating_duration_since(beginning);
    let beats = since.as_nanos() / BEAT.as_nanos() + 1;
    let beats = u32::try_from(beats).unwrap_or(u32::MAX);
    beginning + BEAT.saturating_mul(beats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_the_same_for_all_and_always_to_come() {
        let beginning = Instant::now();
        let at = |after: Duration| next(beginning, beginning + after) - beginning;
        let just_before = BEAT - Duration::from_nanos(1);
        assert_eq!(at(Duration::ZERO), BEAT);
        assert_eq!(at(just_before), BEAT);
        assert_eq!(at(BEAT), 2 * BEAT);
        assert_eq!(at(BEAT * 5 + just_before), 6 * BEAT);
    }
}
