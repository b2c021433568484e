//! Holds the state that is shown against what is true.

use crate::ledger::{Ledger, SESSIONS_AT_ONCE, Scope};
use crate::system;
use passerelle::model::{Phase, Snapshot, Target};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How often to look.
const LOOK: Duration = Duration::from_secs(1);

/// How long a session may be shown that the client was told has ended.
const TOLD: Duration = Duration::from_secs(2);

/// How long one may be shown over which nothing arrives: keepalives find that within 30 s, and a write that
/// nobody takes within 45 s.
const SILENT: Duration = Duration::from_secs(50);

/// Longer than the server needs to hear that a session is hung up.
const OVERLAP: Duration = Duration::from_secs(5);

/// Memory at any moment: what may wait for slow programs, and what is under way.
const MEMORY: usize = 160 << 20;

/// How long something has been so.
#[derive(Default)]
struct Since(Option<Instant>);

impl Since {
    /// Whether `is_so` has held for longer than that.
    fn longer_than(&mut self, bound: Duration, is_so: bool) -> bool {
        if !is_so {
            self.0 = None;
            return false;
        }
        let since = self.0.get_or_insert_with(Instant::now);
        since.elapsed() > bound
    }
}

/// Keepalives of the server's own that nobody answers, until it gives the client up.
const KEEPALIVES: u32 = 3;

/// Looks until it is dropped. `keepalive`: how often the server sends one. Where only the way to the server is
/// silent, they are heard, and a server that is heard is not given up.
pub(crate) async fn watch(
    snapshots: watch::Receiver<Arc<Snapshot>>,
    ledger: Ledger,
    keepalive: Duration,
) {
    let silence = SILENT + KEEPALIVES * keepalive;
    let (mut told, mut silent, mut many) = (Since::default(), Since::default(), Since::default());
    loop {
        let before = Instant::now();
        sleep(LOOK).await;
        if before.elapsed() > 2 * LOOK {
            // The machine has slept, and nothing that runs on it could find anything meanwhile.
            (told, silent, many) = (Since::default(), Since::default(), Since::default());
        }
        let snapshot = Arc::clone(&snapshots.borrow());
        let Some(tunnel) = snapshot.tunnels.first() else {
            continue;
        };
        let phase = tunnel.phase;
        let shown = matches!(phase, Phase::Healthy | Phase::Degraded);
        let (known, alive) = ledger.standing();
        if told.longer_than(TOLD, shown && known == 0) {
            ledger.wrong(format!(
                "{phase:?} is shown, and the client was told that there is no session"
            ));
        }
        if silent.longer_than(silence, shown && alive == 0) {
            ledger.wrong(format!("{phase:?} is shown, and no session is heard"));
        }
        let calm = ledger.is_calm(Scope::Beside, Instant::now());
        if many.longer_than(OVERLAP, calm && alive > SESSIONS_AT_ONCE) {
            ledger.wrong(format!("{alive} sessions at once"));
        }
        if calm && tunnel.target == Target::Up && ledger.all_well() && phase != Phase::Healthy {
            ledger.wrong(format!(
                "{phase:?} is shown, and everything has been well for long"
            ));
        }
        let memory = system::allocated();
        if memory > MEMORY {
            ledger.wrong(format!("{} MiB are allocated", memory >> 20));
        }
    }
}
