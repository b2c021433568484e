//! What runs through the forwards, counted. Forwarded bytes never enter the supervisor's queue, so
//! their count does not either: the pumps add to these, whoever shows a status reads them.

use super::ForwardId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The counters of every forward, by identity. Cheap to clone; clones share the counters.
#[derive(Debug, Clone, Default)]
pub struct Traffic(Arc<Mutex<HashMap<ForwardId, Arc<TrafficCounters>>>>);

impl Traffic {
    /// The counters of this forward, made at the first call.
    #[must_use]
    pub fn of(&self, forward: &ForwardId) -> Arc<TrafficCounters> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(forward.clone()).or_default())
    }
}

/// What ran through one forward since Passerelle started.
#[derive(Debug, Default)]
pub struct TrafficCounters {
    connections: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl TrafficCounters {
    /// A local connection was taken in.
    pub fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A local connection ended.
    pub fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Bytes came from the server for a local program.
    pub fn received(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes went from a local program to the server.
    pub fn sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Local connections now open.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Bytes received from the server.
    #[must_use]
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes sent to the server.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }
}
