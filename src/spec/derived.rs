//! Values that are made from parameters when they are first needed.

use std::fmt;
use std::sync::OnceLock;

/// A value that is made from the parameters of an op when it is first needed. It is no part of
/// them, so two ops are equal whatever theirs are.
///
/// # Example: a table that is made once
///
/// ```
/// use feedmill::spec::Derived;
///
/// let table: Derived<Vec<u64>> = Derived::default();
/// assert_eq!(table.get(), None);
/// assert_eq!(table.get_or_init(|| vec![1, 4, 9])[2], 9);
/// assert!(table.get().is_some());
/// ```
#[derive(Clone)]
pub struct Derived<T>(OnceLock<T>);

impl<T> Default for Derived<T> {
    fn default() -> Derived<T> {
        Derived(OnceLock::new())
    }
}

impl<T> PartialEq for Derived<T> {
    fn eq(&self, _: &Derived<T>) -> bool {
        true
    }
}

impl<T> fmt::Debug for Derived<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}

impl<T> Derived<T> {
    /// Returns the value if it has been made.
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// Returns the value, and makes it if it is needed for the first time.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(make)
    }
}
