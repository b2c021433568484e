//! The process itself: what it leaves behind when it crashes, and how it is told to end.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// Keeps secrets in memory from reaching a core file or another process of this user.
///
/// Best effort: a system that refuses is no reason not to run.
pub fn harden_process() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::debug!(%error, "core files stay allowed");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::debug!(%error, "the process stays readable by others of this user");
    }
}

/// Every program has the standard streams that it was started with.
pub fn attach_console() {}

/// Waits until someone asks the process to end: Ctrl-C or SIGTERM.
pub async fn terminate_signal() {
    let interrupt = wait(SignalKind::interrupt());
    let terminate = wait(SignalKind::terminate());
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

async fn wait(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(error) => {
            // The signal then keeps its default effect, which ends the process as well.
            tracing::warn!(?kind, %error, "cannot watch for a signal");
            std::future::pending::<()>().await;
        }
    }
}
