//! Augmentation of single samples: operations on 8-bit RGB pixels.
//!
//! # The life of an op
//!
//! An augmentation passes through four forms, from the line of a recipe to changed pixels:
//!
//! 1. An [`Op`] has the *parameters* of a recipe, such as "an area between 8 % and 100 %". It is
//!    made once, and shared by all workers. For each view of each sample, [`Op::draw`] draws from a
//!    random stream. It sees the size of the image and no pixels.
//! 2. [`Steps`] is the *list under construction* for that view. Ops add to it one after the other,
//!    and each sees the size that the ones before it leave ([`Steps::size`]). Ops can attach
//!    numbers to the view there ([`Steps::note`]).
//! 3. A [`Step`] is *one change of an image with all parameters drawn*, such as "crop 300 x 200
//!    pixels at (40, 12)". It says what it does to pixels, to places (boxes, keypoints), to planes
//!    (masks), and how it merges with its neighbors. The finished list is a [`Program`]. A program
//!    can be printed (`explain`), repeated, run on annotations ([`Joint`]), and asked which part of
//!    the image it needs.
//! 4. A *kernel* (`crate::kernels`) does the work of a step on rows of pixels, with the rounding of
//!    a reference library. It does not know of recipes, and of chance only as far as a step carries
//!    a seed.
//!
//! Drawing and running never meet, because of the decoder: it runs between the two, and decodes no
//! more than the crops need. A random crop needs half of a photograph on average, and decoding is
//! most of the work. Ops that draw and change pixels in one call, as in torchvision, would have to
//! see the whole image first.
//!
//! The modules follow these forms: [`ops`] has the ops (1), `list` the list (2), `step` says what a
//! step is and [`steps`] has the built-in ones (3), `program` draws and runs them, `shrink` rewrites
//! a program for an image that is decoded at a fraction of its size, and `joint` runs programs on
//! boxes, keypoints and planes.
//!
//! A custom augmentation is an [`Op`] that adds built-in steps, or a [`Step`] of its own.

mod apply;
mod entry;
mod joint;
mod list;
mod matrix;
mod op;
pub mod ops;
mod program;
mod shrink;
mod step;
pub mod steps;
mod words;

pub use apply::apply;
pub use entry::OpEntry;
pub(crate) use entry::{label, take_name};
pub use joint::{EraseRule, Joint, KeypointOrigin};
pub use list::{Note, Steps};
pub use op::Op;
pub use ops::{PolicyName, PolicySpace, TimmName};
pub use program::Program;
pub use step::{Merge, OnPlane, Placement, PlaneValues, Step, StepImage, StepScratch};

pub use crate::kernels::corrupt::{Corruption, CorruptionSet};
pub use crate::kernels::noise_distribution::NoiseDistribution;
pub use crate::kernels::resample::Filter;
pub use crate::kernels::threshold::Threshold;
pub use crate::kernels::warp::WarpFilter;
pub use crate::kernels::{Dialect, PadMode};
