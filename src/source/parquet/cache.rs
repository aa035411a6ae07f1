//! A cache of decoded row groups that threads share. The least recently used groups leave first.
//!
//! Two locks keep decoding parallel: one short lock for the whole table of entries, and one for
//! each entry, held while its value is loaded. So threads that need different values load them at
//! the same time, while threads that need the same value wait for the one that loads it. With a
//! single lock either all loads would run one after the other, or several threads would decode the
//! same group of some hundred megabytes.
//!
//! The lock of an entry is never taken while the table is locked, and the table is locked again
//! only after the lock of the entry is released, so the two cannot deadlock.
//!
//! The order of use is a map from the time of last use to the entry, so finding the oldest entry
//! takes logarithmic time. Memory may exceed the budget by one value for each thread that loads,
//! since the size of a value is known only afterwards.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Kind, Result};

/// Values by number, bounded by their bytes. One thread loads a value; others that need the same
/// one wait for it.
#[derive(Debug)]
pub(super) struct Cache<T> {
    budget: u64,
    table: Mutex<LruTable<T>>,
}

/// The table of entries.
#[derive(Debug)]
struct LruTable<T> {
    entries: BTreeMap<usize, Entry<T>>,
    /// The number of each entry by the time of its last use.
    order: BTreeMap<u64, usize>,
    /// Counts the uses of all entries.
    clock: u64,
    /// Bytes of all values.
    bytes: u64,
}

/// One value, loaded or being loaded.
#[derive(Debug)]
struct Entry<T> {
    /// The time of last use, on the clock of the table.
    last_use: u64,
    /// Bytes of the value; 0 until it is loaded.
    bytes: u64,
    slot: Arc<Slot<T>>,
}

/// The place of a value; `None` before it is loaded. It is locked while it is loaded. An error is
/// kept like a value, because damage does not heal, and finding it costs a decoding.
type Slot<T> = Mutex<Option<Result<Arc<T>>>>;

impl<T> Cache<T> {
    /// Creates an empty cache that keeps at most `budget` bytes, or one value if that is larger.
    pub(super) fn new(budget: u64) -> Cache<T> {
        let table = LruTable {
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
            clock: 0,
            bytes: 0,
        };
        Cache {
            budget,
            table: Mutex::new(table),
        }
    }

    /// Returns the value of a number. If it is not in the cache, `load` makes it and says how many
    /// bytes it takes.
    ///
    /// # Errors
    ///
    /// The error of `load`. Later callers get the same error without a further load, unless it came
    /// from the operating system and may not occur again.
    pub(super) fn get(
        &self,
        key: usize,
        load: impl FnOnce() -> Result<(T, u64)>,
    ) -> Result<Arc<T>> {
        let slot = lock(&self.table).slot(key);
        let mut content = lock(&slot);
        match &*content {
            Some(Ok(value)) => return Ok(Arc::clone(value)),
            Some(Err(error)) => return Err(error.clone()),
            None => {}
        }
        match load() {
            Ok((value, bytes)) => {
                let value = Arc::new(value);
                *content = Some(Ok(Arc::clone(&value)));
                drop(content);
                lock(&self.table).record_bytes(key, &slot, bytes, self.budget);
                Ok(value)
            }
            Err(error) => {
                if !matches!(error.kind(), Kind::Io | Kind::Mismatch) {
                    *content = Some(Err(error.clone()));
                }
                Err(error)
            }
        }
    }
}

impl<T> LruTable<T> {
    /// Returns the slot of a number and marks it as used now.
    fn slot(&mut self, key: usize) -> Arc<Slot<T>> {
        self.clock += 1;
        let now = self.clock;
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            last_use: now,
            bytes: 0,
            slot: Arc::default(),
        });
        self.order.remove(&entry.last_use);
        entry.last_use = now;
        self.order.insert(now, key);
        Arc::clone(&entry.slot)
    }

    /// Records the bytes of a loaded value, and removes the least recently used entries until the
    /// budget holds or only this one is left.
    fn record_bytes(&mut self, key: usize, slot: &Arc<Slot<T>>, bytes: u64, budget: u64) {
        // Meanwhile another thread may have removed the entry and loaded it again; then this value
        // is no longer in the table, and its bytes do not count.
        if let Some(entry) = self
            .entries
            .get_mut(&key)
            .filter(|entry| Arc::ptr_eq(&entry.slot, slot))
        {
            self.bytes = self.bytes - entry.bytes + bytes;
            entry.bytes = bytes;
        }
        while self.bytes > budget && self.entries.len() > 1 {
            let mut oldest = self.order.iter().map(|(&last_use, &key)| (last_use, key));
            let Some((last_use, victim)) = oldest.find(|&(_, candidate)| candidate != key) else {
                break;
            };
            self.order.remove(&last_use);
            if let Some(entry) = self.entries.remove(&victim) {
                self.bytes -= entry.bytes;
            }
        }
    }
}

/// Locks. A panic of another thread that held the lock leaves nothing half done here, so it is
/// ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::Error;

    #[test]
    fn threads_that_want_one_value_load_it_once() {
        let cache = Cache::new(100);
        let (loads, start) = (AtomicUsize::new(0), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    let value = cache.get(7, || {
                        loads.fetch_add(1, Ordering::SeqCst);
                        Ok(("seven", 10))
                    });
                    assert_eq!(*value.unwrap(), "seven");
                });
            }
        });
        assert_eq!(loads.into_inner(), 1);
    }

    #[test]
    fn the_least_recently_used_goes_and_one_always_stays() {
        let cache = Cache::new(20);
        let loads = AtomicUsize::new(0);
        let get = |key: usize, bytes: u64| {
            *cache
                .get(key, || Ok((loads.fetch_add(1, Ordering::SeqCst), bytes)))
                .unwrap()
        };
        assert_eq!((get(1, 10), get(2, 10), get(1, 10)), (0, 1, 0));
        assert_eq!(get(3, 10), 2, "drops 2");
        assert_eq!((get(1, 10), get(2, 10)), (0, 3), "which is loaded again");
        assert_eq!(
            (get(9, 1000), get(9, 1000)),
            (4, 4),
            "larger than the cache, and kept"
        );
        assert_eq!(lock(&cache.table).entries.len(), 1);
        assert_eq!((get(1, 1), lock(&cache.table).bytes), (5, 1));
    }

    #[test]
    fn damage_is_remembered_and_a_failing_disk_is_asked_again() {
        let cache: Cache<u8> = Cache::new(20);
        let fail = |key, kind| {
            cache
                .get(key, || Err(Error::new(kind, "first")))
                .unwrap_err()
        };
        assert_eq!(fail(1, Kind::Corrupt).message(), "first");
        assert_eq!(cache.get(1, || Ok((1, 1))).unwrap_err().message(), "first");
        fail(2, Kind::Io);
        assert_eq!(*cache.get(2, || Ok((2, 1))).unwrap(), 2);
    }
}
