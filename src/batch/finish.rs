//! The final pass: 8-bit views to a batch's values, in one go.
//!
//! For each value: mix A and B in f32, normalise, convert, store in the batch's layout. Normalisation is a table of 256
//! entries a channel, made by the two-step rule `(v / 255 - mean) / std` in f32, so it is exact on every machine. Mixing is
//! `lam * a + (1 - lam) * b` of normalised values in f32, one multiplication each and one addition, never fused.

use half::{bf16, f16};

use crate::augment::Frame;
use crate::mix::Blend;
use crate::recipe::{self, Dtype, Layout};

/// A value of a batch.
pub(crate) trait Element: Copy + Send {
    fn from_f32(value: f32) -> Self;
}

impl Element for u8 {
    fn from_f32(value: f32) -> u8 {
        value.round_ties_even() as u8
    }
}

impl Element for f16 {
    fn from_f32(value: f32) -> f16 {
        f16::from_f32(value)
    }
}

impl Element for bf16 {
    fn from_f32(value: f32) -> bf16 {
        bf16::from_f32(value)
    }
}

impl Element for f32 {
    fn from_f32(value: f32) -> f32 {
        value
    }
}

/// What one slot is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SlotPixels<'a> {
    /// Zeros.
    Blank,
    /// A view, and how it is blended with its partner's.
    Views { own: &'a [u8], partner: &'a [u8], blend: Blend },
}

/// A value for each of the 256 levels of each channel.
type Table<T> = [[T; 256]; 3];

/// A loop, because `array::map` on 256 elements takes the compiler minutes.
fn table<T: Element>(value: impl Fn(usize, usize) -> T) -> Table<T> {
    let mut table = [[T::from_f32(0.0); 256]; 3];
    for (channel, levels) in table.iter_mut().enumerate() {
        for (level, entry) in levels.iter_mut().enumerate() {
            *entry = value(channel, level);
        }
    }
    table
}

/// Writes slots of a batch.
#[derive(Debug)]
pub(crate) struct Finisher {
    frame: Frame,
    layout: Layout,
    normalised: Box<Table<f32>>,
}

impl Finisher {
    pub(crate) fn new(output: &recipe::Output, frame: Frame) -> Finisher {
        let normalised = table(|channel, level| match output.dtype {
            Dtype::U8 => level as f32,
            _ => {
                let (mean, std) = (output.mean[channel] as f32, output.std[channel] as f32);
                (level as f32 / 255.0 - mean) / std
            }
        });
        Finisher { frame, layout: output.layout, normalised: Box::new(normalised) }
    }

    /// The size of a view.
    pub(crate) fn frame(&self) -> Frame {
        self.frame
    }

    /// Writes one slot: `out` has height x width x 3 values.
    pub(crate) fn write<T: Element>(&self, pixels: SlotPixels<'_>, out: &mut [T]) {
        match pixels {
            SlotPixels::Blank => out.fill(T::from_f32(0.0)),
            SlotPixels::Views { own, blend: Blend::Keep, .. } => self.copy(own, own, [0; 4], out),
            SlotPixels::Views { own, partner, blend: Blend::Box { rect } } => {
                self.copy(own, partner, rect, out);
            }
            SlotPixels::Views { own, partner, blend: Blend::Uniform { lam } } => {
                let lam = lam as f32;
                let scaled = |by: f32| table(|channel, level| by * self.normalised[channel][level]);
                let (own_table, partner_table) = (scaled(lam), scaled(1.0 - lam));
                self.rows(out, |y, channel, out, step| {
                    let (a, b) = (self.row(own, y), self.row(partner, y));
                    let (ta, tb) = (&own_table[channel], &partner_table[channel]);
                    let values = a
                        .iter()
                        .zip(b)
                        .map(|(a, b)| T::from_f32(ta[usize::from(a[channel])] + tb[usize::from(b[channel])]));
                    out.iter_mut().step_by(step).zip(values).for_each(|(out, value)| *out = value);
                });
            }
        }
    }

    /// Copies `own` through the table, and `partner` inside the rectangle.
    fn copy<T: Element>(&self, own: &[u8], partner: &[u8], rect: [u32; 4], out: &mut [T]) {
        let table: Table<T> = table(|channel, level| T::from_f32(self.normalised[channel][level]));
        let [y0, x0, y1, x1] = rect.map(|edge| edge as usize);
        let fill = |pixels: &[[u8; 3]], channel: usize, out: &mut [T], step: usize| {
            let table = &table[channel];
            if step == 1 {
                for (out, pixel) in out.iter_mut().zip(pixels) {
                    *out = table[usize::from(pixel[channel])];
                }
            } else {
                for (out, pixel) in out.iter_mut().step_by(step).zip(pixels) {
                    *out = table[usize::from(pixel[channel])];
                }
            }
        };
        self.rows(out, |y, channel, out, step| {
            fill(self.row(own, y), channel, out, step);
            if (y0..y1).contains(&y) && x0 < x1 {
                fill(&self.row(partner, y)[x0..x1], channel, &mut out[x0 * step..], step);
            }
        });
    }

    fn row<'a>(&self, view: &'a [u8], y: usize) -> &'a [[u8; 3]] {
        let width = self.frame.width as usize;
        &view.as_chunks().0[y * width..(y + 1) * width]
    }

    /// Calls `write` with each row of each channel: (row, channel, where it begins, distance between its values).
    fn rows<T>(&self, out: &mut [T], mut write: impl FnMut(usize, usize, &mut [T], usize)) {
        let (width, height) = (self.frame.width as usize, self.frame.height as usize);
        match self.layout {
            Layout::Nchw => {
                for channel in 0..3 {
                    let plane = &mut out[channel * width * height..][..width * height];
                    plane.chunks_exact_mut(width).enumerate().for_each(|(y, row)| write(y, channel, row, 1));
                }
            }
            Layout::Nhwc => {
                for (y, row) in out.chunks_exact_mut(width * 3).enumerate() {
                    for channel in 0..3 {
                        write(y, channel, &mut row[channel..], 3);
                    }
                }
            }
        }
    }

    /// [`Finisher::write`] value by value from the formulas: the twin that tests and the reference path go by.
    pub(crate) fn write_plainly<T: Element>(
        &self,
        output: &recipe::Output,
        pixels: SlotPixels<'_>,
        out: &mut [T],
    ) {
        let (width, height) = (self.frame.width as usize, self.frame.height as usize);
        let value = |view: &[u8], y: usize, x: usize, c: usize| {
            let level = f32::from(view[(y * width + x) * 3 + c]);
            match output.dtype {
                Dtype::U8 => level,
                _ => (level / 255.0 - output.mean[c] as f32) / output.std[c] as f32,
            }
        };
        for y in 0..height {
            for x in 0..width {
                for c in 0..3 {
                    let mixed = match pixels {
                        SlotPixels::Blank => 0.0,
                        SlotPixels::Views { own, partner, blend } => match blend {
                            Blend::Keep => value(own, y, x, c),
                            Blend::Uniform { lam } => {
                                let lam = lam as f32;
                                lam * value(own, y, x, c) + (1.0 - lam) * value(partner, y, x, c)
                            }
                            Blend::Box { rect: [y0, x0, y1, x1] } => {
                                let inside = (y0..y1).contains(&(y as u32)) && (x0..x1).contains(&(x as u32));
                                value(if inside { partner } else { own }, y, x, c)
                            }
                        },
                    };
                    let at = match output.layout {
                        Layout::Nchw => (c * height + y) * width + x,
                        Layout::Nhwc => (y * width + x) * 3 + c,
                    };
                    out[at] = T::from_f32(mixed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_pass_gives_the_bytes_of_the_plain_one() {
        let frame = Frame { width: 9, height: 5 };
        let view = |seed: u32| -> Vec<u8> { (0..135).map(|i: u32| (i * seed * 37 % 256) as u8).collect() };
        let (own, partner) = (view(3), view(5));
        let blends = [
            Blend::Keep,
            Blend::Uniform { lam: 0.3 },
            Blend::Uniform { lam: 0.0 },
            Blend::Box { rect: [1, 2, 4, 9] },
            Blend::Box { rect: [0, 0, 5, 9] },
        ];
        for layout in [Layout::Nchw, Layout::Nhwc] {
            for dtype in [Dtype::U8, Dtype::F16, Dtype::Bf16, Dtype::F32] {
                let output =
                    recipe::Output { dtype, layout, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
                let finisher = Finisher::new(&output, frame);
                let slots = blends.map(|blend| SlotPixels::Views { own: &own, partner: &partner, blend });
                for pixels in slots.into_iter().chain([SlotPixels::Blank]) {
                    fn both<T: Element + PartialEq + std::fmt::Debug>(
                        finisher: &Finisher,
                        output: &recipe::Output,
                        pixels: SlotPixels<'_>,
                    ) {
                        let mut fast = vec![T::from_f32(1.0); 135];
                        let mut plain = fast.clone();
                        finisher.write(pixels, &mut fast);
                        finisher.write_plainly(output, pixels, &mut plain);
                        assert_eq!(fast, plain, "{output:?} {pixels:?}");
                    }
                    match dtype {
                        Dtype::U8 => both::<u8>(&finisher, &output, pixels),
                        Dtype::F16 => both::<f16>(&finisher, &output, pixels),
                        Dtype::Bf16 => both::<bf16>(&finisher, &output, pixels),
                        Dtype::F32 => both::<f32>(&finisher, &output, pixels),
                    }
                }
            }
        }
    }
}
