//! `up`, `down`, `restart` and `quit`.

use super::exit::{Exit, Failure};
use super::{AT_ONCE, Context, block_on};
use crate::i18n::verbs as words;
use crate::ipc::{CallError, Request, Response};
use std::fs;
use std::time::Duration;

/// Hanging up takes 3 s at most.
const END: Duration = Duration::from_secs(10);

/// Brings a tunnel up, or all of them.
pub(super) async fn up(cx: &Context, tunnel: Option<String>) -> Result<(), Failure> {
    done(cx, &Request::Up { tunnel }).await
}

/// Takes a tunnel down, or all of them.
pub(super) async fn down(cx: &Context, tunnel: Option<String>) -> Result<(), Failure> {
    done(cx, &Request::Down { tunnel }).await
}

/// Dials a tunnel, or all of them, afresh.
pub(super) async fn restart(cx: &Context, tunnel: Option<String>) -> Result<(), Failure> {
    done(cx, &Request::Restart { tunnel }).await
}

/// Ends the running program, and waits until it has.
pub(super) async fn quit(cx: &Context) -> Result<(), Failure> {
    let mut replies = cx.call(&Request::Quit).await?;
    if cx.next(&mut replies, Some(AT_ONCE)).await?.is_none() {
        return Ok(());
    }
    match replies.next(Some(END)).await {
        Err(CallError::Timeout) => Err(Failure::new(
            Exit::TimedOut,
            words::still_ending(cx.language),
        )),
        // However the connection ends: the program behind it has.
        Ok(_) | Err(CallError::NotRunning | CallError::Io(_) | CallError::Garbled(_)) => Ok(()),
    }
}

/// A request to which there is nothing more to say.
pub(super) async fn done(cx: &Context, request: &Request) -> Result<(), Failure> {
    if cx.ask(request).await? == Response::Done {
        Ok(())
    } else {
        Err(cx.unexpected())
    }
}

/// Ends the running program, and leaves a mark that it ran.
pub(super) fn quit_for_upgrade(cx: &Context) -> Result<(), Failure> {
    // One from an upgrade that came to nothing would start what does not run now.
    let _ = fs::remove_file(cx.paths.upgraded());
    block_on(quit(cx))?;
    fs::write(cx.paths.upgraded(), "").map_err(|error| Failure::new(Exit::Failed, error))
}
