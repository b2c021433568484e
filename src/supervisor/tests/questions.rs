//! What only a person can answer: a question stands until it is answered, here or elsewhere.

use super::{Bench, SERVER, asks_for_a_code, id, production, refused, settings, unknown_key};
use crate::model::{
    Answer, Attempt, Command, Fault, Input, Phase, QuestionId, QuestionKind, Secret, SessionEvent,
    Stage,
};
use crate::supervisor::{Action, Grant};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn an_unknown_host_key_waits_for_an_answer_and_the_answer_dials_with_it() {
    let mut bench = Bench::dialing();
    bench.end(1, Fault::HostKeyUnknown { key: unknown_key() });
    assert_eq!(bench.phase(), Phase::Blocked);
    let (question, kind) = bench.question();
    assert_eq!(kind, QuestionKind::HostKey(unknown_key()));
    bench.answer(QuestionId(question.0 + 1), Answer::AcceptHostKey);
    assert_eq!(bench.actions(), [], "an answer to another question");
    bench.answer(question, Answer::AcceptHostKey);
    assert_eq!(
        bench.actions(),
        [Action::Dial {
            settings: Arc::new(production()),
            attempt: Attempt(2),
            grant: Some(Grant::HostKey(unknown_key())),
            trial: None,
        }]
    );
}

#[test]
fn a_host_key_that_cannot_be_recorded_can_be_accepted_again() {
    let mut bench = Bench::dialing();
    bench.end(
        1,
        Fault::KnownHostsUnwritable {
            key: unknown_key(),
            path: "/state/known_hosts".into(),
            detail: String::new(),
        },
    );
    assert_eq!(bench.phase(), Phase::Blocked);
    assert_eq!(bench.question().1, QuestionKind::HostKey(unknown_key()));
}

#[test]
fn a_changed_host_key_asks_nothing() {
    let mut bench = Bench::dialing();
    bench.end(
        1,
        Fault::HostKeyChanged {
            key: unknown_key(),
            known: vec![],
            source: String::new(),
        },
    );
    assert_eq!(bench.phase(), Phase::Blocked);
    assert_eq!(bench.view().question, None);
}

#[test]
fn a_servers_question_stands_for_two_minutes() {
    let asks = asks_for_a_code();
    let mut bench = Bench::dialing();
    bench.session(1, asks.clone());
    assert_eq!(bench.phase(), Phase::Blocked);
    let (question, _) = bench.question();
    bench.answer(question, Answer::Responses(vec![]));
    assert_eq!(bench.actions(), [], "one response for each field");
    let responses = vec![Secret::new("123456".into())];
    bench.answer(question, Answer::Responses(responses.clone()));
    assert_eq!(
        bench.actions(),
        [Action::Respond {
            tunnel: id(),
            attempt: Attempt(1),
            responses
        }]
    );
    assert_eq!(bench.phase(), Phase::Connecting);

    bench.session(1, asks);
    bench.pass(Duration::from_secs(120));
    assert_eq!(
        bench.actions(),
        [Action::HangUp {
            tunnel: id(),
            attempt: Attempt(1)
        }]
    );
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.phase(), Phase::Blocked);
    assert_eq!(bench.view().fault.unwrap().code(), "question_timeout");
}

pub(super) fn password_needed() -> Fault {
    Fault::PasswordNeeded {
        user: "maintenance".into(),
        server: SERVER.into(),
        rejected: true,
    }
}

#[test]
fn a_password_given_unasked_answers_the_question_that_stands() {
    let mut bench = Bench::dialing();
    bench.end(1, password_needed());
    bench.command(Command::PasswordGiven(id()));
    assert_eq!(
        bench.actions(),
        [Action::Dial {
            settings: Arc::new(production()),
            attempt: Attempt(2),
            grant: None,
            trial: None,
        }]
    );
}

#[test]
fn a_password_given_during_a_dial_that_misses_it_is_not_asked_for() {
    let mut bench = Bench::dialing();
    bench.command(Command::PasswordGiven(id()));
    assert_eq!(bench.actions(), [], "the dial may have it yet");
    bench.end(1, password_needed());
    assert_eq!(bench.view().question, None);
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(2));
    bench.end(2, password_needed());
    assert_eq!(bench.phase(), Phase::Blocked, "one dial, and no more");
    assert!(bench.view().question.is_some());

    let mut bench = Bench::dialing();
    bench.command(Command::PasswordGiven(id()));
    bench.end(1, Fault::HostKeyUnknown { key: unknown_key() });
    assert_eq!(bench.phase(), Phase::Blocked, "a password does not help");
}

pub(super) fn question_lost() -> Fault {
    Fault::QuestionLost {
        server: SERVER.into(),
    }
}

pub(super) fn busy() -> Fault {
    Fault::ServerBusy {
        server: SERVER.into(),
        detail: String::new(),
    }
}

#[test]
fn a_servers_question_goes_with_its_connection() {
    let mut bench = Bench::dialing();
    bench.session(1, asks_for_a_code());
    let (question, _) = bench.question();
    bench.end(1, question_lost());
    let view = bench.view();
    assert_eq!(
        (view.phase, view.question, view.fault),
        (Phase::Blocked, None, Some(question_lost()))
    );
    bench.answer(
        question,
        Answer::Responses(vec![Secret::new("123456".into())]),
    );
    assert_eq!(bench.actions(), [], "nobody waits for that answer");
    assert_eq!(bench.next_dial(Duration::from_secs(86_400)), None);
    bench.command(Command::Up(None));
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(2));
}

#[test]
fn a_servers_question_goes_with_a_hang_up_of_ours() {
    for command in [
        Command::Down(None),
        Command::Restart(None),
        Command::Quit,
        Command::Up(None),
    ] {
        let mut bench = Bench::dialing();
        bench.session(1, asks_for_a_code());
        bench.command(command.clone());
        let stands = bench.view().question.is_some();
        assert_eq!(stands, command == Command::Up(None), "{command:?}");
    }
    let mut bench = Bench::dialing();
    bench.session(1, asks_for_a_code());
    let mut moved = production();
    moved.port = 723;
    bench.tell(Input::Settings(Arc::new(settings([moved]))));
    assert_eq!(bench.view().question, None);
}

#[test]
fn a_live_question_carries_no_old_fault() {
    let mut bench = Bench::dialing();
    bench.end(1, busy());
    assert_eq!(bench.next_dial(Duration::from_secs(10)), Some(2));
    assert_eq!(bench.view().fault, Some(busy()));
    bench.session(2, SessionEvent::Stage(Stage::Authenticating));
    bench.session(2, asks_for_a_code());
    assert_eq!(bench.phase(), Phase::Blocked);
    assert_eq!(bench.view().fault, None);
    let (question, _) = bench.question();
    bench.answer(
        question,
        Answer::Responses(vec![Secret::new("123456".into())]),
    );
    assert_eq!(bench.phase(), Phase::Connecting);
    assert_eq!(
        bench.view().fault,
        None,
        "it was over when the server asked"
    );
}

#[test]
fn a_question_of_a_successor_carries_no_old_fault() {
    let mut bench = Bench::live();
    bench.session(1, SessionEvent::Silent { unanswered: None });
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(2));
    bench.end(2, refused());
    let attempt = bench.next_dial(Duration::from_secs(60)).unwrap();
    assert_eq!(bench.view().fault, Some(refused()));
    bench.session(attempt, asks_for_a_code());
    let view = bench.view();
    assert!(view.question.is_some());
    assert_eq!(view.fault, None);
}
