use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::plan::metadata::{Grouping, Values};

/// Sample `i` has the class `i % classes` and is a caption of image `i / 3`.
fn facts(samples: u32, classes: u32) -> SampleMetadata {
    let grouping = |of: Vec<u32>| Grouping {
        of,
        ..Grouping::default()
    };
    SampleMetadata::new()
        .with(
            By::Class,
            grouping((0..samples).map(|sample| sample % classes).collect()),
        )
        .with(
            By::from("image"),
            grouping((0..samples).map(|sample| sample / 3).collect()),
        )
}

fn all(samples: u32) -> SelectedSamples {
    SelectedSamples {
        samples: (0..samples).collect(),
        weights: None,
    }
}

fn apply(select: impl Into<Select>, samples: u32, classes: u32, epoch: u32) -> Vec<u32> {
    let select = select.into();
    select.check().unwrap();
    let metadata = facts(samples, classes);
    select
        .apply(all(samples), &metadata, u64::from(samples), epoch)
        .unwrap()
        .samples
}

fn refused(select: impl Into<Select>, samples: u32, classes: u32) -> String {
    let select = select.into();
    let error = select.check().err().or_else(|| {
        let metadata = facts(samples, classes);
        let task = select.task(&metadata, 0).err();
        task.or_else(|| {
            select
                .apply(all(samples), &metadata, u64::from(samples), 0)
                .err()
        })
    });
    error.expect("refused").to_string()
}

/// Asserts that every sample is in exactly one part.
fn cover(parts: &[Vec<u32>], samples: u32) {
    let mut joined = parts.concat();
    joined.sort_unstable();
    assert_eq!(joined, (0..samples).collect::<Vec<_>>());
}

#[test]
fn a_split_is_a_disjoint_cover_of_the_asked_sizes() {
    let parts: Vec<Vec<u32>> = (0..3)
        .map(|part| apply(Split::new([7.0, 2.0, 1.0], part), 100, 5, 0))
        .collect();
    cover(&parts, 100);
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [70, 20, 10]);
    assert!(parts.iter().all(|part| part.is_sorted()));
    assert_ne!(
        parts[0],
        apply(Split::new([7.0, 2.0, 1.0], 0).with_seed(1), 100, 5, 0)
    );
}

#[test]
fn no_group_crosses_a_grouped_split() {
    let by = By::from("image");
    let parts: Vec<Vec<u32>> = (0..2)
        .map(|part| apply(Split::new([0.8, 0.2], part).with_by(by.clone()), 300, 5, 0))
        .collect();
    cover(&parts, 300);
    let images = |part: &[u32]| {
        part.iter()
            .map(|sample| sample / 3)
            .collect::<BTreeSet<_>>()
    };
    assert!(images(&parts[0]).is_disjoint(&images(&parts[1])));
    assert_eq!(parts[1].len(), 60);
}

#[test]
fn every_class_has_its_share_of_a_stratified_split() {
    let parts: Vec<Vec<u32>> = (0..2)
        .map(|part| {
            apply(
                Split::new([3.0, 1.0], part).with_within(By::Class),
                200,
                5,
                0,
            )
        })
        .collect();
    cover(&parts, 200);
    for class in 0..5 {
        assert_eq!(
            parts[1]
                .iter()
                .filter(|sample| *sample % 5 == class)
                .count(),
            10
        );
    }
}

#[test]
fn tasks_have_classes_of_their_own_in_seeded_order() {
    let classes = |samples: &[u32]| {
        samples
            .iter()
            .map(|sample| sample % 10)
            .collect::<BTreeSet<_>>()
    };
    let tasks = Tasks::in_turn(2, 3).with_first(4);
    let parts: Vec<Vec<u32>> = [0, 3, 6, 9]
        .map(|epoch| apply(tasks.clone(), 100, 10, epoch))
        .into();
    assert_eq!(
        parts
            .iter()
            .map(|part| classes(part).len())
            .collect::<Vec<_>>(),
        [4, 2, 2, 2]
    );
    cover(&parts, 100);
    for (epoch, same) in [(2, 0), (3, 1), (5, 1), (9, 3), (99, 3)] {
        assert_eq!(
            apply(tasks.clone(), 100, 10, epoch),
            parts[same],
            "epoch {epoch}"
        );
    }
    for (task, part) in (0..).zip(&parts) {
        assert_eq!(
            apply(Tasks::single(2, task).with_first(4), 100, 10, 77),
            *part
        );
        let seen = apply(
            Tasks::single(2, task).with_first(4).with_seen(true),
            100,
            10,
            0,
        );
        assert_eq!(classes(&seen), classes(&parts[..=task as usize].concat()));
    }
    assert_eq!(
        classes(&apply(Tasks::single(5, 1).with_shuffle(false), 100, 10, 0)),
        (5..10).collect()
    );
    assert_ne!(apply(tasks.clone().with_seed(1), 100, 10, 0), parts[0]);
}

#[test]
fn agents_have_disjoint_parts_that_cover_the_data() {
    let shares = |alpha: f64| {
        let parts: Vec<Vec<u32>> = (0..4)
            .map(|agent| apply(Dirichlet::new(alpha, 4, agent), 4000, 10, 0))
            .collect();
        cover(&parts, 4000);
        // The largest share that any agent has of a class, on average over classes.
        let most = |class: u32| {
            let of = |part: &Vec<u32>| part.iter().filter(|sample| *sample % 10 == class).count();
            parts.iter().map(of).max().unwrap() as f64 / 400.0
        };
        (0..10).map(most).sum::<f64>() / 10.0
    };
    let (unequal, equal) = (shares(0.1), shares(1000.0));
    assert!(unequal > 0.6 && equal < 0.3, "{unequal} {equal}");
}

#[test]
fn agents_have_classes_or_pieces_of_their_own() {
    let classes = |samples: &[u32]| {
        samples
            .iter()
            .map(|sample| sample % 10)
            .collect::<BTreeSet<_>>()
    };
    let parts: Vec<Vec<u32>> = (0..4)
        .map(|agent| apply(ByClass::new(4, agent), 100, 10, 0))
        .collect();
    cover(&parts, 100);
    assert_eq!(
        parts
            .iter()
            .map(|part| classes(part).len())
            .collect::<Vec<_>>(),
        [3, 3, 2, 2]
    );
    let parts: Vec<Vec<u32>> = (0..5)
        .map(|agent| apply(ByClass::new(5, agent).with_pieces(2), 100, 10, 0))
        .collect();
    cover(&parts, 100);
    assert!(
        parts
            .iter()
            .all(|part| part.len() == 20 && classes(part).len() == 2)
    );
}

#[test]
fn pruning_keeps_the_order_of_scores_in_each_class() {
    let scores: Vec<f64> = (0..20).map(|sample| f64::from(sample * 7 % 10)).collect();
    let prune = |keep| Prune::new(Values::List(scores.clone()), keep);
    let by_hand = |class: u32, highest: bool, count: usize| {
        let mut samples: Vec<u32> = (0..20).filter(|sample| sample % 2 == class).collect();
        samples.sort_by_key(|&sample| {
            let score = scores[sample as usize] as i64;
            (if highest { -score } else { score }, sample)
        });
        samples[..count].to_vec()
    };
    assert_eq!(
        apply(prune(Keep::Count(3)), 20, 2, 0),
        [by_hand(0, true, 3), by_hand(1, true, 3)].concat()
    );
    let lowest = prune(Keep::Share(0.5)).with_first(Ranked::Lowest);
    assert_eq!(
        apply(lowest, 20, 2, 0),
        [by_hand(0, false, 5), by_hand(1, false, 5)].concat()
    );
    assert_eq!(apply(prune(Keep::Count(99)), 20, 2, 0).len(), 20);
}

#[test]
fn subsets_keep_their_order_and_weights_multiply() {
    let metadata = facts(10, 2);
    let first = Select::from(Subset::new([7, 1, 4]).with_weights([2.0, 3.0, 0.0]));
    let second = Select::from(Subset::new([4, 0, 7]).with_weights([1.0, 1.0, 0.5]));
    let selected = first.apply(all(10), &metadata, 10, 0).unwrap();
    assert_eq!(
        selected,
        SelectedSamples {
            samples: vec![7, 1, 4],
            weights: Some(vec![2.0, 3.0, 0.0])
        }
    );
    let both = second.apply(selected, &metadata, 10, 0).unwrap();
    assert_eq!(
        both,
        SelectedSamples {
            samples: vec![4, 7],
            weights: Some(vec![0.0, 1.0])
        }
    );
}

#[test]
fn what_cannot_be_selected_is_refused() {
    let nan = Values::List(vec![0.0, f64::NAN, 1.0]);
    for (select, said) in [
        (
            Select::from(Subset::new([3, 10])),
            "sample 10: the data has 10 samples",
        ),
        (Subset::new([3, 3]).into(), "sample 3 is listed twice"),
        (
            Subset::new([3, 4]).with_weights([1.0]).into(),
            "1 weights for 2",
        ),
        (
            Subset::new([3, 4]).with_weights([1.0, -1.0]).into(),
            "sample 4 is -1",
        ),
        (
            Subset::new([3, 4]).with_weights([0.0, 0.0]).into(),
            "all weights are 0",
        ),
        (Subset::new([]).into(), "no sample is left"),
        (Split::new([1.0, 0.0], 0).into(), "expected positive shares"),
        (
            Split::new([1.0, f64::NAN], 0).into(),
            "expected positive shares",
        ),
        (Split::new([0.8], 0).into(), "such as [0.8, 0.2]"),
        (Split::new([0.5, 0.2], 0).into(), "the shares sum to 0.7"),
        (Split::new([2.5, 1.0], 0).into(), "the shares sum to 3.5"),
        (Split::new([0.5, 0.5], 2).into(), "part = 2"),
        (
            Split::new([1.0, 1.0], 0)
                .with_by(By::Class)
                .with_within(By::Class)
                .into(),
            "one of them",
        ),
        (Split::new([1e-9, 1.0], 0).into(), "no sample is left"),
        (Tasks::single(0, 0).into(), "0 classes"),
        (
            Tasks::single(2, 1).into(),
            "task = 1: 2 classes make 1 tasks",
        ),
        (
            Tasks {
                task: None,
                ..Tasks::single(1, 0)
            }
            .into(),
            "expected task = T, or epochs = N",
        ),
        (Tasks::in_turn(1, 0).into(), "epochs = 0"),
        (Dirichlet::new(0.0, 2, 0).into(), "alpha = 0"),
        (Dirichlet::new(f64::NAN, 2, 0).into(), "alpha = NaN"),
        (Dirichlet::new(1.0, 2, 2).into(), "agent = 2 of agents = 2"),
        (
            ByClass::new(3, 2).into(),
            "agent 2 has no sample: 2 classes for 3 agents",
        ),
        (ByClass::new(2, 0).with_pieces(0).into(), "pieces = 0"),
        (
            Prune::new(Values::List(vec![1.0; 10]), Keep::Share(0.0)).into(),
            "keep = 0",
        ),
        (
            Prune::new(Values::List(vec![1.0; 10]), Keep::Count(0)).into(),
            "keep = 0",
        ),
        (
            Prune::new(Values::List(vec![1.0; 9]), Keep::Count(1)).into(),
            "9 numbers for 10 samples",
        ),
        (
            Split::new([1.0, 1.0], 0).with_by(By::from("origin")).into(),
            "origin",
        ),
    ] {
        let text = refused(select.clone(), 10, 2);
        assert!(text.contains(said), "{select:?}: {text}");
    }
    assert!(refused(Prune::new(nan, Keep::Count(1)), 3, 1).contains("score of sample 1"));
}

proptest! {
    #[test]
    fn parts_of_any_data_are_disjoint_covers(
        samples in 1u32..300,
        classes in 1u32..9,
        agents in 1u32..6,
        seed: u64,
        alpha in 0.01f64..10.0,
    ) {
        let metadata = facts(samples, classes);
        let parts = |select: &dyn Fn(u32) -> Select| {
            // An agent without a sample is refused, which is an empty part.
            let part = |agent| select(agent).apply(all(samples), &metadata, u64::from(samples), 0);
            let samples = |agent| part(agent).map_or(Vec::new(), |selected| selected.samples);
            (0..agents).map(samples).collect::<Vec<_>>()
        };
        cover(&parts(&|agent| Dirichlet::new(alpha, agents, agent).with_seed(seed).into()), samples);
        cover(&parts(&|agent| ByClass::new(agents, agent).with_seed(seed).into()), samples);
        cover(&parts(&|agent| ByClass::new(agents, agent).with_pieces(3).with_seed(seed).into()), samples);
        let of: Vec<f64> = (1..=agents).map(f64::from).collect();
        let split = |part: u32| Split::new(of.clone(), part as usize).with_seed(seed);
        cover(&parts(&|part| split(part).into()), samples);
        cover(&parts(&|part| split(part).with_within(By::Class).into()), samples);
        cover(&parts(&|part| split(part).with_by(By::from("image")).into()), samples);
    }
}
