//! What the wall clock says at a moment of the monotonic one.

use chrono::{DateTime, Local, NaiveDateTime};
use std::time::{Duration, Instant, SystemTime};

/// The wall clock, read once and followed by the monotonic one, so that the same moment is always
/// told the same.
#[derive(Debug, Clone, Copy)]
pub struct WallClock {
    moment: Instant,
    time: SystemTime,
}

impl WallClock {
    /// The system's clock, as it is.
    #[must_use]
    pub fn now() -> Self {
        Self {
            moment: Instant::now(),
            time: SystemTime::now(),
        }
    }

    /// A clock that shows `time` at `moment`.
    #[cfg(test)]
    pub(crate) fn showing(time: SystemTime, moment: Instant) -> Self {
        Self { moment, time }
    }

    /// Follows the system's clock when that was set, or went on while the machine slept; else stays
    /// as it is.
    pub fn keep_right(&mut self, now: Self) {
        const TOLERATED: Duration = Duration::from_secs(2);
        let told = self.at(now.moment);
        let off = match told.duration_since(now.time) {
            Ok(ahead) => ahead,
            Err(behind) => behind.duration(),
        };
        if off > TOLERATED {
            *self = now;
        }
    }

    /// What it shows at `moment`.
    #[must_use]
    pub fn at(&self, moment: Instant) -> SystemTime {
        match moment.checked_duration_since(self.moment) {
            Some(later) => self.time.checked_add(later),
            None => self.time.checked_sub(self.moment.duration_since(moment)),
        }
        .unwrap_or(self.time)
    }

    /// The same in the user's time zone, as people read it.
    #[must_use]
    pub fn local(&self, moment: Instant) -> NaiveDateTime {
        DateTime::<Local>::from(self.at(moment)).naive_local()
    }

    /// When the user's day ends, after which yesterday's moments want their date.
    #[must_use]
    pub fn next_midnight(&self, now: Instant) -> Option<Instant> {
        let local = self.local(now);
        let tomorrow = local.date().succ_opt()?.and_hms_opt(0, 0, 0)?;
        // A day with another number of hours is told an hour early or late.
        let left = (tomorrow - local).to_std().ok()?;
        now.checked_add(left)
    }

    /// The same as RFC 3339 has it, in UTC.
    #[must_use]
    pub fn rfc3339(&self, moment: Instant) -> String {
        humantime::format_rfc3339_millis(self.at(moment)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_utc_and_the_same_each_time() {
        let clock = WallClock {
            moment: Instant::now(),
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000),
        };
        let told = |moment| clock.rfc3339(moment);
        assert_eq!(told(clock.moment), "2001-09-09T01:46:40.000Z");
        assert_eq!(
            told(clock.moment + Duration::from_millis(1500)),
            "2001-09-09T01:46:41.500Z"
        );
    }

    #[test]
    fn the_day_ends_at_midnight_of_the_users_own() {
        use chrono::TimeZone;
        let now = Instant::now();
        let evening = Local.with_ymd_and_hms(2026, 11, 22, 23, 59, 30).unwrap();
        let clock = WallClock::showing(evening.into(), now);
        let midnight = now + Duration::from_secs(30);
        assert_eq!(clock.next_midnight(now), Some(midnight));
        let day = Duration::from_secs(86_400);
        assert_eq!(clock.next_midnight(midnight), Some(midnight + day));
    }

    #[test]
    fn the_clock_is_set_right_only_when_it_is_wrong() {
        let start = WallClock::now();
        let minute = Duration::from_secs(60);
        let later = |slept: Duration| WallClock {
            moment: start.moment + minute,
            time: start.time + minute + slept,
        };
        let mut clock = start;
        clock.keep_right(later(Duration::from_millis(500)));
        assert_eq!(clock.time, start.time);
        let woken = later(Duration::from_secs(3600));
        clock.keep_right(woken);
        assert_eq!(clock.time, woken.time);
        let set_back = WallClock {
            moment: woken.moment,
            time: start.time,
        };
        clock.keep_right(set_back);
        assert_eq!(clock.time, start.time);
    }
}
