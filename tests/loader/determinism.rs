//! Batches have the same bytes for every number of workers, chunk size, memory budget, kind of
//! threads and prefetch, and the same as golden digests.

use feedmill::geometry::Size;
use feedmill::mix::{Mix, MixUp, Partner};
use feedmill::plan::{Last, Order};
use feedmill::recipe::{Dtype, Layout};
use feedmill::source::Access;
use feedmill::{Loader, Recipe};

use crate::support::*;

/// Checks that every combination of workers, chunk, budget, threads and prefetch makes the batches
/// of the reference path.
fn assert_equals_reference(
    source: impl Fn(Access) -> Box<dyn feedmill::source::Source>,
    recipe: &Recipe,
    epochs: u32,
) {
    let expected = reference(
        &load(source(Access::Immediate), recipe.clone()).unwrap(),
        epochs,
    );
    assert!(
        expected
            .iter()
            .collect::<std::collections::HashSet<_>>()
            .len()
            == expected.len(),
        "batches repeat"
    );
    for workers in [1, 2, 3, 7] {
        for chunk in [None, Some(1), Some(5), Some(64)] {
            for (memory, prefetch) in [(1, 1), (256 << 20, 1), (1, 4), (256 << 20, 4)] {
                for access in [Access::Immediate, Access::Blocking] {
                    let tuning = tuning(|t| {
                        t.with_workers(workers)
                            .with_chunk(chunk)
                            .with_memory(memory)
                            .with_prefetch(prefetch)
                            .with_reads(1 + prefetch)
                    });
                    let loader = load(source(access), recipe.clone()).unwrap();
                    let found = threaded(&loader.tuning(tuning.clone()).unwrap(), epochs);
                    assert_eq!(found, expected, "{tuning:?}");
                }
            }
        }
    }
}

#[test]
fn threads_give_the_bytes_of_the_reference_path() {
    within(120, "the grid", || {
        assert_equals_reference(
            |access| jittery(45, access),
            &recipe(8, "").with_last(Last::Wrap),
            2,
        );
    });
}

#[test]
fn threads_give_the_bytes_of_the_reference_path_with_mixing() {
    within(120, "the grid", || {
        assert_equals_reference(
            |access| jittery(45, access),
            &recipe(8, MIX).with_last(Last::Keep),
            2,
        );
    });
}

#[test]
fn threads_give_the_bytes_of_the_reference_path_with_several_views() {
    within(120, "the grid", || {
        assert_equals_reference(
            |access| jittery(45, access),
            &multi_crop(8, MIX).with_last(Last::Keep),
            2,
        );
    });
}

#[test]
fn threads_give_the_bytes_of_the_reference_path_while_sizes_change_by_epoch() {
    within(120, "the grid", || {
        assert_equals_reference(
            |access| jittery(21, access),
            &curriculum(8, MIX).with_last(Last::Keep),
            4,
        );
    });
}

#[test]
fn every_dtype_and_layout_equals_the_reference_path() {
    for dtype in [Dtype::U8, Dtype::F16, Dtype::Bf16, Dtype::F32] {
        for layout in [Layout::Nchw, Layout::Nhwc] {
            for mix in ["", MIX] {
                for recipe in [recipe(8, mix), multi_crop(8, mix)] {
                    let recipe = recipe.with_output(output(dtype, layout));
                    let loader = load(pixels(20), recipe).unwrap();
                    let expected = reference(&loader, 1);
                    assert_eq!(threaded(&loader, 1), expected, "{dtype:?} {layout:?}");
                    let shape = loader.reference_batch(0, 0).unwrap().images().shape();
                    assert_eq!(
                        shape[1..],
                        if layout == Layout::Nchw {
                            [3, 9, 8]
                        } else {
                            [9, 8, 3]
                        }
                    );
                }
            }
        }
    }
}

#[test]
fn real_photographs_equal_the_reference_path() {
    let recipe = Recipe::preset("deit")
        .unwrap()
        .with_batch(8)
        .op(feedmill::augment::ops::Resize::new(Size::new(50, 40)));
    let loader = Loader::open("fixtures/photos", recipe).unwrap();
    let expected = reference(&loader, 1);
    assert_eq!(threaded(&loader, 1), expected);
}

#[test]
fn every_order_and_partner_rule_equals_the_reference_path() {
    let blocks = Order::Blocks {
        block: 4,
        window: 2,
    };
    for order in [Order::Sequential, Order::Shuffle, blocks] {
        for partner in [
            Partner::Flip,
            Partner::Roll,
            Partner::Perm,
            Partner::Derange,
        ] {
            let mix = Mix::new(MixUp::new(0.4))
                .with_partner(partner)
                .with_group(8);
            let recipe = recipe(8, "").with_mix(mix).with_target(dense(0.1));
            let recipe = recipe.with_order(order).with_last(Last::Pad);
            let loader = load(pixels(21), recipe).unwrap();
            let expected = reference(&loader, 1);
            assert_eq!(threaded(&loader, 1), expected, "{order:?} {partner:?}");
        }
    }
}

#[test]
fn a_blend_of_sources_equals_the_reference_path() {
    let joined = || {
        Loader::builder()
            .weighted_source(pixels(30), 0.7)
            .weighted_source(jittery(12, Access::Blocking), 0.3)
            .recipe(recipe(8, MIX).with_last(Last::Drop))
            .build()
            .unwrap()
    };
    let expected = reference(&joined(), 2);
    assert_eq!(threaded(&joined(), 2), expected);
}

/// Compares with golden digests. They change only if the meaning of a recipe changes, which is a
/// breaking change of feedmill (CONTRIBUTING.md).
#[test]
fn the_bytes_of_a_fixed_recipe_never_change() {
    let digests = |mix: &str| {
        let loader = load(pixels(20), recipe(8, mix)).unwrap();
        reference(&loader, 1)
            .iter()
            .map(|digest| format!("{digest:016x}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(digests(""), GOLDEN);
    assert_eq!(digests(MIX), GOLDEN_MIX);
}

const GOLDEN: [&str; 3] = ["4b923610de493d17", "3eae41de0f65ceba", "8da985188611ae10"];
const GOLDEN_MIX: [&str; 3] = ["b47f2da0d3602079", "1091587e223b2930", "b2c639d1ca5cfafc"];
