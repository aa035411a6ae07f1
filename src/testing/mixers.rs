//! The promises of a mixer.

use std::sync::Arc;

use super::parts::{check_parameters, extremes, without_panic};
use crate::error::Kind;
use crate::geometry::Size;
use crate::mix::{self, GroupKey, Map, Mix, Mixer, Scene, SlotMix};
use crate::recipe::Registry;
use crate::sample::{Annotations, Plane, PlaneKind, Target};

/// The slots of a mixing group.
const SLOTS: usize = 6;

/// The sizes of images that a mixer is tried on.
const SIZES: [Size; 5] = [
    Size::new(1, 1),
    Size::new(2, 3),
    Size::new(16, 16),
    Size::new(33, 17),
    Size::new(64, 64),
];

/// Checks that a mixer keeps the promises of [`Mixer`], for a test of a custom one. The registry
/// has the mixer under its name ([`Registry::register_mixer`]).
///
/// These are the promises:
///
/// * The parameters are in their ranges, can be written as a table and read back, and so can the
///   defaults. Numbers outside of the ranges are refused.
/// * A size that [`Mixer::fits`] accepts can be mixed, also with each parameter at the ends of its
///   range; nothing panics for any size.
/// * The same stream draws the same, and the same images are mixed in the same way.
/// * The weights of labels are 0 or more and sum to 1, and so do the shares of the sources in the
///   pixels; slots and sources exist.
///
/// # Panics
///
/// At the first broken promise, with a message that says what broke it.
///
/// # Example: a test of a mixer
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::mix::{Blend, MixPlan, Mixer};
/// use feedmill::recipe::Registry;
/// use feedmill::rng::RandomStream;
/// use feedmill::testing::mixer_contract;
/// use feedmill::declare;
///
/// /// Mixes two images with a fixed weight.
/// #[declare(name = "even")]
/// #[derive(Clone, Debug, PartialEq)]
/// struct Even {
///     /// The weight of the slot's own image.
///     #[param(default = 0.5, range = [0.0, 1.0])]
///     lam: f64,
/// }
///
/// impl Mixer for Even {
///     fn draw(&self, _: &mut RandomStream, _: Size) -> MixPlan {
///         Blend::Uniform { lam: self.lam }.into()
///     }
/// }
///
/// let mut registry = Registry::default();
/// registry.register_mixer::<Even>();
/// mixer_contract(&Even::new(), &registry);
/// ```
pub fn mixer_contract(mixer: &dyn Mixer, registry: &Registry) {
    let name = mixer.name();
    if let Err(error) = mixer.validate() {
        panic!("{name} is refused: {error}");
    }
    check_parameters(mixer, &|params| {
        let made = registry.make_mixer(name, params)?;
        Ok(Box::new(move || made.params()))
    });
    let made = |params: &toml::Table| registry.make_mixer(name, params.clone());
    let as_given = made(&mixer.params()).expect("the parameters were read back");
    for size in SIZES {
        check_mixing(&as_given, size);
    }
    for params in extremes(mixer, &|params| made(params).is_ok()) {
        let at_end = made(&params).expect("the parameters were accepted");
        for size in [SIZES[0], SIZES[3]] {
            check_mixing(&at_end, size);
        }
    }
}

/// Mixes a group of images of one size.
fn check_mixing(mixer: &Arc<dyn Mixer>, size: Size) {
    let name = mixer.name();
    let of = format!(
        "with {} and images of {size}",
        mixer.params().to_string().replace('\n', ", ")
    );
    if without_panic(name, &of, || mixer.fits(size)).is_err() {
        return;
    }
    let mut mix = Mix::new(crate::mix::Vanilla::new());
    mix.choose = vec![(Arc::clone(mixer), 1.0)];
    for batch in 0..3 {
        let key = GroupKey {
            seed: 7,
            epoch: 0,
            batch,
            group: 0,
        };
        let draw = || without_panic(name, &of, || mix.draw(key, SLOTS, size));
        let drawn = draw();
        assert_eq!(
            format!("{drawn:?}"),
            format!("{:?}", draw()),
            "{name} {of}: the same stream draws different mixes"
        );
        for slot in &drawn {
            check_slot(mixer, slot, size, &of);
        }
    }
}

fn check_slot(mixer: &Arc<dyn Mixer>, slot: &SlotMix, size: Size, of: &str) {
    let name = mixer.name();
    let area = size.area() as usize;
    let levels = |slot: usize| move |at: usize| ((at * 31 + slot * 57) % 251) as u8;
    let images: Vec<Vec<u8>> = (0..SLOTS)
        .map(|slot| (0..area * 3).map(levels(slot)).collect())
        .collect();
    let views: Vec<Option<&[u8]>> = images.iter().map(|image| Some(&image[..])).collect();
    let targets: Vec<Target> = (0..SLOTS as u32)
        .map(|slot| Target::Class(slot % 3))
        .collect();
    let targets: Vec<&Target> = targets.iter().collect();
    let planes = mixer.planes().into_iter().map(|plane| {
        let values: Vec<u8> = (0..area).map(|at| (at % 3) as u8).collect();
        Plane::raw(plane, PlaneKind::Instances, size, values)
    });
    let annotations = Annotations::default().with_planes(planes.collect::<Vec<_>>());
    let annotations = vec![Some(&annotations); SLOTS];
    // A mixer that takes maps from outside gets some; the others compute their own.
    let map = |slot: usize| {
        let values = (0..64 * 64)
            .map(|at| ((at * 7 + slot) % 13) as f32)
            .collect();
        Map::new(Size::square(64), values).expect("a map")
    };
    let maps: Vec<Map> = (0..SLOTS).map(map).collect();
    let scene = Scene::new(size, &views).expect("a scene");
    let scene = scene.targets(&targets).annotations(&annotations);
    let resolve = |scene: &Scene<'_>| without_panic(name, of, || slot.resolve(scene));
    let mixed = match resolve(&scene) {
        Err(error) if error.kind() == Kind::Config => resolve(&scene.maps(&maps)),
        mixed => mixed,
    };
    let mixed = mixed.unwrap_or_else(|error| {
        panic!("{name} {of}: fits() accepts the size, but mixing fails: {error}")
    });
    assert!(mixed.slot < SLOTS && mixed.sources.iter().all(|source| *source < SLOTS));
    let sums_to_one = |what: &str, shares: &[f64]| {
        let sum: f64 = shares.iter().sum();
        let fine = (sum - 1.0).abs() < 1e-6 && shares.iter().all(|share| *share >= 0.0);
        assert!(
            fine,
            "{name} {of}: {what} are {shares:?}, which sum to {sum}"
        );
    };
    sums_to_one("the weights of labels", &mixed.weights);
    let sources: Vec<&[u8]> = mixed
        .sources
        .iter()
        .map(|source| &images[*source][..])
        .collect();
    let pixels = without_panic(name, of, || {
        mix::apply(&mixed.blend, size, &sources, |level, _| level)
    });
    match pixels {
        Ok(pixels) => assert_eq!(pixels.len(), area * 3),
        Err(error) => panic!("{name} {of}: the blend cannot be applied: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare;
    use crate::mix::{Blend, Label, MixPlan, MixResult};
    use crate::rng::RandomStream;

    /// Weighs labels by more than there is.
    #[declare(name = "generous")]
    #[derive(Clone, Debug, PartialEq)]
    struct Generous {
        /// The weight of each of the two labels.
        #[param(default = 0.75, range = [0.0, 1.0])]
        weight: f64,
    }

    impl Mixer for Generous {
        fn draw(&self, _: &mut RandomStream, _: Size) -> MixPlan {
            let weights = Label::Weights(vec![self.weight; 2]);
            MixPlan::Ready(MixResult::from(Blend::Uniform { lam: 0.5 }).label(weights))
        }
    }

    #[test]
    #[should_panic(expected = "the weights of labels are [0.75, 0.75], which sum to 1.5")]
    fn weights_that_do_not_sum_to_one_are_named() {
        let mut registry = Registry::default();
        registry.register_mixer::<Generous>();
        mixer_contract(&Generous::new(), &registry);
    }
}
