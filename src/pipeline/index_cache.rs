//! The learned indexes of a run: entropy indexes that were recorded while samples were decoded for
//! the first time, for `decode.index = "learn"`.
//!
//! The cache is a map in 64 stripes, each behind its own lock, so that workers rarely meet. It has
//! a budget of bytes and no eviction: an epoch visits every sample once, and with that pattern a
//! cache that dropped its oldest entry would drop the one that is needed next. When the budget is
//! used up, workers stop recording.
//!
//! No pixel depends on what is in the cache, and so none depends on which worker was first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::decode::IndexPolicy;

/// The number of locks. It only has to be large compared to the number of workers.
const STRIPES: usize = 64;
/// An estimate of the bytes that an entry takes besides the index itself: the map's slot and the
/// allocation.
const OVERHEAD: u64 = 96;

/// Entropy indexes by sample, within a budget of bytes.
pub(crate) struct IndexCache {
    /// False if the recipe does not ask for learned indexes. The cache is then always empty.
    learns: bool,
    /// What is left of the budget.
    free: AtomicU64,
    stripes: [Mutex<BTreeMap<u64, Bytes>>; STRIPES],
}

impl IndexCache {
    /// An empty cache for at most `budget` bytes. It stays empty unless `policy` is
    /// [`IndexPolicy::Learn`].
    pub(crate) fn new(policy: IndexPolicy, budget: u64) -> IndexCache {
        IndexCache {
            learns: policy == IndexPolicy::Learn,
            free: AtomicU64::new(budget),
            stripes: std::array::from_fn(|_| Mutex::default()),
        }
    }

    fn stripe(&self, sample: u64) -> &Mutex<BTreeMap<u64, Bytes>> {
        &self.stripes[(sample % STRIPES as u64) as usize]
    }

    /// The index of a sample, if one was kept.
    pub(crate) fn get(&self, sample: u64) -> Option<Bytes> {
        if !self.learns {
            return None;
        }
        self.stripe(sample)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&sample)
            .cloned()
    }

    /// True if there is room for at least a small index, so that recording one is worth the work.
    pub(crate) fn wants(&self) -> bool {
        self.learns && self.free.load(Ordering::Relaxed) > OVERHEAD
    }

    /// Keeps a copy of an index if there is room for it. Does nothing for an empty one.
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
            // The budget counts as used up from now on. A smaller index might still fit, but a
            // worker would have to record it first to find out.
            self.free.store(0, Ordering::Relaxed);
            return;
        }
        let kept = Bytes::copy_from_slice(index);
        let mut stripe = self
            .stripe(sample)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if stripe.insert(sample, kept).is_some() {
            // Two workers decoded the same sample at once, and both paid for the one entry.
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
