//! The log's own story: every change of a tunnel's or a forward's state, with its cause.

use crate::model::{ForwardView, Snapshot, TunnelView};
use std::sync::Arc;

/// Logs what differs between two snapshots.
pub(super) fn record(before: &Snapshot, after: &Snapshot) {
    let in_force = |snapshot: &Snapshot| -> Vec<_> {
        let tunnels = snapshot.tunnels.iter();
        tunnels.map(|tunnel| Arc::clone(&tunnel.settings)).collect()
    };
    if in_force(before) != in_force(after) {
        tracing::info!("another configuration is in force");
    }
    if before.settings_errors != after.settings_errors {
        for error in after.settings_errors.iter() {
            tracing::warn!(%error, "the configuration on disk is not in force");
        }
    }
    for tunnel in &after.tunnels {
        let former = before.tunnel(tunnel.id());
        record_tunnel(former, tunnel);
        for forward in &tunnel.forwards {
            let former = former.and_then(|former| {
                let mut forwards = former.forwards.iter();
                forwards.find(|known| known.id() == forward.id())
            });
            record_forward(former, forward);
        }
    }
}

fn record_tunnel(before: Option<&TunnelView>, after: &TunnelView) {
    if before.is_some_and(|before| before.phase == after.phase && before.fault == after.fault) {
        return;
    }
    tracing::info!(
        tunnel = %after.id(),
        attempt = after.attempt.map_or(0, |attempt| attempt.0),
        from = before.map_or("", |before| before.phase.code()),
        to = after.phase.code(),
        fault = ?after.fault,
        server = ?after.server,
        "phase"
    );
}

fn record_forward(before: Option<&ForwardView>, after: &ForwardView) {
    let same = before.is_some_and(|before| {
        before.health == after.health
            && before.fault == after.fault
            && before.listening == after.listening
    });
    if !same {
        tracing::info!(
            forward = %after.id(),
            listening = after.listening,
            fault = ?after.fault,
            health = after.health.state.code(),
            reason = ?after.health.reason,
            "forward"
        );
    }
}
