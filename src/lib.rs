//! A streaming image data loader with on-the-fly augmentation.
//!
//! Stored images become deterministic, augmented and mixed batches behind an ordinary iterator.
//! Start with [`Loader`] and [`Recipe`].

#![warn(unreachable_pub)]
// Tests may read the clock and use the platform's functions; clippy.toml says why the library may
// not.
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod augment;
mod batch;
pub mod convert;
pub mod cpu;
pub mod decode;
mod error;
pub mod geometry;
pub mod index;
mod kernels;
mod loader;
pub mod mix;
mod parallel;
mod pipeline;
pub mod plan;
pub mod recipe;
pub mod rng;
pub mod sample;
pub mod shard;
pub mod source;
pub mod spec;
mod state;
mod storage;
pub mod verify;

pub use batch::{Batch, Images, MixRecord, Pixels, Targets};
pub use error::{Error, Fault, Kind, Result};
pub use loader::{Batches, Epoch, Epochs, Explanation, Image, Loader, MixStep, ViewSteps};
pub use pipeline::{Stats, Threads, Tuning};
pub use plan::World;
pub use recipe::Recipe;
pub use state::LoaderState;
/// The TOML library, whose `Table` stands in [`augment::Op`].
pub use toml;

/// The programs in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And those of the page about mixing.
#[cfg(doctest)]
#[doc = include_str!("../docs/MIXING.md")]
struct Mixing;
