//! A sequential scan: MCUs from bits to samples (T.81 A.2 and F.2).
//!
//! The loop over the MCUs of a row does as little as possible for each block: where a block lies,
//! and whether the region needs it, was put into a list for the row ([`McuRow`]) beforehand. Blocks
//! that are needed are decoded and transformed two at a time, since the vector transform has room
//! for two; all others are stepped over.

use std::ops::Range;

use super::Fault;
use super::bits::{BitSource, Window};
use super::block::{
    PaddedBlock, ac_coefficients, coefficients, dc_difference, skip_ac_coefficients,
    skip_two_blocks,
};
use super::huffman::{AcTable, DcTable};
use crate::error::{Result, corrupt};
use crate::index::Entry;
use crate::kernels::idct::idct_dc_only;
use crate::kernels::{BlockTarget, Kernels};
use crate::markers::FileHeader;
use crate::markers::frame::MAX_BLOCKS_PER_MCU;
use crate::regions::layout::Layout;

/// What a scan is decoded with, and into.
pub(crate) struct McuDecoder<'a> {
    pub layout: &'a Layout,
    pub file: &'a FileHeader,
    pub dc: &'a [DcTable; 4],
    pub ac: &'a [AcTable; 4],
    /// Scratch: two blocks that wait for their transform.
    pub blocks: &'a mut [PaddedBlock; 2],
    /// The samples of one row of MCUs.
    pub band: &'a mut [u8],
}

/// The state of the entropy decoder between two MCUs.
///
/// Several cursors may stand in one scan, each where an index entry has put it.
#[derive(Clone, Copy)]
pub(crate) struct EntropyCursor<'a> {
    source: BitSource<'a>,
    window: Window<'a>,
    /// The DC coefficient of the last block of each component.
    predictors: [i32; 3],
    /// The next MCU, counted from the start of the scan.
    next: usize,
    /// MCUs between restart markers, 0 for none.
    interval: usize,
    /// MCUs up to the next restart marker, if there are any.
    restart_in: usize,
    /// Restart markers so far.
    restarts: usize,
}

/// The blocks of each MCU of one row, in the order of the scan.
pub(crate) struct McuRow<'a> {
    blocks: [McuBlock<'a>; MAX_BLOCKS_PER_MCU],
    used: usize,
}

/// One block of an MCU, as it recurs along a row.
#[derive(Clone, Copy)]
struct McuBlock<'a> {
    /// Index of its component in the frame.
    component: usize,
    dc: &'a DcTable,
    ac: &'a AcTable,
    quant: &'a [i16; 64],
    /// The MCUs in which the region needs the block: `count` of them from `first` on.
    first: usize,
    count: usize,
    /// Offset in the band of the block in MCU `first`, and the distance from MCU to MCU.
    at: usize,
    step: usize,
    stride: usize,
    /// Samples of the block across and down.
    size: usize,
}

impl<'a> McuDecoder<'a> {
    /// Lists the blocks of a row of MCUs.
    pub(crate) fn row(&self, row: usize) -> McuRow<'a> {
        let skipped = McuBlock {
            component: 0,
            dc: &self.dc[0],
            ac: &self.ac[0],
            quant: &self.file.quant[0],
            first: 0,
            count: 0,
            at: 0,
            step: 0,
            stride: 0,
            size: 8,
        };
        let mut blocks = [skipped; MAX_BLOCKS_PER_MCU];
        let mut used = 0;
        let planes = self.layout.planes();
        for &n in &self.file.scan_order[..planes.len()] {
            let (plane, component) = (&planes[n], &self.file.components[n]);
            let columns = &plane.block_columns;
            for (y, x) in (0..plane.v).flat_map(|y| (0..plane.h).map(move |x| (y, x))) {
                let mut block = McuBlock {
                    component: n,
                    dc: &self.dc[component.dc],
                    ac: &self.ac[component.ac],
                    quant: &self.file.quant[component.quant],
                    ..skipped
                };
                if plane.block_rows.contains(&(row * plane.v + y)) {
                    let mcu = |column: usize| column.saturating_sub(x).div_ceil(plane.h);
                    block.first = mcu(columns.start);
                    block.count = mcu(columns.end) - block.first;
                    if block.count > 0 {
                        block.at = {
                            let column = plane.block_size * (block.first * plane.h + x);
                            plane.offset(1 + plane.block_size * y, column)
                        };
                    }
                    block.step = plane.block_size * plane.h;
                    block.size = plane.block_size;
                    block.stride = plane.stride;
                }
                blocks[used] = block;
                used += 1;
            }
        }
        McuRow { blocks, used }
    }

    /// Transforms both waiting blocks; `last` is the index of their last coefficient.
    #[inline(always)]
    fn transform<K: Kernels>(&mut self, kernels: K, targets: [BlockTarget<'_>; 2], last: u32) {
        // The first ten coefficients in zigzag order lie in the top left 4 x 4.
        kernels.idct_pair(coefficients(self.blocks), targets, last < 10, self.band);
    }
}

impl<'a> EntropyCursor<'a> {
    /// Creates a cursor in front of the first MCU.
    pub(crate) fn new(
        data: &'a [u8],
        file: &FileHeader,
        find_ff: fn(&[u8]) -> usize,
    ) -> EntropyCursor<'a> {
        let (source, window) = BitSource::new(data, file.scan_start, find_ff);
        let interval = file.restart_interval;
        EntropyCursor {
            source,
            window,
            predictors: [0; 3],
            next: 0,
            interval,
            restart_in: interval,
            restarts: 0,
        }
    }

    /// Returns the next MCU, counted from the start of the scan.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// Returns the state as an index entry.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            position: self.source.position(&self.window),
            dc: self.predictors.map(|dc| dc as i16),
        }
    }

    /// Continues from an entry, which stands in front of MCU `mcu` of the scan.
    pub(crate) fn seek(&mut self, entry: Entry, mcu: usize) {
        self.window = self.source.seek(entry.position);
        self.predictors = entry.dc.map(i32::from);
        self.next = mcu;
        if let (Some(before), 1..) = (mcu.checked_sub(1), self.interval) {
            // The marker in front of an interval is read together with the interval's first MCU.
            self.restarts = before / self.interval;
            self.restart_in = self.interval - 1 - before % self.interval;
        }
    }

    /// Steps over a restart marker if one is due.
    #[inline(always)]
    fn begin_mcu(&mut self, window: &mut Window<'a>) -> Result<()> {
        if self.interval > 0 {
            if self.restart_in == 0 {
                *window = self.source.restart(*window, self.restarts)?;
                self.restarts += 1;
                self.restart_in = self.interval;
                self.predictors = [0; 3];
            }
            self.restart_in -= 1;
        }
        Ok(())
    }

    /// Reads the DC coefficient of a block, modulo 2^16.
    #[inline(always)]
    fn dc(
        &mut self,
        window: &mut Window<'a>,
        block: &McuBlock<'_>,
    ) -> std::result::Result<i16, Fault> {
        let difference = dc_difference(&mut self.source, window, block.dc)?;
        let dc = &mut self.predictors[block.component];
        *dc = dc.wrapping_add(difference);
        Ok(*dc as i16)
    }

    /// Returns the error for a fault in the bits.
    #[cold]
    fn error<T>(&self, window: Window<'_>, fault: Fault) -> Result<T> {
        if self.source.overrun(&window) {
            return self.source.early_end();
        }
        corrupt(self.source.offset(&window), fault.message())
    }
}

/// Decodes MCUs of one row: needed blocks become samples in the band, others are stepped over.
///
/// The arguments are separate on purpose. Bundled in a struct they stay in memory instead of
/// registers, and decoding a crop with an index became 2 % slower.
#[inline(always)]
pub(crate) fn decode_mcus<K: Kernels>(
    kernels: K,
    decoder: &mut McuDecoder<'_>,
    cursor: &mut EntropyCursor<'_>,
    row: &McuRow<'_>,
    mcus: Range<usize>,
) -> Result<()> {
    let mcu_blocks = &row.blocks[..row.used];
    let nowhere = BlockTarget {
        quant: &decoder.file.quant[0],
        at: 0,
        stride: 0,
    };
    // Blocks that wait for their transform, and the index of their last coefficient.
    let mut targets = [nowhere; 2];
    let mut waiting = 0;
    let mut last = 0;
    let mut window = cursor.window;
    let count = mcus.len();
    for mcu in mcus {
        cursor.begin_mcu(&mut window)?;
        for mcu_block in mcu_blocks {
            // Wraps in front of the first needed MCU, so that one comparison checks both ends.
            let nth = mcu.wrapping_sub(mcu_block.first);
            let block = &mut decoder.blocks[waiting & 1];
            let decoded = match cursor.dc(&mut window, mcu_block) {
                Err(fault) => Err(fault),
                Ok(dc) if nth < mcu_block.count => {
                    block[..64].fill(0);
                    block[0] = dc;
                    ac_coefficients(&mut cursor.source, &mut window, mcu_block.ac, block)
                }
                Ok(_) => {
                    skip_ac_coefficients(&mut cursor.source, &mut window, mcu_block.ac).map(|()| 0)
                }
            };
            let index = match decoded {
                Ok(index) => index,
                Err(fault) => return cursor.error(window, fault),
            };
            if nth >= mcu_block.count {
                continue;
            }
            let target = BlockTarget {
                quant: mcu_block.quant,
                at: mcu_block.at + nth * mcu_block.step,
                stride: mcu_block.stride,
            };
            if mcu_block.size < 8 {
                let coefficients = block.first_chunk().expect("64 of 256");
                kernels.idct_reduced(coefficients, target, mcu_block.size, decoder.band);
                continue;
            }
            if index == 0 {
                idct_dc_only(block[0], target, decoder.band);
                continue;
            }
            targets[waiting & 1] = target;
            last = index.max(last);
            waiting += 1;
            if waiting == 2 {
                decoder.transform(kernels, targets, last);
                (waiting, last) = (0, 0);
            }
        }
        if cursor.source.overrun(&window) {
            return cursor.source.early_end();
        }
    }
    if waiting == 1 {
        // The transform takes two: the block twice, to the same place.
        decoder.blocks[1] = decoder.blocks[0];
        targets[1] = targets[0];
        decoder.transform(kernels, targets, last);
    }
    cursor.window = window;
    cursor.next += count;
    Ok(())
}

/// Steps over `count` MCUs at each of two places, block by block in turn. `row` is any row.
#[inline(always)]
pub(crate) fn skip_mcus_side_by_side(
    cursors: &mut [EntropyCursor<'_>; 2],
    row: &McuRow<'_>,
    count: usize,
) -> Result<()> {
    let [a, b] = cursors;
    let (mut window_a, mut window_b) = (a.window, b.window);
    for _ in 0..count {
        a.begin_mcu(&mut window_a)?;
        b.begin_mcu(&mut window_b)?;
        for mcu_block in &row.blocks[..row.used] {
            if let Err(fault) = a.dc(&mut window_a, mcu_block) {
                return a.error(window_a, fault);
            }
            if let Err(fault) = b.dc(&mut window_b, mcu_block) {
                return b.error(window_b, fault);
            }
            let marks = [a.source.mark(), b.source.mark()];
            let sources = [&mut a.source, &mut b.source];
            if let Some(behind) = skip_two_blocks(sources, [window_a, window_b], mcu_block.ac) {
                [window_a, window_b] = behind;
                continue;
            }
            // A rare kind of block: start both again, one after the other.
            let both = [(&mut *a, &mut window_a), (&mut *b, &mut window_b)];
            for ((cursor, window), mark) in both.into_iter().zip(marks) {
                cursor.source.go_back(mark);
                if let Err(fault) = skip_ac_coefficients(&mut cursor.source, window, mcu_block.ac) {
                    return cursor.error(*window, fault);
                }
            }
        }
        for (cursor, window) in [(&*a, &window_a), (&*b, &window_b)] {
            if cursor.source.overrun(window) {
                return cursor.source.early_end();
            }
        }
    }
    for (cursor, window) in [(a, window_a), (b, window_b)] {
        cursor.window = window;
        cursor.next += count;
    }
    Ok(())
}
