//! The coefficients of a picture whose scans each hold a part of them: progressive ones, and sequential ones that take the
//! components one after the other.

use super::bits::{Source, Window, find_ff};
use super::error::{Result, corrupt, limit, unsupported};
use super::huffman::Codes;
use super::markers::{Component, HuffmanSpec, Stream, Walker};
use super::{Header, Process};

/// The quantised coefficients of one component, block by block, each in zigzag order.
pub(super) struct Plane {
    /// Blocks of the component itself, and of whole MCUs.
    pub columns: usize,
    pub rows: usize,
    pub stride: usize,
    pub blocks: Vec<[i16; 64]>,
    /// For each coefficient, the lowest bit that is known; `UNKNOWN` for none.
    known: [u8; 64],
}

const UNKNOWN: u8 = 255;

/// A picture's coefficients, and what of the file is no part of their coding.
pub(super) struct Coefficients<'a> {
    pub header: Header,
    pub components: Vec<Component>,
    pub planes: Vec<Plane>,
    /// MCUs across and down.
    pub mcus: [usize; 2],
    /// Comments, application data and quantisers: marker and payload, in order.
    pub kept: Vec<(u8, &'a [u8])>,
}

/// What a file may cost.
pub(super) struct Bounds {
    pub pixels: u64,
    pub scans: u32,
}

/// One scan: which components, which coefficients, which of their bits.
struct Scan {
    components: Vec<usize>,
    /// First and last coefficient.
    band: [usize; 2],
    /// The bits that were known before (0 for none) and the lowest bit of those that come.
    high: u8,
    low: u8,
    dc: Vec<Option<Codes>>,
    ac: Vec<Option<Codes>>,
    progressive: bool,
    interval: usize,
}

impl<'a> Coefficients<'a> {
    /// Reads all scans; `None` if the file is sequential with one scan, which other code reads.
    pub fn read(data: &'a [u8], bounds: &Bounds) -> Result<Option<Coefficients<'a>>> {
        Coefficients::read_all(data, bounds, true)
    }

    fn read_all(data: &'a [u8], bounds: &Bounds, stop_at_one: bool) -> Result<Option<Coefficients<'a>>> {
        let mut walker = Walker::new(data)?;
        let mut found: Option<Coefficients<'a>> = None;
        let (mut dc, mut ac): ([Option<HuffmanSpec>; 4], [Option<HuffmanSpec>; 4]) = ([None; 4], [None; 4]);
        let (mut interval, mut scans) = (0, 0);
        let mut kept = Vec::new();
        loop {
            let at = walker.pos();
            let code = walker.marker()?;
            if let Some(process) = super::markers::process_of(code) {
                if found.is_some() {
                    return corrupt(at, "expected one frame header, found a second");
                }
                found = Some(Coefficients::begin(&mut walker, process, at, bounds)?);
                continue;
            }
            match code {
                0xD0..=0xD7 | 0x01 => continue,
                0xD8 => return corrupt(at, "expected a segment, found a second SOI marker"),
                0xD9 => break,
                _ => {}
            }
            let (payload, at) = walker.segment()?;
            match (code, &mut found) {
                (0xC4, _) => super::markers::huffman_tables(payload, at, &mut dc, &mut ac)?,
                (0xDB, _) if scans > 0 => return unsupported(at, "quantisers between scans"),
                (0xDB | 0xE0..=0xEF | 0xFE, _) => kept.push((code, payload)),
                (0xDD, _) => match payload {
                    &[high, low] => interval = usize::from(u16::from_be_bytes([high, low])),
                    _ => return corrupt(at, format!("expected 2 DRI bytes, found {}", payload.len())),
                },
                (0xDA, Some(coefficients)) => {
                    scans += 1;
                    if scans > bounds.scans {
                        return limit(format!(
                            "a JPEG of more than {} scans (decode.limits.scans)",
                            bounds.scans
                        ));
                    }
                    let stream = super::markers::stream(payload, at)?;
                    let sequential = coefficients.header.process != Process::Progressive;
                    if stop_at_one
                        && sequential
                        && scans == 1
                        && stream.parts.len() == coefficients.components.len()
                    {
                        return Ok(None);
                    }
                    let scan = Scan::new(coefficients, &stream, at, [&dc, &ac], interval)?;
                    let end = coefficients.scan(data, walker.pos(), &scan)?;
                    walker.seek(end);
                }
                (0xDA, None) => return corrupt(at, "expected a frame header before the first scan"),
                _ => {}
            }
        }
        let Some(mut coefficients) = found else {
            return corrupt(walker.pos(), "expected a frame header, found the EOI marker");
        };
        if let Some(n) = coefficients.planes.iter().position(|plane| plane.known != [0; 64]) {
            let text = format!("a picture that is not complete: component {n} lacks scans");
            return unsupported(walker.pos(), text);
        }
        coefficients.kept = kept;
        Ok(Some(coefficients))
    }

    fn begin(
        walker: &mut Walker<'a>,
        process: Process,
        at: usize,
        bounds: &Bounds,
    ) -> Result<Coefficients<'a>> {
        let (header, components) = super::markers::any_frame(walker, process, at)?;
        let pixels = u64::from(header.width) * u64::from(header.height);
        if pixels > bounds.pixels {
            return limit(format!(
                "a picture of {} x {} pixels; the limit is {} (decode.limits.pixels)",
                header.width, header.height, bounds.pixels
            ));
        }
        let single = components.len() == 1;
        let factors = |component: &Component| if single { [1, 1] } else { [component.h, component.v] };
        let most =
            |side: usize| components.iter().map(|component| factors(component)[side]).max().unwrap_or(1);
        let most = [most(0), most(1)];
        let sides = [header.width as usize, header.height as usize];
        let mcus = [0, 1].map(|side| sides[side].div_ceil(8 * most[side]));
        let planes = components.iter().map(|component| {
            let factors = factors(component);
            let blocks = [0, 1].map(|side| (sides[side] * factors[side]).div_ceil(8 * most[side]));
            let padded = [0, 1].map(|side| mcus[side] * factors[side]);
            Plane {
                columns: blocks[0],
                rows: blocks[1],
                stride: padded[0],
                blocks: vec![[0; 64]; padded[0] * padded[1]],
                known: [UNKNOWN; 64],
            }
        });
        Ok(Coefficients { header, planes: planes.collect(), mcus, kept: Vec::new(), components })
    }

    /// Reads one scan; gives the place of the marker behind it.
    fn scan(&mut self, data: &'a [u8], start: usize, scan: &Scan) -> Result<usize> {
        let (source, window) = Source::new(data, start, find_ff);
        let mut reader = Reader { source, window, predictors: [0; 4], skip: 0, scan };
        let (mut left, mut restarts) = (scan.interval, 0);
        let mut mcu = |reader: &mut Reader<'a, '_>| -> Result<()> {
            if scan.interval > 0 {
                if left == 0 {
                    reader.window = reader.source.restart(reader.window, restarts)?;
                    (reader.predictors, reader.skip) = ([0; 4], 0);
                    (left, restarts) = (scan.interval, restarts + 1);
                }
                left -= 1;
            }
            Ok(())
        };
        if let [n] = scan.components[..] {
            // A component by itself has no blocks but its own.
            let plane = &mut self.planes[n];
            for row in 0..plane.rows {
                for column in 0..plane.columns {
                    mcu(&mut reader)?;
                    reader.block(0, &mut plane.blocks[row * plane.stride + column])?;
                }
            }
        } else {
            for (row, column) in (0..self.mcus[1]).flat_map(|row| (0..self.mcus[0]).map(move |n| (row, n))) {
                mcu(&mut reader)?;
                for (nth, &n) in scan.components.iter().enumerate() {
                    let (component, plane) = (self.components[n], &mut self.planes[n]);
                    for (y, x) in (0..component.v).flat_map(|y| (0..component.h).map(move |x| (y, x))) {
                        let at = (row * component.v + y) * plane.stride + column * component.h + x;
                        reader.block(nth, &mut plane.blocks[at])?;
                    }
                }
            }
        }
        Ok(reader.source.behind(&reader.window))
    }
}

impl Scan {
    fn new(
        coefficients: &mut Coefficients<'_>,
        stream: &Stream,
        at: usize,
        [dc, ac]: [&[Option<HuffmanSpec>; 4]; 2],
        interval: usize,
    ) -> Result<Scan> {
        let progressive = coefficients.header.process == Process::Progressive;
        let [first, last] = if progressive { stream.band.map(usize::from) } else { [0, 63] };
        let [high, low] = if progressive { stream.bits } else { [0, 0] };
        if last > 63 || first > last || (progressive && (first == 0) != (last == 0)) || low > 13 {
            return corrupt(at, format!("a scan of coefficients {first} to {last} from bit {low} on"));
        }
        if first > 0 && stream.parts.len() > 1 {
            return corrupt(at, "a scan of AC coefficients of several components");
        }
        let mut scan = Scan {
            components: Vec::new(),
            band: [first, last],
            high,
            low,
            dc: Vec::new(),
            ac: Vec::new(),
            progressive,
            interval,
        };
        let table = |wanted: bool, specs: &[Option<HuffmanSpec>; 4], slot: usize| match &specs[slot] {
            _ if !wanted => Ok(None),
            Some(spec) => Codes::of(spec).map(Some),
            None => corrupt(at, format!("Huffman table {slot} is missing")),
        };
        let mut blocks = 0;
        for part in &stream.parts {
            let same = |n: &usize| coefficients.components[*n].id == part.id && !scan.components.contains(n);
            let Some(n) = (0..coefficients.components.len()).find(same) else {
                return corrupt(at, format!("component {} of the scan is not in the frame", part.id));
            };
            let expected = if high > 0 { high } else { UNKNOWN };
            let known = &mut coefficients.planes[n].known[first..=last];
            if known.iter().any(|known| *known != expected) || (high > 0 && low + 1 != high) {
                return unsupported(at, "scans that do not go on where the ones before ended");
            }
            known.fill(low);
            blocks += coefficients.components[n].h * coefficients.components[n].v;
            scan.components.push(n);
            scan.dc.push(table(first == 0 && high == 0, dc, part.dc)?);
            scan.ac.push(table(last > 0, ac, part.ac)?);
        }
        if stream.parts.len() > 1 && blocks > 10 {
            return corrupt(at, format!("expected 10 blocks per MCU at most, found {blocks}"));
        }
        Ok(scan)
    }
}

/// Reads the blocks of a scan in order.
struct Reader<'a, 's> {
    source: Source<'a>,
    window: Window<'a>,
    predictors: [i32; 4],
    /// Blocks that end before they begin.
    skip: u32,
    scan: &'s Scan,
}

impl Reader<'_, '_> {
    fn bits(&mut self, count: u32) -> u32 {
        self.window.refill(&mut self.source);
        let bits = (self.window.buffer >> 1 >> (63 - count)) as u32;
        self.window.consume(count);
        bits
    }

    fn symbol(&mut self, codes: Option<&Codes>) -> Result<u8> {
        self.window.refill(&mut self.source);
        match codes.and_then(|codes| codes.find(self.window.buffer)) {
            Some((symbol, length)) => {
                self.window.consume(length);
                Ok(symbol)
            }
            None if self.source.overrun(&self.window) => self.source.early_end(),
            None => self.fault("expected a Huffman code of the table, found none that matches"),
        }
    }

    fn fault<T>(&self, what: &str) -> Result<T> {
        corrupt(self.source.offset(&self.window), what)
    }

    /// A number of `size` bits, of which a leading 0 marks a negative one.
    fn value(&mut self, size: u32) -> i32 {
        let bits = self.bits(size) as i32;
        if size > 0 && bits >> (size - 1) == 0 { bits - (1 << size) + 1 } else { bits }
    }

    /// Reads what the scan has of a block of its `nth` component.
    fn block(&mut self, nth: usize, block: &mut [i16; 64]) -> Result<()> {
        let scan = self.scan;
        if scan.band[0] == 0 {
            self.dc(nth, block)?;
        }
        if scan.band[1] > 0 {
            match scan.high {
                0 => self.ac(nth, block)?,
                _ => self.refine_ac(nth, block)?,
            }
        }
        if self.source.overrun(&self.window) {
            return self.source.early_end();
        }
        Ok(())
    }

    fn dc(&mut self, nth: usize, block: &mut [i16; 64]) -> Result<()> {
        if self.scan.high > 0 {
            block[0] |= (self.bits(1) << self.scan.low) as i16;
            return Ok(());
        }
        let size = self.symbol(self.scan.dc[nth].as_ref())?;
        if size > 15 {
            return self.fault("expected a DC difference of 15 bits at most");
        }
        self.predictors[nth] = self.predictors[nth].wrapping_add(self.value(size.into()));
        block[0] = (self.predictors[nth] << self.scan.low) as i16;
        Ok(())
    }

    /// The bits of an end of several blocks; `run` is the high half of its symbol.
    fn ends(&mut self, run: u8) -> Result<u32> {
        if !self.scan.progressive && run > 0 {
            return self.fault("expected a run of zeros or an end of block");
        }
        Ok((1 << run) + self.bits(run.into()))
    }

    fn ac(&mut self, nth: usize, block: &mut [i16; 64]) -> Result<()> {
        let [first, last] = self.scan.band;
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        let mut k = first.max(1);
        while k <= last {
            let symbol = self.symbol(self.scan.ac[nth].as_ref())?;
            let (run, size) = (symbol >> 4, u32::from(symbol & 15));
            if size == 0 && run < 15 {
                self.skip = self.ends(run)? - 1;
                break;
            }
            k += usize::from(run);
            if size > 0 {
                if k > last {
                    return self.fault("expected coefficients of the scan, found a run beyond them");
                }
                block[k] = (self.value(size) << self.scan.low) as i16;
            }
            k += 1;
        }
        Ok(())
    }

    fn refine_ac(&mut self, nth: usize, block: &mut [i16; 64]) -> Result<()> {
        let [first, last] = self.scan.band;
        let one = 1i16 << self.scan.low;
        let mut k = first;
        if self.skip == 0 {
            while k <= last {
                let symbol = self.symbol(self.scan.ac[nth].as_ref())?;
                let (run, size) = (symbol >> 4, symbol & 15);
                let new = match size {
                    0 if run < 15 => {
                        self.skip = self.ends(run)?;
                        break;
                    }
                    0 => 0,
                    1 if self.bits(1) == 1 => one,
                    1 => -one,
                    _ => return self.fault("expected a new coefficient of one bit"),
                };
                // Over `run` coefficients that stay zero, and bits for all others on the way.
                let mut zeros = run;
                while k <= last {
                    if block[k] != 0 {
                        self.refine(&mut block[k]);
                    } else if zeros == 0 {
                        break;
                    } else {
                        zeros -= 1;
                    }
                    k += 1;
                }
                if new != 0 {
                    if k > last {
                        return self.fault("expected coefficients of the scan, found a run beyond them");
                    }
                    block[k] = new;
                }
                k += 1;
            }
        }
        if self.skip > 0 {
            for coefficient in block.iter_mut().take(last + 1).skip(k).filter(|value| **value != 0) {
                self.refine(coefficient);
            }
            self.skip -= 1;
        }
        Ok(())
    }

    fn refine(&mut self, coefficient: &mut i16) {
        let one = 1i16 << self.scan.low;
        if self.bits(1) == 1 && *coefficient & one == 0 {
            *coefficient = coefficient.wrapping_add(if *coefficient < 0 { -one } else { one });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::to_baseline;
    use super::*;

    const BOUNDS: Bounds = Bounds { pixels: 1 << 20, scans: 100 };

    #[test]
    fn a_baseline_file_has_the_coefficients_of_the_progressive_one() {
        let folder: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "fixtures", "jpeg", "progressive"].iter().collect();
        let golden = std::fs::read_to_string(folder.join("golden.txt")).unwrap();
        for name in golden.lines().map(|line| line.split(' ').next().unwrap()) {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            let baseline = to_baseline(&bytes, BOUNDS.pixels, BOUNDS.scans).unwrap().unwrap();
            assert!(to_baseline(&baseline, BOUNDS.pixels, BOUNDS.scans).unwrap().is_none());
            let was = Coefficients::read(&bytes, &BOUNDS).unwrap().unwrap();
            let is = Coefficients::read_all(&baseline, &BOUNDS, false).unwrap().unwrap();
            assert_eq!(was.kept, is.kept, "{name}");
            assert_eq!(was.planes.len(), is.planes.len(), "{name}");
            for (was, is) in was.planes.iter().zip(&is.planes) {
                let rows = |plane: &Plane| -> Vec<[i16; 64]> {
                    let rows = plane.blocks.chunks_exact(plane.stride).take(plane.rows);
                    rows.flat_map(|row| &row[..plane.columns]).copied().collect()
                };
                assert!(rows(was) == rows(is), "{name}");
                assert!(rows(was).iter().flatten().any(|value| *value != 0), "{name}");
            }
        }
    }

    #[test]
    fn files_without_all_scans_are_left_alone() {
        let path: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "fixtures", "odd", "progressive_420.jpg"].iter().collect();
        let bytes = std::fs::read(path).unwrap();
        let scans: Vec<usize> =
            (0..bytes.len() - 1).filter(|&at| bytes[at..at + 2] == [0xFF, 0xDA]).collect();
        assert!(scans.len() > 5);
        for scan in &scans[1..] {
            let cut = [&bytes[..*scan], &[0xFF, 0xD9]].concat();
            assert!(to_baseline(&cut, BOUNDS.pixels, BOUNDS.scans).unwrap().is_none());
        }
        let error = to_baseline(&bytes, BOUNDS.pixels, 3).unwrap_err();
        assert!(error.message.contains("more than 3 scans"), "{error}");
        assert!(to_baseline(&bytes, 100, 100).unwrap_err().message.contains("limit is 100"));
    }
}
