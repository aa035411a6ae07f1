//! Access to files: memory mapping, reads at offsets, atomic writes, and the display of names.

pub(crate) mod disk;
pub(crate) mod mmap;
pub(crate) mod names;
pub(crate) mod positioned;
