//! Ranks: the number of ranks decides which of them computes a slot, and never changes what is in
//! it.

use std::collections::BTreeSet;

use feedmill::plan::Last;
use feedmill::{Loader, World};

use crate::support::*;

/// A loader over 100 images with mixing, for one of several ranks.
fn loader(rank: u32, ranks: u32) -> Loader {
    let loader = load(pixels(100), recipe(32, MIX).with_last(Last::Pad)).unwrap();
    loader.with_world(World::new(rank, ranks).unwrap()).unwrap()
}

/// The digests of the slots of each batch of two epochs.
fn slot_digests(loader: Loader) -> Vec<Vec<u64>> {
    let epochs = loader.epochs(0..2);
    epochs
        .flatten()
        .map(|batch| {
            let batch = batch.unwrap();
            batch.slots().map(|slot| slot.digest()).collect()
        })
        .collect()
}

#[test]
fn ranks_join_to_the_same_global_batch_with_mixing() {
    let global = slot_digests(loader(0, 1));
    for ranks in [2, 4, 8] {
        let parts: Vec<Vec<Vec<u64>>> = (0..ranks)
            .map(|rank| slot_digests(loader(rank, ranks)))
            .collect();
        for (index, batch) in global.iter().enumerate() {
            let joined: Vec<u64> = parts.iter().flat_map(|part| part[index].clone()).collect();
            assert_eq!(joined, *batch, "{ranks} ranks, batch {index}");
        }
        assert!(
            parts.iter().all(|part| part.len() == global.len()),
            "every rank has the same number of batches"
        );
    }
}

#[test]
fn every_sample_comes_exactly_once_an_epoch() {
    for ranks in [1, 4] {
        let mut seen = Vec::new();
        for rank in 0..ranks {
            for batch in loader(rank, ranks).epoch(1).unwrap() {
                let batch = batch.unwrap();
                let valid = batch
                    .samples()
                    .iter()
                    .zip(batch.valid())
                    .filter(|(_, valid)| **valid);
                seen.extend(valid.map(|(sample, _)| *sample));
            }
        }
        assert_eq!(seen.len(), 100);
        assert_eq!(
            seen.into_iter().collect::<BTreeSet<u64>>(),
            (0..100).collect()
        );
    }
}

#[test]
fn a_state_moves_to_another_number_of_ranks() {
    let global = slot_digests(loader(0, 1));
    let state = loader(0, 1)
        .epoch(0)
        .unwrap()
        .nth(1)
        .unwrap()
        .unwrap()
        .state()
        .clone();
    let rest = |rank: u32| {
        let mut loader = loader(rank, 2);
        loader.resume(&state).unwrap();
        slot_digests(loader)
    };
    let parts = [rest(0), rest(1)];
    for (index, batch) in global[2..].iter().enumerate() {
        assert_eq!(
            [&parts[0][index][..], &parts[1][index][..]].concat(),
            *batch
        );
    }
}

#[test]
fn a_batch_that_ranks_do_not_divide_is_refused() {
    let refused = |ranks| {
        let loader = load(pixels(100), recipe(32, MIX)).unwrap();
        loader
            .with_world(World::new(0, ranks).unwrap())
            .unwrap_err()
            .to_string()
    };
    assert!(refused(3).contains("3 ranks do not divide"));
    assert!(
        refused(16).contains("mix.group"),
        "two slots per rank do not make a group of four"
    );
}
