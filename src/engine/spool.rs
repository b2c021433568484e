//! What waits for slow local programs: in memory first, then in private temporary files.
//!
//! SSH has flow control for each channel, and russh does not let us use it: it grants the server a
//! new window when data arrives, not when we have passed it on. So whatever a local program does not
//! read must be held here, or the one task that serves all channels of a session would wait with it.

mod file;
mod queue;

use bytes::Bytes;
use file::{Outcome, SpoolFile};
use queue::Queue;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep};

/// How long the disk may take over one batch. Meanwhile the connection's memory fills up, and then
/// the session waits for the disk too, so this is also the longest that one can disturb the others.
const DISK_PATIENCE: Duration = Duration::from_secs(5);

/// Who has so much on disk, in bytes, does not read: what is merely slow has caught up before.
const STALLED: usize = 64 << 20;

/// The memory and disk that all connections share.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    limits: Limits,
    memory: Budget,
    disk: Budget,
}

/// How much may wait, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In memory, of one connection, next to be read.
    pub head: usize,
    /// In memory, of one connection, on its way to the disk.
    pub tail: usize,
    /// In memory, of all connections.
    pub memory: u64,
    /// What is written to the disk, and read back, at once.
    pub segment: usize,
    /// On disk, of one connection.
    pub connection_disk: u64,
    /// On disk, of all connections.
    pub disk: u64,
}

impl Default for Limits {
    /// 8 MiB of memory a connection, 64 MiB in all. On disk 2 GiB, so that a download of 1 GiB
    /// fits with a margin whatever its reader does; 4 GiB in all, which a work station has to spare.
    fn default() -> Self {
        Self {
            head: 5 << 20,
            tail: 3 << 20,
            memory: 64 << 20,
            segment: 1 << 20,
            connection_disk: 2 << 30,
            disk: 4 << 30,
        }
    }
}

/// Why nothing more can be held for a connection.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// It has its share of the disk, or all connections together have theirs.
    #[error("more waits for the local program than may be held for it")]
    QuotaExceeded,
    /// The file cannot be made, written or read; the disk is full, for one.
    #[error("the spool file: {0}")]
    Disk(#[from] io::Error),
    /// The disk did not answer in time.
    #[error("the disk is too slow for the spool file")]
    DiskTooSlow,
}

impl Spool {
    /// A spool whose files are made in `dir`, when one is needed.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self::with_limits(dir, Limits::default())
    }

    /// A spool with limits of its own.
    #[must_use]
    pub fn with_limits(dir: PathBuf, limits: Limits) -> Self {
        Self {
            dir,
            limits,
            memory: Budget::new(limits.memory),
            disk: Budget::new(limits.disk),
        }
    }

    /// Bytes now held in memory.
    #[must_use]
    pub fn in_memory(&self) -> u64 {
        self.memory.used()
    }

    /// Bytes of disk now set aside.
    #[must_use]
    pub fn on_disk(&self) -> u64 {
        self.disk.used()
    }
}

/// What waits for one local program: a queue of bytes, first in, first out.
///
/// The disk is never touched on the caller's thread. Before it waits for anything, whoever uses the
/// backlog calls [`Backlog::settle`] and polls [`Backlog::poll_work`]; and it pushes nothing while not
/// [`Backlog::has_room`].
#[derive(Debug)]
pub struct Backlog {
    spool: Arc<Spool>,
    queue: Queue,
    file: SpoolFile,
    work: Option<Work>,
}

/// A job under way on a thread that may block.
#[derive(Debug)]
struct Work {
    task: JoinHandle<(SpoolFile, io::Result<Outcome>)>,
    deadline: Pin<Box<Sleep>>,
}

impl Backlog {
    /// An empty one, on the account of `spool`.
    #[must_use]
    pub fn new(spool: Arc<Spool>) -> Self {
        Self {
            queue: Queue::new(Arc::clone(&spool)),
            spool,
            file: SpoolFile::default(),
            work: None,
        }
    }

    /// Nothing waits, neither in memory nor on disk.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// There are bytes to read now.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.queue.is_readable()
    }

    /// One more message may be pushed. While not, the disk is at work to make room, once settled.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queue.has_room()
    }

    /// So much waits that the program cannot be said to read.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.queue.on_disk() >= STALLED
    }

    /// The disk is at work.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.work.is_some()
    }

    /// Appends a message.
    pub fn push(&mut self, data: Bytes) {
        self.queue.push(data);
    }

    /// Points `slices` at the first bytes, as many as are in memory and fit; says how many slices.
    pub fn peek<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.queue.peek(slices)
    }

    /// Takes the first `count` bytes off, which [`Backlog::peek`] has shown.
    pub fn advance(&mut self, count: usize) {
        self.queue.advance(count);
    }

    /// Gives the disk its next job, if there is one: what memory should not hold any longer, also
    /// because other connections have used it up, or what is to be read next.
    ///
    /// # Errors
    /// The quota is used up. What is queued is then of no use: there will be a gap behind it.
    pub fn settle(&mut self) -> Result<(), SpoolError> {
        if self.work.is_some() {
            return Ok(());
        }
        let Some(job) = self.queue.next_job()? else {
            return Ok(());
        };
        let mut file = std::mem::take(&mut self.file);
        let spool = Arc::clone(&self.spool);
        self.work = Some(Work {
            task: tokio::task::spawn_blocking(move || {
                let outcome = file.perform(job, &spool.dir);
                (file, outcome)
            }),
            deadline: Box::pin(sleep(DISK_PATIENCE)),
        });
        Ok(())
    }

    /// Ready when the disk has finished a job. Pending for as long as it has none.
    ///
    /// # Errors
    /// The disk failed, or is too slow.
    pub fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SpoolError>> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let Poll::Ready(done) = Pin::new(&mut work.task).poll(cx) else {
            ready!(work.deadline.as_mut().poll(cx));
            return Poll::Ready(Err(SpoolError::DiskTooSlow));
        };
        self.work = None;
        let (file, outcome) = done.map_err(io::Error::other)?;
        self.file = file;
        self.queue.complete(outcome?);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        // Giving back a large file takes the system a while.
        let file = std::mem::take(&mut self.file);
        if file.is_open()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            drop(runtime.spawn_blocking(move || drop(file)));
        }
    }
}

/// A bounded sum of bytes.
#[derive(Debug)]
struct Budget {
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    fn new(limit: u64) -> Self {
        Self {
            limit,
            used: AtomicU64::new(0),
        }
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn is_exhausted(&self) -> bool {
        self.used() >= self.limit
    }

    /// Takes that much if it is there.
    fn try_take(&self, bytes: u64) -> bool {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                Some(used + bytes).filter(|sum| *sum <= self.limit)
            })
            .is_ok()
    }

    /// Takes that much, beyond the limit if need be.
    fn take(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    async fn worked(backlog: &mut Backlog) -> Result<(), SpoolError> {
        poll_fn(|cx| backlog.poll_work(cx)).await
    }

    fn take_all(backlog: &mut Backlog, into: &mut Vec<u8>) {
        while backlog.is_readable() {
            let mut slices = [IoSlice::new(&[]); 4];
            let shown = backlog.peek(&mut slices);
            let before = into.len();
            for slice in &slices[..shown] {
                into.extend_from_slice(slice);
            }
            let count = into.len() - before;
            backlog.advance(count);
        }
    }

    fn pattern(from: usize, len: usize) -> Bytes {
        (from..from + len)
            .map(|index| {
                (index as u64)
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    .to_be_bytes()[0]
            })
            .collect()
    }

    #[tokio::test]
    async fn bytes_come_back_from_a_real_file_and_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::new(dir.path().join("spool")));
        let mut backlog = Backlog::new(Arc::clone(&spool));
        let (message, total) = (32_000, 32_000 * 1_000);
        for index in 0..1_000 {
            while !backlog.has_room() {
                backlog.settle().unwrap();
                worked(&mut backlog).await.unwrap();
            }
            backlog.push(pattern(index * message, message));
            backlog.settle().unwrap();
        }
        assert!(spool.in_memory() <= 8 << 20);
        assert!(spool.on_disk() >= 20 << 20);

        let mut read = Vec::new();
        while !backlog.is_empty() {
            take_all(&mut backlog, &mut read);
            backlog.settle().unwrap();
            if backlog.is_working() {
                worked(&mut backlog).await.unwrap();
            }
        }
        assert!(read == pattern(0, total));
        while backlog.is_working() {
            worked(&mut backlog).await.unwrap();
            backlog.settle().unwrap();
        }
        assert_eq!((spool.in_memory(), spool.on_disk()), (0, 0));
        let left = std::fs::read_dir(dir.path().join("spool")).unwrap().count();
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn beyond_the_quota_is_an_error_and_dropping_gives_everything_back() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits {
            connection_disk: 4 << 20,
            ..Limits::default()
        };
        let spool = Arc::new(Spool::with_limits(dir.path().to_owned(), limits));
        let mut backlog = Backlog::new(Arc::clone(&spool));
        let refused = loop {
            backlog.push(pattern(0, 100_000));
            if let Err(error) = backlog.settle() {
                break error;
            }
            if !backlog.has_room()
                && let Err(error) = worked(&mut backlog).await
            {
                break error;
            }
        };
        assert!(matches!(refused, SpoolError::QuotaExceeded), "{refused}");
        drop(backlog);
        assert_eq!((spool.in_memory(), spool.on_disk()), (0, 0));
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_made_is_a_disk_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let spool = Arc::new(Spool::new(file));
        let mut backlog = Backlog::new(spool);
        while !backlog.is_working() {
            backlog.push(pattern(0, 1 << 20));
            backlog.settle().unwrap();
        }
        assert!(matches!(
            worked(&mut backlog).await,
            Err(SpoolError::Disk(_))
        ));
    }
}
