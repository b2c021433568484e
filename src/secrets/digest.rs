//! Recognises a secret without keeping it.

use crate::model::Secret;
use std::hash::{BuildHasher, RandomState};

/// Makes digests, by a random key of its own. It never leaves memory, and neither do they.
#[derive(Default)]
pub(super) struct Digester(RandomState);

/// Two digests of one digester are equal where the secrets are; else by a chance of one in 2⁶⁴.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Digester {
    pub(super) fn digest(&self, secret: &Secret) -> Digest {
        Digest(self.0.hash_one(secret.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_told_from_another_and_by_its_own_digester_alone() {
        let digesters = [Digester::default(), Digester::default()];
        let of = |digester: &Digester, text: &str| digester.digest(&Secret::new(text.into()));
        let [own, other] = &digesters;
        assert_eq!(of(own, "a"), of(own, "a"));
        assert_ne!(of(own, "a"), of(own, "b"));
        assert_ne!(of(own, "a"), of(other, "a"));
    }
}
