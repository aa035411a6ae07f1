//! Checks for the tests of custom parts.
//!
//! A [`Source`](crate::source::Source) of your own has to keep promises that the compiler cannot
//! check: the same bytes at every read, errors instead of panics, labels in order.
//! [`source_contract`] checks them, and feedmill's own sources pass the same check. [`assert_op`]
//! and [`assert_mixer`] compare an op or a mixer that was made in Rust with one in a recipe.

mod ops;
mod source;

pub use ops::{assert_mixer, assert_op};
pub use source::{column_contract, source_contract};
