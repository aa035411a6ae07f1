//! Marker segments: everything in front of the entropy-coded data.

use super::Header;
use super::Process;
use super::error::{Result, corrupt, truncated, unsupported};

/// Natural (row-major) position of the k-th coefficient in zigzag order.
///
/// The table is indexed by a `u8` so that no look-up needs a bounds check; positions that do not
/// exist lead to slot 64, outside the block proper.
pub(crate) const ZIGZAG: [u8; 256] = {
    let mut table = [64u8; 256];
    let (mut row, mut column) = (0i32, 0i32);
    let mut k = 0;
    while k < 64 {
        table[k] = (row * 8 + column) as u8;
        if (row + column) % 2 == 0 {
            if column == 7 {
                row += 1;
            } else if row == 0 {
                column += 1;
            } else {
                row -= 1;
                column += 1;
            }
        } else if row == 7 {
            column += 1;
        } else if column == 0 {
            row += 1;
        } else {
            row += 1;
            column -= 1;
        }
        k += 1;
    }
    table
};

/// One Huffman table as transmitted: code counts per length, then the symbols.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct HuffmanSpec {
    pub counts: [u8; 16],
    pub symbols: [u8; 256],
    pub total: usize,
    pub offset: usize,
}

/// One component of the frame, with the tables its scan selects.
#[derive(Clone, Copy, Default)]
pub(crate) struct Component {
    pub id: u8,
    pub h: usize,
    pub v: usize,
    pub quant: usize,
    pub dc: usize,
    pub ac: usize,
}

/// Everything the scan decoder needs to know, gathered without allocation.
pub(crate) struct Preamble {
    pub header: Header,
    pub components: [Component; 3],
    /// Component indices in the order in which the scan interleaves them.
    pub scan_order: [usize; 3],
    /// Quantisers in natural order, truncated to 16 bits as libjpeg's kernels hold them.
    pub quant: [[i16; 64]; 4],
    pub dc: [Option<HuffmanSpec>; 4],
    pub ac: [Option<HuffmanSpec>; 4],
    pub restart_interval: usize,
    /// Whether three components hold RGB rather than YCbCr.
    pub rgb: bool,
    /// Offset of the first entropy-coded byte.
    pub scan_start: usize,
}

/// Walks from marker to marker.
pub(crate) struct Walker<'a> {
    data: &'a [u8],
    pos: usize,
}

impl<'a> Walker<'a> {
    pub fn new(data: &'a [u8]) -> Result<Self> {
        match data {
            [0xFF, 0xD8, ..] => Ok(Walker { data, pos: 2 }),
            [] | [0xFF] => truncated(data.len(), "expected the SOI marker FF D8, found end of file"),
            [a, ..] => {
                let b = data.get(1).copied().unwrap_or(0);
                corrupt(0, format!("expected the SOI marker FF D8, found {a:02X} {b:02X}"))
            }
        }
    }

    /// Offset of what comes next.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Goes on at another place.
    pub fn seek(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// Code of the next marker; stray bytes and fill bytes in front of it are skipped.
    pub fn marker(&mut self) -> Result<u8> {
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

    /// Payload of the segment whose marker was just read, and the payload's offset.
    pub fn segment(&mut self) -> Result<(&'a [u8], usize)> {
        let at = self.pos;
        let Some(&[high, low]) = self.data.get(at..).and_then(|rest| rest.first_chunk()) else {
            return truncated(self.data.len(), "expected a segment length, found end of file");
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return corrupt(at, format!("expected a segment length of 2 or more, found {length}"));
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

pub(crate) fn process_of(code: u8) -> Option<Process> {
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

/// Reads the frame header segment; its component list is returned raw.
fn frame<'a>(walker: &mut Walker<'a>, process: Process) -> Result<(Header, &'a [u8], usize)> {
    let (payload, at) = walker.segment()?;
    let &[precision, h1, h0, w1, w0, count, ref list @ ..] = payload else {
        return corrupt(at, format!("expected a frame header, found {} bytes", payload.len()));
    };
    let header = Header {
        width: u32::from(u16::from_be_bytes([w1, w0])),
        height: u32::from(u16::from_be_bytes([h1, h0])),
        components: count,
        precision,
        process,
    };
    if count == 0 || list.len() != 3 * usize::from(count) {
        return corrupt(
            at + 5,
            format!("expected 3 bytes for each of {count} components, found {}", list.len()),
        );
    }
    if header.height == 0 {
        return unsupported(at + 1, "height 0, to be defined by a DNL marker");
    }
    if header.width == 0 {
        return corrupt(at + 3, "expected a width of 1 or more, found 0");
    }
    Ok((header, list, at + 6))
}

/// See [`super::header`].
pub(crate) fn header(data: &[u8]) -> Result<Header> {
    let mut walker = Walker::new(data)?;
    loop {
        let at = walker.pos;
        let code = walker.marker()?;
        if let Some(process) = process_of(code) {
            return Ok(frame(&mut walker, process)?.0);
        }
        match code {
            0xD0..=0xD7 | 0x01 => {}
            0xD8..=0xDA => {
                return corrupt(at, format!("expected a frame header, found marker {code:02X}"));
            }
            _ => drop(walker.segment()?),
        }
    }
}

/// What the markers in front of the first scan say of a file of any process.
pub struct Outline<'a> {
    pub header: Header,
    /// The last Exif segment, behind its name.
    pub exif: Option<&'a [u8]>,
    /// Components of the first scan.
    pub parts: u8,
    /// Offset of the first scan's marker.
    pub scan: usize,
}

/// See [`Outline`].
pub fn outline(data: &[u8]) -> Result<Outline<'_>> {
    let mut walker = Walker::new(data)?;
    let (mut header, mut exif) = (None, None);
    loop {
        let at = walker.pos;
        let code = walker.marker()?;
        if let Some(process) = process_of(code) {
            header = Some(frame(&mut walker, process)?.0);
            continue;
        }
        match code {
            0xD0..=0xD7 | 0x01 => continue,
            0xD9 => return corrupt(at, "expected a scan, found the EOI marker"),
            _ => {}
        }
        let (payload, _) = walker.segment()?;
        match (code, header) {
            (0xE1, _) => exif = payload.strip_prefix(b"Exif\0\0").or(exif),
            (0xDA, Some(header)) => {
                let parts = payload.first().copied().unwrap_or(0);
                return Ok(Outline { header, exif, parts, scan: at });
            }
            (0xDA, None) => return corrupt(at, "expected a frame header before the first scan"),
            _ => {}
        }
    }
}

/// Reads all segments up to and including the first scan header.
pub(crate) fn preamble(data: &[u8]) -> Result<Preamble> {
    let mut walker = Walker::new(data)?;
    let mut found: Option<(Header, [Component; 3])> = None;
    let mut quant = [None; 4];
    let (mut dc, mut ac) = ([None; 4], [None; 4]);
    let mut restart_interval = 0;
    let mut colour = Colour::default();
    loop {
        let at = walker.pos;
        let code = walker.marker()?;
        if let Some(process) = process_of(code) {
            if found.is_some() {
                return corrupt(at, "expected one frame header, found a second");
            }
            let (header, list, list_at) = frame(&mut walker, process)?;
            found = Some((header, components(&header, list, at, list_at)?));
            continue;
        }
        match code {
            0xD0..=0xD7 | 0x01 => continue,
            0xD8 => return corrupt(at, "expected a segment, found a second SOI marker"),
            0xD9 => return corrupt(at, "expected a scan, found the EOI marker"),
            _ => {}
        }
        let (payload, at) = walker.segment()?;
        match code {
            0xC4 => huffman_tables(payload, at, &mut dc, &mut ac)?,
            0xDB => quant_tables(payload, at, &mut quant)?,
            0xDD => match payload {
                &[high, low] => restart_interval = usize::from(u16::from_be_bytes([high, low])),
                _ => return corrupt(at, format!("expected 2 DRI bytes, found {}", payload.len())),
            },
            0xDA => {
                let Some((header, mut components)) = found else {
                    return corrupt(at, "expected a frame header before the first scan");
                };
                let count = usize::from(header.components);
                let scan_order = scan(payload, at, &mut components[..count])?;
                let quant = quantisers(&quant, &components[..count], at)?;
                let rgb = colour.is_rgb(&components[..count]);
                return Ok(Preamble {
                    header,
                    components,
                    scan_order,
                    quant,
                    dc,
                    ac,
                    restart_interval,
                    rgb,
                    scan_start: walker.pos,
                });
            }
            0xE0..=0xEF => colour.note(code, payload),
            0xCC | 0xDC | 0xFE => {}
            _ => return corrupt(at - 4, format!("marker {code:02X} is not expected here")),
        }
    }
}

/// What application data says of colours.
#[derive(Default)]
pub(crate) struct Colour {
    jfif: bool,
    adobe: Option<u8>,
}

impl Colour {
    /// Looks at a segment.
    pub fn note(&mut self, code: u8, payload: &[u8]) {
        match code {
            0xE0 => self.jfif |= payload.len() >= 14 && payload.starts_with(b"JFIF\0"),
            0xEE if payload.len() >= 12 && payload.starts_with(b"Adobe") => self.adobe = Some(payload[11]),
            _ => {}
        }
    }

    /// Whether components hold RGB, by libjpeg's rule: JFIF implies YCbCr, then Adobe decides, then the component ids.
    pub fn is_rgb(&self, components: &[Component]) -> bool {
        let named = || components.iter().map(|component| component.id).eq(*b"RGB");
        components.len() == 3 && !self.jfif && self.adobe.map_or_else(named, |transform| transform == 0)
    }
}

/// The quantisers, if those that the components want are there.
pub(crate) fn quantisers(
    found: &[Option<[i16; 64]>; 4],
    components: &[Component],
    at: usize,
) -> Result<[[i16; 64]; 4]> {
    match components.iter().find(|component| found[component.quant].is_none()) {
        Some(component) => corrupt(at, format!("quantisation table {} is missing", component.quant)),
        None => Ok(found.map(|table| table.unwrap_or([0; 64]))),
    }
}

/// The frame header of a sequential or progressive Huffman-coded picture, and its components.
pub(crate) fn any_frame(
    walker: &mut Walker<'_>,
    process: Process,
    at: usize,
) -> Result<(Header, Vec<Component>)> {
    let (header, list, list_at) = frame(walker, process)?;
    let components = any_components(&header, list, at, list_at)?;
    Ok((header, components[..usize::from(header.components)].to_vec()))
}

/// A scan header.
pub(crate) struct Stream {
    pub parts: Vec<Part>,
    /// First and last coefficient.
    pub band: [u8; 2],
    /// The high and the low end of successive approximation.
    pub bits: [u8; 2],
}

/// One component of a scan.
pub(crate) struct Part {
    pub id: u8,
    pub dc: usize,
    pub ac: usize,
}

/// Reads a scan header of any kind.
pub(crate) fn stream(payload: &[u8], at: usize) -> Result<Stream> {
    let count = payload.first().map_or(0, |&count| usize::from(count));
    if !(1..=4).contains(&count) || payload.len() != 2 * count + 4 {
        let found = payload.len();
        return corrupt(at, format!("expected a scan header, found {found} bytes for {count} components"));
    }
    let (parts, rest) = payload[1..].split_at(2 * count);
    let part = |part: &[u8; 2]| match part {
        [id, tables] if tables >> 4 <= 3 && tables & 15 <= 3 => {
            Ok(Part { id: *id, dc: usize::from(tables >> 4), ac: usize::from(tables & 15) })
        }
        [_, tables] => corrupt(at, format!("expected Huffman tables 0 to 3, found {tables:02X}")),
    };
    let parts = parts.as_chunks::<2>().0.iter().map(part).collect::<Result<_>>()?;
    Ok(Stream { parts, band: [rest[0], rest[1]], bits: [rest[2] >> 4, rest[2] & 15] })
}

/// Checks that the frame is of a kind decoded here and reads its component list.
fn components(header: &Header, list: &[u8], at: usize, list_at: usize) -> Result<[Component; 3]> {
    if header.process == Process::Progressive {
        return unsupported(at, "progressive coding");
    }
    any_components(header, list, at, list_at)
}

fn any_components(header: &Header, list: &[u8], at: usize, list_at: usize) -> Result<[Component; 3]> {
    match header.process {
        Process::Baseline | Process::Extended | Process::Progressive => {}
        Process::Lossless => return unsupported(at, "lossless coding"),
        Process::ArithmeticSequential | Process::ArithmeticProgressive => {
            return unsupported(at, "arithmetic coding");
        }
        Process::Other => return unsupported(at, "hierarchical or arithmetic lossless coding"),
    }
    if header.precision != 8 {
        return unsupported(at, format!("{} bits per sample", header.precision));
    }
    match header.components {
        1 | 3 => {}
        4 => return unsupported(at, "4 components (CMYK or YCCK)"),
        count => return unsupported(at, format!("{count} components")),
    }
    let mut components = [Component::default(); 3];
    for (n, (entry, component)) in list.chunks_exact(3).zip(&mut components).enumerate() {
        let (h, v) = (entry[1] >> 4, entry[1] & 15);
        if !(1..=4).contains(&h) || !(1..=4).contains(&v) {
            let at = list_at + 3 * n + 1;
            return corrupt(at, format!("expected sampling factors of 1 to 4, found {h}x{v}"));
        }
        if entry[2] > 3 {
            let at = list_at + 3 * n + 2;
            return corrupt(at, format!("expected quantisation table 0 to 3, found {}", entry[2]));
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

pub(crate) fn quant_tables(mut rest: &[u8], at: usize, tables: &mut [Option<[i16; 64]>; 4]) -> Result<()> {
    let end = at + rest.len();
    while let [head, tail @ ..] = rest {
        let (wide, slot) = (usize::from(head >> 4), usize::from(head & 15));
        let at = end - rest.len();
        if wide > 1 || slot > 3 {
            return corrupt(at, format!("expected quantisation table 0 to 3, found {head:02X}"));
        }
        let size = 64 * (wide + 1);
        let Some(values) = tail.get(..size) else {
            return corrupt(at, format!("expected {size} quantisers, found {} bytes", tail.len()));
        };
        let mut table = [0i16; 64];
        for (k, value) in values.chunks_exact(wide + 1).enumerate() {
            let value = value.iter().fold(0u16, |sum, &byte| sum << 8 | u16::from(byte));
            table[usize::from(ZIGZAG[k])] = value as i16;
        }
        tables[slot] = Some(table);
        rest = &tail[size..];
    }
    Ok(())
}

pub(crate) fn huffman_tables(
    mut rest: &[u8],
    at: usize,
    dc: &mut [Option<HuffmanSpec>; 4],
    ac: &mut [Option<HuffmanSpec>; 4],
) -> Result<()> {
    let end = at + rest.len();
    while let [head, tail @ ..] = rest {
        let offset = end - rest.len();
        let (class, slot) = (head >> 4, usize::from(head & 15));
        if class > 1 || slot > 3 {
            return corrupt(offset, format!("expected Huffman table 0 to 3, found {head:02X}"));
        }
        let Some((&counts, tail)) = tail.split_first_chunk::<16>() else {
            return corrupt(offset, format!("expected 16 code counts, found {}", tail.len()));
        };
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        if total > 256 {
            return corrupt(offset, format!("expected 256 Huffman codes at most, found {total}"));
        }
        let Some(values) = tail.get(..total) else {
            return corrupt(offset, format!("expected {total} symbols, found {}", tail.len()));
        };
        let mut symbols = [0; 256];
        symbols[..total].copy_from_slice(values);
        let table = Some(HuffmanSpec { counts, symbols, total, offset });
        match class {
            0 => dc[slot] = table,
            _ => ac[slot] = table,
        }
        rest = &tail[total..];
    }
    Ok(())
}

/// Reads the scan header into `components` and returns the order of the scan.
///
/// Spectral selection and approximation are not looked at, as libjpeg does not in this process.
fn scan(payload: &[u8], at: usize, components: &mut [Component]) -> Result<[usize; 3]> {
    let count = payload.first().map_or(0, |&count| usize::from(count));
    if !(1..=4).contains(&count) || payload.len() != 2 * count + 4 {
        let found = payload.len();
        return corrupt(at, format!("expected a scan header, found {found} bytes for {count} components"));
    }
    if count < components.len() {
        return unsupported(at, "components in several scans");
    }
    if count > components.len() {
        let expected = components.len();
        return corrupt(at, format!("expected {expected} components in the scan, found {count}"));
    }
    let mut order = [0; 3];
    let mut seen = [false; 3];
    for (n, entry) in payload[1..].chunks_exact(2).take(count).enumerate() {
        let at = at + 1 + 2 * n;
        let matching = (0..components.len()).find(|&c| !seen[c] && components[c].id == entry[0]);
        let Some(c) = matching else {
            return corrupt(at, format!("component {} of the scan is not in the frame", entry[0]));
        };
        let (dc, ac) = (usize::from(entry[1] >> 4), usize::from(entry[1] & 15));
        if dc > 3 || ac > 3 {
            return corrupt(at, format!("expected Huffman tables 0 to 3, found {dc} and {ac}"));
        }
        seen[c] = true;
        order[n] = c;
        (components[c].dc, components[c].ac) = (dc, ac);
    }
    let blocks: usize = components.iter().map(|component| component.h * component.v).sum();
    if count > 1 && blocks > 10 {
        return corrupt(at, format!("expected 10 blocks per MCU at most, found {blocks}"));
    }
    Ok(order)
}

/// Offset of the EOI marker behind `start`, searched from the end of the file.
pub(crate) fn find_eoi(data: &[u8], start: usize) -> Option<usize> {
    let scan = data.get(start..)?;
    scan.windows(2).rposition(|pair| pair == [0xFF, 0xD9]).map(|n| start + n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_is_a_permutation_with_known_ends() {
        assert_eq!(ZIGZAG[..10], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]);
        assert_eq!(ZIGZAG[60..64], [47, 55, 62, 63][..]);
        assert!(ZIGZAG[64..].iter().all(|&slot| slot == 64));
        let mut seen = [false; 64];
        ZIGZAG[..64].iter().for_each(|&slot| seen[usize::from(slot)] = true);
        assert_eq!(seen, [true; 64]);
    }
}
