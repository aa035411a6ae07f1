//! Manifold MixUp: partners and weights for mixing features.

use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::{Blend, Label, MixPlan, MixResult, Mixer};
use crate::rng::RandomStream;

/// Draws partners and weights for mixing features inside the network; Verma et al., 2019 (arXiv
/// 1806.05236).
///
/// The images stay unmixed. The batch carries the partner, the weight, and the layer to mix at as
/// the note `layer`.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::ManifoldMixUp;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = ManifoldMixUp::new().with_layers([1, 4]);
/// assert_mixer(r#"{ mix = "manifold_mixup", layers = [1, 4] }"#, &mixer);
/// ```
#[declare(name = "manifold_mixup", like = ["OpenMixup manifoldmix"])]
#[derive(Clone, Debug, PartialEq)]
pub struct ManifoldMixUp {
    /// The weight of A is Beta(alpha, alpha).
    #[param(default = 2.0, range = [1e-9, 1e9])]
    alpha: f64,
    /// With `[first, end]`, the layer is uniform from `first` to `end - 1`.
    #[param(default = [0, 3])]
    layers: [u32; 2],
}

impl Mixer for ManifoldMixUp {
    fn check(&self) -> Result<()> {
        let [first, end] = self.layers;
        if first >= end {
            return Err(
                Error::config(format!("layers = [{first}, {end}]: expected first < end"))
                    .about_key("layers"),
            );
        }
        Ok(())
    }

    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
        let lam = rng.beta(self.alpha, self.alpha);
        let [first, end] = self.layers;
        let layer = u64::from(first) + rng.below(u64::from(end - first));
        let label = Label::Weights(vec![lam, 1.0 - lam]);
        MixPlan::Ready(
            MixResult::from(Blend::Keep)
                .label(label)
                .note("layer", layer as f64),
        )
    }
}
