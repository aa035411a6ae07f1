//! Targets in batches. A target that cannot be right is a fault of its sample, and mixing never
//! spreads it to other slots.

use feedmill::Kind;
use feedmill::recipe::OnBad;
use feedmill::sample::Target;

use crate::support::*;

/// The first error of an epoch over 16 samples with these targets.
fn first_error(target: impl Fn(u64) -> Target + Send + Sync + 'static) -> feedmill::Error {
    let strict = recipe(8, MIX).with_on_bad(OnBad::Fail);
    let loader = load(labeled(16, target), strict).unwrap();
    let mut batches = loader.epoch(0).unwrap();
    batches.find_map(Result::err).expect("a bad label")
}

#[test]
fn labels_out_of_range_name_the_sample_and_the_range() {
    let error = first_error(|id| Target::Class(if id == 5 { 7 } else { 0 }));
    assert_eq!((error.kind(), error.sample()), (Kind::Corrupt, Some(5)));
    assert!(
        error.to_string().contains("class 7") && error.to_string().contains("0 to 6"),
        "{error}"
    );
}

#[test]
fn weights_that_are_not_finite_or_of_another_number_are_faults() {
    for bad in [f32::NAN, f32::INFINITY, -0.5] {
        let error = first_error(move |id| {
            let mut weights = vec![0.0; 7];
            weights[3] = if id == 9 { bad } else { 1.0 };
            Target::Soft(weights)
        });
        assert_eq!(error.sample(), Some(9));
        assert!(error.to_string().contains("weight of class 3"), "{error}");
    }
    let error = first_error(|id| {
        Target::Soft([&[1.0][..], &vec![0.0; if id == 9 { 5 } else { 6 }]].concat())
    });
    assert_eq!(error.sample(), Some(9));
}

#[test]
fn a_bad_label_never_spreads_by_mixing() {
    let source = labeled(16, |id| {
        let mut weights = vec![0.0; 7];
        weights[id as usize % 7] = if id % 4 == 0 { f32::NAN } else { 1.0 };
        Target::Soft(weights)
    });
    let tolerant = recipe(8, MIX).with_on_bad(OnBad::Skip { at_most: 1.0 });
    for batch in load(source, tolerant).unwrap().epoch(0).unwrap() {
        let batch = batch.unwrap();
        assert_eq!(
            batch.faults().len(),
            batch.samples().iter().filter(|id| *id % 4 == 0).count()
        );
        assert!(
            batch
                .targets()
                .dense()
                .unwrap()
                .iter()
                .all(|weight| weight.is_finite())
        );
    }
}

#[test]
fn dense_rows_sum_to_one_and_weigh_by_lam() {
    let recipe = recipe(8, MIX).with_target(dense(0.1));
    let loader = load(pixels(40), recipe).unwrap();
    for batch in loader.epoch(0).unwrap() {
        let batch = batch.unwrap();
        let rows = batch.targets().dense().unwrap();
        for (slot, row) in rows.chunks_exact(7).enumerate() {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            let mix = &batch.mix()[slot];
            let own = batch.samples()[slot] as usize % 7;
            let other = batch.samples()[mix.partner as usize] as usize % 7;
            let expected = |class: usize| {
                let smoothed = |c: usize| {
                    if c == class {
                        0.9 + 0.1 / 7.0
                    } else {
                        0.1 / 7.0
                    }
                };
                mix.lam * smoothed(own) + (1.0 - mix.lam) * smoothed(other)
            };
            for (class, weight) in row.iter().enumerate() {
                assert!(
                    (weight - expected(class)).abs() < 1e-6,
                    "slot {slot}, class {class}"
                );
            }
        }
    }
}

#[test]
fn index_pair_and_multi_label_forms_say_what_the_source_said() {
    let plain = load(pixels(16), recipe(8, ""))
        .unwrap()
        .reference_batch(0, 0)
        .unwrap();
    let classes: Vec<i64> = plain.samples().iter().map(|id| *id as i64 % 7).collect();
    assert_eq!(plain.targets().index().unwrap(), classes);
    assert!(
        plain
            .targets()
            .dense()
            .unwrap_err()
            .to_string()
            .contains("target.form")
    );

    let pair = dense(0.0).with_form(feedmill::recipe::TargetForm::Pair);
    let mixed = load(pixels(16), recipe(8, MIX).with_target(pair))
        .unwrap()
        .reference_batch(0, 0)
        .unwrap();
    let (a, b, lam) = mixed.targets().pair().unwrap();
    for slot in 0..8 {
        let mix = &mixed.mix()[slot];
        assert_eq!(a[slot], mixed.samples()[slot] as i64 % 7);
        assert_eq!(b[slot], mixed.samples()[mix.partner as usize] as i64 % 7);
        assert_eq!(lam[slot], mix.lam);
    }

    let source = labeled(16, |id| {
        if id % 2 == 0 {
            Target::Multi(vec![1, 4])
        } else {
            Target::None
        }
    });
    let multi = load(source, recipe(8, "").with_target(dense(0.0)))
        .unwrap()
        .reference_batch(0, 0)
        .unwrap();
    for (slot, row) in multi.targets().dense().unwrap().chunks_exact(7).enumerate() {
        let on = if multi.samples()[slot].is_multiple_of(2) {
            1.0
        } else {
            0.0
        };
        assert_eq!(row, [0.0, on, 0.0, 0.0, on, 0.0, 0.0]);
    }
}
