//! What only a person can answer: a question stands until it is answered, here or elsewhere.

use super::{Bench, SERVER, asks_for_a_code, id, production, unknown_key};
use crate::model::{
    Answer, Attempt, Command, Fault, Phase, QuestionId, QuestionKind, Secret, SessionEvent,
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

fn password_needed() -> Fault {
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
