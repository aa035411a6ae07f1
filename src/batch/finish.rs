//! The final pass: 8-bit views to a batch's values, in one go.
//!
//! For each value: normalize, mix the sources in f32, convert, store in the batch's layout.
//! Normalization is the two-step rule `(v / 255 - mean) / std` in f32, by vector code or by a table
//! of 256 entries a channel, so it is exact on every machine. Mixing is a sum of normalized values
//! times weights in f32, `lam * a + (1 - lam) * b`, in the order of [`Blend::terms`] and never
//! fused.

use std::ops::Range;

use super::Element;
use crate::geometry::Size;
use crate::mix::{self, Blend, Mask, Of, Patch, Patches, Tile, Tiles};
use crate::recipe::{self, Dtype, Layout};

/// What one slot is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SlotPixels<'a> {
    /// Zeros.
    Blank,
    /// Views, and how they are blended.
    Views {
        sources: &'a [&'a [u8]],
        blend: &'a Blend,
    },
}

/// From levels to numbers: `(level / unit - mean) / std` in f32, step by step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) unit: f32,
    pub(super) mean: [f32; 3],
    pub(super) std: [f32; 3],
}

impl Rule {
    fn new(output: &recipe::Output) -> Rule {
        match output.dtype {
            Dtype::U8 => Rule {
                unit: 1.0,
                mean: [0.0; 3],
                std: [1.0; 3],
            },
            _ => Rule {
                unit: 255.0,
                mean: output.mean.map(|mean| mean as f32),
                std: output.std.map(|std| std as f32),
            },
        }
    }

    /// Whether a level stays what it is.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "vector code alone looks at it")
    )]
    pub(super) fn is_plain(&self) -> bool {
        self.unit == 1.0
    }

    fn apply(&self, level: u8, channel: usize) -> f32 {
        (f32::from(level) / self.unit - self.mean[channel]) / self.std[channel]
    }

    /// A value of a weighted sum.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "vector code alone looks at it")
    )]
    pub(super) fn sum(&self, terms: &[Term<'_>], at: usize, channel: usize) -> f32 {
        let mut values = terms
            .iter()
            .map(|term| term.weight * self.apply(term.pixels[at][channel], channel));
        let first = values.next().unwrap_or(0.0);
        values.fold(first, |sum, value| sum + value)
    }
}

/// An image and its weight in a sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term<'a> {
    pub(super) pixels: &'a [[u8; 3]],
    pub(super) weight: f32,
}

impl<'a> Term<'a> {
    fn new(view: &'a [u8], weight: f32) -> Term<'a> {
        Term {
            pixels: view.as_chunks().0,
            weight,
        }
    }
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
    frame: Size,
    layout: Layout,
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "vector code alone looks at it")
    )]
    rule: Rule,
    normalized: Box<Table<f32>>,
    /// Whether the kernels of `finish_x86` can run.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "no vector kernels here")
    )]
    vector: bool,
}

impl Finisher {
    /// A finisher; `simd` false keeps to plain code, which gives the same bytes.
    pub(crate) fn new(output: &recipe::Output, frame: Size, simd: bool) -> Finisher {
        let rule = Rule::new(output);
        let normalized = Box::new(table(|channel, level| rule.apply(level as u8, channel)));
        #[cfg(target_arch = "x86_64")]
        let simd = simd && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c");
        Finisher {
            frame,
            layout: output.layout,
            rule,
            normalized,
            vector: simd,
        }
    }

    /// The size of a view.
    pub(crate) fn frame(&self) -> Size {
        self.frame
    }

    /// Writes one slot: `out` has height x width x 3 values.
    pub(crate) fn write<T: Element>(&self, pixels: SlotPixels<'_>, out: &mut [T]) {
        let SlotPixels::Views { sources, blend } = pixels else {
            return out.fill(T::from_f32(0.0));
        };
        match blend {
            Blend::Keep => self.copy(sources[0], sources[0], [0; 4], out),
            Blend::Box { rect } => self.copy(sources[0], sources[1], *rect, out),
            Blend::Uniform { lam } => {
                let lam = *lam as f32;
                self.several(&sources[..2], &[lam, 1.0 - lam], out);
            }
            Blend::Several(weights) => {
                let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
                self.several(&sources[..weights.len()], &weights, out);
            }
            Blend::Mask(mask) => self.masked(sources, mask, out),
            Blend::Tiles(tiles) => self.tiled(sources, tiles, out),
            Blend::Patches(patches) => self.patched(sources, patches, out),
            other => self.gathered(sources, other, out),
        }
    }

    /// What a level becomes if it is copied.
    fn copies<T: Element>(&self) -> Table<T> {
        table(|channel, level| T::from_f32(self.normalized[channel][level]))
    }

    /// Weighted sums of the pixels in a span, by vector code; false if there is none, and nothing
    /// was done.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(unused_variables, reason = "vector code alone looks at it")
    )]
    fn vector_sums<T: Element>(
        &self,
        terms: &[Term<'_>],
        span: Range<usize>,
        out: &mut [T],
    ) -> bool {
        #[cfg(target_arch = "x86_64")]
        if self.vector {
            // SAFETY: that is set where the processor has AVX2 and F16C.
            unsafe {
                match self.layout {
                    Layout::Nchw => super::finish_x86::planar(&self.rule, terms, span, out),
                    Layout::Nhwc => super::finish_x86::interleaved(&self.rule, terms, span, out),
                }
            }
            return true;
        }
        false
    }

    fn whole(&self) -> Range<usize> {
        0..self.frame.width as usize * self.frame.height as usize
    }

    /// A weighted sum of whole images.
    fn several<T: Element>(&self, sources: &[&[u8]], weights: &[f32], out: &mut [T]) {
        let terms = sources
            .iter()
            .zip(weights)
            .map(|(source, weight)| Term::new(source, *weight));
        let terms: Vec<Term<'_>> = terms.collect();
        if self.vector_sums(&terms, self.whole(), out) {
            return;
        }
        let scaled = |by: f32| table::<f32>(|channel, level| by * self.normalized[channel][level]);
        let tables: Vec<Table<f32>> = weights.iter().map(|weight| scaled(*weight)).collect();
        let mut sums = vec![0.0f32; self.frame.width as usize];
        self.rows(out, |y, channel, out, step| {
            for (number, (source, table)) in sources.iter().zip(&tables).enumerate() {
                for (sum, pixel) in sums.iter_mut().zip(self.row(source, y)) {
                    let value = table[channel][usize::from(pixel[channel])];
                    *sum = if number == 0 { value } else { *sum + value };
                }
            }
            out.iter_mut()
                .step_by(step)
                .zip(&sums)
                .for_each(|(out, sum)| *out = T::from_f32(*sum));
        });
    }

    /// Copies `own`, and `partner` inside the rectangle.
    fn copy<T: Element>(&self, own: &[u8], partner: &[u8], rect: [u32; 4], out: &mut [T]) {
        let [y0, x0, y1, x1] = rect.map(|edge| edge as usize);
        let width = self.frame.width as usize;
        let spans = (y0..y1)
            .map(|y| y * width + x0..y * width + x1)
            .filter(|span| !span.is_empty());
        if self.layout == Layout::Nhwc
            && let (Some(own), Some(partner)) = (T::from_levels(own), T::from_levels(partner))
        {
            out.copy_from_slice(own);
            for span in spans.map(|span| 3 * span.start..3 * span.end) {
                out[span.clone()].copy_from_slice(&partner[span]);
            }
            return;
        }
        if self.vector_sums(&[Term::new(own, 1.0)], self.whole(), out) {
            let partner = [Term::new(partner, 1.0)];
            spans.for_each(|span| _ = self.vector_sums(&partner, span, out));
            return;
        }
        let table: Table<T> = self.copies();
        self.rows(out, |y, channel, out, step| {
            fill(&table[channel], self.row(own, y), channel, out, step);
            if (y0..y1).contains(&y) && x0 < x1 {
                fill(
                    &table[channel],
                    &self.row(partner, y)[x0..x1],
                    channel,
                    &mut out[x0 * step..],
                    step,
                );
            }
        });
    }

    /// By a weight of the partner for each pixel.
    fn masked<T: Element>(&self, sources: &[&[u8]], mask: &Mask, out: &mut [T]) {
        let table: Table<T> = self.copies();
        self.rows(out, |y, channel, out, step| {
            let weights = mask.row(y);
            let pixels = self
                .row(sources[0], y)
                .iter()
                .zip(self.row(sources[1], y))
                .zip(weights);
            let out = out.iter_mut().step_by(step).zip(pixels);
            if mask.is_binary() {
                let table = &table[channel];
                for (out, ((own, partner), weight)) in out {
                    let pixel = if *weight == 1.0 { partner } else { own };
                    *out = table[usize::from(pixel[channel])];
                }
            } else {
                let table = &self.normalized[channel];
                for (out, ((own, partner), weight)) in out {
                    let [own, partner] =
                        [own, partner].map(|pixel| table[usize::from(pixel[channel])]);
                    *out = T::from_f32((1.0 - weight) * own + weight * partner);
                }
            }
        });
    }

    /// Rectangles over an image or a color.
    fn tiled<T: Element>(&self, sources: &[&[u8]], tiles: &Tiles, out: &mut [T]) {
        let table: Table<T> = self.copies();
        let placed: Vec<Placed<'_>> = tiles.tiles.iter().map(Placed::new).collect();
        let mut down = Vec::new();
        self.rows(out, |y, channel, out, step| {
            match tiles.fill {
                None => fill(&table[channel], self.row(sources[0], y), channel, out, step),
                Some(color) => {
                    let value = table[channel][usize::from(color[channel])];
                    out.iter_mut().step_by(step).for_each(|out| *out = value);
                }
            }
            for placed in &placed {
                let [y0, x0, y1, x1] = placed.tile.to.map(|edge| edge as usize);
                if !(y0..y1).contains(&y) {
                    continue;
                }
                let [fy0, fx0, fy1, _] = placed.tile.from;
                let source = sources[placed.tile.source];
                let out = &mut out[x0 * step..];
                let top = fy0
                    + placed.tile.filter.taps(
                        (y - y0) as u32,
                        fy1 - fy0,
                        (y1 - y0) as u32,
                        &mut down,
                    );
                if placed.tile.copies() {
                    let row = &self.row(source, top as usize)[fx0 as usize..][..x1 - x0];
                    fill(&table[channel], row, channel, out, step);
                    continue;
                }
                for (out, (left, across)) in out.iter_mut().step_by(step).zip(&placed.across) {
                    let left = (fx0 + left) as usize;
                    *out = match (&down[..], &across[..]) {
                        ([v], [h]) if v * h == 1.0 => {
                            let pixel = self.row(source, top as usize)[left];
                            table[channel][usize::from(pixel[channel])]
                        }
                        _ => {
                            let mut sum = None;
                            for (row, v) in (top as usize..).zip(&down) {
                                let pixels = &self.row(source, row)[left..];
                                for (pixel, h) in pixels.iter().zip(across) {
                                    let value = v
                                        * h
                                        * self.normalized[channel][usize::from(pixel[channel])];
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

    /// Cells of a grid.
    fn patched<T: Element>(&self, sources: &[&[u8]], patches: &Patches, out: &mut [T]) {
        let table: Table<T> = self.copies();
        let (width, height) = (self.frame.width, self.frame.height);
        let [rows, columns] = patches.grid();
        let mut row = 0;
        self.rows(out, |y, channel, out, step| {
            let y = y as u32;
            // Rows come one after the other, channel by channel or pixel by pixel.
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
                // The line of each term, from where it begins to its end; a shorter one repeats its
                // last pixel.
                let line = |patch: &Patch| {
                    let (from_row, from_column) = (patch.cell / columns, patch.cell % columns);
                    let y = Patches::moved(y, row, from_row, height, rows);
                    let span = Patches::span(from_column, width, columns);
                    &self.row(sources[patch.source], y as usize)
                        [span.start as usize..span.end as usize]
                };
                match patches.cell(row * columns + column) {
                    [only] if only.weight == 1.0 && line(only).len() >= length => {
                        fill(&table[channel], &line(only)[..length], channel, out, step);
                    }
                    terms => {
                        for (at, out) in out.iter_mut().step_by(step).take(length).enumerate() {
                            let level = |patch: &Patch| {
                                let line = line(patch);
                                usize::from(line[at.min(line.len() - 1)][channel])
                            };
                            *out = match terms {
                                [only] if only.weight == 1.0 => table[channel][level(only)],
                                terms => {
                                    let mut values = terms.iter().map(|term| {
                                        term.weight * self.normalized[channel][level(term)]
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

    /// Pixel by pixel from the definition.
    fn gathered<T: Element>(&self, sources: &[&[u8]], blend: &Blend, out: &mut [T]) {
        let (width, height) = (self.frame.width as usize, self.frame.height as usize);
        let mut terms = Vec::new();
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            blend.terms(self.frame, y as u32, x as u32, &mut terms);
            for c in 0..3 {
                let value = |of: Of| {
                    self.normalized[c][usize::from(match of {
                        Of::Source(source, y, x) => {
                            sources[source][(y as usize * width + x as usize) * 3 + c]
                        }
                        Of::Fill(color) => color[c],
                    })]
                };
                let mixed = match &terms[..] {
                    [only] if only.weight == 1.0 => value(only.of),
                    terms => {
                        let mut values = terms.iter().map(|term| term.weight * value(term.of));
                        let first = values.next().unwrap_or(0.0);
                        values.fold(first, |sum, value| sum + value)
                    }
                };
                out[self.place(y, x, c)] = T::from_f32(mixed);
            }
        }
    }

    /// Where a value lies.
    fn place(&self, y: usize, x: usize, c: usize) -> usize {
        let (width, height) = (self.frame.width as usize, self.frame.height as usize);
        match self.layout {
            Layout::Nchw => (c * height + y) * width + x,
            Layout::Nhwc => (y * width + x) * 3 + c,
        }
    }

    fn row<'a>(&self, view: &'a [u8], y: usize) -> &'a [[u8; 3]] {
        let width = self.frame.width as usize;
        &view.as_chunks().0[y * width..(y + 1) * width]
    }

    /// Calls `write` with each row of each channel: (row, channel, where it begins, distance
    /// between its values).
    fn rows<T>(&self, out: &mut [T], mut write: impl FnMut(usize, usize, &mut [T], usize)) {
        let (width, height) = (self.frame.width as usize, self.frame.height as usize);
        match self.layout {
            Layout::Nchw => {
                for channel in 0..3 {
                    let plane = &mut out[channel * width * height..][..width * height];
                    plane
                        .chunks_exact_mut(width)
                        .enumerate()
                        .for_each(|(y, row)| write(y, channel, row, 1));
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

    /// [`Finisher::write`] from the formulas: every source is normalized, and [`mix::apply`] mixes.
    /// The twin that tests and the reference path go by.
    pub(crate) fn write_plainly<T: Element>(
        &self,
        output: &recipe::Output,
        pixels: SlotPixels<'_>,
        out: &mut [T],
    ) {
        let SlotPixels::Views { sources, blend } = pixels else {
            return out.fill(T::from_f32(0.0));
        };
        let value = |level: u8, c: usize| match output.dtype {
            Dtype::U8 => f32::from(level),
            _ => (f32::from(level) / 255.0 - output.mean[c] as f32) / output.std[c] as f32,
        };
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
            mix::apply(blend, self.frame, &normalized, value).expect("sources of the view's size");
        let width = self.frame.width as usize;
        for (at, value) in mixed.into_iter().enumerate() {
            let (pixel, c) = (at / 3, at % 3);
            out[self.place(pixel / width, pixel % width, c)] = T::from_f32(value);
        }
    }
}

/// A tile with the columns that each of its pixels is made of.
struct Placed<'a> {
    tile: &'a Tile,
    across: Vec<(u32, Vec<f32>)>,
}

impl Placed<'_> {
    fn new(tile: &Tile) -> Placed<'_> {
        let (from, to) = (tile.from[3] - tile.from[1], tile.to[3] - tile.to[1]);
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

/// Writes a line of copied pixels.
fn fill<T: Element>(
    table: &[T; 256],
    pixels: &[[u8; 3]],
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

    fn the_fast_pass_gives_the_bytes_of_the_plain_one_at(frame: Size) {
        let size = frame.width * frame.height;
        let view = |seed: u32| -> Vec<u8> {
            (0..3 * size)
                .map(|i: u32| (i * seed * 37 % 256) as u8)
                .collect()
        };
        let views = [view(3), view(5), view(7), view(11)];
        let sources: Vec<&[u8]> = views.iter().map(|view| &view[..]).collect();
        let weights = |soft: bool| {
            (0..size)
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
        let whole = [0, 0, 5, 9];
        let patch = |source, cell, weight| Patch {
            source,
            cell,
            weight,
        };
        let blends = [
            Blend::Keep,
            Blend::Uniform { lam: 0.3 },
            Blend::Uniform { lam: 0.0 },
            Blend::Box { rect: [1, 2, 4, 9] },
            Blend::Box { rect: whole },
            Blend::Several([0.2, 0.5, 0.3].into()),
            Blend::Mask(Mask::new(frame, weights(false)).into()),
            Blend::Mask(Mask::new(frame, weights(true)).into()),
            Blend::Tiles(Tiles::one(tile(1, whole, [1, 1, 3, 8], nearest)).into()),
            Blend::Tiles(Tiles::one(tile(1, whole, [1, 1, 3, 8], bilinear)).into()),
            Blend::Tiles(
                Tiles {
                    fill: Some([114, 3, 200]),
                    tiles: vec![
                        tile(3, [0, 0, 2, 4], [2, 2, 4, 6], nearest),
                        tile(2, whole, [0, 0, 2, 4], antialias),
                        tile(1, [1, 1, 3, 3], [0, 3, 5, 9], bilinear),
                    ],
                }
                .into(),
            ),
            Blend::Patches(
                Patches::new(
                    2,
                    3,
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
                    center: [4, 8],
                    map: [1.3, 0.2, 1.0, -0.1, 1.4, 0.5],
                }
                .into(),
            ),
        ];
        for layout in [Layout::Nchw, Layout::Nhwc] {
            for dtype in [Dtype::U8, Dtype::F16, Dtype::Bf16, Dtype::F32] {
                let output = recipe::Output {
                    dtype,
                    layout,
                    mean: [0.485, 0.456, 0.406],
                    std: [0.229, 0.224, 0.225],
                };
                let finishers = [true, false].map(|simd| Finisher::new(&output, frame, simd));
                let slots = blends.iter().map(|blend| SlotPixels::Views {
                    sources: &sources,
                    blend,
                });
                for (pixels, finisher) in slots
                    .chain([SlotPixels::Blank])
                    .flat_map(|pixels| finishers.iter().map(move |finisher| (pixels, finisher)))
                {
                    fn both<T: Element + PartialEq + std::fmt::Debug>(
                        finisher: &Finisher,
                        output: &recipe::Output,
                        pixels: SlotPixels<'_>,
                    ) {
                        let mut fast = vec![T::from_f32(1.0); finisher.whole().len() * 3];
                        let mut plain = fast.clone();
                        finisher.write(pixels, &mut fast);
                        finisher.write_plainly(output, pixels, &mut plain);
                        assert_eq!(fast, plain, "{output:?} {pixels:?}");
                    }
                    match dtype {
                        Dtype::U8 => both::<u8>(finisher, &output, pixels),
                        Dtype::F16 => both::<f16>(finisher, &output, pixels),
                        Dtype::Bf16 => both::<bf16>(finisher, &output, pixels),
                        Dtype::F32 => both::<f32>(finisher, &output, pixels),
                    }
                }
            }
        }
    }
}
