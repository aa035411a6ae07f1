//! Blocks whose coefficients come in several scans.

use super::bits::{Source, Window};
use super::coefficients::Plane;
use super::error::{Result, corrupt};
use super::huffman::SymbolTable;
use super::markers::Component;

/// One scan: which components, which coefficients, which of their bits.
pub(super) struct Scan {
    pub components: Vec<usize>,
    /// First and last coefficient.
    pub band: [usize; 2],
    /// The bits that were known before (0 for none) and the lowest bit of those that come.
    pub high: u8,
    pub low: u8,
    pub dc: Vec<Option<SymbolTable>>,
    pub ac: Vec<Option<SymbolTable>>,
    pub progressive: bool,
    pub interval: usize,
}

/// What is wrong with the bits of a block.
type Fault = &'static str;

/// What is read within a block; the place is added where the block was begun.
type Read<T> = std::result::Result<T, Fault>;

const BAD_CODE: Fault = "expected a Huffman code of the table, found none that matches";
const BEYOND: Fault = "expected coefficients of the scan, found a run beyond them";

/// A block of coefficients, and which of them are not 0.
struct Block<'b> {
    values: &'b mut [i16; 64],
    present: &'b mut u64,
}

/// The state between blocks.
struct Reader<'s, 'a> {
    scan: &'s Scan,
    source: Source<'a>,
    predictors: [i32; 4],
    /// Blocks that end before they begin.
    skip: u32,
    left: usize,
    restarts: usize,
}

/// One scan to be read into planes.
pub(super) struct Job<'a> {
    pub data: &'a [u8],
    /// Offset of the scan's first byte.
    pub start: usize,
    pub scan: &'a Scan,
    pub components: &'a [Component],
    pub planes: &'a mut [Plane],
    /// MCUs across and down.
    pub mcus: [usize; 2],
}

/// Reads one scan; gives the place of the marker behind it.
#[inline(always)]
pub(super) fn read_scan(job: Job<'_>, find_ff: fn(&[u8]) -> usize) -> Result<usize> {
    let Job { data, start, scan, components, planes, mcus } = job;
    let (source, mut window) = Source::new(data, start, find_ff);
    let left = scan.interval;
    let mut reader = Reader { scan, source, predictors: [0; 4], skip: 0, left, restarts: 0 };
    if let [n] = scan.components[..] {
        // A component by itself has no blocks but its own.
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
                for (y, x) in (0..component.v).flat_map(|y| (0..component.h).map(move |x| (y, x))) {
                    let at = (row * component.v + y) * plane.stride + column * component.h + x;
                    reader.block(&mut window, nth, plane, at)?;
                }
            }
        }
    }
    Ok(reader.source.behind(&window))
}

impl<'a> Reader<'_, 'a> {
    /// Reads the restart marker in front of an MCU, if there is one.
    #[inline(always)]
    fn restart(&mut self, window: &mut Window<'a>) -> Result<()> {
        if self.scan.interval > 0 {
            if self.left == 0 {
                *window = self.source.restart(*window, self.restarts)?;
                (self.predictors, self.skip) = ([0; 4], 0);
                (self.left, self.restarts) = (self.scan.interval, self.restarts + 1);
            }
            self.left -= 1;
        }
        Ok(())
    }

    /// Reads what the scan has of a block of its `nth` component.
    #[inline(always)]
    fn block(&mut self, window: &mut Window<'a>, nth: usize, plane: &mut Plane, at: usize) -> Result<()> {
        let block = Block { values: &mut plane.blocks[at], present: &mut plane.present[at] };
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
        done.or_else(|fault| corrupt(self.source.offset(window), fault))
    }

    /// The next `count` bits, at most 56.
    #[inline(always)]
    fn bits(&mut self, window: &mut Window<'a>, count: u32) -> u64 {
        window.refill(&mut self.source);
        let bits = window.buffer >> 1 >> (63 - count);
        window.consume(count);
        bits
    }

    /// A symbol; at least 40 valid bits are left behind it.
    #[inline(always)]
    fn symbol(&mut self, window: &mut Window<'a>, table: &Option<SymbolTable>) -> Read<u8> {
        window.refill(&mut self.source);
        let found = table.as_ref().and_then(|table| table.lookup(window.buffer));
        let (symbol, length) = found.ok_or(BAD_CODE)?;
        window.consume(length);
        Ok(symbol)
    }

    /// A number of `size` bits, of which a leading 0 marks a negative one, behind a symbol.
    #[inline(always)]
    fn value(window: &mut Window<'a>, size: u32) -> i32 {
        let raw = (window.buffer >> 1 >> (63 - size)) as i32;
        window.consume(size);
        if raw >> size.saturating_sub(1) == 0 { raw - (1 << size) + 1 } else { raw }
    }

    #[inline(always)]
    fn dc(&mut self, window: &mut Window<'a>, nth: usize, block: &mut [i16; 64]) -> Read<()> {
        let scan = self.scan;
        if scan.high > 0 {
            block[0] |= (self.bits(window, 1) << scan.low) as i16;
            return Ok(());
        }
        let size = self.symbol(window, &scan.dc[nth])?;
        if size > 15 {
            return Err("expected a DC difference of 15 bits at most");
        }
        self.predictors[nth] = self.predictors[nth].wrapping_add(Self::value(window, size.into()));
        block[0] = (self.predictors[nth] << scan.low) as i16;
        Ok(())
    }

    /// The bits of an end of several blocks; `run` is the high half of its symbol.
    #[inline(always)]
    fn ends(&mut self, window: &mut Window<'a>, run: u8) -> Read<u32> {
        if !self.scan.progressive && run > 0 {
            return Err("expected a run of zeros or an end of block");
        }
        Ok((1 << run) + self.bits(window, run.into()) as u32)
    }

    #[inline(always)]
    fn ac(&mut self, window: &mut Window<'a>, nth: usize, block: Block<'_>) -> Read<()> {
        let scan = self.scan;
        let [first, last] = scan.band;
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        let mut k = first.max(1);
        while k <= last {
            let symbol = self.symbol(window, &scan.ac[nth])?;
            let (run, size) = (symbol >> 4, u32::from(symbol & 15));
            if size == 0 && run < 15 {
                self.skip = self.ends(window, run)? - 1;
                break;
            }
            k += usize::from(run);
            if size > 0 {
                if k > last {
                    return Err(BEYOND);
                }
                block.values[k & 63] = (Self::value(window, size) << scan.low) as i16;
                *block.present |= 1 << k;
            }
            k += 1;
        }
        Ok(())
    }

    #[inline(always)]
    fn refine_ac(&mut self, window: &mut Window<'a>, nth: usize, block: Block<'_>) -> Read<()> {
        let scan = self.scan;
        let [first, last] = scan.band;
        let one = 1i16 << scan.low;
        // The coefficients of the band from `k` on; `k` may be behind the last.
        let from = |k: usize| (u64::MAX >> (63 - last)).checked_shr(k as u32).map_or(0, |rest| rest << k);
        let mut k = first;
        while self.skip == 0 && k <= last {
            let symbol = self.symbol(window, &scan.ac[nth])?;
            let (run, size) = (symbol >> 4, symbol & 15);
            let new = match size {
                0 if run < 15 => {
                    self.skip = self.ends(window, run)?;
                    break;
                }
                0 => 0,
                1 => Self::value(window, 1) as i16 * one,
                _ => return Err("expected a new coefficient of one bit"),
            };
            // Over `run` coefficients that stay zero to the next zero, and bits for all others on the way.
            let mut zeros = from(k) & !*block.present;
            for _ in 0..run {
                zeros &= zeros.wrapping_sub(1);
            }
            let end = (zeros.trailing_zeros() as usize).min(last + 1);
            self.refine(window, block.values, *block.present & from(k) & !from(end));
            k = end + 1;
            if new != 0 {
                if end > last {
                    return Err(BEYOND);
                }
                block.values[end & 63] = new;
                *block.present |= 1 << end;
            }
        }
        if self.skip > 0 {
            self.refine(window, block.values, *block.present & from(k));
            self.skip -= 1;
        }
        Ok(())
    }

    /// Reads one more bit for each of the coefficients `which`.
    #[inline(always)]
    fn refine(&mut self, window: &mut Window<'a>, values: &mut [i16; 64], mut which: u64) {
        let one = 1i16 << self.scan.low;
        while which != 0 {
            let count = which.count_ones().min(56);
            let mut bits = self.bits(window, count) << (64 - count);
            for _ in 0..count {
                let value = &mut values[which.trailing_zeros() as usize & 63];
                which &= which - 1;
                // Away from zero, unless the bit is there, which no sound file has.
                let step = if *value < 0 { -one } else { one };
                let wanted = (bits >> 63) as i16 & i16::from(*value & one == 0);
                *value = value.wrapping_add(step * wanted);
                bits <<= 1;
            }
        }
    }
}
