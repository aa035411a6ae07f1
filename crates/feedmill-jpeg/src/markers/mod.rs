//! Marker segments (T.81 B.1 and B.2): everything in a file that is not entropy-coded data.
//!
//! A file is a sequence of segments, each a marker (`FF` and a code) and mostly a payload with its
//! length in front. [`Walker`] is the only code that steps from marker to marker. On it stand four
//! readers with different aims: [`header`] stops at the frame header, [`info`] at the first scan,
//! [`FileHeader::read`] collects what a single sequential scan is decoded with, and
//! [`crate::coefficients`] reads files of several scans to their end.

pub(crate) mod frame;
pub(crate) mod scan;
pub(crate) mod tables;

use crate::error::{Result, corrupt, truncated, unsupported};
use frame::{Component, FrameHeader, Header, Process};
use scan::ScanHeader;
use tables::{HuffmanSpec, Tables};

/// Marker codes, named as in T.81 table B.1.
pub(crate) mod code {
    pub(crate) const TEM: u8 = 0x01;
    pub(crate) const SOF0: u8 = 0xC0;
    pub(crate) const SOF1: u8 = 0xC1;
    pub(crate) const DHT: u8 = 0xC4;
    pub(crate) const DAC: u8 = 0xCC;
    pub(crate) const RST0: u8 = 0xD0;
    pub(crate) const RST7: u8 = 0xD7;
    pub(crate) const SOI: u8 = 0xD8;
    pub(crate) const EOI: u8 = 0xD9;
    pub(crate) const SOS: u8 = 0xDA;
    pub(crate) const DQT: u8 = 0xDB;
    pub(crate) const DNL: u8 = 0xDC;
    pub(crate) const DRI: u8 = 0xDD;
    pub(crate) const APP0: u8 = 0xE0;
    pub(crate) const APP1: u8 = 0xE1;
    pub(crate) const APP14: u8 = 0xEE;
    pub(crate) const APP15: u8 = 0xEF;
    pub(crate) const COM: u8 = 0xFE;
}

/// One marker and the payload that belongs to it.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub code: u8,
    /// Offset from which the marker was searched: that of its `FF`, if no stray bytes precede it.
    pub at: usize,
    /// The bytes behind the segment's length; empty for SOI and EOI, which have none.
    pub payload: &'a [u8],
    /// Offset of the payload.
    pub payload_at: usize,
}

/// Steps through a file from segment to segment.
pub(crate) struct Walker<'a> {
    data: &'a [u8],
    pos: usize,
}

impl<'a> Walker<'a> {
    /// Starts behind the SOI marker, with which every file begins.
    pub(crate) fn new(data: &'a [u8]) -> Result<Self> {
        match data {
            [0xFF, code::SOI, ..] => Ok(Walker { data, pos: 2 }),
            [] | [0xFF] => truncated(
                data.len(),
                "expected the SOI marker FF D8, found end of file",
            ),
            [a, ..] => {
                let b = data.get(1).copied().unwrap_or(0);
                corrupt(
                    0,
                    format!("expected the SOI marker FF D8, found {a:02X} {b:02X}"),
                )
            }
        }
    }

    /// Returns the offset behind the last segment.
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// Continues at another offset, such as the end of a scan's entropy-coded data.
    pub(crate) fn seek(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// Returns the next segment. Markers that stand alone and mean nothing here are passed over:
    /// restart markers and TEM.
    pub(crate) fn next_segment(&mut self) -> Result<Segment<'a>> {
        loop {
            let at = self.pos;
            let code = self.marker()?;
            match code {
                code::RST0..=code::RST7 | code::TEM => {}
                code::SOI | code::EOI => {
                    return Ok(Segment {
                        code,
                        at,
                        payload: &[],
                        payload_at: self.pos,
                    });
                }
                _ => {
                    let (payload, payload_at) = self.payload()?;
                    return Ok(Segment {
                        code,
                        at,
                        payload,
                        payload_at,
                    });
                }
            }
        }
    }

    /// Returns the code of the next marker. As in libjpeg, stray bytes in front of it are skipped;
    /// fill bytes (B.1.1.2) are legal.
    fn marker(&mut self) -> Result<u8> {
        loop {
            match self.data.get(self.pos..) {
                Some([0xFF, 0 | 0xFF, ..]) => self.pos += 1,
                Some([0xFF, code, ..]) => {
                    self.pos += 2;
                    return Ok(*code);
                }
                Some([_, _, ..]) => self.pos += 1,
                _ => return truncated(self.data.len(), "expected a marker, found end of file"),
            }
        }
    }

    /// Returns the payload of the segment whose marker was just read, and its offset.
    fn payload(&mut self) -> Result<(&'a [u8], usize)> {
        let at = self.pos;
        let Some(&[high, low]) = self.data.get(at..).and_then(|rest| rest.first_chunk()) else {
            return truncated(
                self.data.len(),
                "expected a segment length, found end of file",
            );
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return corrupt(
                at,
                format!("expected a segment length of 2 or more, found {length}"),
            );
        }
        let Some(payload) = self.data.get(at + 2..at + length) else {
            let left = self.data.len() - at;
            return truncated(
                self.data.len(),
                format!("expected a segment of {length} bytes, found {left} up to end of file"),
            );
        };
        self.pos = at + length;
        Ok((payload, at + 2))
    }
}

/// Reads the markers up to the frame header, which gives the size of the image.
///
/// It allocates nothing and takes less than a microsecond, and it accepts files of every coding
/// process, also those that [`Decoder`](crate::Decoder) refuses.
///
/// # Errors
///
/// [`ErrorKind::Truncated`](crate::ErrorKind::Truncated) or
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if there is no whole frame header in front of
/// the first scan, [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the height is to be
/// defined behind the first scan (a DNL marker).
///
/// # Example: the size of a file
///
/// ```
/// use feedmill_jpeg::header;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/jpeg/420_97x70.jpg");
/// let bytes = std::fs::read(path)?;
/// let header = header(&bytes)?;
/// assert_eq!((header.width, header.height, header.components), (97, 70, 3));
/// # Ok(())
/// # }
/// ```
pub fn header(bytes: &[u8]) -> Result<Header> {
    let mut walker = Walker::new(bytes)?;
    loop {
        let segment = walker.next_segment()?;
        if let Some(process) = Process::of_marker(segment.code) {
            return Ok(FrameHeader::read(&segment, process)?.header);
        }
        if let code::SOI | code::EOI | code::SOS = segment.code {
            let message = format!("expected a frame header, found marker {:02X}", segment.code);
            return corrupt(segment.at, message);
        }
    }
}

/// What the markers in front of the first scan say about a file of any coding process.
///
/// Enough to choose a decoder: see [`info`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info<'a> {
    /// The frame header.
    pub header: Header,
    /// The last Exif segment (APP1) without its `Exif\0\0` name: a TIFF header and its
    /// directories.
    pub exif: Option<&'a [u8]>,
    /// The number of components in the first scan. If the frame has more, or if the process is
    /// progressive, the file has several scans.
    pub first_scan_components: u8,
    /// Offset of the first scan's SOS marker, or of stray bytes in front of it.
    pub first_scan_offset: usize,
}

/// Reads the markers up to the first scan header, of a file of any coding process.
///
/// # Errors
///
/// As for [`header`], and if there is no scan.
///
/// # Example: what lies before the scan
///
/// ```
/// use feedmill_jpeg::info;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/jpeg/420_97x70.jpg");
/// let bytes = std::fs::read(path)?;
/// let info = info(&bytes)?;
/// assert_eq!(info.first_scan_components, 3);
/// assert!(info.exif.is_none());
/// # Ok(())
/// # }
/// ```
pub fn info(bytes: &[u8]) -> Result<Info<'_>> {
    let mut walker = Walker::new(bytes)?;
    let (mut header, mut exif) = (None, None);
    loop {
        let segment = walker.next_segment()?;
        if let Some(process) = Process::of_marker(segment.code) {
            header = Some(FrameHeader::read(&segment, process)?.header);
            continue;
        }
        match (segment.code, header) {
            (code::SOI, _) => return corrupt(segment.at, SECOND_SOI),
            (code::EOI, _) => return corrupt(segment.at, NO_SCAN),
            (code::APP1, _) => exif = segment.payload.strip_prefix(b"Exif\0\0").or(exif),
            (code::SOS, Some(header)) => {
                return Ok(Info {
                    header,
                    exif,
                    first_scan_components: segment.payload.first().copied().unwrap_or(0),
                    first_scan_offset: segment.at,
                });
            }
            (code::SOS, None) => return corrupt(segment.payload_at, SCAN_BEFORE_FRAME),
            _ => {}
        }
    }
}

pub(crate) const SECOND_SOI: &str = "expected a segment, found a second SOI marker";
pub(crate) const SECOND_FRAME: &str = "expected one frame header, found a second";
pub(crate) const SCAN_BEFORE_FRAME: &str = "expected a frame header before the first scan";
const NO_SCAN: &str = "expected a scan, found the EOI marker";

/// What a sequential file of one scan is decoded with, gathered without allocation.
pub(crate) struct FileHeader {
    pub header: Header,
    pub components: [Component; 3],
    /// Component indices in the order in which the scan interleaves them.
    pub scan_order: [usize; 3],
    /// Quantization tables in natural order, truncated to 16 bits as libjpeg's kernels hold them.
    pub quant: [[i16; 64]; 4],
    pub dc: [Option<HuffmanSpec>; 4],
    pub ac: [Option<HuffmanSpec>; 4],
    /// MCUs between restart markers, 0 for none.
    pub restart_interval: usize,
    /// Whether three components hold RGB rather than YCbCr.
    pub rgb: bool,
    /// Offset of the first entropy-coded byte.
    pub scan_start: usize,
}

impl FileHeader {
    /// Reads all segments up to and including the first scan header.
    pub(crate) fn read(data: &[u8]) -> Result<FileHeader> {
        let mut walker = Walker::new(data)?;
        let mut tables = Tables::default();
        let mut frame: Option<(Header, [Component; 3])> = None;
        loop {
            let segment = walker.next_segment()?;
            if let Some(process) = Process::of_marker(segment.code) {
                if frame.is_some() {
                    return corrupt(segment.at, SECOND_FRAME);
                }
                let found = FrameHeader::read(&segment, process)?;
                if process == Process::Progressive {
                    return unsupported(segment.at, "progressive coding");
                }
                frame = Some((found.header, found.components(segment.at)?));
                continue;
            }
            match segment.code {
                code::SOI => return corrupt(segment.at, SECOND_SOI),
                code::EOI => return corrupt(segment.at, NO_SCAN),
                code::SOS => {
                    let Some((header, components)) = frame else {
                        return corrupt(segment.payload_at, SCAN_BEFORE_FRAME);
                    };
                    let scan = ScanHeader::read(segment.payload, segment.payload_at)?;
                    let start = (header, components, walker.pos());
                    return FileHeader::of_single_scan(start, &scan, &tables);
                }
                _ if tables.read(&segment)? => {}
                code::DAC | code::DNL | code::COM => {}
                code => {
                    let message = format!("marker {code:02X} is not expected here");
                    return corrupt(segment.payload_at - 4, message);
                }
            }
        }
    }

    fn of_single_scan(
        (header, mut components, scan_start): (Header, [Component; 3], usize),
        scan: &ScanHeader,
        tables: &Tables,
    ) -> Result<FileHeader> {
        let used = &mut components[..usize::from(header.components)];
        let scan_order = scan.select_all(used)?;
        let quant = tables.quant_of(used, scan.offset)?;
        let rgb = tables.is_rgb(used);
        Ok(FileHeader {
            header,
            components,
            scan_order,
            quant,
            dc: tables.dc,
            ac: tables.ac,
            restart_interval: tables.restart_interval,
            rgb,
            scan_start,
        })
    }
}

/// Returns the offset of the EOI marker behind `start`, searched from the end of the file.
pub(crate) fn find_eoi(data: &[u8], start: usize) -> Option<usize> {
    let scan = data.get(start..)?;
    scan.windows(2)
        .rposition(|pair| pair == [0xFF, code::EOI])
        .map(|n| start + n)
}
