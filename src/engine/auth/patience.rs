//! The bound on authentication: the server's time counts, a person's does not.

use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// A span of time that can be paused.
#[derive(Debug)]
pub(super) struct Patience(watch::Sender<Clock>);

#[derive(Debug, Clone, Copy)]
enum Clock {
    Running { until: Instant },
    Paused { left: Duration },
}

/// The time is up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TimeIsUp;

impl Patience {
    /// This much, from now on.
    pub(super) fn new(span: Duration) -> Self {
        let until = Instant::now() + span;
        Self(watch::Sender::new(Clock::Running { until }))
    }

    /// Waits for `work`, until the time is up.
    pub(super) async fn bound<F: Future>(&self, work: F) -> Result<F::Output, TimeIsUp> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.run_out() => Err(TimeIsUp),
        }
    }

    /// Waits for `other` with the clock stopped. `other` has a bound of its own.
    pub(super) async fn pause<F: Future>(&self, other: F) -> F::Output {
        self.0.send_modify(|clock| {
            if let Clock::Running { until } = *clock {
                let left = until.saturating_duration_since(Instant::now());
                *clock = Clock::Paused { left };
            }
        });
        let done = other.await;
        self.0.send_modify(|clock| {
            if let Clock::Paused { left } = *clock {
                let until = Instant::now() + left;
                *clock = Clock::Running { until };
            }
        });
        done
    }

    async fn run_out(&self) {
        let mut clock = self.0.subscribe();
        loop {
            let now = *clock.borrow_and_update();
            match now {
                Clock::Running { until } => tokio::select! {
                    () = tokio::time::sleep_until(until) => return,
                    _ = clock.changed() => {}
                },
                // The sender is in `self`, so it is there as long as we are.
                Clock::Paused { .. } => drop(clock.changed().await),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::sleep;

    const SPAN: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn work_in_time_is_done_and_work_too_late_is_not() {
        let patience = Patience::new(SPAN);
        let work = sleep(SPAN / 2);
        assert_eq!(patience.bound(work).await, Ok(()));
        assert_eq!(patience.bound(sleep(SPAN)).await, Err(TimeIsUp));
        assert_eq!(patience.bound(pending::<()>()).await, Err(TimeIsUp));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_within_the_work_does_not_count() {
        let patience = Patience::new(SPAN);
        let start = Instant::now();
        let work = async {
            sleep(SPAN / 4).await;
            patience.pause(sleep(SPAN * 5)).await;
            sleep(SPAN / 4).await;
        };
        assert_eq!(patience.bound(work).await, Ok(()));
        assert_eq!(patience.bound(pending::<()>()).await, Err(TimeIsUp));
        assert_eq!(start.elapsed().as_secs(), (SPAN * 6).as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_between_two_works_does_not_count() {
        let patience = Patience::new(SPAN);
        patience.pause(sleep(SPAN * 5)).await;
        assert_eq!(patience.bound(sleep(SPAN / 2)).await, Ok(()));
    }
}
