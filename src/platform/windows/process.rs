//! The process itself: how it is told to end.

use tokio::signal::windows;

/// Keeps foreign code out of the process.
pub fn harden_process() {}

/// Waits until someone asks the process to end: Ctrl-C, the console closes, or the system does.
pub async fn terminate_signal() {
    let (Ok(mut interrupt), Ok(mut close), Ok(mut shutdown)) = (
        windows::ctrl_c(),
        windows::ctrl_close(),
        windows::ctrl_shutdown(),
    ) else {
        tracing::warn!("cannot watch for console events");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = close.recv() => {}
        _ = shutdown.recv() => {}
    }
}
