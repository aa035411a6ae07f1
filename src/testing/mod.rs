//! Checks for tests of custom parts.
//!
//! A [`Source`](crate::source::Source) of your own has to keep promises that the compiler cannot
//! check: the same bytes at every read, errors instead of panics, labels in order.
//! [`source_contract`] checks them, and feedmill's own sources pass the same check.

mod source;

pub use source::{column_contract, source_contract};
