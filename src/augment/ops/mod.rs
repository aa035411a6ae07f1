//! The ops of recipes: what is drawn, and which steps follow.

mod crop;
mod flip;
mod jitter;
mod resize;

pub use crop::{CenterCrop, RandomCrop, RandomResizedCrop};
pub use flip::{HorizontalFlip, VerticalFlip};
pub use jitter::{Amount, ColorJitter};
pub use resize::Resize;
