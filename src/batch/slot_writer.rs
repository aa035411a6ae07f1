//! One slot of a batch: the blend of its sources, written by the final pass.
//!
//! Most blends are copies or weighted sums of whole images, which are [`Normalizer`]'s. The others
//! look up every normalized value in a table. All add up normalized values times weights in f32,
//! in the order of [`Blend::terms`] and never fused.

use crate::cpu::Simd;
use crate::geometry::{Point, Rect, Size};
use crate::kernels::luma;
use crate::kernels::normalize::{Element, Normalization, Normalizer, Order, Table, look_up_row};
use crate::mix::{self, Blend, Mask, Of, Patch, Patches, Term, Tile, Tiles};
use crate::recipe::{self, Dtype, Layout};

/// The sources of one slot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SlotPixels<'a> {
    /// No sources; the slot is zeros.
    Blank,
    /// Views and their blend.
    Views {
        sources: &'a [&'a [u8]],
        blend: &'a Blend,
    },
}

/// Writes slots of a batch.
#[derive(Debug)]
pub(crate) struct SlotWriter {
    normalizer: Normalizer,
    channels: usize,
    simd: Simd,
}

impl SlotWriter {
    /// A writer of views of this size.
    pub(crate) fn new(output: &recipe::Output, size: Size, simd: Simd) -> SlotWriter {
        let normalization = match output.dtype {
            Dtype::U8 => Normalization::IDENTITY,
            _ => Normalization::new(output.means(), output.stds()),
        };
        let order = match output.layout {
            Layout::Nchw => Order::Planar,
            Layout::Nhwc => Order::Interleaved,
        };
        SlotWriter {
            normalizer: Normalizer::new(normalization, size, order, simd),
            channels: output.channels().into(),
            simd,
        }
    }

    /// The size of a view.
    pub(crate) fn size(&self) -> Size {
        self.normalizer.size()
    }

    /// The number of values of one view in a batch: height x width x channels.
    pub(crate) fn values(&self) -> usize {
        self.size().area() as usize * self.channels
    }

    /// Writes one slot: `out` has [`SlotWriter::values`] values.
    pub(crate) fn write<T: Element>(&self, pixels: SlotPixels<'_>, out: &mut [T]) {
        let SlotPixels::Views { sources, blend } = pixels else {
            return out.fill(T::from_f32(0.0));
        };
        let sources: Vec<&[[u8; 3]]> = sources.iter().map(|view| view.as_chunks().0).collect();
        if self.channels == 3 {
            return self.blend(&sources, blend, out);
        }
        // Gray comes before mixing: a mixed gray batch is a mix of gray images.
        let gray = |view: &&[[u8; 3]]| {
            let mut plane = vec![0; view.len()];
            luma::plane(view, &mut plane, self.simd);
            plane
        };
        let planes: Vec<Vec<u8>> = sources.iter().map(gray).collect();
        let planes: Vec<&[[u8; 1]]> = planes.iter().map(|plane| plane.as_chunks().0).collect();
        self.blend(&planes, blend, out);
    }

    /// Writes the blend of images of `C` channels.
    fn blend<T: Element, const C: usize>(
        &self,
        sources: &[&[[u8; C]]],
        blend: &Blend,
        out: &mut [T],
    ) {
        match blend {
            Blend::Keep => {
                let nothing = Rect::new(0, 0, 0, 0);
                self.normalizer.copy(sources[0], sources[0], nothing, out);
            }
            Blend::Box { rect } => self.normalizer.copy(sources[0], sources[1], *rect, out),
            Blend::Uniform { lam } => {
                let lam = *lam as f32;
                let weights = [lam, 1.0 - lam];
                self.normalizer.weighted_sum(&sources[..2], &weights, out);
            }
            Blend::Several(weights) => {
                let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
                let sources = &sources[..weights.len()];
                self.normalizer.weighted_sum(sources, &weights, out);
            }
            Blend::Mask(mask) => self.masked(sources, mask, out),
            Blend::Tiles(tiles) => self.tiled(sources, tiles, out),
            Blend::Patches(patches) => self.patched(sources, patches, out),
            other => self.gathered(sources, other, out),
        }
    }

    /// Blends with a weight of the partner for each pixel.
    fn masked<T: Element, const C: usize>(
        &self,
        sources: &[&[[u8; C]]],
        mask: &Mask,
        out: &mut [T],
    ) {
        let table: Table<T, C> = self.normalizer.converted();
        self.normalizer.rows::<T, C>(out, |y, channel, out, step| {
            let weights = mask.row(y);
            let pixels = self
                .normalizer
                .row(sources[0], y)
                .iter()
                .zip(self.normalizer.row(sources[1], y))
                .zip(weights);
            let out = out.iter_mut().step_by(step).zip(pixels);
            if mask.is_binary() {
                let table = &table[channel];
                for (out, ((own, partner), weight)) in out {
                    let pixel = if *weight == 1.0 { partner } else { own };
                    *out = table[usize::from(pixel[channel])];
                }
            } else {
                let table = &self.normalizer.values()[channel];
                for (out, ((own, partner), weight)) in out {
                    let [own, partner] =
                        [own, partner].map(|pixel| table[usize::from(pixel[channel])]);
                    *out = T::from_f32((1.0 - weight) * own + weight * partner);
                }
            }
        });
    }

    /// Lays rectangles over an image or a color.
    fn tiled<T: Element, const C: usize>(
        &self,
        sources: &[&[[u8; C]]],
        tiles: &Tiles,
        out: &mut [T],
    ) {
        let table: Table<T, C> = self.normalizer.converted();
        let placed: Vec<Placed<'_>> = tiles.tiles.iter().map(Placed::new).collect();
        let mut down = Vec::new();
        self.normalizer.rows::<T, C>(out, |y, channel, out, step| {
            match tiles.fill {
                None => look_up_row(
                    &table[channel],
                    self.normalizer.row(sources[0], y),
                    channel,
                    out,
                    step,
                ),
                Some(color) => {
                    let value = table[channel][usize::from(pixel_of::<C>(color)[channel])];
                    out.iter_mut().step_by(step).for_each(|out| *out = value);
                }
            }
            for placed in &placed {
                let Tile {
                    source,
                    from,
                    to,
                    filter,
                } = placed.tile;
                if !(to.top..to.top + to.height).contains(&(y as u32)) {
                    continue;
                }
                let source = sources[*source];
                let out = &mut out[to.left as usize * step..];
                let row = y as u32 - to.top;
                let top = from.top + filter.taps(row, from.height, to.height, &mut down);
                if placed.tile.copies() {
                    let row = self.normalizer.row(source, top as usize);
                    let row = &row[from.left as usize..][..to.width as usize];
                    look_up_row(&table[channel], row, channel, out, step);
                    continue;
                }
                for (out, (left, across)) in out.iter_mut().step_by(step).zip(&placed.across) {
                    let left = (from.left + left) as usize;
                    *out = match (&down[..], &across[..]) {
                        ([v], [h]) if v * h == 1.0 => {
                            let pixel = self.normalizer.row(source, top as usize)[left];
                            table[channel][usize::from(pixel[channel])]
                        }
                        _ => {
                            let mut sum = None;
                            for (row, v) in (top as usize..).zip(&down) {
                                let pixels = &self.normalizer.row(source, row)[left..];
                                for (pixel, h) in pixels.iter().zip(across) {
                                    let value = v
                                        * h
                                        * self.normalizer.values()[channel]
                                            [usize::from(pixel[channel])];
                                    sum = Some(sum.map_or(value, |sum: f32| sum + value));
                                }
                            }
                            T::from_f32(sum.unwrap_or(0.0))
                        }
                    };
                }
            }
        });
    }

    /// Blends the cells of a grid.
    fn patched<T: Element, const C: usize>(
        &self,
        sources: &[&[[u8; C]]],
        patches: &Patches,
        out: &mut [T],
    ) {
        let table: Table<T, C> = self.normalizer.converted();
        let (width, height) = (self.size().width, self.size().height);
        let Size {
            width: columns,
            height: rows,
        } = patches.grid();
        let mut row = 0;
        self.normalizer.rows::<T, C>(out, |y, channel, out, step| {
            let y = y as u32;
            // Rows come in order, but three times in planar order.
            if y == 0 {
                row = 0;
            }
            while Patches::start(row + 1, height, rows) <= y {
                row += 1;
            }
            for column in 0..columns {
                let x0 = Patches::start(column, width, columns);
                let length = (Patches::start(column + 1, width, columns) - x0) as usize;
                if length == 0 {
                    continue;
                }
                let out = &mut out[x0 as usize * step..];
                // The row of a term's cell; one that is shorter than this cell repeats its last
                // pixel.
                let cell_row = |patch: &Patch| {
                    let (from_row, from_column) = (patch.cell / columns, patch.cell % columns);
                    let y = Patches::moved(y, row, from_row, height, rows);
                    let span = Patches::span(from_column, width, columns);
                    &self.normalizer.row(sources[patch.source], y as usize)
                        [span.start as usize..span.end as usize]
                };
                match patches.cell(row * columns + column) {
                    [only] if only.weight == 1.0 && cell_row(only).len() >= length => {
                        look_up_row(
                            &table[channel],
                            &cell_row(only)[..length],
                            channel,
                            out,
                            step,
                        );
                    }
                    terms => {
                        for (at, out) in out.iter_mut().step_by(step).take(length).enumerate() {
                            let level = |patch: &Patch| {
                                let pixels = cell_row(patch);
                                usize::from(pixels[at.min(pixels.len() - 1)][channel])
                            };
                            *out = match terms {
                                [only] if only.weight == 1.0 => table[channel][level(only)],
                                terms => {
                                    let mut values = terms.iter().map(|term| {
                                        term.weight * self.normalizer.values()[channel][level(term)]
                                    });
                                    let first = values.next().unwrap_or(0.0);
                                    T::from_f32(values.fold(first, |sum, value| sum + value))
                                }
                            };
                        }
                    }
                }
            }
        });
    }

    /// Blends pixel by pixel from the definition.
    fn gathered<T: Element, const C: usize>(
        &self,
        sources: &[&[[u8; C]]],
        blend: &Blend,
        out: &mut [T],
    ) {
        let (width, height) = (self.size().width as usize, self.size().height as usize);
        let mut terms = Vec::new();
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let at = Point::new(x as u32, y as u32);
            blend.terms(self.size(), at, &mut terms);
            for c in 0..C {
                let value = |of: Of| {
                    let pixel = match of {
                        Of::Source(source, at) => {
                            sources[source][at.y as usize * width + at.x as usize]
                        }
                        Of::Fill(color) => pixel_of(color),
                    };
                    self.normalizer.values()[c][usize::from(pixel[c])]
                };
                let index = self.normalizer.index::<C>(y, x, c);
                out[index] = T::from_f32(weighted(&terms, value));
            }
        }
    }

    /// [`SlotWriter::write`] from the definitions: every source is normalized, and [`mix::apply`]
    /// mixes. Tests and the reference loader compare with it.
    pub(crate) fn write_plainly<T: Element>(
        &self,
        output: &recipe::Output,
        pixels: SlotPixels<'_>,
        out: &mut [T],
    ) {
        let SlotPixels::Views { sources, blend } = pixels else {
            return out.fill(T::from_f32(0.0));
        };
        let (mean, std) = (output.means(), output.stds());
        let value = |level: u8, c: usize| match output.dtype {
            Dtype::U8 => f32::from(level),
            _ => (f32::from(level) / 255.0 - mean[c] as f32) / std[c] as f32,
        };
        if output.channels() == 1 {
            let gray = |rgb: [u8; 3]| value(luma::luma(&rgb), 0);
            return self.write_gray_plainly(sources, blend, gray, out);
        }
        let normalized: Vec<Vec<f32>> = sources
            .iter()
            .map(|view| {
                view.iter()
                    .enumerate()
                    .map(|(at, level)| value(*level, at % 3))
                    .collect()
            })
            .collect();
        let normalized: Vec<&[f32]> = normalized.iter().map(|values| &values[..]).collect();
        let mixed =
            mix::apply(blend, self.size(), &normalized, value).expect("sources of the view's size");
        let width = self.size().width as usize;
        for (at, value) in mixed.into_iter().enumerate() {
            let (pixel, c) = (at / 3, at % 3);
            let index = self.normalizer.index::<3>(pixel / width, pixel % width, c);
            out[index] = T::from_f32(value);
        }
    }

    /// [`SlotWriter::write_plainly`] for one channel: `value` is the normalized gray of a color.
    fn write_gray_plainly<T: Element>(
        &self,
        sources: &[&[u8]],
        blend: &Blend,
        value: impl Fn([u8; 3]) -> f32,
        out: &mut [T],
    ) {
        let Size { width, height } = self.size();
        let mut terms = Vec::new();
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            blend.terms(self.size(), Point::new(x, y), &mut terms);
            let gray = |of: Of| match of {
                Of::Source(source, at) => {
                    let at = (at.y as usize * width as usize + at.x as usize) * 3;
                    value([0, 1, 2].map(|c| sources[source][at + c]))
                }
                Of::Fill(color) => value(color),
            };
            out[(y * width + x) as usize] = T::from_f32(weighted(&terms, gray));
        }
    }
}

/// The sum of the terms of a pixel in their order. A single term of weight 1 keeps its bits.
fn weighted(terms: &[Term], value: impl Fn(Of) -> f32) -> f32 {
    match terms {
        [only] if only.weight == 1.0 => value(only.of),
        terms => {
            let mut values = terms.iter().map(|term| term.weight * value(term.of));
            let first = values.next().unwrap_or(0.0);
            values.fold(first, |sum, value| sum + value)
        }
    }
}

/// A color as a pixel of `C` channels: itself, or its gray value.
fn pixel_of<const C: usize>(color: [u8; 3]) -> [u8; C] {
    std::array::from_fn(|c| if C == 1 { luma::luma(&color) } else { color[c] })
}

/// A tile with the columns and weights that each of its pixels is a sum of.
struct Placed<'a> {
    tile: &'a Tile,
    across: Vec<(u32, Vec<f32>)>,
}

impl Placed<'_> {
    fn new(tile: &Tile) -> Placed<'_> {
        let (from, to) = (tile.from.width, tile.to.width);
        let across = (0..to).map(|x| {
            let mut weights = Vec::new();
            (tile.filter.taps(x, from, to, &mut weights), weights)
        });
        let across = if tile.copies() {
            Vec::new()
        } else {
            across.collect()
        };
        Placed { tile, across }
    }
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::*;
    use crate::mix::{Mosaic, TileFilter};

    #[test]
    fn the_fast_pass_gives_the_bytes_of_the_plain_one() {
        for (width, height) in [(9, 5), (35, 5)] {
            the_fast_pass_gives_the_bytes_of_the_plain_one_at(Size { width, height });
        }
    }

    fn the_fast_pass_gives_the_bytes_of_the_plain_one_at(size: Size) {
        let pixels = size.width * size.height;
        let view = |seed: u32| -> Vec<u8> {
            (0..3 * pixels)
                .map(|i: u32| (i * seed * 37 % 256) as u8)
                .collect()
        };
        let views = [view(3), view(5), view(7), view(11)];
        let sources: Vec<&[u8]> = views.iter().map(|view| &view[..]).collect();
        let weights = |soft: bool| {
            (0..pixels)
                .map(move |i| {
                    if soft {
                        (i * 7 % 11) as f32 / 10.0
                    } else {
                        f32::from(i % 3 == 0)
                    }
                })
                .collect()
        };
        let tile = |source, from, to, filter| Tile {
            source,
            from,
            to,
            filter,
        };
        let [nearest, bilinear, antialias] = [
            TileFilter::Nearest,
            TileFilter::Bilinear,
            TileFilter::Antialias,
        ];
        let whole = Rect::whole(9, 5);
        let patch = |source, cell, weight| Patch {
            source,
            cell,
            weight,
        };
        let blends = [
            Blend::Keep,
            Blend::Uniform { lam: 0.3 },
            Blend::Uniform { lam: 0.0 },
            Blend::Box {
                rect: Rect::new(2, 1, 7, 3),
            },
            Blend::Box { rect: whole },
            // Rows long enough for vector code, if the image is wide.
            Blend::Box {
                rect: Rect::new(2, 1, size.width - 2, 3),
            },
            Blend::Several([0.2, 0.5, 0.3].into()),
            Blend::Mask(Mask::new(size, weights(false)).into()),
            Blend::Mask(Mask::new(size, weights(true)).into()),
            Blend::Tiles(Tiles::one(tile(1, whole, Rect::new(1, 1, 7, 2), nearest)).into()),
            Blend::Tiles(Tiles::one(tile(1, whole, Rect::new(1, 1, 7, 2), bilinear)).into()),
            Blend::Tiles(
                Tiles {
                    fill: Some([114, 3, 200]),
                    tiles: vec![
                        tile(3, Rect::new(0, 0, 4, 2), Rect::new(2, 2, 4, 2), nearest),
                        tile(2, whole, Rect::new(0, 0, 4, 2), antialias),
                        tile(1, Rect::new(1, 1, 2, 2), Rect::new(3, 0, 6, 5), bilinear),
                    ],
                }
                .into(),
            ),
            Blend::Patches(
                Patches::new(
                    Size::new(3, 2),
                    (0..6).map(|cell| match cell {
                        0 => vec![patch(1, 5, 1.0)],
                        1 => vec![patch(0, 1, 0.5), patch(1, 4, 0.5)],
                        2 => vec![patch(2, 0, 0.25), patch(3, 3, 0.5), patch(0, 2, 0.25)],
                        other => vec![patch(0, other, 1.0), patch(1, other, 0.0)],
                    }),
                )
                .into(),
            ),
            Blend::Mosaic(
                Mosaic {
                    fill: [114, 3, 200],
                    order: [2, 0, 3, 1],
                    center: Point::new(8, 4),
                    map: [1.3, 0.2, 1.0, -0.1, 1.4, 0.5],
                }
                .into(),
            ),
        ];
        let slots: Vec<SlotPixels<'_>> = blends
            .iter()
            .map(|blend| SlotPixels::Views {
                sources: &sources,
                blend,
            })
            .chain([SlotPixels::Blank])
            .collect();
        for output in outputs() {
            for simd in [Simd::detect(), Simd::scalar()] {
                let writer = SlotWriter::new(&output, size, simd);
                for pixels in &slots {
                    match output.dtype {
                        Dtype::U8 => compare::<u8>(&writer, &output, *pixels),
                        Dtype::F16 => compare::<f16>(&writer, &output, *pixels),
                        Dtype::Bf16 => compare::<bf16>(&writer, &output, *pixels),
                        Dtype::F32 => compare::<f32>(&writer, &output, *pixels),
                    }
                }
            }
        }
    }

    /// Every type, layout and number of channels.
    fn outputs() -> Vec<recipe::Output> {
        let mut outputs = Vec::new();
        for layout in [Layout::Nchw, Layout::Nhwc] {
            for dtype in [Dtype::U8, Dtype::F16, Dtype::Bf16, Dtype::F32] {
                let output = recipe::Output::new().with_dtype(dtype).with_layout(layout);
                outputs.push(
                    output
                        .clone()
                        .with_mean([0.485, 0.456, 0.406])
                        .with_std([0.229, 0.224, 0.225]),
                );
                outputs.push(output.with_channels(1).with_mean([0.449]).with_std([0.226]));
            }
        }
        outputs
    }

    fn compare<T: Element + PartialEq + std::fmt::Debug>(
        writer: &SlotWriter,
        output: &recipe::Output,
        pixels: SlotPixels<'_>,
    ) {
        let mut fast = vec![T::from_f32(1.0); writer.values()];
        let mut plain = fast.clone();
        writer.write(pixels, &mut fast);
        writer.write_plainly(output, pixels, &mut plain);
        assert_eq!(fast, plain, "{output:?} {pixels:?}");
    }
}
