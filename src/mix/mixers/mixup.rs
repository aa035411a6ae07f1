//! MixUp: the weighted mean of two images.

use crate::declare;
use crate::geometry::Size;
use crate::mix::{Blend, MixPlan, Mixer};
use crate::rng::RandomStream;

/// Takes the weighted mean of two images and of their labels; Zhang et al., 2018 (arXiv
/// 1710.09412).
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::MixUp;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = MixUp::new(0.2);
/// assert_mixer(r#"{ mix = "mixup", alpha = 0.2 }"#, &mixer);
/// ```
#[declare(name = "mixup", like = ["torchvision MixUp", "timm Mixup"])]
#[derive(Clone, Debug, PartialEq)]
pub struct MixUp {
    /// The weight of A is Beta(alpha, alpha). The paper uses 0.2 to 0.4 on ImageNet and 1 on CIFAR;
    /// DeiT uses 0.8.
    #[param(required, range = [1e-9, 1e9])]
    alpha: f64,
    /// Whether the slot's own image has the larger weight, as in MixMatch.
    #[param(default)]
    fold: bool,
}

impl Mixer for MixUp {
    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
        let lam = rng.beta(self.alpha, self.alpha);
        Blend::Uniform {
            lam: if self.fold { lam.max(1.0 - lam) } else { lam },
        }
        .into()
    }
}
