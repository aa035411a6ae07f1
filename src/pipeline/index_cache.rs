//! Entropy indexes made while samples are decoded for the first time, for `decode.index = "learn"`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::decode::IndexPolicy;

/// Workers seldom wait for each other at one of so many.
const PARTS: usize = 64;
/// What an index takes in memory besides its bytes.
const OVERHEAD: u64 = 96;

/// Indexes by sample, under a budget of bytes. No pixel depends on what is in it.
pub(crate) struct IndexCache {
    learns: bool,
    /// Bytes that are still free.
    free: AtomicU64,
    parts: [Mutex<BTreeMap<u64, Bytes>>; PARTS],
}

impl IndexCache {
    pub(crate) fn new(policy: IndexPolicy, budget: u64) -> IndexCache {
        IndexCache {
            learns: policy == IndexPolicy::Learn,
            free: AtomicU64::new(budget),
            parts: std::array::from_fn(|_| Mutex::default()),
        }
    }

    fn part(&self, sample: u64) -> &Mutex<BTreeMap<u64, Bytes>> {
        &self.parts[(sample % PARTS as u64) as usize]
    }

    pub(crate) fn get(&self, sample: u64) -> Option<Bytes> {
        if !self.learns {
            return None;
        }
        self.part(sample)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&sample)
            .cloned()
    }

    /// True if an index would be kept.
    pub(crate) fn wants(&self) -> bool {
        self.learns && self.free.load(Ordering::Relaxed) > OVERHEAD
    }

    /// Keeps an index, if there is room; the buffer can be used again.
    pub(crate) fn put(&self, sample: u64, index: &[u8]) {
        let cost = index.len() as u64 + OVERHEAD;
        if index.is_empty() || !self.wants() {
            return;
        }
        let took = self
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
                free.checked_sub(cost)
            });
        if took.is_err() {
            // The next one might fit, but whoever asks for it would have to be made for that.
            self.free.store(0, Ordering::Relaxed);
            return;
        }
        let kept = Bytes::copy_from_slice(index);
        let mut part = self
            .part(sample)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if part.insert(sample, kept).is_some() {
            // Two workers had the same sample at once.
            self.free.fetch_add(cost, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_learnt_stays_within_its_budget() {
        let index_cache = IndexCache::new(IndexPolicy::Learn, 2 * (OVERHEAD + 10) + 5);
        for sample in [3, 3, 4, 5, 6] {
            index_cache.put(sample, &[7; 10]);
        }
        let kept: Vec<bool> = (3..7)
            .map(|sample| index_cache.get(sample).is_some())
            .collect();
        assert_eq!(kept, [true, true, false, false]);
        assert!(!index_cache.wants());
        for policy in [IndexPolicy::Off, IndexPolicy::Auto] {
            let index_cache = IndexCache::new(policy, u64::MAX);
            index_cache.put(1, &[1]);
            assert!(index_cache.get(1).is_none());
        }
    }
}
