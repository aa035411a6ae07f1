//! The formats in which data is stored: folder, tar, Arrow and Parquet, and entropy indexes beside
//! them.
//!
//! All formats are made from the same photographs and must hold the same samples. `make` writes
//! them with the libraries of each format, not with feedmill.

mod contract;
mod damage;
mod detect;
mod indexes;
mod make;
#[path = "../common/random.rs"]
mod random;
mod same;
#[cfg(feature = "arrow")]
mod tables;
