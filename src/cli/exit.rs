//! How a verb ends.

use crate::cli::print;
use std::fmt::Display;
use std::process::{ExitCode, Termination};

/// The exit codes: a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It is done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// Another one runs on the same state directory.
    AlreadyRunning = 3,
    /// None runs on this state directory.
    NotRunning = 4,
    /// It took too long.
    TimedOut = 5,
    /// The configuration has errors.
    BadConfig = 6,
    /// The tunnel waits for the user.
    Blocked = 7,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// Why a verb failed, in words, and the code that says so.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }

    /// An end with nothing to say, such as that of output which nobody reads.
    pub(super) fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Whether it ends with this code.
    #[cfg(feature = "icon")]
    pub(super) fn is(&self, exit: Exit) -> bool {
        self.exit == exit
    }

    /// Says why, and gives the code.
    pub(super) fn tell(self) -> Exit {
        if !self.message.is_empty() {
            print::complaint(&self.message);
        }
        self.exit
    }
}
