//! How many rows of each stored entropy index were verified in this run.
//!
//! A stored index is not trusted. The decoder jumps only over parts of a scan whose index entries
//! it has verified by reading from the start of the scan, so a wrong index is found and never
//! changes a pixel. This table remembers, from visit to visit, for how many rows of MCUs that is
//! known: two bytes for each sample, allocated in pages when they are first needed, because most
//! data has no index. Indexes that this run recorded itself ([`super::index_cache`]) need no
//! verification.
//!
//! All accesses are relaxed atomics. A stale value only makes the decoder verify some rows again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::decode::jpeg::VerifiedRows;

/// The number of samples in a page.
const PAGE: usize = 4096;

/// The number of verified rows of each sample. It only grows.
pub(crate) struct VerifiedRowsTable {
    /// Pages of [`PAGE`] samples; one that does not exist stands for zeros.
    pages: Box<[OnceLock<Box<[AtomicU16]>>]>,
}

impl VerifiedRowsTable {
    /// A table for samples 0 to `samples - 1`, with no verified rows.
    pub(crate) fn new(samples: u64) -> VerifiedRowsTable {
        VerifiedRowsTable {
            pages: (0..samples.div_ceil(PAGE as u64))
                .map(|_| OnceLock::new())
                .collect(),
        }
    }

    /// The verified rows of a sample; none for a sample out of range.
    pub(crate) fn get(&self, sample: u64) -> VerifiedRows {
        let page = self
            .pages
            .get((sample / PAGE as u64) as usize)
            .and_then(OnceLock::get);
        let rows = page.map_or(0, |page| {
            page[(sample % PAGE as u64) as usize].load(Ordering::Relaxed)
        });
        VerifiedRows::new(rows)
    }

    /// Raises the number of a sample to `verified`. A larger number stays, because another worker
    /// may have visited the sample in the meantime and read further.
    pub(crate) fn extend(&self, sample: u64, verified: VerifiedRows) {
        let Some(page) = self.pages.get((sample / PAGE as u64) as usize) else {
            return;
        };
        let page = page.get_or_init(|| (0..PAGE).map(|_| AtomicU16::new(0)).collect());
        page[(sample % PAGE as u64) as usize].fetch_max(verified.get(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verified_rows_only_grow_and_belong_to_one_sample() {
        let verified_rows = VerifiedRowsTable::new(PAGE as u64 + 1);
        for (sample, rows) in [(0, 3), (PAGE as u64, 7), (PAGE as u64, 5)] {
            verified_rows.extend(sample, VerifiedRows::new(rows));
        }
        let rows =
            [0, 1, PAGE as u64 - 1, PAGE as u64].map(|sample| verified_rows.get(sample).get());
        assert_eq!(rows, [3, 0, 0, 7]);
    }
}
