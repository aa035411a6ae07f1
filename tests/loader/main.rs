//! The promises of the loader, over its public API.

mod curricula;
mod determinism;
mod faults;
mod joint;
mod labels;
mod lifetime;
mod mixing;
mod ops;
mod ranks;
mod resume;
mod samplers;
mod support;
mod views;
