//! A desktop's panel, as far as a tray icon meets it: a session bus with a StatusNotifierWatcher, and
//! the eyes and hands for the item that registers there and for its menu (com.canonical.dbusmenu).

use super::bus::Bus;
use super::wait::{wait_for, wait_until};
use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::runtime::Handle;
use zbus::message::Header;
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, Message};

const BOUND: Duration = Duration::from_secs(30);
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const ITEM_PATH: &str = "/StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

/// A panel without a screen.
pub(crate) struct Panel {
    connection: Connection,
    runtime: Handle,
    registered: Arc<Mutex<Vec<String>>>,
    bus: Bus,
}

/// A line of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    id: i32,
    /// Its text, as one sees it; empty for a line between groups.
    pub(crate) label: String,
    /// Whether it can be chosen.
    pub(crate) enabled: bool,
    /// Whether it is checked, if it can be.
    pub(crate) checked: Option<bool>,
    /// How deep it lies in submenus.
    pub(crate) depth: usize,
}

struct Watcher {
    registered: Arc<Mutex<Vec<String>>>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, _service: &str, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string);
        let mut registered = self.registered.lock().expect("nobody panicked");
        registered.extend(sender);
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.registered.lock().expect("nobody panicked").clone()
    }
}

impl Panel {
    /// Starts one, on a bus of its own.
    pub(crate) fn start() -> Self {
        let bus = Bus::start();
        let registered = Arc::new(Mutex::new(Vec::new()));
        let watcher = Watcher {
            registered: Arc::clone(&registered),
        };
        let (connection, runtime) = bus.serve(WATCHER, "/StatusNotifierWatcher", watcher);
        Self {
            connection,
            runtime,
            registered,
            bus,
        }
    }

    /// What a program needs to find it.
    pub(crate) fn environment(&self) -> [(String, OsString); 2] {
        self.bus.environment()
    }

    /// Waits for an icon.
    #[track_caller]
    pub(crate) fn wait_icon(&self) -> Icon<'_> {
        let owner = wait_for("an icon", BOUND, || {
            let registered = self.registered.lock().expect("nobody panicked");
            registered.last().cloned()
        });
        Icon { panel: self, owner }
    }

    fn call<B>(
        &self,
        owner: &str,
        path: &str,
        interface: &str,
        method: &str,
        body: B,
    ) -> zbus::Result<Message>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType + Send + Sync + 'static,
    {
        let connection = self.connection.clone();
        let names = [owner, path, interface, method].map(str::to_owned);
        let (done, reply) = mpsc::channel();
        self.runtime.spawn(async move {
            let [owner, path, interface, method] = names;
            let reply =
                connection.call_method(Some(&*owner), &*path, Some(&*interface), &*method, &body);
            let _ = done.send(reply.await);
        });
        reply.recv_timeout(BOUND).expect("an answer in time")
    }
}

/// An icon in the panel.
pub(crate) struct Icon<'p> {
    panel: &'p Panel,
    owner: String,
}

impl Icon<'_> {
    /// Its picture's side, and its pixels: ARGB, from the top.
    pub(crate) fn picture(&self) -> (i32, Vec<u8>) {
        let pictures: Vec<(i32, i32, Vec<u8>)> = self.property("IconPixmap");
        let (width, height, pixels) = pictures.into_iter().next().expect("it has a picture");
        assert_eq!(width, height);
        (width, pixels)
    }

    /// What is shown when the pointer rests on it.
    pub(crate) fn tooltip(&self) -> String {
        type ToolTip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        let (_, _, _, text): ToolTip = self.property("ToolTip");
        text
    }

    /// Its menu, as a panel that opens it reads it.
    pub(crate) fn menu(&self) -> Vec<Line> {
        type Layout = (u32, (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>));
        let body = (0_i32, -1_i32, Vec::<String>::new());
        let reply = self.call("/MenuBar", MENU, "GetLayout", body);
        let body = reply.body();
        let (_, (_, _, children)): Layout = body.deserialize().expect("a layout");
        let mut lines = Vec::new();
        for child in children {
            read(&mut lines, child.into(), 0);
        }
        lines
    }

    /// The lines' texts, without those between groups.
    pub(crate) fn labels(&self) -> Vec<String> {
        let lines = self.menu().into_iter().map(|line| line.label);
        lines.filter(|label| !label.is_empty()).collect()
    }

    /// The line of that text.
    #[track_caller]
    pub(crate) fn line(&self, label: &str) -> Line {
        let menu = self.menu();
        let line = menu.iter().find(|line| line.label == label);
        line.unwrap_or_else(|| panic!("no {label:?} in {menu:#?}"))
            .clone()
    }

    /// Chooses the line of that text.
    #[track_caller]
    pub(crate) fn choose(&self, label: &str) {
        // The menu may change between the look and the click.
        wait_until(&format!("{label:?} is chosen"), BOUND, || {
            self.click(&self.line(label))
        });
    }

    /// Clicks a line that was read before. Tells whether it is still there.
    pub(crate) fn click(&self, line: &Line) -> bool {
        let body = (line.id, "clicked", Value::I32(0), 0_u32);
        let owner = &self.owner;
        let clicked = self.panel.call(owner, "/MenuBar", MENU, "Event", body);
        clicked.is_ok()
    }

    /// Clicks on the icon itself.
    pub(crate) fn activate(&self) {
        self.call(ITEM_PATH, ITEM, "Activate", (10_i32, 10_i32));
    }

    /// Whether it is in the panel no more.
    pub(crate) fn is_gone(&self) -> bool {
        let dbus = "org.freedesktop.DBus";
        let method = "NameHasOwner";
        let reply = self.panel.call(dbus, "/", dbus, method, self.owner.clone());
        let reply = reply.expect("the bus answers");
        let has_owner: bool = reply.body().deserialize().expect("yes or no");
        !has_owner
    }

    fn property<T>(&self, name: &'static str) -> T
    where
        T: TryFrom<OwnedValue>,
        T::Error: std::fmt::Debug,
    {
        let properties = "org.freedesktop.DBus.Properties";
        let reply = self.call(ITEM_PATH, properties, "Get", (ITEM, name));
        let value: OwnedValue = reply.body().deserialize().expect("a value");
        T::try_from(value).expect(name)
    }

    fn call<B>(&self, path: &str, interface: &str, method: &str, body: B) -> Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType + Send + Sync + 'static,
    {
        let reply = self.panel.call(&self.owner, path, interface, method, body);
        reply.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

/// Reads an item and those below it.
fn read(lines: &mut Vec<Line>, item: Value<'static>, depth: usize) {
    type Item = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);
    if let Value::Value(inner) = item {
        return read(lines, *inner, depth);
    }
    let (id, mut properties, children): Item = item.try_into().expect("an item");
    let mut property = |name: &str| properties.remove(name).map(Value::from);
    let label: String = property("label")
        .map(|label| label.try_into().expect("text"))
        .unwrap_or_default();
    // A single low line marks the letter behind it as its key.
    let label = label.replace("__", "\u{0}").replace('_', "");
    let checked = property("toggle-type")
        .is_some()
        .then(|| property("toggle-state") == Some(Value::I32(1)));
    lines.push(Line {
        id,
        label: label.replace('\u{0}', "_"),
        enabled: property("enabled") != Some(Value::Bool(false)),
        checked,
        depth,
    });
    for child in children {
        read(lines, child.into(), depth + 1);
    }
}
