//! A store, and what it answered last.
//!
//! A keyring may be locked when it matters what it holds. Then its last answer is all there is.

use super::digest::{Digest, Digester};
use super::{SecretError, SecretKey, SecretStore};
use crate::model::Secret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store whose answers are remembered. Every call but [`ObservedStore::may_hold`] and
/// [`ObservedStore::will_change`] blocks for as long as the store takes.
pub(super) struct ObservedStore {
    store: Arc<dyn SecretStore>,
    digester: Digester,
    /// What the store holds for a key. A key is missing while that is not known.
    entries: Mutex<HashMap<SecretKey, Option<Digest>>>,
}

impl ObservedStore {
    /// Of this store, nothing is known yet.
    pub(super) fn new(store: Arc<dyn SecretStore>) -> Self {
        Self {
            store,
            digester: Digester::default(),
            entries: Mutex::default(),
        }
    }

    /// Whether the store has never answered that it does not hold this secret for `key`.
    pub(super) fn may_hold(&self, key: &SecretKey, secret: &Secret) -> bool {
        match self.entries().get(key) {
            Some(entry) => *entry == Some(self.digester.digest(secret)),
            None => true,
        }
    }

    /// The entry is about to change: until the store answers, it is not known.
    pub(super) fn will_change(&self, key: &SecretKey) {
        self.entries().remove(key);
    }

    pub(super) fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
        let found = self.store.get(key)?;
        self.note(key, found.as_ref());
        Ok(found)
    }

    pub(super) fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError> {
        self.store.set(key, secret)?;
        self.note(key, Some(secret));
        Ok(())
    }

    pub(super) fn delete(&self, key: &SecretKey) -> Result<(), SecretError> {
        self.store.delete(key)?;
        self.note(key, None);
        Ok(())
    }

    /// Deletes the secret for `key` if it is `secret`; another one stays. Returns what is left.
    pub(super) fn delete_if(
        &self,
        key: &SecretKey,
        secret: &Secret,
    ) -> Result<Option<Secret>, SecretError> {
        let found = self.get(key)?;
        if found.as_ref() != Some(secret) {
            return Ok(found);
        }
        self.delete(key)?;
        Ok(None)
    }

    fn note(&self, key: &SecretKey, secret: Option<&Secret>) {
        let entry = secret.map(|secret| self.digester.digest(secret));
        self.entries().insert(key.clone(), entry);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<SecretKey, Option<Digest>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
