//! Pictures of several scans: all coefficients first, then the pixels of a region.

use std::ops::Range;

use super::coefficients::{Bounds, Coefficients};
use super::entropy::Block;
use super::error::{Result, unsupported};
use super::idct::{flat, shrink};
use super::kernels::{Kernels, OnCpu, Target, on_this_cpu};
use super::layout::Layout;
use super::markers::{Preamble, ZIGZAG};
use super::{Bands, Decoder, Rect, Scale, check_region, emit_rows};

impl Decoder {
    /// [`Decoder::decode`] of a progressive file, or a sequential one whose components come in several scans. All of it is
    /// read; of the pixels, those of `region` of the scaled picture are made.
    ///
    /// # Errors
    ///
    /// As for [`Decoder::decode`]; [`super::ErrorKind::Unsupported`] besides for files of one sequential scan, and for those
    /// that lack scans; [`super::ErrorKind::Limit`] for one beyond `bounds`.
    pub fn decode_scans(
        &mut self,
        bytes: &[u8],
        bounds: &Bounds,
        region: Rect,
        scale: Scale,
        out: &mut [u8],
    ) -> Result<()> {
        on_this_cpu(self.simd, Scans { decoder: self, bytes, bounds, region, scale, out })
    }
}

/// What [`Decoder::decode_scans`] was asked for.
struct Scans<'a> {
    decoder: &'a mut Decoder,
    bytes: &'a [u8],
    bounds: &'a Bounds,
    region: Rect,
    scale: Scale,
    out: &'a mut [u8],
}

impl OnCpu for Scans<'_> {
    type Out = Result<()>;

    fn run<K: Kernels>(self, kernels: K) -> Result<()> {
        let Scans { decoder, bytes, bounds, region, scale, out } = self;
        let Some(picture) = Coefficients::read(kernels, bytes, bounds)? else {
            return unsupported(0, "one sequential scan, where several were expected");
        };
        let preamble = &picture.preamble()?;
        check_region(&preamble.header, scale, region, out.len())?;
        let layout = &Layout::new(preamble, region, scale)?;
        decoder.make_room(layout);
        let Decoder { blocks, band, rows, .. } = decoder;
        let samples = &mut band[..layout.band_len];
        let mut transform = Transform { kernels, picture: &picture, preamble, layout, blocks, samples };
        emit_rows(kernels, &mut transform, preamble, layout, layout.mcu_rows.start, region, rows, out)
    }
}

/// From coefficients to samples.
struct Transform<'a, K> {
    kernels: K,
    picture: &'a Coefficients<'a>,
    preamble: &'a Preamble,
    layout: &'a Layout,
    blocks: &'a mut [Block; 2],
    samples: &'a mut [u8],
}

impl<K: Kernels> Bands for Transform<'_, K> {
    fn decode(&mut self, row: usize) -> Result<()> {
        let Transform { kernels, picture, preamble, layout, blocks, samples } = self;
        for (n, plane) in layout.planes().iter().enumerate() {
            let (coefficients, quant) = (&picture.planes[n], &preamble.quant[preamble.components[n].quant]);
            for y in (0..plane.v).filter(|y| plane.block_rows.contains(&(row * plane.v + y))) {
                let start = (row * plane.v + y) * coefficients.stride;
                let target = |column: usize| Target {
                    quant,
                    at: plane.at(1 + plane.size * y, plane.size * column),
                    stride: plane.stride,
                };
                let columns = plane.block_columns.clone();
                let of = |column: usize| {
                    (&coefficients.blocks[start + column], coefficients.present[start + column])
                };
                transform_blocks(*kernels, plane.size, columns, of, target, blocks, samples);
            }
        }
        Ok(())
    }

    fn samples(&mut self) -> &mut [u8] {
        self.samples
    }
}

/// The samples of some blocks side by side, two at a time.
fn transform_blocks<'p, 't, K: Kernels>(
    kernels: K,
    size: usize,
    columns: Range<usize>,
    of: impl Fn(usize) -> (&'p [i16; 64], u64),
    target: impl Fn(usize) -> Target<'t>,
    blocks: &mut [Block; 2],
    samples: &mut [u8],
) {
    let mut targets = [target(columns.start); 2];
    let (mut waiting, mut together) = (0, 0);
    for column in columns {
        let (values, present) = of(column);
        let target = target(column);
        if size == 8 && present & !1 == 0 {
            let line = [flat(values[0], target.quant[0]); 8];
            for y in 0..8 {
                samples[target.at + y * target.stride..][..8].copy_from_slice(&line);
            }
            continue;
        }
        let block = &mut blocks[waiting];
        block[..64].fill(0);
        let mut left = present | 1;
        while left != 0 {
            let k = left.trailing_zeros() as usize & 63;
            block[usize::from(ZIGZAG[k])] = values[k];
            left &= left - 1;
        }
        if size < 8 {
            shrink(block, target, size, samples);
            continue;
        }
        targets[waiting] = target;
        together |= present;
        waiting += 1;
        if waiting == 2 {
            kernels.idct_pair(blocks, targets, together < 1 << 10, samples);
            (waiting, together) = (0, 0);
        }
    }
    if waiting == 1 {
        (blocks[1], targets[1]) = (blocks[0], targets[0]);
        kernels.idct_pair(blocks, targets, together < 1 << 10, samples);
    }
}
