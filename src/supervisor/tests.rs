//! The supervisor under a simulated clock: scenarios by value, then random ones by invariant.

use super::{Action, Supervisor};
use crate::model::{
    Answer, Attempt, AuthMethod, Command, Fault, ForwardId, ForwardSettings, Health, HealthCheck,
    HealthReason, HealthState, Hold, Input, InteractivePrompt, LocalBind, Phase, PresentedKey,
    QuestionId, QuestionKind, RemoteTarget, ServerInfo, SessionEvent, Settings, Stage, TunnelId,
    TunnelSettings, TunnelView,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

mod granted;
mod handover;
mod probes;
mod questions;
mod random;
mod reload;
mod suspects;
mod wear;

const SERVER: &str = "maintenance@serveurproduction:722";

/// A session was silent before it was asked for a channel.
const SILENT: SessionEvent = SessionEvent::Silent { unanswered: None };

/// A session holds a first mebibyte that only its end gives back.
const WORN: SessionEvent = SessionEvent::Worn { memory: 1 << 20 };

fn id() -> TunnelId {
    TunnelId::new("Production")
}

fn forward(name: &str, port: u16, health: HealthCheck) -> Arc<ForwardSettings> {
    Arc::new(ForwardSettings {
        id: ForwardId::new(&id(), name),
        local: LocalBind::Port(port),
        remote: RemoteTarget {
            host: "localhost".into(),
            port,
        },
        hold: Hold::usual(&health),
        health,
        open: Some("/".into()),
        primary: name == "Grafana",
    })
}

fn production() -> TunnelSettings {
    TunnelSettings {
        id: id(),
        host: "serveurproduction".into(),
        port: 722,
        user: "maintenance".into(),
        autostart: true,
        auth: vec![AuthMethod::Agent, AuthMethod::Key, AuthMethod::Password],
        identity: vec![],
        host_key: vec![],
        forwards: vec![
            forward("Grafana", 3000, HealthCheck::Grafana),
            forward("Prometheus", 9090, HealthCheck::Prometheus),
        ],
    }
}

fn settings(tunnels: impl IntoIterator<Item = TunnelSettings>) -> Settings {
    Settings {
        language: None,
        start_at_logon: true,
        notifications: true,
        tunnels: tunnels.into_iter().map(Arc::new).collect(),
    }
}

fn unknown_key() -> PresentedKey {
    PresentedKey {
        host: "serveurproduction".into(),
        port: 722,
        algorithm: "ssh-ed25519".into(),
        fingerprint: "SHA256:x".into(),
        line: "ssh-ed25519 AAAA".into(),
    }
}

fn refused() -> Fault {
    Fault::ConnectionRefused {
        server: SERVER.into(),
    }
}

fn lost() -> Fault {
    Fault::KeepaliveTimeout {
        server: SERVER.into(),
    }
}

/// A supervisor, and a clock that only moves when told to.
struct Bench {
    supervisor: Supervisor,
    now: Instant,
}

impl Bench {
    fn new(settings: &Settings) -> Self {
        Self::by(1, settings)
    }

    /// With jitter of its own.
    fn by(seed: u64, settings: &Settings) -> Self {
        let now = Instant::now();
        Self {
            supervisor: Supervisor::new(settings, seed, now),
            now,
        }
    }

    /// One tunnel, its first dial under way, its listeners bound.
    fn dialing() -> Self {
        Self::dialing_by(1)
    }

    fn dialing_by(seed: u64) -> Self {
        let mut bench = Self::by(seed, &settings([production()]));
        bench.actions();
        for name in ["Grafana", "Prometheus"] {
            bench.tell(Input::Listening {
                forward: ForwardId::new(&id(), name),
                result: Ok(()),
            });
        }
        bench
    }

    /// The same with a session, its probes under way.
    fn live() -> Self {
        Self::live_by(1)
    }

    fn live_by(seed: u64) -> Self {
        let mut bench = Self::dialing_by(seed);
        bench.establish(1);
        bench.actions();
        bench
    }

    fn healthy() -> Self {
        let mut bench = Self::live();
        bench.probed("Grafana", 1, Health::ok());
        bench.probed("Prometheus", 1, Health::ok());
        bench
    }

    fn tell(&mut self, input: Input) {
        self.supervisor.handle(input, self.now);
    }

    fn command(&mut self, command: Command) {
        self.tell(Input::Command(command));
    }

    fn session(&mut self, attempt: u64, event: SessionEvent) {
        self.tell(Input::Session {
            tunnel: id(),
            attempt: Attempt(attempt),
            event,
        });
    }

    fn establish(&mut self, attempt: u64) {
        self.session(
            attempt,
            SessionEvent::Established(ServerInfo {
                address: "192.0.2.1:722".parse().unwrap(),
                round_trip: Duration::from_millis(1),
                algorithms: String::new(),
            }),
        );
    }

    fn end(&mut self, attempt: u64, fault: Fault) {
        self.session(attempt, SessionEvent::Ended(Some(fault)));
    }

    fn forward(&self, name: &str) -> Arc<ForwardSettings> {
        let view = self.view();
        let mut forwards = view.forwards.iter();
        let named = forwards.find(|forward| *forward.id().name == *name);
        Arc::clone(&named.unwrap().settings)
    }

    fn probed(&mut self, forward: &str, attempt: u64, health: Health) {
        let asked = self.forward(forward);
        self.tell(Input::Probed {
            forward: asked,
            attempt: Attempt(attempt),
            health,
        });
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.supervisor.handle_timeout(self.now);
    }

    /// Lets time pass until the next dial, at most `bound`; gives its number.
    fn next_dial(&mut self, bound: Duration) -> Option<u64> {
        let end = self.now + bound;
        loop {
            if let Some(attempt) = self.dials().pop() {
                return Some(attempt);
            }
            let due = self.supervisor.poll_timeout()?;
            if due > end {
                return None;
            }
            self.now = self.now.max(due);
            self.supervisor.handle_timeout(self.now);
        }
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.supervisor.poll_action()).collect()
    }

    fn dials(&mut self) -> Vec<u64> {
        self.actions()
            .into_iter()
            .filter_map(|action| dialed(&action))
            .collect()
    }

    fn view(&self) -> TunnelView {
        self.supervisor.snapshot().tunnel(&id()).unwrap().clone()
    }

    fn phase(&self) -> Phase {
        self.view().phase
    }

    fn question(&self) -> (QuestionId, QuestionKind) {
        let question = self.view().question.unwrap();
        (question.id, question.kind)
    }

    fn answer(&mut self, question: QuestionId, answer: Answer) {
        self.command(Command::Answer {
            tunnel: id(),
            question,
            answer,
        });
    }
}

fn dialed(action: &Action) -> Option<u64> {
    if let Action::Dial { attempt, .. } = action {
        Some(attempt.0)
    } else {
        None
    }
}

/// What a server asks by keyboard-interactive.
fn asks_for_a_code() -> SessionEvent {
    SessionEvent::Asks {
        name: String::new(),
        instruction: String::new(),
        prompts: vec![InteractivePrompt {
            text: "Code: ".into(),
            echo: false,
        }],
    }
}

#[test]
fn autostart_listens_first_and_dials() {
    let mut bench = Bench::new(&settings([production()]));
    let tunnel = Arc::new(production());
    assert_eq!(
        bench.actions(),
        [
            Action::Listen(Arc::clone(&tunnel.forwards[0])),
            Action::Listen(Arc::clone(&tunnel.forwards[1])),
            Action::Dial {
                settings: tunnel,
                attempt: Attempt(1),
                grant: None,
                trial: None,
            },
        ]
    );
    assert_eq!(bench.phase(), Phase::Connecting);
}

#[test]
fn without_autostart_nothing_happens_until_the_user_wants_it() {
    let mut tunnel = production();
    tunnel.autostart = false;
    let mut bench = Bench::new(&settings([tunnel]));
    assert_eq!(bench.actions(), []);
    assert_eq!(bench.phase(), Phase::Stopped);
    assert_eq!(bench.supervisor.poll_timeout(), None);
    bench.command(Command::Up(None));
    assert_eq!(bench.dials(), [1]);
}

#[test]
fn healthy_takes_an_answer_from_every_service_through_this_session() {
    let mut bench = Bench::live();
    assert_eq!(bench.phase(), Phase::Connecting);
    assert_eq!(bench.view().stage, Some(Stage::Checking));
    bench.probed("Grafana", 1, Health::ok());
    assert_eq!(bench.phase(), Phase::Connecting);
    bench.probed(
        "Prometheus",
        1,
        Health::because(HealthState::Starting, HealthReason::PrometheusNotReady),
    );
    assert_eq!(bench.phase(), Phase::Degraded);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.actions().len(), 1, "the unwell one is asked again");
    bench.probed("Prometheus", 1, Health::ok());
    assert_eq!(bench.phase(), Phase::Healthy);
}

#[test]
fn an_answer_through_an_older_session_does_not_count() {
    let mut bench = Bench::healthy();
    bench.end(1, lost());
    let attempt = bench.next_dial(Duration::from_secs(1)).unwrap();
    bench.establish(attempt);
    bench.probed("Grafana", 1, Health::ok());
    bench.probed("Prometheus", 1, Health::ok());
    assert_eq!(bench.phase(), Phase::Connecting);
}

#[test]
fn only_an_answer_that_somebody_waits_for_is_a_confirmation() {
    let mut bench = Bench::healthy();
    let confirmed = |bench: &Bench| bench.view().forwards[0].confirmed;
    // The first one was waited for since the start.
    let first = confirmed(&bench);
    bench.pass(Duration::from_secs(10));
    bench.probed("Grafana", 1, Health::ok());
    assert_eq!(confirmed(&bench), first);

    bench.actions();
    bench.tell(Input::Demand(id()));
    let probes = |action: &Action| matches!(action, Action::Probe { .. });
    assert!(bench.actions().iter().any(probes));
    assert_eq!(confirmed(&bench), first);
    bench.probed("Grafana", 1, Health::ok());
    assert_eq!(confirmed(&bench), Some(bench.now));
    bench.end(1, lost());
    assert_eq!(confirmed(&bench), None);
}

#[test]
fn a_lost_session_is_dialed_again_within_a_quarter_of_a_second() {
    let mut bench = Bench::healthy();
    bench.end(1, lost());
    assert_eq!(bench.phase(), Phase::Waiting);
    assert_eq!(bench.view().fault, Some(lost()));
    assert_eq!(bench.next_dial(Duration::from_millis(250)), Some(2));
}

#[test]
fn events_of_an_older_session_are_dropped() {
    let mut bench = Bench::healthy();
    bench.command(Command::Restart(None));
    bench.end(1, lost());
    assert_eq!(bench.phase(), Phase::Waiting, "dials are kept apart");
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(2));
    let before = bench.supervisor.snapshot();
    bench.establish(1);
    bench.end(1, lost());
    assert_eq!(bench.supervisor.snapshot(), before);
}

#[test]
fn what_only_the_user_can_lift_is_never_dialed_again_by_itself() {
    let rejected = Fault::AuthenticationRejected {
        user: "maintenance".into(),
        server: SERVER.into(),
        tried: vec![AuthMethod::Key],
        offered: vec![],
        detail: String::new(),
    };
    let mut bench = Bench::dialing();
    bench.end(1, rejected);
    bench.tell(Input::Demand(id()));
    bench.tell(Input::EnvironmentChanged);
    assert_eq!(bench.next_dial(Duration::from_secs(86_400)), None);
    assert_eq!(bench.phase(), Phase::Blocked);
    bench.command(Command::Up(None));
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(2));
}

#[test]
fn a_key_that_an_agent_took_in_is_worth_one_dial_where_a_key_was_missing() {
    let needed = Fault::PasswordNeeded {
        user: "maintenance".into(),
        server: SERVER.into(),
        rejected: false,
    };
    let mut bench = Bench::dialing();
    bench.end(1, needed.clone());
    bench.tell(Input::AgentsChanged);
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(2));
    bench.end(2, needed.clone());
    assert_eq!(bench.next_dial(Duration::from_secs(86_400)), None);

    let mut without_agent = production();
    without_agent.auth = vec![AuthMethod::Key, AuthMethod::Password];
    let mut bench = Bench::new(&settings([without_agent]));
    assert_eq!(bench.next_dial(Duration::ZERO), Some(1));
    bench.end(1, needed);
    bench.tell(Input::AgentsChanged);
    assert_eq!(bench.next_dial(Duration::from_secs(86_400)), None);

    let mut bench = Bench::dialing();
    bench.end(1, Fault::HostKeyUnknown { key: unknown_key() });
    bench.tell(Input::AgentsChanged);
    assert_eq!(bench.next_dial(Duration::from_secs(86_400)), None);
}

#[test]
fn demand_cuts_the_wait_short_but_keeps_dials_apart() {
    let mut bench = Bench::dialing();
    let mut attempt = 1;
    // Deep in the backoff, where waits are long.
    for _ in 0..8 {
        bench.end(attempt, refused());
        attempt = bench.next_dial(Duration::from_secs(60)).unwrap();
    }
    let dialed_at = bench.now;
    bench.end(attempt, refused());
    bench.tell(Input::Demand(id()));
    bench.next_dial(Duration::from_secs(60)).unwrap();
    assert!(bench.now - dialed_at <= Duration::from_secs(2));
}

#[test]
fn a_busy_server_is_left_alone_even_on_demand() {
    let mut bench = Bench::dialing();
    bench.end(
        1,
        Fault::ServerBusy {
            server: SERVER.into(),
            detail: String::new(),
        },
    );
    bench.tell(Input::Demand(id()));
    assert_eq!(bench.next_dial(Duration::from_millis(4_999)), None);
    assert_eq!(bench.next_dial(Duration::from_secs(10)), Some(2));
}

#[test]
fn a_port_that_is_taken_is_a_fault_of_that_forward_alone() {
    let taken = Fault::PortTaken {
        address: "127.0.0.1:9090".parse().unwrap(),
        owner: None,
    };
    let mut bench = Bench::healthy();
    bench.actions();
    bench.tell(Input::Listening {
        forward: ForwardId::new(&id(), "Prometheus"),
        result: Err(taken.clone()),
    });
    let view = bench.view();
    assert_eq!(view.phase, Phase::Degraded);
    assert!(view.forwards[0].works() && !view.forwards[1].works());
    assert_eq!(view.forwards[1].fault, Some(taken));
    bench.pass(Duration::from_secs(3));
    assert!(
        bench
            .actions()
            .contains(&Action::Listen(Arc::clone(&production().forwards[1])))
    );
}

#[test]
fn down_closes_everything_and_stays_down() {
    let mut bench = Bench::healthy();
    bench.actions();
    bench.command(Command::Down(None));
    assert_eq!(bench.phase(), Phase::Stopping);
    assert_eq!(
        bench.actions(),
        [
            Action::Unlisten(ForwardId::new(&id(), "Grafana")),
            Action::Unlisten(ForwardId::new(&id(), "Prometheus")),
            Action::HangUp {
                tunnel: id(),
                attempt: Attempt(1)
            },
        ]
    );
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.phase(), Phase::Stopped);
    assert_eq!(bench.supervisor.poll_timeout(), None);
}

#[test]
fn a_session_that_does_not_end_is_written_off() {
    let mut bench = Bench::healthy();
    bench.command(Command::Quit);
    assert!(!bench.supervisor.finished());
    bench.pass(Duration::from_secs(3));
    assert!(bench.supervisor.finished());
}

#[test]
fn a_missing_network_shows_as_offline_and_is_tried_again() {
    let mut bench = Bench::dialing();
    bench.end(
        1,
        Fault::NameNotResolved {
            host: "serveurproduction".into(),
            detail: String::new(),
        },
    );
    assert_eq!(bench.phase(), Phase::Offline);
    assert_eq!(bench.next_dial(Duration::from_secs(60)), Some(2));
}
