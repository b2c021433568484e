//! Tells when an SSH agent takes in a key that it did not hold before, while a tunnel waits for one.
//!
//! No agent tells it by itself, so they are asked now and then, and only as long as it matters.

use super::auth::agent::held_keys;
use crate::model::{Input, Snapshot, TunnelView};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How often to ask.
const PAUSE: Duration = Duration::from_secs(5);

/// Watches until the engine ends.
pub(super) async fn watch(snapshots: watch::Receiver<Arc<Snapshot>>, inputs: mpsc::Sender<Input>) {
    watch_with(snapshots, inputs, held_keys).await;
}

async fn watch_with<Held: Future<Output = BTreeSet<String>>>(
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    inputs: mpsc::Sender<Input>,
    held: impl Fn() -> Held,
) {
    let matters = |snapshot: &Arc<Snapshot>| snapshot.tunnels.iter().any(TunnelView::awaits_a_key);
    while snapshots.wait_for(matters).await.is_ok() {
        let mut known = held().await;
        loop {
            tokio::time::sleep(PAUSE).await;
            if !matters(&snapshots.borrow()) {
                break;
            }
            let now = held().await;
            // A key that went, or an agent that does not answer, is no reason to try again; nor is one
            // that comes back.
            if !now.is_subset(&known) {
                known.extend(now);
                if inputs.send(Input::AgentsChanged).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AuthMethod, Fault, Phase, Target, TunnelSettings, samples};
    use std::cell::RefCell;
    use std::time::Instant;

    fn snapshot(phase: Phase) -> Arc<Snapshot> {
        let settings = TunnelSettings {
            auth: vec![AuthMethod::Agent],
            ..samples::lab("SHA256:abc")
        };
        let fault = Fault::NoCredential {
            user: "maintenance".into(),
            server: settings.server(),
            offered: vec![],
            detail: String::new(),
        };
        Arc::new(Snapshot {
            tunnels: vec![TunnelView {
                settings: Arc::new(settings),
                target: Target::Up,
                phase,
                since: Instant::now(),
                stage: None,
                attempt: None,
                server: None,
                round_trip: None,
                fault: Some(fault),
                next_dial: None,
                question: None,
                forwards: vec![],
            }],
            settings_errors: Arc::new([]),
            quitting: false,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn agents_are_asked_only_while_it_matters_and_a_change_is_told_once() {
        let (shown, snapshots) = watch::channel(snapshot(Phase::Healthy));
        let (inputs, mut told) = mpsc::channel(8);
        let keys = RefCell::new(BTreeSet::new());
        let asked = RefCell::new(0);
        let held = || {
            *asked.borrow_mut() += 1;
            std::future::ready(keys.borrow().clone())
        };
        let story = async {
            tokio::time::sleep(PAUSE * 10).await;
            assert_eq!(*asked.borrow(), 0);
            shown.send_replace(snapshot(Phase::Blocked));
            tokio::time::sleep(PAUSE * 3).await;
            assert!(told.try_recv().is_err());
            keys.borrow_mut().insert("SHA256:x".to_owned());
            assert_eq!(told.recv().await, Some(Input::AgentsChanged));
            tokio::time::sleep(PAUSE * 3).await;
            assert!(told.try_recv().is_err());
            shown.send_replace(snapshot(Phase::Healthy));
            tokio::time::sleep(PAUSE).await;
            let before = *asked.borrow();
            tokio::time::sleep(PAUSE * 10).await;
            assert_eq!(*asked.borrow(), before);
        };
        tokio::select! {
            () = watch_with(snapshots, inputs, held) => unreachable!("the queue is open"),
            () = story => {}
        }
    }
}
