//! Bytes that show by themselves where in which stream they belong.

/// A stream is blocks of this size: their number, and what the seed says.
const BLOCK: usize = 1 << 10;

/// An endless stream, the same for each seed.
pub(crate) struct Pattern {
    block: Vec<u8>,
    number: u64,
    used: usize,
}

impl Pattern {
    pub(crate) fn new(seed: u64) -> Self {
        let mut block = vec![0; BLOCK];
        fastrand::Rng::with_seed(seed).fill(&mut block);
        Self {
            block,
            number: 0,
            used: BLOCK,
        }
    }

    /// The next bytes, at most `most` of them.
    fn next(&mut self, most: usize) -> &[u8] {
        if self.used == BLOCK {
            self.block[..8].copy_from_slice(&self.number.to_le_bytes());
            self.number += 1;
            self.used = 0;
        }
        let count = most.min(BLOCK - self.used);
        let next = &self.block[self.used..self.used + count];
        self.used += count;
        next
    }

    /// The next bytes, as many as that.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            bytes.extend_from_slice(self.next(count - bytes.len()));
        }
        bytes
    }

    /// Whether the stream goes on with these.
    pub(crate) fn goes_on_with(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let expected = self.next(bytes.len());
            let (head, rest) = bytes.split_at(expected.len());
            if head != expected {
                return false;
            }
            bytes = rest;
        }
        true
    }
}
