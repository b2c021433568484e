//! One thread for each path that is in use, and a line of work before it.

use super::FileError;
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// The lines before all paths. Clones are the same lines.
#[derive(Clone)]
pub(super) struct Lines {
    deadline: Duration,
    lines: Arc<Mutex<HashMap<PathBuf, Line>>>,
}

/// Before one path: somebody is served.
struct Line {
    /// When the work in hand began.
    since: Instant,
    waiting: VecDeque<Job>,
}

/// A piece of work for one caller.
struct Job {
    /// The caller, as long as it waits.
    caller: Weak<dyn Any + Send + Sync>,
    work: Box<dyn FnOnce(&Path) + Send>,
}

/// Where a caller waits for what comes of its work.
struct Slot<T> {
    result: Mutex<Option<Result<T, FileError>>>,
    blocked: Condvar,
    awaiting: Notify,
}

/// Serves the line before one path, and takes the line away when it ends, by whatever way.
struct Server {
    lines: Lines,
    path: PathBuf,
    ended: bool,
}

impl Lines {
    /// No line yet. A caller waits no longer than `deadline`.
    pub(super) fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            lines: Arc::default(),
        }
    }

    /// Waits for its turn, and for the work. Blocks.
    pub(super) fn work<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let slot = self.line_up(path, work)?;
        let result = lock(&slot.result);
        let waited = slot
            .blocked
            .wait_timeout_while(result, self.deadline, |result| result.is_none());
        let (mut result, _) = waited.unwrap_or_else(PoisonError::into_inner);
        result.take().unwrap_or(Err(FileError::Silent))
    }

    /// The same, without blocking.
    pub(super) async fn work_async<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let slot = self.line_up(path, work)?;
        let _ = tokio::time::timeout(self.deadline, slot.awaiting.notified()).await;
        lock(&slot.result).take().unwrap_or(Err(FileError::Silent))
    }

    fn line_up<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
    ) -> Result<Arc<Slot<T>>, FileError> {
        let slot = Arc::new(Slot {
            result: Mutex::new(None),
            blocked: Condvar::new(),
            awaiting: Notify::new(),
        });
        let job = slot.job(work);
        let mut lines = lock(&self.lines);
        let first = match lines.get_mut(path) {
            // It hangs, and whoever waits for it would wait in vain.
            Some(line) if line.since.elapsed() >= self.deadline => return Err(FileError::Silent),
            Some(line) => {
                line.waiting.retain(Job::is_awaited);
                line.waiting.push_back(job);
                None
            }
            None => {
                let line = Line {
                    since: Instant::now(),
                    waiting: VecDeque::new(),
                };
                lines.insert(path.to_owned(), line);
                Some(job)
            }
        };
        drop(lines);
        if let Some(first) = first {
            self.serve(path, first)?;
        }
        Ok(slot)
    }

    /// Starts the thread of a line that was just made.
    fn serve(&self, path: &Path, first: Job) -> Result<(), FileError> {
        let server = Server {
            lines: self.clone(),
            path: path.to_owned(),
            ended: false,
        };
        // A runtime whose clock is stopped waits for threads of its own, and for no others.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn_blocking(move || server.serve(first)));
        } else {
            let thread = thread::Builder::new().name("file".to_owned());
            thread.spawn(move || server.serve(first))?;
        }
        Ok(())
    }
}

impl Server {
    fn serve(mut self, first: Job) {
        let mut job = Some(first);
        while let Some(Job { work, .. }) = job {
            work(&self.path);
            job = self.next();
        }
    }

    /// The next in line that still waits; without one, there is no line any more.
    fn next(&mut self) -> Option<Job> {
        let mut lines = lock(&self.lines.lines);
        let line = lines.get_mut(&self.path)?;
        while let Some(job) = line.waiting.pop_front() {
            if job.is_awaited() {
                line.since = Instant::now();
                return Some(job);
            }
        }
        lines.remove(&self.path);
        self.ended = true;
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The work broke down, or no thread began it.
        if !self.ended {
            lock(&self.lines.lines).remove(&self.path);
        }
    }
}

impl Job {
    fn is_awaited(&self) -> bool {
        self.caller.strong_count() > 0
    }
}

impl<T: Send + 'static> Slot<T> {
    fn job(
        self: &Arc<Self>,
        work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
    ) -> Job {
        let caller = Arc::downgrade(self);
        let to = Weak::clone(&caller);
        Job {
            caller,
            work: Box::new(move |path| {
                let result = work(path);
                if let Some(slot) = to.upgrade() {
                    *lock(&slot.result) = Some(result);
                    slot.blocked.notify_one();
                    slot.awaiting.notify_one();
                }
            }),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    /// Stands in for a file that hangs, and comes back when it is told to: no real file can be held
    /// up and let go at a chosen step.
    fn hanging() -> (
        Sender<()>,
        impl FnOnce(&Path) -> Result<(), FileError> + Send + 'static,
    ) {
        let (release, held): (_, Receiver<()>) = channel();
        let hang = move |_: &Path| {
            let _ = held.recv();
            Ok(())
        };
        (release, hang)
    }

    /// Waits until nothing is in hand.
    fn wait_idle(lines: &Lines) {
        let end = Instant::now() + LONG;
        while !lock(&lines.lines).is_empty() {
            assert!(Instant::now() < end, "a line stays");
            thread::yield_now();
        }
    }

    #[test]
    fn a_path_that_hangs_holds_one_thread_however_often_it_is_tried() {
        let lines = Lines::new(SHORT);
        let path = Path::new("/dead/file");
        let begun = Arc::new(AtomicUsize::new(0));
        let (release, hang) = hanging();
        assert!(matches!(lines.work(path, hang), Err(FileError::Silent)));
        for _ in 0..10 {
            let count = Arc::clone(&begun);
            let tried = lines.work(path, move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            });
            assert!(matches!(tried, Err(FileError::Silent)));
        }
        assert_eq!(begun.load(Ordering::Relaxed), 0);
        // Another path does not wait for it.
        assert!(lines.work(Path::new("/alive"), |_| Ok(())).is_ok());

        drop(release);
        wait_idle(&lines);
        assert!(lines.work(path, |_| Ok(())).is_ok());
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_begun() {
        let lines = Lines::new(LONG);
        let path = Path::new("/slow/file");
        let (release, hang) = hanging();
        let first = lines.line_up(path, hang).unwrap();
        let given_up = lines.line_up(path, |_| -> Result<(), _> { panic!("begun") });
        drop(given_up);
        let last = lines.line_up(path, |_| Ok(5)).unwrap();
        assert_eq!(lock(&lines.lines)[path].waiting.len(), 1);
        drop(release);
        wait_idle(&lines);
        assert!(matches!(*lock(&first.result), Some(Ok(()))));
        assert!(matches!(*lock(&last.result), Some(Ok(5))));
    }

    #[test]
    fn work_that_breaks_down_leaves_no_line() {
        let lines = Lines::new(SHORT);
        let path = Path::new("/file");
        let broken = lines.work(path, |_| -> Result<(), _> {
            panic!("as the test wants it")
        });
        assert!(matches!(broken, Err(FileError::Silent)));
        wait_idle(&lines);
        assert!(lines.work(path, |_| Ok(())).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_stopped_waits_for_the_file() {
        let lines = Lines::new(SHORT);
        let path = Path::new("/file");
        let slow = |_: &Path| {
            thread::sleep(SHORT * 3);
            Ok(1)
        };
        assert!(matches!(lines.work_async(path, slow).await, Ok(1)));
    }
}
