//! Mirror images.

use serde::{Deserialize, Serialize};

use crate::augment::params::op_basics;
use crate::augment::{Op, Step, Steps};
use crate::error::Result;
use crate::rng::RandomStream;
use crate::spec::{check_p, half};

/// Mirrors the image left and right; torchvision `RandomHorizontalFlip`.
///
/// # Parameters
///
/// * `p` (0.5): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HorizontalFlip {
    #[serde(default = "half")]
    p: f64,
}

impl HorizontalFlip {
    /// The op, applied with probability `p`.
    pub fn new(p: f64) -> HorizontalFlip {
        HorizontalFlip { p }
    }
}

/// Mirrors the image top and bottom; torchvision `RandomVerticalFlip`.
///
/// # Parameters
///
/// * `p` (0.5): the probability that the op is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerticalFlip {
    #[serde(default = "half")]
    p: f64,
}

impl VerticalFlip {
    /// The op, applied with probability `p`.
    pub fn new(p: f64) -> VerticalFlip {
        VerticalFlip { p }
    }
}

impl Op for HorizontalFlip {
    op_basics!("horizontal_flip");

    fn check(&self) -> Result<()> {
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Step::HorizontalFlip);
        }
    }
}

impl Op for VerticalFlip {
    op_basics!("vertical_flip");

    fn check(&self) -> Result<()> {
        check_p(self.p)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(self.p) {
            steps.push(Step::VerticalFlip);
        }
    }
}
