//! The scan header (SOS, T.81 B.2.3): which components, tables and coefficients follow.

use super::frame::{Component, MAX_BLOCKS_PER_MCU, blocks_per_mcu};
use crate::error::{Result, corrupt, unsupported};

/// A scan header of any process.
pub(crate) struct ScanHeader {
    components: [ScanComponent; 4],
    count: usize,
    /// First and last coefficient in zigzag order (Ss and Se).
    pub spectral: [u8; 2],
    /// The bit that was known before, 0 for none, and the lowest bit that follows (Ah and Al).
    pub approximation: [u8; 2],
    /// Offset of the header, for errors.
    pub offset: usize,
}

/// One component of a scan.
#[derive(Clone, Copy, Default)]
pub(crate) struct ScanComponent {
    pub id: u8,
    /// Numbers of the Huffman tables.
    pub dc: usize,
    pub ac: usize,
    /// Offset of the entry, for errors.
    offset: usize,
}

impl ScanHeader {
    /// Reads the payload of an SOS segment, which lies at offset `at`.
    pub(crate) fn read(payload: &[u8], at: usize) -> Result<ScanHeader> {
        let count = payload.first().map_or(0, |&count| usize::from(count));
        if !(1..=4).contains(&count) || payload.len() != 2 * count + 4 {
            let found = payload.len();
            let message =
                format!("expected a scan header, found {found} bytes for {count} components");
            return corrupt(at, message);
        }
        let (list, rest) = payload[1..].split_at(2 * count);
        let mut components = [ScanComponent::default(); 4];
        for (n, (&[id, tables], component)) in list
            .as_chunks::<2>()
            .0
            .iter()
            .zip(&mut components)
            .enumerate()
        {
            let (dc, ac) = (usize::from(tables >> 4), usize::from(tables & 15));
            let offset = at + 1 + 2 * n;
            if dc > 3 || ac > 3 {
                let message = format!("expected Huffman tables 0 to 3, found {dc} and {ac}");
                return corrupt(offset, message);
            }
            *component = ScanComponent { id, dc, ac, offset };
        }
        Ok(ScanHeader {
            components,
            count,
            spectral: [rest[0], rest[1]],
            approximation: [rest[2] >> 4, rest[2] & 15],
            offset: at,
        })
    }

    /// Returns the components of the scan.
    pub(crate) fn components(&self) -> &[ScanComponent] {
        &self.components[..self.count]
    }

    /// For a scan of all components of the frame: writes the tables that it selects to `components`
    /// and returns their order.
    ///
    /// Spectral selection and approximation are not looked at; libjpeg ignores them as well if the
    /// process is sequential.
    pub(crate) fn select_all(&self, components: &mut [Component]) -> Result<[usize; 3]> {
        if self.count < components.len() {
            return unsupported(self.offset, "components in several scans");
        }
        if self.count > components.len() {
            let (expected, found) = (components.len(), self.count);
            let message = format!("expected {expected} components in the scan, found {found}");
            return corrupt(self.offset, message);
        }
        let mut order = [0; 3];
        for (n, selected) in self.components().iter().enumerate() {
            let index = selected.find(components, &order[..n])?;
            order[n] = index;
            (components[index].dc, components[index].ac) = (selected.dc, selected.ac);
        }
        self.check_mcu(blocks_per_mcu(components.iter().copied()))?;
        Ok(order)
    }

    /// Checks the size of an MCU if the scan is interleaved, that is if it has several components.
    pub(crate) fn check_mcu(&self, blocks: usize) -> Result<()> {
        if self.count > 1 && blocks > MAX_BLOCKS_PER_MCU {
            let message =
                format!("expected {MAX_BLOCKS_PER_MCU} blocks per MCU at most, found {blocks}");
            return corrupt(self.offset, message);
        }
        Ok(())
    }
}

impl ScanComponent {
    /// Returns the index of this component in the frame; those in `taken` are not looked at.
    pub(crate) fn find(&self, components: &[Component], taken: &[usize]) -> Result<usize> {
        let found = (0..components.len())
            .find(|index| components[*index].id == self.id && !taken.contains(index));
        match found {
            Some(index) => Ok(index),
            None => {
                let message = format!("component {} of the scan is not in the frame", self.id);
                corrupt(self.offset, message)
            }
        }
    }
}
