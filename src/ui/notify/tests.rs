//! The policy, by tables and at random.

use super::*;
use crate::model::samples::host_key_question;
use crate::ui::samples;
use proptest::prelude::*;

/// A tunnel whose notifications are followed second by second.
struct Bench {
    notifier: Notifier,
    start: Instant,
    second: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            notifier: Notifier::default(),
            start: Instant::now(),
            second: 0,
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_secs(self.second)
    }

    /// Goes on for so many seconds in this phase; returns what is told, and at which second.
    fn spend(&mut self, seconds: u64, phase: Phase) -> Vec<(u64, News)> {
        let mut told = Vec::new();
        for _ in 0..seconds {
            let snapshot = samples::in_phases([phase]);
            let news = self.notifier.follow(&snapshot, self.now());
            told.extend(news.into_iter().map(|notice| (self.second, notice.news)));
            self.second += 1;
        }
        told
    }
}

#[test]
fn a_short_loss_is_not_told() {
    let mut bench = Bench::new();
    assert_eq!(bench.spend(60, Phase::Healthy), []);
    assert_eq!(bench.spend(10, Phase::Connecting), []);
    assert_eq!(bench.spend(60, Phase::Healthy), []);
}

#[test]
fn a_longer_loss_is_told_once_and_its_end_once() {
    let mut bench = Bench::new();
    bench.spend(5, Phase::Healthy);
    assert_eq!(bench.spend(5, Phase::Waiting), []);
    assert_eq!(bench.spend(600, Phase::Waiting), [(15, News::Lost)]);
    assert_eq!(bench.spend(100, Phase::Degraded), [(610, News::Back)]);
    assert_eq!(bench.spend(100, Phase::Healthy), []);
}

#[test]
fn leaving_the_servers_network_is_no_loss_to_tell() {
    let mut bench = Bench::new();
    bench.spend(5, Phase::Healthy);
    assert_eq!(bench.spend(86_400, Phase::Offline), []);
    assert_eq!(bench.spend(600, Phase::Healthy), []);
    bench.spend(60, Phase::Offline);
    // There is a way again, and it does not help.
    assert_eq!(bench.spend(60, Phase::Waiting).len(), 1);
}

#[test]
fn it_wakes_up_to_tell_a_loss_and_for_nothing_else() {
    let mut bench = Bench::new();
    bench.spend(1, Phase::Healthy);
    assert_eq!(bench.notifier.due(), None);
    bench.spend(1, Phase::Connecting);
    let lost = bench.start + Duration::from_secs(1);
    assert_eq!(bench.notifier.due(), Some(lost + TOLERATED));
    bench.spend(20, Phase::Connecting);
    assert_eq!(bench.notifier.due(), None);
}

#[test]
fn a_start_that_takes_long_is_no_loss() {
    let mut bench = Bench::new();
    assert_eq!(bench.spend(500, Phase::Connecting), []);
    assert_eq!(bench.spend(500, Phase::Healthy), []);
}

#[test]
fn what_the_user_takes_down_is_not_lost() {
    let mut bench = Bench::new();
    bench.spend(5, Phase::Healthy);
    assert_eq!(bench.spend(2, Phase::Stopping), []);
    assert_eq!(bench.spend(60, Phase::Stopped), []);
    assert_eq!(bench.spend(60, Phase::Connecting), []);
}

#[test]
fn a_tunnel_calls_for_the_user_once_until_all_is_well() {
    let mut bench = Bench::new();
    assert_eq!(bench.spend(30, Phase::Blocked), [(0, News::NeedsYou)]);
    // A wrong password.
    assert_eq!(bench.spend(3, Phase::Connecting), []);
    assert_eq!(bench.spend(30, Phase::Blocked), []);
    assert_eq!(bench.spend(30, Phase::Healthy), []);
    assert_eq!(bench.spend(30, Phase::Blocked), [(93, News::NeedsYou)]);
    // Who gave an answer knows that there is no connection yet.
    assert_eq!(bench.spend(60, Phase::Connecting), []);
}

#[test]
fn a_question_of_a_live_connection_calls_too() {
    let mut notifier = Notifier::default();
    let mut snapshot = samples::in_phases([Phase::Connecting]);
    assert_eq!(notifier.follow(&snapshot, Instant::now()), []);
    snapshot.tunnels[0].question = Some(host_key_question(7));
    let tunnel = snapshot.tunnels[0].id().clone();
    let news = News::NeedsYou;
    assert_eq!(
        notifier.follow(&snapshot, Instant::now()),
        [Notice { tunnel, news }]
    );
}

#[test]
fn at_the_end_nothing_is_told() {
    let mut notifier = Notifier::default();
    let mut snapshot = samples::in_phases([Phase::Blocked]);
    snapshot.quitting = true;
    assert_eq!(notifier.follow(&snapshot, Instant::now()), []);
}

#[test]
fn a_flapping_link_is_told_twice_in_ten_minutes_and_then_what_is_true() {
    let mut bench = Bench::new();
    bench.spend(5, Phase::Healthy);
    let mut told = Vec::new();
    for _ in 0..17 {
        told.extend(bench.spend(15, Phase::Connecting));
        told.extend(bench.spend(15, Phase::Healthy));
    }
    let news: Vec<_> = told.iter().map(|(_, news)| *news).collect();
    assert_eq!(news, [News::Lost, News::Back, News::Lost, News::Back]);
    // Down for good: it is told when there is room again.
    let told = bench.spend(700, Phase::Waiting);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, News::Lost);
}

const PHASES: [Phase; 8] = Phase::ALL;

proptest! {
    /// Whatever three tunnels do, and however often it is looked at.
    #[test]
    fn the_budget_holds_and_losses_and_returns_alternate(
        steps in prop::collection::vec((0_usize..3, 0_usize..8, 0_u64..60), 1..400)
    ) {
        let mut notifier = Notifier::default();
        let mut phases = [Phase::Stopped; 3];
        let mut now = Instant::now();
        let mut told: Vec<(Instant, Notice)> = Vec::new();
        for (tunnel, phase, seconds) in steps {
            phases[tunnel] = PHASES[phase];
            let until = now + Duration::from_secs(seconds);
            loop {
                let snapshot = samples::in_phases(phases);
                let notices = notifier.follow(&snapshot, now);
                told.extend(notices.into_iter().map(|notice| (now, notice)));
                match notifier.due() {
                    Some(due) if due <= until => {
                        prop_assert!(due > now, "it would not sleep");
                        now = due;
                    }
                    Some(_) | None => break,
                }
            }
            now = until;
        }
        for (number, (at, _)) in told.iter().enumerate() {
            let within = told[number..].iter().take_while(|(later, _)| *later < *at + WINDOW);
            prop_assert!(within.count() <= BUDGET);
        }
        for name in ["One", "Two", "Three"] {
            let id = TunnelId::new(name);
            let mut lost = false;
            for (_, notice) in told.iter().filter(|(_, notice)| notice.tunnel == id) {
                match notice.news {
                    News::Lost => lost = true,
                    News::Back => {
                        prop_assert!(lost, "back without a loss that was told");
                        lost = false;
                    }
                    News::NeedsYou => {}
                }
            }
        }
    }
}
