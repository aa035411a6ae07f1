//! The entropy index on its way through the scan.

use super::error::Result;
use super::index::{self, Entry, Grid};
use super::kernels::Kernels;
use super::scan::{Lane, Scan};

/// Where decoding starts, and what is kept of it.
pub(super) enum Guide<'a> {
    None,
    /// Decoding starts at entries. Those of the first `proved` rows, and the one behind them, are known to be right.
    Entries {
        grid: Grid,
        entries: &'a [Entry],
        proved: &'a mut u16,
    },
    Record(Grid, &'a mut Vec<Entry>),
}

impl Guide<'_> {
    /// Proves what comes before the region, and returns the row of MCUs from which on rows are to be decoded.
    ///
    /// An entry is right if one comes to it from the entry before, which is right; the first is the start of the scan.
    /// Two rows at a time are parsed side by side.
    pub fn prepare<'s, K: Kernels>(
        &mut self,
        kernels: K,
        scan: &mut Scan<'s>,
        lanes: &mut [Lane<'s>; 2],
    ) -> Result<usize> {
        let Guide::Entries { grid, entries, proved } = self else { return Ok(0) };
        let (layout, first) = (scan.layout, scan.layout.mcu_rows.start);
        while usize::from(**proved) + 1 < first {
            let row = usize::from(**proved);
            let blocks = scan.row(row);
            for (row, lane) in (row..).zip(lanes.iter_mut()) {
                lane.seek(entries[row * grid.per_row], row * layout.mcus);
            }
            for nth in 0..grid.per_row {
                kernels.skip_two_spans(lanes, &blocks, grid.stretch(nth, layout.mcus).len())?;
                for (row, lane) in (row..).zip(lanes.iter()) {
                    check(lane, entries.get(row * grid.per_row + nth + 1))?;
                }
            }
            **proved += 2;
        }
        Ok(first.min(usize::from(**proved)))
    }

    /// Decodes what is needed of a row of MCUs, and what has to be read to get there or to be sure.
    pub fn decode_row<'s, K: Kernels>(
        &mut self,
        kernels: K,
        scan: &mut Scan<'s>,
        lane: &mut Lane<'s>,
        row: usize,
    ) -> Result<()> {
        let layout = scan.layout;
        let (needed, first) = (&layout.mcu_columns, row * layout.mcus);
        let last = row + 1 == layout.mcu_rows.end;
        let blocks = &scan.row(row);
        match self {
            Guide::None => {
                let end = if last { needed.end } else { layout.mcus };
                kernels.decode_span(scan, lane, blocks, 0..end)
            }
            Guide::Record(grid, entries) => (0..grid.per_row).try_for_each(|nth| {
                entries.push(lane.entry());
                kernels.decode_span(scan, lane, blocks, grid.stretch(nth, layout.mcus))
            }),
            Guide::Entries { grid, entries, proved } => {
                let known = row < usize::from(**proved);
                let start = if known { needed.start / grid.step } else { 0 };
                let end = if known || last { needed.end } else { layout.mcus };
                if lane.next() != first + start * grid.step {
                    lane.seek(entries[row * grid.per_row + start], first + start * grid.step);
                }
                for nth in start..end.div_ceil(grid.step) {
                    let stretch = grid.stretch(nth, layout.mcus);
                    let whole = stretch.end <= end;
                    let mcus = stretch.start..stretch.end.min(end);
                    kernels.decode_span(scan, lane, blocks, mcus)?;
                    if whole {
                        check(lane, entries.get(row * grid.per_row + nth + 1))?;
                    }
                }
                if !known && end == layout.mcus {
                    **proved = row as u16 + 1;
                }
                Ok(())
            }
        }
    }
}

/// Compares the state of the scan with the entry that stands there.
fn check(lane: &Lane<'_>, entry: Option<&Entry>) -> Result<()> {
    match entry {
        Some(&entry) if lane.entry() != entry => Err(index::contradiction(entry, lane.entry())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::super::{Decoder, ErrorKind, Index, Proof, Scale, markers};
    use super::*;
    use crate::Rect;

    /// From some entry on all predictors are off by the same, so that only the step to that entry contradicts the scan.
    #[test]
    fn a_consistent_forgery_is_found_before_it_matters() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/photos/still/seeding_by_Clements_Engelhardt.jpg");
        let bytes = std::fs::read(path).unwrap();
        let mut decoder = Decoder::new();
        let packed = decoder.index(&bytes).unwrap();
        let preamble = markers::preamble(&bytes).unwrap();
        let (width, height) = (preamble.header.width, preamble.header.height);
        let layout = Layout::new(&preamble, Rect::whole(width, height), Scale::Full).unwrap();
        let mut entries = Vec::new();
        let grid =
            index::unpack(&packed, &bytes, &layout, preamble.scan_start, layout.rows, &mut entries).unwrap();
        let middle = layout.rows / 2;
        for entry in &mut entries[middle * grid.per_row + 1..] {
            entry.dc[0] = entry.dc[0].wrapping_add(9);
        }
        let forged = index::pack(&entries, grid, &bytes).unwrap();
        let row = layout.mcu_height as u32;
        let strip = |first: usize, rows: usize| Rect {
            left: width / 2,
            top: first as u32 * row,
            width: 8,
            height: rows as u32 * row - 1,
        };
        let mut proof = Proof::default();
        let mut decode = |index: &[u8], region: Rect, proof: &mut Proof| {
            let mut out = vec![0; (region.width * region.height * 3) as usize];
            let guide = Index::Use(index, proof);
            decoder.decode_with(&bytes, region, Scale::Full, guide, &mut out).map(|()| out)
        };
        // Above it the index is right, and of use.
        for (first, rows, known) in [(0, 2, 1), (3, 1, 3), (1, middle - 2, middle - 2), (2, 1, middle - 2)] {
            let expected = decode(&packed, strip(first, rows), &mut Proof::default()).unwrap();
            assert!(decode(&forged, strip(first, rows), &mut proof).unwrap() == expected);
            assert_eq!(usize::from(proof.rows), known, "{first} {rows}");
        }
        for first in middle..layout.rows - 1 {
            for proof in [&mut proof, &mut Proof::default()] {
                let error = decode(&forged, strip(first, 1), proof).unwrap_err();
                assert!(error.kind == ErrorKind::Corrupt && error.message.contains("index"), "{error}");
                assert!(usize::from(proof.rows) <= middle);
            }
        }
    }
}
