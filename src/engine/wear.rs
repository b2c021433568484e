//! What a session piles up until it ends, so that another one takes over from it in time.
//!
//! - russh 0.65 keeps the reply to each refused channel open in a queue that is read during the log-in
//!   only (about 550 bytes each), and a part of each channel that we close before the server does.
//! - A key is good for so many bytes: see `KEY_MOST`. Rekeys are left to the server; this is for a server
//!   that never starts one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Notify;

/// A refused channel open, in bytes of memory, rounded up: measured over 60,000 of them.
const REFUSED: u64 = 550;

/// A channel that we closed first, in bytes of memory: an estimate, by the first block of its queue of messages.
const CLOSED_FIRST: u64 = 4_000;

/// So much memory makes a session worn, and each time as much again.
const MEMORY_STEP: u64 = 1 << 20;

/// So many bytes on one key make a session worn, and each time as much again: a quarter of
/// `KEY_MOST`.
const KEY_STEP: u64 = KEY_MOST / 4;

/// The same for Paramiko as a server (5.0 and before), which begins new keys after 512 MiB in either direction,
/// and meanwhile goes on to answer channel opens and requests, against RFC 4253 section 7.1: russh ends the
/// session then. By that time only connections that have their channel are left on it.
const KEY_WORN_PARAMIKO: u64 = 256 << 20;

/// From here on it is urgent: a session that leaves has to make room for another one. What is left until the
/// new keys takes more than a second at 100 MiB a second.
const KEY_NEAR_PARAMIKO: u64 = 384 << 20;
const KEY_STEP_PARAMIKO: u64 = KEY_NEAR_PARAMIKO - KEY_WORN_PARAMIKO;

/// The most bytes that one key may encrypt. AES works on blocks of 16 bytes, and RFC 4344 section 3.2
/// advises new keys after 2³² blocks: 64 GiB. No packet is shorter than 36 bytes on the wire, so that
/// these are fewer than 2³¹ packets, RFC 4344 section 3.1, and no sequence number comes twice.
pub(super) const KEY_MOST: u64 = 64 << 30;

/// The wear of one session. Counted by whoever causes it.
#[derive(Debug)]
pub struct Wear {
    memory: AtomicU64,
    key: AtomicU64,
    is_paramiko: AtomicBool,
    step: Notify,
}

impl Default for Wear {
    fn default() -> Self {
        Self {
            memory: AtomicU64::new(0),
            key: AtomicU64::new(0),
            is_paramiko: AtomicBool::new(false),
            step: Notify::new(),
        }
    }
}

impl Wear {
    /// The server says that it is this program, in its identification.
    pub(super) fn identified(&self, opening: &str) {
        let is_paramiko = opening
            .lines()
            .any(|line| line.starts_with("SSH-2.0-paramiko"));
        if is_paramiko {
            self.is_paramiko.store(true, Ordering::Relaxed);
        }
    }

    /// The server refused a channel open.
    pub(super) fn channel_refused(&self) {
        self.add(&self.memory, REFUSED, MEMORY_STEP, MEMORY_STEP);
    }

    /// We closed a channel before the server did.
    pub(super) fn channel_closed_first(&self) {
        self.add(&self.memory, CLOSED_FIRST, MEMORY_STEP, MEMORY_STEP);
    }

    /// So many bytes came or went by the present keys.
    pub(super) fn encrypted(&self, bytes: usize) {
        let (worn, step) = if self.is_paramiko.load(Ordering::Relaxed) {
            (KEY_WORN_PARAMIKO, KEY_STEP_PARAMIKO)
        } else {
            (KEY_STEP, KEY_STEP)
        };
        self.add(&self.key, bytes as u64, worn, step);
    }

    /// There are new keys.
    pub(super) fn rekeyed(&self) {
        self.key.store(0, Ordering::Relaxed);
    }

    /// Whether the server begins new keys soon, and the session may not survive that.
    pub(super) fn is_rekey_near(&self) -> bool {
        self.is_paramiko.load(Ordering::Relaxed)
            && self.key.load(Ordering::Relaxed) >= KEY_NEAR_PARAMIKO
    }

    /// Memory that will not be given back before the session ends, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// Resolves when the session has worn by one more step.
    pub(super) async fn worn(&self) {
        self.step.notified().await;
    }

    /// Adds to `what`, and notes each `step`, from the first one on that makes the session `worn`.
    fn add(&self, what: &AtomicU64, amount: u64, worn: u64, step: u64) {
        let before = what.fetch_add(amount, Ordering::Relaxed);
        let after = before + amount;
        if after >= worn && before / step != after / step {
            self.step.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn is_worn(wear: &Wear) -> bool {
        wear.worn().now_or_never().is_some()
    }

    #[test]
    fn each_mebibyte_of_refusals_is_a_step() {
        let wear = Wear::default();
        let step = MEMORY_STEP.div_ceil(REFUSED);
        for _ in 1..step {
            wear.channel_refused();
        }
        assert!(!is_worn(&wear));
        wear.channel_refused();
        assert!(is_worn(&wear) && !is_worn(&wear));
        for _ in 0..step {
            wear.channel_refused();
        }
        assert!(is_worn(&wear));
    }

    #[test]
    fn a_session_with_paramiko_is_worn_before_the_server_rekeys() {
        let wear = Wear::default();
        wear.identified("SSH-2.0-paramiko_5.0.0\r\n");
        wear.encrypted(KEY_WORN_PARAMIKO as usize - 1);
        assert!(!is_worn(&wear));
        wear.encrypted(1);
        assert!(is_worn(&wear) && !wear.is_rekey_near());
        wear.encrypted(KEY_STEP_PARAMIKO as usize);
        assert!(is_worn(&wear) && wear.is_rekey_near());
        wear.rekeyed();
        assert!(!wear.is_rekey_near());
        let wear = Wear::default();
        wear.identified("SSH-2.0-OpenSSH_10.0\r\n");
        wear.encrypted(KEY_STEP as usize - 1);
        assert!(!is_worn(&wear) && !wear.is_rekey_near());
    }

    #[test]
    fn new_keys_begin_anew() {
        let wear = Wear::default();
        for _ in 0..100 {
            wear.encrypted(KEY_STEP as usize - 1);
            assert!(!is_worn(&wear));
            wear.rekeyed();
        }
        wear.encrypted(KEY_STEP as usize);
        assert!(is_worn(&wear));
    }
}
