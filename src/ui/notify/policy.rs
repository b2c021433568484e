//! What the user is told of unasked, and when. Pure: the clock is an argument.
//!
//! Three things are worth a notification: a connection that has been lost for a while, the same one
//! back again, and a tunnel that waits for the user. A link that comes and goes cannot tell more than
//! the [`BUDGET`] holds; what it could not tell is told when there is room again, if it is still true.

use crate::model::{Phase, Snapshot, TunnelId, TunnelView};
use crate::ui_messages::{News, Notice};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// A connection that is back sooner was never away, as far as the user is concerned.
const TOLERATED: Duration = Duration::from_secs(10);

/// The most notifications within [`WINDOW`], over all tunnels.
const BUDGET: usize = 6;

/// How many of [`BUDGET`] are kept for tunnels that wait for the user.
const KEPT: usize = 2;

const WINDOW: Duration = Duration::from_secs(10 * 60);

/// Decides what to tell.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    tunnels: HashMap<TunnelId, Course>,
    /// When something was told, within the last [`WINDOW`].
    told: VecDeque<Instant>,
    /// When to look again, though nothing happens.
    due: Option<Instant>,
}

/// How a tunnel fares, as far as it concerns notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Course {
    connection: Connection,
    /// It was told that it waits for the user; it is not told again before all is well.
    called: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Connection {
    /// There is none, and none that one could miss.
    #[default]
    None,
    /// It stands.
    Stands,
    /// It is gone.
    Missing { since: Instant },
    /// It is gone, and that was told.
    ToldLost,
}

impl Notifier {
    /// What to tell now.
    pub(super) fn follow(&mut self, snapshot: &Snapshot, now: Instant) -> Vec<Notice> {
        self.tunnels.retain(|id, _| snapshot.tunnel(id).is_some());
        while self.told.front().is_some_and(|at| *at + WINDOW <= now) {
            self.told.pop_front();
        }
        self.due = None;
        let mut notices = Vec::new();
        if snapshot.quitting {
            return notices;
        }
        for view in &snapshot.tunnels {
            let id = view.id().clone();
            let mut course = self.tunnels.get(&id).copied().unwrap_or_default();
            for news in self.look(&mut course, view, now) {
                let tunnel = id.clone();
                notices.push(Notice { tunnel, news });
            }
            self.tunnels.insert(id, course);
        }
        notices
    }

    /// When to follow again, though nothing happens.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    fn look(&mut self, course: &mut Course, view: &TunnelView, now: Instant) -> Vec<News> {
        let mut news = Vec::new();
        match view.phase {
            Phase::Stopped | Phase::Stopping => {
                *course = Course::default();
                return news;
            }
            Phase::Healthy | Phase::Degraded => {
                if course.connection == Connection::ToldLost {
                    // There is room: it was kept when the loss was told.
                    course.connection = Connection::Stands;
                    self.told.push_back(now);
                    news.push(News::Back);
                }
                *course = Course {
                    connection: Connection::Stands,
                    called: false,
                };
            }
            Phase::Connecting | Phase::Waiting | Phase::Offline | Phase::Blocked => {
                if course.connection == Connection::Stands {
                    course.connection = Connection::Missing { since: now };
                }
            }
        }
        let needs_you = view.phase == Phase::Blocked || view.question.is_some();
        if needs_you && !course.called && self.may_tell(1, BUDGET, now) {
            course.called = true;
            self.told.push_back(now);
            news.push(News::NeedsYou);
        }
        if let Connection::Missing { since } = course.connection {
            let at = since + TOLERATED;
            if needs_you {
                // Who is asked for help knows that it is gone.
                course.connection = Connection::None;
                return news;
            }
            if at > now {
                self.look_again(at);
            } else if view.phase == Phase::Offline {
                // Away from the server's network nothing is broken, and the icon shows it.
            } else if self.may_tell(2, BUDGET - KEPT, now) {
                course.connection = Connection::ToldLost;
                self.told.push_back(now);
                news.push(News::Lost);
            }
        }
        news
    }

    /// Whether `more` notifications are within the limit, those included that may have to be told
    /// later: each loss that was told will be told to be over.
    fn may_tell(&mut self, more: usize, limit: usize, now: Instant) -> bool {
        let lost = |course: &&Course| course.connection == Connection::ToldLost;
        let owed = self.tunnels.values().filter(lost).count();
        let fits = self.told.len() + owed + more <= limit;
        if !fits && let Some(first) = self.told.front() {
            let at = (*first + WINDOW).max(now);
            self.look_again(at);
        }
        fits
    }

    fn look_again(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
