//! How far the stored entropy index of each sample was seen to be right. IndexCache ones need no proof.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::decode::jpeg::VerifiedRows;

/// Samples whose proofs come into memory together.
const PAGE: usize = 4096;

/// A proof for each sample; they grow from visit to visit. No pixel depends on what is in it.
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

    /// Keeps the longer of two proofs: another worker may have had the same sample.
    pub(crate) fn extend(&self, sample: u64, proof: VerifiedRows) {
        let Some(page) = self.pages.get((sample / PAGE as u64) as usize) else {
            return;
        };
        let page = page.get_or_init(|| (0..PAGE).map(|_| AtomicU16::new(0)).collect());
        page[(sample % PAGE as u64) as usize].fetch_max(proof.get(), Ordering::Relaxed);
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
