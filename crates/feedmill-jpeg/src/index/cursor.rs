//! The way through a scan with an index: from where to read, what to compare, what to record.
//!
//! # Why an index changes no pixel
//!
//! Whoever can write a file can write an index with the right checksums and wrong entries. So an
//! entry is believed by induction only. The first entry is the start of the scan, which needs no
//! belief. Any other is right if the entry before it is right and reading the scan from there
//! arrives at exactly this state. A call that has seen that for all entries of the first `n` rows
//! stores `n` in [`super::VerifiedRows`], and later calls may jump to any of them.
//!
//! Rows above the region that are not verified yet are read two at a time, each from its own first
//! entry, because two independent chains of look-ups hide each other's latency. The second row
//! starts at an entry that nobody has verified yet; it is verified by the same step, since the
//! first row has to arrive at it.

use super::{Entry, Grid, contradiction};
use crate::entropy::mcu::{EntropyCursor, McuDecoder};
use crate::error::Result;
use crate::kernels::entropy::EntropyKernels;

/// Decides where decoding enters the scan.
pub(crate) enum IndexCursor<'a> {
    /// There is no index: the scan is read from its start.
    None,
    /// Decoding enters at entries. Those of the first `verified` rows, and the one behind them, are
    /// known to be right.
    Entries {
        grid: Grid,
        entries: &'a [Entry],
        verified: &'a mut u16,
    },
    /// The scan is read from its start, and entries are recorded.
    Record(Grid, &'a mut Vec<Entry>),
}

impl IndexCursor<'_> {
    /// Verifies the rows above the region, and returns the first row of MCUs to be decoded.
    pub(crate) fn prepare<'s, K: EntropyKernels>(
        &mut self,
        kernels: K,
        decoder: &McuDecoder<'s>,
        cursors: &mut [EntropyCursor<'s>; 2],
    ) -> Result<usize> {
        let IndexCursor::Entries {
            grid,
            entries,
            verified,
        } = self
        else {
            return Ok(0);
        };
        let ([mcus, _], first) = (decoder.layout.mcus, decoder.layout.mcu_rows.start);
        // Two rows at a time; one that is left over is verified by `decode_row` on the way to the
        // region.
        while usize::from(**verified) + 1 < first {
            let row = usize::from(**verified);
            let blocks = decoder.row(row);
            for (row, cursor) in (row..).zip(cursors.iter_mut()) {
                cursor.seek(entries[row * grid.per_row], row * mcus);
            }
            for nth in 0..grid.per_row {
                let count = grid.stretch(nth, mcus).len();
                kernels.skip_mcus_side_by_side(cursors, &blocks, count)?;
                for (row, cursor) in (row..).zip(cursors.iter()) {
                    compare(cursor, entries.get(row * grid.per_row + nth + 1))?;
                }
            }
            **verified += 2;
        }
        Ok(first.min(usize::from(**verified)))
    }

    /// Decodes what the region needs of a row of MCUs, and reads what has to be read besides: to
    /// get there, to verify the row, or to record its entries.
    pub(crate) fn decode_row<'s, K: EntropyKernels>(
        &mut self,
        kernels: K,
        decoder: &mut McuDecoder<'s>,
        cursor: &mut EntropyCursor<'s>,
        row: usize,
    ) -> Result<()> {
        let layout = decoder.layout;
        let ([mcus, _], needed) = (layout.mcus, &layout.mcu_columns);
        let first = row * mcus;
        let last = row + 1 == layout.mcu_rows.end;
        let blocks = &decoder.row(row);
        match self {
            IndexCursor::None => {
                let end = if last { needed.end } else { mcus };
                kernels.decode_mcus(decoder, cursor, blocks, 0..end)
            }
            IndexCursor::Record(grid, entries) => (0..grid.per_row).try_for_each(|nth| {
                entries.push(cursor.entry());
                kernels.decode_mcus(decoder, cursor, blocks, grid.stretch(nth, mcus))
            }),
            IndexCursor::Entries {
                grid,
                entries,
                verified,
            } => {
                let known = row < usize::from(**verified);
                let start = if known { needed.start / grid.step } else { 0 };
                let end = if known || last { needed.end } else { mcus };
                if cursor.next() != first + start * grid.step {
                    cursor.seek(
                        entries[row * grid.per_row + start],
                        first + start * grid.step,
                    );
                }
                for nth in start..end.div_ceil(grid.step) {
                    let stretch = grid.stretch(nth, mcus);
                    let whole = stretch.end <= end;
                    let part = stretch.start..stretch.end.min(end);
                    kernels.decode_mcus(decoder, cursor, blocks, part)?;
                    if whole {
                        compare(cursor, entries.get(row * grid.per_row + nth + 1))?;
                    }
                }
                if !known && end == mcus {
                    **verified = row as u16 + 1;
                }
                Ok(())
            }
        }
    }
}

/// Compares the state of the entropy decoder with the entry that stands there.
fn compare(cursor: &EntropyCursor<'_>, entry: Option<&Entry>) -> Result<()> {
    match entry {
        Some(&entry) if cursor.entry() != entry => Err(contradiction(entry, cursor.entry())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Index, VerifiedRows, pack, unpack};
    use crate::markers::FileHeader;
    use crate::regions::layout::Layout;
    use crate::{Decoder, ErrorKind, Rect, Scale};

    /// From some entry on all predictors are off by the same, so that only the step to that entry
    /// contradicts the scan.
    #[test]
    fn a_consistent_forgery_is_found_before_it_matters() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/photos/still/seeding_by_Clements_Engelhardt.jpg"
        );
        let bytes = std::fs::read(path).unwrap();
        let mut decoder = Decoder::new();
        let packed = decoder.index(&bytes).unwrap();
        let file = FileHeader::read(&bytes).unwrap();
        let (width, height) = (file.header.width, file.header.height);
        let layout = Layout::new(&file, Rect::whole(width, height), Scale::Full).unwrap();
        let mut entries = Vec::new();
        let grid = unpack(&packed, &bytes, &layout, file.scan_start, &mut entries).unwrap();
        let [_, rows_of_mcus] = layout.mcus;
        let middle = rows_of_mcus / 2;
        for entry in &mut entries[middle * grid.per_row + 1..] {
            entry.dc[0] = entry.dc[0].wrapping_add(9);
        }
        let forged = pack(&entries, grid, &bytes).unwrap();
        let row = layout.mcu_height as u32;
        let strip = |first: usize, rows: usize| Rect {
            left: width / 2,
            top: first as u32 * row,
            width: 8,
            height: rows as u32 * row - 1,
        };
        let mut verified = VerifiedRows::default();
        let mut decode = |index: &[u8], region: Rect, verified: &mut VerifiedRows| {
            let mut out = vec![0; (region.width * region.height * 3) as usize];
            let index = Index::Use(index, verified);
            decoder
                .decode_with(&bytes, region, Scale::Full, index, &mut out)
                .map(|()| out)
        };
        // Above the forged entry the index is right, and of use.
        let above = [
            (0, 2, 1),
            (3, 1, 3),
            (1, middle - 2, middle - 2),
            (2, 1, middle - 2),
        ];
        for (first, rows, known) in above {
            let region = strip(first, rows);
            let expected = decode(&packed, region, &mut VerifiedRows::default()).unwrap();
            assert!(decode(&forged, region, &mut verified).unwrap() == expected);
            assert_eq!(usize::from(verified.get()), known, "{first} {rows}");
        }
        for first in middle..rows_of_mcus - 1 {
            for verified in [&mut verified, &mut VerifiedRows::default()] {
                let error = decode(&forged, strip(first, 1), verified).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                assert!(error.message().contains("index"), "{error}");
                assert!(usize::from(verified.get()) <= middle);
            }
        }
    }
}
