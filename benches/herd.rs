//! A herd: ten thousand clients whose server restarts, each a supervisor of its own, against sshd's
//! `MaxStartups 10:30:100`. Nothing is dialled; the clock is simulated.
//!
//! ```text
//! cargo bench --bench herd -- [--clients 10000] [--down 5]
//! ```

#![expect(
    clippy::expect_used,
    reason = "a measurement that cannot be taken is no measurement"
)]

mod option;

use option::option;
use passerelle::config::default_settings;
use passerelle::model::{Attempt, Fault, Input, ServerInfo, SessionEvent, Settings, TunnelId};
use passerelle::supervisor::{Action, Supervisor};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From the connection to the end of the login: what a startup slot is taken for.
const LOGIN: Duration = Duration::from_millis(400);

/// How long it takes to be turned away.
const TURNED_AWAY: Duration = Duration::from_millis(20);

/// What a bar of the plot stands for.
const BAR: Duration = Duration::from_secs(5);

fn main() {
    let clients = usize::try_from(option("--clients", 10_000)).expect("it fits");
    let mut herd = Herd::new(clients, Duration::from_secs(option("--down", 5)));
    herd.run();
    herd.print();
}

/// Something that is due: a client wants to be woken, or the server has an answer for it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Wake,
    TurnedAway(Attempt, bool),
    LoggedIn(Attempt),
}

struct Herd {
    clients: Vec<Supervisor>,
    tunnel: TunnelId,
    due: BinaryHeap<Reverse<(Duration, usize, Due)>>,
    start: Instant,
    down: Duration,
    logging_in: u32,
    rng: fastrand::Rng,
    /// When each connection was tried, and when each client was up again.
    tried: Vec<Duration>,
    up: Vec<Duration>,
}

impl Herd {
    /// All of them have lived for an hour when the server goes down, at the time zero.
    fn new(clients: usize, down: Duration) -> Self {
        let settings = without_forwards();
        let tunnel = settings.tunnels[0].id.clone();
        let before = Instant::now();
        let start = before + Duration::from_secs(3600);
        let mut herd = Self {
            clients: Vec::new(),
            tunnel,
            due: BinaryHeap::new(),
            start,
            down,
            logging_in: 0,
            rng: fastrand::Rng::with_seed(1),
            tried: Vec::new(),
            up: Vec::new(),
        };
        for seed in 0..clients {
            let mut client = Supervisor::new(&settings, seed as u64, before);
            client.handle(herd.session(Attempt(1), established()), before);
            while client.poll_action().is_some() {}
            let lost = SessionEvent::Ended(Some(Fault::ConnectionLost {
                server: String::new(),
                detail: String::new(),
            }));
            client.handle(herd.session(Attempt(1), lost), start);
            herd.clients.push(client);
            herd.follow(seed, Duration::ZERO);
        }
        herd
    }

    fn run(&mut self) {
        while self.up.len() < self.clients.len() {
            let Reverse((now, client, due)) = self.due.pop().expect("someone waits");
            let event = match due {
                Due::Wake => None,
                Due::TurnedAway(attempt, busy) => Some((attempt, turned_away(busy))),
                Due::LoggedIn(attempt) => {
                    self.logging_in -= 1;
                    self.up.push(now);
                    Some((attempt, established()))
                }
            };
            let at = self.start + now;
            match event {
                None => self.clients[client].handle_timeout(at),
                Some((attempt, event)) => {
                    let input = self.session(attempt, event);
                    self.clients[client].handle(input, at);
                }
            }
            self.follow(client, now);
        }
    }

    /// Does what the client wants, and notes when it wants to be woken.
    fn follow(&mut self, client: usize, now: Duration) {
        while let Some(action) = self.clients[client].poll_action() {
            if let Action::Dial { attempt, .. } = action {
                let (at, due) = self.connect(attempt, now);
                self.due.push(Reverse((at, client, due)));
            }
        }
        if let Some(at) = self.clients[client].poll_timeout() {
            let at = at.saturating_duration_since(self.start).max(now);
            self.due.push(Reverse((at, client, Due::Wake)));
        }
    }

    /// sshd_config(5): beyond 10 logins under way, 30 % are turned away, and more and more up to all
    /// of them at 100.
    fn connect(&mut self, attempt: Attempt, now: Duration) -> (Duration, Due) {
        self.tried.push(now);
        if now < self.down {
            return (now + TURNED_AWAY, Due::TurnedAway(attempt, false));
        }
        let refused = match self.logging_in {
            0..10 => 0.0,
            busy @ 10..100 => 0.3 + 0.7 * f64::from(busy - 10) / 90.0,
            100.. => 1.0,
        };
        if self.rng.f64() < refused {
            return (now + TURNED_AWAY, Due::TurnedAway(attempt, true));
        }
        self.logging_in += 1;
        (now + LOGIN, Due::LoggedIn(attempt))
    }

    fn session(&self, attempt: Attempt, event: SessionEvent) -> Input {
        Input::Session {
            tunnel: self.tunnel.clone(),
            attempt,
            event,
        }
    }

    fn print(&self) {
        let bars = |times: &[Duration]| {
            let last = self
                .up
                .last()
                .map_or(0, |last| last.as_secs() / BAR.as_secs());
            let mut bars = vec![0_usize; usize::try_from(last).expect("it fits") + 1];
            for time in times {
                let bar = usize::try_from(time.as_secs() / BAR.as_secs()).expect("it fits");
                if let Some(bar) = bars.get_mut(bar) {
                    *bar += 1;
                }
            }
            bars
        };
        let per_second = |count: usize| count as f64 / BAR.as_secs_f64();
        println!("    from  tries/s  up/s");
        for (index, (tried, up)) in bars(&self.tried)
            .into_iter()
            .zip(bars(&self.up))
            .enumerate()
        {
            let from = index as u64 * BAR.as_secs();
            let (tried, up) = (per_second(tried), per_second(up));
            let plot = "#".repeat((tried / 20.0).ceil() as usize);
            println!("{from:>6} s {tried:>8.0} {up:>5.0}  {plot}");
        }
        let at = |share: usize| self.up[(self.up.len() - 1) * share / 100].as_secs_f64();
        let tries = self.tried.len() as f64 / self.clients.len() as f64;
        println!(
            "half are up after {:.0} s, 99 % after {:.0} s, all after {:.0} s; {tries:.1} tries each",
            at(50),
            at(99),
            at(100)
        );
    }
}

fn established() -> SessionEvent {
    SessionEvent::Established(ServerInfo {
        address: ([192, 0, 2, 1], 722).into(),
        round_trip: Duration::from_millis(1),
        algorithms: String::new(),
    })
}

fn turned_away(busy: bool) -> SessionEvent {
    let server = String::new();
    SessionEvent::Ended(Some(if busy {
        let detail = String::new();
        Fault::ServerBusy { server, detail }
    } else {
        Fault::ConnectionRefused { server }
    }))
}

/// Nobody probes, so that nothing but dials happens.
fn without_forwards() -> Settings {
    let mut settings = default_settings();
    for tunnel in &mut settings.tunnels {
        Arc::make_mut(tunnel).forwards.clear();
    }
    settings
}
