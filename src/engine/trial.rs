//! Whether a server still answers while it connects to a target.

use super::link::{DOUBT, Link};
use super::session::PROOF_DEADLINE;
use crate::model::RemoteTarget;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::time::timeout;

/// Opens a channel to `target`, and pings the server if the open stays unanswered. Returns within 3.5 s, the
/// bounds of a live session: a target that passes here does not make a live session fall silent.
///
/// Nothing else may use the session meanwhile. Whether the target works does not matter.
pub(super) async fn answers_while_connecting(link: &Link, target: &RemoteTarget) -> bool {
    // RFC 4254 section 7.2 wants an originator; this connection has none.
    let originator = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let opening = link.open(target, originator);
    tokio::pin!(opening);
    if timeout(DOUBT, &mut opening).await.is_ok() {
        return true;
    }
    timeout(PROOF_DEADLINE, link.round_trip()).await.is_ok()
}
