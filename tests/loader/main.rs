//! What the loader promises, tested through its public interface alone.
//!
//! The main promise is determinism: a batch depends on the seed, the recipe and the data, and not
//! on threads, ranks or where a run was stopped. Most tests compare the digests of batches with
//! those of the reference path, which makes one batch after the other on one thread.

mod curricula;
mod determinism;
mod faults;
mod gray;
mod iterators;
mod joint;
mod labels;
mod lifetime;
mod mixing;
mod opening;
mod ops;
mod ranks;
mod resume;
mod samplers;
mod slots;
mod support;
mod views;
