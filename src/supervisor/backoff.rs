//! When to dial again after a failure.

use crate::model::{Fault, Recovery};
use std::time::{Duration, Instant};

/// The first retry after the loss of a session comes within this: most losses are a server's
/// restart or a broken path that is whole again at once.
const FIRST_RETRY: Duration = Duration::from_millis(150);

/// Full jitter: a delay is drawn between [`LEAST`] and `BASE · 2ⁿ`, at most [`CAP`]. Clients that
/// lost the same server spread over the whole span, instead of coming back in step.
///
/// The cap is what `benches/herd.rs` makes of it: ten thousand clients of one sshd that was away for
/// two minutes are all back after 189 s with 60 s, after 129 s with 30 s, and after 107 s with 20 s,
/// and it then meets 310, 615 or 890 tries a second.
const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(30);
const LEAST: Duration = Duration::from_millis(100);

/// A session that lived this long shows that the trouble was over: the next one starts anew.
const TROUBLE_OVER: Duration = Duration::from_secs(60);

/// A session that lived this long was no mere flap: its loss is worth an immediate retry, once.
const FLAP: Duration = Duration::from_secs(10);

/// At most one dial in this time, whoever wants it.
const DIAL_SPACING: Duration = Duration::from_secs(2);

/// When there is no way to the server, nothing of a dial reaches it: that is looking for a way. After
/// a change the parts of a network come one by one, the resolver last; then a slow look is enough,
/// since the next change brings one at once.
const LOOKS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
const LOOK: Duration = Duration::from_secs(60);

/// Looks that are made only because somebody wants a connection are this far apart.
const LOOK_SPACING: Duration = Duration::from_secs(10);

/// Networks that change all the time start the backoff anew this often, beyond a first few.
const FRESH_START: Duration = Duration::from_secs(10);
const FRESH_STARTS_AT_ONCE: u32 = 6;

/// The retry schedule of one tunnel.
#[derive(Debug, Clone, Default)]
pub(super) struct Backoff {
    failures: u32,
    /// Dials in a row that found no way to the server, and when the last one did.
    looks: usize,
    last_look: Option<Instant>,
    /// The last dial that may have reached the server.
    last_dial: Option<Instant>,
    /// As many fresh starts as are used up, times [`FRESH_START`], from now on.
    fresh_until: Option<Instant>,
    /// The server wants rest: whoever wants a dial waits for this, a user's answer apart.
    rest_until: Option<Instant>,
}

impl Backoff {
    /// A dial starts.
    pub(super) fn dialed(&mut self, now: Instant) {
        self.last_dial = Some(now);
        self.rest_until = None;
    }

    /// The trouble is known to be another one now: start over.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// A session stands, so there is a way to the server.
    pub(super) fn established(&mut self) {
        self.looks = 0;
    }

    /// The network changed. Whether that is worth a dial: where it changes all the time, not always.
    pub(super) fn fresh_start(&mut self, now: Instant) -> bool {
        self.looks = 0;
        let used = self.fresh_until.map_or(now, |until| until.max(now));
        let granted = used - now <= FRESH_START * (FRESH_STARTS_AT_ONCE - 1);
        if granted {
            self.failures = 0;
            self.fresh_until = Some(used + FRESH_START);
        }
        granted
    }

    /// A session that lived for `lived` was lost, or a dial failed (`None`): when to dial again.
    pub(super) fn next(
        &mut self,
        fault: &Fault,
        lived: Option<Duration>,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) -> Instant {
        if fault.recovery() == Recovery::AwaitNetwork {
            return self.look_again(now);
        }
        self.looks = 0;
        if lived.is_some_and(|lived| lived >= TROUBLE_OVER) {
            self.failures = 0;
        }
        let immediate = lived.is_some_and(|lived| self.failures == 0 || lived >= FLAP);
        let delay = if immediate {
            FIRST_RETRY.mul_f64(rng.f64())
        } else {
            let most = (BASE * 2_u32.pow(self.failures.min(6))).min(CAP);
            LEAST + (most - LEAST).mul_f64(rng.f64())
        };
        self.failures = self.failures.saturating_add(1);
        let rest = fault.least_delay();
        if rest.is_zero() {
            return now + delay;
        }
        // Up to as much again, so that those whom a busy server turned away do not return together.
        let rest_until = now + rest + rest.mul_f64(rng.f64());
        self.rest_until = Some(rest_until);
        rest_until.max(now + delay)
    }

    fn look_again(&mut self, now: Instant) -> Instant {
        let pause = LOOKS.get(self.looks).copied().unwrap_or(LOOK);
        self.looks += 1;
        self.last_look = Some(now);
        self.last_dial = None;
        now + pause
    }

    /// The earliest moment at which a local connection that waits gets a dial.
    pub(super) fn on_demand(&self, now: Instant) -> Instant {
        let looked = self.last_look.filter(|_| self.looks > 0);
        let spaced = looked.map_or(now, |at| at + LOOK_SPACING);
        self.earliest(now).max(spaced)
    }

    /// The earliest moment at which someone who wants a connection now gets a dial.
    pub(super) fn earliest(&self, now: Instant) -> Instant {
        let spaced = self.last_dial.map(|last| last + DIAL_SPACING);
        [spaced, self.rest_until]
            .into_iter()
            .flatten()
            .fold(now, Instant::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Fault {
        Fault::KeepaliveTimeout { server: "s".into() }
    }

    #[test]
    fn the_first_retry_after_a_loss_is_immediate_and_the_next_are_not() {
        let (mut rng, now) = (fastrand::Rng::with_seed(7), Instant::now());
        let mut backoff = Backoff::default();
        let lived = Some(Duration::from_secs(5));
        assert!(backoff.next(&lost(), lived, now, &mut rng) - now <= FIRST_RETRY);
        let spans: Vec<_> = (0..200)
            .map(|_| backoff.clone().next(&lost(), lived, now, &mut rng) - now)
            .collect();
        assert!(spans.iter().any(|span| *span > BASE));
        assert!(spans.iter().all(|span| *span <= 2 * BASE && *span >= LEAST));
    }

    #[test]
    fn delays_grow_to_the_cap_and_no_further() {
        let (mut rng, now) = (fastrand::Rng::with_seed(7), Instant::now());
        let mut backoff = Backoff::default();
        let longest = (0..1000)
            .map(|_| backoff.next(&lost(), None, now, &mut rng) - now)
            .max()
            .unwrap();
        assert!(longest <= CAP && longest > CAP / 2);
    }

    #[test]
    fn a_minute_of_life_starts_over() {
        let (mut rng, now) = (fastrand::Rng::with_seed(7), Instant::now());
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.next(&lost(), None, now, &mut rng);
        }
        let next = backoff.next(&lost(), Some(TROUBLE_OVER), now, &mut rng);
        assert!(next - now <= FIRST_RETRY);
    }

    #[test]
    fn one_that_lived_a_while_is_retried_at_once_whatever_it_took_to_get_there() {
        let (mut rng, now) = (fastrand::Rng::with_seed(7), Instant::now());
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.next(&lost(), None, now, &mut rng);
        }
        let next = backoff.next(&lost(), Some(FLAP), now, &mut rng);
        assert!(next - now <= FIRST_RETRY);
        let after: Duration = (0..20)
            .map(|_| backoff.clone().next(&lost(), None, now, &mut rng) - now)
            .sum();
        assert!(after / 20 > 10 * BASE, "the backoff goes on where it was");
    }

    #[test]
    fn a_busy_server_gets_five_seconds_whoever_asks() {
        let (mut rng, now) = (fastrand::Rng::with_seed(7), Instant::now());
        let busy = Fault::ServerBusy {
            server: "s".into(),
            detail: String::new(),
        };
        let mut backoff = Backoff::default();
        let next = backoff.next(&busy, None, now, &mut rng);
        assert!(next - now >= Duration::from_secs(5));
        assert!(backoff.earliest(now) - now >= Duration::from_secs(5));
        backoff.dialed(next);
        assert_eq!(backoff.earliest(next), next + DIAL_SPACING);
    }

    fn no_route() -> Fault {
        Fault::NoRoute {
            server: "s".into(),
            detail: String::new(),
        }
    }

    #[test]
    fn without_a_way_there_one_look_a_minute_is_enough() {
        let (mut rng, now) = (fastrand::Rng::with_seed(7), Instant::now());
        let mut backoff = Backoff::default();
        backoff.dialed(now);
        let pauses = [(); 5].map(|()| backoff.next(&no_route(), None, now, &mut rng) - now);
        assert_eq!(pauses.map(|pause| pause.as_secs()), [1, 2, 4, 60, 60]);
        assert_eq!(
            backoff.earliest(now),
            now,
            "a change is worth a look at once"
        );
        assert_eq!(backoff.on_demand(now), now + LOOK_SPACING);
        assert!(backoff.fresh_start(now));
        assert_eq!(
            backoff.next(&no_route(), None, now, &mut rng),
            now + LOOKS[0]
        );
    }

    #[test]
    fn a_network_that_changes_all_the_time_is_no_reason_to_dial_all_the_time() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        let granted = (0..600)
            .filter(|second| backoff.fresh_start(now + Duration::from_secs(*second)))
            .count();
        assert_eq!(granted, 65);
    }

    #[test]
    fn whoever_wants_it_gets_one_dial_each_two_seconds() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        assert_eq!(backoff.earliest(now), now);
        backoff.dialed(now);
        assert_eq!(backoff.earliest(now), now + DIAL_SPACING);
        let later = now + Duration::from_secs(9);
        assert_eq!(backoff.earliest(later), later);
    }
}
