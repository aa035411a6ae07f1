//! Files: mapped, read at offsets, written whole or not at all, and shown by name.

pub(crate) mod disk;
pub(crate) mod mmap;
pub(crate) mod names;
pub(crate) mod positioned;
