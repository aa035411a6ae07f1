//! The final pass: 8-bit pixels to the values of a batch, in the batch's order and type.
//!
//! Pixels are `[u8; C]`, with three channels or, for gray batches, with one. The code is the same
//! for both, except that the two orders of one channel do not differ.
//!
//! A value is `(level / 255 - mean) / std` in f32 with both divisions, as torchvision computes it,
//! and a mixed value is a sum of normalized values times weights in f32, in the order of the
//! sources and never fused. Reading, normalizing, mixing, converting and transposing happen in one
//! pass, because a batch is larger than any cache.
//!
//! Plain code looks up the 256 values of each channel. Vector code divides instead: a look-up is a
//! load for each value, while divisions of eight values keep up with the memory that is written,
//! and they are as exact. Rejected: multiplying by `1 / (255 std)`, which is faster in plain code
//! and returns other bits than torchvision.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod element;
mod scalar;

use std::ops::Range;

pub(crate) use element::Element;

use crate::cpu::{Simd, dispatch};
use crate::geometry::{Rect, Size};

/// The order of the values of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Channel, row, column.
    Planar,
    /// Row, column, channel.
    Interleaved,
}

/// The map from levels to numbers: `(level / unit - mean) / std` in f32, step by step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Normalization {
    unit: f32,
    mean: [f32; 3],
    std: [f32; 3],
}

impl Normalization {
    /// Levels as they are.
    pub(crate) const IDENTITY: Normalization = Normalization {
        unit: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
    };

    /// Levels on a scale of 0 to 1, minus the mean of their channel, divided by its deviation.
    pub(crate) fn new(mean: [f64; 3], std: [f64; 3]) -> Normalization {
        Normalization {
            unit: 255.0,
            mean: mean.map(|mean| mean as f32),
            std: std.map(|std| std as f32),
        }
    }

    /// The number for a level of a channel.
    pub(crate) fn apply(&self, level: u8, channel: usize) -> f32 {
        (f32::from(level) / self.unit - self.mean[channel]) / self.std[channel]
    }
}

/// A value for each of the 256 levels of each channel.
pub(crate) type Table<T, const C: usize> = [[T; 256]; C];

/// Makes a table from `value(channel, level)`. A loop, because `array::map` on 256 elements takes
/// the compiler minutes.
fn table<T: Element, const C: usize>(value: impl Fn(usize, usize) -> T) -> Table<T, C> {
    let mut table = [[T::from_f32(0.0); 256]; C];
    for (channel, levels) in table.iter_mut().enumerate() {
        for (level, entry) in levels.iter_mut().enumerate() {
            *entry = value(channel, level);
        }
    }
    table
}

/// Writes normalized images of one size in one order.
#[derive(Debug)]
pub(crate) struct Normalizer {
    size: Size,
    order: Order,
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(
            dead_code,
            reason = "plain code looks values up instead of computing them"
        )
    )]
    normalization: Normalization,
    values: Box<Table<f32, 3>>,
    simd: Simd,
}

impl Normalizer {
    /// A normalizer for images of this size.
    pub(crate) fn new(
        normalization: Normalization,
        size: Size,
        order: Order,
        simd: Simd,
    ) -> Normalizer {
        let values = table(|channel, level| normalization.apply(level as u8, channel));
        Normalizer {
            size,
            order,
            normalization,
            values: Box::new(values),
            simd,
        }
    }

    /// The size of the images.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// The normalized numbers of all levels.
    pub(crate) fn values(&self) -> &Table<f32, 3> {
        &self.values
    }

    /// The values of all levels in a batch of this type.
    pub(crate) fn converted<T: Element, const C: usize>(&self) -> Table<T, C> {
        table(|channel, level| T::from_f32(self.values[channel][level]))
    }

    /// Writes the image `own`, and `partner` inside a rectangle.
    pub(crate) fn copy<T: Element, const C: usize>(
        &self,
        own: &[[u8; C]],
        partner: &[[u8; C]],
        rect: Rect,
        out: &mut [T],
    ) {
        let levels = [own, partner].map(|image| T::from_levels(image.as_flattened()));
        if (self.order == Order::Interleaved || C == 1)
            && let [Some(own), Some(partner)] = levels
        {
            out.copy_from_slice(own);
            for span in self.spans(rect).map(|span| C * span.start..C * span.end) {
                out[span.clone()].copy_from_slice(&partner[span]);
            }
            return;
        }
        dispatch!(self.simd, copy(self, own, partner, rect, out));
    }

    /// Writes the sum of images times their weights.
    pub(crate) fn weighted_sum<T: Element, const C: usize>(
        &self,
        sources: &[&[[u8; C]]],
        weights: &[f32],
        out: &mut [T],
    ) {
        dispatch!(self.simd, weighted_sum(self, sources, weights, out));
    }

    /// The pixels of each row of a rectangle.
    fn spans(&self, rect: Rect) -> impl Iterator<Item = Range<usize>> + use<> {
        let width = self.size.width as usize;
        let (left, columns) = (rect.left as usize, rect.width as usize);
        (rect.top as usize..(rect.top + rect.height) as usize)
            .map(move |y| y * width + left..y * width + left + columns)
            .filter(|span| !span.is_empty())
    }

    /// The pixels of row `y` of an image.
    pub(crate) fn row<'a, const C: usize>(&self, image: &'a [[u8; C]], y: usize) -> &'a [[u8; C]] {
        let width = self.size.width as usize;
        &image[y * width..(y + 1) * width]
    }

    /// Calls `write` for each row of each of `C` channels with the row, the channel, the values from
    /// the first one on, and the distance between values.
    pub(crate) fn rows<T, const C: usize>(
        &self,
        out: &mut [T],
        mut write: impl FnMut(usize, usize, &mut [T], usize),
    ) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        match self.order {
            Order::Planar => {
                for channel in 0..C {
                    let plane = &mut out[channel * width * height..][..width * height];
                    plane
                        .chunks_exact_mut(width)
                        .enumerate()
                        .for_each(|(y, row)| write(y, channel, row, 1));
                }
            }
            Order::Interleaved => {
                for (y, row) in out.chunks_exact_mut(width * C).enumerate() {
                    for channel in 0..C {
                        write(y, channel, &mut row[channel..], C);
                    }
                }
            }
        }
    }

    /// The index of a value in an output of `C` channels.
    pub(crate) fn index<const C: usize>(&self, y: usize, x: usize, channel: usize) -> usize {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        match self.order {
            Order::Planar => (channel * height + y) * width + x,
            Order::Interleaved => (y * width + x) * C + channel,
        }
    }
}

/// Looks up one channel of a row of pixels and writes every `step`th value of `out`.
pub(crate) fn look_up_row<T: Element, const C: usize>(
    table: &[T; 256],
    pixels: &[[u8; C]],
    channel: usize,
    out: &mut [T],
    step: usize,
) {
    if step == 1 {
        for (out, pixel) in out.iter_mut().zip(pixels) {
            *out = table[usize::from(pixel[channel])];
        }
    } else {
        for (out, pixel) in out.iter_mut().step_by(step).zip(pixels) {
            *out = table[usize::from(pixel[channel])];
        }
    }
}
