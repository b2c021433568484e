//! Where each value in effect comes from.

use super::keys::{self, Key, dotted};
use crate::model::Settings;
use std::collections::BTreeMap;

/// Who gave which key its value. What nobody gave is a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, Origin>);

/// Who gave a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: it is built in.
    Default,
    /// The user's file.
    File {
        /// The line, from 1.
        line: usize,
    },
    /// The machine's policy.
    Policy {
        /// Whether the user's file cannot say otherwise.
        locked: bool,
    },
}

/// One value in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOrigin {
    /// The key, such as `tunnel[0].forward[1].local`.
    pub key: String,
    /// The value in TOML's notation.
    pub value: String,
    /// Who said so.
    pub origin: Origin,
}

impl Origins {
    pub(super) fn insert(&mut self, key: String, origin: Origin) {
        self.0.insert(key, origin);
    }

    pub(super) fn of(&self, key: &str) -> Origin {
        self.0.get(key).copied().unwrap_or(Origin::Default)
    }
}

/// Every key that has a value, in the order of the settings.
pub(super) fn rows(settings: &Settings, origins: &Origins) -> Vec<KeyOrigin> {
    let mut rows = Rows {
        origins,
        rows: Vec::new(),
    };
    rows.add("", &keys::LANGUAGE, &settings.language);
    rows.add("", &keys::START_AT_LOGON, &settings.start_at_logon);
    rows.add("", &keys::NOTIFICATIONS, &settings.notifications);
    for (t, tunnel) in settings.tunnels.iter().enumerate() {
        let path = format!("tunnel[{t}]");
        rows.add(&path, &keys::TUNNEL_NAME, &tunnel.id.as_str().to_owned());
        rows.add(&path, &keys::HOST, &tunnel.host);
        rows.add(&path, &keys::PORT, &tunnel.port);
        rows.add(&path, &keys::USER, &tunnel.user);
        rows.add(&path, &keys::AUTOSTART, &tunnel.autostart);
        rows.add(&path, &keys::AUTH, &tunnel.auth);
        rows.add(&path, &keys::IDENTITY, &tunnel.identity);
        rows.add(&path, &keys::HOST_KEY, &tunnel.host_key);
        for (f, forward) in tunnel.forwards.iter().enumerate() {
            let path = format!("{path}.forward[{f}]");
            let name = forward.id.name.to_string();
            rows.add(&path, &keys::FORWARD_NAME, &name);
            rows.add(&path, &keys::LOCAL, &forward.local);
            rows.add(&path, &keys::REMOTE, &forward.remote);
            rows.add(&path, &keys::HEALTH, &forward.health);
            if let Some(open) = &forward.open {
                rows.add(&path, &keys::OPEN, open);
            }
            rows.add(&path, &keys::PRIMARY, &forward.primary);
            rows.add(&path, &keys::HOLD, &forward.hold.time);
            rows.add(&path, &keys::HOLDING_PAGE, &forward.hold.page);
        }
    }
    rows.rows
}

struct Rows<'o> {
    origins: &'o Origins,
    rows: Vec<KeyOrigin>,
}

impl Rows<'_> {
    fn add<T>(&mut self, table: &str, key: &Key<T>, value: &T) {
        let path = dotted(table, key.about.name);
        self.rows.push(KeyOrigin {
            origin: self.origins.of(&path),
            key: path,
            value: (key.shape.show)(value),
        });
    }
}
