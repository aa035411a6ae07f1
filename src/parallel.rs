//! A parallel loop whose results are in order, for the jobs that go through a whole data set:
//! conversion, verification, indexing.
//!
//! Threads claim the next number from one counter, which balances items of very different cost, and
//! the results are sorted afterwards. Rayon does the same with a thread pool of its own; here every
//! thread has scratch buffers that the caller keeps from loop to loop, and one function is less to
//! build than a dependency.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The number of threads for an option in which 0 means one for each core.
pub(crate) fn threads(option: usize) -> usize {
    match option {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// Calls `run` once for every number of `range`, on one thread for each of `workers`, and returns
/// the results in the order of the numbers, each with its number.
///
/// Before every call `stop` is asked; once it says true, no more numbers are begun, and the results
/// are those of the calls that were. A panic of `run` is passed on after all threads have ended.
pub(crate) fn for_each_ordered<W: Send, T: Send>(
    range: Range<u64>,
    workers: &mut [W],
    stop: impl Fn() -> bool + Sync,
    run: impl Fn(&mut W, u64) -> T + Sync,
) -> Vec<(u64, T)> {
    let next = AtomicU64::new(range.start);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in workers {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= range.end || stop() {
                        return;
                    }
                    let result = run(worker, number);
                    results
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((number, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(number, _)| *number);
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_workers_keep_their_state() {
        let mut workers = [0u64; 3];
        let squares = for_each_ordered(
            5..100,
            &mut workers,
            || false,
            |calls, number| {
                *calls += 1;
                number * number
            },
        );
        let expected: Vec<(u64, u64)> = (5..100).map(|number| (number, number * number)).collect();
        assert_eq!(squares, expected);
        assert_eq!(workers.iter().sum::<u64>(), 95);
    }

    #[test]
    fn nothing_is_begun_after_a_stop() {
        let calls = AtomicU64::new(0);
        let results = for_each_ordered(
            0..1000,
            &mut [(); 2],
            || calls.load(Ordering::Relaxed) >= 10,
            |(), _| calls.fetch_add(1, Ordering::Relaxed),
        );
        assert!((10..=11).contains(&results.len()), "{}", results.len());
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_passed_on() {
        for_each_ordered(
            0..4,
            &mut [(); 2],
            || false,
            |(), number| assert!(number != 2),
        );
    }
}
