//! Random inputs in random order: what must hold whatever happens.

use super::questions::password_needed;
use super::{SERVER, id, lost, production, refused, settings, unknown_key};
use crate::model::{
    Answer, Attempt, AuthMethod, Command, Fault, ForwardId, Health, Input, Phase, QuestionId,
    RemoteTarget, Secret, ServerInfo, SessionEvent, Stage,
};
use crate::supervisor::{Action, Grant, Supervisor, Trial};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The engine's promise: a hang-up ends the session within this.
const HANG_UP: Duration = Duration::from_secs(3);

/// What the world may do. Attempts are meant relative to the newest, so that both the current
/// and stale ones come up.
#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Up,
    Down,
    Restart,
    Demand,
    EnvironmentChanged,
    AgentsChanged,
    Reload {
        port: u16,
    },
    Event {
        age: u64,
        event: SessionEvent,
    },
    /// The session falls silent that connections may take.
    Silent(Option<RemoteTarget>),
    /// What leaves has left, and what is dialed works, at once or after a trial that ends so.
    Works {
        answers: bool,
    },
    Probed {
        age: u64,
        forward: &'static str,
        well: bool,
    },
    Listening {
        forward: &'static str,
        bound: bool,
    },
    Answer(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let forward = prop_oneof![Just("Grafana"), Just("Prometheus")];
    let age = prop_oneof![4 => Just(0_u64), 1 => 1..3_u64];
    prop_oneof![
        4 => (1..70_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Up),
        1 => Just(Step::Down),
        1 => Just(Step::Restart),
        2 => Just(Step::Demand),
        1 => Just(Step::EnvironmentChanged),
        1 => Just(Step::AgentsChanged),
        1 => (722..724_u16).prop_map(|port| Step::Reload { port }),
        8 => (age.clone(), event()).prop_map(|(age, event)| Step::Event { age, event }),
        2 => prop::option::of(target()).prop_map(Step::Silent),
        6 => any::<bool>().prop_map(|answers| Step::Works { answers }),
        3 => (age, forward.clone(), any::<bool>())
            .prop_map(|(age, forward, well)| Step::Probed { age, forward, well }),
        1 => (forward, any::<bool>())
            .prop_map(|(forward, bound)| Step::Listening { forward, bound }),
        2 => (0..2_u64).prop_map(Step::Answer),
    ]
}

fn server() -> ServerInfo {
    ServerInfo {
        address: ([192, 0, 2, 1], 722).into(),
        round_trip: Duration::from_millis(1),
        algorithms: String::new(),
    }
}

fn event() -> impl Strategy<Value = SessionEvent> {
    prop_oneof![
        1 => Just(SessionEvent::Stage(Stage::Authenticating)),
        4 => Just(SessionEvent::Established(server())),
        1 => Just(SessionEvent::Asks {
            name: String::new(),
            instruction: String::new(),
            prompts: vec![],
        }),
        2 => prop::option::of(target()).prop_map(|unanswered| SessionEvent::Silent { unanswered }),
        1 => (target(), any::<bool>())
            .prop_map(|(target, answers)| SessionEvent::Tried { target, answers }),
        1 => Just(SessionEvent::Rerouted),
        2 => prop_oneof![Just(1 << 20), Just(64 << 20)]
            .prop_map(|memory| SessionEvent::Worn { memory }),
        1 => Just(SessionEvent::RekeyNear),
        2 => Just(SessionEvent::RoundTrip(Duration::from_millis(1))),
        1 => Just(SessionEvent::Ended(None)),
        2 => Just(SessionEvent::Ended(Some(lost()))),
        2 => Just(SessionEvent::Ended(Some(refused()))),
        1 => Just(SessionEvent::Ended(Some(Fault::NoRoute {
            server: SERVER.into(),
            detail: String::new(),
        }))),
        1 => Just(SessionEvent::Ended(Some(rejected()))),
        2 => Just(SessionEvent::Ended(Some(password_needed()))),
        2 => Just(SessionEvent::PasswordJudged),
        1 => Just(SessionEvent::HostKeyRecorded),
        1 => Just(SessionEvent::Ended(Some(Fault::HostKeyUnknown { key: unknown_key() }))),
    ]
}

fn target() -> impl Strategy<Value = RemoteTarget> {
    (0..2_usize).prop_map(|index| production().forwards[index].remote.clone())
}

pub(super) fn rejected() -> Fault {
    Fault::AuthenticationRejected {
        user: "maintenance".into(),
        server: SERVER.into(),
        tried: vec![AuthMethod::Password],
        offered: vec![],
        detail: String::new(),
    }
}

/// A session, as the engine knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    Dialing,
    Live,
    /// Another one has taken over.
    Retired,
    /// It was told to end, at this moment.
    HungUp(Instant),
}

/// The world's own books, kept beside the supervisor's.
struct World {
    supervisor: Supervisor,
    now: Instant,
    newest: u64,
    /// The sessions that were dialed and have not ended.
    sessions: BTreeMap<u64, Session>,
    /// What sessions were dialed to try, and have not tried yet.
    trials: BTreeMap<u64, Trial>,
    probed_ok: BTreeSet<ForwardId>,
    wanted: bool,
    /// Blocked, and nobody has given a reason to dial since.
    stuck: bool,
    port: u16,
    /// The answers that were given, by number.
    answers: u64,
    /// The password that a dial carried.
    carried: BTreeMap<u64, Secret>,
    /// The passwords that a server has judged.
    judged: Vec<Secret>,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let mut world = Self {
            supervisor: Supervisor::new(&settings([production()]), 7, now),
            now,
            newest: 0,
            sessions: BTreeMap::new(),
            trials: BTreeMap::new(),
            probed_ok: BTreeSet::new(),
            wanted: true,
            stuck: false,
            port: 722,
            answers: 0,
            carried: BTreeMap::new(),
            judged: Vec::new(),
        };
        world.observe();
        world
    }

    fn take(&mut self, step: Step) {
        let input = match step {
            Step::Pass(milliseconds) => {
                self.pass(Duration::from_millis(milliseconds));
                return;
            }
            Step::Up => {
                (self.wanted, self.stuck) = (true, false);
                Input::Command(Command::Up(None))
            }
            Step::Down => {
                self.wanted = false;
                Input::Command(Command::Down(None))
            }
            Step::Restart => {
                (self.wanted, self.stuck) = (true, false);
                Input::Command(Command::Restart(None))
            }
            Step::Demand => Input::Demand(id()),
            Step::EnvironmentChanged => Input::EnvironmentChanged,
            Step::AgentsChanged => {
                if self.supervisor.snapshot().tunnels[0].awaits_a_key() {
                    self.stuck = false;
                }
                Input::AgentsChanged
            }
            Step::Reload { port } => {
                if port != self.port {
                    self.stuck = false;
                    self.port = port;
                }
                let mut tunnel = production();
                tunnel.port = port;
                Input::Settings(Arc::new(settings([tunnel])))
            }
            Step::Silent(unanswered) => {
                let mut sessions = self.sessions.iter();
                let live = sessions.find(|(_, session)| **session == Session::Live);
                let Some((attempt, _)) = live else { return };
                let age = self.newest - attempt;
                let event = SessionEvent::Silent { unanswered };
                return self.take(Step::Event { age, event });
            }
            Step::Works { answers } => {
                let is_over = |session: &Session| match session {
                    Session::Retired | Session::HungUp(_) => true,
                    Session::Dialing | Session::Live => false,
                };
                let sessions = self.sessions.clone();
                for (attempt, _) in sessions.iter().filter(|(_, session)| is_over(session)) {
                    let age = self.newest - attempt;
                    let event = SessionEvent::Ended(None);
                    self.take(Step::Event { age, event });
                }
                let age = 0;
                if let Some(trial) = self.trials.get(&self.newest).cloned() {
                    let target = trial.target;
                    let event = SessionEvent::Tried { target, answers };
                    self.take(Step::Event { age, event });
                }
                let event = SessionEvent::Established(server());
                return self.take(Step::Event { age, event });
            }
            Step::Event { age, event } => {
                let attempt = self.newest.saturating_sub(age);
                let event = match (event, self.trials.get(&attempt).cloned()) {
                    // It comes before the session is established, and only where there is a trial.
                    (SessionEvent::Tried { answers, .. }, Some(trial)) => {
                        if answers && trial.stay {
                            self.trials.remove(&attempt);
                        }
                        let target = trial.target;
                        SessionEvent::Tried { target, answers }
                    }
                    (SessionEvent::Tried { .. }, None) => return,
                    (SessionEvent::Established(_), Some(_)) => return,
                    (event, _) => event,
                };
                // What was never dialed, or has ended, comes up as well: it must not matter.
                if let Some(session) = self.sessions.get_mut(&attempt) {
                    match (&event, *session) {
                        (SessionEvent::Ended(_), _) => {
                            self.sessions.remove(&attempt);
                        }
                        (SessionEvent::Established(_), Session::Dialing) => {
                            *session = Session::Live;
                        }
                        (SessionEvent::PasswordJudged, _) => {
                            self.judged.extend(self.carried.get(&attempt).cloned());
                        }
                        (SessionEvent::Silent { .. }, Session::Live) => self.probed_ok.clear(),
                        _ => {}
                    }
                } else if age == 0 {
                    // A session that has ended says nothing more.
                    return;
                }
                Input::Session {
                    tunnel: id(),
                    attempt: Attempt(attempt),
                    event,
                }
            }
            Step::Probed { age, forward, well } => {
                let tunnel = production();
                let mut forwards = tunnel.forwards.into_iter();
                let Some(forward) = forwards.find(|known| *known.id.name == *forward) else {
                    return;
                };
                let attempt = self.newest.saturating_sub(age);
                if well && self.sessions.get(&attempt) == Some(&Session::Live) {
                    self.probed_ok.insert(forward.id.clone());
                }
                Input::Probed {
                    forward,
                    attempt: Attempt(attempt),
                    health: if well {
                        Health::ok()
                    } else {
                        Health::default()
                    },
                }
            }
            Step::Listening { forward, bound } => Input::Listening {
                forward: ForwardId::new(&id(), forward),
                result: if bound { Ok(()) } else { Err(refused()) },
            },
            Step::Answer(kind) => {
                let snapshot = self.supervisor.snapshot();
                let question = snapshot.tunnels[0].question.as_ref();
                let answer = if kind == 0 {
                    Answer::AcceptHostKey
                } else {
                    self.answers += 1;
                    Answer::Secret {
                        value: Secret::new(self.answers.to_string()),
                        remember: false,
                    }
                };
                if question.is_some() {
                    self.stuck = false;
                }
                Input::Command(Command::Answer {
                    tunnel: id(),
                    question: question.map_or(QuestionId(0), |question| question.id),
                    answer,
                })
            }
        };
        self.supervisor.handle(input, self.now);
        self.observe();
    }

    /// As the engine does: from time-out to time-out.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.supervisor.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.supervisor.handle_timeout(self.now);
            self.observe();
        }
        self.now = end;
        self.supervisor.handle_timeout(end);
        self.observe();
    }

    fn count(&self, kind: Session) -> usize {
        let sessions = self.sessions.values();
        sessions.filter(|session| **session == kind).count()
    }

    /// A session that does not end in time is forgotten.
    fn write_off(&mut self) {
        let now = self.now;
        self.sessions
            .retain(|_, session| !matches!(session, Session::HungUp(at) if *at + HANG_UP <= now));
    }

    fn observe(&mut self) {
        while let Some(action) = self.supervisor.poll_action() {
            if let Action::Dial {
                attempt,
                grant,
                trial,
                ..
            } = &action
            {
                if let Some(Grant::Password { value, .. }) = grant {
                    assert!(!self.judged.contains(value), "a judged password again");
                    self.carried.insert(attempt.0, value.clone());
                }
                if let Some(trial) = trial {
                    let alive = self.count(Session::Live) == 1;
                    assert!(trial.stay || alive, "a trial for nobody");
                    self.trials.insert(attempt.0, trial.clone());
                }
                assert!(self.wanted, "a tunnel that nobody wants was dialed");
                assert!(!self.stuck, "what only the user can lift was dialed again");
                assert!(attempt.0 > self.newest, "attempts only grow");
                self.newest = attempt.0;
                self.sessions.insert(attempt.0, Session::Dialing);
                self.write_off();
                let of = |wanted: &[Session]| {
                    let mut sessions = self.sessions.values();
                    sessions
                        .by_ref()
                        .filter(|session| wanted.contains(session))
                        .count()
                };
                assert!(
                    self.sessions.len() <= 2,
                    "more than two: {:?}",
                    self.sessions
                );
                assert!(of(&[Session::Dialing]) <= 1, "two dials at once");
            } else if let Action::HangUp { attempt, .. } = &action {
                let session = self.sessions.get_mut(&attempt.0);
                let session = session.expect("a session that ended is hung up");
                assert!(!matches!(session, Session::HungUp(_)), "hung up twice");
                *session = Session::HungUp(self.now);
            } else if let Action::Retire { attempt, .. } = &action {
                let session = self.sessions.get_mut(&attempt.0);
                assert_eq!(session, Some(&mut Session::Live));
                self.sessions.insert(attempt.0, Session::Retired);
            } else if let Action::Prove { attempt, .. } = &action {
                let session = self.sessions.get(&attempt.0);
                assert!(matches!(session, Some(Session::Live | Session::Retired)));
            } else if let Action::Probe { forward, .. } = &action {
                let snapshot = self.supervisor.snapshot();
                let mut forwards = snapshot.tunnels[0].forwards.iter();
                let view = forwards.find(|view| view.id() == &forward.id);
                assert!(view.is_some_and(|view| !view.avoided), "it is avoided");
            }
        }
        self.write_off();
        let live = self.sessions.values();
        let live = live.filter(|session| **session == Session::Live).count();
        assert!(
            live <= 1,
            "two sessions for connections: {:?}",
            self.sessions
        );
        let snapshot = self.supervisor.snapshot();
        let view = &snapshot.tunnels[0];
        if view.phase == Phase::Blocked && view.question.is_none() {
            self.stuck = true;
        }
        if view.phase == Phase::Healthy {
            assert_eq!(live, 1, "healthy without a session");
            for forward in &view.forwards {
                assert!(
                    self.probed_ok.contains(forward.id()),
                    "healthy without a probe through the live SSH session or the one that it took over from"
                );
            }
        }
        if matches!(view.phase, Phase::Waiting | Phase::Offline) {
            let dials = self.count(Session::Dialing) > 0;
            let waits = self.supervisor.poll_timeout().is_some();
            assert!(dials || waits, "waiting for nothing");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_promises_hold(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
    }
}
