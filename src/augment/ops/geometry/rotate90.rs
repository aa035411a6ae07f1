//! Quarter turns, and the rotation pretext task.

use serde::{Deserialize, Deserializer};

use crate::augment::steps::Turn;
use crate::augment::{Op, Steps};
use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::{ParamValue, read_integers};

/// How [`Rotate90`] finds the number of quarters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Turns {
    /// This number, 0 to 3.
    Fixed(u8),
    /// Drawn with equal chances: `"random"`.
    Random,
    /// The number of the view in its group, modulo 4: `"view"`.
    View,
}

impl From<u8> for Turns {
    fn from(turns: u8) -> Turns {
        Turns::Fixed(turns)
    }
}

impl<'de> Deserialize<'de> for Turns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Turns, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "0 to 3, \"random\" or \"view\"")]
        enum Written {
            Fixed(u8),
            Rule(Rule),
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Rule {
            Random,
            View,
        }

        Ok(match read_integers::<D, Written>(deserializer)? {
            Written::Fixed(turns) => Turns::Fixed(turns),
            Written::Rule(Rule::Random) => Turns::Random,
            Written::Rule(Rule::View) => Turns::View,
        })
    }
}

impl ParamValue for Turns {
    fn form() -> String {
        "0 to 3, `\"random\"`, or `\"view\"` for k turns of view k".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(match self {
            Turns::Fixed(turns) => i64::from(*turns).into(),
            Turns::Random => "random".into(),
            Turns::View => "view".into(),
        })
    }

    fn never_varies(&self) -> bool {
        matches!(self, Turns::Fixed(_))
    }
}

/// Turns the image by quarters, and leaves their number with the batch: the rotation pretext task
/// (Gidaris et al., 2018, arXiv 1803.07728).
///
/// # Notes
///
/// * `turns`: the number of quarters, 0 to 3; 0 if the op was not applied.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::{Rotate90, Turns};
/// use feedmill::testing::assert_op;
///
/// let op = Rotate90::new().with_turns(Turns::View);
/// assert_op(r#"{ op = "rotate90", turns = "view" }"#, &op);
/// ```
#[declare(
    name = "rotate90",
    families = [Geometric],
    like = ["albumentations RandomRotate90", "torch rot90"],
    strengths = [
        "turns = 1", "turns = 2", "turns = 3"
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Rotate90 {
    /// The number of clockwise quarters.
    #[param(default = Turns::Random)]
    turns: Turns,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
}

impl Op for Rotate90 {
    fn check(&self) -> Result<()> {
        match self.turns {
            Turns::Fixed(turns) if turns > 3 => Err(Error::config(format!(
                "turns = {turns}: expected 0 to 3, \"random\" or \"view\""
            ))
            .about_key("turns")),
            _ => Ok(()),
        }
    }

    fn output_size(&self, size: Option<Size>) -> Option<Size> {
        match self.turns {
            Turns::Fixed(0 | 2) => size,
            Turns::Fixed(_) if self.p == 1.0 => size.map(|size| Size {
                width: size.height,
                height: size.width,
            }),
            _ => size.filter(|size| size.width == size.height),
        }
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("turns".into(), 1)]
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let drawn = rng.below(4) as u8;
        let turns = match self.turns {
            Turns::Fixed(turns) => turns,
            Turns::Random => drawn,
            Turns::View => (steps.view().0 % 4) as u8,
        };
        let turns = if applies { turns } else { 0 };
        steps.note("turns", &[i64::from(turns)]);
        if turns > 0 {
            steps.push(Turn(turns));
        }
    }
}
