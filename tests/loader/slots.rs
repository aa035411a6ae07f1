//! What a batch says about one slot at a time.

use feedmill::mix::Method;
use feedmill::plan::Last;
use feedmill::recipe::{OnBad, TargetForm, TargetOptions};
use feedmill::sample::Target;
use feedmill::source::{Access, Memory};
use feedmill::{Batch, Recipe, SlotTarget};

use crate::support::*;

/// The first batch of an epoch of these samples.
fn first_batch(source: impl feedmill::source::IntoSource, recipe: Recipe) -> Batch {
    let loader = load(source, recipe).unwrap();
    loader.epoch(0).unwrap().next().unwrap().unwrap()
}

#[test]
fn a_slot_says_what_the_arrays_of_its_batch_say() {
    let batch = first_batch(pixels(43), multi_crop(8, MIX));
    assert_eq!(batch.slots().len(), 8);
    for (index, slot) in batch.slots().enumerate() {
        assert_eq!((slot.index(), slot.global_index()), (index, index));
        assert_eq!(slot.sample(), batch.samples()[index]);
        assert_eq!(slot.weight(), batch.weights()[index]);
        assert_eq!(slot.is_valid(), batch.valid()[index]);
        assert_eq!(slot.mix(), &batch.mix()[index]);
        assert_eq!(slot.digest(), batch.slot(index).digest());
        assert!(slot.group().is_none() && batch.groups().is_none());
        assert_eq!(slot.views().count(), 2 + 3);
        for view in slot.views() {
            let (group, k) = (view.group(), view.k());
            let all = batch.view(group);
            let [_, c, h, w] = all.shape();
            assert_eq!(view.image().shape(), [1, c, h, w]);
            let expected = &all.nth(k).as_f32().unwrap()[index * c * h * w..][..c * h * w];
            assert_eq!(view.image().as_f32().unwrap(), expected);
            assert_eq!(
                slot.view(group, k).image().as_bytes(),
                view.image().as_bytes()
            );
        }
    }
    assert_eq!(batch.slots().next_back().unwrap().index(), 7);
}

#[test]
fn partners_are_slots_and_unmixed_slots_have_none() {
    let batch = first_batch(pixels(43), recipe(8, MIX));
    let mut mixed = 0;
    for slot in batch.slots() {
        match slot.partner() {
            Some(partner) => {
                mixed += 1;
                assert_eq!(partner.sample(), slot.mix().partner_sample);
                assert_eq!(partner.index(), slot.mix().partner as usize);
            }
            None => assert_eq!(slot.mix().method, Method::UNMIXED),
        }
    }
    assert!(mixed > 4);
}

#[test]
fn the_class_of_a_slot_is_that_of_its_own_sample_in_every_form_of_targets() {
    let forms = [
        (TargetForm::Pair, MIX),
        (TargetForm::Sparse, MIX),
        (TargetForm::Dense, MIX),
        (TargetForm::Index, ""),
    ];
    for (form, mix) in forms {
        let options = TargetOptions::new().with_classes(7).with_form(form);
        let batch = first_batch(pixels(43), recipe(8, mix).with_target(options));
        for slot in batch.slots() {
            assert_eq!(slot.class(), Some((slot.sample() % 7) as u32), "{form:?}");
            assert_eq!(slot.class_name(), None);
            let (class, weight) = slot.target().greatest().unwrap();
            let lam = slot.mix().lam;
            if lam > 0.5 {
                assert_eq!(Some(class), slot.class(), "{form:?}");
                assert!(weight >= lam - 1e-6);
            }
        }
    }
}

#[test]
fn the_target_of_a_slot_is_its_part_of_the_targets() {
    let batch = first_batch(pixels(43), recipe(8, MIX).with_target(dense(0.1)));
    let rows = batch.targets().dense().unwrap();
    for (slot, row) in batch.slots().zip(rows.chunks_exact(7)) {
        assert_eq!(slot.target(), SlotTarget::Dense(row));
    }
    let none = first_batch(labeled(9, |_| Target::None), recipe(8, ""));
    for slot in none.slots() {
        assert_eq!(slot.target(), SlotTarget::Index(-1));
        assert_eq!((slot.class(), slot.target().greatest()), (None, None));
    }
}

#[test]
fn a_slot_knows_the_bad_sample_that_it_was_planned_for() {
    let bad = |id: u64| id.is_multiple_of(5);
    let rules = [
        OnBad::Replace { at_most: 1.0 },
        OnBad::Skip { at_most: 1.0 },
    ];
    for rule in rules {
        let blanks = matches!(rule, OnBad::Skip { .. });
        let batch = first_batch(damaged(45, bad), recipe(40, "").with_on_bad(rule));
        assert!(batch.faults().len() > 4);
        for fault in batch.faults() {
            assert_eq!(batch.slot(fault.slot).fault(), Some(fault));
        }
        for slot in batch.slots() {
            let Some(fault) = slot.fault() else {
                assert!(slot.is_valid() && !bad(slot.sample()));
                continue;
            };
            assert!(bad(fault.sample));
            assert_eq!(slot.is_valid(), !blanks);
            if !blanks {
                assert_eq!(fault.replaced_by, Some(slot.sample()));
            }
        }
    }
}

#[test]
fn notes_and_annotations_belong_to_a_view() {
    let text = r#"
        batch = 6
        [joint]
        [[view]]
        count = 4
        ops = [ { op = "rotate90", turns = "view" }, { op = "resize", size = [8, 8] } ]
        [[view]]
        ops = [ { op = "resize", size = [8, 8] } ]
    "#;
    let batch = first_batch(pixels(12), Recipe::from_toml(text).unwrap());
    for slot in batch.slots() {
        for k in 0..4 {
            let view = slot.view(0, k);
            assert_eq!(view.note("rotate90.turns"), Some(&[k as i64][..]));
            assert_eq!(
                view.notes().collect::<Vec<_>>(),
                [("rotate90.turns", &[k as i64][..])]
            );
            assert!(view.annotations().unwrap().boxes.is_empty());
        }
        let plain = slot.view(1, 0);
        assert!(plain.note("rotate90.turns").is_none() && plain.notes().next().is_none());
    }
}

#[test]
fn a_batch_names_its_samples_after_its_loader_is_gone() {
    let named = pixels(20).with_classes(["a", "b", "c", "d", "e", "f", "g"]);
    let recipe = recipe(8, "")
        .with_order(feedmill::plan::Order::Sequential)
        .with_last(Last::Keep);
    let batch = first_batch(named.unwrap(), recipe);
    let names: Vec<String> = batch.names().collect();
    assert_eq!(batch.names().len(), 8);
    assert_eq!(names[3], "memory record 3");
    assert_eq!(batch.slot(3).name(), names[3]);
    assert_eq!(batch.slot(3).class_name(), Some("d"));
}

#[test]
fn slots_of_a_rank_count_on_in_the_global_batch() {
    let source: Memory = pixels(40);
    let recipe = recipe(8, MIX).with_last(Last::Drop);
    let loader = load(source, recipe).unwrap();
    let whole = loader.epoch(0).unwrap().next().unwrap().unwrap();
    let world = feedmill::World::new(1, 2).unwrap();
    let loader = load(
        jittery(40, Access::Blocking),
        self::recipe(8, MIX).with_last(Last::Drop),
    );
    let loader = loader.unwrap().with_world(world).unwrap();
    let part = loader.epoch(0).unwrap().next().unwrap().unwrap();
    for slot in part.slots() {
        assert_eq!(slot.global_index(), slot.index() + 4);
        let same = whole.slot(slot.global_index());
        assert_eq!(
            (slot.sample(), slot.digest()),
            (same.sample(), same.digest())
        );
        let partners = [slot, same].map(|slot| slot.partner().map(|partner| partner.sample()));
        assert_eq!(partners[0], partners[1]);
    }
}

#[test]
#[should_panic(expected = "slot 8 of 8")]
fn a_slot_that_does_not_exist_is_a_panic() {
    let _ = first_batch(pixels(9), recipe(8, "")).slot(8);
}

#[test]
#[should_panic(expected = "view 1 of a view group of 1")]
fn a_view_that_does_not_exist_is_a_panic() {
    let batch = first_batch(pixels(9), recipe(8, ""));
    let _ = batch.slot(0).view(0, 1);
}
