//! The keyring on Windows: Credential Manager.

use crate::platform::KeyringName;
use keyring_core::api::CredentialStoreApi;
use keyring_core::{CredentialStore, Entry, Result};
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use windows_native_keyring_store::Store;

/// What it is called.
pub const KEYRING: KeyringName = KeyringName::CredentialManager;

/// Opens Credential Manager.
///
/// # Errors
/// It cannot be opened.
pub fn keyring_store() -> Result<Arc<CredentialStore>> {
    Ok(Arc::new(ThisMachine(Store::new()?)))
}

/// Credential Manager, with entries that stay on this machine: the store's default is "enterprise",
/// which travels with a roaming profile. One target for each secret, `Passerelle:user@host:port`.
struct ThisMachine(Arc<Store>);

impl CredentialStoreApi for ThisMachine {
    fn vendor(&self) -> String {
        self.0.vendor()
    }

    fn id(&self) -> String {
        self.0.id()
    }

    fn build(
        &self,
        service: &str,
        user: &str,
        modifiers: Option<&HashMap<&str, &str>>,
    ) -> Result<Entry> {
        let target = format!("{service}:{user}");
        let mut modifiers = modifiers.cloned().unwrap_or_default();
        modifiers.entry("target").or_insert(&target);
        modifiers.insert("persistence", "Local");
        self.0.build(service, user, Some(&modifiers))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
