use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn shares<const N: usize>(sources: [(u64, f64); N]) -> Vec<Share> {
    sources
        .map(|(len, weight)| Share {
            len,
            weight: weight.into(),
        })
        .into()
}

fn one(samples: u64) -> Vec<Share> {
    shares([(samples, 1.0)])
}

fn new(
    seed: u64,
    sources: Vec<Share>,
    order: Order,
    batch: usize,
    last: Last,
    (world, group): (World, usize),
) -> Result<Plan> {
    Plan::new(
        Setup {
            seed,
            sources,
            order,
            batch,
            last,
            world,
            group,
            ..Setup::default()
        },
        SampleMetadata::new(),
    )
}

fn plan(samples: u64, order: Order, batch: usize, last: Last) -> Plan {
    new(7, one(samples), order, batch, last, (World::SINGLE, 1)).unwrap()
}

fn visits(plan: &Plan, epoch: u32) -> Vec<Slot> {
    (0..plan.batches())
        .flat_map(|index| plan.batch(epoch, index).slots)
        .collect()
}

const ORDERS: [Order; 4] = [
    Order::Sequential,
    Order::Shuffle,
    Order::Blocks {
        block: 7,
        window: 3,
    },
    Order::Blocks {
        block: 64,
        window: 2,
    },
];

#[test]
fn every_sample_comes_exactly_once_an_epoch() {
    for order in ORDERS {
        for samples in [1, 2, 6, 7, 8, 20, 21, 22, 100, 127, 128, 129, 5000] {
            for last in [Last::Keep, Last::Pad, Last::Wrap] {
                let plan = plan(samples, order, 8, last);
                let slots = visits(&plan, 3);
                let valid: Vec<u64> = slots[..samples as usize]
                    .iter()
                    .map(|slot| slot.visit.sample)
                    .collect();
                assert_eq!(
                    valid.iter().collect::<HashSet<_>>().len() as u64,
                    samples,
                    "{order:?} {samples}"
                );
                assert!(valid.iter().all(|&sample| sample < samples));
                let marked = slots.iter().filter(|slot| slot.valid).count() as u64;
                let full = samples.div_ceil(8) * 8;
                let expected = if last == Last::Wrap { full } else { samples };
                assert_eq!(marked, expected);
                let unique: HashSet<Visit> = slots.iter().map(|slot| slot.visit).collect();
                assert_eq!(unique.len(), slots.len(), "a visit comes twice");
            }
        }
    }
}

#[test]
fn epochs_and_seeds_differ_unless_sequential() {
    let a = plan(1000, Order::Shuffle, 8, Last::Drop);
    assert_ne!(visits(&a, 0), visits(&a, 1));
    let b = new(
        8,
        one(1000),
        Order::Shuffle,
        8,
        Last::Drop,
        (World::SINGLE, 1),
    )
    .unwrap();
    assert_ne!(visits(&a, 0), visits(&b, 0));
    let sequential = plan(1000, Order::Sequential, 8, Last::Drop);
    assert_eq!(visits(&sequential, 0), visits(&sequential, 1));
}

#[test]
fn blocks_stay_within_their_windows() {
    let plan = plan(
        1000,
        Order::Blocks {
            block: 10,
            window: 4,
        },
        40,
        Last::Keep,
    );
    for index in 0..plan.batches() {
        let blocks: HashSet<u64> = plan
            .batch(0, index)
            .slots
            .iter()
            .map(|slot| slot.visit.sample / 10)
            .collect();
        assert_eq!(blocks.len(), 4, "a batch of one window reads four blocks");
    }
}

#[test]
fn the_number_of_batches_is_exact() {
    for (samples, batch, last, expected) in [
        (100, 8, Last::Drop, 12),
        (100, 8, Last::Keep, 13),
        (100, 8, Last::Pad, 13),
        (100, 8, Last::Wrap, 13),
        (96, 8, Last::Keep, 12),
        (3, 8, Last::Wrap, 1),
    ] {
        let plan = plan(samples, Order::Shuffle, batch, last);
        assert_eq!(plan.batches(), expected);
        let sizes: Vec<usize> = (0..expected)
            .map(|index| plan.batch(0, index).slots.len())
            .collect();
        assert!(sizes[..sizes.len() - 1].iter().all(|&size| size == batch));
        let rest = if last == Last::Keep && samples % 8 > 0 {
            samples as usize % 8
        } else {
            8
        };
        assert_eq!(*sizes.last().unwrap(), rest);
    }
}

#[test]
fn ranks_join_to_the_global_batch() {
    for ranks in 1..=64u32 {
        let batch = 64 * 9;
        if batch % ranks as usize != 0 {
            continue;
        }
        let global = plan(2000, Order::Shuffle, batch, Last::Pad);
        for index in 0..global.batches() {
            let joined: Vec<Slot> = (0..ranks)
                .flat_map(|rank| {
                    let world = World::new(rank, ranks).unwrap();
                    let plan =
                        new(7, one(2000), Order::Shuffle, batch, Last::Pad, (world, 1)).unwrap();
                    let part = plan.batch(2, index);
                    assert_eq!(part.first, rank as usize * batch / ranks as usize);
                    part.slots
                })
                .collect();
            assert_eq!(joined, global.batch(2, index).slots);
        }
    }
}

#[test]
fn a_blend_keeps_its_quotas_at_every_batch_and_without_a_shuffle_at_every_slot() {
    let weights = [0.7, 0.2, 0.1];
    for (order, step) in [(Order::Shuffle, 10), (Order::Sequential, 1)] {
        let sources = shares([(500, weights[0]), (40, weights[1]), (4000, weights[2])]);
        let plan = new(7, sources, order, 10, Last::Drop, (World::SINGLE, 1)).unwrap();
        let all = visits(&plan, 0);
        assert_eq!(all.len(), 4540);
        let mut counts = [0u32; 3];
        for (position, slot) in all.iter().enumerate() {
            counts[plan.source_of(slot.visit.sample)] += 1;
            if (position + 1) % step == 0 {
                for (count, weight) in counts.iter().zip(weights) {
                    let owed = (position + 1) as f64 * weight;
                    assert!(
                        (f64::from(*count) - owed).abs() < 1.0,
                        "{order:?} {position}: {counts:?}"
                    );
                }
            }
        }
        let unique: HashSet<Visit> = all.iter().map(|slot| slot.visit).collect();
        assert_eq!(
            unique.len(),
            all.len(),
            "a repeated sample is another occurrence"
        );
        // A source goes through all of its samples before it starts over.
        let firsts: HashSet<u64> = all
            .iter()
            .map(|s| s.visit)
            .filter(|v| v.occurrence == 0 && v.sample < 500)
            .map(|v| v.sample)
            .collect();
        assert_eq!(firsts.len(), 500);
    }
}

#[test]
fn a_blend_follows_its_schedule_over_epochs() {
    let mut sources = shares([(100, 1.0), (50, 0.0)]);
    sources[1].weight = Curve::linear([0.0, 1.0], [0, 10]).unwrap();
    let plan = new(
        7,
        sources,
        Order::Shuffle,
        10,
        Last::Drop,
        (World::SINGLE, 1),
    )
    .unwrap();
    for (epoch, share) in [(0, 0.0), (5, 1.0 / 3.0), (10, 0.5), (30, 0.5)] {
        let second = visits(&plan, epoch)
            .iter()
            .filter(|slot| slot.visit.sample >= 100)
            .count();
        assert!(
            (second as f64 - share * 150.0).abs() < 1.0,
            "epoch {epoch}: {second}"
        );
    }
}

#[test]
fn a_replacement_is_drawn_from_the_same_source() {
    let sources = shares([(500, 1.0), (40, 1.0)]);
    let plan = new(
        7,
        sources,
        Order::Shuffle,
        10,
        Last::Drop,
        (World::SINGLE, 1),
    )
    .unwrap();
    for attempt in 0..50 {
        assert!(plan.replacement(0, 1, 3, 499, attempt).sample < 500);
        assert!((500..540).contains(&plan.replacement(0, 1, 3, 500, attempt).sample));
    }
    assert_eq!(
        plan.replacement(0, 1, 3, 2, 0),
        plan.replacement(0, 1, 3, 2, 0)
    );
}

#[test]
fn what_cannot_work_is_refused_with_the_way_out() {
    let world = |ranks| World::new(0, ranks).unwrap();
    let refused = |sources: Vec<Share>, order, batch, last, world, group| {
        new(7, sources, order, batch, last, (world, group))
            .unwrap_err()
            .to_string()
    };
    let shuffle = Order::Shuffle;
    assert!(refused(one(0), shuffle, 8, Last::Drop, world(1), 1).contains("no samples"));
    assert!(refused(one(10), shuffle, 0, Last::Drop, world(1), 1).contains("batch = 0"));
    assert!(
        refused(one(10), shuffle, 16, Last::Drop, world(1), 1).contains("do not fill one batch")
    );
    assert!(
        refused(one(100), shuffle, 10, Last::Drop, world(4), 1).contains("4 ranks do not divide")
    );
    assert!(refused(one(100), shuffle, 64, Last::Drop, world(4), 32).contains("mix.group"));
    assert!(refused(one(100), shuffle, 8, Last::Keep, world(2), 1).contains("equal shares"));
    let blocks = Order::Blocks {
        block: 0,
        window: 1,
    };
    assert!(refused(one(100), blocks, 8, Last::Drop, world(1), 1).contains("positive"));
    for (weights, said) in [
        ([f64::NAN, 1.0], "source 0"),
        ([1.0, -1.0], "source 1"),
        ([0.0, 0.0], "all 0"),
    ] {
        let sources = shares([(5, weights[0]), (5, weights[1])]);
        let text = refused(sources, shuffle, 8, Last::Drop, world(1), 1);
        assert!(text.contains("weight") && text.contains(said), "{text}");
    }
    // Two ramps that are both 0 in between.
    let mut fading = shares([(5, 1.0), (5, 1.0)]);
    fading[0].weight = Curve::linear([1.0, 0.0], [0, 10]).unwrap();
    fading[1].weight = Curve::linear([0.0, 1.0], [20, 30]).unwrap();
    assert!(refused(fading, shuffle, 8, Last::Drop, world(1), 1).contains("in epoch 10"));
}

proptest! {
    #[test]
    fn huge_data_sets_stay_in_range(
        samples in prop_oneof![
            Just((1u64 << 32) - 1),
            Just(1 << 32),
            Just((1u64 << 32) + 1),
            Just(1u64 << 40),
        ],
        share in 0.0f64..1.0,
        block in 1u64..100_000,
    ) {
        for order in [Order::Shuffle, Order::Blocks { block, window: 3 }] {
            let plan = plan(samples, order, 4, Last::Wrap);
            let index = ((plan.batches() as f64 * share) as u64).min(plan.batches() - 1);
            for slot in plan.batch(0, index).slots {
                prop_assert!(slot.visit.sample < samples);
            }
        }
    }
}

/// A source that a selection leaves alone may not fade out, whatever the others do.
#[test]
fn a_blend_whose_only_chosen_source_fades_out_is_refused() {
    let mut sources = shares([(10, 1.0), (10, 1.0)]);
    sources[1].weight = Curve::stages([(0, 1.0), (7, 0.0)]).unwrap();
    let subset = |samples: std::ops::Range<u64>| {
        let select = vec![Subset::new(samples).into()];
        let setup = Setup {
            sources: sources.clone(),
            select,
            batch: 5,
            ..Setup::default()
        };
        Plan::new(setup, SampleMetadata::new())
    };
    subset(0..20).unwrap().batch(7, 0);
    let text = subset(10..20).unwrap_err().to_string();
    assert!(
        text.contains("in epoch 7") && text.contains("all 0"),
        "{text}"
    );
}
