//! The coefficients of a picture whose scans each hold a part of them: progressive ones, and sequential ones that take the
//! components one after the other.

use super::error::{Result, corrupt, limit, unsupported};
use super::huffman::SymbolTable;
use super::kernels::Kernels;
use super::markers::{Colour, Component, HuffmanSpec, Preamble, Stream, Walker, quantisers};
use super::progressive::{Job, Scan};
use super::{Header, Process};

/// The quantised coefficients of one component, block by block, each in zigzag order.
pub(super) struct Plane {
    /// Blocks of the component itself, and of whole MCUs.
    pub columns: usize,
    pub rows: usize,
    pub stride: usize,
    pub blocks: Vec<[i16; 64]>,
    /// Which coefficients of each block are not 0, the first in the lowest bit; it may name the first if that is 0.
    pub present: Vec<u64>,
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
    quant: [Option<[i16; 64]>; 4],
    colour: Colour,
    /// Offset behind the last scan.
    end: usize,
}

/// What a file of several scans may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Pixels of the picture, of which each takes up to 7 bytes while it is read.
    pub pixels: u64,
    /// Scans.
    pub scans: u32,
}

impl<'a> Coefficients<'a> {
    /// Reads all scans; `None` if the file is sequential with one scan, which other code reads.
    pub fn read<K: Kernels>(kernels: K, data: &'a [u8], bounds: &Bounds) -> Result<Option<Coefficients<'a>>> {
        Coefficients::read_all(kernels, data, bounds, true)
    }

    fn read_all<K: Kernels>(
        kernels: K,
        data: &'a [u8],
        bounds: &Bounds,
        stop_at_one: bool,
    ) -> Result<Option<Coefficients<'a>>> {
        let mut walker = Walker::new(data)?;
        let mut found: Option<Coefficients<'a>> = None;
        let (mut dc, mut ac): ([Option<HuffmanSpec>; 4], [Option<HuffmanSpec>; 4]) = ([None; 4], [None; 4]);
        let (mut interval, mut scans) = (0, 0);
        let (mut kept, mut quant, mut colour) = (Vec::new(), [None; 4], Colour::default());
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
                (0xDB | 0xE0..=0xEF | 0xFE, _) => {
                    if code == 0xDB {
                        super::markers::quant_tables(payload, at, &mut quant)?;
                    }
                    colour.note(code, payload);
                    kept.push((code, payload));
                }
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
                    let end = kernels.read_scan(Job {
                        data,
                        start: walker.pos(),
                        scan: &scan,
                        components: &coefficients.components,
                        planes: &mut coefficients.planes,
                        mcus: coefficients.mcus,
                    })?;
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
        (coefficients.kept, coefficients.quant, coefficients.colour) = (kept, quant, colour);
        coefficients.end = walker.pos();
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
                present: vec![0; padded[0] * padded[1]],
                known: [UNKNOWN; 64],
            }
        });
        Ok(Coefficients {
            header,
            planes: planes.collect(),
            mcus,
            components,
            kept: Vec::new(),
            quant: [None; 4],
            colour: Colour::default(),
            end: 0,
        })
    }

    /// What reconstruction has to know of the file.
    pub fn preamble(&self) -> Result<Preamble> {
        let count = self.components.len();
        let mut components = [Component::default(); 3];
        components[..count].copy_from_slice(&self.components);
        Ok(Preamble {
            header: self.header,
            components,
            scan_order: [0, 1, 2],
            quant: quantisers(&self.quant, &self.components, self.end)?,
            dc: [None; 4],
            ac: [None; 4],
            restart_interval: 0,
            rgb: self.colour.is_rgb(&self.components),
            scan_start: self.end,
        })
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
            Some(spec) => SymbolTable::of(spec).map(Some),
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::kernels::Scalar;
    use super::super::to_baseline;
    use super::*;

    const BOUNDS: Bounds = Bounds { pixels: 1 << 20, scans: 100 };

    #[test]
    fn a_baseline_file_has_the_coefficients_of_the_progressive_one() {
        let folder: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "../../fixtures", "jpeg", "progressive"].iter().collect();
        let golden = std::fs::read_to_string(folder.join("golden.txt")).unwrap();
        for name in golden.lines().map(|line| line.split(' ').next().unwrap()) {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            let baseline = to_baseline(&bytes, &BOUNDS).unwrap().unwrap();
            assert!(to_baseline(&baseline, &BOUNDS).unwrap().is_none());
            let was = Coefficients::read(Scalar, &bytes, &BOUNDS).unwrap().unwrap();
            let is = Coefficients::read_all(Scalar, &baseline, &BOUNDS, false).unwrap().unwrap();
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
            [env!("CARGO_MANIFEST_DIR"), "../../fixtures", "odd", "progressive_420.jpg"].iter().collect();
        let bytes = std::fs::read(path).unwrap();
        let scans: Vec<usize> =
            (0..bytes.len() - 1).filter(|&at| bytes[at..at + 2] == [0xFF, 0xDA]).collect();
        assert!(scans.len() > 5);
        for scan in &scans[1..] {
            let cut = [&bytes[..*scan], &[0xFF, 0xD9]].concat();
            assert!(to_baseline(&cut, &BOUNDS).unwrap().is_none());
        }
        let error = to_baseline(&bytes, &Bounds { scans: 3, ..BOUNDS }).unwrap_err();
        assert!(error.message.contains("more than 3 scans"), "{error}");
        assert!(
            to_baseline(&bytes, &Bounds { pixels: 100, ..BOUNDS })
                .unwrap_err()
                .message
                .contains("limit is 100")
        );
    }
}
