//! Steps that change each value by a table of 256 entries a channel.
//!
//! Several in a row become one table: statistics of the image as it would be after the first ones
//! are taken through their table, so that pixels are written once. Rules and rounding are Pillow's
//! 8-bit ones (`ImageEnhance`, `ImageOps`).

use std::fmt;

use super::color::{blend, luma, luma_truncated};
use super::{Sheet, vector};
use crate::kernels::Dialect;

/// A change of each value by a function of it, of its channel and of the image's statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Levels {
    /// Scale by a factor, 0 is black.
    Brightness(f64),
    /// Blend with the mean gray by a factor, 0 is flat gray.
    Contrast(f64, Dialect),
    /// 255 minus the value.
    Invert,
    /// Invert values from a threshold on, 0 to 256.
    Solarize(u16),
    /// Add to values below a threshold.
    SolarizeAdd {
        /// What is added; the sum is clipped.
        add: i16,
        /// The first value left alone.
        threshold: u16,
    },
    /// Keep this many high bits, 0 to 8.
    Posterize(u8),
    /// `255.999 gain (v / 255)^gamma`.
    Gamma {
        /// The exponent.
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
        /// The steepness.
        gain: f64,
        /// The value on a scale of 0 to 1 that becomes a half.
        cutoff: f64,
    },
    /// `255 gain log2(1 + v / 255)`.
    Log(f64),
    /// The middles of this many equal intervals, 2 to 256.
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

/// What [`run`] keeps between images.
#[derive(Debug)]
pub(crate) struct Desk {
    tables: Box<Tables>,
    histograms: Box<Histograms>,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk {
            tables: Box::new([[0; 256]; 3]),
            histograms: Box::new([[0; 256]; 3]),
        }
    }
}

impl Sheet<'_> {
    fn pixels(&self) -> &[u8] {
        match self {
            Sheet::Place(pixels) => pixels,
            Sheet::Move(from, _) => from,
        }
    }

    fn each(self, change: impl Fn(u8) -> u8) {
        match self {
            Sheet::Place(pixels) => pixels.iter_mut().for_each(|value| *value = change(*value)),
            Sheet::Move(from, to) => to
                .iter_mut()
                .zip(from)
                .for_each(|(to, from)| *to = change(*from)),
        }
    }
}

/// Applies consecutive steps.
pub(crate) fn run<'a>(
    steps: impl Iterator<Item = &'a Levels> + Clone,
    sheet: Sheet<'_>,
    desk: &mut Desk,
    simd: bool,
) {
    let mut rest = steps.clone();
    let only = rest.next().filter(|_| rest.next().is_none());
    match only {
        // What vector code does faster than a table.
        Some(Levels::Invert) => return sheet.each(|value| 255 - value),
        Some(Levels::Posterize(bits)) => {
            let mask = posterize_mask(*bits);
            return sheet.each(|value| value & mask);
        }
        Some(Levels::Solarize(threshold)) if (1..256).contains(threshold) => {
            let last = (threshold - 1) as u8;
            return sheet.each(|value| value ^ if value > last { 255 } else { 0 });
        }
        _ => {}
    }
    let pixels = sheet.pixels();
    let Desk { tables, histograms } = desk;
    for table in tables.iter_mut() {
        (0..=255)
            .zip(table)
            .for_each(|(value, entry)| *entry = value);
    }
    // The first and only one to need a histogram needs no more than its ends, if it stretches.
    let counting = |step: &&Levels| matches!(step, Levels::Equalize | Levels::AutoContrast(_));
    let alone = steps.clone().filter(counting).count() == 1;
    let mut counted = false;
    let mut first = true;
    for step in steps {
        match *step {
            Levels::Contrast(factor, dialect) => {
                let mean = mean_luma(pixels, (!first).then_some(tables), dialect, simd);
                each(tables, |value| match dialect {
                    Dialect::Pil => blend((mean + 0.5) as u8, value, factor as f32),
                    Dialect::Tv2 => blend_tv2(mean as f32, value, factor),
                });
            }
            Levels::AutoContrast(_) | Levels::Equalize => {
                if !counted {
                    match step {
                        Levels::AutoContrast(_) if first && alone => ends(pixels, histograms),
                        _ => count(pixels, histograms),
                    }
                    counted = true;
                }
                for (table, histogram) in tables.iter_mut().zip(histograms.iter()) {
                    let mut after = [0; 256];
                    for (value, times) in histogram.iter().enumerate() {
                        after[usize::from(table[value])] += times;
                    }
                    let change = match *step {
                        Levels::AutoContrast(dialect) => autocontrast(&after, dialect),
                        _ => equalize(&after),
                    };
                    if let Some(change) = change {
                        table
                            .iter_mut()
                            .for_each(|value| *value = change[usize::from(*value)]);
                    }
                }
            }
            Levels::Add(values) => of_channel(tables, values, |value, add| {
                (i16::from(value) + add).clamp(0, 255) as u8
            }),
            Levels::Multiply(factors) => {
                of_channel(tables, factors, |value, factor| blend(0, value, factor));
            }
            Levels::InvertChannels(which) => {
                of_channel(
                    tables,
                    which,
                    |value, invert| if invert { 255 - value } else { value },
                );
            }
            point => each(tables, |value| point.value(value)),
        }
        first = false;
    }
    look_up(sheet, tables);
}

impl Levels {
    /// The new value, for the changes that need no statistics.
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
                unreachable!("these have tables of the image's")
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

fn of_channel<T: Copy>(tables: &mut Tables, by: [T; 3], change: impl Fn(u8, T) -> u8) {
    for (table, by) in tables.iter_mut().zip(by) {
        table
            .iter_mut()
            .for_each(|value| *value = change(*value, by));
    }
}

fn look_up(sheet: Sheet<'_>, [r, g, b]: &Tables) {
    let change = |[x, y, z]: [u8; 3]| [r[usize::from(x)], g[usize::from(y)], b[usize::from(z)]];
    match sheet {
        Sheet::Place(pixels) => pixels
            .as_chunks_mut()
            .0
            .iter_mut()
            .for_each(|pixel| *pixel = change(*pixel)),
        Sheet::Move(from, to) => {
            let both = to.as_chunks_mut().0.iter_mut().zip(from.as_chunks().0);
            both.for_each(|(to, from)| *to = change(*from));
        }
    }
}

/// Histograms that have the least and the greatest value of each channel, and nothing between.
fn ends(pixels: &[u8], histograms: &mut Histograms) {
    // 48 bytes are 16 pixels: each place has one channel.
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

fn count(pixels: &[u8], histograms: &mut Histograms) {
    // Two sets of counters: neighboring pixels are often equal, and one counter would wait for
    // itself.
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

/// The mean gray of the image as it is after `tables`; of truncated grays for torchvision's
/// tensors.
fn mean_luma(pixels: &[u8], tables: Option<&Tables>, dialect: Dialect, simd: bool) -> f64 {
    let pixels = pixels.as_chunks::<3>().0;
    let gray = match dialect {
        Dialect::Pil => luma,
        Dialect::Tv2 => luma_truncated,
    };
    let sum: u64 = match tables {
        None if dialect == Dialect::Pil => {
            let (sum, rest) = vector::luma_sum(simd, pixels);
            sum + rest.iter().map(|rgb| u64::from(luma(rgb))).sum::<u64>()
        }
        None => pixels.iter().map(|rgb| u64::from(gray(rgb))).sum(),
        Some([r, g, b]) => {
            let after = |rgb: &[u8; 3]| {
                [
                    r[usize::from(rgb[0])],
                    g[usize::from(rgb[1])],
                    b[usize::from(rgb[2])],
                ]
            };
            pixels.iter().map(|rgb| u64::from(gray(&after(rgb)))).sum()
        }
    };
    sum as f64 / pixels.len().max(1) as f64
}

/// torchvision's blend of a u8 tensor: `f * x + (1 - f) * d` in f32, clamped and truncated. torch
/// fuses the second product and the sum; f64 holds that product exactly, so it is the same here on
/// every processor.
pub(crate) fn blend_tv2(degenerate: f32, value: u8, factor: f64) -> u8 {
    let (own, other) = (f32::from(value) * factor as f32, (1.0 - factor) as f32);
    (f64::from(own) + f64::from(degenerate) * f64::from(other)) as f32 as u8
}

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
        let mut desk = Desk::default();
        for first in ALL {
            for second in ALL {
                for third in [
                    Levels::Invert,
                    Levels::Equalize,
                    Levels::Contrast(1.3, Dialect::Pil),
                ] {
                    let chain = [first, second, third];
                    let mut fused = image(77);
                    run(chain.iter(), Sheet::Place(&mut fused), &mut desk, true);
                    let mut single = image(77);
                    for step in &chain {
                        run(
                            std::iter::once(step),
                            Sheet::Place(&mut single),
                            &mut desk,
                            false,
                        );
                    }
                    assert_eq!(fused, single, "{chain:?}");
                    let mut moved = vec![0; single.len()];
                    run(
                        chain.iter(),
                        Sheet::Move(&image(77), &mut moved),
                        &mut desk,
                        false,
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
                Sheet::Place(&mut pixels),
                &mut Desk::default(),
                true,
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
                Sheet::Place(&mut pixels),
                &mut Desk::default(),
                true,
            );
            assert_eq!(pixels, [77; 12]);
        }
    }
}
