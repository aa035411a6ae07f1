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
//! let batch = loader.epoch(0)?.next().expect("a batch")?;
//! let images: &[f32] = batch.images().as_f32()?; // 4 x 3 x 224 x 224, normalized
//! let classes: &[i64] = batch.targets().index()?; // 4
//! assert_eq!((images.len(), classes.len()), (4 * 3 * 224 * 224, 4));
//! # Ok::<(), feedmill::Error>(())
//! ```
//!
//! # What is in a batch
//!
//! A slot of a batch knows where its image comes from. [`Loader::explain`] lists every number that
//! was drawn for a sample, and [`Loader::images`] makes images of a batch again, to look at.
//!
//! ```
//! use feedmill::{Loader, Recipe};
//!
//! let recipe = Recipe::preset("imagenet")?.with_seed(7).with_batch(4);
//! let loader = Loader::open("fixtures/photos", recipe)?;
//! let batch = loader.epoch(0)?.next().expect("a batch")?;
//! for slot in batch.slots() {
//!     println!("{} of class {:?}", slot.name(), slot.class_name());
//! }
//! let sample = batch.samples()[0];
//! println!("{}", loader.explain(0, sample)?); // the decoded region, the crop, the mirror image
//! assert_eq!(loader.images(&batch, 0)[0].width, 224);
//! # Ok::<(), feedmill::Error>(())
//! ```
//!
//! # Training
//!
//! Threads of the loader prepare batches while the model trains on the last one. Here the model is
//! the mean of all values; in a program, `step` copies the images to a device.
//!
//! ```
//! use feedmill::{Loader, Recipe};
//!
//! /// One step of training.
//! fn step(model: &mut f32, images: &[f32], classes: &[i64]) {
//!     assert_eq!(images.len(), classes.len() * 3 * 224 * 224);
//!     let mean = images.iter().sum::<f32>() / images.len() as f32;
//!     *model += 0.1 * (mean - *model);
//! }
//!
//! let recipe = Recipe::preset("imagenet")?.with_seed(7).with_batch(4);
//! let loader = Loader::open("fixtures/photos", recipe)?;
//! let mut model = 0.0;
//! for epoch in loader.epochs(0..2) {
//!     for batch in epoch {
//!         let batch = batch?;
//!         step(&mut model, batch.images().as_f32()?, batch.targets().index()?);
//!     }
//! }
//! println!("{}", loader.stats().bottleneck()); // whether the loader or the model is the slow one
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
//! let training = Recipe::preset("imagenet")?.with_seed(7).with_batch(2);
//! let evaluation = training.eval()?; // every sample once, in order; resized and center-cropped
//! let photos = source::open("fixtures/photos")?;
//! let (train, validation) = Loader::split(photos, 0.2, training, evaluation)?;
//! assert_eq!(train.samples() + validation.samples(), train.total_samples());
//! # Ok::<(), feedmill::Error>(())
//! ```
//!
//! # Two processes
//!
//! Each process opens the same data with the same recipe and takes its slice of every global batch.
//! `batch` in the recipe is the size of the global batch. A launcher such as torchrun says which
//! process this is ([`World::from_env`]).
//!
//! ```
//! use feedmill::{Loader, Recipe, World};
//!
//! let samples = |world: World| -> feedmill::Result<Vec<u64>> {
//!     let recipe = Recipe::preset("imagenet")?.with_seed(7).with_batch(4);
//!     let loader = Loader::builder().path("fixtures/photos").recipe(recipe).world(world).build()?;
//!     Ok(loader.epoch(0)?.next().expect("a batch")?.samples().to_vec())
//! };
//! let alone = samples(World::SINGLE)?;
//! let (first, second) = (samples(World::new(0, 2)?)?, samples(World::new(1, 2)?)?);
//! assert_eq!(alone, [first, second].concat());
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
//! | be led through all of this, and the command line | [`guide`] |
//! | write recipes: views, schedules, targets, bad files | [`guide::recipes`], [`recipe`] |
//! | choose ops, or write one | [`augment`], [`guide::augmentations`] |
//! | mix images and labels, or write a mixer | [`mix`], [`guide::mixing`] |
//! | read other data, or write a source | [`source`] |
//! | test a source, an op or a mixer of your own | [`testing`] |
//! | compose batches: balanced, P x K, episodes, subsets | [`plan`] |
//! | convert, index and check data | [`convert`], [`index`](mod@index), [`verify`] |
//! | decode regions of JPEGs without a loader | [`decode`] |
//! | know how it works, and why so | [`guide::architecture`], `docs/decisions/` |
//!
//! # The modules
//!
//! | module | content |
//! | --- | --- |
//! | [`augment`] | ops, their steps, programs; boxes, keypoints and masks that move along |
//! | [`convert`] | any source to shards |
//! | [`cpu`] | the switch for vector code |
//! | [`decode`] | JPEG, PNG and WebP to pixels, with limits and regions |
//! | [`geometry`] | sizes, rectangles, edges of boxes |
//! | [`guide`] | pages: recipes, mixing, format, performance, architecture |
//! | [`index`](mod@index) | entropy indexes for data that stays where it is |
//! | [`mix`] | mixers, blends, saliency |
//! | [`plan`] | which sample comes when: samplers, selections, ranks |
//! | [`recipe`] | recipes, views, outputs, the registry of ops and mixers |
//! | [`rng`] | random streams |
//! | [`sample`] | a sample as plain values: codec, target, annotations |
//! | [`shard`] | the `.mill` format |
//! | [`source`] | folders, shards, tars, tables, memory, and the trait for others |
//! | [`spec`] | declared parameters of ops and mixers |
//! | [`testing`] | contracts for the tests of custom parts |
//! | [`verify`] | checks of data sets |
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `arrow` | Arrow IPC and Parquet sources. Without it, the crate builds in half of the time. |

#![warn(unreachable_pub, clippy::missing_panics_doc)]
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
#[cfg(any(doc, doctest))]
pub mod guide;
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
