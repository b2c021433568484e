//! Calls against a supervisor that is a pair of channels.

use super::*;
use crate::app::samples;
use crate::model::{Fault, Health, Phase, Secret, Stage, Traffic};
use crate::secrets::SecretStore;
use std::path::Path;

const SOON: Duration = Duration::from_secs(10);

/// A keyring that nobody unlocks.
struct Locked;

impl Locked {
    fn refusal() -> SecretError {
        SecretError::Unavailable {
            reason: "locked".into(),
        }
    }
}

impl SecretStore for Locked {
    fn get(&self, _: &SecretKey) -> Result<Option<Secret>, SecretError> {
        Err(Self::refusal())
    }

    fn set(&self, _: &SecretKey, _: &Secret) -> Result<(), SecretError> {
        Err(Self::refusal())
    }

    fn delete(&self, _: &SecretKey) -> Result<(), SecretError> {
        Err(Self::refusal())
    }
}

struct Office {
    calls: mpsc::Sender<Call>,
    inputs: mpsc::Receiver<Input>,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl Office {
    fn new(snapshot: Snapshot) -> Self {
        Self::with_known_hosts(snapshot, Path::new("/nonexistent/known_hosts"))
    }

    fn with_known_hosts(snapshot: Snapshot, known_hosts: &Path) -> Self {
        let (input_sender, inputs) = mpsc::channel(8);
        let (snapshots, receiver) = watch::channel(Arc::new(snapshot));
        let (calls, call_receiver) = mpsc::channel(8);
        let desk = Desk {
            inputs: input_sender,
            snapshots: receiver,
            reporter: Reporter::new(Traffic::default()),
            known_hosts: KnownHostsFiles {
                own: known_hosts.to_path_buf(),
                user: None,
            },
            vault: Vault::new(Arc::new(Locked)),
            ui: None,
        };
        tokio::spawn(desk.serve(call_receiver));
        Self {
            calls,
            inputs,
            snapshots,
        }
    }

    async fn call(&self, request: Request) -> mpsc::Receiver<Response> {
        let (sender, responses) = mpsc::channel(1);
        let call = Call {
            request,
            responses: sender,
        };
        self.calls.send(call).await.unwrap();
        responses
    }

    async fn ask(&self, request: Request) -> Response {
        next(&mut self.call(request).await).await
    }

    async fn input(&mut self) -> Input {
        timeout(SOON, self.inputs.recv()).await.unwrap().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        self.snapshots
            .send_modify(|snapshot| change(Arc::make_mut(snapshot)));
    }
}

async fn next(responses: &mut mpsc::Receiver<Response>) -> Response {
    timeout(SOON, responses.recv()).await.unwrap().unwrap()
}

fn open(patience: u64) -> Request {
    Request::Open {
        forward: None,
        patience,
        language: Language::En,
    }
}

fn watch_request() -> Request {
    Request::Watch {
        language: Language::En,
    }
}

fn phase_of(response: Response) -> String {
    let Response::Status(status) = response else {
        panic!("{response:?}");
    };
    status.tunnels[0].phase.clone()
}

#[tokio::test]
async fn switching_names_the_tunnel_or_means_all() {
    let mut office = Office::new(samples::two(["A", "B"]));
    for (tunnel, meant) in [(None, None), (Some("a"), Some(TunnelId::new("A")))] {
        let tunnel = tunnel.map(str::to_owned);
        assert_eq!(
            office.ask(Request::Restart { tunnel }).await,
            Response::Done
        );
        let expected = Input::Command(Command::Restart(meant));
        assert_eq!(office.input().await, expected);
    }
    let nowhere = Request::Up {
        tunnel: Some("Nowhere".into()),
    };
    let known = vec!["A".to_owned(), "B".to_owned()];
    assert_eq!(
        office.ask(nowhere).await,
        Response::Refused(Refusal::NoSuchTunnel { known })
    );
}

#[tokio::test]
async fn a_watched_status_is_told_now_and_at_each_change() {
    let office = Office::new(samples::healthy());
    let mut responses = office.call(watch_request()).await;
    assert_eq!(phase_of(next(&mut responses).await), "healthy");
    office.change(|snapshot| snapshot.tunnels[0].phase = Phase::Degraded);
    assert_eq!(phase_of(next(&mut responses).await), "degraded");
}

#[tokio::test]
async fn opening_waits_until_it_works() {
    let mut snapshot = samples::healthy();
    snapshot.tunnels[0].phase = Phase::Waiting;
    snapshot.tunnels[0].forwards[0].health = Health::default();
    let mut office = Office::new(snapshot);
    let mut responses = office.call(open(60_000)).await;
    let demand = Input::Demand(TunnelId::new("Production"));
    assert_eq!(office.input().await, demand);
    assert!(responses.try_recv().is_err());
    office.change(|snapshot| {
        snapshot.tunnels[0].phase = Phase::Healthy;
        snapshot.tunnels[0].forwards[0].health = Health::ok();
    });
    assert!(responses.try_recv().is_err());
    office.change(|snapshot| snapshot.tunnels[0].forwards[0].confirmed = Some(Instant::now()));
    let url = "http://localhost:3000/".to_owned();
    assert_eq!(next(&mut responses).await, Response::Works { url });
}

#[tokio::test]
async fn opening_gives_up_at_once_when_only_the_user_can_help_and_in_time_otherwise() {
    let mut snapshot = samples::healthy();
    snapshot.tunnels[0].phase = Phase::Blocked;
    let office = Office::new(snapshot);
    let refused = |response| {
        let Response::DoesNotWork { forward, tunnel } = response else {
            panic!("{response:?}");
        };
        (forward, tunnel.phase)
    };
    let blocked = refused(office.ask(open(60_000)).await);
    assert_eq!(blocked, ("Grafana".to_owned(), "blocked".to_owned()));
    office.change(|snapshot| snapshot.tunnels[0].phase = Phase::Waiting);
    let late = refused(office.ask(open(50)).await);
    assert_eq!(late, ("Grafana".to_owned(), "waiting".to_owned()));
}

#[tokio::test]
async fn a_host_key_is_accepted_only_by_its_own_fingerprint() {
    let mut snapshot = samples::healthy();
    snapshot.tunnels[0].question = Some(samples::host_key_question(5));
    let mut office = Office::new(snapshot);
    let accept = |fingerprint: &str| Request::AcceptHostKey {
        tunnel: None,
        fingerprint: Some(fingerprint.to_owned()),
    };
    let shown = "SHA256:abc".to_owned();
    assert_eq!(
        office.ask(accept("SHA256:other")).await,
        Response::Refused(Refusal::OtherFingerprint { shown })
    );
    let mut response = office.call(accept("SHA256:abc")).await;
    let answer = Command::Answer {
        tunnel: TunnelId::new("Production"),
        question: crate::model::QuestionId(5),
        answer: Answer::AcceptHostKey,
    };
    assert_eq!(office.input().await, Input::Command(answer));
    office.change(|snapshot| snapshot.tunnels[0].question = None);
    let accepted = Response::Accepted {
        fingerprint: "SHA256:abc".into(),
    };
    assert_eq!(next(&mut response).await, accepted);
}

#[tokio::test]
async fn a_host_key_that_cannot_be_recorded_is_not_called_accepted() {
    let mut snapshot = samples::healthy();
    snapshot.tunnels[0].question = Some(samples::host_key_question(5));
    let mut office = Office::new(snapshot);
    let request = Request::AcceptHostKey {
        tunnel: None,
        fingerprint: None,
    };
    let mut response = office.call(request).await;
    office.input().await;
    office.change(|snapshot| {
        let tunnel = &mut snapshot.tunnels[0];
        (tunnel.phase, tunnel.question) = (Phase::Connecting, None);
        tunnel.stage = Some(Stage::Resolving);
    });
    office.change(|snapshot| {
        let tunnel = &mut snapshot.tunnels[0];
        (tunnel.phase, tunnel.stage) = (Phase::Blocked, None);
        let question = samples::host_key_question(6);
        let QuestionKind::HostKey(key) = question.kind.clone() else {
            panic!("{question:?}");
        };
        tunnel.question = Some(question);
        tunnel.fault = Some(Fault::KnownHostsUnwritable {
            key,
            path: "/state/known_hosts".into(),
            detail: "Read-only file system".into(),
        });
    });
    let refused = Response::Refused(Refusal::KnownHosts {
        path: "/state/known_hosts".into(),
        detail: "Read-only file system".into(),
    });
    assert_eq!(next(&mut response).await, refused);
}

#[tokio::test]
async fn an_answer_meets_only_the_question_it_was_given_for() {
    let mut snapshot = samples::healthy();
    snapshot.tunnels[0].question = Some(samples::password_question(9));
    let mut office = Office::new(snapshot);
    let secret = Secret::new("hunter2".into());
    let answer = |question, answer| Request::Answer {
        tunnel: "Production".into(),
        question,
        answer,
    };
    let password = Reply::Secret {
        value: SecretText(secret.clone()),
        remember: true,
    };
    assert_eq!(
        office.ask(answer(8, password.clone())).await,
        Response::Refused(Refusal::QuestionGone)
    );
    assert_eq!(
        office.ask(answer(9, Reply::Responses(Vec::new()))).await,
        Response::Refused(Refusal::NothingAsked)
    );
    assert_eq!(office.ask(answer(9, password)).await, Response::Done);
    let expected = Command::Answer {
        tunnel: TunnelId::new("Production"),
        question: crate::model::QuestionId(9),
        answer: Answer::Secret {
            value: secret,
            remember: true,
        },
    };
    assert_eq!(office.input().await, Input::Command(expected));
}

#[tokio::test]
async fn a_forgotten_key_ends_the_session_that_it_vouched_for() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("known_hosts");
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    std::fs::write(&file, format!("[serveurproduction]:722 {key}\n")).unwrap();
    let mut office = Office::with_known_hosts(samples::healthy(), &file);
    let forget = || Request::ForgetHostKey { tunnel: None };
    assert_eq!(office.ask(forget()).await, Response::Forgot { keys: 1 });
    let grants = || {
        Input::Command(Command::ForgetHostKeys {
            host: "serveurproduction".into(),
            port: 722,
        })
    };
    assert_eq!(office.input().await, grants());
    let restart = Command::Restart(Some(TunnelId::new("Production")));
    assert_eq!(office.input().await, Input::Command(restart));
    assert_eq!(office.ask(forget()).await, Response::Forgot { keys: 0 });
    assert_eq!(office.input().await, grants());
    assert!(office.inputs.try_recv().is_err());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_not_called_empty() {
    let root = tempfile::tempdir().unwrap();
    let office = Office::with_known_hosts(samples::healthy(), root.path());
    let path = root.path().display().to_string();
    let detail = FileError::NotAFile.to_string();
    let asked = Request::HostKeys {
        tunnel: "Production".into(),
    };
    assert_eq!(
        office.ask(asked).await,
        Response::Refused(Refusal::KnownHostsUnreadable {
            path: path.clone(),
            detail: detail.clone(),
        })
    );
    let forget = Request::ForgetHostKey { tunnel: None };
    assert_eq!(
        office.ask(forget).await,
        Response::Refused(Refusal::KnownHosts { path, detail })
    );
}

#[tokio::test]
async fn quitting_is_told_by_the_end_of_the_connection() {
    let mut office = Office::new(samples::healthy());
    let mut responses = office.call(Request::Quit).await;
    assert_eq!(next(&mut responses).await, Response::Done);
    assert_eq!(office.input().await, Input::Command(Command::Quit));
    assert!(responses.try_recv().is_err() && !responses.is_closed());
    office.change(|snapshot| snapshot.quitting = true);
    let up = Request::Up { tunnel: None };
    assert_eq!(office.ask(up).await, Response::Refused(Refusal::Ending));
}

#[tokio::test]
async fn a_keyring_that_refuses_is_told_and_the_password_is_known_all_the_same() {
    let mut office = Office::new(samples::two(["A", "B"]));
    let locked = Response::Refused(Refusal::Keyring {
        detail: Locked::refusal().to_string(),
    });
    for (remember, expected) in [(false, &Response::Done), (true, &locked)] {
        let set = Request::SetPassword {
            tunnel: Some("B".into()),
            value: SecretText(Secret::new("hunter2".into())),
            remember,
        };
        assert_eq!(office.ask(set).await, *expected);
        let given = Command::PasswordGiven(TunnelId::new("B"));
        assert_eq!(office.input().await, Input::Command(given));
    }
    let clear = Request::ClearSecrets {
        tunnel: Some("B".into()),
    };
    assert_eq!(office.ask(clear).await, locked);
}
