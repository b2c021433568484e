//! Several tunnels of one account: what one of them learns of a password, all of them know.

use super::waiting::typed;
use super::*;

type Outcome = (Result<Option<AuthMethod>, Fault>, Vec<String>);

fn key() -> SecretKey {
    SecretKey::Password {
        server: "maintenance@lab:722".into(),
    }
}

/// Three tunnels of one account, whose password is known.
async fn three(password: &str) -> [User; 3] {
    let first = User::knowing(password).await;
    let [second, third] = [(); 2].map(|()| User {
        vault: first.vault.clone(),
        ..User::new()
    });
    [first, second, third]
}

/// They dial at once.
async fn dial(
    users: &mut [User; 3],
    methods: &[MethodKind],
    script: fn(&str) -> Say,
) -> [Outcome; 3] {
    let [a, b, c] = users;
    tokio::join!(
        a.dial(methods, script),
        b.dial(methods, script),
        c.dial(methods, script)
    )
    .into()
}

fn sent(outcomes: &[Outcome]) -> usize {
    outcomes.iter().map(|(_, seen)| passwords(seen)).sum()
}

/// How they ended, in the order of the alphabet: any of them may be the first.
fn codes(outcomes: [Outcome; 3]) -> [&'static str; 3] {
    let mut codes =
        outcomes.map(|(outcome, _)| outcome.map_or_else(|fault| fault.code(), |_| "in"));
    codes.sort_unstable();
    codes
}

fn refuses(act: &str) -> Say {
    match act {
        "converses" => Say::Ask("Password: "),
        _ => Say::No,
    }
}

fn cuts(act: &str) -> Say {
    match act {
        "sends secret" => Say::Cut,
        _ => Say::No,
    }
}

#[tokio::test]
async fn a_password_that_was_changed_on_the_server_is_refused_once_for_all() {
    for methods in [PASSWORD, INTERACTIVE, BOTH] {
        let mut users = three("stale").await;
        let outcomes = dial(&mut users, methods, refuses).await;
        assert_eq!(sent(&outcomes), 1);
        assert_eq!(codes(outcomes), ["password_needed"; 3]);
    }
}

#[tokio::test]
async fn a_password_that_was_typed_for_several_tunnels_is_refused_once_for_all() {
    let mut users = three("unused").await;
    for user in &mut users {
        user.grant = typed("wrong");
        user.vault.forget(&key()).await.unwrap();
    }
    let outcomes = dial(&mut users, PASSWORD, refuses).await;
    assert_eq!(sent(&outcomes), 1);
    assert_eq!(codes(outcomes), ["password_needed"; 3]);
    // So that no dial carries it any more.
    assert_eq!(users.map(|user| user.judged), [1; 3]);
}

#[tokio::test]
async fn a_right_password_opens_all_of_them_one_after_the_other() {
    let mut users = three("secret").await;
    let lets_in = |act: &str| match act {
        "sends secret" => Say::Yes,
        _ => Say::No,
    };
    let outcomes = dial(&mut users, PASSWORD, lets_in).await;
    assert_eq!(sent(&outcomes), 3);
    assert_eq!(codes(outcomes), ["in"; 3]);
}

#[tokio::test]
async fn a_server_that_cuts_the_line_on_a_password_sees_it_twice_from_all_of_them() {
    let mut users = three("secret").await;
    let outcomes = dial(&mut users, PASSWORD, cuts).await;
    assert_eq!(sent(&outcomes), 2);
    let rejected = "authentication_rejected";
    assert_eq!(codes(outcomes), [rejected, rejected, "connection_lost"]);
    for _ in 0..2 {
        let outcomes = dial(&mut users, PASSWORD, cuts).await;
        assert_eq!(sent(&outcomes), 0);
        assert_eq!(codes(outcomes), [rejected; 3]);
    }
    // Until the user wants another try.
    users[0].vault.try_again(&key(), None);
    let outcomes = dial(&mut users, PASSWORD, cuts).await;
    assert_eq!(sent(&outcomes), 2);
}

#[tokio::test(start_paused = true)]
async fn a_newer_password_is_sent_instead_of_the_one_that_was_found() {
    let mut user = User::knowing("old").await;
    let vault = user.vault.clone();
    let turn = vault.turn(&key()).await;
    let other = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        vault.refuse(&key(), &Secret::new("old".into())).await?;
        let new = Secret::new("new".into());
        vault.keep(&key(), &new, false).await?;
        drop(turn);
        Ok::<_, crate::secrets::SecretError>(())
    };
    let dialing = user.dial(PASSWORD, |act| match act {
        "sends new" => Say::Yes,
        _ => Say::No,
    });
    let ((outcome, seen), kept) = tokio::join!(dialing, other);
    kept.unwrap();
    assert_eq!(outcome, Ok(Some(AuthMethod::Password)));
    assert_eq!(seen, ["asks", "sends new"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_come_is_waited_for_as_long_as_a_person() {
    let mut user = User::knowing("secret").await;
    let vault = user.vault.clone();
    let _turn = vault.turn(&key()).await;
    let start = Instant::now();
    let (outcome, seen) = user.dial(PASSWORD, |_| Say::No).await;
    assert_eq!(outcome.unwrap_err().code(), "authentication_timeout");
    assert_eq!(start.elapsed().as_secs(), 120);
    assert_eq!(seen, ["asks"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_waited_for_no_longer_than_the_connection_lasts() {
    let mut user = User::knowing("secret").await;
    let (vault, line) = (user.vault.clone(), Arc::clone(&user.line));
    let turn = vault.turn(&key()).await;
    let start = Instant::now();
    let leaving = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        line.lock().unwrap().take().unwrap().wire.abort();
    };
    let ((outcome, seen), ()) = tokio::join!(user.dial(PASSWORD, |_| Say::No), leaving);
    assert_eq!(outcome.unwrap_err().code(), "connection_lost");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(seen, ["asks"]);
    // It was not sent, so it is not in doubt.
    drop(turn);
    assert!(!vault.doubt(&key(), &Secret::new("secret".into())));
}
