//! Every mixer in whole batches: the same on every path, labels that follow the pixels, and faults
//! that are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use feedmill::geometry::{Rect, Size};
use feedmill::mix::{
    Blend, Emit, EmitRole, Masks, Method, Mix, MixPlan, MixResult, MixUp, Mixer, ResolveMix, Scene,
};
use feedmill::plan::Last;
use feedmill::recipe::{Dtype, Layout, OnBad, TargetForm};
use feedmill::rng::RandomStream;
use feedmill::sample::{Annotations, BoxLabel, Plane, PlaneKind, Target};
use feedmill::source::Memory;
use feedmill::spec::Parameters;
use feedmill::{Batch, Kind, Loader, Recipe, World};

use crate::support::*;

/// All mixers except those that need a plane, most of them with equal weights.
const ALL: &str = r#"
    [mix]
    choose = [
      { mix = "vanilla", weight = 0.5 },
      { mix = "mixup", alpha = 0.8 },
      { mix = "mixup", alpha = 1.0, fold = true, weight = { stages = [[0, 0.0], [1, 1.0]] } },
      { mix = "cutmix", alpha = { linear = [0.5, 1.5], epochs = [0, 2] }, geometry = "official" },
      { mix = "cutmix", min_max = [0.2, 0.8] },
      { mix = "cutmix", margin = 0.2, correct_lam = false },
      { mix = "resizemix" },
      { mix = "resizemix", alpha = 1.0, filter = "bilinear", unclipped = true },
      { mix = "resizemix", dialect = "mmpretrain", filter = "antialias" },
      { mix = "fmix" },
      { mix = "fmix", max_soft = 0.2, spectrum = "reference", reformulate = true },
      { mix = "gridmix" },
      { mix = "gridmix", mode = "cells" },
      { mix = "smoothmix" },
      { mix = "saliencymix" },
      { mix = "saliencymix", map = "spectral_residual", scope = "batch" },
      { mix = "attentivemix", grid = 4 },
      { mix = "attentivemix", grid = 5, top_k = 0 },
      { mix = "puzzlemix" },
      { mix = "puzzlemix", labels = 2, t_size = 2, blocks = [2, 2] },
      { mix = "smmix", grid = 4 },
      { mix = "adamixup", region = [0.2, 0.6], classes = [[0, 1, 0.0, 0.3]] },
      { mix = "adamixup", fold = 3 },
      { mix = "manifold_mixup" },
      { mix = "metrix" },
      { mix = "mosaic", degrees = 5.0, shear = 2.0 },
      { mix = "collage", k = 3 },
      { mix = "collage", label = "hard" },
    ]
    p = 0.95
    lambda = "element"
    partner = "perm"
    group = 8
    masks = { pixels = true, grid = 4 }
"#;

/// One view, 8 pixels wide and 12 high, dense and smoothed targets, and the given `[mix]` table.
fn mix_recipe(batch: usize, mix: &str) -> Recipe {
    let text = format!(
        r#"
        seed = 5
        batch = {batch}
        [[view]]
        ops = [ {{ op = "random_resized_crop", size = [12, 8] }}, {{ op = "horizontal_flip" }} ]
        {mix}
        [target]
        classes = 7
        smoothing = 0.1
        form = "dense"
        "#
    );
    Recipe::from_toml(&text).unwrap()
}

/// A loader with all mixers, including those that read planes.
fn loader() -> Loader {
    let planes = r#"
    choose = [
      { mix = "instance_paste", take = 0.7 },
      { mix = "attentivemix", grid = 2, top_k = 2, map = "map" },
      { mix = "puzzlemix", map = "map" },
      { mix = "smmix", grid = 4, map = "map" },"#;
    let mix = format!("[joint]\n{}", ALL.replacen("choose = [", planes, 1));
    load(annotated(84), mix_recipe(32, &mix).with_last(Last::Pad)).unwrap()
}

/// The digest of each slot.
fn slot_digests(batch: &Batch) -> Vec<u64> {
    batch.slots().map(|slot| slot.digest()).collect()
}

#[test]
fn threads_ranks_and_resuming_change_nothing_about_any_mixer() {
    let epochs = 3;
    let mut states = Vec::new();
    let mut expected = Vec::new();
    let mut methods = BTreeMap::new();
    for epoch in 0..epochs {
        for index in 0..loader().batches() {
            let batch = loader().reference_batch(epoch, index).unwrap();
            batch
                .mix()
                .iter()
                .for_each(|mix| *methods.entry(mix.method.to_string()).or_insert(0) += 1);
            expected.push(slot_digests(&batch));
        }
    }
    let seen: Vec<&str> = methods.keys().map(String::as_str).collect();
    assert_eq!(
        seen,
        [
            "adamixup",
            "attentivemix",
            "collage",
            "cutmix",
            "fmix",
            "gridmix",
            "instance_paste",
            "manifold_mixup",
            "metrix",
            "mixup",
            "mosaic",
            "puzzlemix",
            "resizemix",
            "saliencymix",
            "smmix",
            "smoothmix",
            "unmixed",
        ],
        "{methods:?}"
    );
    for (workers, chunk) in [(1, None), (8, Some(3)), (8, Some(1))] {
        let tuning = tuning(|t| t.with_workers(workers).with_chunk(chunk));
        let loader = loader().tuning(tuning).unwrap();
        let batches: Vec<Batch> = loader
            .epochs(0..epochs)
            .flatten()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            batches.iter().map(slot_digests).collect::<Vec<_>>(),
            expected,
            "{workers} workers"
        );
        states = batches.iter().map(|batch| batch.state().clone()).collect();
    }
    for ranks in [2, 4] {
        let parts: Vec<Vec<Vec<u64>>> = (0..ranks)
            .map(|rank| {
                let part = loader()
                    .with_world(World::new(rank, ranks).unwrap())
                    .unwrap();
                part.epochs(0..epochs)
                    .flatten()
                    .map(|batch| slot_digests(&batch.unwrap()))
                    .collect()
            })
            .collect();
        for (index, expected) in expected.iter().enumerate() {
            let joined: Vec<u64> = parts.iter().flat_map(|part| part[index].clone()).collect();
            assert_eq!(joined, *expected, "{ranks} ranks, batch {index}");
        }
    }
    for (done, state) in states.iter().enumerate() {
        let mut resumed = loader().workers(2).unwrap();
        resumed.resume(state).unwrap();
        let rest: Vec<Vec<u64>> = resumed
            .epochs(0..epochs)
            .flatten()
            .map(|batch| slot_digests(&batch.unwrap()))
            .collect();
        assert_eq!(rest, expected[done + 1..], "after {} batches", done + 1);
    }
}

#[test]
fn several_views_dtypes_and_layouts_equal_the_reference_path() {
    for (dtype, layout) in [
        (Dtype::U8, Layout::Nhwc),
        (Dtype::F16, Layout::Nchw),
        (Dtype::F32, Layout::Nhwc),
    ] {
        let text = format!(
            r#"
            batch = 8
            [[view]]
            count = 2
            ops = [ {{ op = "random_resized_crop", size = [12, 8] }} ]
            [[view]]
            ops = [ {{ op = "random_resized_crop", size = [7, 9] }} ]
            {ALL}
            [target]
            classes = 7
            "#
        );
        let recipe = Recipe::from_toml(&text)
            .unwrap()
            .with_output(output(dtype, layout));
        let loader = load(pixels(40), recipe).unwrap();
        assert_eq!(reference(&loader, 2), threaded(&loader, 2));
    }
}

#[test]
fn weights_of_labels_sum_to_one_and_follow_the_masks() {
    let sparse = dense(0.0).with_form(TargetForm::Sparse);
    let sparse = load(pixels(84), mix_recipe(24, ALL).with_target(sparse)).unwrap();
    let dense = load(pixels(84), mix_recipe(24, ALL).with_target(dense(0.0))).unwrap();
    for (epoch, index) in (0..3).flat_map(|epoch| (0..3).map(move |index| (epoch, index))) {
        let (sparse, dense) = (
            sparse.reference_batch(epoch, index).unwrap(),
            dense.reference_batch(epoch, index).unwrap(),
        );
        let (offsets, classes, weights) = sparse.targets().sparse().unwrap();
        let rows = dense.targets().dense().unwrap();
        for slot in 0..dense.len() {
            let mut row = [0.0f32; 7];
            for at in offsets[slot] as usize..offsets[slot + 1] as usize {
                row[classes[at] as usize] += weights[at];
            }
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            for (a, b) in row.iter().zip(&rows[slot * 7..][..7]) {
                assert!((a - b).abs() < 1e-6, "{:?}", dense.mix()[slot]);
            }
            let mix = &dense.mix()[slot];
            assert!((0.0..=1.0).contains(&mix.lam));
            // The labels of these methods weigh by pixels, so the mask says by how much.
            let by_pixels = [
                Method::of("resizemix"),
                Method::of("gridmix"),
                Method::of("smoothmix"),
                Method::of("saliencymix"),
                Method::of("attentivemix"),
                Method::of("puzzlemix"),
                Method::of("smmix"),
            ];
            if by_pixels.contains(&mix.method) {
                let mask = &dense.masks().unwrap()[slot * 96..][..96];
                let mean = mask.iter().map(|weight| f64::from(*weight)).sum::<f64>() / 96.0;
                assert!((1.0 - mean - f64::from(mix.lam)).abs() < 1e-6, "{mix:?}");
            }
            if mix.method == Method::of("fmix") && mix.lam < 1.0 {
                let drawn = mix.note("lam_drawn").unwrap();
                assert!(
                    (drawn - f64::from(mix.lam)).abs() <= 1.0 / 96.0 + 1e-6,
                    "{mix:?}"
                );
            }
        }
    }
}

#[test]
fn groups_emit_halves_repeats_and_clean_slots() {
    let mix = || Mix::new(MixUp::new(1.0)).with_group(8);
    let loader_with = |mix: Mix| load(pixels(84), mix_recipe(24, "").with_mix(mix)).unwrap();
    let whole = loader_with(mix()).reference_batch(0, 0).unwrap();

    let half = loader_with(mix().with_emit(Emit::Half));
    assert_eq!(half.shape(), [12, 3, 12, 8]);
    let batch = half.reference_batch(0, 0).unwrap();
    assert_eq!(batch.len(), 12);
    for slot in 0..12 {
        let (record, loaded) = (&batch.mix()[slot], slot / 4 * 8 + slot % 4);
        assert_eq!(record.slot as usize, loaded);
        assert_eq!(
            (record.partner, record.lam),
            (whole.mix()[loaded].partner, whole.mix()[loaded].lam)
        );
        assert_eq!(batch.samples()[slot], whole.samples()[loaded]);
        assert_eq!(
            record.partner_sample,
            whole.samples()[record.partner as usize]
        );
        assert_eq!(
            batch.images().as_f32().unwrap()[slot * 288..][..288],
            whole.images().as_f32().unwrap()[loaded * 288..][..288]
        );
    }
    assert_eq!(batch.targets().dense().unwrap().len(), 12 * 7);

    let twice = loader_with(mix().with_repeat(2));
    let batch = twice.reference_batch(0, 0).unwrap();
    assert_eq!((batch.len(), twice.shape()[0]), (48, 48));
    assert_eq!(batch.samples()[..8], batch.samples()[8..16]);
    assert_ne!(batch.mix()[0].lam, batch.mix()[8].lam);
    assert_eq!(
        batch.mix()[0].lam,
        whole.mix()[0].lam,
        "the first repeat is what there is without repeats"
    );

    let clean = loader_with(mix().with_emit(Emit::CleanAndMixed))
        .reference_batch(0, 0)
        .unwrap();
    let roles: Vec<EmitRole> = clean.mix().iter().map(|mix| mix.role).collect();
    assert_eq!(
        roles[..16],
        [[EmitRole::Clean; 8], [EmitRole::Mixed; 8]].concat()
    );
    assert!(
        clean.mix()[..8]
            .iter()
            .all(|mix| mix.method == Method::UNMIXED && mix.lam == 1.0)
    );
    let triple = loader_with(mix().with_emit(Emit::MixedCleanUnseen))
        .reference_batch(0, 0)
        .unwrap();
    let roles: Vec<EmitRole> = triple.mix().iter().map(|mix| mix.role).collect();
    assert_eq!(
        roles[..12],
        [
            [EmitRole::Mixed; 4],
            [EmitRole::Clean; 4],
            [EmitRole::Unseen; 4]
        ]
        .concat()
    );
    assert_eq!(triple.samples()[..4], triple.samples()[4..8]);
    assert_eq!(triple.samples()[8..12], whole.samples()[4..8]);

    for emit in [Emit::Half, Emit::CleanAndMixed, Emit::MixedCleanUnseen] {
        let recipe = || {
            mix_recipe(24, ALL)
                .with_mix(mix().with_emit(emit).with_repeat(2))
                .with_last(Last::Pad)
        };
        let all = load(pixels(70), recipe()).unwrap();
        let expected = reference(&all, 1);
        assert_eq!(threaded(&all, 1), expected);
        let ranked = |rank| {
            let loader = load(pixels(70), recipe()).unwrap();
            loader
                .with_world(World::new(rank, 3).unwrap())
                .unwrap()
                .reference_batch(0, 1)
                .unwrap()
        };
        let parts: Vec<Batch> = (0..3).map(ranked).collect();
        let joined: Vec<u64> = parts.iter().flat_map(slot_digests).collect();
        assert_eq!(
            joined,
            slot_digests(&all.reference_batch(0, 1).unwrap()),
            "{emit:?}"
        );
        assert_eq!(parts[1].first_slot(), parts[0].len());
    }
    // A last batch whose slots do not fill whole groups.
    let kept = mix_recipe(24, "")
        .with_mix(mix().with_emit(Emit::MixedCleanUnseen))
        .with_last(Last::Keep);
    let kept = load(pixels(35), kept).unwrap();
    let expected = reference(&kept, 1);
    assert_eq!(threaded(&kept, 1), expected);
    assert_eq!(kept.reference_batch(0, 1).unwrap().len(), 12 + 4);
}

#[test]
fn mixing_starts_and_ends_by_epoch() {
    let mix = r#"
        [mix]
        choose = [
          { mix = "mixup", alpha = 1.0, weight = { stages = [[0, 1], [2, 0]] } },
          { mix = "cutmix" },
        ]
        p = { stages = [[0, 0.0], [1, 1.0], [3, 0]] }
        lambda = "element"
    "#;
    let loader = load(pixels(84), mix_recipe(24, mix)).unwrap();
    let methods = |epoch: u32| -> BTreeSet<String> {
        let batches =
            (0..loader.batches()).map(|index| loader.reference_batch(epoch, index).unwrap());
        batches
            .flat_map(|batch| {
                batch
                    .mix()
                    .iter()
                    .map(|mix| mix.method.to_string())
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    assert_eq!(methods(0), ["unmixed".to_string()].into());
    assert!(methods(1).contains("mixup"));
    assert!(methods(2).contains("cutmix") && !methods(2).contains("mixup"));
    assert_eq!(methods(3), ["unmixed".to_string()].into());
    let again = Recipe::from_toml(&loader.recipe().to_toml()).unwrap();
    assert_eq!(again.to_toml(), loader.recipe().to_toml());
    assert_eq!(again.fingerprint(), loader.recipe().fingerprint());
    let text = loader.explain(1, 3).unwrap().to_string();
    for words in [
        "mix p = 1",
        "mix choose[0].weight = 1",
        "mix      batch ",
        "with sample ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let explained = &loader.explain(1, 3).unwrap().mixes[0];
    let batch = loader.reference_batch(1, explained.batch).unwrap();
    let record = &batch.mix()[explained.slot];
    assert_eq!(batch.samples()[explained.slot], 3);
    assert_eq!(record.method, explained.method);
    assert_eq!(record.partner_sample, explained.sources.last().unwrap().0);
}

/// Images with two instances each and a map that is bright in its right half, or in its left half
/// for odd ids.
fn annotated(count: u32) -> Memory {
    let annotations = (0..u64::from(count)).map(|id| {
        let instance = |i: u64| {
            if (i / 12) < 5 && (i % 12) < 6 {
                1u8
            } else if i % 12 >= 8 {
                2
            } else {
                0
            }
        };
        let instances: Vec<u8> = (0..120).map(instance).collect();
        let map: Vec<u8> = (0..120)
            .map(|i| {
                if (i % 12 >= 6) == (id % 2 == 0) {
                    200
                } else {
                    10
                }
            })
            .collect();
        let size = Size::new(12, 10);
        Annotations::default()
            .with_boxes([
                BoxLabel::new([0.0, 0.0, 6.0, 5.0], 3, 1),
                BoxLabel::new([8.0, 0.0, 12.0, 10.0], 4, 2),
            ])
            .with_planes([
                Plane::raw("instances", PlaneKind::Instances, size, instances),
                Plane::raw("map", PlaneKind::Depth, size, map),
            ])
    });
    pixels(count)
        .with_annotations(annotations.collect())
        .unwrap()
}

/// Two mixers that read planes.
const PLANES: &str = r#"
    [joint]
    [mix]
    choose = [
      { mix = "instance_paste", label_by_area = true },
      { mix = "attentivemix", map = "map", grid = 2, top_k = 2 },
    ]
    lambda = "element"
    group = 8
"#;

#[test]
fn instances_and_maps_of_planes_are_mixed_and_annotated() {
    let text = format!(
        "batch = 8\n{PLANES}\n[target]\nclasses = 7\n[output]\ndtype = \"u8\"\nlayout = \"nhwc\""
    );
    let recipe = Recipe::from_toml(&text).unwrap();
    let loader = load(annotated(40), recipe).unwrap();
    let clean = load(annotated(40), loader.recipe().clone().with_mix(None)).unwrap();
    let expected = reference(&loader, 2);
    assert_eq!(threaded(&loader, 2), expected);
    let (mut pasted, mut attended) = (0, 0);
    for index in 0..5 {
        let (batch, clean) = (
            loader.reference_batch(0, index).unwrap(),
            clean.reference_batch(0, index).unwrap(),
        );
        let (found, plain) = (
            batch.images().as_u8().unwrap(),
            clean.images().as_u8().unwrap(),
        );
        for slot in 0..8 {
            let record = &batch.mix()[slot];
            let (own, partner) = (
                &plain[slot * 360..][..360],
                &plain[record.partner as usize * 360..][..360],
            );
            let annotations = batch.slot(slot).view(0, 0).annotations().unwrap();
            match record.method.name() {
                "instance_paste" => {
                    pasted += 1;
                    // All images have their instances at the same places, so a pasted instance
                    // replaces the one below it.
                    let instances = &annotations.plane("instances").unwrap().bytes;
                    assert_eq!(annotations.boxes.len(), 2);
                    let new: Vec<&BoxLabel> = annotations
                        .boxes
                        .iter()
                        .filter(|label| label.id > 2)
                        .collect();
                    assert_eq!(new.len() as f64, record.note("pasted").unwrap());
                    let mut share = 0.0;
                    for pixel in 0..120 {
                        let is_new = new
                            .iter()
                            .any(|label| u32::from(instances[pixel]) == label.id);
                        let expected = if is_new { partner } else { own };
                        assert_eq!(
                            found[slot * 360 + pixel * 3..][..3],
                            expected[pixel * 3..][..3]
                        );
                        share += f32::from(u8::from(is_new)) / 120.0;
                    }
                    assert!((1.0 - share - record.lam).abs() < 1e-5);
                    for label in new {
                        let edges = if label.class == 3 {
                            [0.0, 0.0, 6.0, 5.0]
                        } else {
                            [8.0, 0.0, 12.0, 10.0]
                        };
                        assert_eq!(label.bounds.edges(), edges);
                    }
                }
                "attentivemix" => {
                    attended += 1;
                    let right = batch.samples()[slot] % 2 == 0;
                    for pixel in 0..120 {
                        let expected = if (pixel % 12 >= 6) == right {
                            own
                        } else {
                            partner
                        };
                        assert_eq!(
                            found[slot * 360 + pixel * 3..][..3],
                            expected[pixel * 3..][..3]
                        );
                    }
                    assert_eq!(record.lam, 0.5);
                }
                method => assert_eq!(method, "unmixed"),
            }
        }
    }
    assert!(pasted > 5 && attended > 5, "{pasted} {attended}");
}

#[test]
fn a_sample_without_the_map_that_mixing_reads_is_a_bad_one() {
    let text = format!("batch = 8\n{PLANES}\n[target]\nclasses = 7");
    let recipe = Recipe::from_toml(&text).unwrap().with_on_bad(OnBad::Fail);
    let bare = pixels(16)
        .with_annotations(vec![Annotations::default(); 16])
        .unwrap();
    let error = load(bare, recipe)
        .unwrap()
        .reference_batch(0, 0)
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(
        error.sample().is_some() && error.to_string().contains("no plane \"instances\""),
        "{error}"
    );
}

#[test]
fn soft_targets_that_do_not_sum_to_one_are_refused_by_sample() {
    let soft = |id: u64| {
        Target::Soft(
            (0..7)
                .map(|class| {
                    if class == 1 && id == 5 {
                        0.5
                    } else {
                        0.125 * f32::from(class != 6) + if class == 0 { 0.25 } else { 0.0 }
                    }
                })
                .collect(),
        )
    };
    let recipe = mix_recipe(8, "")
        .with_target(dense(0.0))
        .with_on_bad(OnBad::Fail);
    let error = load(labeled(8, soft), recipe.clone())
        .unwrap()
        .reference_batch(0, 0)
        .unwrap_err();
    assert_eq!((error.kind(), error.sample()), (Kind::Corrupt, Some(5)));
    assert!(error.to_string().contains("sum to 1.375"), "{error}");
    let multi = dense(0.0).with_multi_label(true);
    assert!(
        load(labeled(8, soft), recipe.with_target(multi))
            .unwrap()
            .reference_batch(0, 0)
            .is_ok()
    );
}

#[test]
fn attention_changes_the_weights_of_masked_slots_alone() {
    let mix = r#"
        [mix]
        choose = [ { mix = "mixup", alpha = 1.0 }, { mix = "cutmix" } ]
        lambda = "element"
        masks = { grid = 2 }
    "#;
    let loader = load(pixels(24), mix_recipe(24, mix)).unwrap();
    let batch = loader.reference_batch(0, 0).unwrap();
    let (masks, grid) = batch.patch_masks().unwrap();
    assert_eq!((masks.len(), grid), (24 * 4, 2));
    // The network attends to the first patch alone.
    let attention: Vec<f32> = (0..24 * 4)
        .map(|at| f32::from(u8::from(at % 4 == 0)))
        .collect();
    let lam = batch.relabel(&attention).unwrap();
    let mut changed = 0;
    for (slot, record) in batch.mix().iter().enumerate() {
        let attended = if masks[slot * 4] >= 1.0 { 0.0 } else { 1.0 };
        let expected = if record.method == Method::CUTMIX {
            (record.lam + attended) / 2.0
        } else {
            record.lam
        };
        assert!((lam[slot] - expected).abs() < 1e-6, "{record:?}");
        changed += usize::from(lam[slot] != record.lam);
    }
    assert!(changed > 4, "{changed}");
    assert!(
        batch
            .relabel(&attention[1..])
            .unwrap_err()
            .to_string()
            .contains("24 slots x 2 x 2")
    );
    let plain = load(pixels(24), mix_recipe(24, ""))
        .unwrap()
        .reference_batch(0, 0)
        .unwrap();
    assert!(
        plain
            .relabel(&attention)
            .unwrap_err()
            .to_string()
            .contains("mix.masks")
    );
}

#[test]
fn what_mixing_cannot_do_is_refused_with_its_line() {
    let refused = |mix: &str, target: &str| {
        let view = "[[view]]\nops = [ { op = \"center_crop\", size = [12, 8] } ]";
        let text = format!("batch = 8\n{view}\n[mix]\n{mix}\n[target]\n{target}\n");
        let loader = Recipe::from_toml(&text).and_then(|recipe| load(pixels(8), recipe));
        loader.map(|_| ()).expect_err(&text).to_string()
    };
    let one = |mixer: &str| {
        refused(
            &format!("choose = [\n  {{ mix = \"mixup\", alpha = 1 }},\n  {{ {mixer} }},\n]"),
            "classes = 7",
        )
    };
    for (mixer, words) in [
        (
            "mix = \"fmix\", alpha = 0",
            "line 7: mix \"fmix\": alpha = 0",
        ),
        (
            "mix = \"fmix\", max_soft = 0.6",
            "line 7: mix \"fmix\": max_soft = 0.6",
        ),
        (
            "mix = \"gridmix\", alpha = nan",
            "line 7: mix \"gridmix\": alpha = NaN",
        ),
        (
            "mix = \"gridmix\", holes = [3, 2]",
            "line 7: mix \"gridmix\": holes = [3, 2]",
        ),
        (
            "mix = \"resizemix\", scope = [0.5, 0.1]",
            "line 7: mix \"resizemix\": scope = [0.5, 0.1]",
        ),
        (
            "mix = \"saliencymix\", map = \"seg\"",
            "mix \"saliencymix\" reads the plane \"seg\": add a [joint] table",
        ),
        (
            "mix = \"attentivemix\", top_k = 99",
            "line 7: mix \"attentivemix\": top_k = 99",
        ),
        (
            "mix = \"puzzlemix\", labels = 5",
            "line 7: mix \"puzzlemix\": labels = 5",
        ),
        (
            "mix = \"puzzlemix\", blocks = [8, 16]",
            "mix \"puzzlemix\": blocks = [8, 16]: no power of two",
        ),
        (
            "mix = \"smmix\"",
            "mix \"smmix\": grid = 14 does not divide images of 8 x 12",
        ),
        (
            "mix = \"adamixup\", region = [0.5, 0.6]",
            "line 7: mix \"adamixup\": region = [0.5, 0.6]",
        ),
        (
            "mix = \"manifold_mixup\", layers = [3, 3]",
            "line 7: mix \"manifold_mixup\": layers = [3, 3]",
        ),
        (
            "mix = \"mosaic\", scale = 1.0",
            "line 7: mix \"mosaic\": scale = 1",
        ),
        ("mix = \"collage\", k = 1", "line 7: mix \"collage\": k = 1"),
        (
            "mix = \"cutmix\", weight = -1.0",
            "line 5: mix \"cutmix\": weight = -1",
        ),
        (
            "mix = \"cutmix\", alpha = { linear = [0, 1], epochs = [0, 5] }",
            "line 7: mix \"cutmix\": in epoch 0: ",
        ),
        (
            "mix = \"cutmix\", alpha = { linaer = [0, 1], epochs = [0, 5] }",
            "line 7: mix \"cutmix\": alpha: ",
        ),
        (
            "mix = \"cutmux\"",
            "line 7: unknown mixer \"cutmux\"; did you mean \"cutmix\"?",
        ),
    ] {
        let text = one(mixer);
        assert!(text.contains(words), "{mixer}: {text}");
    }
    let plain = "choose = [ { mix = \"mixup\", alpha = 1 } ]\n";
    for (mix, target, words) in [
        (
            "choose = [ { mix = \"mixup\", alpha = 1, weight = 0 } ]",
            "classes = 7",
            "line 5: mix.choose: all weights are 0",
        ),
        (
            "choose = [ { mix = \"mixup\", alpha = 1, weight = { stages = [[0, 1], [3, 0]] } } ]",
            "classes = 7",
            "in epoch 3: mix.choose: all weights are 0",
        ),
        (
            "choose = [ { mix = \"mosaic\" } ]",
            "classes = 7\nform = \"pair\"",
            "line 8: mix \"mosaic\" blends more than two labels",
        ),
        (
            &format!("{plain}group = {{ stages = [[0, 4]] }}"),
            "classes = 7",
            "line 6: mix.group is the same in all epochs",
        ),
        (
            &format!("{plain}group = 3"),
            "classes = 7",
            "line 6: mix.group = 3",
        ),
        (
            &format!("{plain}repeat = 0"),
            "classes = 7",
            "line 6: mix.repeat = 0",
        ),
        (
            &format!("{plain}lamdba = \"pair\""),
            "classes = 7",
            "line 6: ",
        ),
        (
            &format!("{plain}emit = \"haalf\""),
            "classes = 7",
            "line 6: emit: unknown variant",
        ),
        (
            &format!("{plain}masks = {{ grid = 9999 }}"),
            "classes = 7",
            "line 6: mix.masks grid = 9999",
        ),
        (
            &format!("{plain}p = {{ stages = [[0, 2.0]] }}"),
            "classes = 7",
            "mix.p = 2",
        ),
    ] {
        let text = refused(mix, target);
        assert!(text.contains(words), "{mix}: {text}");
    }
    let halves = mix_recipe(9, "").with_mix(
        Mix::new(MixUp::new(1.0))
            .with_emit(Emit::Half)
            .with_masks(Masks::default()),
    );
    let error = load(pixels(9), halves).unwrap_err().to_string();
    assert!(
        error.contains("mix.emit halves groups, and a group has 9 slots"),
        "{error}"
    );
}

/// A user-defined mixer with a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    PanicInDraw,
    PanicInResolve,
    BoxOutside,
    SourceOutside,
}

impl Parameters for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }
    fn params(&self) -> feedmill::toml::Table {
        feedmill::toml::Table::new()
    }
}

impl Mixer for Wrong {
    fn draw(&self, _: &mut RandomStream, _: Size) -> MixPlan {
        match self {
            Wrong::PanicInDraw => panic!("a mixer of the test"),
            Wrong::BoxOutside => Blend::Box {
                rect: Rect::new(0, 0, 8, 13),
            }
            .into(),
            _ => MixPlan::Deferred(Arc::new(*self)),
        }
    }
}

impl ResolveMix for Wrong {
    fn resolve(&self, _: &Scene<'_>, slot: usize, _: &[usize]) -> feedmill::Result<MixResult> {
        assert!(*self != Wrong::PanicInResolve, "a mixer of the test");
        let mut result = MixResult::from(Blend::Uniform { lam: 0.5 });
        result.sources = Some(vec![slot, 99]);
        Ok(result)
    }
}

#[test]
fn a_mixer_that_goes_wrong_ends_the_run_with_an_error() {
    for (wrong, kind, words) in [
        (Wrong::PanicInDraw, Kind::Worker, "the mixer, at batch 0"),
        (Wrong::PanicInResolve, Kind::Worker, "mixing sample"),
        (
            Wrong::BoxOutside,
            Kind::Config,
            "is not a blend of images of 8 x 12",
        ),
        (
            Wrong::SourceOutside,
            Kind::Config,
            "2 sources are blended of the slots",
        ),
    ] {
        let error = within(20, "a mixer that goes wrong", move || {
            let recipe = mix_recipe(8, "").with_mix(Mix::new(wrong));
            let loader = load(pixels(24), recipe).unwrap().workers(2).unwrap();
            assert!(loader.reference_batch(0, 0).is_err());
            loader
                .epoch(0)
                .unwrap()
                .find_map(Result::err)
                .expect("no batch can be made")
        });
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{wrong:?}: {error}");
    }
}
