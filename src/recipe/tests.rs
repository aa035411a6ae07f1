use std::path::Path;

use super::*;
use crate::Kind;
use crate::augment::Filter;
use crate::augment::ops::{CenterCrop, ColorJitter, HorizontalFlip, RandomCrop, RandomResizedCrop};
use crate::declare;
use crate::geometry::Size;
use crate::kernels::PadMode;
use crate::mix::{CutMix, Geometry, Lambda, MixUp, Partner};

#[test]
fn the_toml_form_equals_the_builder_form() {
    let read = Recipe::from_toml(
        r#"
        seed = 7
        batch = 64
        last = "keep"
        on_bad = { skip = { at_most = 0.1 } }

        [[view]]
        ops = [
          { op = "random_resized_crop", size = 96, scale = [0.2, 1], filter = "bicubic" },
          { op = "random_crop", size = 96, padding = 4, pad = "reflect" },
          { op = "horizontal_flip" },
          { op = "color_jitter", brightness = 0.4, contrast = [0.5, 1.5], hue = 0.1, p = 0.8 },
          { op = "center_crop", size = 64 },
        ]

        [mix]
        choose = [
          { mix = "mixup", alpha = 0.8 },
          { mix = "cutmix", alpha = 1, geometry = "official", weight = 2 },
        ]
        p = 0.5
        lambda = "element"
        partner = "derange"
        group = 16

        [target]
        classes = 10
        smoothing = 0.1

        [output]
        dtype = "f16"
        layout = "nhwc"
        mean = [0.5, 0.5, 0.5]

        [decode]
        limits = { pixels = 1000000 }
        "#,
    )
    .unwrap();
    let built = Recipe::new()
        .with_seed(7)
        .with_batch(64)
        .with_last(Last::Keep)
        .with_on_bad(OnBad::Skip { at_most: 0.1 })
        .op(RandomResizedCrop::new(96)
            .with_scale([0.2, 1.0])
            .with_filter(Filter::Bicubic))
        .op(RandomCrop::new(96)
            .with_padding(4)
            .with_pad(PadMode::Reflect))
        .op(HorizontalFlip::new().with_p(0.5))
        .op(ColorJitter::new()
            .with_brightness(0.4)
            .with_contrast([0.5, 1.5])
            .with_hue(0.1)
            .with_p(0.8))
        .op(CenterCrop::new(64))
        .with_mix(
            Mix::new(MixUp::new(0.8))
                .or(
                    CutMix::new()
                        .with_alpha(1.0)
                        .with_geometry(Geometry::Official),
                    2.0,
                )
                .with_p(0.5)
                .with_lambda(Lambda::Element)
                .with_partner(Partner::Derange)
                .with_group(16),
        )
        .with_target(TargetOptions {
            classes: Some(10),
            smoothing: 0.1,
            ..TargetOptions::default()
        })
        .with_output(
            Output::new()
                .with_dtype(Dtype::F16)
                .with_layout(Layout::Nhwc)
                .with_mean([0.5; 3]),
        )
        .with_limits(Limits {
            pixels: 1_000_000,
            ..Limits::default()
        });
    assert_eq!(read.to_toml(), built.to_toml());
    assert_eq!(read.fingerprint(), built.fingerprint());
}

#[test]
fn several_views_are_the_same_in_both_forms_and_read_back() {
    let read = Recipe::from_toml(
        r#"
        batch = 32
        [[view]]
        name = "global"
        count = 2
        ops = [ { op = "random_resized_crop", size = 32 } ]
        [[view]]
        count = 3
        ops = [ { op = "random_resized_crop", size = 16 }, { op = "horizontal_flip" } ]
        "#,
    )
    .unwrap();
    let built = Recipe::new()
        .view(
            View::new()
                .with_name("global")
                .with_count(2)
                .op(RandomResizedCrop::new(32)),
        )
        .view(View::new().with_count(3).op(RandomResizedCrop::new(16)))
        .op(HorizontalFlip::new().with_p(0.5));
    assert_eq!(read.to_toml(), built.to_toml());
    assert_eq!(
        Recipe::from_toml(&read.to_toml()).unwrap().to_toml(),
        read.to_toml()
    );
    let titles = |number: usize| read.views()[number].title(number, 1);
    assert_eq!([titles(0), titles(1)], ["global 2/2", "view 1 2/3"]);
}

#[test]
fn fingerprints_name_the_versions_that_are_linked() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock: toml::Table = std::fs::read_to_string(lock).unwrap().parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let linked = |name: &str| {
        let package = packages
            .iter()
            .find(|package| package["name"].as_str() == Some(name));
        let version = package.expect(name)["version"].as_str().unwrap();
        version.rsplit_once('.').unwrap().0.to_string()
    };
    for name in ["feedmill-jpeg", "zune-jpeg", "png", "image-webp"] {
        let stated = format!("{name} {}", linked(name));
        assert!(
            super::VERSIONS.contains(&stated),
            "{stated} is linked: {}",
            super::VERSIONS
        );
    }
}

/// The fingerprints are golden, because saved states of runs contain them.
#[test]
fn fingerprints_of_single_views_never_change() {
    let prints: Vec<String> = ["deit", "imagenet"]
        .map(|name| format!("{:?}", Recipe::preset(name).unwrap().fingerprint()))
        .into_iter()
        .chain([format!("{:?}", Recipe::new().fingerprint())])
        .collect();
    assert_eq!(prints, GOLDEN_PRINTS);
}

const GOLDEN_PRINTS: [&str; 3] = [
    "f1b1a927eeac55050fdaa505e0b18bf8",
    "f29062045b6b520a76f11ecae333a657",
    "53557603adea0e2058b1b4394dc71b5f",
];

#[test]
fn every_preset_reads_back_from_its_canonical_form() {
    let names: Vec<&str> = Recipe::presets().map(|(name, _)| name).collect();
    assert!(
        names.is_sorted() && names.contains(&"imagenet"),
        "{names:?}"
    );
    for name in names {
        let preset = Recipe::preset(name).unwrap();
        let text = preset.to_toml();
        let again = Recipe::from_toml(&text).unwrap();
        assert_eq!(again.to_toml(), text, "{name}");
        assert_eq!(again.fingerprint(), preset.fingerprint(), "{name}");
    }
    let error = Recipe::preset("imagnet").unwrap_err();
    assert!(
        error.to_string().contains("did you mean \"imagenet\"?"),
        "{error}"
    );
}

#[test]
fn everything_that_changes_a_batch_changes_the_fingerprint() {
    let base = || Recipe::new().op(CenterCrop::new(8));
    let changed = [
        base(),
        base().with_seed(1),
        base().with_batch(31),
        base().with_last(Last::Keep),
        base().op(HorizontalFlip::new().with_p(0.5)),
        base().op(HorizontalFlip::new().with_p(0.4)),
        base().with_mix(Mix::new(MixUp::new(1.0))),
        base().with_mix(Mix::new(MixUp::new(1.0)).with_p(0.5)),
        base().with_target(TargetOptions {
            classes: Some(3),
            ..TargetOptions::default()
        }),
        base().with_output(Output::new().with_layout(Layout::Nhwc)),
        base().with_on_bad(OnBad::Fail),
        base().with_scale(ScalePolicy::Fast),
        base().with_limits(Limits {
            scans: 7,
            ..Limits::default()
        }),
    ];
    let mut prints: Vec<String> = changed
        .iter()
        .map(|recipe| format!("{:?}", recipe.fingerprint()))
        .collect();
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), changed.len());
}

#[test]
fn which_indexes_are_used_is_kept_and_changes_no_fingerprint() {
    let base = Recipe::new().op(CenterCrop::new(8));
    for (text, recipe) in [
        ("", base.clone()),
        (
            "[decode]\nindex = \"off\"",
            base.clone().with_index(IndexPolicy::Off),
        ),
        (
            "[decode]\nindex = \"learn\"\nindex_bytes = 5",
            base.clone()
                .with_index(IndexPolicy::Learn)
                .with_index_bytes(5),
        ),
    ] {
        let text =
            format!("batch = 32\n{text}\n[[view]]\nops = [{{ op = \"center_crop\", size = 8 }}]");
        let read = Recipe::from_toml(&text).unwrap();
        assert_eq!(read.to_toml(), recipe.to_toml());
        assert_eq!(
            Recipe::from_toml(&read.to_toml()).unwrap().to_toml(),
            recipe.to_toml()
        );
        assert_eq!(read.fingerprint(), base.fingerprint());
    }
    let error = Recipe::from_toml("batch = 1\n[decode]\nindex = \"lern\"")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 3") && error.contains("`learn`"),
        "{error}"
    );
}

/// A valid recipe. The test breaks it in one place at a time: (text to replace, replacement).
const GOOD: &str = "seed = 1
batch = 8

[[view]]
ops = [
  { op = \"random_resized_crop\", size = 32, scale = [0.1, 1.0] },
  { op = \"horizontal_flip\", p = 0.5 },
]

[mix]
choose = [
  { mix = \"mixup\", alpha = 0.2 },
]
p = 1.0

[target]
classes = 10
smoothing = 0.1

[output]
std = [0.2, 0.2, 0.2]
";

#[test]
fn whatever_is_wrong_is_named_with_its_line() {
    Recipe::from_toml(GOOD).unwrap();
    let mut wrong = Vec::new();
    for (from, to, line, expected) in [
        ("seed = 1", "sede = 1", 1, "did you mean `seed`?"),
        ("seed = 1", "seed = -1", 1, "-1"),
        (
            "batch = 8",
            "batch = 0",
            2,
            "batch = 0: expected 1 to 1048576",
        ),
        ("batch = 8", "batch = 8 8", 2, ""),
        ("batch = 8", "batch = nan", 2, "expected usize"),
        (
            "random_resized_crop",
            "random_resize_crop",
            6,
            "did you mean \"random_resized_crop\"?",
        ),
        (
            "op = \"random_resized_crop\", ",
            "",
            6,
            "an op without a name",
        ),
        ("size = 32", "sise = 32", 6, "did you mean `size`?"),
        (
            "size = 32",
            "size = 0",
            6,
            "size = 0: expected 1 to 16384 pixels",
        ),
        (
            "size = 32",
            "size = [32, 0]",
            6,
            "size = [32, 0]: expected sides of 1 to 16384 pixels",
        ),
        ("size = 32", "size = 32.5", 6, "op \"random_resized_crop\""),
        (
            "[0.1, 1.0]",
            "[1.0, 0.1]",
            6,
            "scale = [1, 0.1]: expected 0 <= low <= high <= 1",
        ),
        ("[0.1, 1.0]", "[nan, 1.0]", 6, "scale = [NaN, 1]"),
        ("p = 0.5", "p = 1.5", 7, "p = 1.5: expected 0 to 1"),
        ("p = 0.5", "p = nan", 7, "p = NaN"),
        (
            "p = 0.5",
            "q = 0.5",
            7,
            "op \"horizontal_flip\": unknown field `q`",
        ),
        (
            "\"horizontal_flip\", p = 0.5",
            "\"color_jitter\", hue = 0.6",
            7,
            "hue = 0.6: expected a strength of 0 to 0.5",
        ),
        (
            "\"horizontal_flip\", p = 0.5",
            "\"color_jitter\", hue = [0.1, 0.7]",
            7,
            "-0.5 <= low <= high <= 0.5",
        ),
        (
            "\"horizontal_flip\", p = 0.5",
            "\"color_jitter\", contrast = [2, 1]",
            7,
            "contrast = [2, 1]",
        ),
        (
            "\"horizontal_flip\", p = 0.5",
            "\"color_jitter\", brightness = nan",
            7,
            "brightness = NaN",
        ),
        (
            "\"horizontal_flip\"",
            "\"horizontal_flip\", label = \"random_resized_crop\"",
            7,
            "another label",
        ),
        (
            "[mix]",
            "[[view]]\ncount = 0\n[mix]",
            11,
            "view count = 0: expected 1 to 255",
        ),
        (
            "[mix]",
            "[[view]]\ncount = 255\n[mix]",
            11,
            "256 views; expected at most 255 in all",
        ),
        ("[mix]", "[[view]]\ncount = 1.5\n[mix]", 11, "usize"),
        (
            "[mix]",
            "[[view]]\nname = \"a\"\n[[view]]\nname = \"a\"\n[mix]",
            13,
            "two views have the name \"a\"",
        ),
        (
            "[mix]",
            "[[view]]\nnmae = \"a\"\n[mix]",
            11,
            "did you mean `name`?",
        ),
        (
            "[mix]",
            "[[view]]\nops = [{ op = \"resize\" }]\n[mix]",
            11,
            "op \"resize\"",
        ),
        (
            "\"mixup\", alpha",
            "\"mixpu\", alpha",
            12,
            "did you mean \"mixup\"?",
        ),
        ("p = 1.0", "p = 2.0", 14, "mix.p = 2"),
        ("alpha = 0.2", "alpha = 0", 12, "mix \"mixup\": alpha = 0"),
        (
            "p = 1.0",
            "lambda = \"pair\"\npartner = \"perm\"",
            14,
            "needs mix.partner",
        ),
        ("p = 1.0", "group = 3", 14, "mix.group = 3"),
        ("classes = 10", "classes = 0", 17, "target.classes = 0"),
        (
            "smoothing = 0.1",
            "smoothing = 1.5",
            18,
            "target.smoothing = 1.5: expected 0 to 1",
        ),
        (
            "smoothing = 0.1",
            "smoothing = nan",
            18,
            "target.smoothing = NaN",
        ),
        (
            "smoothing = 0.1",
            "form = \"index\"",
            18,
            "cannot say how two samples were mixed",
        ),
        (
            "std = [0.2, 0.2, 0.2]",
            "std = [0.2, 0, 0.2]",
            21,
            "expected positive numbers",
        ),
        (
            "std = [0.2, 0.2, 0.2]",
            "std = [0.2, nan, 0.2]",
            21,
            "expected positive numbers",
        ),
        (
            "std = [0.2, 0.2, 0.2]",
            "mean = [inf, 0, 0]",
            21,
            "expected finite numbers",
        ),
        ("std = [0.2, 0.2, 0.2]", "std = [0.2, 0.2]", 21, ""),
        (
            "std = [0.2, 0.2, 0.2]",
            "layout = \"nhcw\"",
            21,
            "did you mean",
        ),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let error = Recipe::from_toml(&text).expect_err(to);
        assert_eq!(error.kind(), Kind::Config, "{to}");
        let message = error.to_string();
        if !message.starts_with(&format!("recipe line {line}: ")) || !message.contains(expected) {
            wrong.push(format!("{from} -> {to}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn labels(recipe: &Recipe) -> Vec<&str> {
    recipe.views()[0]
        .ops()
        .iter()
        .map(ScheduledOp::label)
        .collect()
}

#[test]
fn repeated_ops_are_numbered_and_a_custom_label_is_kept() {
    let recipe = Recipe::new()
        .op(HorizontalFlip::new().with_p(0.5))
        .op(CenterCrop::new(8))
        .op(HorizontalFlip::new().with_p(0.5))
        .op(HorizontalFlip::new().with_p(0.1));
    assert_eq!(
        labels(&recipe),
        [
            "horizontal_flip",
            "center_crop",
            "horizontal_flip#2",
            "horizontal_flip#3"
        ]
    );
    let text =
        "batch = 1\n[[view]]\nops = [{ op = \"center_crop\", size = 8, label = \"last cut\" }]";
    assert_eq!(labels(&Recipe::from_toml(text).unwrap()), ["last cut"]);
}

#[test]
fn adding_an_op_changes_the_random_numbers_of_no_other() {
    let base = || {
        Recipe::new()
            .op(RandomCrop::new(8))
            .op(HorizontalFlip::new().with_p(0.5))
    };
    let keys = |recipe: &Recipe| -> Vec<_> {
        recipe.views()[0]
            .ops()
            .iter()
            .map(|op| op.entry().key())
            .collect()
    };
    let longer = base()
        .op(ColorJitter::new()
            .with_brightness(0.4)
            .with_contrast(0.4)
            .with_saturation(0.4)
            .with_hue(0.1))
        .op(HorizontalFlip::new().with_p(0.5));
    assert_eq!(keys(&longer)[..2], keys(&base())[..]);
    let first = Recipe::new()
        .op(ColorJitter::new()
            .with_brightness(0.4)
            .with_contrast(0.4)
            .with_saturation(0.4)
            .with_hue(0.1))
        .op(RandomCrop::new(8));
    assert_eq!(keys(&first)[1], keys(&base())[0]);
}

#[test]
fn a_view_whose_size_depends_on_the_image_is_refused() {
    let recipe = Recipe::new().op(HorizontalFlip::new().with_p(0.5));
    assert!(
        recipe.views()[0]
            .size(None)
            .unwrap_err()
            .to_string()
            .contains("no fixed size")
    );
    let uniform = Size {
        width: 5,
        height: 4,
    };
    assert_eq!(recipe.views()[0].size(Some(uniform)).unwrap(), uniform);
}

/// A recipe with this probability of a horizontal flip and this size of a crop.
fn curved(p: &str, size: &str) -> String {
    format!(
        "batch = 8\n[[view]]\nops = [\n\
         \x20 {{ op = \"horizontal_flip\", p = {p} }},\n\
         \x20 {{ op = \"center_crop\", size = {size} }},\n]\n"
    )
}

#[test]
fn curves_take_their_values_by_epoch_and_read_back() {
    let text = curved(
        "{ linear = [0, 1], epochs = [10, 20] }",
        "[{ linear = [160, 224], epochs = [0, 100] }, { stages = [[0, 8], [30, 9]] }]",
    );
    let recipe = Recipe::from_toml(&text).unwrap();
    let view = &recipe.views()[0];
    assert!(
        Recipe::from_toml(&curved(
            "{ linear = [1, 1], epochs = [0, 9] }",
            "{ tanh = [8, 8], epochs = [0, 9] }"
        ))
        .is_ok()
    );
    let values = |epoch| {
        let view = view.at(epoch).unwrap();
        (
            view.ops()[0]
                .op()
                .params()
                .get("p")
                .map_or(0.5, |p| p.as_float().unwrap()),
            view.size(None).unwrap(),
        )
    };
    let frame = |height, width| Size { width, height };
    assert_eq!(values(0), (0.0, frame(160, 8)));
    assert_eq!(
        values(15),
        (0.5, frame(170, 8)),
        "a probability stays a fraction, 169.6 rows are rounded"
    );
    assert_eq!(values(30), (1.0, frame(179, 9)));
    assert_eq!(values(u32::MAX), (1.0, frame(224, 9)));
    let shown: Vec<String> = view
        .ops()
        .iter()
        .flat_map(|entry| entry.values_at(15))
        .collect();
    assert_eq!(shown, ["p = 0.5", "size[0] = 170", "size[1] = 8"]);
    let again = Recipe::from_toml(&recipe.to_toml()).unwrap();
    assert_eq!(again.to_toml(), recipe.to_toml());
    assert_eq!(again.fingerprint(), recipe.fingerprint());
    assert_eq!(
        again.views()[0].at(15).unwrap().size(None).unwrap(),
        frame(170, 8)
    );
    let other = Recipe::from_toml(&text.replace("[30, 9]", "[31, 9]")).unwrap();
    assert_ne!(other.fingerprint(), recipe.fingerprint());
}

#[test]
fn a_range_that_slides_keeps_its_fractions() {
    // A range that slides up: its lower end must not pass its upper end of the same epoch.
    let recipe = Recipe::from_toml(
        "batch = 8\n[[view]]\nops = [{ op = \"color_jitter\", brightness = \
         [{ linear = [1, 3], epochs = [0, 4] }, { linear = [1, 5], epochs = [0, 4] }] }]",
    )
    .unwrap();
    let op = |epoch| recipe.views()[0].at(epoch).unwrap().ops()[0].op().params();
    assert_eq!(op(1)["brightness"], toml::Value::from(vec![1.5, 2.0]));
}

#[test]
fn what_is_wrong_about_a_curve_is_named_with_its_line() {
    let mut wrong = Vec::new();
    for (p, size, line, expected) in [
        (
            "{ stages = [[1, 0.5]] }",
            "8",
            4,
            "p: stages: expected the first stage to begin with epoch 0",
        ),
        (
            "{ stages = [] }",
            "8",
            4,
            "the first stage to begin with epoch 0",
        ),
        (
            "{ stages = [[0, 0.5], [9, 0.6], [9, 0.7]] }",
            "8",
            4,
            "epoch 9 comes after epoch 9",
        ),
        (
            "{ stages = [[0, nan]] }",
            "8",
            4,
            "stages: nan: expected a finite number",
        ),
        (
            "{ stages = [[0, true]] }",
            "8",
            4,
            "true: expected a finite number",
        ),
        (
            "{ stages = [[0, 0.5], [9, 1.5]] }",
            "8",
            4,
            "in epoch 9: op \"horizontal_flip\": p = 1.5",
        ),
        ("{ stages = [[-1, 0.5]] }", "8", 4, "-1"),
        (
            "{ linear = [0.1, 0.2] }",
            "8",
            4,
            "linear needs epochs = [FIRST, LAST]",
        ),
        (
            "{ linear = [0.1, 0.2], epoch = [0, 9] }",
            "8",
            4,
            "did you mean `epochs`?",
        ),
        (
            "{ linaer = [0.1, 0.2], epochs = [0, 9] }",
            "8",
            4,
            "did you mean `linear`?",
        ),
        (
            "{ linear = [0.1, 0.2], epochs = [9, 9] }",
            "8",
            4,
            "expected the first epoch before the last",
        ),
        (
            "{ linear = [0.1, 0.2], tanh = [0, 1], epochs = [0, 9] }",
            "8",
            4,
            "a curve is either",
        ),
        (
            "{ stages = [[0, 0.1]], epochs = [0, 9] }",
            "8",
            4,
            "a curve is either",
        ),
        ("{ epochs = [0, 9] }", "8", 4, "a curve is either"),
        (
            "{ cosine = [0.1, inf], epochs = [0, 9] }",
            "8",
            4,
            "cosine: inf: expected a finite number",
        ),
        (
            "{ cosine = [0.5, 1.1], epochs = [0, 9] }",
            "8",
            4,
            "in epoch 7: op",
        ),
        (
            "0.5",
            "{ linear = [0, 8], epochs = [0, 9] }",
            5,
            "in epoch 0: op \"center_crop\"",
        ),
        (
            "0.5",
            "{ linear = [4.5, 8], epochs = [0, 9] }",
            5,
            "in epoch 0: op \"center_crop\"",
        ),
        ("0.5", "[8, { stages = [[3, 8]] }]", 5, "size[1]: stages"),
    ] {
        let error = Recipe::from_toml(&curved(p, size)).expect_err(p);
        assert_eq!(error.kind(), Kind::Config, "{p}");
        let message = error.to_string();
        if !message.starts_with(&format!("recipe line {line}: ")) || !message.contains(expected) {
            wrong.push(format!("{p} {size}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn curves_are_found_however_deep_they_stand() {
    /// An op that contains other ops as tables.
    #[declare(name = "several")]
    #[derive(Clone, Debug)]
    struct Several {
        /// The ops.
        #[param(required)]
        ops: Vec<toml::Table>,
    }
    impl Op for Several {
        fn check(&self) -> Result<()> {
            match self.ops[1]["p"].as_float() {
                Some(_) => Ok(()),
                None => Err(Error::config("p: expected a number")),
            }
        }
        fn draw(&self, _: &mut crate::rng::RandomStream, _: &mut crate::augment::Steps) {}
    }
    let mut registry = Registry::default();
    registry.register::<Several>();
    let text = "batch = 8\n[[view]]\nops = [{ op = \"several\", ops = [{ op = \"a\" }, \
                { op = \"b\", p = { linear = [0.0, 1.0], epochs = [0, 4] } }] }]";
    let recipe = Recipe::from_toml_with(&registry, text).unwrap();
    let view = recipe.views()[0].at(1).unwrap();
    assert_eq!(
        view.ops()[0].op().params()["ops"][1]["p"],
        toml::Value::Float(0.25)
    );
    assert_eq!(
        view.ops()[0].values_at(1).collect::<Vec<_>>(),
        ["ops[1].p = 0.25"]
    );
    assert_eq!(
        Recipe::from_toml_with(&registry, &recipe.to_toml())
            .unwrap()
            .to_toml(),
        recipe.to_toml()
    );
}
