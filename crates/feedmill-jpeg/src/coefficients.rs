//! All coefficients of a file with several scans: a progressive one, or a sequential one that takes
//! its components one after the other.
//!
//! Such a file does not have the final coefficients of any block before its last scan, so it has to
//! be read to the end before the first pixel can be made, and its coefficients have to be kept: 128
//! bytes for each block of 64 samples, and a set of those that are not zero.

use crate::coefficient_plane::{CoefficientPlane, UNKNOWN};
use crate::entropy::huffman::SymbolTable;
use crate::entropy::progressive::{ScanParameters, ScanReader};
use crate::error::{Result, corrupt, limit, unsupported};
use crate::kernels::entropy::EntropyKernels;
use crate::markers::frame::{Component, FrameHeader, Header, Process};
use crate::markers::scan::{ScanComponent, ScanHeader};
use crate::markers::tables::{HuffmanSpec, Tables};
use crate::markers::{
    FileHeader, SCAN_BEFORE_FRAME, SECOND_FRAME, SECOND_SOI, Segment, Walker, code,
};
use crate::regions::layout::{factors, max_factors, mcus};

/// An image's coefficients, and those segments of its file that are not about their coding.
pub(crate) struct Coefficients<'a> {
    pub header: Header,
    pub components: Vec<Component>,
    pub planes: Vec<CoefficientPlane>,
    /// Size of the image in MCUs, across and down.
    pub mcus: [usize; 2],
    /// Comments, application data and quantization tables: marker code and payload, in order.
    pub kept: Vec<(u8, &'a [u8])>,
    tables: Tables,
    /// Offset behind the last scan.
    end: usize,
}

/// The most that a file with several scans may cost.
///
/// Such files are decoded from a copy of all coefficients, and a small file may repeat any number
/// of scans of a large image. So callers who read files of unknown origin have to say what they
/// allow.
///
/// # Example: files of unknown origin
///
/// ```
/// use feedmill_jpeg::Limits;
///
/// let limits = Limits::new(1 << 26, 100); // 67 megapixels, 100 scans
/// assert_eq!(limits.scans, 100);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Pixels of the image. Each takes up to 7 bytes of memory while the file is read.
    pub pixels: u64,
    /// Scans. Encoders write about 10.
    pub scans: u32,
}

impl Limits {
    /// Returns limits of this number of pixels and this number of scans.
    pub const fn new(pixels: u64, scans: u32) -> Limits {
        Limits { pixels, scans }
    }
}

impl<'a> Coefficients<'a> {
    /// Reads all scans. Returns `None` for a sequential file of one scan, for which there is a
    /// faster decoder.
    pub(crate) fn read<K: EntropyKernels>(
        kernels: K,
        data: &'a [u8],
        limits: &Limits,
    ) -> Result<Option<Coefficients<'a>>> {
        Reader::new(data, *limits)?.read(kernels, false)
    }

    /// Allocates the planes for a frame.
    fn new(header: Header, components: Vec<Component>) -> Coefficients<'a> {
        let size = [header.width as usize, header.height as usize];
        let max_factors = max_factors(&components);
        let mcus = mcus(size, max_factors);
        let planes = components.iter().map(|component| {
            let factors = factors(&components, component);
            let blocks = [0, 1].map(|n| (size[n] * factors[n]).div_ceil(8 * max_factors[n]));
            let padded = [0, 1].map(|n| mcus[n] * factors[n]);
            CoefficientPlane {
                columns: blocks[0],
                rows: blocks[1],
                stride: padded[0],
                blocks: vec![[0; 64]; padded[0] * padded[1]],
                nonzero: vec![0; padded[0] * padded[1]],
                known_bits: [UNKNOWN; 64],
            }
        });
        Coefficients {
            header,
            planes: planes.collect(),
            mcus,
            components,
            kept: Vec::new(),
            tables: Tables::default(),
            end: 0,
        }
    }

    /// Returns what reconstruction has to know about the file.
    pub(crate) fn file_header(&self) -> Result<FileHeader> {
        let count = self.components.len();
        let mut components = [Component::default(); 3];
        components[..count].copy_from_slice(&self.components);
        Ok(FileHeader {
            header: self.header,
            components,
            scan_order: [0, 1, 2],
            quant: self.tables.quant_of(&self.components, self.end)?,
            dc: [None; 4],
            ac: [None; 4],
            restart_interval: 0,
            rgb: self.tables.is_rgb(&self.components),
            scan_start: self.end,
        })
    }

    /// Checks a scan header against the frame and the scans before, and prepares its Huffman
    /// tables.
    fn begin_scan(&mut self, scan: &ScanHeader, tables: &Tables) -> Result<ScanParameters> {
        let at = scan.offset;
        let progressive = self.header.process == Process::Progressive;
        // Sequential scans hold whole coefficients, whatever these fields say.
        let [first, last] = if progressive {
            scan.spectral.map(usize::from)
        } else {
            [0, 63]
        };
        let [high, low] = if progressive {
            scan.approximation
        } else {
            [0, 0]
        };
        let mixes_dc_and_ac = progressive && (first == 0) != (last == 0);
        if last > 63 || first > last || mixes_dc_and_ac || low > 13 {
            let message = format!("a scan of coefficients {first} to {last} from bit {low} on");
            return corrupt(at, message);
        }
        if first > 0 && scan.components().len() > 1 {
            return corrupt(at, "a scan of AC coefficients of several components");
        }
        let mut parameters = ScanParameters {
            components: Vec::new(),
            band: [first, last],
            high,
            low,
            dc: Vec::new(),
            ac: Vec::new(),
            progressive,
            restart_interval: tables.restart_interval,
        };
        let mut blocks = 0;
        for selected in scan.components() {
            let n = self.continue_component(selected, &parameters, at)?;
            blocks += self.components[n].h * self.components[n].v;
            parameters.components.push(n);
            let (needs_dc, needs_ac) = (first == 0 && high == 0, last > 0);
            parameters
                .dc
                .push(symbol_table(needs_dc, &tables.dc, selected.dc, at)?);
            parameters
                .ac
                .push(symbol_table(needs_ac, &tables.ac, selected.ac, at)?);
        }
        scan.check_mcu(blocks)?;
        Ok(parameters)
    }

    /// Finds a component of a scan in the frame, and notes the bits that the scan adds to it. These
    /// have to be the next ones: libjpeg accepts other files with a warning, but what their pixels
    /// should be is a matter of taste.
    fn continue_component(
        &mut self,
        selected: &ScanComponent,
        scan: &ScanParameters,
        at: usize,
    ) -> Result<usize> {
        let n = selected.find(&self.components, &scan.components)?;
        let [first, last] = scan.band;
        let known = &mut self.planes[n].known_bits[first..=last];
        let expected = if scan.high > 0 { scan.high } else { UNKNOWN };
        let refines_by_one_bit = scan.high == 0 || scan.low + 1 == scan.high;
        if known.iter().any(|known| *known != expected) || !refines_by_one_bit {
            return unsupported(at, "scans that do not continue where the ones before ended");
        }
        known.fill(scan.low);
        Ok(n)
    }
}

/// Makes the Huffman table of a component, if the scan needs one of this class.
fn symbol_table(
    needed: bool,
    specs: &[Option<HuffmanSpec>; 4],
    slot: usize,
    at: usize,
) -> Result<Option<SymbolTable>> {
    match &specs[slot] {
        _ if !needed => Ok(None),
        Some(spec) => SymbolTable::of(spec).map(Some),
        None => corrupt(at, format!("Huffman table {slot} is missing")),
    }
}

/// Reads a file segment by segment and scan by scan.
struct Reader<'a> {
    data: &'a [u8],
    limits: Limits,
    walker: Walker<'a>,
    tables: Tables,
    kept: Vec<(u8, &'a [u8])>,
    /// Scans so far.
    scans: u32,
    /// The coefficients, from the frame header on.
    coefficients: Option<Coefficients<'a>>,
}

impl<'a> Reader<'a> {
    fn new(data: &'a [u8], limits: Limits) -> Result<Reader<'a>> {
        Ok(Reader {
            data,
            limits,
            walker: Walker::new(data)?,
            tables: Tables::default(),
            kept: Vec::new(),
            scans: 0,
            coefficients: None,
        })
    }

    /// Reads the file. Returns `None` for one sequential scan, unless `also_single` is true.
    fn read<K: EntropyKernels>(
        mut self,
        kernels: K,
        also_single: bool,
    ) -> Result<Option<Coefficients<'a>>> {
        loop {
            let segment = self.walker.next_segment()?;
            if let Some(process) = Process::of_marker(segment.code) {
                self.read_frame(&segment, process)?;
                continue;
            }
            match segment.code {
                code::SOI => return corrupt(segment.at, SECOND_SOI),
                code::EOI => return self.finish().map(Some),
                code::SOS => {
                    if !self.read_scan(kernels, &segment, also_single)? {
                        return Ok(None);
                    }
                }
                code::DQT if self.scans > 0 => {
                    // Components could then have different tables in different scans.
                    return unsupported(segment.payload_at, "quantization tables between scans");
                }
                code => {
                    self.tables.read(&segment)?;
                    if let code::DQT | code::COM | code::APP0..=code::APP15 = code {
                        self.kept.push((code, segment.payload));
                    }
                }
            }
        }
    }

    fn read_frame(&mut self, segment: &Segment<'a>, process: Process) -> Result<()> {
        if self.coefficients.is_some() {
            return corrupt(segment.at, SECOND_FRAME);
        }
        let frame = FrameHeader::read(segment, process)?;
        let header = frame.header;
        let components = frame.components(segment.at)?[..usize::from(header.components)].to_vec();
        if u64::from(header.width) * u64::from(header.height) > self.limits.pixels {
            return limit(format!(
                "an image of {} x {} pixels; the limit is {}",
                header.width, header.height, self.limits.pixels
            ));
        }
        self.coefficients = Some(Coefficients::new(header, components));
        Ok(())
    }

    /// Reads a scan header and its scan. Returns false if the file turns out to be a sequential one
    /// with one scan, unless `also_single` is true.
    fn read_scan<K: EntropyKernels>(
        &mut self,
        kernels: K,
        segment: &Segment<'a>,
        also_single: bool,
    ) -> Result<bool> {
        let Some(coefficients) = &mut self.coefficients else {
            return corrupt(segment.payload_at, SCAN_BEFORE_FRAME);
        };
        self.scans += 1;
        if self.scans > self.limits.scans {
            return limit(format!("a JPEG of more than {} scans", self.limits.scans));
        }
        let header = ScanHeader::read(segment.payload, segment.payload_at)?;
        let single = self.scans == 1
            && coefficients.header.process != Process::Progressive
            && header.components().len() == coefficients.components.len();
        if single && !also_single {
            return Ok(false);
        }
        let scan = coefficients.begin_scan(&header, &self.tables)?;
        let end = kernels.read_scan(ScanReader {
            data: self.data,
            start: self.walker.pos(),
            scan: &scan,
            components: &coefficients.components,
            planes: &mut coefficients.planes,
            mcus: coefficients.mcus,
        })?;
        self.walker.seek(end);
        Ok(true)
    }

    /// Checks that no bit is missing.
    fn finish(self) -> Result<Coefficients<'a>> {
        let end = self.walker.pos();
        let Some(coefficients) = self.coefficients else {
            return corrupt(end, "expected a frame header, found the EOI marker");
        };
        let complete = |plane: &CoefficientPlane| plane.known_bits == [0; 64];
        if let Some(n) = coefficients
            .planes
            .iter()
            .position(|plane| !complete(plane))
        {
            let message = format!("an image that is not complete: component {n} lacks scans");
            return unsupported(end, message);
        }
        Ok(Coefficients {
            kept: self.kept,
            tables: self.tables,
            end,
            ..coefficients
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Decoder;
    use crate::kernels::Scalar;

    const LIMITS: Limits = Limits {
        pixels: 1 << 20,
        scans: 100,
    };

    fn to_baseline(bytes: &[u8], limits: &Limits) -> Result<Option<Vec<u8>>> {
        Decoder::new().to_baseline(bytes, limits)
    }

    #[test]
    fn a_baseline_file_has_the_coefficients_of_the_progressive_one() {
        let folder: PathBuf = [
            env!("CARGO_MANIFEST_DIR"),
            "../../fixtures",
            "jpeg",
            "progressive",
        ]
        .iter()
        .collect();
        let golden = std::fs::read_to_string(folder.join("golden.txt")).unwrap();
        for name in golden.lines().map(|line| line.split(' ').next().unwrap()) {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            let baseline = to_baseline(&bytes, &LIMITS).unwrap().unwrap();
            assert!(to_baseline(&baseline, &LIMITS).unwrap().is_none());
            let was = Coefficients::read(Scalar, &bytes, &LIMITS)
                .unwrap()
                .unwrap();
            let reader = Reader::new(&baseline, LIMITS).unwrap();
            let is = reader.read(Scalar, true).unwrap().unwrap();
            assert_eq!(was.kept, is.kept, "{name}");
            assert_eq!(was.planes.len(), is.planes.len(), "{name}");
            for (was, is) in was.planes.iter().zip(&is.planes) {
                let rows = |plane: &CoefficientPlane| -> Vec<[i16; 64]> {
                    let rows = plane.blocks.chunks_exact(plane.stride).take(plane.rows);
                    rows.flat_map(|row| &row[..plane.columns])
                        .copied()
                        .collect()
                };
                assert!(rows(was) == rows(is), "{name}");
                assert!(
                    rows(was).iter().flatten().any(|value| *value != 0),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn files_without_all_scans_are_left_alone() {
        let path: PathBuf = [
            env!("CARGO_MANIFEST_DIR"),
            "../../fixtures",
            "odd",
            "progressive_420.jpg",
        ]
        .iter()
        .collect();
        let bytes = std::fs::read(path).unwrap();
        let scans: Vec<usize> = (0..bytes.len() - 1)
            .filter(|&at| bytes[at..at + 2] == [0xFF, 0xDA])
            .collect();
        assert!(scans.len() > 5);
        for scan in &scans[1..] {
            let cut = [&bytes[..*scan], &[0xFF, 0xD9]].concat();
            assert!(to_baseline(&cut, &LIMITS).unwrap().is_none());
        }
        let error = to_baseline(&bytes, &Limits { scans: 3, ..LIMITS }).unwrap_err();
        assert!(error.message().contains("more than 3 scans"), "{error}");
        let error = to_baseline(
            &bytes,
            &Limits {
                pixels: 100,
                ..LIMITS
            },
        )
        .unwrap_err();
        assert!(error.message().contains("limit is 100"), "{error}");
    }
}
