//! Tables and other state that segments leave behind for the scans that follow (T.81 B.2.4).

use super::frame::Component;
use super::{Segment, code};
use crate::error::{Result, corrupt};

/// Natural (row-major) position of the k-th coefficient in zigzag order.
///
/// The table is indexed by a `u8` so that no look-up needs a bounds check; coefficients that do not
/// exist are sent to place 64, outside the block proper.
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
    /// Number of codes of 1 to 16 bits.
    pub counts: [u8; 16],
    /// The symbols in the order of their codes; the first `total` of them count.
    pub symbols: [u8; 256],
    pub total: usize,
    /// Offset of the table in the file, for errors.
    pub offset: usize,
}

/// What the segments so far have defined. Later definitions replace earlier ones.
#[derive(Clone, Default)]
pub(crate) struct Tables {
    pub dc: [Option<HuffmanSpec>; 4],
    pub ac: [Option<HuffmanSpec>; 4],
    /// Quantization tables in natural order.
    quant: [Option<[i16; 64]>; 4],
    pub restart_interval: usize,
    /// Whether there is a JFIF segment.
    jfif: bool,
    /// The color transform of an Adobe segment: 0 for none.
    adobe_transform: Option<u8>,
}

impl Tables {
    /// Takes in a segment that defines tables or a restart interval, or that holds application
    /// data. Returns false for all others.
    pub(crate) fn read(&mut self, segment: &Segment<'_>) -> Result<bool> {
        let Segment {
            payload,
            payload_at: at,
            ..
        } = *segment;
        match segment.code {
            code::DHT => self.read_huffman(payload, at)?,
            code::DQT => self.read_quantization(payload, at)?,
            code::DRI => match payload {
                &[high, low] => {
                    self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                }
                _ => {
                    let found = payload.len();
                    return corrupt(at, format!("expected 2 DRI bytes, found {found}"));
                }
            },
            code::APP0 => self.jfif |= payload.len() >= 14 && payload.starts_with(b"JFIF\0"),
            code::APP14 if payload.len() >= 12 && payload.starts_with(b"Adobe") => {
                self.adobe_transform = Some(payload[11]);
            }
            code::APP1..=code::APP15 => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read_quantization(&mut self, mut rest: &[u8], at: usize) -> Result<()> {
        let end = at + rest.len();
        while let [head, tail @ ..] = rest {
            let (wide, slot) = (usize::from(head >> 4), usize::from(head & 15));
            let at = end - rest.len();
            if wide > 1 || slot > 3 {
                let message = format!("expected quantization table 0 to 3, found {head:02X}");
                return corrupt(at, message);
            }
            let size = 64 * (wide + 1);
            let Some(values) = tail.get(..size) else {
                let found = tail.len();
                let message = format!("expected {size} bytes of quantization steps, found {found}");
                return corrupt(at, message);
            };
            let mut table = [0i16; 64];
            for (k, value) in values.chunks_exact(wide + 1).enumerate() {
                let value = value
                    .iter()
                    .fold(0u16, |sum, &byte| sum << 8 | u16::from(byte));
                table[usize::from(ZIGZAG[k])] = value as i16;
            }
            self.quant[slot] = Some(table);
            rest = &tail[size..];
        }
        Ok(())
    }

    fn read_huffman(&mut self, mut rest: &[u8], at: usize) -> Result<()> {
        let end = at + rest.len();
        while let [head, tail @ ..] = rest {
            let offset = end - rest.len();
            let (class, slot) = (head >> 4, usize::from(head & 15));
            if class > 1 || slot > 3 {
                let message = format!("expected Huffman table 0 to 3, found {head:02X}");
                return corrupt(offset, message);
            }
            let Some((&counts, tail)) = tail.split_first_chunk::<16>() else {
                return corrupt(
                    offset,
                    format!("expected 16 code counts, found {}", tail.len()),
                );
            };
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            if total > 256 {
                let message = format!("expected 256 Huffman codes at most, found {total}");
                return corrupt(offset, message);
            }
            let Some(values) = tail.get(..total) else {
                let found = tail.len();
                return corrupt(offset, format!("expected {total} symbols, found {found}"));
            };
            let mut symbols = [0; 256];
            symbols[..total].copy_from_slice(values);
            let table = Some(HuffmanSpec {
                counts,
                symbols,
                total,
                offset,
            });
            match class {
                0 => self.dc[slot] = table,
                _ => self.ac[slot] = table,
            }
            rest = &tail[total..];
        }
        Ok(())
    }

    /// Returns all quantization tables if there are those that the components use. Tables that are
    /// not defined are zero.
    pub(crate) fn quant_of(&self, components: &[Component], at: usize) -> Result<[[i16; 64]; 4]> {
        match components
            .iter()
            .find(|component| self.quant[component.quant].is_none())
        {
            Some(component) => corrupt(
                at,
                format!("quantization table {} is missing", component.quant),
            ),
            None => Ok(self.quant.map(|table| table.unwrap_or([0; 64]))),
        }
    }

    /// Returns whether components hold RGB, by libjpeg's rule: JFIF implies YCbCr, then an Adobe
    /// segment decides, then the component ids.
    pub(crate) fn is_rgb(&self, components: &[Component]) -> bool {
        let named_rgb = || components.iter().map(|component| component.id).eq(*b"RGB");
        components.len() == 3
            && !self.jfif
            && self
                .adobe_transform
                .map_or_else(named_rgb, |transform| transform == 0)
    }
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
        ZIGZAG[..64]
            .iter()
            .for_each(|&slot| seen[usize::from(slot)] = true);
        assert_eq!(seen, [true; 64]);
    }
}
