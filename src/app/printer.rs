//! Prints from a thread of its own: a terminal that is paused, or a pipe that nobody empties, must
//! not stop a tunnel.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that may wait for a reader; what comes on top of them is not printed.
const WAITING: usize = 1024;

/// The way to standard output.
#[derive(Debug)]
pub(crate) struct Printer {
    lines: SyncSender<String>,
    ended: Receiver<()>,
}

impl Printer {
    /// Prints to standard output until it fails, as it does when its reader is gone.
    pub(crate) fn start() -> io::Result<Self> {
        Self::onto(io::stdout())
    }

    fn onto(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, waiting) = sync_channel::<String>(WAITING);
        let (end, ended) = sync_channel(0);
        thread::Builder::new()
            .name("printer".to_owned())
            .spawn(move || {
                for line in waiting {
                    let printed = writeln!(output, "{line}").and_then(|()| output.flush());
                    if let Err(error) = printed {
                        tracing::info!(%error, "nobody reads what is printed");
                        break;
                    }
                }
                drop(end);
            })?;
        Ok(Self { lines, ended })
    }

    /// Prints the line some time soon.
    pub(crate) fn print(&self, line: String) {
        // Full or closed: nobody reads, and the log has it all.
        let _ = self.lines.try_send(line);
    }

    /// Waits until everything is printed, but not for longer than `bound`.
    pub(crate) fn finish(self, bound: Duration) {
        drop(self.lines);
        match self.ended.recv_timeout(bound) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
            Err(RecvTimeoutError::Timeout) => tracing::info!("nobody reads what is printed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn everything_is_printed_before_the_end() {
        let (mut reader, writer) = io::pipe().unwrap();
        let printer = Printer::onto(writer).unwrap();
        for line in ["one", "two"] {
            printer.print(line.to_owned());
        }
        printer.finish(Duration::from_secs(10));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nobody_up() {
        let (reader, writer) = io::pipe().unwrap();
        let printer = Printer::onto(writer).unwrap();
        for _ in 0..10 * WAITING {
            printer.print("x".repeat(1000));
        }
        printer.finish(Duration::from_millis(10));
        drop(reader);
    }

    #[test]
    fn a_reader_that_is_gone_is_no_harm() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let printer = Printer::onto(writer).unwrap();
        printer.print("lost".to_owned());
        printer.finish(Duration::from_secs(10));
    }
}
