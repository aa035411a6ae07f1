//! The scan: rows of MCUs from bits to samples.

use std::ops::Range;

use super::bits::{Source, Window};
use super::entropy::{Block, ac_coefficients, dc_difference, skip_ac_coefficients};
use super::error::{Result, corrupt};
use super::huffman::{AcTable, DcTable};
use super::idct::{flat, shrink};
use super::index::Entry;
use super::kernels::{Kernels, Target};
use super::layout::Layout;
use super::markers::Preamble;

/// Blocks per MCU, at most.
const SLOTS: usize = 10;

/// State of the scan between rows, and what it decodes into.
pub(super) struct Scan<'a> {
    pub layout: &'a Layout,
    pub preamble: &'a Preamble,
    pub dc: &'a [DcTable; 4],
    pub ac: &'a [AcTable; 4],
    pub source: Source<'a>,
    pub window: Window<'a>,
    pub predictors: [i32; 3],
    /// The MCU that comes next, counted through the scan.
    pub next: usize,
    /// MCUs up to the next restart marker, if the scan has any.
    pub restart_in: usize,
    pub restarts: usize,
    pub blocks: &'a mut [Block; 2],
    pub band: &'a mut [u8],
}

/// The blocks of the MCUs of one row, in the order of the scan.
pub(super) struct Row<'a> {
    slots: [Slot<'a>; SLOTS],
    used: usize,
}

/// One block of the MCU, as it recurs along a row.
#[derive(Clone, Copy)]
struct Slot<'a> {
    plane: usize,
    dc: &'a DcTable,
    ac: &'a AcTable,
    quant: &'a [i16; 64],
    /// MCUs in which the block is needed: `count` of them from `first` on.
    first: usize,
    count: usize,
    /// Place of the block in MCU `first`, and the distance from MCU to MCU.
    at: usize,
    step: usize,
    stride: usize,
    /// Samples across and down.
    size: usize,
}

impl<'a> Scan<'a> {
    /// Where the scan stands.
    pub fn entry(&self) -> Entry {
        Entry { position: self.source.position(&self.window), dc: self.predictors.map(|dc| dc as i16) }
    }

    /// Goes on at an entry, which is in front of MCU `mcu` of the scan.
    pub fn seek(&mut self, entry: Entry, mcu: usize) {
        self.window = self.source.seek(entry.position);
        self.predictors = entry.dc.map(i32::from);
        self.next = mcu;
        let interval = self.preamble.restart_interval;
        if let (Some(before), 1..) = (mcu.checked_sub(1), interval) {
            // The marker in front of an interval is read with the interval's first MCU.
            self.restarts = before / interval;
            self.restart_in = interval - 1 - before % interval;
        }
    }

    /// Lists the blocks of the MCUs of a row.
    pub fn row(&self, row: usize) -> Row<'a> {
        let idle = Slot {
            plane: 0,
            dc: &self.dc[0],
            ac: &self.ac[0],
            quant: &self.preamble.quant[0],
            first: 0,
            count: 0,
            at: 0,
            step: 0,
            stride: 0,
            size: 8,
        };
        let mut slots = [idle; SLOTS];
        let mut used = 0;
        for &n in &self.preamble.scan_order[..self.layout.count] {
            let (plane, component) = (&self.layout.planes[n], &self.preamble.components[n]);
            let columns = &plane.block_columns;
            for (y, x) in (0..plane.v).flat_map(|y| (0..plane.h).map(move |x| (y, x))) {
                let mut slot = Slot {
                    plane: n,
                    dc: &self.dc[component.dc],
                    ac: &self.ac[component.ac],
                    quant: &self.preamble.quant[component.quant],
                    ..idle
                };
                if plane.block_rows.contains(&(row * plane.v + y)) {
                    let mcu = |column: usize| column.saturating_sub(x).div_ceil(plane.h);
                    slot.first = mcu(columns.start);
                    slot.count = mcu(columns.end) - slot.first;
                    if slot.count > 0 {
                        slot.at = plane.at(1 + plane.size * y, plane.size * (slot.first * plane.h + x));
                    }
                    slot.step = plane.size * plane.h;
                    slot.size = plane.size;
                    slot.stride = plane.stride;
                }
                slots[used] = slot;
                used += 1;
            }
        }
        Row { slots, used }
    }
}

/// Decodes MCUs of one row; needed blocks end up as samples in the band, others are stepped over.
#[inline(always)]
pub(super) fn decode_span<K: Kernels>(
    kernels: K,
    scan: &mut Scan<'_>,
    row: &Row<'_>,
    mcus: Range<usize>,
) -> Result<()> {
    let slots = &row.slots[..row.used];
    let interval = scan.preamble.restart_interval;
    let blank = Target { quant: &scan.preamble.quant[0], at: 0, stride: 0 };
    // Blocks are transformed two at a time.
    let mut targets = [blank; 2];
    let mut waiting = 0;
    let mut last = 0;
    let mut window = scan.window;
    let count = mcus.len();
    for mcu in mcus {
        if interval > 0 {
            if scan.restart_in == 0 {
                window = scan.source.restart(window, scan.restarts)?;
                scan.restarts += 1;
                scan.restart_in = interval;
                scan.predictors = [0; 3];
            }
            scan.restart_in -= 1;
        }
        for slot in slots {
            let source = &mut scan.source;
            let place = mcu.wrapping_sub(slot.first);
            let block = &mut scan.blocks[waiting & 1];
            let decoded = match dc_difference(source, &mut window, slot.dc) {
                Err(fault) => Err(fault),
                Ok(difference) => {
                    let dc = &mut scan.predictors[slot.plane];
                    *dc = dc.wrapping_add(difference);
                    if place < slot.count {
                        block[..64].fill(0);
                        block[0] = *dc as i16;
                        ac_coefficients(source, &mut window, slot.ac, block)
                    } else {
                        skip_ac_coefficients(source, &mut window, slot.ac).map(|()| 0)
                    }
                }
            };
            let index = match decoded {
                Ok(index) => index,
                Err(_) if source.overrun(&window) => return source.early_end(),
                Err(fault) => return corrupt(source.offset(&window), fault.message()),
            };
            if place >= slot.count {
                continue;
            }
            let at = slot.at + place * slot.step;
            if slot.size < 8 {
                let target = Target { quant: slot.quant, at, stride: slot.stride };
                shrink(&scan.blocks[waiting & 1], target, slot.size, scan.band);
                continue;
            }
            if index == 0 {
                let samples = [flat(block[0], slot.quant[0]); 8];
                for y in 0..8 {
                    let at = at + y * slot.stride;
                    scan.band[at..at + 8].copy_from_slice(&samples);
                }
                continue;
            }
            targets[waiting & 1] = Target { quant: slot.quant, at, stride: slot.stride };
            last = index.max(last);
            waiting += 1;
            if waiting == 2 {
                kernels.idct_pair(scan.blocks, targets, last < 10, scan.band);
                (waiting, last) = (0, 0);
            }
        }
        if scan.source.overrun(&window) {
            return scan.source.early_end();
        }
    }
    if waiting == 1 {
        scan.blocks[1] = scan.blocks[0];
        targets[1] = targets[0];
        kernels.idct_pair(scan.blocks, targets, last < 10, scan.band);
    }
    scan.window = window;
    scan.next += count;
    Ok(())
}
