//! The end of the connection that an authentication goes over.
//!
//! While russh waits for the answers of a keyboard-interactive round, or for a signature, its task reads
//! nothing: neither the server's good-bye nor the end of the connection reaches it. A person may take
//! minutes for either, so the socket is watched beside it.

use crate::engine::client::{End, Farewell};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

/// How the end of a connection shows: russh reports it, or the socket has it.
pub struct Line<'a> {
    farewell: &'a Farewell,
    hung_up: Shared<BoxFuture<'static, ()>>,
}

impl<'a> Line<'a> {
    /// `hung_up` resolves when the other side has closed or reset the connection.
    #[must_use]
    pub fn new(farewell: &'a Farewell, hung_up: BoxFuture<'static, ()>) -> Self {
        let hung_up = hung_up.shared();
        Self { farewell, hung_up }
    }

    /// Waits for a person's `work`; `None` when the connection ends before that.
    pub(super) async fn unless_ended<F: Future>(&self, work: F) -> Option<F::Output> {
        tokio::select! {
            // What is done when the connection is gone is done too late.
            biased;
            () = self.farewell.ended() => None,
            () = self.hung_up.clone() => None,
            done = work => Some(done),
        }
    }

    /// Resolves when russh has reported the end; from then on [`Line::end`] tells how it came.
    pub(super) async fn reported(&self) {
        self.farewell.ended().await;
    }

    /// How the session ended, once russh has reported it.
    pub(super) fn end(&self) -> Option<End> {
        self.farewell.end()
    }
}
