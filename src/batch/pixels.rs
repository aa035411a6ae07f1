//! The pixels of a batch: typed vectors, their pool, and the slab that is written.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use half::{bf16, f16};

use super::slab::Slab;
use super::slot_writer::{SlotPixels, SlotWriter};
use crate::error::{Error, Kind, Result};
use crate::recipe::{Dtype, Layout};

/// Owned pixels, by element type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Pixels {
    /// 8 bit.
    U8(Vec<u8>),
    /// Half precision.
    F16(Vec<f16>),
    /// bfloat16.
    Bf16(Vec<bf16>),
    /// Single precision.
    F32(Vec<f32>),
}

impl Default for Pixels {
    fn default() -> Pixels {
        Pixels::U8(Vec::new())
    }
}

macro_rules! each {
    ($pixels:expr, $vector:ident => $body:expr) => {
        match $pixels {
            Pixels::U8($vector) => $body,
            Pixels::F16($vector) => $body,
            Pixels::Bf16($vector) => $body,
            Pixels::F32($vector) => $body,
        }
    };
}

impl Pixels {
    fn zeros(dtype: Dtype, len: usize) -> Result<Pixels> {
        fn zeros<T: bytemuck::Zeroable>(len: usize) -> Result<Vec<T>> {
            bytemuck::try_zeroed_slice_box(len)
                .map(Vec::from)
                .map_err(|()| {
                    let bytes = len as u64 * std::mem::size_of::<T>() as u64;
                    Error::new(
                        Kind::Limit,
                        format!("no memory for a batch of {bytes} bytes"),
                    )
                })
        }
        Ok(match dtype {
            Dtype::U8 => Pixels::U8(zeros(len)?),
            Dtype::F16 => Pixels::F16(zeros(len)?),
            Dtype::Bf16 => Pixels::Bf16(zeros(len)?),
            Dtype::F32 => Pixels::F32(zeros(len)?),
        })
    }

    /// The element type.
    pub fn dtype(&self) -> Dtype {
        match self {
            Pixels::U8(_) => Dtype::U8,
            Pixels::F16(_) => Dtype::F16,
            Pixels::Bf16(_) => Dtype::Bf16,
            Pixels::F32(_) => Dtype::F32,
        }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        each!(self, vector => vector.len())
    }

    /// True if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a range of values, as they lie in memory.
    pub(crate) fn bytes_of(&self, range: Range<usize>) -> &[u8] {
        each!(self, vector => bytemuck::cast_slice(&vector[range]))
    }

    fn wrong(&self, wanted: &str) -> Error {
        Error::config(format!(
            "the batch has {:?} pixels, not {wanted}: set output.dtype = \"{wanted}\" or use the other accessor",
            self.dtype()
        ))
    }

    /// The values as an owned vector of f32, without a copy.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if they are of another type.
    pub fn into_f32(self) -> Result<Vec<f32>> {
        match self {
            Pixels::F32(values) => Ok(values),
            other => Err(other.wrong("f32")),
        }
    }

    /// The values as an owned vector of u8, without a copy.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if they are of another type.
    pub fn into_u8(self) -> Result<Vec<u8>> {
        match self {
            Pixels::U8(values) => Ok(values),
            other => Err(other.wrong("u8")),
        }
    }
}

/// The pixels of a group of views with their shape.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    pixels: &'a Pixels,
    /// The first of the vector's values that belongs to it.
    start: usize,
    shape: [usize; 4],
    layout: Layout,
    slots: usize,
}

impl<'a> Images<'a> {
    pub(super) fn new(
        pixels: &'a Pixels,
        shape: [usize; 4],
        layout: Layout,
        slots: usize,
    ) -> Images<'a> {
        Images {
            pixels,
            start: 0,
            shape,
            layout,
            slots,
        }
    }

    fn range(&self) -> Range<usize> {
        self.start..self.start + self.shape.iter().product::<usize>()
    }

    /// The number of views in the group.
    pub fn count(&self) -> usize {
        self.shape[0] / self.slots
    }

    /// View `k` of the group: an image for each slot, which lie together.
    ///
    /// # Panics
    ///
    /// If there is no such view.
    #[must_use]
    pub fn nth(&self, k: usize) -> Images<'a> {
        assert!(k < self.count(), "view {k} of a group of {}", self.count());
        let [_, a, b, c] = self.shape;
        let start = self.start + k * self.slots * a * b * c;
        Images {
            start,
            shape: [self.slots, a, b, c],
            ..*self
        }
    }

    /// The length of each dimension, in the layout's order.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// The order of dimensions.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The element type.
    pub fn dtype(&self) -> Dtype {
        self.pixels.dtype()
    }

    /// The values in row-major order.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if they are of another type.
    pub fn as_f32(&self) -> Result<&'a [f32]> {
        match self.pixels {
            Pixels::F32(values) => Ok(&values[self.range()]),
            other => Err(other.wrong("f32")),
        }
    }

    /// The values in row-major order.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if they are of another type.
    pub fn as_u8(&self) -> Result<&'a [u8]> {
        match self.pixels {
            Pixels::U8(values) => Ok(&values[self.range()]),
            other => Err(other.wrong("u8")),
        }
    }

    /// The values in row-major order.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if they are of another type.
    pub fn as_f16(&self) -> Result<&'a [f16]> {
        match self.pixels {
            Pixels::F16(values) => Ok(&values[self.range()]),
            other => Err(other.wrong("f16")),
        }
    }

    /// The values in row-major order.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if they are of another type.
    pub fn as_bf16(&self) -> Result<&'a [bf16]> {
        match self.pixels {
            Pixels::Bf16(values) => Ok(&values[self.range()]),
            other => Err(other.wrong("bf16")),
        }
    }

    /// All values as bytes in memory order, whatever their type.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.pixels.bytes_of(self.range())
    }
}

/// Pixel memory that is used again: a fresh batch costs a page fault for every 4 KiB, a used one
/// none.
#[derive(Debug)]
pub(crate) struct Pool {
    /// From the oldest to the newest.
    spare: Mutex<VecDeque<Pixels>>,
    /// How many vectors are kept.
    keep: usize,
    /// Bytes that batches hold now, at most, and how many there may be.
    held: AtomicU64,
    peak: AtomicU64,
    most: u64,
}

impl Pool {
    pub(crate) fn new(keep: usize, most: u64) -> Pool {
        Pool {
            spare: Mutex::default(),
            keep,
            held: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            most,
        }
    }

    /// Pixels of unknown content, a vector for each of `lengths`, and the right to hold them.
    pub(crate) fn lease(
        self: &Arc<Pool>,
        dtype: Dtype,
        lengths: impl Iterator<Item = usize> + Clone,
    ) -> Result<(Vec<Pixels>, Lease)> {
        let bytes = lengths.clone().sum::<usize>() as u64 * dtype.size() as u64;
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let lease = Lease {
            pool: Arc::clone(self),
            bytes,
        };
        if held > self.most {
            return Err(Error::new(
                Kind::Limit,
                format!(
                    "the batches that are held and in preparation would have {held} bytes; the limit is {}: drop batches \
                     before asking for more, or raise Tuning::held",
                    self.most
                ),
            ));
        }
        self.peak.fetch_max(held, Ordering::Relaxed);
        let vector = |len| {
            self.spare(dtype, len)
                .map_or_else(|| Pixels::zeros(dtype, len), Ok)
        };
        Ok((lengths.map(vector).collect::<Result<_>>()?, lease))
    }

    fn spare(&self, dtype: Dtype, len: usize) -> Option<Pixels> {
        let mut spare = self.spare.lock().expect("no panic inside");
        let found = spare
            .iter()
            .position(|pixels| pixels.dtype() == dtype && pixels.len() == len);
        found.and_then(|at| spare.remove(at))
    }

    /// Keeps vectors for later. The oldest make room, so that those of a size that is not asked for
    /// any more go.
    fn keep(&self, pixels: impl Iterator<Item = Pixels>) {
        let mut spare = self.spare.lock().expect("no panic inside");
        for pixels in pixels {
            if spare.len() == self.keep {
                spare.pop_front();
            }
            spare.push_back(pixels);
        }
    }

    /// The most bytes that batches held at once.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// The right to hold a batch's pixels.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    bytes: u64,
}

impl Lease {
    /// Ends the lease; the pixels are used again.
    pub(crate) fn give_back(self, pixels: impl Iterator<Item = Pixels>) {
        self.pool.keep(pixels);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The pixels of a group of views while workers write them, a piece for each slot of each view.
pub(crate) enum Output {
    U8(Slab<u8>),
    F16(Slab<f16>),
    Bf16(Slab<bf16>),
    F32(Slab<f32>),
}

impl Output {
    pub(crate) fn new(pixels: Pixels, pieces: usize) -> Output {
        let piece = pixels.len() / pieces;
        match pixels {
            Pixels::U8(vector) => Output::U8(Slab::new(vector, piece)),
            Pixels::F16(vector) => Output::F16(Slab::new(vector, piece)),
            Pixels::Bf16(vector) => Output::Bf16(Slab::new(vector, piece)),
            Pixels::F32(vector) => Output::F32(Slab::new(vector, piece)),
        }
    }

    /// Writes one piece.
    pub(crate) fn write(&self, piece: usize, writer: &SlotWriter, pixels: SlotPixels<'_>) {
        match self {
            Output::U8(slab) => writer.write(pixels, &mut slab.pieces(piece..piece + 1)),
            Output::F16(slab) => writer.write(pixels, &mut slab.pieces(piece..piece + 1)),
            Output::Bf16(slab) => writer.write(pixels, &mut slab.pieces(piece..piece + 1)),
            Output::F32(slab) => writer.write(pixels, &mut slab.pieces(piece..piece + 1)),
        }
    }

    /// The finished pixels, once every piece was written.
    pub(crate) fn take(&self) -> Option<Pixels> {
        Some(match self {
            Output::U8(slab) => Pixels::U8(slab.take()?),
            Output::F16(slab) => Pixels::F16(slab.take()?),
            Output::Bf16(slab) => Pixels::Bf16(slab.take()?),
            Output::F32(slab) => Pixels::F32(slab.take()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_used_again_and_those_of_an_old_size_make_room() {
        let pool = Arc::new(Pool::new(2, 1 << 20));
        let lease = |len: usize| pool.lease(Dtype::U8, [len, len].into_iter()).unwrap();
        let at = |pixels: &[Pixels]| {
            pixels
                .iter()
                .map(|p| p.bytes_of(0..1).as_ptr())
                .collect::<Vec<_>>()
        };
        for len in [10, 20] {
            let (pixels, right) = lease(len);
            let first = at(&pixels);
            right.give_back(pixels.into_iter());
            let (pixels, right) = lease(len);
            assert_eq!(at(&pixels), first, "{len}");
            right.give_back(pixels.into_iter());
            assert!(
                pool.spare
                    .lock()
                    .unwrap()
                    .iter()
                    .all(|pixels| pixels.len() == len)
            );
        }
        assert_eq!(pool.peak(), 40);
        assert_eq!(pool.held.load(Ordering::Relaxed), 0);
    }
}
