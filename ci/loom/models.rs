//! The lock-free slab, the budget and the deliveries of the library, under all orders of their
//! operations (`--cfg loom`), or with their unit tests alone (Miri).

#![cfg_attr(not(test), expect(dead_code, reason = "only tests use the files"))]

#[path = "../../src/pipeline/budget.rs"]
mod budget;
#[path = "../../src/pipeline/delivery.rs"]
mod delivery;
#[path = "../../src/batch/slab.rs"]
mod slab;

#[cfg(all(test, loom))]
mod models {
    use std::sync::Arc;

    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use loom::thread;

    use crate::budget::Budget;
    use crate::delivery::Deliveries;
    use crate::slab::Slab;

    fn two_pieces() -> Arc<Slab<UnsafeCell<u32>>> {
        let cells = (0..2).map(|_| UnsafeCell::new(0)).collect();
        Arc::new(Slab::new(cells, 1))
    }

    /// Claims a piece, writes its number from 1 to it, and returns it.
    fn fill_piece(slab: &Slab<UnsafeCell<u32>>, piece: usize) {
        let pieces = slab.pieces(piece..piece + 1);
        // SAFETY: the pointer is valid, and the piece is this thread's alone.
        pieces[0].with_mut(|cell| unsafe { *cell = piece as u32 + 1 });
    }

    /// A cell of loom reports a read that the orderings of the atomics do not put after a write,
    /// even where the processor would.
    #[test]
    fn one_thread_takes_the_vector_and_sees_all_pieces() {
        loom::model(|| {
            let slab = two_pieces();
            let fill = |piece: usize| {
                let slab = Arc::clone(&slab);
                move || {
                    fill_piece(&slab, piece);
                    slab.take()
                }
            };
            let other = thread::spawn(fill(1));
            let taken = [fill(0)(), other.join().unwrap()];
            let taken: Vec<_> = taken.into_iter().flatten().collect();
            assert_eq!(taken.len(), 1, "taken once, by the thread that was last");
            // SAFETY: the pointers are valid, and both threads have ended.
            let values = taken[0]
                .iter()
                .map(|cell| cell.with(|cell| unsafe { *cell }));
            assert_eq!(values.collect::<Vec<_>>(), [1, 2]);
        });
    }

    #[test]
    fn the_thread_that_takes_sees_all_pieces_before_the_others_end() {
        loom::model(|| {
            let slab = two_pieces();
            let fill = |piece: usize| {
                let slab = Arc::clone(&slab);
                move || {
                    fill_piece(&slab, piece);
                    let Some(cells) = slab.take() else { return };
                    // SAFETY: the pointers are valid, and the slab handed the cells out whole.
                    let values = cells.iter().map(|cell| cell.with(|cell| unsafe { *cell }));
                    assert_eq!(values.collect::<Vec<_>>(), [1, 2]);
                }
            };
            let other = thread::spawn(fill(1));
            fill(0)();
            other.join().unwrap();
        });
    }

    /// A lost wake-up would be a deadlock, which the model checker reports.
    #[test]
    fn permits_never_exceed_the_total_and_every_thread_gets_one() {
        loom::model(|| {
            let budget = Budget::new(3);
            let out = Arc::new(AtomicU64::new(0));
            let stop = Arc::new(AtomicBool::new(false));
            let work = |units: u64| {
                let (budget, out) = (Arc::clone(&budget), Arc::clone(&out));
                let stop = Arc::clone(&stop);
                move || {
                    let permit = budget.acquire(units, &stop).unwrap();
                    assert!(out.fetch_add(units, Ordering::SeqCst) + units <= 3);
                    out.fetch_sub(units, Ordering::SeqCst);
                    drop(permit);
                }
            };
            let other = thread::spawn(work(2));
            work(2)();
            other.join().unwrap();
            assert!(budget.peak() <= 3);
        });
    }

    #[test]
    fn items_are_taken_in_order_and_a_failure_is_seen() {
        loom::model(|| {
            let deliveries = Arc::new(Deliveries::default());
            let put = |number: u64| {
                let deliveries = Arc::clone(&deliveries);
                thread::spawn(move || deliveries.put(number, number))
            };
            let threads = [put(1), put(0)];
            assert_eq!(deliveries.take(None), Some(0));
            assert_eq!(deliveries.take(None), Some(1));
            threads.map(|thread| thread.join().unwrap());
            let failing = {
                let deliveries = Arc::clone(&deliveries);
                thread::spawn(move || deliveries.fail(9))
            };
            assert_eq!(deliveries.take(None), Some(9));
            failing.join().unwrap();
        });
    }

    #[test]
    fn a_stop_wakes_a_thread_that_waits() {
        loom::model(|| {
            let budget = Budget::new(1);
            let stop = Arc::new(AtomicBool::new(false));
            let held = budget.try_acquire(1).unwrap();
            let waiting = {
                let (budget, stop) = (Arc::clone(&budget), Arc::clone(&stop));
                thread::spawn(move || budget.acquire(1, &stop).is_none())
            };
            stop.store(true, Ordering::Release);
            budget.wake();
            assert!(waiting.join().unwrap());
            drop(held);
        });
    }
}
