//! One scan of several: progressive ones (T.81 annex G), and sequential ones of some components.
//!
//! A progressive file sends coefficients by spectral selection (a band of zigzag indices in each
//! scan) and successive approximation (the high bits first, one more bit in each later scan). Four
//! procedures result: DC first, DC refinement, AC first, AC refinement. Sequential scans are read
//! by the first and the third with a band of 0 to 63.
//!
//! Refinement is the slow one: the correction bits of coefficients that are known already lie
//! between the new coefficients, and libjpeg (`jdphuff.c`) walks over the band one coefficient at a
//! time to find them. Here each block has a 64-bit set of its nonzero coefficients. A run of zeros
//! is then a matter of clearing the lowest bits of the complement, and the coefficients to be
//! corrected are the bits of an intersection, so that whole runs are read at once.

use super::Fault;
use super::bits::{BitSource, Window};
use super::huffman::SymbolTable;
use crate::coefficient_plane::CoefficientPlane;
use crate::error::{Result, corrupt};
use crate::markers::frame::Component;

/// What a scan holds: which components, which coefficients, which of their bits.
pub(crate) struct ScanParameters {
    /// Indices in the frame, in the order of the scan.
    pub components: Vec<usize>,
    /// First and last coefficient, in zigzag order.
    pub band: [usize; 2],
    /// The lowest bit that was known before, 0 for none, and the lowest bit that this scan adds.
    pub high: u8,
    pub low: u8,
    /// Huffman tables for each component of the scan; `None` where it needs none.
    pub dc: Vec<Option<SymbolTable>>,
    pub ac: Vec<Option<SymbolTable>>,
    pub progressive: bool,
    /// MCUs between restart markers, 0 for none.
    pub restart_interval: usize,
}

/// The result of reading inside a block. The offset is added where the block was begun.
type BlockResult<T> = std::result::Result<T, Fault>;

/// A block of coefficients in zigzag order.
struct Block<'b> {
    values: &'b mut [i16; 64],
    /// The set of coefficients that are not zero.
    nonzero: &'b mut u64,
}

/// The state between blocks.
struct BlockReader<'s, 'a> {
    scan: &'s ScanParameters,
    source: BitSource<'a>,
    predictors: [i32; 4],
    /// Blocks to come without new coefficients (EOBRUN in T.81).
    end_of_band_run: u32,
    /// MCUs up to the next restart marker, if there are any.
    restart_in: usize,
    /// Restart markers so far.
    restarts: usize,
}

/// One scan, and the planes that it is read into.
pub(crate) struct ScanReader<'a> {
    pub data: &'a [u8],
    /// Offset of the scan's first entropy-coded byte.
    pub start: usize,
    pub scan: &'a ScanParameters,
    pub components: &'a [Component],
    pub planes: &'a mut [CoefficientPlane],
    /// Size of the image in MCUs, across and down.
    pub mcus: [usize; 2],
}

impl ScanReader<'_> {
    /// Reads the scan and returns an offset from which the marker behind it is the next one.
    #[inline(always)]
    pub(crate) fn read(self, find_ff: fn(&[u8]) -> usize) -> Result<usize> {
        let ScanReader {
            data,
            start,
            scan,
            components,
            planes,
            mcus,
        } = self;
        let (source, mut window) = BitSource::new(data, start, find_ff);
        let mut reader = BlockReader {
            scan,
            source,
            predictors: [0; 4],
            end_of_band_run: 0,
            restart_in: scan.restart_interval,
            restarts: 0,
        };
        if let [n] = scan.components[..] {
            // The scan of a single component is not interleaved and leaves out the padding of MCUs.
            let plane = &mut planes[n];
            for row in 0..plane.rows {
                for at in row * plane.stride..row * plane.stride + plane.columns {
                    reader.restart(&mut window)?;
                    reader.block(&mut window, 0, plane, at)?;
                }
            }
        } else {
            for (row, column) in (0..mcus[1]).flat_map(|row| (0..mcus[0]).map(move |n| (row, n))) {
                reader.restart(&mut window)?;
                for (nth, &n) in scan.components.iter().enumerate() {
                    let (component, plane) = (components[n], &mut planes[n]);
                    for (y, x) in
                        (0..component.v).flat_map(|y| (0..component.h).map(move |x| (y, x)))
                    {
                        let at = (row * component.v + y) * plane.stride + column * component.h + x;
                        reader.block(&mut window, nth, plane, at)?;
                    }
                }
            }
        }
        Ok(reader.source.behind(&window))
    }
}

impl<'a> BlockReader<'_, 'a> {
    /// Reads the restart marker in front of an MCU, if one is due.
    #[inline(always)]
    fn restart(&mut self, window: &mut Window<'a>) -> Result<()> {
        if self.scan.restart_interval > 0 {
            if self.restart_in == 0 {
                *window = self.source.restart(*window, self.restarts)?;
                (self.predictors, self.end_of_band_run) = ([0; 4], 0);
                (self.restart_in, self.restarts) = (self.scan.restart_interval, self.restarts + 1);
            }
            self.restart_in -= 1;
        }
        Ok(())
    }

    /// Reads what the scan holds of block `at` of its `nth` component.
    #[inline(always)]
    fn block(
        &mut self,
        window: &mut Window<'a>,
        nth: usize,
        plane: &mut CoefficientPlane,
        at: usize,
    ) -> Result<()> {
        let block = Block {
            values: &mut plane.blocks[at],
            nonzero: &mut plane.nonzero[at],
        };
        let [first, last] = self.scan.band;
        let mut done = Ok(());
        if first == 0 {
            done = self.dc(window, nth, block.values);
        }
        if last > 0 && done.is_ok() {
            done = match self.scan.high {
                0 => self.ac(window, nth, block),
                _ => self.refine_ac(window, nth, block),
            };
        }
        if self.source.overrun(window) {
            return self.source.early_end();
        }
        done.or_else(|fault| corrupt(self.source.offset(window), fault.message()))
    }

    /// Reads `count` bits, at most 56.
    #[inline(always)]
    fn bits(&mut self, window: &mut Window<'a>, count: u32) -> u64 {
        window.refill(&mut self.source);
        let bits = window.buffer >> 1 >> (63 - count);
        window.consume(count);
        bits
    }

    /// Reads a symbol. At least 40 valid bits are left behind it.
    #[inline(always)]
    fn symbol(&mut self, window: &mut Window<'a>, table: &Option<SymbolTable>) -> BlockResult<u8> {
        window.refill(&mut self.source);
        let found = table.as_ref().and_then(|table| table.lookup(window.buffer));
        let (symbol, length) = found.ok_or(Fault::BadCode)?;
        window.consume(length);
        Ok(symbol)
    }

    /// Reads a value of `size` bits behind a symbol; a leading 0 marks a negative one.
    #[inline(always)]
    fn value(window: &mut Window<'a>, size: u32) -> i32 {
        let raw = (window.buffer >> 1 >> (63 - size)) as i32;
        window.consume(size);
        if raw >> size.saturating_sub(1) == 0 {
            raw - (1 << size) + 1
        } else {
            raw
        }
    }

    /// DC, first scan or refinement (G.1.2.1).
    #[inline(always)]
    fn dc(
        &mut self,
        window: &mut Window<'a>,
        nth: usize,
        block: &mut [i16; 64],
    ) -> BlockResult<()> {
        let scan = self.scan;
        if scan.high > 0 {
            block[0] |= (self.bits(window, 1) << scan.low) as i16;
            return Ok(());
        }
        let size = self.symbol(window, &scan.dc[nth])?;
        if size > 15 {
            return Err(Fault::LongDifference);
        }
        self.predictors[nth] = self.predictors[nth].wrapping_add(Self::value(window, size.into()));
        block[0] = (self.predictors[nth] << scan.low) as i16;
        Ok(())
    }

    /// Reads how many blocks end here, this one included; `run` is the high half of the symbol.
    #[inline(always)]
    fn read_end_of_band_run(&mut self, window: &mut Window<'a>, run: u8) -> BlockResult<u32> {
        if !self.scan.progressive && run > 0 {
            return Err(Fault::EndOfBandRun);
        }
        Ok((1 << run) + self.bits(window, run.into()) as u32)
    }

    /// AC, first scan (G.1.2.2), or all AC coefficients of a sequential scan.
    #[inline(always)]
    fn ac(&mut self, window: &mut Window<'a>, nth: usize, block: Block<'_>) -> BlockResult<()> {
        let scan = self.scan;
        let [first, last] = scan.band;
        if self.end_of_band_run > 0 {
            self.end_of_band_run -= 1;
            return Ok(());
        }
        let mut k = first.max(1);
        while k <= last {
            let symbol = self.symbol(window, &scan.ac[nth])?;
            let (run, size) = (symbol >> 4, u32::from(symbol & 15));
            if size == 0 && run < 15 {
                self.end_of_band_run = self.read_end_of_band_run(window, run)? - 1;
                break;
            }
            k += usize::from(run);
            if size > 0 {
                if k > last {
                    return Err(Fault::RunBeyondEnd);
                }
                block.values[k & 63] = (Self::value(window, size) << scan.low) as i16;
                *block.nonzero |= 1 << k;
            }
            k += 1;
        }
        Ok(())
    }

    /// AC, refinement (G.1.2.3).
    #[inline(always)]
    fn refine_ac(
        &mut self,
        window: &mut Window<'a>,
        nth: usize,
        block: Block<'_>,
    ) -> BlockResult<()> {
        let scan = self.scan;
        let [first, last] = scan.band;
        let one = 1i16 << scan.low;
        // The set of the band's coefficients from `k` on; `k` may be beyond the last.
        let from = |k: usize| {
            (u64::MAX >> (63 - last))
                .checked_shr(k as u32)
                .map_or(0, |rest| rest << k)
        };
        let mut k = first;
        while self.end_of_band_run == 0 && k <= last {
            let symbol = self.symbol(window, &scan.ac[nth])?;
            let (run, size) = (symbol >> 4, symbol & 15);
            let new = match size {
                0 if run < 15 => {
                    self.end_of_band_run = self.read_end_of_band_run(window, run)?;
                    break;
                }
                0 => 0,
                1 => Self::value(window, 1) as i16 * one,
                _ => return Err(Fault::LongNewCoefficient),
            };
            // Pass over `run` coefficients that stay zero, up to the next zero. All others on the
            // way have a correction bit.
            let mut zeros = from(k) & !*block.nonzero;
            for _ in 0..run {
                zeros &= zeros.wrapping_sub(1);
            }
            let end = (zeros.trailing_zeros() as usize).min(last + 1);
            self.refine(window, block.values, *block.nonzero & from(k) & !from(end));
            k = end + 1;
            if new != 0 {
                if end > last {
                    return Err(Fault::RunBeyondEnd);
                }
                block.values[end & 63] = new;
                *block.nonzero |= 1 << end;
            }
        }
        if self.end_of_band_run > 0 {
            self.refine(window, block.values, *block.nonzero & from(k));
            self.end_of_band_run -= 1;
        }
        Ok(())
    }

    /// Reads a correction bit for each coefficient of the set `which`, lowest first.
    #[inline(always)]
    fn refine(&mut self, window: &mut Window<'a>, values: &mut [i16; 64], mut which: u64) {
        let one = 1i16 << self.scan.low;
        while which != 0 {
            let count = which.count_ones().min(56);
            let mut bits = self.bits(window, count) << (64 - count);
            for _ in 0..count {
                let value = &mut values[which.trailing_zeros() as usize & 63];
                which &= which - 1;
                // Away from zero. That the bit is set already happens in damaged files only.
                let step = if *value < 0 { -one } else { one };
                let correction = (bits >> 63) as i16 & i16::from(*value & one == 0);
                *value = value.wrapping_add(step * correction);
                bits <<= 1;
            }
        }
    }
}
