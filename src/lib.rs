//! A streaming image data loader with on-the-fly augmentation.
//!
//! feedmill turns stored images into deterministic, augmented and mixed training batches behind an
//! ordinary iterator. The seed, the data and the recipe decide every byte of every batch. The
//! number of workers, the number of ranks, queue depths and restarts do not.
//!
//! # From a folder to batches
//!
//! A [`Loader`] needs data and a [`Recipe`]. The data is a path, whose form is detected (a folder
//! with a subfolder for each class, shards, tar, Arrow, Parquet), or a [`source`]. A recipe says
//! everything about the content of batches. It comes from a [preset](Recipe::preset), from
//! [TOML](Recipe::from_toml), or from the builder.
//!
//! ```
//! use feedmill::{Loader, Recipe};
//!
//! let recipe = Recipe::preset("imagenet")?.with_seed(7).with_batch(4);
//! let loader = Loader::open("fixtures/photos", recipe)?;
//! for epoch in loader.epochs(0..2) {
//!     for batch in epoch {
//!         let batch = batch?;
//!         let images: &[f32] = batch.images().as_f32()?; // 4 x 3 x 224 x 224, normalized
//!         let classes: &[i64] = batch.targets().index()?; // 4
//!         train(images, classes);
//!     }
//! }
//! # fn train(images: &[f32], classes: &[i64]) {
//! #     assert_eq!((images.len(), classes.len()), (4 * 3 * 224 * 224, 4));
//! # }
//! # Ok::<(), feedmill::Error>(())
//! ```
//!
//! # Resuming
//!
//! Each batch carries the [`LoaderState`] after it: a few lines of text to save with the model's
//! weights. A loader of the same data and recipe continues from it at once, without reading what
//! was read before, and refuses the state of another run.
//!
//! ```
//! # use feedmill::{Loader, Recipe};
//! # let recipe = Recipe::preset("imagenet")?.with_seed(7).with_batch(4);
//! let loader = Loader::open("fixtures/photos", recipe.clone())?;
//! let batch = loader.epoch(0)?.next().expect("a batch")?;
//! let saved: String = batch.state().to_string();
//!
//! let mut loader = Loader::open("fixtures/photos", recipe)?; // later, in another process
//! loader.resume(&saved.parse()?)?;
//! assert_eq!(loader.epoch(0)?.next().expect("a batch")?.index(), 1);
//! # Ok::<(), feedmill::Error>(())
//! ```
//!
//! # Training and validation
//!
//! [`Loader::split`] divides one data set, within each class if there are classes. The two loaders
//! share the opened source, the threads and the memory.
//!
//! ```
//! use feedmill::{Loader, Recipe, source};
//!
//! let (train, validation) = Loader::split(
//!     source::open("fixtures/photos")?,
//!     0.2,
//!     Recipe::preset("imagenet")?.with_seed(7).with_batch(2),
//!     Recipe::preset("imagenet-eval")?.with_batch(2),
//! )?;
//! assert_eq!(train.samples() + validation.samples(), train.total_samples());
//! # Ok::<(), feedmill::Error>(())
//! ```
//!
//! # Several processes
//!
//! Each process opens the same data with the same recipe and takes its slice of every global batch.
//! `batch` in the recipe is the size of the global batch.
//!
//! ```
//! # use feedmill::{Loader, Recipe};
//! use feedmill::World;
//!
//! # let recipe = Recipe::preset("imagenet")?.with_batch(4);
//! let world = World::from_env()?; // of torchrun, Slurm, Open MPI, PMI or Kubernetes
//! let loader = Loader::builder().path("fixtures/photos").recipe(recipe).world(world).build()?;
//! # Ok::<(), feedmill::Error>(())
//! ```
//!
//! # Where to look next
//!
//! | to | read |
//! | --- | --- |
//! | know what a batch contains, and what it costs to hold one | [`Batch`] |
//! | know everything about one slot: name, class, partner, fault | [`Slot`] |
//! | train on gray images, or in half precision | [`recipe::Output`] |
//! | set threads and memory; see what limits a run | [`Tuning`], [`Loader::stats`] |
//! | see why a sample looks as it does | [`Loader::explain`], [`Loader::images`] |
//! | write recipes: views, schedules, targets, bad files | [`recipe`], `docs/RECIPES.md` |
//! | choose ops, or write one | [`augment`], `docs/AUGMENTATIONS.md` |
//! | mix images and labels, or write a mixer | [`mix`], `docs/MIXING.md` |
//! | read other data, or write a source and test it | [`source`], [`testing`] |
//! | compose batches: balanced, P x K, episodes, subsets | [`plan`] |
//! | convert, index and check data | [`convert`], [`index`](mod@index), [`verify`] |
//! | decode regions of JPEGs without a loader | [`decode`] |
//! | know how it works, and why so | `ARCHITECTURE.md`, `docs/decisions/` |
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `arrow` | Arrow IPC and Parquet sources. Without it, the crate builds in half of the time. |

#![warn(unreachable_pub)]
// Tests may read the clock and use the platform's functions; clippy.toml says why the library may
// not.
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

// The code that `declare` writes names this crate by its name.
extern crate self as feedmill;

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
pub mod testing;
pub mod verify;

pub use batch::{Batch, Images, MixRecord, Pixels, Slot, SlotTarget, SlotView, Slots, Targets};
/// The `bytes` crate: samples and planes hold its [`Bytes`](bytes::Bytes).
pub use bytes;
pub use error::{Error, Fault, Kind, Result};
pub use feedmill_macros::declare;
/// The `half` crate: batches of half precision hold its numbers ([`Pixels`]).
pub use half;
pub use loader::{Epoch, Epochs, Explanation, Image, Loader, LoaderBuilder, MixStep, ViewSteps};
pub use pipeline::{Stats, Tuning};
pub use plan::World;
pub use recipe::Recipe;
pub use state::LoaderState;
/// The `toml` crate, because the parameters of ops and mixers are its tables
/// ([`spec::Parameters::params`]).
pub use toml;

/// Compiles and runs the programs in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Compiles and runs the programs in the page about mixing.
#[cfg(doctest)]
#[doc = include_str!("../docs/MIXING.md")]
struct Mixing;
