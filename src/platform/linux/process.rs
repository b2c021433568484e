//! The process itself: what it leaves behind when it crashes, and how it is told to end.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use std::ffi::OsString;
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

/// Descriptors that are asked for: two forwards at their most, each connection with a spool file.
const DESCRIPTORS: u64 = 4096;

/// Lets the process hold the connections that its forwards allow, as far as the system does: the
/// usual limit of 1024 descriptors is for programs that use `select`.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit
        .maximum
        .map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let raised = Rlimit {
        current: Some(wanted),
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of descriptors stays");
    }
}

/// Every program has the standard streams that it was started with.
pub fn attach_console() {}

/// A program lives on without its terminal when it is started so.
pub fn leave_console() {}

/// No desktop asks for that: an installer leaves running programs alone.
pub fn register_program(_arguments: &[OsString]) {}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_descriptors_for_what_forwards_allow() {
        let before = getrlimit(Resource::Nofile);
        raise_descriptor_limit();
        let after = getrlimit(Resource::Nofile);
        assert_eq!(after.maximum, before.maximum);
        let wanted = after.maximum.unwrap_or(u64::MAX).min(DESCRIPTORS);
        assert!(after.current.unwrap_or(u64::MAX) >= wanted);
    }
}
