//! A line of work before each path that is in use, and a thread for each line.
//!
//! The threads are of their own: those that a runtime has for blocking calls are for calls that end.

use super::FileError;
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// The lines before all paths. Clones are the same lines.
#[derive(Clone)]
pub(super) struct Lines {
    deadline: Duration,
    /// How many threads there may be.
    most: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Those that a thread serves.
    lines: HashMap<PathBuf, Line>,
    /// Work on other paths, until a thread is free.
    waiting: VecDeque<(PathBuf, Job)>,
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
    done: Condvar,
}

/// Serves the line before one path, then the next line, and takes the last one away when it ends, by
/// whatever way.
struct Server {
    lines: Lines,
    path: PathBuf,
    ended: bool,
}

impl Lines {
    /// No line yet. A caller waits no longer than `deadline`; `most` paths are served at a time.
    pub(super) fn new(deadline: Duration, most: usize) -> Self {
        Self {
            deadline,
            most,
            state: Arc::default(),
        }
    }

    /// Waits for its turn, and for the work. Blocks.
    pub(super) fn work<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let end = Instant::now() + self.deadline;
        self.line_up(path, work)?.wait(end)
    }

    /// The same for several paths at once, within the time of one.
    pub(super) fn work_each<T: Send + 'static>(
        &self,
        paths: &[PathBuf],
        work: impl FnOnce(&Path) -> Result<T, FileError> + Clone + Send + 'static,
    ) -> Vec<Result<T, FileError>> {
        let end = Instant::now() + self.deadline;
        let slots: Vec<_> = paths
            .iter()
            .map(|path| self.line_up(path, work.clone()))
            .collect();
        slots.into_iter().map(|slot| slot?.wait(end)).collect()
    }

    fn line_up<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
    ) -> Result<Arc<Slot<T>>, FileError> {
        let slot = Arc::new(Slot {
            result: Mutex::new(None),
            done: Condvar::new(),
        });
        let job = slot.job(work);
        let mut state = lock(&self.state);
        if let Some(line) = state.lines.get_mut(path) {
            if line.hangs(self.deadline) {
                // Whoever waits for it would wait in vain.
                return Err(FileError::Silent);
            }
            line.waiting.retain(Job::is_awaited);
            line.waiting.push_back(job);
        } else if state.lines.len() < self.most {
            state.lines.insert(path.to_owned(), Line::begun());
            drop(state);
            self.serve(path, job)?;
        } else if state.lines.values().all(|line| line.hangs(self.deadline)) {
            // No thread is left, and none comes back.
            return Err(FileError::Silent);
        } else {
            state.waiting.retain(|(_, job)| job.is_awaited());
            state.waiting.push_back((path.to_owned(), job));
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
        let thread = thread::Builder::new().name("file".to_owned());
        thread.spawn(move || server.serve(first))?;
        Ok(())
    }
}

impl Line {
    /// Whose first work begins now.
    fn begun() -> Self {
        Self {
            since: Instant::now(),
            waiting: VecDeque::new(),
        }
    }

    fn hangs(&self, deadline: Duration) -> bool {
        self.since.elapsed() >= deadline
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

    /// The next in line that still waits; without one, the first of those that wait for a thread. Where
    /// nobody does, there is no line any more.
    fn next(&mut self) -> Option<Job> {
        let mut state = lock(&self.lines.state);
        let state = &mut *state;
        let line = state.lines.get_mut(&self.path)?;
        while let Some(job) = line.waiting.pop_front() {
            if job.is_awaited() {
                line.since = Instant::now();
                return Some(job);
            }
        }
        state.lines.remove(&self.path);
        while let Some((path, job)) = state.waiting.pop_front() {
            if !job.is_awaited() {
                continue;
            }
            if let Some(line) = state.lines.get_mut(&path) {
                line.waiting.push_back(job);
                continue;
            }
            state.lines.insert(path.clone(), Line::begun());
            self.path = path;
            return Some(job);
        }
        self.ended = true;
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The work broke down, or no thread began it.
        if !self.ended {
            lock(&self.lines.state).lines.remove(&self.path);
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
                    slot.done.notify_one();
                }
            }),
        }
    }

    fn wait(&self, end: Instant) -> Result<T, FileError> {
        let left = end.saturating_duration_since(Instant::now());
        let waited = self
            .done
            .wait_timeout_while(lock(&self.result), left, |result| result.is_none());
        let (mut result, _) = waited.unwrap_or_else(PoisonError::into_inner);
        result.take().unwrap_or(Err(FileError::Silent))
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
    const MOST: usize = 2;

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
        while !lock(&lines.state).lines.is_empty() {
            assert!(Instant::now() < end, "a line stays");
            thread::yield_now();
        }
    }

    /// Waits until the path answers: a busy machine may not start its thread within the deadline.
    fn wait_answered(lines: &Lines, path: &Path) {
        let end = Instant::now() + LONG;
        while lines.work(path, |_| Ok(())).is_err() {
            assert!(Instant::now() < end, "{} stays silent", path.display());
        }
    }

    #[test]
    fn a_path_that_hangs_holds_one_thread_however_often_it_is_tried() {
        let lines = Lines::new(SHORT, MOST);
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
        wait_answered(&lines, Path::new("/alive"));

        drop(release);
        wait_idle(&lines);
        wait_answered(&lines, path);
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_begun() {
        let lines = Lines::new(LONG, MOST);
        let path = Path::new("/slow/file");
        let (release, hang) = hanging();
        let first = lines.line_up(path, hang).unwrap();
        let given_up = lines.line_up(path, |_| -> Result<(), _> { panic!("begun") });
        drop(given_up);
        let last = lines.line_up(path, |_| Ok(5)).unwrap();
        assert_eq!(lock(&lines.state).lines[path].waiting.len(), 1);
        drop(release);
        wait_idle(&lines);
        assert!(matches!(*lock(&first.result), Some(Ok(()))));
        assert!(matches!(*lock(&last.result), Some(Ok(5))));
    }

    #[test]
    fn work_that_breaks_down_leaves_no_line() {
        let lines = Lines::new(SHORT, MOST);
        let path = Path::new("/file");
        let broken = lines.work(path, |_| -> Result<(), _> {
            panic!("as the test wants it")
        });
        assert!(matches!(broken, Err(FileError::Silent)));
        wait_idle(&lines);
        wait_answered(&lines, path);
    }

    #[test]
    fn as_many_paths_hang_as_may_and_the_next_is_answered_at_once() {
        let lines = Lines::new(SHORT, MOST);
        let dead: Vec<_> = (0..=MOST)
            .map(|path| PathBuf::from(format!("/dead/{path}")))
            .collect();
        let (release, held) = channel();
        let held = Arc::new(Mutex::new(held));
        let begun = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&begun);
        let hang = move |_: &Path| {
            count.fetch_add(1, Ordering::Relaxed);
            let _: Result<(), _> = lock(&held).recv();
            Ok(())
        };
        // The last of them waits for a thread, in vain.
        for silent in lines.work_each(&dead, hang) {
            assert!(matches!(silent, Err(FileError::Silent)));
        }
        let end = Instant::now() + LONG;
        while begun.load(Ordering::Relaxed) < MOST {
            assert!(Instant::now() < end, "a thread does not begin");
            thread::yield_now();
        }
        let next = || lines.line_up(Path::new("/next"), |_| Ok(()));
        while !matches!(next(), Err(FileError::Silent)) {
            assert!(Instant::now() < end, "it waits for a thread");
            thread::yield_now();
        }

        drop(release);
        wait_idle(&lines);
        wait_answered(&lines, Path::new("/next"));
        assert_eq!(begun.load(Ordering::Relaxed), MOST);
    }

    #[test]
    fn while_all_threads_are_busy_a_path_waits_for_one() {
        let lines = Lines::new(LONG, 1);
        let (release, hang) = hanging();
        let first = lines.line_up(Path::new("/slow"), hang).unwrap();
        let others = ["/a", "/b", "/a"];
        let others = others.map(|path| lines.line_up(Path::new(path), |_| Ok(5)).unwrap());
        assert_eq!(lock(&lines.state).lines.len(), 1);
        drop(release);
        let end = Instant::now() + LONG;
        assert!(first.wait(end).is_ok());
        for other in others {
            assert!(matches!(other.wait(end), Ok(5)));
        }
        wait_idle(&lines);
    }

    #[test]
    fn what_hangs_takes_no_thread_of_the_runtime() {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().max_blocking_threads(1);
        let runtime = runtime.build().unwrap();
        let lines = Lines::new(LONG, MOST);
        let (release, hang) = hanging();
        let others = runtime.block_on(async {
            let _hangs = lines.line_up(Path::new("/dead/file"), hang).unwrap();
            let other = tokio::task::spawn_blocking(|| 7);
            tokio::time::timeout(SHORT * 100, other).await
        });
        drop(release);
        assert!(matches!(others, Ok(Ok(7))), "{others:?}");
    }
}
