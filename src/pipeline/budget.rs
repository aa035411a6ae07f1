//! Limits on what is in flight: encoded bytes, decoded bytes, and reads.
//!
//! A budget is a counting semaphore (Dijkstra, 1965) that differs from the ones in libraries in
//! three points: an item larger than the whole budget passes when nothing else is in flight, where
//! a plain semaphore would wait forever; it can be stopped, which wakes all who wait; and it knows
//! its peak. It is a mutex and a condition variable, since it is taken once for a chunk or an image
//! and not in an inner loop.
//!
//! # Why can this not deadlock?
//!
//! Everything is taken in one order: a batch's slab, encoded bytes for a chunk, a read, decoded
//! bytes for an image. A thread that holds one kind waits only for a later kind, so no two threads wait
//! for each other. From the last kind backward:
//!
//! * Decoded bytes are held until the views of the image are made. That needs no budget, so they
//!   come back.
//! * A read and encoded bytes are held by a chunk until a worker has taken it and decoded it.
//!   Workers wait only for decoded bytes, so these come back too.
//! * A slab is never waited for: leasing one fails at the limit. The reader begins a batch when the
//!   consumer allows it and feeds all of its slots before it begins the next one, so the oldest
//!   unfinished batch lacks nothing except the kinds above.

use std::sync::Arc;
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex};

// The model checker (ci/loom.sh) tries all orders of these operations.
#[cfg(loom)]
use loom::sync::{Condvar, Mutex};

#[derive(Debug, Default)]
struct State {
    /// Units of all permits now.
    used: u64,
    /// The largest `used` so far.
    peak: u64,
    stopped: bool,
}

/// A limit on units (bytes or reads) that permits hold at once.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u64,
    state: Mutex<State>,
    /// Notified when units were returned, and when the budget is stopped.
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
    /// `None` if the budget is stopped.
    pub(crate) fn acquire(self: &Arc<Budget>, units: u64) -> Option<Permit> {
        let mut state = self.state.lock().expect("no panic inside");
        // `used > 0` lets an item larger than the whole budget pass alone.
        while !state.stopped && state.used > 0 && state.used.saturating_add(units) > self.total {
            state = self.freed.wait(state).expect("no panic inside");
        }
        if state.stopped {
            return None;
        }
        state.used += units;
        state.peak = state.peak.max(state.used);
        Some(Permit {
            budget: Arc::clone(self),
            units,
        })
    }

    /// Makes every call of [`Budget::acquire`], waiting or to come, return `None`.
    pub(crate) fn stop(&self) {
        self.state.lock().expect("no panic inside").stopped = true;
        self.freed.notify_all();
    }

    /// The most units that permits held at once.
    pub(crate) fn peak(&self) -> u64 {
        self.state.lock().expect("no panic inside").peak
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.state.lock().expect("no panic inside").used -= self.units;
        // All, because the units may suffice for several who wait, or for none but the last of
        // them.
        self.budget.freed.notify_all();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn permits_never_exceed_the_total_except_for_one_alone() {
        let budget = Budget::new(100);
        drop(budget.acquire(1000).unwrap());
        std::thread::scope(|scope| {
            for i in 0..8 {
                let budget = &budget;
                scope.spawn(move || {
                    for j in 0..200 {
                        drop(budget.acquire(10 + (i * j) % 90).unwrap());
                    }
                });
            }
        });
        assert_eq!(budget.state.lock().unwrap().used, 0);
        assert_eq!(budget.peak(), 1000);
        budget.state.lock().unwrap().peak = 0;
        let held = budget.acquire(60).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| drop(budget.acquire(60).unwrap()));
            drop(held);
        });
        assert_eq!(budget.peak(), 60);
    }

    #[test]
    fn stopping_wakes_those_who_wait() {
        let budget = Budget::new(1);
        let held = budget.acquire(1).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.acquire(1).is_none());
            budget.stop();
            assert!(waiting.join().unwrap());
        });
        drop(held);
    }
}
