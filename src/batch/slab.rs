//! One vector that several threads fill at once, each its own pieces.
//!
//! The vector is handed out whole afterwards, as an ordinary `Vec`, which is why it is not a set of
//! small ones. Pieces are claimed by an atomic flag each, so two threads can never hold the same
//! one; the vector can be taken only after every piece was claimed and given back.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut, Range};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

// The model checker (ci/loom.sh) tries all orders of these operations.
#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A vector in pieces of equal length.
pub(crate) struct Slab<T> {
    start: *mut T,
    len: usize,
    capacity: usize,
    piece: usize,
    claimed: Box<[AtomicBool]>,
    returned: AtomicUsize,
    taken: AtomicBool,
}

// SAFETY: the slab owns its elements, and hands each to one thread at a time (see `pieces`).
unsafe impl<T: Send> Send for Slab<T> {}
// SAFETY: as above; shared access to the slab gives no shared access to elements.
unsafe impl<T: Send> Sync for Slab<T> {}

impl<T> Slab<T> {
    /// Cuts `data` into pieces of `piece` elements.
    ///
    /// # Panics
    ///
    /// If the pieces do not divide it.
    pub(super) fn new(data: Vec<T>, piece: usize) -> Slab<T> {
        assert!(
            piece > 0 && data.len().is_multiple_of(piece),
            "{} elements in pieces of {piece}",
            data.len()
        );
        let mut data = ManuallyDrop::new(data);
        Slab {
            start: data.as_mut_ptr(),
            len: data.len(),
            capacity: data.capacity(),
            piece,
            claimed: (0..data.len() / piece)
                .map(|_| AtomicBool::new(false))
                .collect(),
            returned: AtomicUsize::new(0),
            taken: AtomicBool::new(false),
        }
    }

    /// Claims neighboring pieces for writing.
    ///
    /// # Panics
    ///
    /// If there are no such pieces, or one of them was claimed before.
    pub(super) fn pieces(&self, range: Range<usize>) -> Pieces<'_, T> {
        assert!(
            range.start <= range.end && range.end <= self.claimed.len(),
            "pieces {range:?}"
        );
        for flag in &self.claimed[range.clone()] {
            assert!(
                !flag.swap(true, Ordering::Relaxed),
                "a piece of {range:?} was claimed before"
            );
        }
        let length = (range.end - range.start) * self.piece;
        // SAFETY: the range lies inside the allocation by the first assertion, and the flags, which
        // are set once and never cleared, make these elements this caller's alone until
        // `Pieces` is dropped; `take` waits for that drop.
        let elements = unsafe {
            std::slice::from_raw_parts_mut(self.start.add(range.start * self.piece), length)
        };
        Pieces {
            elements,
            count: range.len(),
            slab: self,
        }
    }

    /// The whole vector, once all pieces were claimed and given back; `None` before that and a
    /// second time.
    pub(super) fn take(&self) -> Option<Vec<T>> {
        // Acquire pairs with the release in `Pieces::drop`: all that was written is visible here.
        if self.returned.load(Ordering::Acquire) != self.claimed.len()
            || self.taken.swap(true, Ordering::AcqRel)
        {
            return None;
        }
        // SAFETY: the parts came from a vector; no piece is out or can be claimed again; `taken`
        // makes this the only time.
        Some(unsafe { Vec::from_raw_parts(self.start, self.len, self.capacity) })
    }
}

impl<T> Drop for Slab<T> {
    fn drop(&mut self) {
        if !self.taken.load(Ordering::Relaxed) {
            // SAFETY: the parts came from a vector, were not taken, and no piece can outlive the
            // slab that it borrows.
            drop(unsafe { Vec::from_raw_parts(self.start, self.len, self.capacity) });
        }
    }
}

/// Neighboring pieces of a slab, to be written by their holder.
pub(crate) struct Pieces<'a, T> {
    elements: &'a mut [T],
    count: usize,
    slab: &'a Slab<T>,
}

impl<T> Deref for Pieces<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.elements
    }
}

impl<T> DerefMut for Pieces<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.elements
    }
}

impl<T> Drop for Pieces<'_, T> {
    fn drop(&mut self) {
        self.slab.returned.fetch_add(self.count, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn pieces_filled_by_several_threads_make_one_vector() {
        let slab = Slab::new(vec![0u32; 64], 4);
        std::thread::scope(|scope| {
            for start in [0, 4, 8, 12] {
                let slab = &slab;
                scope.spawn(move || {
                    for i in start..start + 4 {
                        slab.pieces(i..i + 1).fill(i as u32);
                    }
                });
            }
        });
        let expected: Vec<u32> = (0..64).map(|i| i / 4).collect();
        assert_eq!(slab.take().unwrap(), expected);
        assert!(slab.take().is_none());
    }

    #[test]
    fn nothing_is_taken_while_a_piece_is_out_or_missing() {
        let slab = Slab::new(vec![0u8; 6], 3);
        assert!(slab.take().is_none());
        let first = slab.pieces(0..1);
        slab.pieces(1..2).fill(1);
        assert!(slab.take().is_none());
        drop(first);
        assert!(slab.take().is_some());
    }

    #[test]
    #[should_panic(expected = "claimed before")]
    fn a_piece_cannot_be_claimed_twice() {
        let slab = Slab::new(vec![0u8; 4], 1);
        drop(slab.pieces(1..3));
        slab.pieces(2..3);
    }
}
