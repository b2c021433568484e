//! The terminal, which a prompt that hides what is typed leaves changed when the process ends
//! in the middle of it, and which belongs to one job of the shell at a time (termios(3), tty(4)).

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;
use zeroize::Zeroizing;

/// Longer than the longest line that the terminal lets one type, in bytes.
const LONGEST_LINE: usize = 4096;

/// The terminal's settings as they were; they are so again when this is dropped.
#[must_use]
#[derive(Debug)]
pub struct SavedTerminal(Option<(File, Termios)>);

/// Notes the settings of the process's terminal, if it has one.
pub fn save_terminal() -> SavedTerminal {
    let saved = File::open("/dev/tty").ok().and_then(|terminal| {
        let settings = tcgetattr(&terminal).ok()?;
        Some((terminal, settings))
    });
    SavedTerminal(saved)
}

/// From now on nothing that is typed is shown, until this is dropped. What was typed ahead is
/// dropped: it was shown, so it is no secret.
pub fn hide_typing() -> SavedTerminal {
    let saved = save_terminal();
    if let Some((terminal, settings)) = &saved.0 {
        let mut hidden = settings.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        if let Err(error) = tcsetattr(terminal, OptionalActions::Flush, &hidden) {
            tracing::debug!(%error, "the terminal shows what is typed");
        }
    }
    saved
}

/// Drops what was typed and not read, which nobody is to read any more.
pub fn drop_typing() {
    if in_foreground()
        && let Err(error) = tcflush(io::stdin(), QueueSelector::IFlush)
    {
        tracing::debug!(%error, "what was typed stays");
    }
}

/// Whether the terminal is this job's. The kernel stops one in the background that reads from it or
/// changes its settings.
#[must_use]
pub fn in_foreground() -> bool {
    is_ours(io::stdin())
}

/// Waits until standard input has a line, or its end, for that long at most. Returns whether it has.
///
/// # Errors
/// The system cannot tell.
pub fn typed_within(patience: Duration) -> io::Result<bool> {
    let patience = Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput)?;
    let stdin = io::stdin();
    match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&patience)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Reads the line that was typed while it was hidden, without its end.
///
/// # Errors
/// The terminal is gone, nothing was typed but the end, or it is no UTF-8.
pub fn read_hidden_line() -> io::Result<Zeroizing<String>> {
    let mut buffer = Zeroizing::new([0; LONGEST_LINE]);
    // Past the buffer of `io::stdin`, which nobody wipes.
    let length = rustix::io::read(io::stdin(), &mut buffer[..])?;
    let typed = buffer.get(..length).unwrap_or_default();
    if typed.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // Its end was hidden too.
    writeln!(io::stderr())?;
    let line = std::str::from_utf8(typed).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

/// A terminal that is not the process's own knows no jobs.
fn is_ours(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).map_or(true, |foreground| foreground == getpgrp())
}

impl Drop for SavedTerminal {
    fn drop(&mut self) {
        if let Some((terminal, settings)) = &self.0
            && is_ours(terminal)
            && tcgetattr(terminal).is_ok_and(|now| now.local_modes != settings.local_modes)
            && let Err(error) = tcsetattr(terminal, OptionalActions::Now, settings)
        {
            tracing::debug!(%error, "the terminal stays as it is");
        }
    }
}
