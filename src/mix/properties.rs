//! Property tests: what holds for every mixer, whatever the sizes, groups and draws.

use proptest::prelude::*;

use super::draw::key;
use super::*;
use crate::geometry::Point;
use crate::recipe::{Registry, read_mix};
use crate::sample::Target;

/// Each mixer, for images with sides that are multiples of 4.
const MIXERS: [&str; 23] = [
    "mix = 'mixup', alpha = 0.8",
    "mix = 'mixup', alpha = 0.2, fold = true",
    "mix = 'cutmix', geometry = 'official'",
    "mix = 'cutmix', geometry = 'torchvision'",
    "mix = 'cutmix', margin = 0.4",
    "mix = 'cutmix', min_max = [0.1, 0.9]",
    "mix = 'resizemix'",
    "mix = 'resizemix', unclipped = true, filter = 'antialias'",
    "mix = 'resizemix', dialect = 'mmpretrain', filter = 'bilinear'",
    "mix = 'fmix'",
    "mix = 'fmix', max_soft = 0.3, spectrum = 'reference'",
    "mix = 'gridmix'",
    "mix = 'gridmix', mode = 'cells', cells = 3",
    "mix = 'smoothmix'",
    "mix = 'saliencymix'",
    "mix = 'saliencymix', map = 'spectral_residual'",
    "mix = 'attentivemix', grid = 3",
    "mix = 'puzzlemix', blocks = [2, 4]",
    "mix = 'smmix', grid = 4",
    "mix = 'adamixup', fold = 3, region = [0.1, 0.5]",
    "mix = 'metrix'",
    "mix = 'mosaic', degrees = 30.0",
    "mix = 'collage', k = 3",
];

fn mix(mixer: &str, lambda: &str, partner: &str) -> Mix {
    let text = format!("choose = [ {{ {mixer} }} ]\nlambda = '{lambda}'\npartner = '{partner}'");
    read_mix(&Registry::default(), toml::from_str(&text).unwrap()).unwrap()
}

fn images(size: Size, slots: usize, alike: bool) -> Vec<Vec<u8>> {
    let bytes = size.width as usize * size.height as usize * 3;
    let level =
        |slot: usize, at: usize| (at * 37 + at * at / 7 + slot * if alike { 0 } else { 91 }) as u8;
    (0..slots)
        .map(|slot| (0..bytes).map(|at| level(slot, at)).collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn weights_sum_to_one_and_are_the_shares_of_pixels(
        mixer in 0..MIXERS.len(),
        rows in 1u32..6,
        columns in 1u32..6,
        slots in 2usize..9,
        modes in 0usize..12,
        seed in any::<u64>(),
    ) {
        let size = Size { width: columns * 4, height: rows * 4 };
        let lambda = ["group", "element", "pair"][modes % 3];
        let partner = ["flip", "roll", "perm", "derange"][modes / 3];
        let partner = if lambda == "pair" { "flip" } else { partner };
        let mix = mix(MIXERS[mixer], lambda, partner);
        let all = images(size, slots, false);
        let views: Vec<Option<&[u8]>> = all.iter().map(|view| Some(&view[..])).collect();
        let targets: Vec<Target> = (0..slots as u32).map(|slot| Target::Class(slot % 3)).collect();
        let targets: Vec<&Target> = targets.iter().collect();
        let scene = Scene::new(size, &views).unwrap().targets(&targets);
        let drawn = mix.draw(key(seed, 1, 2, 3), slots, size);
        prop_assert_eq!(drawn.len(), slots);
        let mut terms = Vec::new();
        for slot in &drawn {
            let mixed = slot.resolve(&scene).unwrap();
            prop_assert_eq!(&mixed, &slot.resolve(&scene).unwrap());
            prop_assert!(mixed.sources.iter().all(|source| *source < slots));
            prop_assert_eq!(mixed.sources.len(), mixed.weights.len());
            prop_assert!(mixed.weights.iter().all(|weight| (0.0..=1.0).contains(weight)));
            prop_assert!((mixed.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{:?}", mixed);
            // Counted again from the definition.
            let mut counted = vec![0.0f64; mixed.sources.len()];
            let mut covered = 0.0;
            for (y, x) in (0..size.height).flat_map(|y| (0..size.width).map(move |x| (y, x))) {
                mixed.blend.terms(size, Point::new(x, y), &mut terms);
                let sum: f64 = terms.iter().map(|term| f64::from(term.weight)).sum();
                prop_assert!((sum - 1.0).abs() < 1e-5, "a pixel of {sum}: {:?}", mixed.blend);
                for term in &terms {
                    if let Of::Source(source, at) = term.of {
                        prop_assert!(at.x < size.width && at.y < size.height);
                        counted[source] += f64::from(term.weight);
                        covered += f64::from(term.weight);
                    }
                }
            }
            // The shares of a mosaic count nearest pixels, while its terms interpolate.
            let tolerance = match &mixed.blend {
                Blend::Mosaic(_) => 0.25,
                Blend::Box { .. } => 1e-12,
                Blend::Mask(mask) if mask.is_binary() => 1e-12,
                _ => 1e-6,
            };
            let clean = mixed.method == Method::UNMIXED;
            for (counted, weight) in counted.iter().zip(&mixed.weights).filter(|_| !clean) {
                let share = counted / covered;
                prop_assert!((share - weight).abs() <= tolerance, "{share:?} {mixed:?}");
            }
        }
    }

    #[test]
    fn mixing_equal_images_gives_the_image(
        mixer in 0..MIXERS.len(),
        slots in 2usize..6,
        seed in any::<u64>(),
    ) {
        let size = Size { width: 16, height: 12 };
        let all = images(size, slots, true);
        let views: Vec<Option<&[u8]>> = all.iter().map(|view| Some(&view[..])).collect();
        let targets: Vec<Target> = (0..slots as u32).map(|slot| Target::Class(slot % 2)).collect();
        let targets: Vec<&Target> = targets.iter().collect();
        let scene = Scene::new(size, &views).unwrap().targets(&targets);
        for slot in mix(MIXERS[mixer], "element", "flip").draw(key(seed, 0, 0, 0), slots, size) {
            let mixed = slot.resolve(&scene).unwrap();
            let in_place = matches!(
                mixed.blend,
                Blend::Keep
                    | Blend::Uniform { .. }
                    | Blend::Box { .. }
                    | Blend::Mask(_)
                    | Blend::Several(_)
            );
            if in_place {
                let sources: Vec<&[u8]> =
                    mixed.sources.iter().map(|source| &all[*source][..]).collect();
                let found = apply(&mixed.blend, size, &sources, |level, _| level).unwrap();
                prop_assert_eq!(&found, &all[0], "{:?}", mixed);
            }
        }
    }

    #[test]
    fn blends_scaled_to_another_size_stay_inside(
        mixer in 0..MIXERS.len(),
        width in 1u32..40,
        height in 1u32..40,
        seed in any::<u64>(),
    ) {
        let (from, to) = (Size { width: 16, height: 12 }, Size { width, height });
        let all = images(from, 4, false);
        let views: Vec<Option<&[u8]>> = all.iter().map(|view| Some(&view[..])).collect();
        let targets: Vec<Target> = (0..4).map(|slot| Target::Class(slot % 2)).collect();
        let targets: Vec<&Target> = targets.iter().collect();
        let scene = Scene::new(from, &views).unwrap().targets(&targets);
        let small = images(to, 4, false);
        for slot in mix(MIXERS[mixer], "element", "flip").draw(key(seed, 0, 0, 0), 4, from) {
            let mixed = slot.resolve(&scene).unwrap();
            let blend = mixed.blend.scaled(from, to);
            let sources: Vec<&[u8]> =
                mixed.sources.iter().map(|source| &small[*source][..]).collect();
            prop_assert!(apply(&blend, to, &sources, |level, _| level).is_ok());
            let shares = blend.shares(to, mixed.sources.len());
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{:?}", shares);
        }
    }
}

#[test]
fn weights_have_the_moments_of_their_distributions() {
    let size = Size {
        width: 224,
        height: 224,
    };
    let moments = |mixer: &str| {
        let mix = mix(mixer, "element", "flip");
        let lams: Vec<f64> = (0..1000)
            .flat_map(|group| mix.draw(key(9, 0, 0, group), 32, size))
            .map(|slot| match slot.drawn {
                MixPlan::Ready(outcome) => outcome.lam(size),
                MixPlan::Deferred(_) => unreachable!("both are drawn at once"),
            })
            .collect();
        let n = lams.len() as f64;
        let mean = lams.iter().sum::<f64>() / n;
        (
            mean,
            lams.iter()
                .map(|lam| (lam - mean) * (lam - mean))
                .sum::<f64>()
                / n,
        )
    };
    for alpha in [0.2, 1.0, 2.0] {
        let (mean, variance) = moments(&format!("mix = 'mixup', alpha = {alpha}"));
        let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        assert!(
            (mean - 0.5).abs() < 4.0 * (expected / 32_000.0f64).sqrt(),
            "{mean}"
        );
        assert!(
            (variance - expected).abs() < 0.02 * expected.max(0.05),
            "{variance} {expected}"
        );
    }
    let (mean, variance) = moments("mix = 'cutmix', geometry = 'official'");
    assert!(
        (mean - 0.682).abs() < 0.005 && (variance.sqrt() - 0.188).abs() < 0.004,
        "{mean} {variance}"
    );
    assert!((moments("mix = 'cutmix', geometry = 'timm'").0 - 0.681).abs() < 0.005);
}

#[test]
fn metrix_lists_pairs_anchor_by_anchor_with_the_hardest_negatives() {
    let classes = [0, 0, 1, 1];
    // Slot 3 is nearer to 0 than slot 2, and as near to 1.
    let distance = |a: usize, b: usize| if (a, b) == (0, 3) { 0.1 } else { 0.5 };
    let triple = |anchor, first, second| Triple {
        anchor,
        first,
        second,
    };
    let found = triples(&classes, Pairs::PosNeg, distance);
    assert_eq!(
        found,
        [
            triple(0, 1, 3),
            triple(1, 0, 2),
            triple(2, 3, 0),
            triple(3, 2, 0)
        ]
    );
    assert!(
        found
            .iter()
            .all(|triple| (triple.relation(&classes, 0.3) - 0.3).abs() < 1e-12)
    );
    let anchors = triples(&classes, Pairs::AncNeg, distance);
    assert_eq!(
        anchors,
        [
            triple(0, 0, 3),
            triple(1, 1, 2),
            triple(2, 2, 0),
            triple(3, 3, 0)
        ]
    );
    let positives = triples(&classes, Pairs::PosPos, distance);
    assert_eq!(positives.len(), 4);
    assert!(
        positives
            .iter()
            .all(|triple| triple.relation(&classes, 0.3) == 1.0)
    );
}

#[test]
fn regions_bound_the_weights_of_adamixup() {
    let two = AdaMixUp::new().with_region([0.2, 0.5]);
    for u in [0.0, 0.3, 1.0] {
        let Blend::Uniform { lam } = two.outcome([u, 0.0], [0.2, 0.5]).blend else {
            panic!()
        };
        assert!((lam - (0.2 + 0.5 * u)).abs() < 1e-12);
        let three = AdaMixUp::new()
            .with_region([0.2, 0.5])
            .with_fold(3)
            .with_second([0.1, 0.2])
            .outcome([u, u], [0.2, 0.5])
            .blend;
        let Blend::Several(weights) = three else {
            panic!()
        };
        assert!((weights[1] - (1.0 - weights[0]) * (0.1 + 0.2 * u)).abs() < 1e-12);
        assert!(
            (weights.iter().sum::<f64>() - 1.0).abs() < 1e-12
                && weights.iter().all(|weight| *weight >= 0.0)
        );
    }
}

#[test]
fn maps_of_the_wrong_size_are_refused_by_slot() {
    let size = Size {
        width: 8,
        height: 8,
    };
    let all = images(size, 2, false);
    let views: Vec<Option<&[u8]>> = all.iter().map(|view| Some(&view[..])).collect();
    let drawn =
        mix("mix = 'attentivemix', grid = 4", "group", "flip").draw(key(1, 0, 0, 0), 2, size);
    let with = |maps: &[Map]| {
        drawn[1]
            .resolve(&Scene::new(size, &views).unwrap().maps(maps))
            .map(|mixed| mixed.weights[0])
    };
    let map = |side: u32| Map::new(Size::square(side), vec![1.0; (side * side) as usize]).unwrap();
    assert_eq!(with(&[map(4), map(8)]).unwrap(), 6.0 / 16.0);
    let text = with(&[map(4), map(3)]).unwrap_err().to_string();
    assert!(
        text.contains("slot 1: a map of 3 x 3 values where 4 x 4"),
        "{text}"
    );
    assert!(
        with(&[map(4)])
            .unwrap_err()
            .to_string()
            .contains("slot 1: 1 maps for 2 slots")
    );
    for (values, words) in [
        (vec![1.0, -1.0], "map value 1 is -1"),
        (vec![f32::NAN, 1.0], "NaN"),
        (vec![1.0], "not a map of 2 x 1"),
    ] {
        assert!(
            Map::new(Size::new(2, 1), values)
                .unwrap_err()
                .to_string()
                .contains(words)
        );
    }
    let short = [Some(&all[0][1..]), None];
    assert!(
        Scene::new(size, &short)
            .unwrap_err()
            .to_string()
            .contains("slot 0: 191 bytes")
    );
}
