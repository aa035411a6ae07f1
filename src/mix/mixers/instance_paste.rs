//! Simple copy-paste (Ghiasi et al., 2021, arXiv 2012.07177): instances of one image pasted onto
//! another.
//!
//! Instances stay at their position in the partner. The random crop and flip of the two views takes
//! the place of the paper's random jitter.

use std::sync::Arc;

use crate::declare;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::mix::{Blend, Label, Mask, MixPlan, MixResult, Mixer, Pasted, ResolveMix, Scene};
use crate::rng::{Coord, OpKey, RandomStream};

/// Pastes instances of the partner onto the slot's own image, at their position in the partner;
/// Ghiasi et al., 2021, "Simple copy-paste" (arXiv 2012.07177).
///
/// The boxes of the pasted instances are added to those of the slot, and the hidden parts of the
/// slot's own boxes are cut away. The note `pasted` is the number of pasted instances.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::mix::InstancePaste;
/// use feedmill::testing::assert_mixer;
///
/// let mixer = InstancePaste::new().with_take(1.0);
/// assert_mixer(r#"{ mix = "instance_paste", take = 1 }"#, &mixer);
/// ```
#[declare(name = "instance_paste", like = ["Simple Copy-Paste"])]
#[derive(Clone, Debug, PartialEq)]
pub struct InstancePaste {
    /// The annotation plane of instance numbers, which `[joint]` moves with the image.
    #[param(default = "instances".into())]
    plane: String,
    /// The probability with which each instance is taken.
    #[param(default = 0.5, range = [0.0, 1.0])]
    take: f64,
    /// The standard deviation of the blur of the edge.
    #[param(default = 0.0, range = [0.0, 64.0], unit = "pixels")]
    sigma: f64,
    /// Weighs the class labels by area; otherwise the slot keeps its own.
    #[param(default)]
    label_by_area: bool,
}

impl InstancePaste {
    /// The mask of the instances `taken` of a plane of instance numbers, with its edge blurred by a
    /// Gaussian of `sigma` pixels.
    pub(crate) fn mask(plane: &[u8], taken: &[u8], sigma: f64, size: Size) -> Mask {
        let hard: Vec<f32> = plane
            .iter()
            .map(|id| f32::from(u8::from(*id > 0 && taken.contains(id))))
            .collect();
        if sigma == 0.0 {
            return Mask::new(size, hard);
        }
        // Beyond three standard deviations a Gaussian is below 1.2 % of its peak.
        let reach = (3.0 * sigma).ceil() as i64;
        let taps: Vec<f64> = (-reach..=reach)
            .map(|x| libm::exp(-((x * x) as f64) / (2.0 * sigma * sigma)))
            .collect();
        let sum: f64 = taps.iter().sum();
        let (w, h) = (i64::from(size.width), i64::from(size.height));
        // The pixel at the edge is repeated beyond it.
        let filtered = |values: &[f32], step: [i64; 2]| -> Vec<f32> {
            let at = |x: i64, y: i64| {
                f64::from(values[(y.clamp(0, h - 1) * w + x.clamp(0, w - 1)) as usize])
            };
            let pixel = |x: i64, y: i64| {
                let all = (-reach..=reach)
                    .zip(&taps)
                    .map(|(d, tap)| tap * at(x + d * step[0], y + d * step[1]));
                (all.sum::<f64>() / sum).clamp(0.0, 1.0) as f32
            };
            (0..h)
                .flat_map(|y| (0..w).map(move |x| (x, y)))
                .map(|(x, y)| pixel(x, y))
                .collect()
        };
        Mask::new(size, filtered(&filtered(&hard, [1, 0]), [0, 1]))
    }
}

/// A draw that waits for the annotations of the partner.
#[derive(Debug)]
struct PasteDraw {
    mixer: InstancePaste,
    seed: u64,
}

impl ResolveMix for PasteDraw {
    fn resolve(&self, scene: &Scene<'_>, slot: usize, sources: &[usize]) -> Result<MixResult> {
        let name = &self.mixer.plane;
        let plane = scene
            .annotated(sources[1])
            .and_then(|annotations| annotations.plane(name));
        let size = scene.size();
        let plane = plane
            .filter(|plane| plane.kind.channels() == 1 && plane.size() == Some(size))
            .ok_or_else(|| {
                Error::config(format!(
                    "slot {}: no plane \"{name}\" of instances",
                    sources[1]
                ))
            })?;
        let mut ids: Vec<u8> = Vec::new();
        for id in plane.bytes.iter().filter(|id| **id > 0) {
            if let Err(place) = ids.binary_search(id) {
                ids.insert(place, *id);
            }
        }
        let taken: Vec<u8> = ids
            .into_iter()
            // A stream for each instance: whether one is taken does not depend on the others.
            .filter(|id| {
                let sample = slot as u64 * 256 + u64::from(*id);
                let at = Coord {
                    epoch: 0,
                    sample,
                    occurrence: 0,
                    view: 0,
                    op: OpKey::of("instance_paste"),
                };
                RandomStream::keyed(self.seed, at).bernoulli(self.mixer.take)
            })
            .collect();
        if taken.is_empty() {
            return Ok(Blend::Keep.into());
        }
        let mask = InstancePaste::mask(&plane.bytes, &taken, self.mixer.sigma, size);
        let label = if self.mixer.label_by_area {
            Label::Share
        } else {
            Label::Own
        };
        let outcome = MixResult::from(Blend::Mask(mask.into()))
            .label(label)
            .note("pasted", taken.len() as f64);
        let pasted = Some(Pasted {
            plane: name.clone(),
            instances: taken,
        });
        Ok(MixResult { pasted, ..outcome })
    }
}

impl Mixer for InstancePaste {
    fn planes(&self) -> Vec<&str> {
        vec![&self.plane]
    }

    fn one_view(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut RandomStream, _size: Size) -> MixPlan {
        MixPlan::Deferred(Arc::new(PasteDraw {
            mixer: self.clone(),
            seed: rng.bits(),
        }))
    }
}
