//! Tells when something around the machine changed: its network, or that it slept.
//!
//! What the system tells is not relied upon alone: a clock that leaps has slept too, whoever put the
//! machine or this process to sleep.

use super::beat::{BEAT, beat};
use super::network::{Network, now};
use crate::model::Input;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Notify, mpsc};

/// One change comes as many messages: those of this time are told as one.
const GATHER: Duration = Duration::from_millis(100);

/// The clocks are looked at on each beat; so much later than that is a leap.
const LEAP: Duration = Duration::from_secs(2);

/// Watches until the engine ends.
pub(super) async fn watch(network: Arc<dyn Network>, inputs: mpsc::Sender<Input>) {
    let changed = Arc::new(Notify::new());
    let system = async {
        network.watch(Arc::clone(&changed)).await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        () = tell(&changed, inputs) => {}
        never = system => match never {},
        never = watch_clocks(&changed) => match never {},
    }
}

async fn tell(changed: &Notify, inputs: mpsc::Sender<Input>) {
    loop {
        changed.notified().await;
        if inputs.send(Input::EnvironmentChanged).await.is_err() {
            return;
        }
        tokio::time::sleep(GATHER).await;
    }
}

async fn watch_clocks(changed: &Notify) -> Infallible {
    let mut clocks = Clocks::at(now(), SystemTime::now());
    loop {
        beat().await;
        if clocks.leapt(now(), SystemTime::now()) {
            tracing::info!("a clock leapt: the machine or this process slept");
            changed.notify_one();
        }
    }
}

/// What the clocks said last. The monotonic one goes on in sleep on some systems and not on others;
/// the wall clock always does.
struct Clocks {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clocks {
    fn at(monotonic: Instant, wall: SystemTime) -> Self {
        Self { monotonic, wall }
    }

    /// Whether far more than a beat has passed since the last look, by either clock. A wall clock that
    /// is put back tells nothing.
    fn leapt(&mut self, monotonic: Instant, wall: SystemTime) -> bool {
        let last = std::mem::replace(self, Self::at(monotonic, wall));
        let by_monotonic = monotonic.saturating_duration_since(last.monotonic);
        let by_wall = wall.duration_since(last.wall).unwrap_or_default();
        by_monotonic.max(by_wall) > BEAT + LEAP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn sleep_shows_on_the_clock_that_went_on() {
        let (start, wall) = (Instant::now(), SystemTime::now());
        let mut clocks = Clocks::at(start, wall);
        assert!(!clocks.leapt(start + BEAT, wall + BEAT), "awake");
        assert!(clocks.leapt(start + 2 * BEAT, wall + DAY), "by the wall");
        assert!(clocks.leapt(start + DAY, wall + DAY), "by the other");
        assert!(!clocks.leapt(start + DAY + BEAT, wall + DAY + BEAT));
    }

    #[test]
    fn a_late_look_is_no_sleep_and_a_short_sleep_is_one() {
        let (start, wall) = (Instant::now(), SystemTime::now());
        let leapt = |after: Duration| Clocks::at(start, wall).leapt(start + after, wall + after);
        assert!(!leapt(BEAT + LEAP));
        assert!(leapt(BEAT + LEAP + Duration::from_secs(1)));
    }

    #[test]
    fn a_clock_that_is_put_back_is_no_sleep() {
        let (start, wall) = (Instant::now(), SystemTime::now());
        let mut clocks = Clocks::at(start, wall);
        assert!(!clocks.leapt(start + BEAT, wall - DAY));
        assert!(!clocks.leapt(start + 2 * BEAT, wall - DAY + BEAT));
    }

    #[tokio::test(start_paused = true)]
    async fn many_messages_are_one_change() {
        let changed = Notify::new();
        let (inputs, mut told) = mpsc::channel(8);
        let story = async {
            for _ in 0..5 {
                changed.notify_one();
                tokio::task::yield_now().await;
            }
            assert_eq!(told.recv().await, Some(Input::EnvironmentChanged));
            assert!(told.try_recv().is_err());
            // What came meanwhile is not lost.
            assert_eq!(told.recv().await, Some(Input::EnvironmentChanged));
            tokio::time::sleep(GATHER * 10).await;
            assert!(told.try_recv().is_err());
        };
        tokio::select! {
            () = tell(&changed, inputs) => unreachable!("the queue is open"),
            () = story => {}
        }
    }
}
