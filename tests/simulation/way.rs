//! The way between the client and the server: delay, bandwidth, a queue, and what can go wrong on it.
//!
//! A connection is two pipes, one for each direction. All connections share the way's bandwidth. What is
//! written leaves when the way is free and arrives a delay later; what is not yet read counts against the
//! pipe's queue, so that a writer waits when it is full.

use crate::wire::{End, Wire};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How good the way is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quality {
    /// From one end to the other.
    pub(crate) delay_ms: u32,
    /// Bytes a second, in each direction.
    pub(crate) bandwidth: u32,
    /// Bytes that may be under way in one direction of one connection.
    pub(crate) queue: u32,
}

/// A direction on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Up, Self::Down];
}

/// How an end of a connection goes, as its peer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Loss {
    /// The peer is told at once.
    Reset,
    /// The peer is told in order: an end of data.
    Ended,
    /// The peer is told as soon as it sends something.
    OnWrite,
    /// The peer is never told.
    Never,
}

/// The way. Clones are the same way.
#[derive(Clone)]
pub(crate) struct Way(Arc<Mutex<State>>, Arc<Notify>);

struct State {
    quality: Quality,
    /// Until when nothing arrives, for each direction.
    silent: [Option<Instant>; 2],
    /// When the last byte that was sent has left, for each direction.
    free: [Instant; 2],
    wires: Vec<Weak<Wire>>,
}

impl Way {
    pub(crate) fn new(quality: Quality) -> Self {
        let state = State {
            quality,
            silent: [None; 2],
            free: [Instant::now(); 2],
            wires: Vec::new(),
        };
        Self(Arc::new(Mutex::new(state)), Arc::default())
    }

    pub(crate) fn quality(&self) -> Quality {
        self.state().quality
    }

    /// What is under way already keeps its time.
    pub(crate) fn set_quality(&self, quality: Quality) {
        self.state().quality = quality;
        self.wake_all();
    }

    /// Nothing arrives in that direction until then. What was under way arrives after it: TCP sends it
    /// once more.
    pub(crate) fn silence(&self, direction: Direction, until: Instant) {
        {
            let mut state = self.state();
            let silent = &mut state.silent[direction as usize];
            *silent = Some(silent.map_or(until, |old| old.max(until)));
        }
        self.wake_all();
        let way = self.clone();
        tokio::spawn(async move {
            sleep_until(until).await;
            way.wake_all();
        });
    }

    /// Until when nothing arrives, if that is so now.
    pub(crate) fn silent_until(&self, direction: Direction) -> Option<Instant> {
        let until = self.state().silent[direction as usize];
        until.filter(|until| *until > Instant::now())
    }

    /// Whether something is lost now, in either direction.
    pub(crate) fn is_silent(&self) -> bool {
        Direction::BOTH
            .iter()
            .any(|direction| self.silent_until(*direction).is_some())
    }

    /// Waits until a question and its answer have made their way.
    pub(crate) async fn round_trip(&self) {
        loop {
            while self.is_silent() {
                self.1.notified().await;
            }
            let delay = Duration::from_millis(u64::from(self.quality().delay_ms));
            tokio::time::sleep(2 * delay).await;
            if !self.is_silent() {
                return;
            }
        }
    }

    /// A new connection: the client's end and the server's.
    pub(crate) fn connect(&self) -> (End, End) {
        let (client, server) = Wire::connect(self);
        let mut state = self.state();
        state.wires.retain(|wire| wire.strong_count() > 0);
        state.wires.push(Arc::downgrade(client.wire()));
        (client, server)
    }

    /// When what is sent now arrives at the other end.
    pub(crate) fn arrival(&self, direction: Direction, bytes: usize) -> Instant {
        let mut state = self.state();
        let now = Instant::now();
        let takes = Duration::from_secs_f64(bytes as f64 / f64::from(state.quality.bandwidth));
        let delay = Duration::from_millis(u64::from(state.quality.delay_ms));
        let free = &mut state.free[direction as usize];
        *free = (*free).max(now) + takes;
        *free + delay
    }

    fn wake_all(&self) {
        self.1.notify_waiters();
        let wires: Vec<_> = {
            let state = self.state();
            state.wires.iter().filter_map(Weak::upgrade).collect()
        };
        for wire in wires {
            wire.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
