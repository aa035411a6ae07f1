//! The threads of a loader: a pool of workers that all runs of a loader share, and with it those of
//! the loaders that were made from it, such as the two of a split.
//!
//! A [`WorkerPool`] is a description and has no threads. The first run starts them, the others join
//! ([`Crew`]), and the last one to end takes them with it. There are as many workers as
//! [`Tuning::workers`] says and, for sources that block, [`READERS`] threads that read ahead of
//! them. No thread stands for one read: the kernel is told which files come next
//! ([`crate::source::Source::read_ahead`]), and a worker that would otherwise wait reads for
//! itself.
//!
//! Ending is the part with traps. A thread may be asleep, wait for a budget, or hang in a read that
//! the kernel never finishes. The first two are woken. For the rest, the end waits a moment
//! ([`PATIENCE`]) and then leaves the thread behind. It ends by itself when the read returns. So
//! dropping an iterator never hangs, and needs no runtime that could refuse it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Shared;
use super::budget::Budget;
use super::reader::Positions;
use super::schedule::{Outcome, Role, RunId, Schedule, Task};
use super::stats::{self, Meter};
use super::tuning::Tuning;
use super::worker::WorkerScratch;
use crate::batch::Pool;
use crate::error::{Error, Kind, Result, catch};

/// The threads that read ahead of the workers from sources that block. One of them can read while
/// the other waits for the device; more would take processors from the workers.
const READERS: usize = 2;

/// How long the end of a run waits for a thread that is busy.
const PATIENCE: Duration = Duration::from_millis(100);

/// Threads, budgets and the memory of batches, for one loader or for several.
pub(crate) struct WorkerPool {
    pub(crate) tuning: Tuning,
    /// The memory of batches.
    pub(crate) memory: Arc<Pool>,
    /// The threads, while there are runs.
    crew: Mutex<Weak<Crew>>,
}

/// The limits on bytes in flight, over all runs of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Budgets {
    /// Encoded bytes that were read ahead.
    pub(crate) encoded: Arc<Budget>,
    /// Decoded bytes.
    pub(crate) decoded: Arc<Budget>,
}

impl WorkerPool {
    /// A pool without threads.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] that names the value of `tuning` that is out of range.
    pub(crate) fn new(tuning: Tuning) -> Result<WorkerPool> {
        tuning.check()?;
        Ok(WorkerPool {
            memory: Arc::new(Pool::new(tuning.held)),
            tuning,
            crew: Mutex::default(),
        })
    }

    /// The threads of the pool, started if there are none, with those that read if `blocks`.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the system cannot start more threads.
    pub(super) fn crew(&self, blocks: bool) -> Result<Arc<Crew>> {
        let mut running = self.crew.lock().expect("no panic inside");
        let crew = match running.upgrade() {
            Some(crew) => crew,
            None => {
                let crew = Arc::new(Crew::new(&self.tuning));
                crew.start(Role::Work, self.tuning.workers)?;
                *running = Arc::downgrade(&crew);
                crew
            }
        };
        if blocks {
            crew.start(Role::Read, READERS)?;
        }
        Ok(crew)
    }
}

/// The threads of a pool while it has runs. Dropping it ends them.
pub(super) struct Crew {
    inner: Arc<Inner>,
    threads: Mutex<Threads>,
    pub(super) budgets: Budgets,
}

#[derive(Default)]
struct Threads {
    handles: Vec<JoinHandle<()>>,
    workers: usize,
    readers: usize,
}

/// What the threads share.
struct Inner {
    state: Mutex<State>,
    /// Wakes a worker.
    work: Condvar,
    /// Wakes a thread that reads.
    read: Condvar,
    /// Notified when a thread is done with a task of a run that ends, and when a thread ends.
    left: Condvar,
    /// `Tuning::reads`.
    reads: usize,
}

#[derive(Default)]
struct State {
    schedule: Schedule,
    workers: Sleepers,
    readers: Sleepers,
    /// True once the threads are to end.
    ending: bool,
    /// Threads that have not ended.
    alive: usize,
}

/// The threads of a role that wait for a task.
#[derive(Default)]
struct Sleepers {
    asleep: usize,
    /// How many of them were notified and have not woken yet.
    called: usize,
}

impl State {
    fn sleepers(&mut self, role: Role) -> &mut Sleepers {
        match role {
            Role::Work => &mut self.workers,
            Role::Read => &mut self.readers,
        }
    }
}

impl Crew {
    /// A crew without threads.
    fn new(tuning: &Tuning) -> Crew {
        Crew {
            inner: Arc::new(Inner {
                state: Mutex::default(),
                work: Condvar::new(),
                read: Condvar::new(),
                left: Condvar::new(),
                reads: tuning.reads,
            }),
            threads: Mutex::default(),
            budgets: Budgets {
                encoded: Budget::new(tuning.memory),
                decoded: Budget::new(tuning.memory),
            },
        }
    }

    /// Starts threads until there are `count` of a role.
    fn start(&self, role: Role, count: usize) -> Result<()> {
        let mut threads = self.threads.lock().expect("no panic inside");
        let threads = &mut *threads;
        let (have, name) = match role {
            Role::Work => (&mut threads.workers, "feedmill-work"),
            Role::Read => (&mut threads.readers, "feedmill-read"),
        };
        while *have < count {
            let inner = Arc::clone(&self.inner);
            let thread = std::thread::Builder::new().name(name.into());
            // Counted before it runs, so that the end of the crew waits for it.
            self.inner.lock().alive += 1;
            match thread.spawn(move || inner.serve(role)) {
                Ok(handle) => threads.handles.push(handle),
                Err(error) => {
                    self.inner.lock().alive -= 1;
                    let text = format!("cannot start the thread {name}: {error}");
                    return Err(Error::new(Kind::Io, text));
                }
            }
            *have += 1;
        }
        Ok(())
    }

    /// Adds a run, which may begin `allowed` batches.
    pub(super) fn join(&self, shared: Arc<Shared>, positions: Positions, allowed: u64) -> RunId {
        let mut state = self.inner.lock();
        let run = state.schedule.join(shared, positions, allowed);
        self.inner.call(&mut state);
        run
    }

    /// Lets a run begin one more batch.
    pub(super) fn allow(&self, run: RunId) {
        let mut state = self.inner.lock();
        if state.schedule.allow(run) {
            self.inner.call(&mut state);
        }
    }

    /// Ends a run: no thread works for it afterwards, except one that is in the middle of a long
    /// sample or of a read that hangs.
    pub(super) fn leave(&self, run: RunId, shared: &Shared) {
        shared.stop.store(true, Ordering::Release);
        self.budgets.decoded.wake();
        let mut state = self.inner.lock();
        let dropped = state.schedule.stop(run);
        let mut state = self
            .inner
            .wait_until(state, |state| state.schedule.is_idle(run));
        let left = state.schedule.leave(run);
        drop(state);
        drop((dropped, left));
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let mut state = self.inner.lock();
        state.ending = true;
        self.inner.work.notify_all();
        self.inner.read.notify_all();
        let state = self.inner.wait_until(state, |state| state.alive == 0);
        let all = state.alive == 0;
        drop(state);
        let threads = self.threads.get_mut().expect("no panic inside");
        for handle in threads.handles.drain(..) {
            if all || handle.is_finished() {
                // Tasks catch panics. If one slipped through, there is no consumer left to report
                // it to.
                let _ = handle.join();
            }
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic inside")
    }

    /// Waits until something is the case, but not longer than [`PATIENCE`].
    fn wait_until<'a>(
        &self,
        state: MutexGuard<'a, State>,
        mut so: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self
            .left
            .wait_timeout_while(state, PATIENCE, |state| !so(state));
        waited.expect("no panic inside").0
    }

    /// Wakes a thread of each role if there is a task for it. It wakes the next one in turn, so a
    /// short task wakes no more threads than it needs.
    fn call(&self, state: &mut State) {
        let sleeping = |sleepers: &Sleepers| sleepers.asleep > sleepers.called;
        if !sleeping(&state.workers) && !sleeping(&state.readers) {
            return;
        }
        let (work, read) = state.schedule.tasks(self.reads);
        if work && sleeping(&state.workers) {
            state.workers.called += 1;
            self.work.notify_one();
        }
        if read && sleeping(&state.readers) {
            state.readers.called += 1;
            self.read.notify_one();
        }
    }

    /// The life of a thread.
    fn serve(&self, role: Role) {
        let mut scratch = WorkerScratch::new();
        let mut idle: Option<Instant> = None;
        let mut state = self.lock();
        while !state.ending {
            let Some((run, shared, task)) = state.schedule.pick(role, self.reads) else {
                // What this thread has just done may be something to do for others.
                self.call(&mut state);
                idle.get_or_insert_with(stats::now);
                state = self.sleep(state, role);
                continue;
            };
            self.call(&mut state);
            drop(state);
            if let (Some(since), Role::Work) = (idle.take(), role) {
                Meter::add(&shared.meter.worker_idle, since);
            }
            let outcome = perform(&shared, task, &mut scratch);
            let stopped = shared.stop.load(Ordering::Relaxed);
            // Dropped without the lock: it may be the last one to hold the source.
            drop(shared);
            state = self.lock();
            let dropped = state.schedule.done(run, outcome);
            if stopped {
                self.left.notify_all();
            }
            if dropped.is_some() {
                drop(state);
                drop(dropped);
                state = self.lock();
            }
        }
        state.alive -= 1;
        drop(state);
        self.left.notify_all();
    }

    /// Waits until the thread is called.
    fn sleep<'a>(&self, mut state: MutexGuard<'a, State>, role: Role) -> MutexGuard<'a, State> {
        let called = match role {
            Role::Work => &self.work,
            Role::Read => &self.read,
        };
        state.sleepers(role).asleep += 1;
        state = called.wait(state).expect("no panic inside");
        let sleepers = state.sleepers(role);
        sleepers.asleep -= 1;
        sleepers.called = sleepers.called.saturating_sub(1);
        state
    }
}

/// Does a task. A panic that no role caught becomes an error for the consumer, which would
/// otherwise wait forever for what this thread was to make.
fn perform(shared: &Arc<Shared>, task: Task, scratch: &mut WorkerScratch) -> Outcome {
    let begins = matches!(task, Task::Begin { .. });
    let done = catch(|| {
        Ok(match task {
            Task::Begin {
                number,
                epoch,
                index,
            } => match shared.begin(number, epoch, index) {
                Some((work, chunks)) => Outcome::Begun(work, chunks),
                None => Outcome::NotBegun,
            },
            Task::Read { chunk, ahead } => Outcome::Read(shared.read_chunk(chunk, &ahead)),
            Task::Work(chunk) => {
                shared.work_on(chunk, scratch);
                Outcome::Worked
            }
        })
    });
    done.unwrap_or_else(|error| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("of the loader");
        shared
            .deliveries
            .fail(Err(error.at(format_args!("the thread {name}"))));
        if begins {
            Outcome::NotBegun
        } else {
            Outcome::Worked
        }
    })
}
