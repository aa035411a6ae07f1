//! What the threads of a worker pool do next: plain data about every run, without threads.
//!
//! There is no thread that plans and hands out work. A thread that has nothing to do asks
//! [`Schedule::pick`], and gets the most advanced thing that any run has for it: a chunk that was
//! read already, a chunk to read, or a batch to begin. So a thread that has just begun a small
//! batch also makes it, and no other thread has to be woken. Runs take turns.
//!
//! Which thread does what, and when, changes no byte: a task holds all that its outcome depends on.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::batcher::BatchWork;
use super::reader::{Chunk, Chunks, Positions};
use super::stats::{self, Meter};
use super::{ReadChunk, Shared};

/// The most encoded bytes of a batch that is made as fast as a thread is woken: raw pixels of this
/// size take tens of microseconds.
const SMALL_BATCH: u64 = 16 << 10;

/// What a thread is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It decodes and augments, and reads what was not read yet.
    Work,
    /// It reads chunks of sources that block, ahead of the workers.
    Read,
}

/// What a thread is to do for a run.
pub(super) enum Task {
    /// Plan a batch, lease its memory, and cut it into chunks.
    Begin { number: u64, epoch: u32, index: u64 },
    /// Read a chunk for the workers, after announcing the samples of `ahead` to the source.
    Read { chunk: Chunk, ahead: Vec<Chunk> },
    /// Decode and augment a chunk, which may have to be read first.
    Work(ReadChunk),
}

/// A batch with chunks that no thread has taken yet.
struct Begun {
    work: Arc<BatchWork>,
    chunks: Chunks,
}

/// Names a run of a worker pool; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunId(u64);

/// What a run has to do.
struct Feed {
    id: RunId,
    shared: Arc<Shared>,
    /// The batches that are still to be begun; `None` after the last one.
    positions: Option<Positions>,
    /// The number, in the run, of the next batch to begin.
    number: u64,
    /// The number of batches that may be begun.
    allowed: u64,
    /// How many small batches have to be allowed before a thread is woken to make them.
    worth: u64,
    /// True while batches are small: a single chunk of at most [`SMALL_BATCH`] bytes.
    small: bool,
    /// Since when no batch may be begun.
    blocked: Option<Instant>,
    /// True while a thread begins a batch. Batches are begun one after the other.
    beginning: bool,
    /// Batches with chunks to be taken, from the oldest to the newest.
    begun: VecDeque<Begun>,
    /// Chunks that were read, for a worker to take.
    read: VecDeque<ReadChunk>,
    /// Chunks in `read` and those being read.
    ahead: usize,
    /// How many of the chunks in `begun` were announced to the source.
    announced: usize,
    /// Threads that work for the run.
    busy: usize,
}

/// The runs of a worker pool.
#[derive(Default)]
pub(super) struct Schedule {
    feeds: Vec<Feed>,
    /// The run that is asked first for the next task.
    turn: usize,
    /// The number of runs so far.
    joined: u64,
}

impl Schedule {
    /// Adds a run that delivers the batches at `positions` and may begin `allowed` of them.
    pub(super) fn join(
        &mut self,
        shared: Arc<Shared>,
        positions: Positions,
        allowed: u64,
    ) -> RunId {
        let id = RunId(self.joined);
        self.joined += 1;
        self.feeds.push(Feed {
            id,
            shared,
            positions: Some(positions),
            number: 0,
            allowed,
            worth: allowed.div_ceil(2),
            small: false,
            blocked: None,
            beginning: false,
            begun: VecDeque::new(),
            read: VecDeque::new(),
            ahead: 0,
            announced: 0,
            busy: 0,
        });
        id
    }

    /// Takes everything that is to be done for a run. Its threads finish what they have begun.
    /// The return value only has to be dropped, which the caller does without a lock.
    pub(super) fn stop(&mut self, run: RunId) -> impl Sized + use<> {
        let feed = self.feed(run)?;
        feed.positions = None;
        feed.announced = 0;
        Some((
            std::mem::take(&mut feed.begun),
            std::mem::take(&mut feed.read),
        ))
    }

    /// True if no thread works for a run.
    pub(super) fn is_idle(&mut self, run: RunId) -> bool {
        self.feed(run).is_none_or(|feed| feed.busy == 0)
    }

    /// Removes a run. The return value is to be dropped without a lock.
    pub(super) fn leave(&mut self, run: RunId) -> impl Sized + use<> {
        let at = self.feeds.iter().position(|feed| feed.id == run);
        at.map(|at| self.feeds.remove(at))
    }

    fn feed(&mut self, run: RunId) -> Option<&mut Feed> {
        let mut feeds = self.feeds.iter_mut();
        feeds.find(|feed| feed.id == run)
    }

    /// Lets a run begin one more batch. Returns true if it is worth waking a thread for.
    ///
    /// Waking a thread costs about as much as a small batch, so a thread is woken for half of the
    /// batches that may be in flight. They are all allowed while the consumer waits for one that
    /// nobody has begun, so it does not wait in vain.
    pub(super) fn allow(&mut self, run: RunId) -> bool {
        let Some(feed) = self.feed(run) else {
            return false;
        };
        feed.allowed += 1;
        if let Some(blocked) = feed.blocked.take() {
            Meter::add(&feed.shared.meter.reader_blocked, blocked);
        }
        !feed.small || feed.allowed >= feed.worth
    }

    /// The next task for a thread, and the run that it is for. At most `reads` chunks of a run are
    /// read ahead of its workers.
    pub(super) fn pick(&mut self, role: Role, reads: usize) -> Option<(RunId, Arc<Shared>, Task)> {
        let count = self.feeds.len();
        for feed in (self.turn..self.turn + count).map(|at| at % count) {
            if let Some(task) = self.feeds[feed].pick(role, reads) {
                self.turn = (feed + 1) % count;
                self.feeds[feed].busy += 1;
                let Feed { id, shared, .. } = &self.feeds[feed];
                return Some((*id, Arc::clone(shared), task));
            }
        }
        None
    }

    /// Notes that a thread is done with a task of a run, and what came of it. Returns what came of
    /// it if the run has ended, to be dropped without a lock.
    pub(super) fn done(&mut self, run: RunId, outcome: Outcome) -> Option<Outcome> {
        let Some(feed) = self.feed(run) else {
            return Some(outcome);
        };
        feed.busy -= 1;
        let stopped = feed.shared.stop.load(Ordering::Relaxed);
        match outcome {
            Outcome::Worked => {}
            // The consumer gets the error and ends the run.
            Outcome::NotBegun => (feed.beginning, feed.positions) = (false, None),
            outcome if stopped => return Some(outcome),
            Outcome::Begun(work, chunks) => {
                feed.beginning = false;
                feed.small = chunks.len() == 1 && chunks[0].1 <= SMALL_BATCH;
                feed.begun.push_back(Begun { work, chunks });
            }
            Outcome::Read(chunk) => feed.read.push_back(chunk),
        }
        None
    }

    /// Whether there is a task for a worker, and one for a thread that reads.
    pub(super) fn tasks(&self, reads: usize) -> (bool, bool) {
        let (mut work, mut read) = (false, false);
        for feed in &self.feeds {
            let begin = feed.may_begin(reads);
            let chunks = !feed.begun.is_empty();
            work |= begin || chunks || !feed.read.is_empty();
            read |= feed.blocks() && (begin || feed.may_read(reads));
        }
        (work, read)
    }
}

/// What came of a task.
pub(super) enum Outcome {
    Begun(Arc<BatchWork>, Chunks),
    NotBegun,
    Read(ReadChunk),
    Worked,
}

impl Feed {
    /// True if reading the source blocks.
    fn blocks(&self) -> bool {
        !self.shared.reads_in_place()
    }

    /// The number of chunks that no thread has taken.
    fn chunks(&self) -> usize {
        self.begun.iter().map(|begun| begun.chunks.len()).sum()
    }

    /// True if a batch may be begun and there is a use for it. For sources that block, batches are
    /// begun early, so that their samples can be announced.
    fn may_begin(&self, reads: usize) -> bool {
        let most = if self.blocks() { reads } else { 1 };
        self.allowed > 0 && !self.beginning && self.positions.is_some() && self.chunks() < most
    }

    /// True if a chunk may be read ahead of the workers. Without room for its bytes, it has to wait
    /// until a worker has decoded another one.
    fn may_read(&self, reads: usize) -> bool {
        let next = self.begun.front().and_then(|begun| begun.chunks.front());
        let room = |bytes: u64| self.shared.budgets.encoded.fits(bytes);
        self.ahead < reads && next.is_some_and(|(_, bytes)| room(*bytes))
    }

    fn pick(&mut self, role: Role, reads: usize) -> Option<Task> {
        if role == Role::Work
            && let Some(chunk) = self.read.pop_front()
        {
            self.ahead -= 1;
            return Some(Task::Work(chunk));
        }
        if self.may_begin(reads)
            && let Some(task) = self.begin()
        {
            return Some(task);
        }
        match role {
            Role::Work => {
                let Chunk { work, slots, .. } = self.chunk()?;
                Some(Task::Work(ReadChunk::unread(work, slots)))
            }
            Role::Read if self.blocks() && self.ahead < reads => {
                let (_, bytes) = self.begun.front()?.chunks.front()?;
                let permit = self.shared.budgets.encoded.try_acquire(*bytes)?;
                let chunk = Chunk {
                    permit: Some(permit),
                    ..self.chunk()?
                };
                self.ahead += 1;
                let ahead = self.unannounced(reads);
                Some(Task::Read { chunk, ahead })
            }
            Role::Read => None,
        }
    }

    /// The task that begins the next batch.
    fn begin(&mut self) -> Option<Task> {
        let next = self.positions.as_mut()?.next(&self.shared.context.plan);
        let Some((epoch, index)) = next else {
            self.positions = None;
            return None;
        };
        self.beginning = true;
        self.allowed -= 1;
        if self.allowed == 0 {
            self.blocked = Some(stats::now());
        }
        self.number += 1;
        let number = self.number - 1;
        Some(Task::Begin {
            number,
            epoch,
            index,
        })
    }

    /// Takes the next chunk of the oldest batch.
    fn chunk(&mut self) -> Option<Chunk> {
        let begun = self.begun.front_mut()?;
        let (slots, _) = begun.chunks.pop_front()?;
        let work = Arc::clone(&begun.work);
        if begun.chunks.is_empty() {
            self.begun.pop_front();
        }
        self.announced = self.announced.saturating_sub(1);
        Some(Chunk {
            work,
            slots,
            permit: None,
        })
    }

    /// The chunks among the next `reads` ones that were not announced to the source, if reads wait
    /// for the device.
    fn unannounced(&mut self, reads: usize) -> Vec<Chunk> {
        if self.shared.slow_reads.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let chunks = self.begun.iter().flat_map(|begun| {
            let of = |(slots, _): &(Range<usize>, u64)| (Arc::clone(&begun.work), slots.clone());
            begun.chunks.iter().map(of)
        });
        let new = chunks.take(reads).skip(self.announced);
        let new: Vec<Chunk> = new
            .map(|(work, slots)| Chunk {
                work,
                slots,
                permit: None,
            })
            .collect();
        self.announced += new.len();
        new
    }
}
