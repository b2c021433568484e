//! The log: a file in the state directory, rotated by size, five of 1 MiB at most.
//!
//! Stamps are UTC. `PASSERELLE_LOG` sets how much Passerelle itself says (`error`, `warn`, `info`,
//! `debug`, `trace`; `info` without it); the libraries below it only warn, whatever it says, since
//! what they trace may hold what a user typed. Nothing that is secret is ever given to the log.

use crate::platform::private_file_options;
use std::fs::{self, File};
use std::io::{self, Write};
use std::panic;
use std::path::{Path, PathBuf};
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// The size at which a new file is begun, in bytes.
const FILE_SIZE: u64 = 1024 * 1024;

/// Records that may wait to be written. They have their places from the start: 32 bytes each.
const WAITING: usize = 4096;

/// Files in all, the current one included.
const FILES: usize = 5;

/// Keeps the log alive; what is still to be written is, when it is dropped.
#[must_use]
#[derive(Debug)]
pub struct LogGuard {
    _writer: WorkerGuard,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be opened.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else in this process takes the records already.
    #[error("a log is there already")]
    Twice(#[from] TryInitError),
}

/// Starts to log to the file, in a directory that exists. Panics are logged from now on, too.
///
/// # Errors
/// When the file cannot be opened.
pub fn start(path: &Path) -> Result<LogGuard, LogError> {
    let file = RotatingFile::open(path, FILE_SIZE).map_err(|source| LogError::File {
        path: path.to_path_buf(),
        source,
    })?;
    // Records are dropped, and counted, rather than waited for: a slow disk must not slow a tunnel.
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING)
        .finish(file);
    let level = level(std::env::var("PASSERELLE_LOG").ok().as_deref());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    tracing_subscriber::registry()
        .with(targets(level))
        .with(lines)
        .try_init()?;
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        tracing::error!(%info, "panic");
        default(info);
    }));
    Ok(LogGuard { _writer: guard })
}

fn level(wanted: Option<&str>) -> LevelFilter {
    wanted
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO)
}

fn targets(own: LevelFilter) -> Targets {
    Targets::new()
        .with_default(own.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), own)
}

/// A file that steps aside when it is full: `log` becomes `log.1`, `log.1` becomes `log.2`…, the
/// oldest goes. A write is never split over two files.
#[derive(Debug)]
struct RotatingFile {
    path: PathBuf,
    limit: u64,
    written: u64,
    /// Closed while the files are renamed, as Windows wants it.
    file: Option<File>,
}

impl RotatingFile {
    fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = append(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            limit,
            written: file.metadata()?.len(),
            file: Some(file),
        })
    }

    /// Where someone holds a file and it cannot be renamed, the log goes on in the one that is
    /// there: a record is worth more than the limit.
    fn rotate(&mut self) {
        self.file = None;
        for older in (0..FILES - 1).rev() {
            match fs::rename(self.numbered(older), self.numbered(older + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return,
                Ok(()) | Err(_) => {}
            }
        }
        self.written = 0;
    }

    fn numbered(&self, age: usize) -> PathBuf {
        if age == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{age}"));
        name.into()
    }
}

impl Write for RotatingFile {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        if self.written > 0 && self.written + record.len() as u64 > self.limit {
            self.rotate();
        }
        let file = match &mut self.file {
            Some(file) => file,
            closed => closed.insert(append(&self.path)?),
        };
        file.write_all(record)?;
        self.written += record.len() as u64;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

fn append(path: &Path) -> io::Result<File> {
    private_file_options().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_of_five_goes() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("log");
        let mut log = RotatingFile::open(&path, 10).unwrap();
        for record in 0..100 {
            writeln!(log, "record {record:02}").unwrap();
        }
        assert_eq!(
            names(root.path()),
            ["log", "log.1", "log.2", "log.3", "log.4"]
        );
        let read = |name| fs::read_to_string(root.path().join(name)).unwrap();
        assert_eq!(read("log"), "record 99\n");
        assert_eq!(read("log.4"), "record 95\n");
    }

    #[test]
    fn a_later_run_goes_on_where_the_last_one_ended() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("log");
        for _ in 0..3 {
            let mut log = RotatingFile::open(&path, 10).unwrap();
            log.write_all(b"four").unwrap();
        }
        assert_eq!(
            fs::read_to_string(root.path().join("log.1")).unwrap(),
            "fourfour"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "four");
    }

    #[test]
    fn a_record_larger_than_a_file_is_kept_whole() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("log");
        let mut log = RotatingFile::open(&path, 10).unwrap();
        log.write_all(&[b'x'; 50]).unwrap();
        log.write_all(b"y").unwrap();
        assert_eq!(fs::metadata(root.path().join("log.1")).unwrap().len(), 50);
        assert_eq!(fs::read_to_string(&path).unwrap(), "y");
    }

    #[test]
    fn libraries_never_say_more_than_warnings() {
        let verbose = targets(level(Some("trace")));
        assert!(verbose.would_enable("passerelle::engine", &tracing::Level::TRACE));
        assert!(!verbose.would_enable("russh::client", &tracing::Level::INFO));
        assert!(verbose.would_enable("russh::client", &tracing::Level::WARN));
        let quiet = targets(level(Some("error")));
        assert!(!quiet.would_enable("russh::client", &tracing::Level::WARN));
        for unset in [None, Some("nonsense")] {
            assert_eq!(level(unset), LevelFilter::INFO);
        }
    }
}
