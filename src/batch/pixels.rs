//! The pixels of batches: typed vectors, the pool that they come from, and the slab that is
//! written.
//!
//! The vectors of a batch, one for each view group, go around in a circle:
//!
//! 1. [`Pool::lease`] makes them, or takes them from an earlier batch, with a [`Lease`] that counts
//!    their bytes against `Tuning::held`;
//! 2. an [`Output`] lends their pieces to the workers that write them;
//! 3. [`Output::take`] returns them for the [`Batch`](super::Batch), which holds the lease too;
//! 4. when the batch is dropped, [`Lease::give_back`] returns them to the pool. If the consumer
//!    takes the vectors out of the batch, they are the consumer's, and the lease ends at that
//!    moment.
//!
//! The limit exists because only the consumer decides how many batches live at once. A consumer
//! that collects batches in a `Vec` gets an error that names the remedy, where a process would
//! otherwise be killed for its memory.
//!
//! A vector is a plain `Vec<f32>` with the allocator's alignment and not 64-byte aligned memory,
//! because an over-aligned allocation cannot become a `Vec` without a copy.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use half::{bf16, f16};

use super::slab::Slab;
use super::slot_writer::{SlotPixels, SlotWriter};
use crate::error::{Error, Kind, Result};
use crate::recipe::{Dtype, Layout};

/// Owned pixels of one view group, by element type: a row-major tensor without its shape.
///
/// [`Batch::into_images`](crate::Batch::into_images) returns one. The shape and layout are those of
/// [`Batch::images`](crate::Batch::images), so read them first.
///
/// # Example: the numbers of any type
///
/// ```
/// use feedmill::Pixels;
///
/// fn greatest(pixels: &Pixels) -> f32 {
///     let each: Vec<f32> = match pixels {
///         Pixels::U8(levels) => levels.iter().map(|level| f32::from(*level)).collect(),
///         Pixels::F16(values) => values.iter().map(|value| value.to_f32()).collect(),
///         Pixels::Bf16(values) => values.iter().map(|value| value.to_f32()).collect(),
///         Pixels::F32(values) => values.clone(),
///         _ => Vec::new(), // types that later versions may add
///     };
///     each.into_iter().fold(f32::MIN, f32::max)
/// }
/// assert_eq!(greatest(&Pixels::U8(vec![3, 200, 7])), 200.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Pixels {
    /// Levels from 0 to 255, not normalized.
    U8(Vec<u8>),
    /// Normalized values, `(level / 255 - mean) / std`, in IEEE half precision.
    F16(Vec<f16>),
    /// Normalized values as bfloat16.
    Bf16(Vec<bf16>),
    /// Normalized values in single precision.
    F32(Vec<f32>),
}

impl Default for Pixels {
    fn default() -> Pixels {
        Pixels::U8(Vec::new())
    }
}

/// Evaluates an expression with the vector of any element type.
macro_rules! with_vector {
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
    /// A vector of `len` zeros, or an error instead of an abort if there is no memory for it.
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

    /// The number of values, which is the product of the shape and not a number of bytes.
    pub fn len(&self) -> usize {
        with_vector!(self, vector => vector.len())
    }

    /// True if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a range of values, as they lie in memory.
    pub(crate) fn bytes_of(&self, range: Range<usize>) -> &[u8] {
        with_vector!(self, vector => bytemuck::cast_slice(&vector[range]))
    }

    fn wrong_dtype(&self, expected: &str) -> Error {
        Error::config(format!(
            "the batch has {:?} pixels, not {expected}: set output.dtype = \"{expected}\" \
             or use the other accessor",
            self.dtype()
        ))
    }

    /// The values as an owned `Vec<f32>`, without a copy.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe's `output.dtype` is another one.
    pub fn into_f32(self) -> Result<Vec<f32>> {
        match self {
            Pixels::F32(values) => Ok(values),
            other => Err(other.wrong_dtype("f32")),
        }
    }

    /// The values as an owned `Vec<u8>`, without a copy.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe's `output.dtype` is another one.
    pub fn into_u8(self) -> Result<Vec<u8>> {
        match self {
            Pixels::U8(values) => Ok(values),
            other => Err(other.wrong_dtype("u8")),
        }
    }
}

/// The pixels of one view group of a batch, borrowed, with their shape and layout.
///
/// The first dimension counts images. A view group of `count` views in a batch of `slots` slots has
/// `count * slots` images: all slots of the first view, then all slots of the second one, and so
/// on. Image `k * slots + s` is therefore view `k` of slot `s`.
///
/// # Example: the two views of SimCLR
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("simclr")?.with_batch(2))?;
/// let batch = loader.epoch(0)?.next().expect("a batch")?;
/// let images = batch.images();
/// assert_eq!((images.count(), images.shape()), (2, [4, 3, 224, 224]));
/// assert_eq!(images.nth(1).shape(), [2, 3, 224, 224]);
/// assert_eq!(images.nth(1).as_f32()?, &images.as_f32()?[2 * 3 * 224 * 224..]);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    pixels: &'a Pixels,
    /// The index in `pixels` of the first value.
    start: usize,
    shape: [usize; 4],
    layout: Layout,
    /// Images of one view: the slots of the batch.
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

    /// The number of views: the `count` of the `[[view]]` table, or 1 after [`Images::nth`].
    pub fn count(&self) -> usize {
        self.shape[0] / self.slots
    }

    /// View `k` alone, from 0: one image for each slot, in the order of slots.
    ///
    /// # Panics
    ///
    /// If `k` is not less than [`Images::count`].
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

    /// Image `index` alone, from 0, with its pixels as a slice of these.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub(super) fn image(&self, index: usize) -> Images<'a> {
        let [images, a, b, c] = self.shape;
        assert!(index < images, "image {index} of {images}");
        Images {
            start: self.start + index * a * b * c,
            shape: [1, a, b, c],
            slots: 1,
            ..*self
        }
    }

    /// The length of each dimension: `[images, channels, height, width]` for [`Layout::Nchw`] and
    /// `[images, height, width, channels]` for [`Layout::Nhwc`]. There are 3 channels (RGB), or 1
    /// (gray) with `output.channels = 1`.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// The order of the dimensions, which is the recipe's `output.layout`.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The element type, which is the recipe's `output.dtype`.
    pub fn dtype(&self) -> Dtype {
        self.pixels.dtype()
    }

    /// The values as `f32`, normalized, in row-major order of [`Images::shape`].
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe's `output.dtype` is another one.
    pub fn as_f32(&self) -> Result<&'a [f32]> {
        match self.pixels {
            Pixels::F32(values) => Ok(&values[self.range()]),
            other => Err(other.wrong_dtype("f32")),
        }
    }

    /// The values as `u8`, the levels 0 to 255, in row-major order of [`Images::shape`].
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe's `output.dtype` is another one.
    ///
    /// # Example: levels in the order of an image file
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 2
    ///     [[view]]
    ///     ops = [{ op = "resize", size = [24, 32] }]
    ///     [output]
    ///     dtype = "u8"
    ///     layout = "nhwc"
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// assert_eq!(batch.images().shape(), [2, 24, 32, 3]);
    /// let first: &[u8] = batch.slot(0).view(0, 0).image().as_u8()?; // rows of RGB
    /// assert_eq!(first.len(), 24 * 32 * 3);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn as_u8(&self) -> Result<&'a [u8]> {
        match self.pixels {
            Pixels::U8(values) => Ok(&values[self.range()]),
            other => Err(other.wrong_dtype("u8")),
        }
    }

    /// The values as `f16`, normalized, in row-major order of [`Images::shape`].
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe's `output.dtype` is another one.
    pub fn as_f16(&self) -> Result<&'a [f16]> {
        match self.pixels {
            Pixels::F16(values) => Ok(&values[self.range()]),
            other => Err(other.wrong_dtype("f16")),
        }
    }

    /// The values as `bf16`, normalized, in row-major order of [`Images::shape`].
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the recipe's `output.dtype` is another one.
    pub fn as_bf16(&self) -> Result<&'a [bf16]> {
        match self.pixels {
            Pixels::Bf16(values) => Ok(&values[self.range()]),
            other => Err(other.wrong_dtype("bf16")),
        }
    }

    /// All values as bytes, whatever their type, as they lie in memory: in row-major order, each in
    /// the byte order of the machine.
    ///
    /// # Example: copy a batch to a device
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let recipe = Recipe::from_toml(
    ///     r#"
    ///     batch = 2
    ///     [[view]]
    ///     ops = [{ op = "resize", size = [32, 32] }]
    ///     [output]
    ///     dtype = "bf16"
    ///     "#,
    /// )?;
    /// let loader = Loader::open("fixtures/photos", recipe)?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let images = batch.images();
    /// assert_eq!(images.as_bytes().len(), 2 * 3 * 32 * 32 * images.dtype().size());
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn as_bytes(&self) -> &'a [u8] {
        self.pixels.bytes_of(self.range())
    }
}

/// The memory of the batches of a loader, or of several that share their threads: it reuses
/// vectors, and limits how many bytes batches hold.
///
/// Vectors are reused because fresh memory costs a page fault for every 4 KiB when it is first
/// written, and reused memory costs none.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Vectors without a batch, from the oldest to the newest.
    free: Mutex<VecDeque<Pixels>>,
    /// The most vectors in `free`.
    max_free: AtomicUsize,
    /// Bytes of all leases now.
    held: AtomicU64,
    /// The most bytes that leases had at once.
    peak: AtomicU64,
    /// The most bytes that leases may have: `Tuning::held`.
    limit: u64,
}

impl Pool {
    /// A pool that keeps no vectors until [`Pool::keep`] says how many.
    pub(crate) fn new(limit: u64) -> Pool {
        Pool {
            free: Mutex::default(),
            max_free: AtomicUsize::new(0),
            held: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            limit,
        }
    }

    /// Lets the pool keep this many more free vectors.
    pub(crate) fn keep(&self, vectors: usize) {
        self.max_free.fetch_add(vectors, Ordering::Relaxed);
    }

    /// A vector for each of `lengths` (in values), with unspecified content, and the lease that
    /// counts their bytes.
    ///
    /// # Errors
    ///
    /// [`Kind::Limit`] if the batches of this pool would hold more bytes than the limit, or if the
    /// system has no memory.
    pub(crate) fn lease(
        self: &Arc<Pool>,
        dtype: Dtype,
        lengths: impl Iterator<Item = usize> + Clone,
    ) -> Result<(Vec<Pixels>, Lease)> {
        let bytes = lengths.clone().sum::<usize>() as u64 * dtype.size() as u64;
        // Add first and compare afterwards, so that two runs of one loader cannot both pass below
        // the limit. The lease takes the bytes back on every error below, because it is dropped
        // there.
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let lease = Lease {
            pool: Arc::clone(self),
            bytes,
        };
        if held > self.limit {
            return Err(Error::new(
                Kind::Limit,
                format!(
                    "the batches that are held and in preparation would have {held} bytes; \
                     the limit is {}: drop batches before asking for more, or raise Tuning::held",
                    self.limit
                ),
            ));
        }
        self.peak.fetch_max(held, Ordering::Relaxed);
        let vector = |len| {
            self.take_free(dtype, len)
                .map_or_else(|| Pixels::zeros(dtype, len), Ok)
        };
        Ok((lengths.map(vector).collect::<Result<_>>()?, lease))
    }

    /// A free vector of exactly this length. A longer one would not do, because the consumer may
    /// take the vector out of the batch, where its length is that of the tensor.
    fn take_free(&self, dtype: Dtype, len: usize) -> Option<Pixels> {
        let mut free = self.free.lock().expect("no panic inside");
        let found = free
            .iter()
            .position(|pixels| pixels.dtype() == dtype && pixels.len() == len);
        found.and_then(|at| free.remove(at))
    }

    /// Keeps vectors for later batches. A full pool drops its oldest vector, so vectors of a size
    /// that no batch has any more (sizes may change with the epoch) leave the pool first.
    fn recycle(&self, pixels: impl Iterator<Item = Pixels>) {
        let mut free = self.free.lock().expect("no panic inside");
        let most = self.max_free.load(Ordering::Relaxed);
        for pixels in pixels {
            if most == 0 {
                return;
            }
            if free.len() == most {
                free.pop_front();
            }
            free.push_back(pixels);
        }
    }

    /// The most bytes that batches held at once, in preparation or with the consumer.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// The right to hold a batch's pixels: its bytes count against the limit until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    bytes: u64,
}

impl Lease {
    /// Ends the lease and returns the pixels to the pool, where the next batch finds them.
    pub(crate) fn give_back(self, pixels: impl Iterator<Item = Pixels>) {
        self.pool.recycle(pixels);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The pixels of a view group while workers write them. A piece is one image: piece
/// `k * images + i` is view `k` of image `i`, where `images` counts what mixing emits.
pub(crate) enum Output {
    U8(Slab<u8>),
    F16(Slab<f16>),
    Bf16(Slab<bf16>),
    F32(Slab<f32>),
}

impl Output {
    /// An output over `pixels`, which `pieces` divides into equal parts.
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
    ///
    /// # Panics
    ///
    /// If the piece was written before.
    pub(crate) fn write(&self, piece: usize, writer: &SlotWriter, pixels: SlotPixels<'_>) {
        match self {
            Output::U8(slab) => writer.write(pixels, &mut slab.pieces(piece..piece + 1)),
            Output::F16(slab) => writer.write(pixels, &mut slab.pieces(piece..piece + 1)),
            Output::Bf16(slab) => writer.write(pixels, &mut slab.pieces(piece..piece + 1)),
            Output::F32(slab) => writer.write(pixels, &mut slab.pieces(piece..piece + 1)),
        }
    }

    /// The finished pixels; `None` unless every piece was written, and when they were taken
    /// already.
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
        let pool = Arc::new(Pool::new(1 << 20));
        pool.keep(2);
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
                pool.free
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
