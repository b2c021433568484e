//! Tells when the configuration changes.
//!
//! It is the directory that is watched: editors replace files, and the file may not exist yet. While
//! the directory is missing too, it is the nearest one above it. File systems that tell nothing,
//! such as network shares, are asked every 30 s.
//!
//! The disk may be gone, and then whoever asks it waits without end. So it is asked within the bounds of
//! `files`, and on a thread of its own from the first question on.

use super::{ConfigErrors, Loaded, load};
use crate::files::{self, FileError};
use crate::model::Settings;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
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
/// "Before" is first what is in force, so that no change is missed since it was read. Does not block.
///
/// # Errors
/// When the system cannot watch anything at all.
pub fn watch(
    file: &Path,
    in_force: Arc<Settings>,
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
    let watch = Watch {
        eye: Arc::new(Mutex::new(Eye {
            notify,
            watched: None,
        })),
        last: Ok(in_force),
        file,
        on_change,
    };
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
    eye: Arc<Mutex<Eye>>,
    last: Result<Arc<Settings>, ConfigErrors>,
    file: PathBuf,
    on_change: F,
}

/// What the system tells of a directory.
struct Eye {
    notify: RecommendedWatcher,
    watched: Option<PathBuf>,
}

impl<F: Fn(Result<Loaded, ConfigErrors>)> Watch<F> {
    fn run(mut self, signals: &Receiver<Signal>) {
        loop {
            self.attach();
            self.report_difference();
            match signals.recv_timeout(POLL) {
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Signal::Touched) if !settled(signals) => return,
                Ok(Signal::Touched) | Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Watches the directory that is there now. Where none answers, the poll finds the change.
    fn attach(&self) {
        // As deep as a path is made while we look.
        for _ in 0..8 {
            let Some(directory) = nearest_directory(&self.file) else {
                return;
            };
            let eye = Arc::clone(&self.eye);
            let turned = files::work(&directory, move |directory| {
                // One that hangs holds it.
                let mut eye = eye.try_lock().map_err(|_| FileError::Silent)?;
                eye.turn_to(directory);
                Ok(())
            });
            if turned.is_err() || nearest_directory(&self.file).as_ref() == Some(&directory) {
                return;
            }
        }
    }

    fn report_difference(&mut self) {
        let now = load(&self.file);
        let meaning = meaning(&now);
        if self.last != meaning {
            self.last = meaning;
            (self.on_change)(now);
        }
    }
}

impl Eye {
    /// Always anew: a directory that was removed and made again has the same name, and the old watch is
    /// on the old one.
    fn turn_to(&mut self, directory: &Path) {
        if let Some(old) = self.watched.take() {
            // Fails when the directory is gone, and with it the watch.
            let _ = self.notify.unwatch(&old);
        }
        // Where no watch is to be had, the poll finds the change.
        let watched = self.notify.watch(directory, RecursiveMode::NonRecursive);
        self.watched = watched.is_ok().then(|| directory.to_owned());
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

/// `None`: there is none, or one on the way to it does not answer.
fn nearest_directory(file: &Path) -> Option<PathBuf> {
    for above in file.ancestors().skip(1) {
        match files::is_directory(above) {
            Ok(true) => return Some(above.to_owned()),
            Err(FileError::Silent) => return None,
            // What cannot be looked at is as good as missing.
            Ok(false) | Err(_) => {}
        }
    }
    None
}

/// What is compared. Where a value stands in the file is no difference.
fn meaning(loaded: &Result<Loaded, ConfigErrors>) -> Result<Arc<Settings>, ConfigErrors> {
    match loaded {
        Ok(loaded) => Ok(Arc::clone(&loaded.settings)),
        Err(errors) => Err(errors.clone()),
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
            let in_force = load(file).unwrap().settings;
            let tell = move |change| sender.send(change).unwrap();
            let watcher = watch(file, in_force, tell).unwrap();
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
    fn what_changed_before_the_watch_began_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let in_force = load(&file).unwrap().settings;
        fs::write(&file, text("a")).unwrap();
        let (sender, changes) = channel();
        let tell = move |change| sender.send(change).unwrap();
        let watched = Watched {
            changes,
            _watcher: watch(&file, in_force, tell).unwrap(),
        };
        watched.comes_to(Some("a"));
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
        let differ = |one, other| meaning(&one) != meaning(&other);
        assert!(!differ(first.clone(), moved));
        assert!(differ(first.clone(), read("language = \"en\"")));
        assert!(differ(first, read("language = 1")));
        assert!(differ(read("language = 2"), read("\nlanguage = 2")));
        assert!(!differ(read("language = 2"), read("language = 2")));
    }
}
