//! How many bytes may be in flight.
//!
//! # Why can this not deadlock?
//!
//! Memory is taken in one order: the batch's slab, then encoded bytes, then decoded bytes, and each
//! stage holds what it has while it waits only for something further right. Slabs are leased in the
//! order of batches by one thread, so the oldest unfinished batch has all it needs of that kind.
//! Decoded bytes are held by workers that wait for nothing else until they give them back. One item
//! larger than a whole budget passes when it is alone.

use std::sync::Arc;
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex};

// The model checker (ci/loom.sh) tries all orders of these operations.
#[cfg(loom)]
use loom::sync::{Condvar, Mutex};

#[derive(Debug, Default)]
struct State {
    used: u64,
    peak: u64,
    stopped: bool,
}

/// A number of units (bytes, requests) of which holders have permits.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u64,
    state: Mutex<State>,
    freed: Condvar,
}

/// A share of a budget; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Arc<Budget>,
    units: u64,
}

impl Budget {
    pub(crate) fn new(total: u64) -> Arc<Budget> {
        Arc::new(Budget {
            total,
            state: Mutex::default(),
            freed: Condvar::new(),
        })
    }

    /// Waits for `units`; `None` once the budget is stopped.
    pub(crate) fn acquire(self: &Arc<Budget>, units: u64) -> Option<Permit> {
        let mut state = self.state.lock().expect("no panic inside");
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

    /// Refuses everyone who waits, now and later.
    pub(crate) fn stop(&self) {
        self.state.lock().expect("no panic inside").stopped = true;
        self.freed.notify_all();
    }

    /// The most units that were out at once.
    pub(crate) fn peak(&self) -> u64 {
        self.state.lock().expect("no panic inside").peak
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.state.lock().expect("no panic inside").used -= self.units;
        self.budget.freed.notify_all();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn permits_never_exceed_the_total_but_for_one_alone() {
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
