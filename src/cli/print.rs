//! Standard output and standard error. A reader that is gone, as with `| head`, ends the verb
//! without a word.

use super::exit::{Exit, Failure};
use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line, or several.
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    ended(writeln!(output, "{text}").and_then(|()| output.flush()))
}

/// Prints this as it is.
pub(super) fn bytes(text: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    ended(output.write_all(text).and_then(|()| output.flush()))
}

/// Says what went wrong.
pub(super) fn complaint(text: &str) {
    // When that cannot be said, the exit code still can.
    let _ = writeln!(io::stderr(), "{text}");
}

fn ended(written: io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::silent(Exit::Done)
        } else {
            Failure::new(Exit::Failed, error)
        }
    })
}
