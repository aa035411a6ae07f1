//! AdaMixUp: weights from a region that a policy learned.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::{Blend, MixPlan, MixResult, Mixer, ResolveMix, Scene, Sources};
use crate::rng::RandomStream;
use crate::spec::ParamValue;

/// The region of weights of a pair of classes: `[class, class, a, b]` in a recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassRegion {
    classes: [u32; 2],
    region: [f64; 2],
}

impl ClassRegion {
    /// The region `[a, b]` for two classes, in either order.
    pub const fn new(classes: [u32; 2], region: [f64; 2]) -> ClassRegion {
        ClassRegion { classes, region }
    }
}

impl<'de> Deserialize<'de> for ClassRegion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ClassRegion, D::Error> {
        let (one, other, a, b) = Deserialize::deserialize(deserializer)?;
        Ok(ClassRegion::new([one, other], [a, b]))
    }
}

impl ParamValue for ClassRegion {
    fn form() -> String {
        "`[class, class, a, b]`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        let classes = self
            .classes
            .map(|class| toml::Value::from(i64::from(class)));
        let region = self.region.map(toml::Value::from);
        Some(toml::Value::Array([classes, region].concat()))
    }
}

/// MixUp with weights from a region that a policy learned: `a + u b` with u uniform in 0 to 1; Guo
/// et al., 2019 (arXiv 1809.02499).
///
/// The notes are `u` and `region`, the position in `classes` or -1.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::AdaMixUp;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = AdaMixUp::new().with_region([0.2, 0.6]);
/// assert_mixer(r#"{ mix = "adamixup", region = [0.2, 0.6] }"#, &mixer);
/// ```
#[declare(name = "adamixup", like = ["AdaMixUp"])]
#[derive(Clone, Debug, PartialEq)]
pub struct AdaMixUp {
    /// The region `[a, b]` of pairs that `classes` does not list; the default is uniform.
    #[param(default = [0.0, 1.0])]
    region: [f64; 2],
    /// The regions of pairs of classes.
    #[param(default)]
    classes: Vec<ClassRegion>,
    /// The number of images that are mixed. Of three, the first weight comes from the region, and
    /// the second image takes a part of the rest, by the region `second`.
    #[param(default = 2, range = [2.0, 3.0])]
    fold: u32,
    /// The region of the second weight of three.
    #[param(default = [0.0, 1.0])]
    second: [f64; 2],
}

impl AdaMixUp {
    /// The result for the drawn numbers `u` in a region.
    pub(crate) fn outcome(&self, u: [f64; 2], [a, b]: [f64; 2]) -> MixResult {
        // Rounding could leave a weight slightly below 0 or above 1.
        let first = (a + u[0] * b).clamp(0.0, 1.0);
        if self.fold == 2 {
            return MixResult::from(Blend::Uniform { lam: first });
        }
        let second = (1.0 - first) * (self.second[0] + u[1] * self.second[1]).clamp(0.0, 1.0);
        let weights = [first, second, (1.0 - first - second).max(0.0)];
        MixResult::from(Blend::Several(Arc::from(weights)))
    }
}

/// Checks that a region lies in 0 to 1.
fn check_region(name: &str, [a, b]: [f64; 2]) -> Result<()> {
    if a >= 0.0 && b >= 0.0 && a + b <= 1.0 {
        return Ok(());
    }
    Err(Error::config(format!(
        "{name} = [{a}, {b}]: expected a >= 0, b >= 0 and a + b <= 1"
    )))
}

/// A draw that waits for the classes of the pair, which decide the region.
#[derive(Debug)]
struct AdaDraw {
    mixer: AdaMixUp,
    u: [f64; 2],
}

impl ResolveMix for AdaDraw {
    fn resolve(&self, scene: &Scene<'_>, _slot: usize, sources: &[usize]) -> Result<MixResult> {
        let classes = [scene.class(sources[0]), scene.class(sources[1])];
        let found = self.mixer.classes.iter().position(|pair| {
            let [one, other] = pair.classes.map(Some);
            classes == [one, other] || classes == [other, one]
        });
        let region = found.map_or(self.mixer.region, |at| self.mixer.classes[at].region);
        let number = found.map_or(-1.0, |at| at as f64);
        Ok(self
            .mixer
            .outcome(self.u, region)
            .note("u", self.u[0])
            .note("region", number))
    }
}

impl Mixer for AdaMixUp {
    fn check(&self) -> Result<()> {
        check_region("region", self.region)?;
        check_region("second", self.second)?;
        self.classes
            .iter()
            .try_for_each(|pair| check_region("classes", pair.region))
    }

    fn sources(&self) -> Sources {
        if self.fold == 2 {
            Sources::Partner
        } else {
            Sources::Partners(2)
        }
    }

    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
        let u = [rng.unit(), rng.unit()];
        MixPlan::Deferred(Arc::new(AdaDraw {
            mixer: self.clone(),
            u,
        }))
    }
}
