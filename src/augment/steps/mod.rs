//! The built-in steps: one change of an image each, with every parameter drawn.
//!
//! Ops add them to a list ([`super::Steps::push`]). A custom op may use them too, or bring a
//! [`Step`](super::Step) of its own.

mod elastic;
mod erase;
mod geometry;
mod mixture;
mod paste;
mod pixels;
mod plane_mask;
mod refuse;
mod warp;

pub use erase::Blank;
pub use geometry::{Crop, LowFrequencies, Mirror, Resize, Turn};
pub(in crate::augment) use mixture::{Chain, Mixture};
pub use paste::PasteBlend;
pub(in crate::augment) use paste::{Bank, Paste, PasteDraw, bank_changed};
pub use pixels::Jpeg;
pub use plane_mask::PlaneMask;
pub use refuse::Refuse;
pub(in crate::augment) use warp::rotation;

pub use crate::kernels::blur::Blur;
pub use crate::kernels::clahe::Clahe;
pub use crate::kernels::color::{Color, Hsv};
pub use crate::kernels::convolve::Convolve;
pub use crate::kernels::corrupt::Corrupt;
pub use crate::kernels::edges::Edges;
pub use crate::kernels::elastic::Elastic;
pub use crate::kernels::erase::{Erase, Fill};
pub use crate::kernels::levels::Levels;
pub use crate::kernels::noise::{BetaMask, Noise, Shapes};
pub use crate::kernels::warp::Warp;
