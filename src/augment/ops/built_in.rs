//! How a built-in op is listed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::augment::Op;
use crate::error::Result;
use crate::spec::{self, Declared, Spec};

/// A built-in op: its declaration, and how it is read from a recipe.
pub(crate) struct BuiltIn {
    pub(crate) spec: &'static Spec,
    pub(crate) read: fn(toml::Table) -> Result<Arc<dyn Op>>,
    /// The paths of the parameters that are integers.
    pub(crate) integers: fn(toml::Table) -> BTreeSet<String>,
}

impl BuiltIn {
    pub(super) const fn of<T: Op + Declared + 'static>() -> BuiltIn {
        BuiltIn {
            spec: T::SPEC,
            read: |table| Ok(Arc::new(spec::read::<T>(table)?)),
            integers: spec::integers::<T>,
        }
    }
}
