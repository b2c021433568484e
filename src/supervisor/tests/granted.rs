//! What the user answered is carried from dial to dial until it is judged, and no longer.

use super::questions::{busy, password_needed, question_lost};
use super::{Bench, SERVER, asks_for_a_code, id, lost, production, refused, settings, unknown_key};
use crate::model::{Answer, Command, Fault, Input, Phase, Secret, SessionEvent};
use crate::supervisor::{Action, Grant};
use std::sync::Arc;
use std::time::Duration;

/// The password that the last dial carried, and that dial's number.
fn carried(bench: &mut Bench) -> (u64, Option<Grant>) {
    let due = bench.now + Duration::from_secs(120);
    loop {
        for action in bench.actions() {
            if let Action::Dial { attempt, grant, .. } = action {
                return (attempt.0, grant);
            }
        }
        let next = bench.supervisor.poll_timeout().expect("a dial is due");
        assert!(next <= due, "no dial");
        bench.now = bench.now.max(next);
        bench.supervisor.handle_timeout(bench.now);
    }
}

fn typed() -> Grant {
    Grant::Password {
        value: Secret::new("right".into()),
        remember: true,
    }
}

/// What the user's wish for another try tells the vault.
fn try_again(typed: Option<&str>) -> Action {
    Action::TryPasswordAgain {
        settings: Arc::new(production()),
        typed: typed.map(|typed| Secret::new(typed.into())),
    }
}

#[test]
fn only_the_user_gives_a_password_another_try() {
    let rejected = || {
        let mut bench = Bench::dialing();
        bench.end(1, super::random::rejected());
        assert_eq!(bench.actions(), []);
        bench
    };
    let mut bench = rejected();
    bench.tell(Input::AgentsChanged);
    bench.tell(Input::EnvironmentChanged);
    assert_eq!(bench.actions(), [], "nobody has asked for it");
    let (attempt, _) = carried(&mut bench);
    bench.end(attempt, super::random::rejected());
    bench.command(Command::Up(None));
    assert_eq!(bench.actions(), [try_again(None)]);

    for command in [Command::Down(None), Command::Restart(None)] {
        let mut bench = rejected();
        bench.command(command);
        assert_eq!(bench.actions().first(), Some(&try_again(None)));
    }

    let mut bench = Bench::dialing();
    bench.end(1, password_needed());
    bench.command(Command::Up(None));
    assert_eq!(bench.actions(), [], "its verdict is known");
    let (attempt, _) = carried(&mut bench);
    bench.end(attempt, password_needed());
    let (question, _) = bench.question();
    let value = Secret::new("typed".into());
    let remember = false;
    bench.answer(question, Answer::Secret { value, remember });
    assert_eq!(bench.actions().first(), Some(&try_again(Some("typed"))));
}

/// A password was asked for and typed; its dial, of this number, is under way.
fn with_typed_password() -> (Bench, u64) {
    let mut bench = Bench::dialing();
    bench.end(1, password_needed());
    let (question, _) = bench.question();
    bench.answer(
        question,
        Answer::Secret {
            value: Secret::new("right".into()),
            remember: true,
        },
    );
    let (attempt, grant) = carried(&mut bench);
    assert_eq!(grant, Some(typed()));
    (bench, attempt)
}

#[test]
fn a_password_that_no_server_has_judged_is_carried_by_the_next_dial() {
    let (mut bench, mut attempt) = with_typed_password();
    for fault in [
        busy(),
        refused(),
        lost(),
        Fault::HandshakeTimeout {
            server: SERVER.into(),
        },
    ] {
        bench.end(attempt, fault.clone());
        assert_eq!(bench.view().question, None, "{fault:?}");
        let (next, grant) = carried(&mut bench);
        assert_eq!(grant, Some(typed()), "{fault:?}");
        attempt = next;
    }
    bench.establish(attempt);
    bench.end(attempt, lost());
    assert_eq!(
        carried(&mut bench).1,
        None,
        "it was taken: the vault has it"
    );
}

#[test]
fn a_password_that_was_judged_is_carried_by_no_other_dial() {
    let (mut bench, attempt) = with_typed_password();
    bench.session(attempt, SessionEvent::PasswordJudged);
    // After the refusal a key was offered, and the line broke.
    bench.end(attempt, lost());
    assert_eq!(carried(&mut bench).1, None);

    let (mut bench, attempt) = with_typed_password();
    bench.command(Command::Restart(None));
    // The verdict comes while we hang up.
    bench.session(attempt, SessionEvent::PasswordJudged);
    bench.session(attempt, SessionEvent::Ended(None));
    assert_eq!(carried(&mut bench).1, None);

    let (mut bench, attempt) = with_typed_password();
    bench.end(attempt, password_needed());
    assert_eq!(bench.phase(), Phase::Blocked);
    bench.command(Command::Up(None));
    assert_eq!(carried(&mut bench).1, None, "it was refused");
}

#[test]
fn a_password_survives_a_servers_question_that_lapsed() {
    for fault in [
        question_lost(),
        Fault::QuestionTimeout {
            server: SERVER.into(),
        },
    ] {
        let (mut bench, attempt) = with_typed_password();
        bench.session(attempt, asks_for_a_code());
        bench.end(attempt, fault.clone());
        assert_eq!(bench.phase(), Phase::Blocked);
        bench.command(Command::Up(None));
        assert_eq!(carried(&mut bench).1, Some(typed()), "{fault:?}");
    }
}

#[test]
fn a_password_goes_with_the_wish_that_it_was_typed_for() {
    let goes = |what: &dyn Fn(&mut Bench)| {
        let (mut bench, attempt) = with_typed_password();
        bench.end(attempt, busy());
        what(&mut bench);
        assert_eq!(carried(&mut bench).1, None);
    };
    goes(&|bench| {
        bench.command(Command::Down(None));
        bench.command(Command::Up(None));
    });
    goes(&|bench| {
        let mut moved = production();
        moved.user = "root".into();
        bench.tell(Input::Settings(Arc::new(settings([moved]))));
    });
    // `secret set`: the vault has a newer one.
    goes(&|bench| bench.command(Command::PasswordGiven(id())));

    let (mut bench, attempt) = with_typed_password();
    bench.session(attempt, asks_for_a_code());
    let (question, _) = bench.question();
    bench.answer(question, Answer::Cancel);
    bench.session(attempt, SessionEvent::Ended(None));
    bench.command(Command::Up(None));
    assert_eq!(carried(&mut bench).1, None, "the user gave up");
}

#[test]
fn a_restart_and_another_forward_leave_the_password() {
    let (mut bench, attempt) = with_typed_password();
    bench.command(Command::Restart(None));
    bench.session(attempt, SessionEvent::Ended(None));
    let (attempt, grant) = carried(&mut bench);
    assert_eq!(grant, Some(typed()));
    bench.end(attempt, busy());
    let mut fewer = production();
    fewer.forwards.pop();
    bench.tell(Input::Settings(Arc::new(settings([fewer]))));
    assert_eq!(carried(&mut bench).1, Some(typed()));
}

#[test]
fn a_password_that_no_dial_could_use_is_wiped_after_ten_minutes() {
    let (mut bench, attempt) = with_typed_password();
    let started = bench.now;
    bench.session(attempt, asks_for_a_code());
    bench.end(attempt, question_lost());
    let wiped = bench.supervisor.poll_timeout();
    assert_eq!(wiped, Some(started + Duration::from_secs(600)));
    bench.pass(Duration::from_secs(600));
    assert_eq!(bench.supervisor.poll_timeout(), None);
    bench.command(Command::Up(None));
    assert_eq!(carried(&mut bench).1, None);
}

#[test]
fn a_passphrase_is_carried_until_its_dial_tells() {
    let needed = Fault::PassphraseNeeded {
        key: "id".into(),
        rejected: false,
    };
    let mut bench = Bench::dialing();
    bench.end(1, needed.clone());
    let (question, _) = bench.question();
    let value = Secret::new("open".into());
    let answer = Answer::Secret {
        value: value.clone(),
        remember: false,
    };
    bench.answer(question, answer);
    let typed = Some(Grant::Passphrase {
        key: "id".into(),
        value,
        remember: false,
    });
    let (attempt, grant) = carried(&mut bench);
    assert_eq!(grant, typed);
    bench.end(attempt, busy());
    let (attempt, grant) = carried(&mut bench);
    assert_eq!(grant, typed);
    bench.end(attempt, needed);
    bench.command(Command::Up(None));
    assert_eq!(carried(&mut bench).1, None);
}

/// The server's key was asked about and accepted; its dial, the second one, is under way.
fn with_accepted_key() -> Bench {
    let mut bench = Bench::dialing();
    bench.end(1, Fault::HostKeyUnknown { key: unknown_key() });
    let (question, _) = bench.question();
    bench.answer(question, Answer::AcceptHostKey);
    bench.actions();
    bench
}

#[test]
fn an_accepted_host_key_is_carried_until_it_is_recorded() {
    let mut bench = with_accepted_key();
    bench.command(Command::Restart(None));
    bench.session(2, SessionEvent::Ended(None));
    let key = Some(Grant::HostKey(unknown_key()));
    assert_eq!(
        carried(&mut bench).1,
        key,
        "nothing tells that it was recorded"
    );

    let mut bench = with_accepted_key();
    bench.session(2, SessionEvent::HostKeyRecorded);
    // Then another file did not answer.
    let path = "/home/u/.ssh/known_hosts".into();
    bench.end(2, Fault::FileTimeout { path });
    assert_eq!(carried(&mut bench).1, None);
}

#[test]
fn an_accepted_host_key_goes_when_the_servers_keys_are_forgotten() {
    for (host, port, goes) in [
        ("ServeurProduction", 722, true),
        ("serveurproduction", 22, false),
        ("other", 722, false),
    ] {
        let mut bench = with_accepted_key();
        let host = host.into();
        bench.command(Command::ForgetHostKeys { host, port });
        bench.command(Command::Restart(None));
        bench.session(2, SessionEvent::Ended(None));
        let key = Some(Grant::HostKey(unknown_key()));
        assert_eq!(carried(&mut bench).1, key.filter(|_| !goes));
    }
}

#[test]
fn a_password_stays_when_the_servers_keys_are_forgotten() {
    let (mut bench, attempt) = with_typed_password();
    let host = "serveurproduction".into();
    bench.command(Command::ForgetHostKeys { host, port: 722 });
    bench.end(attempt, busy());
    assert_eq!(carried(&mut bench).1, Some(typed()));
}
