//! No mixing.

use crate::declare;
use crate::geometry::Size;
use crate::mix::{Blend, MixPlan, Mixer};
use crate::rng::RandomStream;

/// Does not mix. It is an entry of `choose` for a share of draws that stay unmixed.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::Vanilla;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = Vanilla::new();
/// assert_mixer(r#"{ mix = "vanilla" }"#, &mixer);
/// ```
#[declare(name = "vanilla", like = ["OpenMixup vanilla"])]
#[derive(Clone, Debug, PartialEq)]
pub struct Vanilla {}

impl Mixer for Vanilla {
    fn draw(&self, _rng: &mut RandomStream, _size: Size) -> MixPlan {
        Blend::Keep.into()
    }
}
