//! Every op of the registry, through the loader: on every path, on images of any size, with
//! impossible parameters, and with the frequencies that random ops promise.

use feedmill::augment;
use feedmill::geometry::Size;
use feedmill::plan::Last;
use feedmill::recipe::Registry;
use feedmill::source::Memory;
use feedmill::{Kind, Loader, Recipe, toml};

use crate::support::*;

/// The name of each op with its parameters at three strengths; once for each row of an op that has
/// several.
fn sheet_lines() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    let specs: Vec<_> = Registry::default().op_specs().collect();
    specs
        .into_iter()
        .flat_map(|spec| spec.strengths.chunks(3).map(move |row| (spec.name, row)))
}

/// A view for each op at middle strength.
fn every_op() -> Recipe {
    let mut text = "batch = 2\nseed = 3\n".to_string();
    for (name, strengths) in sheet_lines() {
        let params = strengths[1];
        text += &format!(
            r#"
            [[view]]
            ops = [
              {{ op = "resize", size = [28, 30] }},
              {{ op = "{name}", label = "it", {params} }},
              {{ op = "resize", size = [20, 20], label = "end" }},
            ]
            "#
        );
    }
    Recipe::from_toml(&text).unwrap()
}

#[test]
fn every_op_equals_the_reference_path() {
    within(200, "every op", || {
        let recipe = every_op().with_last(Last::Drop);
        assert!(recipe.views().len() >= 75);
        let mut loader = Loader::open("fixtures/photos", recipe.clone()).unwrap();
        let batches: Vec<u64> = (0..2)
            .map(|index| loader.reference_batch(1, index).unwrap().digest())
            .collect();
        for workers in [1, 3] {
            loader = loader.workers(workers).unwrap();
            let found: Vec<u64> = loader
                .epoch(1)
                .unwrap()
                .take(2)
                .map(|batch| batch.unwrap().digest())
                .collect();
            assert_eq!(found, batches, "{workers} workers");
        }
        let batch = loader.reference_batch(1, 0).unwrap();
        let names: Vec<&str> = batch.note_names().map(|(_, name, _)| name).collect();
        for name in [
            "it.turns",
            "it.permutation",
            "it.mask",
            "it.severity",
            "it.tiles",
        ] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
    });
}

/// What an op makes of an image of noise: its size and pixels.
fn apply(
    name: &str,
    params: &str,
    width: u32,
    height: u32,
    seed: u64,
) -> feedmill::Result<(Size, Vec<u8>)> {
    let table: toml::Table = toml::from_str(&format!("op = {{ {params} }}")).unwrap();
    let op = Registry::default().make(name, table["op"].as_table().unwrap().clone())?;
    let pixels: Vec<u8> = (0..u64::from(width * height * 3))
        .map(|i| hash(i) as u8)
        .collect();
    augment::apply(&*op, seed, Size { width, height }, &pixels)
}

#[test]
fn every_op_takes_images_of_any_size() {
    for (name, strengths) in sheet_lines() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 2), (17, 31)] {
            for params in strengths {
                apply(name, params, width, height, 0)
                    .unwrap_or_else(|error| panic!("{name} {params}: {error}"));
            }
        }
    }
}

#[test]
fn an_op_draws_the_same_for_the_same_seed() {
    let mut different = 0;
    for (name, strengths) in sheet_lines() {
        let run = |seed| apply(name, strengths[2], 24, 20, seed).unwrap();
        assert_eq!(run(5), run(5), "{name}");
        different += usize::from((0..4).any(|seed| run(seed) != run(9)));
    }
    // Ops without random values return the same for every seed; most others must differ.
    assert!(different > 30, "{different}");
}

#[test]
fn impossible_parameters_are_refused_with_a_reason() {
    for (name, params, expected) in [
        (
            "rotate",
            "degrees = 15.0, filer = \"nearest\"",
            "did you mean `filter`?",
        ),
        ("rotate", "degrees = [30, 10]", "degrees = [30, 10]"),
        ("rotate", "degrees = nan", "degrees = NaN"),
        (
            "rotate",
            "degrees = 15, filter = \"linear\"",
            "did you mean `bilinear`?",
        ),
        ("affine", "scale = 0", "scale = 0"),
        ("affine", "shear_x = 90", "shear_x = 90"),
        (
            "perspective",
            "distortion = 1.5",
            "distortion = 1.5: expected 0 to 1",
        ),
        ("pad", "padding = 100000", "padding = 100000"),
        ("rotate90", "turns = 4", "turns = 4"),
        ("posterize", "bits = 9", "bits = 9"),
        ("posterize", "bits = 2.5", "expected a whole number"),
        ("solarize", "threshold = -1", "threshold = -1"),
        ("hue", "factor = 0.7", "factor = 0.7"),
        ("brightness", "factor = -1", "factor = -1"),
        ("gaussian_blur", "kernel = 4", "kernel = 4"),
        ("gaussian_blur", "sigma = 0", "sigma = 0"),
        ("median_blur", "size = 2", "size = 2"),
        ("gaussian_noise", "sigma = -0.1", "sigma = -0.1"),
        ("jpeg", "quality = 0", "quality = 0"),
        ("jpeg", "quality = 101", "quality = 101"),
        ("corrupt", "name = \"fogg\", severity = 3", "did you mean"),
        ("corrupt", "name = \"fog\", severity = 6", "severity = 6"),
        ("random_erasing", "scale = [0.5, 0.1]", "scale = [0.5, 0.1]"),
        (
            "random_erasing",
            "value = \"gray\"",
            "value: \"mean\", \"color\", \"pixel\" or [r, g, b]",
        ),
        (
            "rotate",
            "degrees = \"15\"",
            "degrees: invalid type: string \"15\", expected a number, [low, high]",
        ),
        ("cutout", "size = 0", "size = 0"),
        ("low_frequency_crop", "size = 0", "size = 0"),
        ("elastic", "sigma = -1.0", "sigma = -1"),
        (
            "rand_augment",
            "magnitude = 31",
            "magnitude = 31: expected 0 to 30",
        ),
        ("rand_augment", "magnitude = -1", "-1"),
        ("trivial_augment_wide", "bins = 1", "bins = 1"),
        ("auto_augment", "policy = \"imagnet\"", "imagenet"),
        ("augmix", "width = 0", "width = 0"),
        ("augmix", "alpha = 0", "alpha = 0"),
        (
            "timm_augment",
            "config = \"rand-m9-x3\"",
            "the section \"x3\" is not known",
        ),
        ("timm_augment", "config = \"random-m9\"", "to begin with"),
        (
            "timm_augment",
            "config = \"rand-n20-tweights\"",
            "n = 20 of 15 different ops",
        ),
        (
            "timm_augment",
            "config = \"v0\", magnitude = 3.0",
            "a magnitude for each op",
        ),
        (
            "timm_op",
            "name = \"Rotate\"",
            "either `level` or `argument`",
        ),
        ("policy_op", "name = \"Shear\"", "ShearX"),
        ("one_of", "ops = []", "name at least one op"),
        (
            "one_of",
            "ops = [{ op = \"invert\", weight = 0 }]",
            "all weights are 0",
        ),
        (
            "one_of",
            "ops = [{ op = \"invert\", weight = -1 }]",
            "weight = -1",
        ),
        (
            "one_of",
            "ops = [{ op = \"inverse\" }]",
            "did you mean \"invert\"?",
        ),
        (
            "sequence",
            "ops = [{ op = \"hue\", factor = 3 }]",
            "op \"hue\"",
        ),
        ("some_of", "ops = [{ op = \"invert\" }]", "count is missing"),
        (
            "some_of",
            "count = 2, ops = [{ op = \"invert\" }]",
            "count = 2",
        ),
        (
            "random_order",
            "ops = [{ op = \"invert\" }], shuffle = true",
            "unknown field `shuffle`",
        ),
        ("any_res", "grids = []", "grids is empty"),
        ("jigsaw", "size = 32, grid = 1", "grid = 1"),
        ("token_mask", "ratio = 1.5", "ratio = 1.5"),
        ("block_mask", "masked = 200", "masked = 200"),
    ] {
        let error = apply(name, params, 8, 8, 0).expect_err(&format!("{name} {params}"));
        assert_eq!(error.kind(), Kind::Config, "{name} {params}");
        let text = error.to_string();
        assert!(
            text.contains(expected) && text.contains(name),
            "{name} {params}: {text}"
        );
    }
}

/// The steps of a view with these ops, as `explain` writes them, for `count` draws. The draws are
/// those of 20 samples over many epochs: `explain` searches an epoch for its sample, so a few
/// samples are faster than many.
fn drawn_steps(ops: &str, count: u32) -> Vec<Vec<String>> {
    const SAMPLES: u32 = 20;
    let recipe = format!("batch = 1\norder = \"sequential\"\n[[view]]\nops = [ {ops} ]");
    let source = Memory::pixels(
        vec![9; SAMPLES as usize * 8 * 8 * 3],
        Size::square(8),
        3,
        vec![0; SAMPLES as usize],
    )
    .unwrap();
    let loader = load(source, Recipe::from_toml(&recipe).unwrap()).unwrap();
    let draw = |n: u32| {
        loader
            .explain(n / SAMPLES, u64::from(n % SAMPLES))
            .unwrap()
            .views
            .swap_remove(0)
            .steps
    };
    (0..count).map(draw).collect()
}

/// Pearson's chi-squared statistic of counts against equal shares. The bounds in the tests are its
/// quantiles at 0.999 for one degree of freedom fewer than there are counts.
fn chi_square(counts: &[usize]) -> f64 {
    let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    counts
        .iter()
        .map(|count| (*count as f64 - expected).powi(2) / expected)
        .sum()
}

#[test]
fn policies_choose_their_ops_with_equal_chances() {
    // The number of a color op by its first word. Shears, shifts and rotations are all affine maps
    // and share the last number.
    let kind = |step: &str| -> usize {
        let words = [
            "brightness",
            "saturation",
            "contrast",
            "sharpness",
            "posterize",
            "solarize",
            "autocontrast",
            "equalize",
        ];
        words
            .iter()
            .position(|word| step.starts_with(word))
            .unwrap_or(words.len())
    };
    let drawn = drawn_steps(
        "{ op = \"rand_augment\", num_ops = 1, magnitude = 20 }",
        4200,
    );
    let mut counts = [0usize; 10];
    for steps in &drawn {
        counts[steps.first().map_or(9, |step| kind(step))] += 1;
    }
    // The policy has 14 ops: eight color ops, each with a count of its own; five geometric ones,
    // counted together; and the identity.
    assert!(chi_square(&counts[..8]) < 24.3, "{counts:?}");
    assert!(
        (counts[8] as f64 / 4200.0 - 5.0 / 14.0).abs() < 0.03,
        "{counts:?}"
    );
    assert!(
        (counts[9] as f64 / 4200.0 - 1.0 / 14.0).abs() < 0.02,
        "{counts:?}"
    );
    let drawn = drawn_steps(
        r#"{ op = "one_of", ops = [
            { op = "invert", p = 1.0, weight = 3 },
            { op = "grayscale", p = 1.0 },
        ] }"#,
        2000,
    );
    let inverted = drawn.iter().filter(|steps| steps[0] == "invert").count();
    assert!((inverted as f64 / 2000.0 - 0.75).abs() < 0.04, "{inverted}");
    let drawn = drawn_steps(
        r#"{ op = "some_of", count = [0, 2], ops = [
            { op = "invert", p = 1.0 },
            { op = "equalize", p = 1.0 },
            { op = "autocontrast", p = 1.0 },
        ] }"#,
        3000,
    );
    let sizes: [usize; 3] =
        [0, 1, 2].map(|size| drawn.iter().filter(|steps| steps.len() == size).count());
    assert!(chi_square(&sizes) < 13.8, "{sizes:?}");
    let each = ["invert", "equalize", "autocontrast"]
        .map(|op| drawn.iter().flatten().filter(|step| *step == op).count());
    assert!(chi_square(&each) < 13.8, "{each:?}");
}

#[test]
fn timm_skips_ops_and_spreads_magnitudes_as_its_string_says() {
    let config = |config: &str| {
        drawn_steps(
            &format!("{{ op = \"timm_augment\", config = \"{config}\" }}"),
            3000,
        )
    };
    let count = |drawn: &[Vec<String>]| {
        drawn.iter().map(Vec::len).sum::<usize>() as f64 / drawn.len() as f64
    };
    // Each of two layers applies its op with probability p. An op that changes nothing at its level
    // still has a step.
    assert!((count(&config("rand-m9-p0.5-inc1")) - 1.0).abs() < 0.05);
    assert!((count(&config("rand-m9-n3-p1-inc1")) - 3.0).abs() < 0.02);
    // With mstd 101, the level of PosterizeIncreasing is uniform in 0 to m = 10, which means 4, 3,
    // 2 or 1 bits with equal chances (and 0 bits at level 10 alone).
    let drawn = drawn_steps(
        "{ op = \"timm_augment\", config = \"rand-m10-n1-mstd101-inc1-p1\" }",
        6000,
    );
    let bits = ["4", "3", "2", "1"].map(|bits| {
        let step_of_bits = format!("posterize bits={bits}");
        drawn
            .iter()
            .flatten()
            .filter(|step| **step == step_of_bits)
            .count()
    });
    assert!(
        bits.iter().sum::<usize>() > 250 && chi_square(&bits) < 16.3,
        "{bits:?}"
    );
    // Without mstd, all levels are equal.
    let fixed = config("rand-m5-n1-inc1-p1");
    assert!(
        fixed
            .iter()
            .flatten()
            .filter(|step| step.starts_with("posterize"))
            .all(|step| step == "posterize bits=2")
    );
    assert!(
        fixed
            .iter()
            .flatten()
            .filter(|step| step.starts_with("solarize t"))
            .all(|step| step == "solarize threshold=128")
    );
}

#[test]
fn views_share_what_is_shared() {
    let text = r#"
        batch = 1
        [[view]]
        count = 3
        ops = [
          { op = "random_crop", size = 4, shared = true },
          { op = "hue", factor = [-0.5, 0.5] },
        ]
    "#;
    let recipe = Recipe::from_toml(text).unwrap();
    assert_eq!(
        Recipe::from_toml(&recipe.to_toml()).unwrap().fingerprint(),
        recipe.fingerprint()
    );
    let loader = load(pixels(9), recipe).unwrap();
    let mut crops = std::collections::BTreeSet::new();
    for sample in 0..9 {
        let views = loader.explain(0, sample).unwrap().views;
        assert!(views.iter().all(|view| view.steps[0] == views[0].steps[0]));
        assert!(views.iter().any(|view| view.steps[1] != views[0].steps[1]));
        crops.insert(views[0].steps[0].clone());
    }
    assert!(crops.len() > 3);
}

#[test]
fn notes_reach_the_batch_in_the_order_of_its_tensor() {
    let recipe = r#"
        batch = 6
        last = "drop"
        [[view]]
        count = 4
        ops = [ { op = "rotate90", turns = "view" }, { op = "resize", size = [8, 8] } ]
        [[view]]
        ops = [
          { op = "one_of", ops = [{ op = "rotate90" }, { op = "invert" }] },
          { op = "resize", size = [8, 8] },
        ]
    "#;
    let loader = load(pixels(12), Recipe::from_toml(recipe).unwrap()).unwrap();
    let batch = loader.reference_batch(0, 1).unwrap();
    let names: Vec<(usize, &str, usize)> = batch.note_names().collect();
    assert_eq!(
        names,
        [(0, "rotate90.turns", 1), (1, "one_of.rotate90.turns", 1)]
    );
    let turns: Vec<i64> = (0..4).flat_map(|view| [view; 6]).collect();
    assert_eq!(batch.notes(0, "rotate90.turns").unwrap(), turns);
    let inner = batch.notes(1, "one_of.rotate90.turns").unwrap();
    assert!(inner.len() == 6 && inner.iter().all(|turns| (-1..4).contains(turns)));
    assert!(batch.notes(0, "turns").is_none());
    assert_eq!(threaded(&loader, 1), reference(&loader, 1));
}

#[test]
fn an_enclosing_crop_holds_the_crops_of_the_other_views() {
    let recipe = r#"
        batch = 6
        [[view]]
        count = 2
        ops = [ { op = "random_resized_crop", size = 4, scale = [0.1, 0.5], note = true } ]
        [[view]]
        ops = [ { op = "enclosing_crop", size = 8, crop = { size = 4, scale = [0.1, 0.5] } } ]
    "#;
    let loader = load(pixels(12), Recipe::from_toml(recipe).unwrap()).unwrap();
    let batch = loader.reference_batch(0, 0).unwrap();
    let (small, large) = (
        batch.notes(0, "random_resized_crop.box").unwrap(),
        batch.notes(1, "enclosing_crop.box").unwrap(),
    );
    let mut larger = 0;
    for slot in 0..6 {
        let [left, top, width, height] = large[slot * 4..][..4] else {
            unreachable!()
        };
        for view in 0..2 {
            let [x, y, w, h] = small[(view * 6 + slot) * 4..][..4] else {
                unreachable!()
            };
            assert!(
                left <= x && top <= y && x + w <= left + width && y + h <= top + height,
                "slot {slot}"
            );
            larger += i64::from(width * height > w * h);
        }
    }
    assert!(larger > 6);
}
