//! Checks for the tests of custom ops, mixers and sources.

mod ops;

pub use ops::{assert_mixer, assert_op};
