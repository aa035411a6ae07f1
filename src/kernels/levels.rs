//! Steps that change each value by a table of 256 entries for each channel.
//!
//! The rules and their rounding are Pillow's of 8-bit images (`ImageEnhance`, `ImageOps`), or those
//! of torchvision's u8 tensors where a step says so.
//!
//! Consecutive steps become one table, so that pixels are read and written once however many steps
//! there are. A step that needs statistics of the image, such as its histogram, needs them as of
//! the image after the earlier steps; those follow from statistics of the original image and the
//! table so far: a histogram is mapped through the table, and a mean is that of the looked-up
//! values. Rejected: one pass over the image for each step, which costs as many times as there are
//! steps.

use std::fmt;

use super::blend::{blend, blend_tv2};
use super::dialect::Dialect;
use super::luma::{self, luma, luma_truncated};
use super::pixel_buf::PixelBuf;
use crate::cpu::Simd;

/// A change of each value by a function of it, of its channel and of the image's statistics.
///
/// # Example: invert an image
///
/// ```
/// use feedmill::augment::steps::Levels;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Levels::Invert));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert_eq!(out[0], 155);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Levels {
    /// Scale by a factor, 0 is black.
    Brightness(f64),
    /// Blend with the mean gray by a factor, 0 is flat gray.
    Contrast(f64, Dialect),
    /// 255 minus the value.
    Invert,
    /// Invert the values that reach a threshold of 0 to 256.
    Solarize(u16),
    /// Add to values below a threshold.
    SolarizeAdd {
        /// The summand in levels; the sum is clipped.
        add: i16,
        /// The smallest level that stays as it is.
        threshold: u16,
    },
    /// Keep this many high bits, 0 to 8.
    Posterize(u8),
    /// `255.999 gain (v / 255)^gamma`.
    Gamma {
        /// The exponent, above 0.
        gamma: f32,
        /// The factor.
        gain: f32,
    },
    /// Add to each channel, clipped.
    Add([i16; 3]),
    /// Multiply each channel, clipped and truncated.
    Multiply([f32; 3]),
    /// 255 minus the value, in some channels.
    InvertChannels([bool; 3]),
    /// `127 + factor (v - 127)`.
    Linear(f64),
    /// `255 / (1 + exp(gain (cutoff - v / 255)))`.
    Sigmoid {
        /// The steepness: the slope is a quarter of this where the level is the cutoff.
        gain: f64,
        /// The value on a scale of 0 to 1 that becomes a half.
        cutoff: f64,
    },
    /// `255 gain log2(1 + v / 255)`.
    Log(f64),
    /// The centers of this many equal intervals, 2 to 256.
    Quantize(u16),
    /// Stretch each channel to the whole range.
    AutoContrast(Dialect),
    /// Flatten each channel's histogram.
    Equalize,
}

impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Levels::Brightness(factor) => write!(f, "brightness factor={factor:.4}"),
            Levels::Contrast(factor, dialect) => write!(f, "contrast factor={factor:.4}{dialect}"),
            Levels::Invert => f.write_str("invert"),
            Levels::Solarize(threshold) => write!(f, "solarize threshold={threshold}"),
            Levels::SolarizeAdd { add, threshold } => {
                write!(f, "solarize_add add={add} threshold={threshold}")
            }
            Levels::Posterize(bits) => write!(f, "posterize bits={bits}"),
            Levels::Gamma { gamma, gain } => write!(f, "gamma gamma={gamma:.4} gain={gain:.4}"),
            Levels::Add(values) => write!(f, "add values={values:?}"),
            Levels::Multiply([r, g, b]) => write!(f, "multiply factors=[{r:.4}, {g:.4}, {b:.4}]"),
            Levels::InvertChannels(which) => write!(f, "invert channels={which:?}"),
            Levels::Linear(factor) => write!(f, "linear_contrast factor={factor:.4}"),
            Levels::Sigmoid { gain, cutoff } => {
                write!(f, "sigmoid_contrast gain={gain:.4} cutoff={cutoff:.4}")
            }
            Levels::Log(gain) => write!(f, "log_contrast gain={gain:.4}"),
            Levels::Quantize(levels) => write!(f, "quantize levels={levels}"),
            Levels::AutoContrast(dialect) => write!(f, "autocontrast{dialect}"),
            Levels::Equalize => f.write_str("equalize"),
        }
    }
}

/// One table of 256 values for each channel.
type Tables = [[u8; 256]; 3];

/// How often each value occurs in each channel.
type Histograms = [[u32; 256]; 3];

/// Tables and histograms, kept from image to image.
#[derive(Debug)]
pub(crate) struct LutScratch {
    tables: Box<Tables>,
    histograms: Box<Histograms>,
}

impl Default for LutScratch {
    fn default() -> LutScratch {
        LutScratch {
            tables: Box::new([[0; 256]; 3]),
            histograms: Box::new([[0; 256]; 3]),
        }
    }
}

/// Applies consecutive steps.
pub(crate) fn run<'a>(
    steps: impl Iterator<Item = &'a Levels> + Clone,
    pixels: PixelBuf<'_>,
    scratch: &mut LutScratch,
    simd: Simd,
) {
    let mut rest = steps.clone();
    match rest.next().filter(|_| rest.next().is_none()) {
        // Single steps that the compiler vectorizes, which beats a table.
        Some(Levels::Invert) => return pixels.map(|value| 255 - value),
        Some(Levels::Posterize(bits)) => {
            let mask = posterize_mask(*bits);
            return pixels.map(|value| value & mask);
        }
        Some(Levels::Solarize(threshold)) if (1..256).contains(threshold) => {
            let last = (threshold - 1) as u8;
            return pixels.map(|value| value ^ if value > last { 255 } else { 0 });
        }
        _ => {}
    }
    let LutScratch { tables, histograms } = scratch;
    for table in tables.iter_mut() {
        (0..=255)
            .zip(table)
            .for_each(|(value, entry)| *entry = value);
    }
    let counting = |step: &&Levels| matches!(step, Levels::Equalize | Levels::AutoContrast(_));
    let mut image = Statistics {
        pixels: pixels.source(),
        histograms,
        counted: false,
        ends_suffice: steps.clone().filter(counting).count() == 1,
        simd,
    };
    for (number, step) in steps.enumerate() {
        image.add(step, tables, number == 0);
    }
    let [r, g, b] = &**tables;
    pixels.map_pixels(|[x, y, z]| [r[usize::from(x)], g[usize::from(y)], b[usize::from(z)]]);
}

/// The image before the first step, of which steps need statistics.
struct Statistics<'a> {
    pixels: &'a [u8],
    histograms: &'a mut Histograms,
    /// True if the histograms are those of `pixels`.
    counted: bool,
    /// True if a single step needs histograms. If that is the first step and it stretches the
    /// range, the ends of the histograms suffice.
    ends_suffice: bool,
    simd: Simd,
}

impl Statistics<'_> {
    /// Adds a step to the tables; `first` says that they are still the identity.
    fn add(&mut self, step: &Levels, tables: &mut Tables, first: bool) {
        match *step {
            Levels::Contrast(factor, dialect) => {
                let mean = self.mean_luma((!first).then_some(tables), dialect);
                each(tables, |value| match dialect {
                    Dialect::Pil => blend((mean + 0.5) as u8, value, factor as f32),
                    Dialect::Tv2 => blend_tv2(mean as f32, value, factor),
                });
            }
            Levels::AutoContrast(dialect) => {
                self.count(first && self.ends_suffice);
                self.map_histograms(tables, |histogram| autocontrast(histogram, dialect));
            }
            Levels::Equalize => {
                self.count(false);
                self.map_histograms(tables, equalize);
            }
            Levels::Add(values) => each_channel(tables, values, |value, add| {
                (i16::from(value) + add).clamp(0, 255) as u8
            }),
            Levels::Multiply(factors) => {
                each_channel(tables, factors, |value, factor| blend(0, value, factor));
            }
            Levels::InvertChannels(which) => {
                each_channel(
                    tables,
                    which,
                    |value, invert| {
                        if invert { 255 - value } else { value }
                    },
                )
            }
            point => each(tables, |value| point.value(value)),
        }
    }

    /// Makes the histograms of the image, or only their ends.
    fn count(&mut self, ends_only: bool) {
        if self.counted {
            return;
        }
        if ends_only {
            ends(self.pixels, self.histograms);
        } else {
            count(self.pixels, self.histograms);
        }
        self.counted = true;
    }

    /// Adds a change that depends on the histogram of a channel as it is after the tables.
    fn map_histograms(
        &self,
        tables: &mut Tables,
        change: impl Fn(&[u32; 256]) -> Option<[u8; 256]>,
    ) {
        for (table, histogram) in tables.iter_mut().zip(self.histograms.iter()) {
            let mut after = [0; 256];
            for (value, times) in histogram.iter().enumerate() {
                after[usize::from(table[value])] += times;
            }
            if let Some(change) = change(&after) {
                table
                    .iter_mut()
                    .for_each(|value| *value = change[usize::from(*value)]);
            }
        }
    }

    /// The mean gray of the image as it is after `tables`; `None` stands for the identity.
    fn mean_luma(&self, tables: Option<&Tables>, dialect: Dialect) -> f64 {
        let pixels = self.pixels.as_chunks::<3>().0;
        let sum: u64 = match tables {
            None => luma::sum(pixels, dialect, self.simd),
            Some([r, g, b]) => {
                let gray = match dialect {
                    Dialect::Pil => luma,
                    Dialect::Tv2 => luma_truncated,
                };
                let after = |[x, y, z]: &[u8; 3]| {
                    [r[usize::from(*x)], g[usize::from(*y)], b[usize::from(*z)]]
                };
                pixels.iter().map(|rgb| u64::from(gray(&after(rgb)))).sum()
            }
        };
        sum as f64 / pixels.len().max(1) as f64
    }
}

impl Levels {
    /// The new value, for steps that need no statistics and treat all channels alike.
    fn value(self, value: u8) -> u8 {
        match self {
            Levels::Brightness(factor) => blend(0, value, factor as f32),
            Levels::Invert => 255 - value,
            Levels::Solarize(threshold) if u16::from(value) < threshold => value,
            Levels::Solarize(_) => 255 - value,
            Levels::SolarizeAdd { add, threshold } if u16::from(value) < threshold => {
                (i16::from(value) + add).clamp(0, 255) as u8
            }
            Levels::SolarizeAdd { .. } => value,
            Levels::Posterize(bits) => value & posterize_mask(bits),
            Levels::Gamma { gamma, gain } => {
                (255.999 * f64::from(gain) * libm::pow(f64::from(value) / 255.0, f64::from(gamma)))
                    as u8
            }
            // `as` clips and truncates.
            Levels::Linear(factor) => (127.0 + factor * (f64::from(value) - 127.0)) as u8,
            Levels::Sigmoid { gain, cutoff } => {
                (255.0 / (1.0 + libm::exp(gain * (cutoff - f64::from(value) / 255.0)))) as u8
            }
            Levels::Log(gain) => (255.0 * gain * libm::log2(1.0 + f64::from(value) / 255.0)) as u8,
            Levels::Quantize(levels) => {
                let width = 256.0 / f64::from(levels);
                ((f64::from(value) / width).floor() * width + width / 2.0) as u8
            }
            Levels::Contrast(..) | Levels::AutoContrast(_) | Levels::Equalize => {
                unreachable!("these depend on the image")
            }
            Levels::Add(_) | Levels::Multiply(_) | Levels::InvertChannels(_) => {
                unreachable!("these have a table for each channel")
            }
        }
    }
}

fn posterize_mask(bits: u8) -> u8 {
    if bits == 0 {
        0
    } else {
        !0 << (8 - bits.min(8))
    }
}

/// Adds a change to the tables of all channels.
fn each(tables: &mut Tables, change: impl Fn(u8) -> u8) {
    let mut map = [0; 256];
    (0..=255u8)
        .zip(&mut map)
        .for_each(|(value, entry)| *entry = change(value));
    for table in tables {
        table
            .iter_mut()
            .for_each(|value| *value = map[usize::from(*value)]);
    }
}

/// Adds a change that has a parameter for each channel.
fn each_channel<T: Copy>(tables: &mut Tables, by: [T; 3], change: impl Fn(u8, T) -> u8) {
    for (table, by) in tables.iter_mut().zip(by) {
        table
            .iter_mut()
            .for_each(|value| *value = change(*value, by));
    }
}

/// Makes histograms that count only the least and the greatest value of each channel.
fn ends(pixels: &[u8], histograms: &mut Histograms) {
    // 48 bytes are 16 pixels, so that each position of a block belongs to one channel.
    let (mut least, mut greatest) = ([255u8; 48], [0u8; 48]);
    let (blocks, rest) = pixels.as_chunks::<48>();
    for block in blocks {
        for i in 0..48 {
            least[i] = least[i].min(block[i]);
            greatest[i] = greatest[i].max(block[i]);
        }
    }
    for (i, value) in rest.iter().enumerate() {
        least[i] = least[i].min(*value);
        greatest[i] = greatest[i].max(*value);
    }
    *histograms = [[0; 256]; 3];
    if pixels.is_empty() {
        return;
    }
    for (channel, histogram) in histograms.iter_mut().enumerate() {
        let of = |values: &[u8; 48], better: fn(u8, u8) -> u8| {
            values
                .iter()
                .skip(channel)
                .step_by(3)
                .copied()
                .reduce(better)
                .map_or(0, usize::from)
        };
        histogram[of(&least, u8::min)] += 1;
        histogram[of(&greatest, u8::max)] += 1;
    }
}

/// Makes the histograms of an image.
fn count(pixels: &[u8], histograms: &mut Histograms) {
    // Two sets of counters: neighboring pixels are often equal, and a counter that is increased
    // twice in a row waits for its own store.
    let mut second = [[0u32; 256]; 3];
    *histograms = [[0; 256]; 3];
    let (pairs, rest) = pixels.as_chunks::<6>();
    for pair in pairs {
        for channel in 0..3 {
            histograms[channel][usize::from(pair[channel])] += 1;
            second[channel][usize::from(pair[channel + 3])] += 1;
        }
    }
    for (channel, value) in rest.iter().enumerate() {
        histograms[channel][usize::from(*value)] += 1;
    }
    for (first, second) in histograms.iter_mut().flatten().zip(second.iter().flatten()) {
        *first += second;
    }
}

/// The table of `ImageOps.autocontrast`; `None` if it changes nothing.
fn autocontrast(histogram: &[u32; 256], dialect: Dialect) -> Option<[u8; 256]> {
    let low = histogram.iter().position(|&times| times > 0)?;
    let high = histogram.iter().rposition(|&times| times > 0)?;
    if high <= low {
        return None;
    }
    let mut table = [0; 256];
    for (value, entry) in table.iter_mut().enumerate() {
        *entry = match dialect {
            Dialect::Pil => {
                let scale = 255.0 / (high - low) as f64;
                (value as f64 * scale + -(low as f64) * scale) as u8
            }
            Dialect::Tv2 => {
                let scale = (high as f32 - low as f32) * (1.0 / 255.0);
                ((value as f32 - low as f32) / scale) as u8
            }
        };
    }
    Some(table)
}

/// The table of `ImageOps.equalize`; `None` if it changes nothing.
fn equalize(histogram: &[u32; 256]) -> Option<[u8; 256]> {
    let last = histogram.iter().rposition(|&times| times > 0)?;
    let pixels: u32 = histogram.iter().sum();
    let step = (pixels - histogram[last]) / 255;
    if step == 0 {
        return None;
    }
    let mut table = [0; 256];
    let mut n = step / 2;
    for (entry, times) in table.iter_mut().zip(histogram) {
        *entry = (n / step).min(255) as u8;
        n += times;
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Levels; 18] = [
        Levels::Add([60, -40, 0]),
        Levels::Multiply([0.0, 1.6, 0.7]),
        Levels::InvertChannels([true, false, true]),
        Levels::Linear(1.5),
        Levels::Sigmoid {
            gain: 12.0,
            cutoff: 0.4,
        },
        Levels::Log(1.2),
        Levels::Quantize(5),
        Levels::Brightness(1.4),
        Levels::Contrast(0.6, Dialect::Pil),
        Levels::Contrast(1.7, Dialect::Tv2),
        Levels::Invert,
        Levels::Solarize(100),
        Levels::SolarizeAdd {
            add: 60,
            threshold: 128,
        },
        Levels::Posterize(3),
        Levels::Gamma {
            gamma: 0.7,
            gain: 1.0,
        },
        Levels::AutoContrast(Dialect::Pil),
        Levels::AutoContrast(Dialect::Tv2),
        Levels::Equalize,
    ];

    fn image(seed: u32) -> Vec<u8> {
        (0..31 * 17 * 3u32)
            .map(|i| (i.wrapping_mul(seed).wrapping_mul(i / 7 + 3) >> 5) as u8 / 2 + 40)
            .collect()
    }

    #[test]
    fn one_table_for_several_steps_gives_the_bytes_of_one_after_the_other() {
        let mut scratch = LutScratch::default();
        for first in ALL {
            for second in ALL {
                for third in [
                    Levels::Invert,
                    Levels::Equalize,
                    Levels::Contrast(1.3, Dialect::Pil),
                ] {
                    let chain = [first, second, third];
                    let mut fused = image(77);
                    run(
                        chain.iter(),
                        PixelBuf::InPlace(&mut fused),
                        &mut scratch,
                        Simd::detect(),
                    );
                    let mut single = image(77);
                    for step in &chain {
                        run(
                            std::iter::once(step),
                            PixelBuf::InPlace(&mut single),
                            &mut scratch,
                            Simd::scalar(),
                        );
                    }
                    assert_eq!(fused, single, "{chain:?}");
                    let mut moved = vec![0; single.len()];
                    run(
                        chain.iter(),
                        PixelBuf::Copy(&image(77), &mut moved),
                        &mut scratch,
                        Simd::scalar(),
                    );
                    assert_eq!(moved, single, "{chain:?}");
                }
            }
        }
    }

    #[test]
    fn the_fast_way_of_a_single_step_is_that_of_its_table() {
        let steps = (0..=256)
            .map(Levels::Solarize)
            .chain((0..=8).map(Levels::Posterize))
            .chain([Levels::Invert]);
        for step in steps {
            let mut pixels: Vec<u8> = (0..=255).chain([7, 8]).collect();
            let expected: Vec<u8> = pixels.iter().map(|&value| step.value(value)).collect();
            run(
                std::iter::once(&step),
                PixelBuf::InPlace(&mut pixels),
                &mut LutScratch::default(),
                Simd::detect(),
            );
            assert_eq!(pixels, expected, "{step}");
        }
    }

    #[test]
    fn flat_images_are_left_alone_by_what_stretches() {
        for step in [
            Levels::Equalize,
            Levels::AutoContrast(Dialect::Pil),
            Levels::AutoContrast(Dialect::Tv2),
        ] {
            let mut pixels = vec![77; 12];
            run(
                std::iter::once(&step),
                PixelBuf::InPlace(&mut pixels),
                &mut LutScratch::default(),
                Simd::detect(),
            );
            assert_eq!(pixels, [77; 12]);
        }
    }
}
