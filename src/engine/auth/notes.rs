//! What was noticed on the way: for the log, and for the fault at the end.

use std::fmt;

/// Technical remarks, never a secret.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<String>);

impl Notes {
    /// Notes something that kept a credential from being used, and logs it.
    pub(super) fn add(&mut self, note: String) {
        // As a field, which is escaped: the server's words must not write lines of their own.
        tracing::warn!(note, "authentication");
        self.0.push(note);
    }

    /// Takes over what another noted, and logged.
    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_servers_words_write_no_line_of_their_own() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            Notes::default().add("bye\n2026 INFO forged\r\u{1b}[2J\u{202e}".to_owned());
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("bye"), "{log:?}");
        let (line, rest) = log.split_once('\n').unwrap();
        assert_eq!(rest, "");
        assert!(!line.contains(['\r', '\u{1b}', '\u{202e}']), "{line:?}");
    }
}
