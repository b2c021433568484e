//! The keyring on Linux: the desktop's Secret Service, by D-Bus.

use crate::platform::KeyringName;
use keyring_core::api::CredentialStoreApi;
use keyring_core::{CredentialStore, Entry, Result};
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use zbus_secret_service_keyring_store::Store;

/// What it is called.
pub const KEYRING: KeyringName = KeyringName::SecretService;

/// Opens the Secret Service. Blocks; fails without a session bus, or when nobody serves it there.
///
/// # Errors
/// Why there is no Secret Service.
pub fn keyring_store() -> Result<Arc<CredentialStore>> {
    Ok(Arc::new(Labelled(Store::new()?)))
}

/// The Secret Service with a label that a person understands in the desktop's list of secrets.
struct Labelled(Arc<Store>);

impl CredentialStoreApi for Labelled {
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
        let label = format!("{service}: {user}");
        let mut modifiers = modifiers.cloned().unwrap_or_default();
        modifiers.entry("label").or_insert(&label);
        self.0.build(service, user, Some(&modifiers))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
