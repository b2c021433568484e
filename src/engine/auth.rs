//! Proves to the server who we are, in the configured order, without ever repeating what failed.

use super::ask::Asker;
use super::client::{Client, Farewell};
use crate::model::{AuthMethod, Fault, TunnelSettings};
use crate::secrets::Vault;
use crate::supervisor::Grant;
use russh::client::Handle;

/// Authenticates the session behind `handle`. Returns what opened the door; `None` when the server
/// let us in without any proof.
///
/// On an error the session is of no use any more: the caller hangs up.
///
/// # Errors
/// Why the server did not let us in, as a [`Fault`] that says how to go on.
pub async fn authenticate(
    _handle: &mut Handle<Client>,
    _farewell: &Farewell,
    _settings: &TunnelSettings,
    _grant: Option<&Grant>,
    _vault: &Vault,
    _asker: &mut Asker,
) -> Result<Option<AuthMethod>, Fault> {
    Err(Fault::Internal {
        detail: "authentication is not there yet".into(),
    })
}
