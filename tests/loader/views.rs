//! Several views of each sample: their tensors, their random numbers, and what they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use feedmill::augment::ops::{RandomResizedCrop, Resize};
use feedmill::geometry::{Rect, Size};
use feedmill::mix::Method;
use feedmill::plan::Last;
use feedmill::recipe::{Dtype, Layout, OnBad, Output, View};
use feedmill::source::{Access, Memory, Source};
use feedmill::{Batch, Kind, Loader, Recipe, World};

use crate::support::*;

/// The first batch over 20 images.
fn first_batch(recipe: Recipe) -> Batch {
    load(pixels(20), recipe)
        .unwrap()
        .epoch(0)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
}

#[test]
fn a_tensor_for_each_group_holds_view_after_view() {
    let loader = load(pixels(20), multi_crop(8, "")).unwrap();
    assert_eq!(loader.shapes(), [[16, 3, 9, 8], [24, 3, 5, 5]]);
    assert_eq!(loader.shape(), [16, 3, 9, 8]);
    let batch = first_batch(multi_crop(8, ""));
    assert_eq!(batch.view_groups(), 2);
    for (group, shape) in loader.shapes().into_iter().enumerate() {
        let view = batch.view(group);
        assert_eq!(view.shape(), shape);
        assert_eq!(view.count(), shape[0] / 8);
        let parts: Vec<&[f32]> = (0..view.count())
            .map(|k| view.nth(k).as_f32().unwrap())
            .collect();
        assert_eq!(parts.concat(), view.as_f32().unwrap());
        for k in 0..view.count() {
            let one = view.nth(k);
            assert_eq!((one.shape()[0], one.count()), (8, 1));
            assert_eq!(one.as_bytes(), to_bytes(one.as_f32().unwrap()));
            let others = (0..k).filter(|other| parts[*other] == parts[k]);
            assert_eq!(others.count(), 0, "no two views draw the same numbers");
        }
    }
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect()
}

#[test]
fn more_views_change_nothing_about_the_first_one() {
    let crop = || RandomResizedCrop::new(6);
    let alone = first_batch(Recipe::new().with_seed(3).with_batch(8).op(crop()));
    let view = || View::new().op(crop());
    let several = first_batch(
        Recipe::new()
            .with_seed(3)
            .with_batch(8)
            .view(view().with_count(3))
            .view(view()),
    );
    assert_eq!(several.view(0).nth(0).as_bytes(), alone.images().as_bytes());
    assert_ne!(several.view(1).as_bytes(), alone.images().as_bytes());
    assert_eq!(several.samples(), alone.samples());
}

#[test]
fn a_digest_covers_the_views_of_every_group() {
    let with_second_size = |size: u32| {
        first_batch(
            multi_crop(8, "")
                .op(Resize::new(Size {
                    width: 7,
                    height: 5,
                }))
                .op(Resize::new(Size {
                    width: size,
                    height: size,
                })),
        )
    };
    let (a, b) = (with_second_size(5), with_second_size(6));
    assert_eq!(a.images().as_bytes(), b.images().as_bytes());
    assert!((0..8).all(|slot| a.slot(slot).digest() != b.slot(slot).digest()));
}

#[test]
fn a_sample_is_read_once_for_all_its_views() {
    for access in [Access::Immediate, Access::Blocking] {
        let reads = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&reads);
        let read = move |inner: &Memory, id: u64| {
            counter.fetch_add(1, Ordering::Relaxed);
            inner.read(id, Vec::new())
        };
        let source = Wrapped {
            inner: pixels(40),
            access,
            read,
        };
        let loader = load(source, multi_crop(8, MIX)).unwrap();
        assert_eq!(
            loader
                .epoch(0)
                .unwrap()
                .map(|batch| batch.unwrap().len())
                .sum::<usize>(),
            40
        );
        assert_eq!(reads.load(Ordering::Relaxed), 40);
        assert_eq!(loader.stats().bytes_read, 40 * 12 * 10 * 3);
    }
}

#[test]
fn decoding_the_union_of_crops_gives_the_bytes_of_whole_images() {
    let crop = |size, low, high| RandomResizedCrop::new(size).with_scale([low, high]);
    for (low, high) in [(0.01, 0.05), (0.05, 0.4), (0.5, 1.0)] {
        let recipe = Recipe::new()
            .with_batch(16)
            .view(View::new().with_count(2).op(crop(48, low, high)))
            .view(View::new().op(crop(24, 0.01, 0.1)));
        let loader = Loader::open("fixtures/photos", recipe).unwrap();
        let expected = reference(&loader, 1);
        assert_eq!(threaded(&loader, 1), expected, "{low} to {high}");
    }
}

/// Images of one gray level each, so that a mixed pixel shows which images it comes from and by how
/// much.
fn gray_images(count: u8) -> Memory {
    let data: Vec<u8> = (0..count).flat_map(|id| [id * 9; 12 * 10 * 3]).collect();
    Memory::pixels(
        data,
        Size::new(12, 10),
        3,
        (0..u32::from(count)).map(|id| id % 7).collect(),
    )
    .unwrap()
}

#[test]
fn every_view_mixes_with_the_same_view_of_the_partner_by_the_same_share() {
    let output = Output::new()
        .with_dtype(Dtype::U8)
        .with_layout(Layout::Nhwc);
    let recipe = Recipe::from_toml(&format!(
        r#"
        batch = 8
        [[view]]
        count = 2
        ops = [ {{ op = "random_resized_crop", size = [9, 8] }} ]
        [[view]]
        count = 3
        ops = [ {{ op = "random_resized_crop", size = 5 }} ]
        {MIX}
        [target]
        classes = 7
        "#
    ));
    let loader = load(gray_images(24), recipe.unwrap().with_output(output)).unwrap();
    let mut methods = std::collections::HashSet::new();
    for batch in loader.epoch(0).unwrap() {
        let batch = batch.unwrap();
        for slot in 0..8 {
            let mix = &batch.mix()[slot];
            methods.insert(mix.method);
            let color = |slot: usize| batch.samples()[slot] as f32 * 9.0;
            let (own, partner) = (color(slot), color(mix.partner as usize));
            for (group, (h, w)) in [(9u32, 8u32), (5, 5)].into_iter().enumerate() {
                let scale = |edge: u32, from: u32, to: u32| {
                    (f64::from(edge) * f64::from(to) / f64::from(from)).round_ties_even() as u32
                };
                let rect = mix.rect.unwrap_or(Rect::new(0, 0, 0, 0));
                let (x0, y0) = (rect.left, rect.top);
                let (x1, y1) = (x0 + rect.width, y0 + rect.height);
                let (rows, columns) = (
                    scale(y0, 9, h)..scale(y1, 9, h),
                    scale(x0, 8, w)..scale(x1, 8, w),
                );
                for k in 0..batch.view(group).count() {
                    let each = (h * w * 3) as usize;
                    let found = &batch.view(group).nth(k).as_u8().unwrap()[slot * each..][..each];
                    for (at, value) in found.chunks_exact(3).enumerate() {
                        let (y, x) = (at as u32 / w, at as u32 % w);
                        let expected = match mix.method {
                            Method::MIXUP => mix.lam * own + (1.0 - mix.lam) * partner,
                            Method::CUTMIX if rows.contains(&y) && columns.contains(&x) => partner,
                            _ => own,
                        };
                        let near = (f32::from(value[0]) - expected).abs() <= 0.5 + 1e-3;
                        assert!(
                            near,
                            "slot {slot}, group {group}, view {k}, {y} {x}: \
                             {value:?} {expected} {mix:?}"
                        );
                    }
                }
            }
        }
    }
    assert_eq!(methods.len(), 3, "{methods:?}");
}

#[test]
fn a_blank_slot_is_blank_in_every_view() {
    let tolerant = multi_crop(8, MIX).with_on_bad(OnBad::Skip { at_most: 1.0 });
    let loader = load(damaged(40, |id| id % 5 == 2), tolerant).unwrap();
    let mut blanks = 0;
    for batch in loader.epoch(0).unwrap() {
        let batch = batch.unwrap();
        for slot in (0..8).filter(|slot| !batch.valid()[*slot]) {
            blanks += 1;
            for images in (0..2).flat_map(|g| (0..batch.view(g).count()).map(move |k| (g, k))) {
                let view = batch.view(images.0).nth(images.1);
                let each = view.as_f32().unwrap().len() / 8;
                assert!(
                    view.as_f32().unwrap()[slot * each..][..each]
                        .iter()
                        .all(|value| *value == 0.0)
                );
            }
        }
    }
    assert_eq!(blanks, 8);
    let expected = reference(&loader, 1);
    assert_eq!(threaded(&loader, 1), expected);
}

#[test]
fn resuming_and_joining_ranks_give_the_same_bytes() {
    let loader = |rank, ranks| {
        let loader = load(pixels(45), multi_crop(16, MIX).with_last(Last::Pad)).unwrap();
        loader
            .with_world(World::new(rank, ranks).unwrap())
            .unwrap()
            .workers(3)
            .unwrap()
    };
    let slots = |batch: &Batch| batch.slots().map(|slot| slot.digest()).collect::<Vec<_>>();
    let batches: Vec<Batch> = loader(0, 1)
        .epochs(0..2)
        .flatten()
        .map(Result::unwrap)
        .collect();
    for (done, batch) in batches.iter().enumerate() {
        let mut resumed = loader(0, 1);
        resumed.resume(batch.state()).unwrap();
        let expected: Vec<u64> = batches[done + 1..].iter().map(Batch::digest).collect();
        assert_eq!(threaded(&resumed, 2), expected);
        let (epoch, index) = (batch.epoch(), batch.index());
        let parts =
            [0, 1].map(|rank| slots(&loader(rank, 2).reference_batch(epoch, index).unwrap()));
        assert_eq!(parts.concat(), slots(batch));
    }
}

#[test]
fn vectors_are_handed_over_without_a_copy() {
    let batch = first_batch(multi_crop(8, ""));
    let at: Vec<*const u8> = (0..2)
        .map(|group| batch.view(group).as_bytes().as_ptr())
        .collect();
    let vectors: Vec<Vec<f32>> = batch
        .into_views()
        .into_iter()
        .map(|pixels| pixels.into_f32().unwrap())
        .collect();
    let found: Vec<*const u8> = vectors
        .iter()
        .map(|values| values.as_ptr().cast())
        .collect();
    assert_eq!(found, at);
}

#[test]
fn the_bytes_of_all_views_count() {
    let bytes = 8 * 4 * 3 * (2 * 9 * 8 + 3 * 5 * 5);
    let loader = |held| {
        let loader = load(pixels(400), multi_crop(8, "")).unwrap();
        loader.tuning(tuning(|t| t.with_held(held))).unwrap()
    };
    let ample = loader(bytes * 60);
    let all: Vec<Batch> = ample.epoch(0).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(ample.stats().batch_bytes_peak, bytes * all.len() as u64);
    let error = loader(bytes * 10)
        .epoch(0)
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
}

#[test]
fn explain_and_images_show_every_view() {
    let loader = load(pixels(20), multi_crop(8, "")).unwrap();
    let text = loader.explain(0, 3).unwrap().to_string();
    for line in [
        "view     global 2/2, 8 x 9",
        "view     local 3/3, 5 x 5",
        "resize width=5 height=5",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    let batch = loader.reference_batch(0, 0).unwrap();
    let images = loader.images(&batch, 2);
    let sizes: Vec<_> = images
        .iter()
        .map(|image| {
            (
                image.view.as_str(),
                image.width,
                image.height,
                image.rgb.len(),
            )
        })
        .collect();
    assert_eq!(sizes[1], ("global 2/2", 8, 9, 216));
    assert_eq!(sizes[4], ("local 3/3", 5, 5, 75));
    assert_eq!(sizes.len(), 5);
    let single = load(pixels(20), recipe(8, "")).unwrap();
    assert!(!single.explain(0, 3).unwrap().to_string().contains("view"));
}
