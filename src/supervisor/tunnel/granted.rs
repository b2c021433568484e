//! The user's answer, kept until a server or a key file has judged it.
//!
//! A dial may fail before that: a busy server, no route, a lost connection. The next dial then carries
//! the same answer, and nobody is asked twice for what was right. A password is dropped as soon as it
//! was judged, so that no retry ever sends a refused one again. A wrong passphrase costs nothing at the
//! server: it goes with the end of its dial.

use crate::model::{Fault, PresentedKey};
use crate::supervisor::Grant;
use std::time::{Duration, Instant};

/// How long an answer is kept that no dial could use. Then it is wiped, and asked for again.
const KEPT: Duration = Duration::from_secs(600);

/// The answer that each dial carries, if there is one.
#[derive(Debug, Default)]
pub(super) struct Granted(Option<Kept>);

#[derive(Debug)]
struct Kept {
    grant: Grant,
    until: Instant,
}

impl Granted {
    /// The user answered: this replaces what was answered before.
    pub(super) fn give(&mut self, grant: Grant, now: Instant) {
        let until = now + KEPT;
        self.0 = Some(Kept { grant, until });
    }

    /// What the next dial carries.
    pub(super) fn for_dial(&self) -> Option<Grant> {
        self.0.as_ref().map(|kept| kept.grant.clone())
    }

    /// Wipes the answer.
    pub(super) fn drop_all(&mut self) {
        self.0 = None;
    }

    /// Wipes a password: it was judged, or there is a newer one.
    pub(super) fn drop_password(&mut self) {
        self.drop_if(|grant| matches!(grant, Grant::Password { .. }));
    }

    /// The accepted host key is recorded: no dial records it once more.
    pub(super) fn recorded(&mut self) {
        self.drop_if(|grant| matches!(grant, Grant::HostKey(_)));
    }

    /// Wipes an accepted host key of this server: it is being forgotten.
    pub(super) fn drop_host_key(&mut self, host: &str, port: u16) {
        let is_theirs =
            |key: &PresentedKey| key.port == port && key.host.eq_ignore_ascii_case(host);
        self.drop_if(|grant| matches!(grant, Grant::HostKey(key) if is_theirs(key)));
    }

    /// The tunnel is blocked by `fault`. Only a question of the server that lapsed leaves the answer
    /// unjudged: whatever else needs the user, the answer was used or does not fit any more.
    pub(super) fn blocked(&mut self, fault: &Fault) {
        if !fault.is_lapsed_question() {
            self.drop_all();
        }
    }

    /// When the answer is to be wiped.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.as_ref().map(|kept| kept.until)
    }

    /// Wipes an answer that is too old.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.due().is_some_and(|until| until <= now) {
            self.drop_all();
        }
    }

    fn drop_if(&mut self, what: impl FnOnce(&Grant) -> bool) {
        if self.0.as_ref().is_some_and(|kept| what(&kept.grant)) {
            self.drop_all();
        }
    }
}
