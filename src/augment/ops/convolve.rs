//! Filters of 3 x 3 pixels: imgaug's kernels, applied as OpenCV's `filter2D` does.
//!
//! Each blends the filtered image with the original by a share `alpha`. That is one kernel too, so
//! a step holds the blended kernel and the image is read once.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Convolve, Op, Step, Steps};
use crate::error::Result;
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_p, one};

fn one_fixed() -> ParamRange {
    ParamRange::Fixed(1.0)
}

/// Sharpens: subtracts the eight neighbors from the pixel, which has the weight `8 + lightness`;
/// imgaug `Sharpen`.
///
/// # Parameters
///
/// * `alpha` (1, a number or a range; 0 to 1): the share of the sharpened image.
/// * `lightness` (1, a number or a range; 0 to 10): the sum of the kernel's weights; 1 keeps the
///   brightness.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sharpen {
    #[serde(default = "one_fixed")]
    alpha: ParamRange,
    #[serde(default = "one_fixed")]
    lightness: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

impl Sharpen {
    /// With this share and lightness, or with ones from these ranges.
    pub fn new(alpha: impl Into<ParamRange>, lightness: impl Into<ParamRange>) -> Sharpen {
        Sharpen {
            alpha: alpha.into(),
            lightness: lightness.into(),
            p: 1.0,
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> Sharpen {
        Sharpen { p, ..self }
    }
}

impl Op for Sharpen {
    op_basics!("sharpen");

    fn check(&self) -> Result<()> {
        self.alpha.check("alpha", [0.0, 1.0])?;
        self.lightness.check("lightness", [0.0, 10.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let [alpha, lightness] =
                [self.alpha, self.lightness].map(|range| range.draw(rng) as f32);
            steps.push(Step::Convolve(Convolve::sharpen(alpha, lightness)));
        }
    }
}

/// Embosses, with light from the top left; imgaug `Emboss`.
///
/// # Parameters
///
/// * `alpha` (1, a number or a range; 0 to 1): the share of the embossed image.
/// * `strength` (1, a number or a range; 0 to 10): the depth of the relief.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emboss {
    #[serde(default = "one_fixed")]
    alpha: ParamRange,
    #[serde(default = "one_fixed")]
    strength: ParamRange,
    #[serde(default = "one")]
    p: f64,
}

impl Emboss {
    /// With this share and strength, or with ones from these ranges.
    pub fn new(alpha: impl Into<ParamRange>, strength: impl Into<ParamRange>) -> Emboss {
        Emboss {
            alpha: alpha.into(),
            strength: strength.into(),
            p: 1.0,
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> Emboss {
        Emboss { p, ..self }
    }
}

impl Op for Emboss {
    op_basics!("emboss");

    fn check(&self) -> Result<()> {
        self.alpha.check("alpha", [0.0, 1.0])?;
        self.strength.check("strength", [0.0, 10.0])?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let [alpha, strength] = [self.alpha, self.strength].map(|range| range.draw(rng) as f32);
            steps.push(Step::Convolve(Convolve::emboss(alpha, strength)));
        }
    }
}

/// Shows edges, by a Laplacian of four neighbors or by the difference in one direction; imgaug
/// `EdgeDetect` and `DirectedEdgeDetect`.
///
/// # Parameters
///
/// * `alpha` (1, a number or a range; 0 to 1): the share of the edges.
/// * `direction` (none, a number or a range; 0 to 1, a share of a full turn): subtracts only the
///   neighbors in that direction; 0 is up, 0.25 right.
/// * `p` (1): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeDetect {
    #[serde(default = "one_fixed")]
    alpha: ParamRange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    direction: Option<ParamRange>,
    #[serde(default = "one")]
    p: f64,
}

impl EdgeDetect {
    /// Edges in all directions, with this share or with one from this range.
    pub fn new(alpha: impl Into<ParamRange>) -> EdgeDetect {
        EdgeDetect {
            alpha: alpha.into(),
            direction: None,
            p: 1.0,
        }
    }

    /// Sets the direction, or the range that it is drawn from.
    #[must_use]
    pub fn direction(self, direction: impl Into<ParamRange>) -> EdgeDetect {
        EdgeDetect {
            direction: Some(direction.into()),
            ..self
        }
    }

    /// Sets the probability that the op is applied.
    #[must_use]
    pub fn p(self, p: f64) -> EdgeDetect {
        EdgeDetect { p, ..self }
    }
}

impl Op for EdgeDetect {
    op_basics!("edge_detect");

    fn check(&self) -> Result<()> {
        self.alpha.check("alpha", [0.0, 1.0])?;
        self.direction
            .map_or(Ok(()), |direction| direction.check("direction", [0.0, 1.0]))?;
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            let alpha = self.alpha.draw(rng) as f32;
            steps.push(Step::Convolve(match self.direction {
                None => Convolve::edge_detect(alpha),
                Some(direction) => Convolve::directed_edge_detect(alpha, direction.draw(rng)),
            }));
        }
    }
}
