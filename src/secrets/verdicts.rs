//! What servers made of the passwords of this run, account by account.
//!
//! Several sessions may show one account the same password. A server that locks accounts counts all of
//! them, so they share what is known: which passwords were refused, and of which the verdict was lost.

use super::SecretKey;
use super::digest::{Digest, Digester};
use crate::model::Secret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// How often a password may be sent without a verdict.
const SENT_IN_VAIN: usize = 2;

/// Whether a password may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaySend {
    /// Nothing speaks against it.
    Yes,
    /// The server has refused it.
    Refused,
    /// It was sent twice, and no verdict came: the server may cut the line instead of saying no.
    NoVerdictTwice,
}

/// The right to send an account's password. It is to be held until the verdict on it is noted.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "it is held, and not read")] OwnedMutexGuard<()>);

/// What is known of all accounts.
#[derive(Default)]
pub(super) struct Verdicts {
    digester: Digester,
    accounts: Mutex<HashMap<SecretKey, Account>>,
}

#[derive(Default)]
struct Account {
    refused: Vec<Digest>,
    /// Once for each time that the verdict was lost.
    doubted: Vec<Digest>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Account {
    fn doubts(&self, secret: Digest) -> usize {
        let same = self.doubted.iter().filter(|doubted| **doubted == secret);
        same.count()
    }
}

impl Verdicts {
    /// Waits until nobody else holds the account's turn.
    pub(super) async fn turn(&self, key: &SecretKey) -> Turn {
        let turn = self.with(key, |account| Arc::clone(&account.turn));
        Turn(turn.lock_owned().await)
    }

    pub(super) fn may_send(&self, key: &SecretKey, secret: &Secret) -> MaySend {
        let secret = self.digester.digest(secret);
        self.with(key, |account| {
            if account.refused.contains(&secret) {
                MaySend::Refused
            } else if account.doubts(secret) >= SENT_IN_VAIN {
                MaySend::NoVerdictTwice
            } else {
                MaySend::Yes
            }
        })
    }

    /// The server refused it.
    pub(super) fn refuse(&self, key: &SecretKey, secret: &Secret) {
        let secret = self.digester.digest(secret);
        self.with(key, |account| {
            account.doubted.retain(|doubted| *doubted != secret);
            if !account.refused.contains(&secret) {
                account.refused.push(secret);
            }
        });
    }

    /// The verdict on it was lost. Returns whether it must not be sent again.
    pub(super) fn doubt(&self, key: &SecretKey, secret: &Secret) -> bool {
        let secret = self.digester.digest(secret);
        self.with(key, |account| {
            account.doubted.push(secret);
            account.doubts(secret) >= SENT_IN_VAIN
        })
    }

    /// It has worked, or the user has typed it anew: what spoke against it is over.
    pub(super) fn pardon(&self, key: &SecretKey, secret: &Secret) {
        let secret = self.digester.digest(secret);
        self.with(key, |account| {
            account.refused.retain(|refused| *refused != secret);
            account.doubted.retain(|doubted| *doubted != secret);
        });
    }

    /// The user wants another try: lost verdicts do not count any more.
    pub(super) fn drop_doubts(&self, key: &SecretKey) {
        self.with(key, |account| account.doubted.clear());
    }

    fn with<T>(&self, key: &SecretKey, act: impl FnOnce(&mut Account) -> T) -> T {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        act(accounts.entry(key.clone()).or_default())
    }
}
