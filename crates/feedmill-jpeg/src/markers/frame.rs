//! The frame header (SOF, T.81 B.2.2): size, coding process, components.

use super::Segment;
use crate::error::{Result, corrupt, unsupported};

/// The coding process of an image, by its SOF marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Process {
    /// Sequential Huffman coding, baseline (SOF0).
    Baseline,
    /// Sequential Huffman coding, extended (SOF1).
    Extended,
    /// Progressive Huffman coding (SOF2).
    Progressive,
    /// Lossless Huffman coding (SOF3).
    Lossless,
    /// Sequential arithmetic coding (SOF9).
    ArithmeticSequential,
    /// Progressive arithmetic coding (SOF10).
    ArithmeticProgressive,
    /// Hierarchical coding, or lossless arithmetic coding (all other SOF markers).
    Other,
}

impl Process {
    /// Returns the process of an SOF marker, `None` for other markers.
    pub(crate) fn of_marker(code: u8) -> Option<Process> {
        Some(match code {
            0xC0 => Process::Baseline,
            0xC1 => Process::Extended,
            0xC2 => Process::Progressive,
            0xC3 => Process::Lossless,
            0xC9 => Process::ArithmeticSequential,
            0xCA => Process::ArithmeticProgressive,
            0xC5..=0xC7 | 0xCB | 0xCD..=0xCF => Process::Other,
            _ => return None,
        })
    }
}

/// The size and the kind of an image, from its frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Pixels per row, 1 to 65535.
    pub width: u32,
    /// Rows, 1 to 65535.
    pub height: u32,
    /// Number of components: 1 for gray, 3 for color, 4 for CMYK and YCCK.
    pub components: u8,
    /// Bits per sample, nearly always 8.
    pub precision: u8,
    /// The coding process.
    pub process: Process,
}

impl Header {
    /// Returns whether the coding is progressive.
    pub fn progressive(&self) -> bool {
        matches!(
            self.process,
            Process::Progressive | Process::ArithmeticProgressive
        )
    }
}

/// One component of the frame, with the tables that its scan selects.
#[derive(Clone, Copy, Default)]
pub(crate) struct Component {
    pub id: u8,
    /// Sampling factors across and down: blocks per MCU.
    pub h: usize,
    pub v: usize,
    /// Numbers of its tables: quantization, DC and AC Huffman.
    pub quant: usize,
    pub dc: usize,
    pub ac: usize,
}

/// Returns how many blocks of these components an interleaved MCU holds; T.81 allows 10.
pub(crate) fn blocks_per_mcu(components: impl IntoIterator<Item = Component>) -> usize {
    components
        .into_iter()
        .map(|component| component.h * component.v)
        .sum()
}

/// The most blocks of an MCU (T.81 B.2.3).
pub(crate) const MAX_BLOCKS_PER_MCU: usize = 10;

/// A frame header whose list of components was not looked at yet.
pub(crate) struct FrameHeader<'a> {
    pub header: Header,
    /// Three bytes for each component.
    list: &'a [u8],
    list_at: usize,
}

impl<'a> FrameHeader<'a> {
    /// Reads an SOF segment of any process.
    pub(crate) fn read(segment: &Segment<'a>, process: Process) -> Result<FrameHeader<'a>> {
        let (payload, at) = (segment.payload, segment.payload_at);
        let &[precision, h1, h0, w1, w0, count, ref list @ ..] = payload else {
            return corrupt(
                at,
                format!("expected a frame header, found {} bytes", payload.len()),
            );
        };
        let header = Header {
            width: u32::from(u16::from_be_bytes([w1, w0])),
            height: u32::from(u16::from_be_bytes([h1, h0])),
            components: count,
            precision,
            process,
        };
        if count == 0 || list.len() != 3 * usize::from(count) {
            let found = list.len();
            let message = format!("expected 3 bytes for each of {count} components, found {found}");
            return corrupt(at + 5, message);
        }
        if header.height == 0 {
            return unsupported(at + 1, "height 0, to be defined by a DNL marker");
        }
        if header.width == 0 {
            return corrupt(at + 3, "expected a width of 1 or more, found 0");
        }
        Ok(FrameHeader {
            header,
            list,
            list_at: at + 6,
        })
    }

    /// Checks that this crate decodes such frames, and reads the list of components. Entries beyond
    /// the number of components are empty. `at` is the offset of the SOF marker, for errors.
    pub(crate) fn components(&self, at: usize) -> Result<[Component; 3]> {
        match self.header.process {
            Process::Baseline | Process::Extended | Process::Progressive => {}
            Process::Lossless => return unsupported(at, "lossless coding"),
            Process::ArithmeticSequential | Process::ArithmeticProgressive => {
                return unsupported(at, "arithmetic coding");
            }
            Process::Other => {
                return unsupported(at, "hierarchical or arithmetic lossless coding");
            }
        }
        if self.header.precision != 8 {
            return unsupported(at, format!("{} bits per sample", self.header.precision));
        }
        match self.header.components {
            1 | 3 => {}
            4 => return unsupported(at, "4 components (CMYK or YCCK)"),
            count => return unsupported(at, format!("{count} components")),
        }
        let mut components = [Component::default(); 3];
        for (n, (entry, component)) in self.list.chunks_exact(3).zip(&mut components).enumerate() {
            let (h, v) = (entry[1] >> 4, entry[1] & 15);
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) {
                let message = format!("expected sampling factors of 1 to 4, found {h}x{v}");
                return corrupt(self.list_at + 3 * n + 1, message);
            }
            if entry[2] > 3 {
                let message = format!("expected quantization table 0 to 3, found {}", entry[2]);
                return corrupt(self.list_at + 3 * n + 2, message);
            }
            *component = Component {
                id: entry[0],
                h: usize::from(h),
                v: usize::from(v),
                quant: usize::from(entry[2]),
                dc: 0,
                ac: 0,
            };
        }
        Ok(components)
    }
}
