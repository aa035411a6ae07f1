//! Checks for the tests of custom parts.
//!
//! A [`Source`](crate::source::Source), an [`Op`](crate::augment::Op) or a
//! [`Mixer`](crate::mix::Mixer) of your own has to keep promises that the compiler cannot check:
//! the same bytes at every read, the same draw from the same stream, errors instead of panics.
//! [`source_contract`], [`op_contract`] and [`mixer_contract`] check them, and feedmill's own parts
//! pass the same checks. [`assert_op`] and [`assert_mixer`] compare an op or a mixer that was made
//! in Rust with one in a recipe.

mod mixers;
mod ops;
mod parts;
mod source;

pub use mixers::mixer_contract;
pub use ops::{assert_mixer, assert_op, op_contract};
pub use source::{column_contract, source_contract};
