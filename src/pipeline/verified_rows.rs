//! How many rows of each stored entropy index were verified in this run.
//!
//! The decoder jumps only over parts of a scan whose index entries it has verified by reading from
//! the start, so a wrong index costs time and never changes a pixel. Two bytes a sample, allocated
//! by the page, remember that from visit to visit. Indexes that this run recorded itself
//! ([`super::index_cache`]) need no verification.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::decode::jpeg::VerifiedRows;

/// Samples of a page.
const PAGE: usize = 4096;

/// The number of verified rows of each sample, which only grows.
pub(crate) struct VerifiedRowsTable {
    pages: Box<[OnceLock<Box<[AtomicU16]>>]>,
}

impl VerifiedRowsTable {
    pub(crate) fn new(samples: u64) -> VerifiedRowsTable {
        VerifiedRowsTable {
            pages: (0..samples.div_ceil(PAGE as u64))
                .map(|_| OnceLock::new())
                .collect(),
        }
    }

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

    /// Keeps the larger of two numbers, since another worker may have visited the sample too.
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
