//! Snapshots for the tests of this room.

use crate::config::default_settings;
pub(super) use crate::model::samples::{host_key_question, password_question};
use crate::model::{ForwardId, Snapshot, TunnelId, TunnelSettings, TunnelView, samples};
use std::sync::Arc;
use std::time::Instant;

/// The default configuration, with everything as it should be.
pub(super) fn healthy() -> Snapshot {
    let settings = default_settings();
    Snapshot {
        tunnels: settings.tunnels.iter().map(now_healthy).collect(),
        ..Snapshot::default()
    }
}

/// The default configuration's tunnel twice, under these names.
pub(super) fn two(names: [&str; 2]) -> Snapshot {
    let settings = default_settings();
    let tunnels = names.map(|name| {
        let mut named = TunnelSettings::clone(&settings.tunnels[0]);
        named.id = TunnelId::new(name);
        for forward in &mut named.forwards {
            let id = ForwardId::new(&named.id, &forward.id.name);
            Arc::make_mut(forward).id = id;
        }
        now_healthy(&Arc::new(named))
    });
    Snapshot {
        tunnels: tunnels.into(),
        ..Snapshot::default()
    }
}

/// That tunnel, with everything as it should be.
pub(super) fn now_healthy(settings: &Arc<TunnelSettings>) -> TunnelView {
    samples::healthy(Arc::clone(settings), Instant::now())
}
