//! Tells when the configuration changes.
//!
//! It is the directory that is watched: editors replace files, and the file may not exist yet. While
//! the directory is missing too, it is the nearest one above it. File systems that tell nothing,
//! such as network shares, are asked every 30 s.

use super::{ConfigErrors, Loaded, load};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A file that stays as it is this long has been written to its end.
const QUIET: Duration = Duration::from_millis(150);
/// A file that never stays as it is gets read all the same.
const RESTLESS: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_secs(30);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    signals: Sender<Signal>,
}

/// Why a configuration cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system gives no watch.
    #[error("cannot watch for changes: {0}")]
    Notify(#[from] notify::Error),
    /// The file's path cannot be made absolute, or no thread can be started.
    #[error("cannot watch for changes: {0}")]
    Io(#[from] std::io::Error),
}

/// Calls `on_change`, on a thread of its own, each time the file means something else than before.
/// A file with errors counts too, once: whoever is called keeps the settings that it has.
///
/// "Before" is first what the file says now, so to miss nothing, watch first and load then.
///
/// # Errors
/// When the system cannot watch anything at all.
pub fn watch(
    file: &Path,
    on_change: impl Fn(Result<Loaded, ConfigErrors>) + Send + 'static,
) -> Result<Watcher, WatchError> {
    let file = std::path::absolute(file)?;
    let (signals, received) = channel();
    let (touched, watched) = (signals.clone(), file.clone());
    let notify = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // An error may have swallowed an event.
        if event.map_or(true, |event| concerns(&event, &watched)) {
            // A closed channel means that nobody watches any more.
            let _ = touched.send(Signal::Touched);
        }
    })?;
    let mut watch = Watch {
        notify,
        watched: None,
        last: Err(ConfigErrors(Vec::new())),
        file,
        on_change,
    };
    watch.attach();
    watch.last = load(&watch.file);
    std::thread::Builder::new()
        .name("config-watch".to_owned())
        .spawn(move || watch.run(&received))?;
    Ok(Watcher { signals })
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // A closed channel means that the thread is gone already.
        let _ = self.signals.send(Signal::Stop);
    }
}

enum Signal {
    Touched,
    Stop,
}

struct Watch<F> {
    notify: RecommendedWatcher,
    watched: Option<PathBuf>,
    last: Result<Loaded, ConfigErrors>,
    file: PathBuf,
    on_change: F,
}

impl<F: Fn(Result<Loaded, ConfigErrors>)> Watch<F> {
    fn run(mut self, signals: &Receiver<Signal>) {
        loop {
            match signals.recv_timeout(POLL) {
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Signal::Touched) if !settled(signals) => return,
                Ok(Signal::Touched) | Err(RecvTimeoutError::Timeout) => {}
            }
            self.attach();
            self.report_difference();
        }
    }

    /// Watches the directory that is there now. Always anew: one that was removed and made again
    /// has the same name, and the old watch is on the old one.
    fn attach(&mut self) {
        // As deep as a path is made while we look.
        for _ in 0..8 {
            if let Some(old) = self.watched.take() {
                // Fails when the directory is gone, and with it the watch.
                let _ = self.notify.unwatch(&old);
            }
            let Some(directory) = nearest_directory(&self.file) else {
                return;
            };
            // Where no watch is to be had, the poll finds the change.
            if self
                .notify
                .watch(&directory, RecursiveMode::NonRecursive)
                .is_ok()
            {
                self.watched = Some(directory.clone());
            }
            if nearest_directory(&self.file).as_ref() == Some(&directory) {
                return;
            }
        }
    }

    fn report_difference(&mut self) {
        let now = load(&self.file);
        if differ(&self.last, &now) {
            self.last = now.clone();
            (self.on_change)(now);
        }
    }
}

/// Waits until no more signals come; `false` for "stop".
fn settled(signals: &Receiver<Signal>) -> bool {
    let end = Instant::now() + RESTLESS;
    loop {
        match signals.recv_timeout(QUIET) {
            Ok(Signal::Touched) if Instant::now() < end => {}
            Ok(Signal::Touched) | Err(RecvTimeoutError::Timeout) => return true,
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// Whether the event is about the file, or about a directory on the way to it.
fn concerns(event: &Event, file: &Path) -> bool {
    let on_the_way = |path: &PathBuf| {
        // Windows tells names in the case that the disk has.
        let same_name = path
            .file_name()
            .zip(file.file_name())
            .is_some_and(|(one, other)| one.eq_ignore_ascii_case(other));
        same_name || file.starts_with(path)
    };
    event.need_rescan() || (!event.kind.is_access() && event.paths.iter().any(on_the_way))
}

fn nearest_directory(file: &Path) -> Option<PathBuf> {
    let mut above = file.ancestors().skip(1);
    above.find(|path| path.is_dir()).map(Path::to_owned)
}

/// Where a value stands in the file is no difference.
fn differ(one: &Result<Loaded, ConfigErrors>, other: &Result<Loaded, ConfigErrors>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one.settings != other.settings,
        (Err(one), Err(other)) => one != other,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::EventKind;
    use notify::event::{AccessKind, CreateKind, Flag};
    use std::fs;

    const BOUND: Duration = Duration::from_secs(20);

    struct Watched {
        changes: Receiver<Result<Loaded, ConfigErrors>>,
        _watcher: Watcher,
    }

    impl Watched {
        fn new(file: &Path) -> Self {
            let (sender, changes) = channel();
            let watcher = watch(file, move |change| sender.send(change).unwrap()).unwrap();
            Self {
                changes,
                _watcher: watcher,
            }
        }

        /// Waits until the first tunnel's user is this one; `None`: until the file is refused.
        /// On a busy machine, what is true between two steps of an editor may be told as well.
        #[track_caller]
        fn comes_to(&self, expected: Option<&str>) {
            loop {
                let change = self.changes.recv_timeout(BOUND).unwrap();
                let user = change.ok().map(|l| l.settings.tunnels[0].user.clone());
                if user.as_deref() == expected {
                    return;
                }
            }
        }
    }

    fn text(user: &str) -> String {
        format!("[[tunnel]]\nuser = \"{user}\"\n")
    }

    #[test]
    fn a_change_is_told_however_the_editor_writes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        fs::write(&file, text("a")).unwrap();
        let watched = Watched::new(&file);

        fs::write(&file, text("b")).unwrap();
        watched.comes_to(Some("b"));

        let new = dir.path().join("config.toml~");
        fs::write(&new, text("c")).unwrap();
        fs::rename(&new, &file).unwrap();
        watched.comes_to(Some("c"));

        fs::rename(&file, &new).unwrap();
        fs::write(&file, text("d")).unwrap();
        watched.comes_to(Some("d"));

        fs::write(&file, "[[tunnel]]\nuser = \"\"\n").unwrap();
        watched.comes_to(None);
        fs::write(&file, text("d")).unwrap();
        watched.comes_to(Some("d"));

        fs::remove_file(&file).unwrap();
        watched.comes_to(Some("maintenance"));
    }

    #[test]
    fn a_directory_may_come_go_and_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("not").join("yet");
        let file = below.join("config.toml");
        let watched = Watched::new(&file);
        for user in ["a", "b"] {
            fs::create_dir_all(&below).unwrap();
            fs::write(&file, text(user)).unwrap();
            watched.comes_to(Some(user));
            fs::remove_dir_all(dir.path().join("not")).unwrap();
            watched.comes_to(Some("maintenance"));
        }
    }

    #[test]
    fn dropping_the_watcher_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let watched = Watched::new(&dir.path().join("config.toml"));
        drop(watched._watcher);
        assert_eq!(
            watched.changes.recv_timeout(BOUND).err(),
            Some(RecvTimeoutError::Disconnected)
        );
    }

    #[test]
    fn only_events_on_the_way_to_the_file_count() {
        let file = Path::new("/home/a/passerelle/config.toml");
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        let created = EventKind::Create(CreateKind::Any);
        for (path, counts) in [
            ("/home/a/passerelle/config.toml", true),
            ("/home/a/passerelle/Config.TOML", true),
            ("/home/a/passerelle", true),
            ("/home/a", true),
            ("/home/a/passerelle/config.toml~", false),
            ("/home/a/other", false),
        ] {
            assert_eq!(concerns(&event(created, path), file), counts, "{path}");
        }
        let access = EventKind::Access(AccessKind::Any);
        assert!(!concerns(
            &event(access, "/home/a/passerelle/config.toml"),
            file
        ));
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(concerns(&lost, file));
    }

    #[test]
    fn a_comment_is_no_difference() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            load(&file)
        };
        let (first, moved) = (read("language = \"fr\""), read("# x\nlanguage = \"fr\""));
        assert_ne!(first, moved);
        assert!(!differ(&first, &moved));
        assert!(differ(&first, &read("language = \"en\"")));
        assert!(differ(&first, &read("language = 1")));
        assert!(differ(&read("language = 2"), &read("\nlanguage = 2")));
        assert!(!differ(&read("language = 2"), &read("language = 2")));
    }
}
