use super::draw::key;
use super::*;
use crate::Kind;
use crate::geometry::{Point, Rect};
use crate::recipe::{Registry, read_mix};

const SIZE: Size = Size {
    width: 13,
    height: 9,
};

fn cutmix(alpha: f64) -> Mix {
    Mix::new(CutMix::new().with_alpha(alpha))
}

fn both() -> Mix {
    Mix::new(MixUp::new(0.8)).or(CutMix::new().with_alpha(1.0), 1.0)
}

fn draw(mix: &Mix, group: u32, slots: usize) -> Vec<Mixed> {
    finish(&mix.draw(key(7, 0, 0, group), slots, SIZE), SIZE, slots)
}

/// Resolves draws on black images.
fn finish(drawn: &[SlotMix], size: Size, slots: usize) -> Vec<Mixed> {
    let black = vec![0; size.width as usize * size.height as usize * 3];
    let views = vec![Some(&black[..]); slots];
    let scene = Scene::new(size, &views).unwrap();
    drawn
        .iter()
        .map(|slot| slot.resolve(&scene).unwrap())
        .collect()
}

fn partner(mixed: &Mixed) -> usize {
    *mixed.sources.last().unwrap()
}

/// The share of pixels that a blend takes from A, counted pixel by pixel.
fn share(blend: &Blend) -> f64 {
    let (w, h) = (SIZE.width, SIZE.height);
    let mut terms = Vec::new();
    let mut of_a = |x: u32, y: u32| {
        blend.terms(SIZE, Point::new(x, y), &mut terms);
        let own = terms
            .iter()
            .filter(|term| matches!(term.of, Of::Source(0, ..)));
        own.map(|term| f64::from(term.weight)).sum::<f64>()
    };
    let sum: f64 = (0..h)
        .flat_map(|y| (0..w).map(move |x| (x, y)))
        .map(|(x, y)| of_a(x, y))
        .sum();
    sum / f64::from(w * h)
}

#[test]
fn the_weight_of_a_label_is_its_exact_share_of_the_pixels() {
    for geometry in [Geometry::Official, Geometry::Timm, Geometry::Torchvision] {
        let mix = Mix::new(CutMix::new().with_alpha(1.0).with_geometry(geometry))
            .with_lambda(Lambda::Element);
        for group in 0..200 {
            for slot in draw(&mix, group, 8) {
                assert!(
                    (slot.weights[0] - share(&slot.blend)).abs() < 1e-12,
                    "{slot:?}"
                );
            }
        }
    }
    let blend = Blend::Uniform {
        lam: f64::from(0.3f32),
    };
    assert!((blend.lam(SIZE) - share(&blend)).abs() < 1e-12);
}

#[test]
fn a_box_is_scaled_to_another_size_with_edges_rounded_half_to_even() {
    let from = Size {
        width: 8,
        height: 4,
    };
    for (rect, to, expected) in [
        (
            Rect::new(3, 1, 2, 2),
            Size::new(4, 2),
            Rect::new(2, 0, 0, 2),
        ),
        (
            Rect::new(0, 0, 8, 4),
            Size::new(5, 7),
            Rect::new(0, 0, 5, 7),
        ),
        (
            Rect::new(2, 1, 5, 2),
            Size::new(8, 4),
            Rect::new(2, 1, 5, 2),
        ),
    ] {
        let scaled = Blend::Box { rect }.scaled(from, to);
        assert_eq!(scaled, Blend::Box { rect: expected });
    }
    let uniform = Blend::Uniform { lam: 0.3 };
    assert_eq!(uniform.scaled(from, Size::square(1)), uniform);
}

#[test]
fn boxes_stay_inside_and_empty_ones_leave_the_slot_unmixed() {
    for group in 0..500 {
        for slot in draw(&cutmix(0.2).with_lambda(Lambda::Element), group, 8) {
            match slot.blend {
                Blend::Box { rect } => {
                    assert!(rect.width > 0 && rect.height > 0);
                    assert!(rect.left + rect.width <= SIZE.width);
                    assert!(rect.top + rect.height <= SIZE.height);
                    assert_eq!(slot.method, Method::CUTMIX);
                }
                Blend::Keep => assert_eq!(slot.method, Method::UNMIXED),
                _ => panic!("{slot:?}"),
            }
        }
    }
}

#[test]
fn sides_between_shares_are_never_clipped() {
    let form = "choose = [ { mix = \"cutmix\", min_max = [0.3, 0.8] } ]\nlambda = \"element\"";
    let mix = read_mix(&Registry::default(), toml::from_str(form).unwrap()).unwrap();
    for group in 0..200 {
        for slot in draw(&mix, group, 8) {
            let Blend::Box { rect } = slot.blend else {
                panic!("{slot:?}")
            };
            // int(9 * 0.3)..int(9 * 0.8) and int(13 * 0.3)..int(13 * 0.8), as by numpy's `randint`.
            assert!(
                (2..7).contains(&rect.height) && (3..10).contains(&rect.width),
                "{slot:?}"
            );
            assert!(rect.left + rect.width <= SIZE.width);
            assert!(rect.top + rect.height <= SIZE.height);
        }
    }
}

fn partners(partner: Partner, group: u32, slots: usize) -> Vec<usize> {
    let mix = Mix::new(MixUp::new(1.0)).with_partner(partner);
    draw(&mix, group, slots).iter().map(self::partner).collect()
}

#[test]
fn flip_and_roll_have_the_partners_of_timm_and_torchvision() {
    assert_eq!(partners(Partner::Flip, 0, 6), [5, 4, 3, 2, 1, 0]);
    assert_eq!(partners(Partner::Flip, 0, 5), [4, 3, 2, 1, 0]);
    assert_eq!(partners(Partner::Roll, 0, 4), [3, 0, 1, 2]);
    let middle = &draw(&Mix::new(MixUp::new(1.0)), 0, 5)[2];
    assert_eq!(
        (&middle.method, &middle.blend, &middle.sources[..]),
        (&Method::UNMIXED, &Blend::Keep, &[2][..])
    );
}

#[test]
fn permutations_may_have_fixed_points_and_derangements_have_none() {
    let mut fixed = 0;
    for group in 0..300 {
        for (partner, slots) in [
            (Partner::Perm, 6),
            (Partner::Derange, 6),
            (Partner::Derange, 2),
            (Partner::Derange, 3),
        ] {
            let found = partners(partner, group, slots);
            let mut sorted = found.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..slots).collect::<Vec<_>>());
            let own = found
                .iter()
                .enumerate()
                .filter(|(slot, other)| slot == *other)
                .count();
            match partner {
                Partner::Derange => assert_eq!(own, 0, "{found:?}"),
                _ => fixed += own,
            }
        }
    }
    // One fixed point a permutation on average, with a variance of one: 4 sigmas are 69.
    assert!((231..=369).contains(&fixed), "{fixed}");
}

#[test]
fn both_slots_of_a_pair_share_one_blend_and_pairs_differ() {
    let slots = draw(&both().with_lambda(Lambda::Pair), 3, 8);
    for slot in 0..8 {
        assert_eq!(partner(&slots[slot]), 7 - slot);
        assert_eq!(slots[slot].blend, slots[7 - slot].blend);
        assert_eq!(slots[slot].method, slots[7 - slot].method);
    }
    assert_ne!(slots[0].blend, slots[1].blend);
}

#[test]
fn a_group_shares_one_blend_and_elements_have_their_own() {
    let group = draw(&both(), 1, 8);
    assert!(group.iter().all(|slot| slot.blend == group[0].blend));
    let own = draw(
        &Mix::new(MixUp::new(1.0)).with_lambda(Lambda::Element),
        1,
        8,
    );
    for (slot, other) in (0..8).flat_map(|slot| (0..slot).map(move |other| (slot, other))) {
        assert_ne!(own[slot].blend, own[other].blend);
    }
}

#[test]
fn nothing_is_mixed_when_p_is_zero_and_everything_when_it_is_one() {
    for group in 0..100 {
        assert!(
            draw(&both().with_p(0.0), group, 4)
                .iter()
                .all(|slot| slot.method == Method::UNMIXED
                    && slot.blend == Blend::Keep
                    && partner(slot) < 4)
        );
        let mixup = draw(&Mix::new(MixUp::new(1.0)).with_p(1.0), group, 4);
        assert!(mixup.iter().all(|slot| slot.method == Method::MIXUP));
    }
}

#[test]
fn weights_and_p_are_frequencies() {
    let mix = Mix::new(MixUp::new(1.0))
        .or(CutMix::new().with_alpha(1.0), 3.0)
        .with_p(0.6)
        .with_lambda(Lambda::Element);
    let n = 8000;
    let mut counts = [0.0; 3];
    for group in 0..n / 8 {
        // Images so large that an empty box, which counts as unmixed, is very unlikely.
        for slot in mix.draw(
            key(7, 0, 0, group),
            8,
            Size {
                width: 4000,
                height: 4000,
            },
        ) {
            counts[usize::from(slot.method.digest().0)] += 1.0;
        }
    }
    for (count, p) in counts.into_iter().zip([0.4, 0.15, 0.45]) {
        let n = f64::from(n);
        let sigma = (n * p * (1.0 - p)).sqrt();
        assert!((count - n * p).abs() < 4.0 * sigma, "{counts:?}");
    }
}

#[test]
fn the_draws_of_a_group_depend_on_its_number_and_on_no_other_group() {
    let mix = both()
        .with_partner(Partner::Perm)
        .with_lambda(Lambda::Element);
    let alone = draw(&mix, 2, 8);
    let among: Vec<Vec<Mixed>> = (0..5).map(|group| draw(&mix, group, 8)).collect();
    assert_eq!(among[2], alone);
    for (group, other) in (0..5).flat_map(|group| (0..group).map(move |other| (group, other))) {
        assert_ne!(among[group], among[other]);
    }
    for changed in [
        mix.draw(key(8, 0, 0, 2), 8, SIZE),
        mix.draw(key(7, 1, 0, 2), 8, SIZE),
        mix.draw(key(7, 0, 1, 2), 8, SIZE),
    ] {
        assert_ne!(
            finish(&changed, SIZE, 8),
            alone,
            "seed, epoch and batch count"
        );
    }
}

#[test]
fn groups_are_the_largest_divisor_of_the_batch_up_to_32() {
    assert_eq!(
        [256, 48, 30, 33, 31, 64, 2].map(|batch| both().group_size(batch)),
        [32, 24, 30, 11, 31, 32, 2]
    );
    assert_eq!(both().with_group(8).group_size(64), 8);
}

fn refused(mix: &Mix, batch: usize) -> String {
    let (_, error) = mix.check(batch).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    error.to_string()
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e300] {
        assert!(
            refused(&cutmix(alpha), 8).contains("\"cutmix\": alpha = "),
            "{alpha}"
        );
        assert!(
            refused(&Mix::new(MixUp::new(alpha)), 8).contains("\"mixup\": alpha = "),
            "{alpha}"
        );
    }
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let text = refused(
            &Mix::new(MixUp::new(1.0)).or(CutMix::new().with_alpha(1.0), weight),
            8,
        );
        assert!(text.contains("\"cutmix\": weight = "), "{text}");
    }
    assert!(refused(&both().with_p(1.5), 8).contains("mix.p = 1.5"));
    assert!(refused(&both().with_p(f64::NAN), 8).contains("mix.p = NaN"));
    assert!(refused(&both().with_group(3), 8).contains("mix.group = 3"));
    assert!(refused(&both().with_group(1), 8).contains("mix.group = 1"));
    assert!(refused(&both().with_group(0), 8).contains("mix.group = 0"));
    assert!(refused(&both(), 1).contains("batch = 1"));
    assert!(refused(&both(), 37).contains("groups of one slot"));
    for partner in [Partner::Roll, Partner::Perm, Partner::Derange] {
        let text = refused(&both().with_lambda(Lambda::Pair).with_partner(partner), 8);
        assert!(
            text.contains("\"pair\" needs mix.partner = \"flip\""),
            "{text}"
        );
    }
}

fn refused_form(choose: &str) -> String {
    let form = toml::from_str(&format!("choose = [{choose}]")).unwrap();
    match read_mix(&Registry::default(), form).map(|mix| mix.check(8)) {
        Err(error) | Ok(Err((_, error))) => error.to_string(),
        Ok(Ok(())) => panic!("{choose} is accepted"),
    }
}

#[test]
fn forms_that_cannot_work_are_refused_by_name() {
    for (form, expected) in [
        ("", "mix.choose is empty"),
        (
            "{ mix = \"mixup\", alpha = 1, weight = 0 }",
            "all weights are 0",
        ),
        (
            "{ mix = \"mixpu\", alpha = 1 }",
            "unknown mixer \"mixpu\"; did you mean \"mixup\"?",
        ),
        ("{ mix = \"snapmix\" }", "unknown mixer \"snapmix\""),
        ("{ alpha = 1 }", "a mixer without a name"),
        ("{ mix = \"mixup\", alhpa = 1 }", "did you mean `alpha`?"),
        ("{ mix = \"mixup\" }", "missing field `alpha`"),
        (
            "{ mix = \"mixup\", alpha = 1, weight = \"2\" }",
            "expected a number",
        ),
        (
            "{ mix = \"cutmix\", min_max = [0.8, 0.3] }",
            "min_max = [0.8, 0.3]",
        ),
        ("{ mix = \"cutmix\", min_max = [0.0, nan] }", "min_max = "),
        (
            "{ mix = \"cutmix\", geometry = \"tim\" }",
            "did you mean `timm`?",
        ),
    ] {
        let text = refused_form(form);
        assert!(text.contains(expected), "{form}: {text}");
    }
}
