//! The scan: rows of MCUs from bits to samples.

use std::ops::Range;

use super::bits::{Source, Window};
use super::entropy::{Block, Fault, ac_coefficients, dc_difference, skip_ac_coefficients, skip_two};
use super::error::{Result, corrupt};
use super::huffman::{AcTable, DcTable};
use super::idct::{flat, shrink};
use super::index::Entry;
use super::kernels::{Kernels, Target};
use super::layout::Layout;
use super::markers::Preamble;

/// Blocks per MCU, at most.
const SLOTS: usize = 10;

/// What the scan is decoded with, and into.
pub(super) struct Scan<'a> {
    pub layout: &'a Layout,
    pub preamble: &'a Preamble,
    pub dc: &'a [DcTable; 4],
    pub ac: &'a [AcTable; 4],
    pub blocks: &'a mut [Block; 2],
    pub band: &'a mut [u8],
}

/// A place in the scan from which MCUs are decoded in turn, and what the entropy decoder knows there.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    source: Source<'a>,
    window: Window<'a>,
    predictors: [i32; 3],
    /// The MCU that comes next, counted through the scan.
    next: usize,
    /// MCUs from restart marker to restart marker, 0 for none.
    interval: usize,
    /// MCUs up to the next restart marker, if there are any.
    restart_in: usize,
    restarts: usize,
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

impl<'a> Lane<'a> {
    /// A lane at the first MCU.
    pub fn new(data: &'a [u8], preamble: &Preamble, find_ff: fn(&[u8]) -> usize) -> Lane<'a> {
        let (source, window) = Source::new(data, preamble.scan_start, find_ff);
        let interval = preamble.restart_interval;
        Lane { source, window, predictors: [0; 3], next: 0, interval, restart_in: interval, restarts: 0 }
    }

    /// The MCU that comes next.
    pub fn next(&self) -> usize {
        self.next
    }

    /// Where the lane stands.
    pub fn entry(&self) -> Entry {
        Entry { position: self.source.position(&self.window), dc: self.predictors.map(|dc| dc as i16) }
    }

    /// Goes on at an entry, which is in front of MCU `mcu` of the scan.
    pub fn seek(&mut self, entry: Entry, mcu: usize) {
        self.window = self.source.seek(entry.position);
        self.predictors = entry.dc.map(i32::from);
        self.next = mcu;
        if let (Some(before), 1..) = (mcu.checked_sub(1), self.interval) {
            // The marker in front of an interval is read with the interval's first MCU.
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

    /// Reads the DC coefficient of a block.
    #[inline(always)]
    fn dc(&mut self, window: &mut Window<'a>, slot: &Slot<'_>) -> std::result::Result<i16, Fault> {
        let difference = dc_difference(&mut self.source, window, slot.dc)?;
        let dc = &mut self.predictors[slot.plane];
        *dc = dc.wrapping_add(difference);
        Ok(*dc as i16)
    }

    /// The error for a fault in the bits.
    #[cold]
    fn error<T>(&self, window: Window<'_>, fault: Fault) -> Result<T> {
        if self.source.overrun(&window) {
            return self.source.early_end();
        }
        corrupt(self.source.offset(&window), fault.message())
    }
}

/// Decodes MCUs of one row; needed blocks end up as samples in the band, others are stepped over.
#[inline(always)]
pub(super) fn decode_span<K: Kernels>(
    kernels: K,
    scan: &mut Scan<'_>,
    lane: &mut Lane<'_>,
    row: &Row<'_>,
    mcus: Range<usize>,
) -> Result<()> {
    let slots = &row.slots[..row.used];
    let blank = Target { quant: &scan.preamble.quant[0], at: 0, stride: 0 };
    // Blocks are transformed two at a time.
    let mut targets = [blank; 2];
    let mut waiting = 0;
    let mut last = 0;
    let mut window = lane.window;
    let count = mcus.len();
    for mcu in mcus {
        lane.begin_mcu(&mut window)?;
        for slot in slots {
            let place = mcu.wrapping_sub(slot.first);
            let block = &mut scan.blocks[waiting & 1];
            let decoded = match lane.dc(&mut window, slot) {
                Err(fault) => Err(fault),
                Ok(dc) if place < slot.count => {
                    block[..64].fill(0);
                    block[0] = dc;
                    ac_coefficients(&mut lane.source, &mut window, slot.ac, block)
                }
                Ok(_) => skip_ac_coefficients(&mut lane.source, &mut window, slot.ac).map(|()| 0),
            };
            let index = match decoded {
                Ok(index) => index,
                Err(fault) => return lane.error(window, fault),
            };
            if place >= slot.count {
                continue;
            }
            let target = Target { quant: slot.quant, at: slot.at + place * slot.step, stride: slot.stride };
            if slot.size < 8 {
                shrink(block, target, slot.size, scan.band);
                continue;
            }
            if index == 0 {
                let samples = [flat(block[0], slot.quant[0]); 8];
                for y in 0..8 {
                    let at = target.at + y * slot.stride;
                    scan.band[at..at + 8].copy_from_slice(&samples);
                }
                continue;
            }
            targets[waiting & 1] = target;
            last = index.max(last);
            waiting += 1;
            if waiting == 2 {
                kernels.idct_pair(scan.blocks, targets, last < 10, scan.band);
                (waiting, last) = (0, 0);
            }
        }
        if lane.source.overrun(&window) {
            return lane.source.early_end();
        }
    }
    if waiting == 1 {
        scan.blocks[1] = scan.blocks[0];
        targets[1] = targets[0];
        kernels.idct_pair(scan.blocks, targets, last < 10, scan.band);
    }
    lane.window = window;
    lane.next += count;
    Ok(())
}

/// Steps over `count` MCUs at each of two places, block by block in turn; `row` is any row.
#[inline(always)]
pub(super) fn skip_two_spans(lanes: &mut [Lane<'_>; 2], row: &Row<'_>, count: usize) -> Result<()> {
    let [a, b] = lanes;
    let (mut window_a, mut window_b) = (a.window, b.window);
    for _ in 0..count {
        a.begin_mcu(&mut window_a)?;
        b.begin_mcu(&mut window_b)?;
        for slot in &row.slots[..row.used] {
            if let Err(fault) = a.dc(&mut window_a, slot) {
                return a.error(window_a, fault);
            }
            if let Err(fault) = b.dc(&mut window_b, slot) {
                return b.error(window_b, fault);
            }
            let marks = [a.source.mark(), b.source.mark()];
            let sources = [&mut a.source, &mut b.source];
            if let Some(behind) = skip_two(sources, [window_a, window_b], slot.ac) {
                [window_a, window_b] = behind;
                continue;
            }
            // What is rare is done one after the other, from the start.
            let both = [(&mut *a, &mut window_a), (&mut *b, &mut window_b)];
            for ((lane, window), mark) in both.into_iter().zip(marks) {
                lane.source.go_back(mark);
                if let Err(fault) = skip_ac_coefficients(&mut lane.source, window, slot.ac) {
                    return lane.error(*window, fault);
                }
            }
        }
        for (lane, window) in [(&*a, &window_a), (&*b, &window_b)] {
            if lane.source.overrun(window) {
                return lane.source.early_end();
            }
        }
    }
    for (lane, window) in [(a, window_a), (b, window_b)] {
        lane.window = window;
        lane.next += count;
    }
    Ok(())
}
