//! One vector that several threads fill at the same time, and that comes out as an ordinary `Vec`.
//!
//! A batch's pixels are one allocation, because a consumer wants one tensor and takes it without a
//! copy. The workers that write the slots of that tensor are long-lived threads which share the
//! batch behind an `Arc`, and no one knows in advance which of them will write which slot. So the
//! borrow checker cannot split the vector for us (`chunks_mut` needs the whole `&mut` at one place,
//! and ties its pieces to that borrow), and this file does the same split at run time:
//!
//! * each piece has an atomic flag. [`Slab::pieces`] sets it and panics if it was set before. Flags
//!   are never cleared, so a piece is lent to one holder in the life of the slab;
//! * each [`Pieces`] counts itself as returned when it is dropped;
//! * [`Slab::take`] hands out the vector once all pieces have been returned, which implies that all
//!   were claimed.
//!
//! Rejected: a small vector for each slot and a concatenation at the end, which would read and
//! write every batch once more; a `Mutex` around each piece, which still needs `unsafe` to join the
//! pieces into one allocation; and a lock around the vector, which would serialize the writers.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut, Range};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

// The model checker (ci/loom.sh) tries all orders of these operations.
#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A vector of `T` in pieces of equal length, which threads claim and fill through `&Slab`.
pub(crate) struct Slab<T> {
    /// The raw parts of the vector. The slab owns the elements until `taken` is set.
    start: *mut T,
    len: usize,
    capacity: usize,
    /// Elements of a piece.
    piece_len: usize,
    /// One flag for each piece, set when the piece is claimed and never cleared.
    claimed: Box<[AtomicBool]>,
    /// Pieces that were claimed and dropped again.
    returned: AtomicUsize,
    /// True once the vector was handed out; the slab owns nothing from then on.
    taken: AtomicBool,
}

// SAFETY: the slab owns its elements as a `Vec<T>` does, so it may move to another thread if `T`
// may.
unsafe impl<T: Send> Send for Slab<T> {}
// SAFETY: a shared slab never leads to a shared element. `pieces` lends each element to at most one
// holder, and `take` moves the elements out after the last holder is gone. As for `Mutex<T>`, it is
// therefore enough that `T` may be sent.
unsafe impl<T: Send> Sync for Slab<T> {}

impl<T> Slab<T> {
    /// A slab over `data`, in pieces of `piece_len` elements.
    ///
    /// # Panics
    ///
    /// If `piece_len` is 0 or does not divide the length of `data`.
    pub(super) fn new(data: Vec<T>, piece_len: usize) -> Slab<T> {
        assert!(
            piece_len > 0 && data.len().is_multiple_of(piece_len),
            "{} elements in pieces of {piece_len}",
            data.len()
        );
        let mut data = ManuallyDrop::new(data);
        Slab {
            start: data.as_mut_ptr(),
            len: data.len(),
            capacity: data.capacity(),
            piece_len,
            claimed: (0..data.len() / piece_len)
                .map(|_| AtomicBool::new(false))
                .collect(),
            returned: AtomicUsize::new(0),
            taken: AtomicBool::new(false),
        }
    }

    /// The pieces of `range`, exclusively and for good: none of them can be claimed again, not even
    /// after the holder has dropped them.
    ///
    /// # Panics
    ///
    /// If the range reaches beyond the slab, or one of its pieces was claimed before.
    pub(super) fn pieces(&self, range: Range<usize>) -> Pieces<'_, T> {
        assert!(
            range.start <= range.end && range.end <= self.claimed.len(),
            "pieces {range:?}"
        );
        // Relaxed is enough. A swap alone decides who gets the piece, and there are no writes of an
        // earlier holder to see, because there is none.
        for flag in &self.claimed[range.clone()] {
            assert!(
                !flag.swap(true, Ordering::Relaxed),
                "a piece of {range:?} was claimed before"
            );
        }
        let length = (range.end - range.start) * self.piece_len;
        // SAFETY: the range lies inside the allocation by the first assertion. The flags are set
        // once and never cleared, so no one else has held or will hold these elements, and the
        // vector is still here: `take` succeeds only after every claimed piece was dropped, which
        // these are not yet.
        let elements = unsafe {
            std::slice::from_raw_parts_mut(self.start.add(range.start * self.piece_len), length)
        };
        Pieces {
            elements,
            count: range.len(),
            slab: self,
        }
    }

    /// The whole vector. `None` before all pieces were claimed and dropped, and when it was taken
    /// already.
    pub(super) fn take(&self) -> Option<Vec<T>> {
        // Acquire pairs with the release in `Pieces::drop`, so whoever sees the full count also
        // sees everything that the holders wrote.
        if self.returned.load(Ordering::Acquire) != self.claimed.len()
            || self.taken.swap(true, Ordering::AcqRel)
        {
            return None;
        }
        // SAFETY: the parts are those of the vector in `new`. No piece is out, since all were
        // returned, and none can be claimed again. The swap of `taken` lets one caller pass, and
        // keeps `Drop` from freeing the vector a second time.
        Some(unsafe { Vec::from_raw_parts(self.start, self.len, self.capacity) })
    }
}

impl<T> Drop for Slab<T> {
    fn drop(&mut self) {
        if !self.taken.load(Ordering::Relaxed) {
            // SAFETY: the parts are those of the vector in `new`, `take` has not handed them out,
            // and no piece can outlive the slab that it borrows.
            drop(unsafe { Vec::from_raw_parts(self.start, self.len, self.capacity) });
        }
    }
}

/// Neighboring pieces of a slab as one mutable slice. Dropping it returns them to the slab.
pub(crate) struct Pieces<'a, T> {
    elements: &'a mut [T],
    /// The number of pieces.
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
        // Release publishes what was written to whoever sees the count in `Slab::take`.
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
