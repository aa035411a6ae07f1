//! Batches of one channel.

use feedmill::geometry::Size;
use feedmill::recipe::{Dtype, Layout, OnBad, Output};
use feedmill::source::{Access, IntoSource, Memory};
use feedmill::{Batch, Loader, Recipe};

use crate::support::*;

fn first_batch(source: impl IntoSource, recipe: Recipe) -> (Loader, Batch) {
    let loader = load(source, recipe).unwrap();
    let batch = loader.epoch(0).unwrap().next().unwrap().unwrap();
    (loader, batch)
}

/// Gray output with a mean and a deviation that change every value.
fn gray(dtype: Dtype, layout: Layout) -> Output {
    Output::new()
        .with_channels(1)
        .with_dtype(dtype)
        .with_layout(layout)
        .with_mean([0.4])
        .with_std([0.2])
}

/// Pillow's `convert("L")`.
fn luma(rgb: &[u8]) -> u8 {
    let [r, g, b] = [0, 1, 2].map(|c| u32::from(rgb[c]));
    ((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16) as u8
}

#[test]
fn a_gray_batch_is_the_luma_of_the_color_batch() {
    let color = recipe(8, "").with_output(output(Dtype::U8, Layout::Nhwc));
    let (_, color) = first_batch(pixels(43), color);
    let expected: Vec<u8> = color
        .images()
        .as_u8()
        .unwrap()
        .chunks_exact(3)
        .map(luma)
        .collect();
    for (layout, shape) in [(Layout::Nchw, [8, 1, 9, 8]), (Layout::Nhwc, [8, 9, 8, 1])] {
        let recipe = recipe(8, "").with_output(gray(Dtype::U8, layout));
        let (_, batch) = first_batch(pixels(43), recipe.clone());
        assert_eq!(batch.images().shape(), shape);
        assert_eq!(batch.images().as_u8().unwrap(), expected);
        assert_eq!(
            batch.slot(2).view(0, 0).image().as_bytes(),
            &expected[2 * 72..3 * 72]
        );

        let recipe = recipe.with_output(gray(Dtype::F32, layout));
        let (_, batch) = first_batch(pixels(43), recipe);
        let values = batch.images().as_f32().unwrap();
        for (value, level) in values.iter().zip(&expected) {
            assert_eq!(*value, (f32::from(*level) / 255.0 - 0.4) / 0.2);
        }
    }
}

#[test]
fn gray_pixels_pass_through_unchanged() {
    let levels: Vec<u8> = (0..4 * 35u32).map(|i| (i * 7 % 256) as u8).collect();
    let source = Memory::pixels(levels.clone(), Size::new(7, 5), 1, vec![0; 4]).unwrap();
    let text = "batch = 4\norder = \"sequential\"\n[output]\nchannels = 1\ndtype = \"u8\"";
    let recipe = Recipe::from_toml(text).unwrap();
    let (loader, batch) = first_batch(source, recipe);
    assert_eq!(batch.images().shape(), [4, 1, 5, 7]);
    assert_eq!(batch.images().as_u8().unwrap(), levels);
    let shown = loader.images(&batch, 1).remove(0);
    let expected: Vec<u8> = levels[35..70]
        .iter()
        .flat_map(|level| [*level; 3])
        .collect();
    assert_eq!(shown.rgb, expected);
}

#[test]
fn gray_batches_are_the_same_for_any_number_of_workers() {
    for layout in [Layout::Nchw, Layout::Nhwc] {
        for dtype in [Dtype::U8, Dtype::F16, Dtype::Bf16, Dtype::F32] {
            let recipe = multi_crop(8, MIX).with_output(gray(dtype, layout));
            let expected = reference(
                &load(jittery(29, Access::Immediate), recipe.clone()).unwrap(),
                1,
            );
            for workers in [1, 3] {
                let builder = Loader::builder().source(jittery(29, Access::Immediate));
                let loader = builder
                    .recipe(recipe.clone())
                    .workers(workers)
                    .build()
                    .unwrap();
                assert_eq!(threaded(&loader, 1), expected, "{dtype:?} {layout:?}");
            }
        }
    }
}

#[test]
fn mixing_mixes_gray_images() {
    let mix = "[mix]\nchoose = [ { mix = \"mixup\", alpha = 1.0 } ]\np = 1.0";
    let output = || gray(Dtype::F32, Layout::Nchw);
    let (_, plain) = first_batch(pixels(43), recipe(8, "").with_output(output()));
    let (_, mixed) = first_batch(pixels(43), recipe(8, mix).with_output(output()));
    let plain = plain.images().as_f32().unwrap();
    let mixed_values = mixed.images().as_f32().unwrap();
    for slot in mixed.slots() {
        let partner = slot.partner().unwrap().index();
        let lam = slot.mix().lam;
        for pixel in 0..72 {
            let (own, other) = (
                plain[slot.index() * 72 + pixel],
                plain[partner * 72 + pixel],
            );
            let expected = lam * own + (1.0 - lam) * other;
            assert_eq!(mixed_values[slot.index() * 72 + pixel], expected);
        }
    }
}

#[test]
fn a_blank_slot_of_a_gray_batch_is_zeros() {
    let rule = OnBad::Skip { at_most: 1.0 };
    let recipe = recipe(20, "")
        .with_on_bad(rule)
        .with_output(gray(Dtype::F32, Layout::Nhwc));
    let (_, batch) = first_batch(damaged(20, |id| id % 3 == 0), recipe);
    let (mut blank, mut shown) = (0, 0);
    for slot in batch.slots() {
        let pixels = slot.view(0, 0).image().as_f32().unwrap();
        assert_eq!(pixels.len(), 72);
        if slot.is_valid() {
            shown += 1;
        } else {
            blank += 1;
            assert!(pixels.iter().all(|value| *value == 0.0));
        }
    }
    assert!(blank > 3 && shown > 3);
}
