//! The user's files, read and changed within bounds of time, memory and threads.
//!
//! Whatever stands behind a path, a call returns within [`DEADLINE`]. What is no regular file is
//! refused: a named pipe would wait for its other end, a device may have no end. A regular file can
//! hang as well, on a network home that is gone, and no thread can be called back from there. So all
//! work on one path waits in one line, served by one thread: a path that hangs holds one thread,
//! however often it is tried. Work whose caller has given up is left out.
//!
//! How many threads there may be has a bound. Where as many paths hang, another one is answered at once
//! as one that hangs. Key files have a bound of their own: a configuration can name many of them, and
//! what everything else needs must not suffer from it.

mod line;

use crate::platform;
use line::Lines;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a file may take to be read, or to be changed.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How often a file that another program has leased is tried again.
const LEASED: Duration = Duration::from_millis(20);

/// How many paths may hang of those that everything needs. There are fewer of them: the configuration,
/// the policy, known_hosts, and the directories above them.
const FEW: usize = 32;

/// How many paths of key files may hang: those of two tunnels with as many as there may be.
const MANY: usize = 128;

/// The lines before what everything needs.
static LINES: LazyLock<Lines> = LazyLock::new(|| Lines::new(DEADLINE, FEW));

/// The lines before key files.
static KEY_LINES: LazyLock<Lines> = LazyLock::new(|| Lines::new(DEADLINE, MANY));

/// What is in a file. It is wiped, since it may be a key.
pub type Bytes = Zeroizing<Vec<u8>>;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing is there.
    #[error("there is no such file")]
    Missing,
    /// A directory, a named pipe, a device or the like.
    #[error("this is not a regular file")]
    NotAFile,
    /// It has more bytes than it may have.
    #[error("it is larger than {limit} bytes")]
    TooBig {
        /// How many it may have.
        limit: u64,
    },
    /// It did not answer within [`DEADLINE`].
    #[error("it does not answer")]
    Silent,
    /// Anything else.
    #[error(transparent)]
    Io(io::Error),
}

impl FileError {
    /// Whether something stands where a new file was to be made.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == ErrorKind::AlreadyExists)
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::NotFound {
            Self::Missing
        } else if error.kind() == ErrorKind::TimedOut {
            // As a network file system words it that gives up by itself.
            Self::Silent
        } else {
            Self::Io(error)
        }
    }
}

impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => error,
            FileError::Silent => Self::new(ErrorKind::TimedOut, error),
            FileError::Missing | FileError::NotAFile | FileError::TooBig { .. } => {
                Self::other(error)
            }
        }
    }
}

/// Reads the file, which has at most `limit` bytes. Blocks.
///
/// # Errors
/// When it cannot be read within [`DEADLINE`].
pub fn read(path: &Path, limit: u64) -> Result<Bytes, FileError> {
    work(path, move |path| read_now(path, limit))
}

/// Reads each of these key files, all of them within [`DEADLINE`]. Blocks.
pub fn read_keys(paths: &[PathBuf], limit: u64) -> Vec<Result<Bytes, FileError>> {
    KEY_LINES.work_each(paths, move |path| {
        reach_directory_of(path);
        read_now(path, limit)
    })
}

/// Whether anything is at that path. Blocks.
///
/// # Errors
/// When that is not known within [`DEADLINE`], or cannot be.
pub fn is_there(path: &Path) -> Result<bool, FileError> {
    Ok(found_at(path)?.is_some())
}

/// Whether a directory is at that path. Blocks.
///
/// # Errors
/// When that is not known within [`DEADLINE`], or cannot be.
pub fn is_directory(path: &Path) -> Result<bool, FileError> {
    Ok(found_at(path)?.is_some_and(|found| found.is_dir()))
}

fn found_at(path: &Path) -> Result<Option<Metadata>, FileError> {
    work(path, |path| {
        match fs::metadata(path).map_err(FileError::from) {
            Ok(found) => Ok(Some(found)),
            Err(FileError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// Does `work` on the file, in line with everything else that concerns that path. Blocks.
///
/// On [`FileError::Silent`] the work may be done all the same, once the file answers.
///
/// # Errors
/// When it is not done within [`DEADLINE`], and those of the work.
pub fn work<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    LINES.work(path, |path| {
        reach_directory_of(path);
        work(path)
    })
}

/// Waits until the directory answers. To be called before anything is looked for in it.
///
/// Of all that look for the same name in a directory that hangs, in whatever process, the first waits for
/// the disk and the others in the kernel for the first: these cannot even be ended, and a verb that has
/// said its word would stay. Whoever asks for the directory itself waits for the disk.
fn reach_directory_of(path: &Path) {
    if let Some(directory) = path.parent() {
        // What is wrong with it, the work says better.
        let _ = fs::metadata(directory);
    }
}

/// Opens the file, if it is a regular one or is made by these options. To be called by [`work`].
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path, options: &OpenOptions) -> Result<File, FileError> {
    let end = Instant::now() + DEADLINE;
    loop {
        match platform::open_regular(path, options) {
            Ok(Some(file)) => return Ok(file),
            Ok(None) => return Err(FileError::NotAFile),
            // Whoever has leased it has been asked to give it back.
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < end => {
                thread::sleep(LEASED);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads the file on this thread, however long that takes. To be called by [`work`].
///
/// # Errors
/// When it cannot be read, or has more than `limit` bytes.
pub fn read_now(path: &Path, limit: u64) -> Result<Bytes, FileError> {
    let mut file = open(path, File::options().read(true))?;
    // Room for all of it at once, and for one more: a buffer that grows leaves copies behind.
    let mut room = file.metadata()?.len().min(limit) + 1;
    loop {
        let mut bytes = Zeroizing::new(Vec::with_capacity(room as usize));
        file.by_ref().take(room).read_to_end(&mut bytes)?;
        let length = bytes.len() as u64;
        if length > limit {
            return Err(FileError::TooBig { limit });
        }
        if length < room {
            return Ok(bytes);
        }
        // It has more than the system said, as files of the kernel's own do.
        room = (room * 4).min(limit + 1);
        file.rewind()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(matches!(read(&path, 9), Err(FileError::Missing)));
        for length in [0, 1, 8, 9] {
            fs::write(&path, vec![7; length]).unwrap();
            assert_eq!(*read(&path, 9).unwrap(), vec![7; length]);
        }
        fs::write(&path, [7; 10]).unwrap();
        assert!(matches!(
            read(&path, 9),
            Err(FileError::TooBig { limit: 9 })
        ));
    }

    #[test]
    fn a_directory_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(dir.path(), 9), Err(FileError::NotAFile)));
    }

    #[test]
    fn what_is_there_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let told = |path: &Path| (is_there(path).unwrap(), is_directory(path).unwrap());
        assert_eq!(told(&file), (false, false));
        fs::write(&file, "").unwrap();
        assert_eq!(told(&file), (true, false));
        assert_eq!(told(dir.path()), (true, true));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_has_no_end_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&fifo, &link).unwrap();
        let begun = Instant::now();
        for path in [&fifo, &link, Path::new("/dev/zero"), Path::new("/dev/tty")] {
            let refused = read(path, 9).unwrap_err();
            assert!(matches!(refused, FileError::NotAFile), "{refused}");
        }
        assert!(begun.elapsed() < DEADLINE / 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_longer_than_it_says_is_read_whole() {
        // The kernel says 0 bytes, and has some thousand.
        let path = Path::new("/proc/cpuinfo");
        let whole = fs::read(path).unwrap();
        assert!(whole.len() > 100 && path.metadata().unwrap().len() == 0);
        assert!(read(path, 1 << 20).unwrap().len() > 100);
        assert!(matches!(read(path, 99), Err(FileError::TooBig { .. })));
    }
}
