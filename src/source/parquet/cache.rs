//! Decoded row groups, shared by threads: least recently used go first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Kind, Result};

/// Values by number, bounded by their bytes. One thread loads a value; others that want the same
/// wait for it.
#[derive(Debug)]
pub(super) struct Cache<T> {
    budget: u64,
    shelf: Mutex<Shelf<T>>,
}

#[derive(Debug)]
struct Shelf<T> {
    entries: BTreeMap<usize, Entry<T>>,
    /// Entries by time of last use.
    order: BTreeMap<u64, usize>,
    clock: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Entry<T> {
    used: u64,
    bytes: u64,
    slot: Arc<Slot<T>>,
}

/// Locked while it is loaded. A failure is kept like a value: damage does not heal, and finding it
/// costs a decoding.
type Slot<T> = Mutex<Option<Result<Arc<T>>>>;

impl<T> Cache<T> {
    pub(super) fn new(budget: u64) -> Cache<T> {
        let shelf = Shelf {
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
            clock: 0,
            bytes: 0,
        };
        Cache {
            budget,
            shelf: Mutex::new(shelf),
        }
    }

    /// The value of a number; `load` gives it with its bytes where it is not there.
    ///
    /// # Errors
    ///
    /// That of `load`. It is given again to later callers, unless it is of the operating system and
    /// may pass.
    pub(super) fn get(
        &self,
        key: usize,
        load: impl FnOnce() -> Result<(T, u64)>,
    ) -> Result<Arc<T>> {
        let slot = lock(&self.shelf).slot(key);
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
                lock(&self.shelf).weigh(key, &slot, bytes, self.budget);
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

impl<T> Shelf<T> {
    /// The slot of a number, marked as used now.
    fn slot(&mut self, key: usize) -> Arc<Slot<T>> {
        self.clock += 1;
        let now = self.clock;
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            used: now,
            bytes: 0,
            slot: Arc::default(),
        });
        self.order.remove(&entry.used);
        entry.used = now;
        self.order.insert(now, key);
        Arc::clone(&entry.slot)
    }

    /// Notes the bytes of a loaded value and drops the oldest until the budget holds, or only this
    /// one is left.
    fn weigh(&mut self, key: usize, slot: &Arc<Slot<T>>, bytes: u64, budget: u64) {
        // Another thread may have dropped the entry, and loaded it anew, meanwhile.
        if let Some(entry) = self
            .entries
            .get_mut(&key)
            .filter(|entry| Arc::ptr_eq(&entry.slot, slot))
        {
            self.bytes = self.bytes - entry.bytes + bytes;
            entry.bytes = bytes;
        }
        while self.bytes > budget && self.entries.len() > 1 {
            let mut oldest = self.order.iter().map(|(&used, &key)| (used, key));
            let Some((used, victim)) = oldest.find(|&(_, candidate)| candidate != key) else {
                break;
            };
            self.order.remove(&used);
            if let Some(entry) = self.entries.remove(&victim) {
                self.bytes -= entry.bytes;
            }
        }
    }
}

/// Locks; a panic of another thread while it held the lock leaves nothing half done here.
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
        assert_eq!(lock(&cache.shelf).entries.len(), 1);
        assert_eq!((get(1, 1), lock(&cache.shelf).bytes), (5, 1));
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
