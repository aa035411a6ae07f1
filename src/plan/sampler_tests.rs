//! Properties that every sampler keeps, and what each one promises.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;

use super::*;

/// The number of samples, and their classes: `sizes[c]` samples of class `c`, shuffled, so that the
/// samples of a class are not neighbors.
fn facts(sizes: &[u32]) -> (u64, SampleMetadata) {
    let mut of: Vec<u32> = (0..)
        .zip(sizes)
        .flat_map(|(class, &n)| std::iter::repeat_n(class, n as usize))
        .collect();
    RandomStream::in_domain(1, 2, Domain::Plan, 3, 4).shuffle(&mut of);
    let samples = of.len() as u64;
    (
        samples,
        SampleMetadata::new().with(
            By::Class,
            Grouping {
                of,
                names: Vec::new(),
                count: sizes.len() as u32,
            },
        ),
    )
}

fn setup(samples: u64, sampler: impl Into<Sampler>, batch: usize) -> Setup {
    let sources = vec![Share {
        len: samples,
        weight: 1.0.into(),
    }];
    Setup {
        seed: 7,
        sources,
        sampler: sampler.into(),
        batch,
        ..Setup::default()
    }
}

fn plan(sizes: &[u32], sampler: impl Into<Sampler>, batch: usize) -> Plan {
    let (samples, metadata) = facts(sizes);
    Plan::new(setup(samples, sampler, batch), metadata).unwrap()
}

fn refused(sizes: &[u32], change: impl FnOnce(&mut Setup)) -> String {
    let (samples, metadata) = facts(sizes);
    let mut setup = setup(samples, Sampler::default(), 8);
    change(&mut setup);
    Plan::new(setup, metadata).unwrap_err().to_string()
}

fn class(plan: &Plan, slot: &Slot) -> u32 {
    plan.metadata.grouping(&By::Class).unwrap().of[slot.visit.sample as usize]
}

fn batches(plan: &Plan, epoch: u32) -> Vec<Vec<Slot>> {
    (0..plan.batches_at(epoch))
        .map(|index| plan.batch(epoch, index).slots)
        .collect()
}

fn visits(plan: &Plan, epoch: u32) -> Vec<Slot> {
    batches(plan, epoch).concat()
}

fn unique(slots: &[Slot]) -> usize {
    slots
        .iter()
        .map(|slot| slot.visit)
        .collect::<HashSet<_>>()
        .len()
}

/// Chi-square of counts against expected ones, in standard deviations from its mean.
fn sigmas(counts: &[u64], expected: &[f64]) -> f64 {
    let cells = expected.iter().filter(|expected| **expected > 0.0).count() as f64;
    let chi: f64 = counts
        .iter()
        .zip(expected)
        .filter(|(count, expected)| {
            assert!(
                **expected > 0.0 || **count == 0,
                "what has no weight was drawn"
            );
            **expected > 0.0
        })
        .map(|(count, expected)| (*count as f64 - expected).powi(2) / expected)
        .sum();
    (chi - (cells - 1.0)) / (2.0 * (cells - 1.0)).sqrt()
}

#[test]
fn weights_are_followed_with_replacement() {
    let weights: Vec<f64> = (0..20).map(|sample| f64::from(sample % 5)).collect();
    let total: f64 = weights.iter().sum();
    let plan = plan(
        &[20],
        Weighted::new(Values::List(weights.clone())).with_length(4000),
        8,
    );
    let mut counts = vec![0; 20];
    let mut drawn = 0;
    for epoch in 0..5 {
        let slots = visits(&plan, epoch);
        assert_eq!(
            (slots.len(), unique(&slots)),
            (4000, 4000),
            "each draw is augmented by itself"
        );
        slots
            .iter()
            .for_each(|slot| counts[slot.visit.sample as usize] += 1);
        drawn += slots.len();
    }
    let expected: Vec<f64> = weights
        .iter()
        .map(|weight| weight / total * drawn as f64)
        .collect();
    let sigmas = sigmas(&counts, &expected);
    assert!(sigmas.abs() < 4.0, "{sigmas}");
}

#[test]
fn weights_are_followed_without_replacement_and_no_sample_comes_twice() {
    let weights: Vec<f64> = (0..10).map(|sample| f64::from(sample % 5)).collect();
    let plan = plan(
        &[10],
        Weighted::new(Values::List(weights.clone())).with_replacement(false),
        8,
    );
    let total: f64 = weights.iter().sum();
    let (mut firsts, mut counts) = (vec![0; 10], vec![0; 10]);
    let epochs = 4000;
    for epoch in 0..epochs {
        let slots = visits(&plan, epoch);
        firsts[slots[0].visit.sample as usize] += 1;
        let samples: HashSet<u64> = slots.iter().map(|slot| slot.visit.sample).collect();
        assert_eq!(samples.len(), 8, "the 8 of positive weight, each once");
        samples
            .iter()
            .for_each(|sample| counts[*sample as usize] += 1);
    }
    let expected: Vec<f64> = weights
        .iter()
        .map(|weight| weight / total * f64::from(epochs))
        .collect();
    let sigmas = sigmas(&firsts, &expected);
    assert!(sigmas.abs() < 4.0, "{sigmas}");
    assert!(
        counts
            .iter()
            .zip(&weights)
            .all(|(count, weight)| *count == if *weight > 0.0 { epochs } else { 0 })
    );
}

#[test]
fn classes_are_balanced_exactly_and_gone_through_whole() {
    let sizes = [3, 50, 7, 40];
    let plan = plan(&sizes, Balanced::new(), 10);
    let mut counts = [0u32; 4];
    let slots = visits(&plan, 0);
    assert_eq!(slots.len(), 100);
    for (position, slot) in slots.iter().enumerate() {
        counts[class(&plan, slot) as usize] += 1;
        assert_eq!(slot.group, Some(class(&plan, slot)));
        if (position + 1) % 10 == 0 {
            let owed = (position + 1) as f64 / 4.0;
            assert!(
                counts
                    .iter()
                    .all(|count| (f64::from(*count) - owed).abs() < 1.0),
                "{position}: {counts:?}"
            );
        }
    }
    assert_eq!(counts, [25; 4]);
    assert_eq!(unique(&slots), 100);
    let of_class = |class_: u32| {
        slots
            .iter()
            .filter(|slot| class(&plan, slot) == class_)
            .count()
    };
    assert_eq!(of_class(0), 25, "a class of 3 comes in laps");
    let first_lap: HashSet<u64> = slots
        .iter()
        .filter(|slot| class(&plan, slot) == 0 && slot.visit.occurrence == 0)
        .map(|slot| slot.visit.sample)
        .collect();
    assert_eq!(first_lap.len(), 3);
    assert_ne!(visits(&plan, 0), visits(&plan, 1));
}

#[test]
fn shares_follow_the_temperature_with_and_without_replacement() {
    let sizes = [100u32, 400, 900];
    for (temperature, shares) in [
        (Some(1.0), [100.0, 400.0, 900.0]),
        (Some(2.0), [10.0, 20.0, 30.0]),
        (None, [1.0, 1.0, 1.0]),
    ] {
        let total: f64 = shares.iter().sum();
        let balanced = temperature
            .map_or(Balanced::new(), |t| Balanced::new().with_temperature(t))
            .with_length(6000);
        let count = |sampler: Balanced, epochs: u32| {
            let plan = plan(&sizes, sampler, 50);
            let mut counts = [0u64; 3];
            let slots = (0..epochs).flat_map(|epoch| visits(&plan, epoch));
            slots.for_each(|slot| counts[class(&plan, &slot) as usize] += 1);
            counts
        };
        let dealt = count(balanced.clone(), 1);
        for (count, share) in dealt.iter().zip(shares) {
            assert!(
                (*count as f64 - share / total * 6000.0).abs() < 1.0,
                "{temperature:?}: {dealt:?}"
            );
        }
        let drawn = count(balanced.with_replacement(true), 2);
        let expected = shares.map(|share| share / total * 12_000.0);
        let sigmas = sigmas(&drawn, &expected);
        assert!(sigmas.abs() < 4.0, "{temperature:?}: {drawn:?}, {sigmas}");
    }
    let cooling = Curve::stages([(0, 1.0), (5, 1e6)]).unwrap();
    let plan = plan(
        &sizes,
        Balanced::new().with_temperature(cooling).with_length(300),
        50,
    );
    let first = |epoch| {
        visits(&plan, epoch)
            .iter()
            .filter(|slot| class(&plan, slot) == 0)
            .count()
    };
    assert!((first(0) as i32 - 21).abs() <= 1 && (first(5) as i32 - 100).abs() <= 1);
}

#[test]
fn repeats_come_in_one_batch_apart_from_each_other() {
    let plan = plan(&[96], Ordered::new().with_repeats(3), 24);
    assert_eq!(
        plan.batches(),
        4,
        "an epoch has as many slots as samples, as in DeiT"
    );
    for slots in batches(&plan, 0) {
        for (slot, one) in slots[..8].iter().enumerate() {
            let copies = [&slots[slot + 8], &slots[slot + 16]];
            assert_eq!(one.visit.occurrence, 0);
            for (copy, other) in (1..).zip(copies) {
                assert_eq!(
                    *other,
                    Slot {
                        visit: Visit {
                            occurrence: copy,
                            ..one.visit
                        },
                        ..*one
                    }
                );
            }
        }
    }
    let samples: HashSet<u64> = visits(&plan, 0)
        .iter()
        .map(|slot| slot.visit.sample)
        .collect();
    assert_eq!(samples.len(), 32);
    let all = self::plan(&[96], Ordered::new().with_repeats(3).with_length(288), 24);
    assert_eq!(unique(&visits(&all, 0)), 288);
}

#[test]
fn a_pk_batch_has_p_classes_with_k_samples_each() {
    let sizes = [9, 4, 5, 30, 6, 2, 8];
    let p_and_k = |plan: &Plan, distinct: bool| {
        let mut seen = BTreeSet::new();
        for slots in (0..3).flat_map(|epoch| batches(plan, epoch)) {
            let mut classes = BTreeSet::new();
            for items in slots.chunks(4) {
                classes.insert(class(plan, &items[0]));
                assert!(
                    items
                        .iter()
                        .all(|slot| slot.group == Some(class(plan, &items[0])))
                );
                assert!(
                    items
                        .iter()
                        .all(|slot| class(plan, slot) == class(plan, &items[0]))
                );
                let samples: HashSet<u64> = items.iter().map(|slot| slot.visit.sample).collect();
                let small = sizes[class(plan, &items[0]) as usize] < 4;
                assert!(samples.len() == 4 || small || !distinct, "{items:?}");
            }
            assert_eq!(classes.len(), 3, "three different classes");
            seen.extend(classes);
        }
        seen.len()
    };
    let pk = Pk::new(3, 4);
    assert_eq!(p_and_k(&plan(&sizes, pk.clone(), 12), true), 7);
    assert_eq!(
        p_and_k(
            &plan(&sizes, pk.clone().with_replacement(Replacement::Always), 12),
            false
        ),
        7
    );
    let without_small = pk
        .with_replacement(Replacement::Never)
        .with_skip_small(true)
        .with_batches(50);
    let plan = plan(&sizes, without_small, 12);
    assert_eq!((plan.batches(), p_and_k(&plan, true)), (50, 6));
    assert_eq!(unique(&visits(&plan, 0)), 600);
}

#[test]
fn all_classes_are_chosen_alike() {
    let plan = plan(&[10; 8], Pk::new(2, 4).with_batches(2000), 8);
    let mut counts = vec![0; 8];
    for slots in batches(&plan, 0) {
        slots
            .chunks(4)
            .for_each(|items| counts[class(&plan, &items[0]) as usize] += 1);
    }
    // Two of eight without replacement: the variance is 3/4 x 6/7 of that of independent draws.
    let sigmas = sigmas(&counts, &[500.0; 8]);
    assert!(sigmas.abs() < 4.0, "{counts:?}: {sigmas}");
}

#[test]
fn an_episode_has_disjoint_support_and_queries_of_n_classes() {
    let sizes = [9, 12, 20, 30, 8, 7, 15];
    let plan = plan(&sizes, Episodes::new(3, 2, 5).with_batches(40), 42);
    for slots in batches(&plan, 2) {
        for (episode, slots) in slots.chunks(21).enumerate() {
            let (support, queries) = slots.split_at(6);
            assert!(support.iter().all(|slot| slot.role == EpisodeRole::Support));
            assert!(queries.iter().all(|slot| slot.role == EpisodeRole::Query));
            let samples: HashSet<u64> = slots.iter().map(|slot| slot.visit.sample).collect();
            assert_eq!(
                samples.len(),
                21,
                "support and queries have no sample in common"
            );
            let mut classes = BTreeMap::new();
            for slot in slots {
                let way = slot.group.unwrap();
                assert_eq!(way as usize / 3, episode);
                assert_eq!(
                    *classes.entry(way).or_insert(class(&plan, slot)),
                    class(&plan, slot)
                );
            }
            assert_eq!(classes.values().collect::<BTreeSet<_>>().len(), 3);
            for way in classes.keys() {
                let of =
                    |slots: &[Slot]| slots.iter().filter(|slot| slot.group == Some(*way)).count();
                assert_eq!((of(support), of(queries)), (2, 5));
            }
        }
    }
    assert_eq!(visits(&plan, 2), visits(&plan, 2));
    assert_ne!(visits(&plan, 2), visits(&plan, 3));
}

#[test]
fn unbalanced_queries_keep_their_number() {
    let plan = plan(
        &[9, 12, 20, 30, 8, 17, 15],
        Episodes::new(5, 1, 6)
            .with_query_alpha(2.0)
            .with_batches(60),
        35,
    );
    let mut unequal = 0;
    for slots in batches(&plan, 0) {
        let samples: HashSet<u64> = slots.iter().map(|slot| slot.visit.sample).collect();
        assert_eq!(samples.len(), 35);
        let queries: Vec<usize> = (0..5)
            .map(|way| {
                slots
                    .iter()
                    .filter(|s| s.role == EpisodeRole::Query && s.group == Some(way))
                    .count()
            })
            .collect();
        assert_eq!(queries.iter().sum::<usize>(), 30);
        unequal += usize::from(queries != [6; 5]);
    }
    assert!(unequal > 50, "{unequal}");
}

#[test]
fn a_grouped_batch_has_one_group() {
    let sizes = [9, 16, 31];
    for (last, expected) in [
        (Last::Drop, 6),
        (Last::Keep, 8),
        (Last::Pad, 8),
        (Last::Wrap, 8),
    ] {
        let (samples, metadata) = facts(&sizes);
        let plan = Plan::new(
            Setup {
                last,
                ..setup(samples, Grouped::new(By::Class), 8)
            },
            metadata,
        )
        .unwrap();
        let all = batches(&plan, 0);
        assert_eq!(all.len(), expected, "{last:?}");
        for slots in &all {
            assert_eq!(
                slots
                    .iter()
                    .map(|slot| class(&plan, slot))
                    .collect::<BTreeSet<_>>()
                    .len(),
                1
            );
            assert!(
                slots
                    .iter()
                    .all(|slot| slot.group == Some(class(&plan, slot)))
            );
        }
        let all = all.concat();
        let valid: Vec<Slot> = all.iter().filter(|slot| slot.valid).copied().collect();
        let samples: HashSet<u64> = valid.iter().map(|slot| slot.visit.sample).collect();
        assert_eq!(
            (samples.len(), unique(&all)),
            (if last == Last::Drop { 48 } else { 56 }, all.len())
        );
        assert_eq!(
            valid.len(),
            if last == Last::Wrap {
                64
            } else {
                samples.len()
            }
        );
    }
    let tempered = plan(
        &sizes,
        Grouped::new(By::Class)
            .with_temperature(1e9)
            .with_batches(30),
        8,
    );
    let mut counts = [0; 3];
    batches(&tempered, 0)
        .iter()
        .for_each(|slots| counts[class(&tempered, &slots[0]) as usize] += 1);
    assert_eq!(counts, [10; 3]);
}

#[test]
fn no_image_comes_twice_in_a_batch_and_all_captions_come_in_turn() {
    let sizes: Vec<u32> = (0..20).map(|image| 1 + image % 5).collect();
    let plan = plan(&sizes, Unique::new(By::Class), 8);
    assert_eq!(plan.batches(), 3);
    let mut seen: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    for epoch in 0..5 {
        for slots in batches(&plan, epoch) {
            let images: BTreeSet<u32> = slots.iter().map(|slot| class(&plan, slot)).collect();
            assert_eq!(images.len(), 8);
        }
        for slot in &visits(&plan, epoch)[..20] {
            seen.entry(class(&plan, slot))
                .or_default()
                .insert(slot.visit.sample);
        }
    }
    let seen: Vec<u32> = seen
        .values()
        .map(|captions| captions.len() as u32)
        .collect();
    assert_eq!(seen, sizes);
}

#[test]
fn variants_come_together_and_each_once() {
    let (samples, metadata) = facts(&[3, 1, 5, 2]);
    let variants = setup(samples, Variants::new(By::Class), 4);
    let plan = Plan::new(
        Setup {
            last: Last::Keep,
            ..variants
        },
        metadata,
    )
    .unwrap();
    let slots = visits(&plan, 0);
    let groups: Vec<u32> = slots.iter().map(|slot| slot.group.unwrap()).collect();
    assert_eq!(groups, [0, 0, 0, 1, 2, 2, 2, 2, 2, 3, 3]);
    let samples: Vec<u64> = slots.iter().map(|slot| slot.visit.sample).collect();
    assert_eq!(samples.iter().collect::<HashSet<_>>().len(), 11);
    assert!(
        slots
            .windows(2)
            .all(|two| two[0].group != two[1].group || two[0].visit < two[1].visit)
    );
    assert_eq!(slots, visits(&plan, 9));
}

/// A sampler of each kind, for batches of 12 from classes of [`SIZES`].
fn each_kind() -> Vec<Sampler> {
    let weights = Values::List(
        (0..SIZES.iter().sum::<u32>())
            .map(|sample| f64::from(sample % 7))
            .collect(),
    );
    vec![
        Ordered::new().into(),
        Ordered::new().with_repeats(3).into(),
        Weighted::new(weights.clone()).into(),
        Weighted::new(weights).with_replacement(false).into(),
        Balanced::new().into(),
        Balanced::new().with_temperature(2.0).with_repeats(2).into(),
        Balanced::new().with_replacement(true).into(),
        Pk::new(3, 4).into(),
        Episodes::new(3, 1, 3).into(),
        Grouped::new(By::Class).into(),
        Grouped::new(By::Class).with_temperature(2.0).into(),
        Unique::new(By::Class).into(),
        Variants::new(By::Class).into(),
    ]
}

const SIZES: [u32; 13] = [12, 30, 5, 17, 8, 22, 9, 14, 6, 31, 11, 7, 13];

#[test]
fn ranks_join_to_the_global_batch_for_every_sampler() {
    for sampler in each_kind() {
        let global = plan(&SIZES, sampler.clone(), 12);
        for ranks in [2, 3, 4, 12] {
            let parts: Vec<Plan> = (0..ranks)
                .map(|rank| global.for_world(World::new(rank, ranks).unwrap()).unwrap())
                .collect();
            for index in 0..global.batches() {
                let joined: Vec<Slot> = parts
                    .iter()
                    .flat_map(|part| part.batch(1, index).slots)
                    .collect();
                assert_eq!(joined, global.batch(1, index).slots, "{sampler:?}");
                assert_eq!(parts[1].batch(1, index).first, 12 / ranks as usize);
            }
        }
    }
}

#[test]
fn any_batch_may_be_asked_for_at_any_time() {
    for sampler in each_kind() {
        let in_order = plan(&SIZES, sampler.clone(), 12);
        let expected: Vec<Vec<Vec<Slot>>> = (0..6).map(|epoch| batches(&in_order, epoch)).collect();
        assert!(
            expected
                .windows(2)
                .all(|two| two[0] != two[1] || matches!(sampler, Sampler::Variants(_)))
        );
        for epoch in (0..6).rev() {
            let fresh = plan(&SIZES, sampler.clone(), 12);
            for index in (0..fresh.batches()).rev() {
                assert_eq!(
                    fresh.batch(epoch, index).slots,
                    expected[epoch as usize][index as usize],
                    "{sampler:?}"
                );
            }
        }
    }
}

#[test]
fn a_replacement_is_of_the_same_group_and_not_in_the_batch() {
    for sampler in each_kind() {
        let plan = plan(&SIZES, sampler.clone(), 12);
        let composed = matches!(sampler, Sampler::Pk(_) | Sampler::Episodes(_));
        for (at, slot) in plan.batch(0, 1).slots.iter().enumerate() {
            for attempt in 0..5 {
                let other = plan.replacement(0, 1, at, slot.visit.sample, attempt);
                assert!(other.occurrence >= 1 << 31);
                let of = &plan.metadata.grouping(&By::Class).unwrap().of;
                if sampler.needs().is_some() {
                    assert_eq!(of[other.sample as usize], class(&plan, slot), "{sampler:?}");
                }
                let here = plan
                    .batch(0, 1)
                    .slots
                    .iter()
                    .any(|slot| slot.visit.sample == other.sample);
                assert!(!composed || !here, "{sampler:?}");
            }
        }
    }
}

#[test]
fn a_sample_is_found_where_it_comes() {
    for sampler in each_kind() {
        let plan = plan(&SIZES, sampler, 12);
        for sample in [0, 17, 100] {
            let found = plan.visits(1, sample, u64::MAX);
            for (index, at, slot) in &found {
                assert_eq!(plan.batch(1, *index).slots[*at], *slot);
            }
            let expected = visits(&plan, 1)
                .iter()
                .filter(|slot| slot.visit.sample == sample)
                .count();
            assert_eq!(found.len(), expected);
        }
    }
}

#[test]
fn what_cannot_be_composed_is_refused() {
    let few = refused(&[10, 10], |setup| {
        (setup.sampler, setup.batch) = (Pk::new(4, 2).into(), 8);
    });
    assert!(few.contains("classes = 4, but only 2 groups"), "{few}");
    let ways = refused(&[10, 10], |setup| {
        (setup.sampler, setup.batch) = (Episodes::new(4, 1, 1).into(), 8);
    });
    assert!(ways.contains("ways = 4, but only 2"), "{ways}");
    let small = refused(&[10, 3, 10, 10], |setup| {
        (setup.sampler, setup.batch) = (Episodes::new(2, 2, 2).into(), 8);
    });
    assert!(
        small.contains("class 1 has 3 samples") && small.contains("wants 4"),
        "{small}"
    );
    let small = refused(&[10, 3, 10, 10], |setup| {
        (setup.sampler, setup.batch) =
            (Pk::new(2, 4).with_replacement(Replacement::Never).into(), 8);
    });
    assert!(small.contains("class 1 has 3 samples"), "{small}");
    for sampler in [
        Sampler::from(Balanced::new()),
        Pk::new(2, 4).into(),
        Episodes::new(2, 2, 2).into(),
    ] {
        let empty = refused(&[10, 0, 10], |setup| setup.sampler = sampler);
        assert!(empty.contains("class 1 has no sample"), "{empty}");
    }
    let product = refused(&[10, 10], |setup| setup.sampler = Pk::new(2, 3).into());
    assert!(
        product.contains("batch = 8: classes x items = 6 wants batch = 6"),
        "{product}"
    );
    let weights = |weights: Vec<f64>| {
        refused(&[3], |s| {
            s.sampler = Weighted::new(Values::List(weights)).into()
        })
    };
    assert!(weights(vec![1.0, -1.0, 1.0]).contains("sample 1 has the weight -1"));
    assert!(weights(vec![1.0, 1.0, f64::NAN]).contains("sample 2 has the weight NaN"));
    assert!(weights(vec![0.0; 3]).contains("all 0"));
    assert!(weights(vec![1.0]).contains("1 numbers for 3 samples"));
    let without = refused(&[20], |setup| {
        let weights = (0..20).map(|sample| f64::from(sample % 2)).collect();
        setup.sampler = Weighted::new(Values::List(weights))
            .with_replacement(false)
            .with_length(11)
            .into();
    });
    assert!(
        without.contains("11 samples without replacement of 10"),
        "{without}"
    );
    let group = refused(&[20, 5], |setup| {
        (setup.sampler, setup.last) = (Grouped::new(By::Class).into(), Last::Drop);
    });
    assert!(
        group.contains("class 1 has 5 samples") && group.contains("batch of 8"),
        "{group}"
    );
    let images = refused(&[5, 5], |setup| {
        setup.sampler = Unique::new(By::Class).into()
    });
    assert!(
        images.contains("2 groups cannot fill a batch of 8"),
        "{images}"
    );
    let unknown = refused(&[20], |setup| {
        setup.sampler = Grouped::new(By::from("image_id")).into()
    });
    assert!(unknown.contains("image_id"), "{unknown}");
    let cold = refused(&[20], |setup| {
        setup.sampler = Balanced::new().with_temperature(0.5).into()
    });
    assert!(cold.contains("temperature = 0.5"), "{cold}");
    let copies = refused(&[20], |setup| {
        setup.sampler = Ordered::new().with_repeats(1025).into()
    });
    assert!(copies.contains("repeats = 1025"), "{copies}");
    let blocks = refused(&[20], |setup| {
        (setup.sampler, setup.order) = (
            Balanced::new().into(),
            Order::Blocks {
                block: 4,
                window: 2,
            },
        );
    });
    assert!(blocks.contains("order.blocks"), "{blocks}");
    let weighted_sources = refused(&[20], |setup| {
        let share = |weight: f64| Share {
            len: 10,
            weight: weight.into(),
        };
        (setup.sampler, setup.sources) = (Balanced::new().into(), vec![share(1.0), share(2.0)]);
    });
    assert!(
        weighted_sources.contains("sources have weights"),
        "{weighted_sources}"
    );
    let (samples, _) = facts(&[3]);
    let of = vec![0, u32::MAX, 1];
    let huge = SampleMetadata::new().with(
        By::Class,
        Grouping {
            of,
            ..Grouping::default()
        },
    );
    let error = Plan::new(setup(samples, Balanced::new(), 2), huge).unwrap_err();
    assert_eq!(error.sample(), Some(1), "{error}");
}

proptest! {
    #[test]
    fn balance_is_exact_for_any_sizes(
        sizes in prop::collection::vec(1u32..40, 1..12), batch in 1usize..17
    ) {
        let plan = plan(&sizes, Balanced::new(), batch);
        let total = sizes.iter().sum::<u32>() as usize;
        let slots = visits(&plan, 3);
        let mut counts = vec![0f64; sizes.len()];
        for (position, slot) in slots[..total / batch * batch].iter().enumerate() {
            counts[class(&plan, slot) as usize] += 1.0;
            if (position + 1) % batch == 0 {
                let owed = (position + 1) as f64 / sizes.len() as f64;
                prop_assert!(counts.iter().all(|count| (count - owed).abs() < 1.0));
            }
        }
    }

    #[test]
    fn grouped_batches_cover_every_sample_once(
        sizes in prop::collection::vec(1u32..40, 1..12), batch in 1usize..17, sequential: bool
    ) {
        let (samples, metadata) = facts(&sizes);
        let order = if sequential { Order::Sequential } else { Order::Shuffle };
        let setup = setup(samples, Grouped::new(By::Class), batch);
        let plan = Plan::new(Setup { order, last: Last::Pad, ..setup }, metadata).unwrap();
        let slots = visits(&plan, 1);
        let valid = slots.iter().filter(|slot| slot.valid);
        let valid: Vec<u64> = valid.map(|slot| slot.visit.sample).collect();
        prop_assert_eq!(valid.len() as u64, samples);
        prop_assert_eq!(valid.iter().collect::<HashSet<_>>().len() as u64, samples);
    }

    #[test]
    fn episodes_are_disjoint_for_any_sizes(
        sizes in prop::collection::vec(4u32..40, 3..12),
        shots in 1u32..3,
        queries in 0u32..3,
        unequal: bool,
    ) {
        let mut episodes = Episodes::new(3, shots, queries).with_batches(5);
        if unequal {
            episodes = episodes.with_query_alpha(0.3);
        }
        let plan = plan(&sizes, episodes, 3 * (shots + queries) as usize);
        for slots in batches(&plan, 0) {
            let samples: HashSet<u64> = slots.iter().map(|slot| slot.visit.sample).collect();
            prop_assert_eq!(samples.len(), slots.len());
            let support = slots.iter().filter(|slot| slot.role == EpisodeRole::Support).count();
            prop_assert_eq!(support as u32, 3 * shots);
        }
    }
}
