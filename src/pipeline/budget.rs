//! Limits on what is in flight: encoded bytes and decoded bytes.
//!
//! A budget is a counting semaphore (Dijkstra, 1965) that differs from the ones in libraries in
//! three points: an item larger than the whole budget passes when nothing else is in flight, where
//! a plain semaphore would wait forever; a run that ends stops waiting, while the other runs that
//! share the budget go on; and it knows its peak. It is a mutex and a condition variable, since it
//! is taken once for a chunk or an image and not in an inner loop.
//!
//! # Why can this not deadlock?
//!
//! Everything is taken in one order: a batch's slab, encoded bytes for a chunk, decoded bytes for
//! an image. From the last kind backward:
//!
//! * Decoded bytes are waited for by a thread that holds encoded bytes at most. They are held until
//!   the views of the image are made. That needs no budget, so they come back.
//! * Encoded bytes are never waited for: a thread that does not get them ([`Budget::try_acquire`])
//!   does something else. A chunk holds them until it is decoded, and any thread that looks for
//!   work may decode it, so these come back too.
//! * A slab is never waited for: leasing one fails at the limit. A batch is begun when the consumer
//!   allows it, and its chunks are taken before those of later batches, so the oldest unfinished
//!   batch lacks nothing except the kinds above.

use std::sync::Arc;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex};

// The model checker (ci/loom.sh) tries all orders of these operations.
#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering};
#[cfg(loom)]
use loom::sync::{Condvar, Mutex};

#[derive(Debug, Default)]
struct State {
    /// Units of all permits now.
    used: u64,
    /// The largest `used` so far.
    peak: u64,
    /// The threads that wait. Waking takes a system call, which is left out if there are none.
    waiting: u32,
}

/// A limit on bytes that permits hold at once.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u64,
    state: Mutex<State>,
    /// Notified when units were returned, and when a run stops.
    freed: Condvar,
}

/// Units taken from a budget. Dropping it returns them.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Arc<Budget>,
    units: u64,
}

impl Budget {
    /// A budget of `total` units.
    pub(crate) fn new(total: u64) -> Arc<Budget> {
        Arc::new(Budget {
            total,
            state: Mutex::default(),
            freed: Condvar::new(),
        })
    }

    /// Waits until `units` fit into the budget, or until nothing else is in flight, and takes them.
    /// `None` once `stop` is true; whoever sets it calls [`Budget::wake`].
    pub(crate) fn acquire(self: &Arc<Budget>, units: u64, stop: &AtomicBool) -> Option<Permit> {
        let mut state = self.state.lock().expect("no panic inside");
        while !stop.load(Ordering::Acquire) {
            if let Some(permit) = self.take(&mut state, units) {
                return Some(permit);
            }
            state.waiting += 1;
            state = self.freed.wait(state).expect("no panic inside");
            state.waiting -= 1;
        }
        None
    }

    /// Takes `units` if they fit into the budget now, or if nothing else is in flight.
    pub(crate) fn try_acquire(self: &Arc<Budget>, units: u64) -> Option<Permit> {
        let mut state = self.state.lock().expect("no panic inside");
        self.take(&mut state, units)
    }

    /// True if [`Budget::try_acquire`] would return a permit now.
    pub(crate) fn fits(&self, units: u64) -> bool {
        self.has_room(&self.state.lock().expect("no panic inside"), units)
    }

    fn has_room(&self, state: &State, units: u64) -> bool {
        // An item larger than the whole budget passes alone.
        state.used == 0 || state.used.saturating_add(units) <= self.total
    }

    fn take(self: &Arc<Budget>, state: &mut State, units: u64) -> Option<Permit> {
        if !self.has_room(state, units) {
            return None;
        }
        state.used += units;
        state.peak = state.peak.max(state.used);
        Some(Permit {
            budget: Arc::clone(self),
            units,
        })
    }

    /// Lets every thread that waits look at its `stop` again.
    pub(crate) fn wake(&self) {
        // With the lock, so that no thread is between its look and its wait.
        let _state = self.state.lock().expect("no panic inside");
        self.freed.notify_all();
    }

    /// The most units that permits held at once.
    pub(crate) fn peak(&self) -> u64 {
        self.state.lock().expect("no panic inside").peak
    }
}

impl Permit {
    /// True if the permit is for at least `units`.
    pub(crate) fn covers(&self, units: u64) -> bool {
        self.units >= units
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.budget.state.lock().expect("no panic inside");
        state.used -= self.units;
        // All, because the units may suffice for several who wait, or for none but the last of
        // them.
        if state.waiting > 0 {
            self.budget.freed.notify_all();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    static GOES_ON: AtomicBool = AtomicBool::new(false);

    #[test]
    fn permits_never_exceed_the_total_except_for_one_alone() {
        let budget = Budget::new(100);
        drop(budget.acquire(1000, &GOES_ON).unwrap());
        std::thread::scope(|scope| {
            for i in 0..8 {
                let budget = &budget;
                scope.spawn(move || {
                    for j in 0..200 {
                        drop(budget.acquire(10 + (i * j) % 90, &GOES_ON).unwrap());
                    }
                });
            }
        });
        assert_eq!(budget.state.lock().unwrap().used, 0);
        assert_eq!(budget.peak(), 1000);
        budget.state.lock().unwrap().peak = 0;
        let held = budget.acquire(60, &GOES_ON).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| drop(budget.acquire(60, &GOES_ON).unwrap()));
            drop(held);
        });
        assert_eq!(budget.peak(), 60);
    }

    #[test]
    fn a_run_that_stops_wakes_its_threads_and_the_others_go_on_waiting() {
        let budget = Budget::new(1);
        let held = budget.acquire(1, &GOES_ON).unwrap();
        assert!(budget.try_acquire(1).is_none());
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| budget.acquire(1, &GOES_ON).is_some());
            let waiting = scope.spawn(|| budget.acquire(1, &stop).is_none());
            stop.store(true, Ordering::Release);
            budget.wake();
            assert!(waiting.join().unwrap());
            drop(held);
            assert!(other.join().unwrap());
        });
    }
}
