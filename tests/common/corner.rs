//! The corner of the screen where a desktop shows notifications: a stand-in for its daemon, on a bus of
//! its own. It shows nothing, and notes everything (Desktop Notifications Specification 1.2).

use super::bus::Bus;
use super::wait::wait_for;
use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::runtime::Handle;
use zbus::Connection;
use zbus::zvariant::OwnedValue;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A notification is not shown before ten seconds of a loss are over.
const BOUND: Duration = Duration::from_secs(40);

/// The daemon.
pub(crate) struct Corner {
    connection: Connection,
    runtime: Handle,
    noted: Arc<Mutex<Vec<Notification>>>,
    bus: Bus,
}

/// What was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    /// The place that it was shown in: the same as before for one that replaces another.
    pub(crate) place: u32,
    /// Its first line.
    pub(crate) title: String,
    /// The rest.
    pub(crate) text: String,
}

struct Daemon {
    noted: Arc<Mutex<Vec<Notification>>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Daemon {
    #[expect(clippy::too_many_arguments, reason = "the specification has so many")]
    fn notify(
        &self,
        _app_name: &str,
        replaces: u32,
        _icon: &str,
        title: String,
        text: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        assert_eq!(actions.first().map(String::as_str), Some("default"));
        let mut noted = self.noted.lock().expect("nobody panicked");
        let fresh = noted.iter().map(|known| known.place).max().unwrap_or(0) + 1;
        let place = if replaces == 0 { fresh } else { replaces };
        noted.push(Notification { place, title, text });
        place
    }

    fn close_notification(&self, _place: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "body-markup"].map(str::to_owned).into()
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("corner", "the lab", "1", "1.2")
    }
}

impl Corner {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let bus = Bus::start();
        let noted = Arc::new(Mutex::new(Vec::new()));
        let daemon = Daemon {
            noted: Arc::clone(&noted),
        };
        let (connection, runtime) = bus.serve(NAME, PATH, daemon);
        Self {
            connection,
            runtime,
            noted,
            bus,
        }
    }

    /// What a program needs to find it.
    pub(crate) fn environment(&self) -> [(String, OsString); 2] {
        self.bus.environment()
    }

    /// All that was shown so far.
    pub(crate) fn shown(&self) -> Vec<Notification> {
        self.noted.lock().expect("nobody panicked").clone()
    }

    /// Waits for so many notifications, and gives the last one.
    #[track_caller]
    pub(crate) fn wait_shown(&self, count: usize) -> Notification {
        wait_for(&format!("notification {count}"), BOUND, || {
            let shown = self.shown();
            assert!(shown.len() <= count, "{shown:#?}");
            shown.get(count - 1).cloned()
        })
    }

    /// Clicks on what is shown there.
    pub(crate) fn click(&self, place: u32) {
        let connection = self.connection.clone();
        let (done, sent) = mpsc::channel();
        self.runtime.spawn(async move {
            let (nobody, body) = (None::<&str>, (place, "default"));
            let signal = connection.emit_signal(nobody, PATH, NAME, "ActionInvoked", &body);
            let _ = done.send(signal.await);
        });
        let sent = sent.recv_timeout(BOUND).expect("an answer in time");
        sent.expect("the signal is sent");
    }
}
