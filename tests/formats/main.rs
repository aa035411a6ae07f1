//! Every stored form, held to the same photographs and to damage.

mod damage;
mod detect;
mod indexes;
mod make;
mod same;
#[cfg(feature = "arrow")]
mod tables;
