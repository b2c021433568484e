//! What is promised, held against what happens.
//!
//! Whatever is done to a run is noted here as a disturbance. Some promises hold always: no wrong byte, no
//! orderly end too early, no channel's end told twice. The stricter ones hold while it is calm, which is
//! [`SETTLE`] after the last disturbance: then no connection is reset, no session ends, and the state that is
//! shown is the best one.

use crate::programs::Ending;
use crate::wire::Wire;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long after a disturbance everything has to be well again: a pause of the backoff's cap, or the look for
/// a network each minute, and the dial that follows.
pub(crate) const SETTLE: Duration = Duration::from_secs(120);

/// Dials within an hour that nothing calls for: a session may be succeeded to give memory back.
const CALM_DIALS: usize = 4;

/// Dials within ten seconds, whatever happens.
const DIALS_AT_MOST: usize = 8;
const DIAL_SPAN: Duration = Duration::from_secs(10);

/// How long a target that stops a session may be noticed by connections to others.
const NOTICED: Duration = Duration::from_secs(10);

/// Sessions that one disturbance may cost, and for how long of it another may be made.
const SESSIONS_EACH: u64 = 4;
const SESSION_SPAN: Duration = Duration::from_secs(60);

/// Refused channels of one session: russh keeps some 550 bytes of each.
const REFUSALS: u64 = 3_000;

/// How long connections may still take the older of two sessions: its channel opens are on their way.
const TAKEOVER: Duration = Duration::from_secs(2);

/// Sessions at once, as the server sees them, and for how long there may be one more: what the client has
/// hung up is still on its way.
pub(crate) const SESSIONS_AT_ONCE: usize = 2;

/// What a disturbance concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The way, the server and every service.
    All,
    /// Sessions that are dialed beside the one that connections take: these notice nothing.
    Beside,
    /// The service behind that forward.
    Forward(usize),
}

/// What happened in a run, in numbers.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Figures {
    pub(crate) virtual_seconds: u64,
    pub(crate) disturbances: u64,
    pub(crate) dials: u64,
    pub(crate) sessions: u64,
    pub(crate) connections: u64,
    pub(crate) whole: u64,
    pub(crate) reset: u64,
    pub(crate) refused_channels: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Self) {
        self.virtual_seconds += other.virtual_seconds;
        self.disturbances += other.disturbances;
        self.dials += other.dials;
        self.sessions += other.sessions;
        self.connections += other.connections;
        self.whole += other.whole;
        self.reset += other.reset;
        self.refused_channels += other.refused_channels;
    }
}

/// The book of a run. Clones are the same book.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

struct Book {
    start: Instant,
    disturbances: Vec<Disturbance>,
    dials: Vec<Instant>,
    calm_dials: Vec<Instant>,
    sessions: BTreeMap<u64, Standing>,
    /// The target that stopped a session last, and how many disturbances there were with that.
    stopped_by: Option<(usize, usize)>,
    figures: Figures,
    wrong: Option<String>,
}

struct Disturbance {
    scope: Scope,
    from: Instant,
    until: Instant,
}

/// A session that is authenticated, as the server sees it.
struct Standing {
    since: Instant,
    wire: Arc<Wire>,
    /// It has ended on the server, which the client may not know.
    over: bool,
    refusals: u64,
    /// Channels that were opened, and those that are open.
    channels: u64,
    open: u64,
}

/// A channel that is open. Dropping it says that it is not.
pub(crate) struct OpenChannel {
    ledger: Ledger,
    session: u64,
}

impl Drop for OpenChannel {
    fn drop(&mut self) {
        if let Some(standing) = self.ledger.book().sessions.get_mut(&self.session) {
            standing.open -= 1;
        }
    }
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Book {
            start: Instant::now(),
            disturbances: Vec::new(),
            dials: Vec::new(),
            calm_dials: Vec::new(),
            sessions: BTreeMap::new(),
            stopped_by: None,
            figures: Figures::default(),
            wrong: None,
        })))
    }

    /// From now on, for so long.
    pub(crate) fn disturb(&self, scope: Scope, millis: u32) {
        let lasts = Duration::from_millis(u64::from(millis));
        self.book().disturb(scope, lasts);
    }

    /// A session stands still while the server connects to that target. Until something else happens, no other
    /// session that connections take may be stopped by it.
    pub(crate) fn stopped_by(&self, target: usize) {
        let mut book = self.book();
        let known = Some((target, book.disturbances.len()));
        if book.stopped_by != known {
            book.disturb(Scope::All, NOTICED);
            book.stopped_by = Some((target, book.disturbances.len()));
        }
    }

    /// When the last disturbance is over.
    pub(crate) fn last_disturbance(&self) -> Option<Instant> {
        let book = self.book();
        book.disturbances.iter().map(|it| it.until).max()
    }

    /// Whether nothing disturbs that scope now, nor has since long before `since`.
    pub(crate) fn is_calm(&self, scope: Scope, since: Instant) -> bool {
        self.book().is_calm(scope, since)
    }

    /// Whether nothing disturbs anything, nor has for long, services included.
    pub(crate) fn all_well(&self) -> bool {
        let book = self.book();
        let settled = |it: &Disturbance| it.until + SETTLE <= Instant::now();
        book.start.elapsed() > SETTLE && book.disturbances.iter().all(settled)
    }

    /// A promise is broken, whatever disturbs.
    pub(crate) fn wrong(&self, message: impl Into<String>) {
        self.book().wrong(message.into());
    }

    /// The first promise that was broken.
    pub(crate) fn first_wrong(&self) -> Option<String> {
        self.book().wrong.clone()
    }

    pub(crate) fn figures(&self) -> Figures {
        let book = self.book();
        Figures {
            virtual_seconds: book.start.elapsed().as_secs(),
            ..book.figures
        }
    }

    /// A connection to the server is tried.
    pub(crate) fn dialed(&self) {
        let mut book = self.book();
        let now = Instant::now();
        book.figures.dials += 1;
        let first = book.dials.is_empty();
        book.dials.retain(|at| now - *at < DIAL_SPAN);
        book.dials.push(now);
        if book.dials.len() > DIALS_AT_MOST {
            let message = format!("{} dials within {DIAL_SPAN:?}", book.dials.len());
            book.wrong(message);
        }
        if !first && book.is_calm(Scope::Beside, now) {
            book.calm_dials
                .retain(|at| now - *at < Duration::from_secs(3_600));
            book.calm_dials.push(now);
            if book.calm_dials.len() > CALM_DIALS {
                let message = format!(
                    "{} dials within an hour in which nothing disturbs the session",
                    book.calm_dials.len()
                );
                book.wrong(message);
            }
        }
    }

    /// The server has let a session in.
    pub(crate) fn session_stands(&self, session: u64, wire: Arc<Wire>) {
        let mut book = self.book();
        book.figures.sessions += 1;
        book.sessions.insert(
            session,
            Standing {
                since: Instant::now(),
                wire,
                over: false,
                refusals: 0,
                channels: 0,
                open: 0,
            },
        );
        book.count_sessions();
    }

    /// It has ended; `error`: not by a good-bye.
    pub(crate) fn session_over(&self, session: u64, error: Option<String>) {
        let mut book = self.book();
        let Some(standing) = book.sessions.get_mut(&session) else {
            return;
        };
        standing.over = true;
        if let Some(error) = error
            && book.is_calm(Scope::Beside, Instant::now())
        {
            book.wrong(format!(
                "a session died while nothing disturbed it: {error}"
            ));
        }
    }

    /// The server has opened a channel.
    pub(crate) fn channel(&self, session: u64) -> OpenChannel {
        if let Some(standing) = self.book().sessions.get_mut(&session) {
            standing.channels += 1;
            standing.open += 1;
        }
        OpenChannel {
            ledger: self.clone(),
            session,
        }
    }

    /// A program's connection takes that session.
    pub(crate) fn taken(&self, session: u64) {
        let mut book = self.book();
        let now = Instant::now();
        let newer = book.sessions.range(session + 1..);
        let stands = |it: &Standing| !it.over && now - it.since > TAKEOVER;
        let settled = newer.filter(|(_, standing)| stands(standing)).count();
        if settled > 0 && book.is_calm(Scope::Beside, now) {
            book.wrong("a connection took another session than the newest".to_owned());
        }
    }

    /// The server has refused a channel.
    pub(crate) fn refused(&self, session: u64) {
        let mut book = self.book();
        book.figures.refused_channels += 1;
        let Some(standing) = book.sessions.get_mut(&session) else {
            return;
        };
        standing.refusals += 1;
        if standing.refusals > REFUSALS {
            let message = format!("a session has collected {} refusals", standing.refusals);
            book.wrong(message);
        }
    }

    /// A program's connection to that forward, opened then, has ended.
    pub(crate) fn connection(&self, forward: usize, opened: Instant, ending: &Ending) {
        let mut book = self.book();
        book.figures.connections += 1;
        match ending {
            Ending::Whole => book.figures.whole += 1,
            Ending::Left => {}
            Ending::Wrong(message) => book.wrong(format!("forward {forward}: {message}")),
            Ending::Reset => {
                book.figures.reset += 1;
                if book.is_calm(Scope::Forward(forward), opened) {
                    book.wrong(format!(
                        "forward {forward}: a connection was reset while nothing disturbed it"
                    ));
                }
            }
        }
    }

    /// Sessions that stand by what the client can know, and those of them that truly do.
    pub(crate) fn standing(&self) -> (usize, usize) {
        let mut book = self.book();
        let over_for_both = |standing: &Standing| standing.over && standing.wire.client_knows();
        book.sessions.retain(|_, standing| !over_for_both(standing));
        let known = book.sessions.values().filter(|it| !it.wire.client_knows());
        let alive = known.clone().filter(|it| !it.over && it.wire.is_whole());
        (known.count(), alive.count())
    }

    /// Channels that the sessions that stand have had, and those that are open.
    pub(crate) fn channels(&self) -> (u64, u64) {
        let book = self.book();
        let had = book.sessions.values().map(|it| it.channels).sum();
        (had, book.sessions.values().map(|it| it.open).sum())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn disturb(&mut self, scope: Scope, lasts: Duration) {
        let from = Instant::now();
        let until = from + lasts;
        self.disturbances.push(Disturbance { scope, from, until });
        self.figures.disturbances += 1;
    }

    /// A scope is concerned by what concerns everything, and sessions by what happens beside them too.
    fn is_calm(&self, scope: Scope, since: Instant) -> bool {
        let concerns = |it: &&Disturbance| it.scope == Scope::All || it.scope == scope;
        let mut concerned = self.disturbances.iter().filter(concerns);
        concerned.all(|it| it.until + SETTLE <= since)
    }

    fn wrong(&mut self, message: String) {
        let at = self.start.elapsed();
        tracing::error!(?at, "{message}");
        self.wrong
            .get_or_insert_with(|| format!("after {at:.3?}: {message}"));
    }

    /// A session that does not last is made again and again.
    fn count_sessions(&mut self) {
        let now = Instant::now();
        let of_sessions = |it: &&Disturbance| matches!(it.scope, Scope::All | Scope::Beside);
        let earned = |it: &Disturbance| {
            let lasted = it.until.min(now) - it.from;
            SESSIONS_EACH + lasted.as_secs() / SESSION_SPAN.as_secs()
        };
        let hours = self.start.elapsed().as_secs() / 3_600 + 1;
        let calm = 1 + CALM_DIALS as u64 * hours;
        let disturbances = self.disturbances.iter().filter(of_sessions);
        let allowed = calm + disturbances.map(earned).sum::<u64>();
        if self.figures.sessions > allowed {
            let sessions = self.figures.sessions;
            self.wrong(format!("{sessions} sessions, where {allowed} would do"));
        }
    }
}
