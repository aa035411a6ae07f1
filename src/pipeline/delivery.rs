//! Finished items of a run on their way to the consumer.
//!
//! Items are finished in any order and delivered by number. Only the item that the consumer waits
//! for wakes it, because waking a thread costs as much as a small batch.

use std::collections::VecDeque;
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

// The model checker (ci/loom.sh) tries all orders of these operations.
#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};

/// Items by number, from 0, each of which is put once and taken in order.
#[derive(Debug)]
pub(crate) struct Deliveries<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// The number of the next item to take.
    next: u64,
    /// The items from `next` on, as far as they are finished.
    finished: VecDeque<Option<T>>,
    /// What comes in place of the next item and of all after it.
    failed: Option<T>,
    /// True while the consumer waits.
    waiting: bool,
    /// True once nothing is taken any more.
    closed: bool,
}

impl<T> Default for Deliveries<T> {
    fn default() -> Deliveries<T> {
        Deliveries {
            state: Mutex::new(State {
                next: 0,
                finished: VecDeque::new(),
                failed: None,
                waiting: false,
                closed: false,
            }),
            arrived: Condvar::new(),
        }
    }
}

impl<T> Deliveries<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("no panic inside")
    }

    /// Puts the finished item of a number. It is dropped if nothing is taken any more.
    pub(crate) fn put(&self, number: u64, item: T) {
        let mut state = self.lock();
        let Some(at) = number.checked_sub(state.next) else {
            return;
        };
        if state.closed {
            return;
        }
        let at = at as usize;
        while state.finished.len() <= at {
            state.finished.push_back(None);
        }
        state.finished[at] = Some(item);
        if at == 0 && state.waiting {
            self.arrived.notify_one();
        }
    }

    /// Puts an item in place of the next one, whatever its number. The first such item stays.
    pub(crate) fn fail(&self, item: T) {
        let mut state = self.lock();
        state.failed.get_or_insert(item);
        if state.waiting {
            self.arrived.notify_one();
        }
    }

    /// Waits for the next item and takes it. `None` if it is not there at `deadline`.
    #[cfg_attr(
        not(loom),
        expect(
            clippy::disallowed_methods,
            reason = "a deadline decides when to give up, never which item comes next"
        )
    )]
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.failed.take() {
                return Some(item);
            }
            if matches!(state.finished.front(), Some(Some(_))) {
                state.next += 1;
                return state.finished.pop_front().flatten();
            }
            state.waiting = true;
            state = match deadline {
                None => self.arrived.wait(state).expect("no panic inside"),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        state.waiting = false;
                        return None;
                    }
                    let woken = self.arrived.wait_timeout(state, left);
                    woken.expect("no panic inside").0
                }
            };
            state.waiting = false;
        }
    }

    /// Drops all items, and from now on every item that is put.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let dropped = std::mem::take(&mut state.finished);
        drop(state);
        drop(dropped);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn items_come_in_the_order_of_their_numbers() {
        let deliveries = Deliveries::default();
        std::thread::scope(|scope| {
            for number in [3, 1, 2, 0] {
                let deliveries = &deliveries;
                scope.spawn(move || deliveries.put(number, number));
            }
            let taken: Vec<u64> = (0..4).map(|_| deliveries.take(None).unwrap()).collect();
            assert_eq!(taken, [0, 1, 2, 3]);
        });
    }

    #[test]
    fn a_failure_comes_next_and_waiting_has_a_deadline() {
        let deliveries = Deliveries::default();
        deliveries.put(1, "second");
        let soon = || Some(Instant::now() + Duration::from_millis(5));
        assert_eq!(deliveries.take(soon()), None);
        deliveries.fail("failed");
        deliveries.fail("failed later");
        assert_eq!(deliveries.take(soon()), Some("failed"));
        deliveries.close();
        deliveries.put(0, "first");
        assert_eq!(deliveries.take(soon()), None);
    }
}
