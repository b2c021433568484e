//! The order of waiting bytes, as a value: it says what to write and read, and touches no file.
//!
//! ```text
//! read ◄ head (memory) ◄ segments (disk) ◄ write under way ◄ tail (memory) ◄ push
//! ```
//! As long as nothing is on disk, what is pushed goes to the head, and then to the tail. Once the
//! tail is worth a write, it goes to the disk; once the head runs low, it is refilled from there.

use super::file::Outcome;
use super::{Spool, SpoolError};
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

/// What a message costs in memory beside its bytes: its place in the queue and its allocation.
const MESSAGE_COST: usize = 96;

/// What is read back at once when the memory of all connections is used up: enough to go on.
const LEAN_READ: usize = 64 << 10;

/// One thing to do with the file. There is never more than one under way.
#[derive(Debug)]
pub(super) enum Job {
    /// Write the pieces one after the other, the first at `offset`.
    Write { offset: u64, data: Vec<Bytes> },
    /// Read `len` bytes at `offset`.
    Read { offset: u64, len: usize },
    /// Drop the file: nothing in it is of use any more.
    Discard,
}

/// The waiting bytes of one connection.
#[derive(Debug)]
pub(super) struct Queue {
    spool: Arc<Spool>,
    head: Chain,
    segments: VecDeque<Segment>,
    /// What the job that was given out and is not completed costs in memory.
    under_way: Option<usize>,
    tail: Chain,
    /// Segments of the file that hold nothing, and how many it has altogether.
    free: Vec<u32>,
    allotted: u32,
}

/// A stretch of the file, and which part of it is still to be read.
#[derive(Debug)]
struct Segment {
    place: u32,
    start: usize,
    end: usize,
}

impl Queue {
    pub(super) fn new(spool: Arc<Spool>) -> Self {
        Self {
            spool,
            head: Chain::default(),
            segments: VecDeque::new(),
            under_way: None,
            tail: Chain::default(),
            free: Vec::new(),
            allotted: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.segments.is_empty() && self.tail.is_empty()
    }

    pub(super) fn is_readable(&self) -> bool {
        !self.head.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        let may_hold_more = self.tail.is_empty() || !self.spool.memory.is_exhausted();
        may_hold_more && self.tail.cost + self.under_way.unwrap_or(0) < self.spool.limits.tail
    }

    /// Bytes on disk.
    pub(super) fn on_disk(&self) -> usize {
        self.segments.len() * self.spool.limits.segment
    }

    pub(super) fn push(&mut self, mut data: Bytes) {
        while data.len() > self.spool.limits.segment {
            let piece = data.split_to(self.spool.limits.segment);
            self.push_piece(piece);
        }
        if !data.is_empty() {
            self.push_piece(data);
        }
    }

    fn push_piece(&mut self, data: Bytes) {
        let cost = data.len() + MESSAGE_COST;
        self.spool.memory.take(cost as u64);
        self.tail.push(Chunk { bytes: data, cost });
        self.move_tail_up();
    }

    pub(super) fn peek<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut shown = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.head.chunks) {
            *slice = IoSlice::new(&chunk.bytes);
            shown += 1;
        }
        shown
    }

    pub(super) fn advance(&mut self, count: usize) {
        let freed = self.head.advance(count);
        self.spool.memory.give_back(freed as u64);
        self.move_tail_up();
    }

    /// What to do with the file now.
    ///
    /// # Errors
    /// There is something to write, and no room for it.
    pub(super) fn next_job(&mut self) -> Result<Option<Job>, SpoolError> {
        if self.under_way.is_some() {
            return Ok(None);
        }
        if self.head.cost < self.spool.limits.segment / 2
            && let Some(job) = self.read_job()
        {
            return Ok(Some(job));
        }
        let worth_a_write =
            self.tail.cost >= self.spool.limits.segment.min(self.spool.limits.tail / 2);
        if worth_a_write || (self.spool.memory.is_exhausted() && !self.tail.is_empty()) {
            return self.write_job().map(Some);
        }
        if self.segments.is_empty() && self.allotted > 0 {
            self.under_way = Some(0);
            return Ok(Some(Job::Discard));
        }
        Ok(None)
    }

    /// The job that was given out last is done.
    pub(super) fn complete(&mut self, outcome: Outcome) {
        let cost = self.under_way.take().unwrap_or(0);
        match outcome {
            Outcome::Written(bytes) => {
                self.spool.memory.give_back(cost as u64);
                if let Some(segment) = self.segments.back_mut() {
                    segment.end += bytes;
                }
            }
            Outcome::Read(bytes) => {
                if let Some(segment) = self.segments.front_mut() {
                    segment.start += bytes.len();
                    if segment.start == segment.end {
                        self.free.push(segment.place);
                        self.segments.pop_front();
                    }
                }
                self.head.push(Chunk { bytes, cost });
            }
            Outcome::Discarded => self.release_disk(),
        }
        self.move_tail_up();
    }

    fn read_job(&mut self) -> Option<Job> {
        let segment = self.segments.front()?;
        let left = segment.end - segment.start;
        let memory = &self.spool.memory;
        let len = if memory.try_take((left + MESSAGE_COST) as u64) {
            left
        } else if self.head.is_empty() {
            let lean = left.min(LEAN_READ);
            memory.take((lean + MESSAGE_COST) as u64);
            lean
        } else {
            return None;
        };
        self.under_way = Some(len + MESSAGE_COST);
        Some(Job::Read {
            offset: self.offset(segment.place) + segment.start as u64,
            len,
        })
    }

    fn write_job(&mut self) -> Result<Job, SpoolError> {
        let size = self.spool.limits.segment;
        let first = self
            .tail
            .chunks
            .front()
            .map_or(0, |chunk| chunk.bytes.len());
        if self
            .segments
            .back()
            .is_none_or(|last| last.end + first > size)
        {
            let place = self.allot()?;
            self.segments.push_back(Segment {
                place,
                start: 0,
                end: 0,
            });
        }
        let (place, end) = self
            .segments
            .back()
            .map_or((0, 0), |last| (last.place, last.end));
        let (data, cost) = self.tail.take_up_to(size - end);
        self.under_way = Some(cost);
        Ok(Job::Write {
            offset: self.offset(place) + end as u64,
            data,
        })
    }

    /// A segment to write to: a free one, or one more at the end of the file.
    fn allot(&mut self) -> Result<u32, SpoolError> {
        if let Some(place) = self.free.pop() {
            return Ok(place);
        }
        let size = self.spool.limits.segment as u64;
        let within_share =
            (u64::from(self.allotted) + 1) * size <= self.spool.limits.connection_disk;
        if !within_share || !self.spool.disk.try_take(size) {
            return Err(SpoolError::QuotaExceeded);
        }
        self.allotted += 1;
        Ok(self.allotted - 1)
    }

    fn release_disk(&mut self) {
        let size = self.spool.limits.segment as u64;
        self.spool.disk.give_back(u64::from(self.allotted) * size);
        self.allotted = 0;
        self.free.clear();
    }

    fn offset(&self, place: u32) -> u64 {
        u64::from(place) * self.spool.limits.segment as u64
    }

    /// With nothing on disk or on its way there, the tail follows the head directly.
    fn move_tail_up(&mut self) {
        while self.segments.is_empty()
            && let Some(next) = self.tail.chunks.front()
        {
            let fits = self.head.cost + next.cost <= self.spool.limits.head
                && !self.spool.memory.is_exhausted();
            if !fits && !self.head.is_empty() {
                break;
            }
            if let Some(chunk) = self.tail.pop() {
                self.head.push(chunk);
            }
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let held = self.head.cost + self.under_way.unwrap_or(0) + self.tail.cost;
        self.spool.memory.give_back(held as u64);
        self.release_disk();
    }
}

/// Messages in memory, in order.
#[derive(Debug, Default)]
struct Chain {
    chunks: VecDeque<Chunk>,
    cost: usize,
}

/// A message, or what is left of it. It keeps its whole allocation until its last byte is read, so
/// its cost does not shrink.
#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    cost: usize,
}

impl Chain {
    fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    fn push(&mut self, chunk: Chunk) {
        self.cost += chunk.cost;
        self.chunks.push_back(chunk);
    }

    fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front()?;
        self.cost -= chunk.cost;
        Some(chunk)
    }

    /// Takes bytes off the front; returns the cost of the messages that are finished with.
    fn advance(&mut self, mut count: usize) -> usize {
        let before = self.cost;
        while let Some(chunk) = self.chunks.front_mut() {
            if count < chunk.bytes.len() {
                chunk.bytes.advance(count);
                break;
            }
            count -= chunk.bytes.len();
            self.pop();
        }
        before - self.cost
    }

    /// Takes whole messages off the front, no more than `room` bytes of them; tells their cost.
    fn take_up_to(&mut self, mut room: usize) -> (Vec<Bytes>, usize) {
        let (mut data, before) = (Vec::new(), self.cost);
        while let Some(chunk) = self.chunks.front()
            && chunk.bytes.len() <= room
        {
            room -= chunk.bytes.len();
            data.extend(self.pop().map(|chunk| chunk.bytes));
        }
        (data, before - self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;
    use proptest::prelude::*;

    const SMALL: Limits = Limits {
        head: 3_000,
        tail: 2_000,
        memory: 6_000,
        segment: 700,
        connection_disk: 7_000,
        disk: 9_000,
    };

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Read(usize),
        StartJob,
        FinishJob,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_usize..2_000).prop_map(Step::Push),
            3 => (1_usize..2_500).prop_map(Step::Read),
            4 => Just(Step::StartJob),
            4 => Just(Step::FinishJob),
        ]
    }

    /// A file that is a value.
    #[derive(Debug, Default)]
    struct Disk(Vec<u8>);

    impl Disk {
        fn perform(&mut self, job: Job) -> Outcome {
            match job {
                Job::Write { offset, data } => {
                    let (at, data) = (offset as usize, data.concat());
                    self.0.resize(self.0.len().max(at + data.len()), 0);
                    self.0[at..at + data.len()].copy_from_slice(&data);
                    Outcome::Written(data.len())
                }
                Job::Read { offset, len } => {
                    let at = offset as usize;
                    Outcome::Read(Bytes::copy_from_slice(&self.0[at..at + len]))
                }
                Job::Discard => {
                    self.0.clear();
                    Outcome::Discarded
                }
            }
        }
    }

    /// A queue, its file, and the plain queue that it must equal.
    struct Trial {
        queue: Queue,
        disk: Disk,
        job: Option<Job>,
        model: VecDeque<u8>,
        next: u8,
    }

    impl Trial {
        fn new(spool: &Arc<Spool>) -> Self {
            Self {
                queue: Queue::new(Arc::clone(spool)),
                disk: Disk::default(),
                job: None,
                model: VecDeque::new(),
                next: 0,
            }
        }

        fn take(&mut self, step: &Step) -> Result<(), SpoolError> {
            match *step {
                Step::Push(len) if self.queue.has_room() => {
                    let data: Bytes = (0..len)
                        .map(|_| {
                            self.next = self.next.wrapping_add(1);
                            self.next
                        })
                        .collect();
                    self.model.extend(&data);
                    self.queue.push(data);
                }
                Step::Push(_) => {}
                Step::Read(most) => {
                    self.read(most);
                }
                Step::StartJob => {
                    if let Some(job) = self.queue.next_job()? {
                        assert!(self.job.is_none(), "two jobs at once");
                        self.job = Some(job);
                    }
                    assert!(self.queue.has_room() || self.job.is_some(), "stands still");
                }
                Step::FinishJob => {
                    if let Some(job) = self.job.take() {
                        let outcome = self.disk.perform(job);
                        self.queue.complete(outcome);
                    }
                }
            }
            Ok(())
        }

        fn read(&mut self, most: usize) {
            let mut slices = [IoSlice::new(&[]); 3];
            let shown = self.queue.peek(&mut slices);
            let mut bytes: Vec<u8> = slices[..shown].iter().flat_map(|s| s.to_vec()).collect();
            bytes.truncate(most);
            let expected: Vec<u8> = self.model.drain(..bytes.len()).collect();
            assert_eq!(bytes, expected);
            self.queue.advance(bytes.len());
        }
    }

    proptest! {
        #[test]
        fn it_is_a_queue_within_its_bounds(
            steps in prop::collection::vec((any::<bool>(), step()), 0..300),
        ) {
            let spool = Arc::new(Spool::with_limits(std::path::PathBuf::new(), SMALL));
            let mut pair = [Trial::new(&spool), Trial::new(&spool)];
            for (which, step) in &steps {
                let trial = &mut pair[usize::from(*which)];
                // Beyond the quota the connection is over, and another takes its place.
                if trial.take(step).is_err() {
                    *trial = Trial::new(&spool);
                }
                prop_assert_eq!(trial.queue.is_empty(), trial.model.is_empty());
                // One message and one lean read each beyond the limit, no more.
                prop_assert!(spool.in_memory() <= SMALL.memory + 2 * (2_400 + 800));
                prop_assert!(spool.on_disk() <= SMALL.disk);
                prop_assert!(trial.disk.0.len() as u64 <= SMALL.connection_disk);
            }
            for trial in &mut pair {
                let mut idle = 0;
                while idle < 3 {
                    let before = trial.model.len();
                    trial.read(usize::MAX);
                    let started = trial.take(&Step::StartJob);
                    let worked = trial.job.is_some();
                    if started.and_then(|()| trial.take(&Step::FinishJob)).is_err() {
                        *trial = Trial::new(&spool);
                    }
                    idle = if worked || trial.model.len() < before { 0 } else { idle + 1 };
                }
                prop_assert!(trial.model.is_empty(), "{} bytes stuck", trial.model.len());
            }
            prop_assert_eq!((spool.in_memory(), spool.on_disk()), (0, 0));
        }
    }

    #[test]
    fn memory_comes_first() {
        let spool = Arc::new(Spool::with_limits(
            std::path::PathBuf::new(),
            Limits::default(),
        ));
        let mut queue = Queue::new(Arc::clone(&spool));
        let message = Bytes::from(vec![0; 32 << 10]);
        let mut pushed = 0;
        while queue.next_job().unwrap().is_none() {
            queue.push(message.clone());
            pushed += message.len();
        }
        assert!(pushed > 5 << 20, "{pushed}");
        assert!(spool.in_memory() <= 8 << 20);
    }

    #[test]
    fn small_messages_are_counted_with_what_they_cost() {
        let spool = Arc::new(Spool::with_limits(
            std::path::PathBuf::new(),
            Limits::default(),
        ));
        let mut queue = Queue::new(Arc::clone(&spool));
        let mut pushed = 0;
        while queue.next_job().unwrap().is_none() {
            queue.push(Bytes::from_static(b"x"));
            pushed += 1;
        }
        assert!(pushed < 100_000, "{pushed}");
    }
    #[test]
    fn who_keeps_up_needs_no_disk_even_when_others_hold_all_the_memory() {
        let spool = Arc::new(Spool::with_limits(std::path::PathBuf::new(), SMALL));
        let mut slow = Vec::new();
        while !spool.memory.is_exhausted() {
            let mut queue = Queue::new(Arc::clone(&spool));
            queue.push(Bytes::from_static(&[0; 700]));
            slow.push(queue);
        }
        let mut fast = Queue::new(Arc::clone(&spool));
        for _ in 0..10 {
            while fast.has_room() {
                fast.push(Bytes::from_static(&[1; 100]));
            }
            while fast.is_readable() {
                fast.advance(100);
            }
            assert!(fast.next_job().unwrap().is_none());
        }
        // One who does not keep up is served by the disk, and so never stands still.
        fast.push(Bytes::from_static(&[1; 100]));
        fast.push(Bytes::from_static(&[1; 100]));
        assert!(matches!(fast.next_job(), Ok(Some(Job::Write { .. }))));
    }
}
