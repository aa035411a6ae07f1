//! The inner loops, each in plain Rust; `x86` holds their vector twins.

use std::ops::Range;

use super::bits;
use super::entropy::Block;
use super::error::Result;
use super::progressive;
use super::scan::{Lane, Row, Scan, decode_span, skip_two_spans};

/// Where a reconstructed block goes.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub quant: &'a [i16; 64],
    /// Place of the top left sample.
    pub at: usize,
    pub stride: usize,
}

/// The operations that exist in several versions, all giving the same bytes.
///
/// Upsampling inputs carry one extra sample on either side: `input[1]` is the first one expanded.
pub(super) trait Kernels: Copy {
    /// Distance to the first `FF` byte, or the length.
    fn find_ff(self) -> fn(&[u8]) -> usize;
    /// Decodes MCUs of one row, with this CPU's instructions.
    fn decode_span(
        self,
        scan: &mut Scan<'_>,
        lane: &mut Lane<'_>,
        row: &Row<'_>,
        mcus: Range<usize>,
    ) -> Result<()>;
    /// Steps over MCUs at two places, likewise.
    fn skip_two_spans(self, lanes: &mut [Lane<'_>; 2], row: &Row<'_>, count: usize) -> Result<()>;
    /// Reads one of several scans: see [`progressive::read_scan`].
    fn read_scan(self, job: progressive::Job<'_>) -> Result<usize>;
    /// Dequantises and transforms two blocks into `out`. `sparse` promises that coefficients
    /// outside the top left 4x4 are zero.
    fn idct_pair(self, blocks: &[Block; 2], targets: [Target<'_>; 2], sparse: bool, out: &mut [u8]);
    /// Doubles a row across columns; `out` has twice the samples of `input` less its two extras.
    fn h2v1(self, input: &[u8], out: &mut [u8]);
    /// Doubles across columns and filters `near` with the row above or below it.
    fn h2v2(self, near: &[u8], far: &[u8], out: &mut [u8]);
    /// Filters `near` with the row above or below it, without extra samples; `bias` is 1 or 2.
    fn h1v2(self, near: &[u8], far: &[u8], bias: u8, out: &mut [u8]);
    /// Converts a row to RGB.
    fn ycc_to_rgb(self, planes: [&[u8]; 3], out: &mut [u8]);
    /// Interleaves three rows.
    fn interleave(self, planes: [&[u8]; 3], out: &mut [u8]);
}

/// Work for the kernels of this CPU.
pub(super) trait OnCpu {
    type Out;
    fn run<K: Kernels>(self, kernels: K) -> Self::Out;
}

/// Gives `work` this CPU's vector kernels, or plain ones where there are none or `simd` is false.
pub(super) fn on_this_cpu<W: OnCpu>(simd: bool, work: W) -> W::Out {
    #[cfg(target_arch = "x86_64")]
    if simd && let Some(avx2) = super::x86::Avx2::detect() {
        return work.run(avx2);
    }
    let _ = simd;
    work.run(Scalar)
}

/// Plain Rust.
#[derive(Clone, Copy)]
pub(super) struct Scalar;

impl Kernels for Scalar {
    fn find_ff(self) -> fn(&[u8]) -> usize {
        bits::find_ff
    }

    fn decode_span(
        self,
        scan: &mut Scan<'_>,
        lane: &mut Lane<'_>,
        row: &Row<'_>,
        mcus: Range<usize>,
    ) -> Result<()> {
        decode_span(self, scan, lane, row, mcus)
    }

    fn skip_two_spans(self, lanes: &mut [Lane<'_>; 2], row: &Row<'_>, count: usize) -> Result<()> {
        skip_two_spans(lanes, row, count)
    }

    fn read_scan(self, job: progressive::Job<'_>) -> Result<usize> {
        progressive::read_scan(job, bits::find_ff)
    }

    fn idct_pair(self, blocks: &[Block; 2], targets: [Target<'_>; 2], _: bool, out: &mut [u8]) {
        for (block, target) in blocks.iter().zip(targets) {
            super::idct::idct(block, target, out);
        }
    }

    fn h2v1(self, input: &[u8], out: &mut [u8]) {
        for (window, pair) in input.windows(3).zip(out.chunks_exact_mut(2)) {
            let [last, this, next] = [window[0], window[1], window[2]].map(u32::from);
            pair[0] = ((3 * this + last + 1) >> 2) as u8;
            pair[1] = ((3 * this + next + 2) >> 2) as u8;
        }
    }

    fn h2v2(self, near: &[u8], far: &[u8], out: &mut [u8]) {
        for ((near, far), pair) in near.windows(3).zip(far.windows(3)).zip(out.chunks_exact_mut(2)) {
            let [last, this, next] = [0, 1, 2].map(|n| 3 * u32::from(near[n]) + u32::from(far[n]));
            pair[0] = ((3 * this + last + 8) >> 4) as u8;
            pair[1] = ((3 * this + next + 7) >> 4) as u8;
        }
    }

    fn h1v2(self, near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
        for ((&near, &far), out) in near.iter().zip(far).zip(out) {
            *out = ((3 * u32::from(near) + u32::from(far) + u32::from(bias)) >> 2) as u8;
        }
    }

    fn ycc_to_rgb(self, [y, cb, cr]: [&[u8]; 3], out: &mut [u8]) {
        // Factors in units of 1/65536. Each product is rounded on its own, except that the two of
        // green are rounded as a sum: libjpeg's tables.
        const HALF: i32 = 1 << 15;
        for (((&y, &cb), &cr), rgb) in y.iter().zip(cb).zip(cr).zip(out.chunks_exact_mut(3)) {
            let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
            rgb[0] = (y + ((91881 * cr + HALF) >> 16)).clamp(0, 255) as u8;
            rgb[1] = (y + ((-22554 * cb - 46802 * cr + HALF) >> 16)).clamp(0, 255) as u8;
            rgb[2] = (y + ((116130 * cb + HALF) >> 16)).clamp(0, 255) as u8;
        }
    }

    fn interleave(self, [r, g, b]: [&[u8]; 3], out: &mut [u8]) {
        for (((&r, &g), &b), rgb) in r.iter().zip(g).zip(b).zip(out.chunks_exact_mut(3)) {
            rgb.copy_from_slice(&[r, g, b]);
        }
    }
}
