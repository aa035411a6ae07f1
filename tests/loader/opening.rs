//! Opening a loader: what can be given to it, what it answers, and what it refuses.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use feedmill::plan::{Last, Order, Pk, Split, Subset};
use feedmill::recipe::{TargetForm, TargetOptions};
use feedmill::sample::{Fingerprint, Sample, Target};
use feedmill::source::{Access, IntoSource, Memory, Source};
use feedmill::{Error, Kind, Loader, Recipe, Result, World};

use crate::support::*;

/// Images with named classes, which counts how often its labels are listed.
struct Named {
    inner: Memory,
    names: Vec<String>,
    listed: AtomicUsize,
}

/// `count` images with the given class of each, and names for `classes` classes.
fn named(classes: usize, of: impl IntoIterator<Item = u32>) -> Named {
    let of: Vec<u32> = of.into_iter().collect();
    let data: Vec<u8> = (0..of.len() as u64 * 360).map(|i| hash(i) as u8).collect();
    Named {
        inner: Memory::pixels(data, feedmill::geometry::Size::new(12, 10), 3, of).unwrap(),
        names: (0..classes).map(|class| format!("class-{class}")).collect(),
        listed: AtomicUsize::new(0),
    }
}

impl Source for Named {
    fn len(&self) -> u64 {
        self.inner.len()
    }
    fn fingerprint(&self) -> Fingerprint {
        self.inner.fingerprint()
    }
    fn name(&self, id: u64) -> String {
        format!("image {id}")
    }
    fn size(&self, id: u64) -> u64 {
        self.inner.size(id)
    }
    fn read(&self, id: u64, buf: Vec<u8>) -> Result<Sample> {
        self.inner.read(id, buf)
    }
    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        self.listed.fetch_add(1, Ordering::Relaxed);
        self.inner.labels(each)
    }
    fn access(&self) -> Access {
        Access::Immediate
    }
    fn classes(&self) -> Option<&[String]> {
        Some(&self.names)
    }
}

/// One view of 8 x 8, without mixing, with the given number of classes.
fn plain(batch: usize, classes: Option<u32>) -> Recipe {
    Recipe::new()
        .with_batch(batch)
        .op(feedmill::augment::ops::RandomCrop::new(8))
        .with_target(classes.map_or_else(TargetOptions::new, |classes| {
            TargetOptions::new().with_classes(classes)
        }))
}

/// A recipe that visits each sample once, in order.
fn evaluation(batch: usize) -> Recipe {
    plain(batch, None)
        .with_order(Order::Sequential)
        .with_last(Last::Keep)
}

fn refused(loader: Result<impl Sized>) -> Error {
    let error = loader.err().expect("refused");
    assert_eq!(error.kind(), Kind::Config, "{error}");
    error
}

/// All samples that a loader delivers in an epoch and that are valid.
fn delivered(loader: &Loader, epoch: u32) -> Vec<u64> {
    let mut samples = Vec::new();
    for batch in loader.epoch(epoch).unwrap() {
        let batch = batch.unwrap();
        let valid = batch.samples().iter().zip(batch.valid());
        samples.extend(
            valid
                .filter(|(_, valid)| **valid)
                .map(|(sample, _)| *sample),
        );
    }
    samples
}

#[test]
fn a_source_may_be_given_by_value_boxed_or_shared() {
    let shared: Arc<dyn Source> = pixels(21).into_source();
    let boxed: Box<dyn Source> = Box::new(pixels(21));
    let expected = reference(&load(pixels(21), recipe(8, "")).unwrap(), 1);
    let loaders = [
        load(boxed, recipe(8, "")),
        load(Arc::new(pixels(21)), recipe(8, "")),
        load(Arc::clone(&shared), recipe(8, "")),
        load(shared, recipe(8, "")),
    ];
    for loader in loaders {
        let loader = loader.unwrap();
        assert_eq!(threaded(&loader, 1), expected);
        let again = load(Arc::clone(loader.source()), recipe(8, "")).unwrap();
        assert_eq!(threaded(&again, 1), expected);
    }
}

#[test]
fn a_builder_without_data_or_recipe_says_what_is_missing() {
    let error = refused(Loader::builder().recipe(plain(4, None)).build());
    assert!(
        error.to_string().contains("path(..) or source(..)"),
        "{error}"
    );
    let error = refused(Loader::builder().source(pixels(9)).build());
    assert!(error.to_string().contains("recipe(..)"), "{error}");
    let weights = Loader::builder()
        .weighted_source(pixels(9), 1.0)
        .source(pixels(9));
    let error = refused(weights.recipe(plain(4, None)).build());
    assert!(
        error.to_string().contains("give all of them one"),
        "{error}"
    );
    let missing = Loader::builder()
        .path("no/such/data")
        .recipe(plain(4, None));
    assert_eq!(missing.build().unwrap_err().kind(), Kind::Io);
    let workers = Loader::builder()
        .source(pixels(9))
        .recipe(plain(4, None))
        .workers(0);
    assert!(refused(workers.build()).to_string().contains("workers = 0"));
}

#[test]
fn a_builder_with_a_state_continues_from_it() {
    let expected = reference(&load(pixels(45), recipe(8, MIX)).unwrap(), 2);
    let state = load(pixels(45), recipe(8, MIX)).unwrap();
    let state = state.epoch_from(0, 2).unwrap().next().unwrap().unwrap();
    let builder = || {
        Loader::builder()
            .source(pixels(45))
            .state(state.state().clone())
    };
    let resumed = builder().recipe(recipe(8, MIX)).build().unwrap();
    assert_eq!(threaded(&resumed, 2), expected[3..]);
    let other = builder().recipe(recipe(4, MIX)).build();
    assert_eq!(other.unwrap_err().kind(), Kind::Mismatch);
}

#[test]
fn a_split_divides_each_class_and_has_no_sample_twice() {
    let classes = |id: u32| if id < 70 { id % 7 } else { 7 };
    let source = named(8, (0..90).map(classes)).into_source();
    let split = |seed: u64| {
        let training = plain(10, None).with_seed(seed).with_last(Last::Keep);
        Loader::split(Arc::clone(&source), 0.2, training, evaluation(8)).unwrap()
    };
    let (train, validation) = split(5);
    assert_eq!((train.samples(), validation.samples()), (72, 18));
    assert_eq!(train.total_samples(), 90);
    assert_eq!(train.class_counts().unwrap(), [8, 8, 8, 8, 8, 8, 8, 16]);
    assert_eq!(validation.class_counts().unwrap(), [2, 2, 2, 2, 2, 2, 2, 4]);
    let of = |loader: &Loader| delivered(loader, 0).into_iter().collect::<BTreeSet<u64>>();
    let (trained, validated) = (of(&train), of(&validation));
    assert_eq!((trained.len(), validated.len()), (72, 18));
    assert!(trained.is_disjoint(&validated));
    assert_eq!(of(&split(5).1), validated, "a function of the seed");
    assert_ne!(of(&split(6).1), validated);
    let (_, other) = split(6);
    let error = other.state().clone();
    let (_, mut validation) = split(5);
    let error = validation.resume(&error).unwrap_err();
    assert!(error.to_string().contains("`select`"), "{error}");
}

#[test]
fn a_split_lists_the_labels_once_for_both_loaders() {
    let source = Arc::new(named(7, (0..70).map(|id| id % 7)));
    Loader::split(Arc::clone(&source), 0.3, plain(4, None), evaluation(4)).unwrap();
    assert_eq!(source.listed.load(Ordering::Relaxed), 1);
}

#[test]
fn a_split_of_data_without_classes_divides_the_samples() {
    let source = labeled(40, |_| Target::None).into_source();
    let (train, validation) = Loader::split(source, 0.25, plain(4, None), evaluation(4)).unwrap();
    assert_eq!((train.samples(), validation.samples()), (30, 10));
    assert_eq!(refused(train.class_counts()).sample(), Some(0));
}

#[test]
fn a_split_without_sense_is_refused() {
    let split = |share: f64, source: Named| {
        refused(Loader::split(source, share, plain(1, None), evaluation(1)))
    };
    let two = || named(2, [0, 0, 0, 0, 1, 1, 1, 1]);
    for share in [0.0, 1.0, -0.5, 1.5, f64::NAN] {
        let error = split(share, two());
        assert_eq!(error.key(), Some("share"), "{error}");
        assert!(error.to_string().contains("between 0 and 1"), "{error}");
    }
    let error = split(0.01, two());
    assert!(
        error.to_string().contains("the validation part is empty"),
        "{error}"
    );
    let error = split(0.99, two());
    assert!(
        error
            .to_string()
            .contains("class 0 (\"class-0\") has 4 samples"),
        "{error}"
    );
    let error = split(0.5, named(3, [0, 0, 0, 2, 2, 2]));
    assert!(
        error
            .to_string()
            .contains("class 1 (\"class-1\") has no samples"),
        "{error}"
    );
    for (of, text) in [
        (vec![0.8], "a single share"),
        (vec![0.8, 0.1], "sum to 0.9"),
        (vec![f64::NAN, 1.0], "positive shares"),
        (vec![1.0, 0.0], "positive shares"),
        (vec![0.99, 0.01], "use a larger share"),
    ] {
        let recipe = plain(1, None).select(Split::new(of.clone(), of.len() - 1));
        let error = refused(load(two(), recipe));
        assert!(error.to_string().contains(text), "{of:?}: {error}");
    }
}

#[test]
fn the_loaders_of_a_split_share_their_threads_and_their_memory() {
    let (train, validation) =
        Loader::split(pixels(140), 0.5, plain(4, None), evaluation(4)).unwrap();
    let mut training = train.epoch(0).unwrap();
    let mut count = 0;
    // Both at once, in turns.
    for batch in validation.epoch(0).unwrap() {
        count += batch.unwrap().len();
        training.next().unwrap().unwrap();
    }
    assert_eq!(count, 70);
    assert!(train.stats().batch_bytes_peak >= 2 * 4 * 192 * 4);
    assert_eq!(
        train.stats().batch_bytes_peak,
        validation.stats().batch_bytes_peak
    );
    assert_eq!(
        (train.stats().batches, validation.stats().batches),
        (18, 18)
    );
}

#[test]
fn classes_are_taken_from_the_data_if_the_recipe_has_none() {
    let dense = |classes: Option<u32>| {
        let recipe = plain(4, classes);
        let target = recipe.target().clone().with_form(TargetForm::Dense);
        recipe.with_target(target)
    };
    let width = |loader: &Loader| {
        let batch = loader.epoch(0).unwrap().next().unwrap().unwrap();
        batch.targets().dense().unwrap().len() / batch.len()
    };
    assert_eq!(width(&load(pixels(21), dense(None)).unwrap()), 7);
    assert_eq!(
        width(&load(named(9, [0, 1, 2, 3]), dense(None)).unwrap()),
        9
    );
    assert_eq!(width(&load(pixels(21), dense(Some(10))).unwrap()), 10);
    // A wrapper that does not say.
    let error = refused(load(damaged(21, |_| false), dense(None)));
    assert_eq!(error.key(), Some("target.classes"));
    let error = refused(load(
        damaged(21, |_| false),
        recipe(8, MIX).with_target(TargetOptions::default()),
    ));
    assert!(
        error.to_string().contains("mixing makes soft labels"),
        "{error}"
    );
}

#[test]
fn fewer_classes_than_the_data_has_are_refused() {
    let error = refused(load(pixels(21), plain(4, Some(6))));
    assert_eq!(
        (error.key(), error.sample()),
        (Some("target.classes"), Some(6))
    );
    let of = || named(10, (0..40).map(|id| id % 10));
    let text = refused(load(of(), plain(4, Some(9)))).to_string();
    assert!(
        text.contains("sample 9 (image 9) has class 9 (\"class-9\")")
            && text.contains("use target.classes = 10, or leave it out"),
        "{text}"
    );
    let selected = plain(2, Some(9)).select(Subset::new([0, 1, 2, 11]));
    load(of(), selected).expect("the class is not selected");
    load(of(), plain(4, Some(1000))).expect("more classes are fine");
}

#[test]
fn a_sequential_order_that_would_repeat_samples_is_refused() {
    let sequential = |batch: usize| plain(batch, None).with_order(Order::Sequential);
    let error = refused(load(pixels(45), sequential(8)));
    assert_eq!(error.key(), Some("last"));
    let text = error.to_string();
    assert!(
        text.contains("3 samples twice") && text.contains("\"keep\"") && text.contains("\"pad\""),
        "{text}"
    );
    load(pixels(45), sequential(9)).expect("the batch divides the data");
    for last in [Last::Keep, Last::Pad, Last::Drop] {
        load(pixels(45), sequential(8).with_last(last)).unwrap();
    }
    let ranks = Loader::builder().source(pixels(45)).recipe(sequential(8));
    let text = refused(ranks.world(World::new(1, 2).unwrap()).build()).to_string();
    assert!(
        text.contains("\"pad\"") && !text.contains("\"keep\""),
        "{text}"
    );
    load(pixels(45), plain(8, None)).expect("a shuffled order may wrap");
}

#[test]
fn samples_are_those_that_come() {
    for (last, ranks, expected) in [
        (Last::Keep, 1, vec![45]),
        (Last::Wrap, 1, vec![45]),
        (Last::Drop, 1, vec![40]),
        (Last::Pad, 1, vec![45]),
        (Last::Pad, 2, vec![24, 21]),
        (Last::Pad, 4, vec![12, 12, 11, 10]),
    ] {
        let whole = load(pixels(45), plain(8, None).with_last(last)).unwrap();
        for (rank, expected) in (0..ranks).zip(expected) {
            let loader = whole.with_world(World::new(rank, ranks).unwrap()).unwrap();
            assert_eq!(
                loader.samples(),
                expected,
                "{last:?}, rank {rank} of {ranks}"
            );
            assert_eq!(loader.total_samples(), 45);
            if last != Last::Wrap {
                assert_eq!(delivered(&loader, 1).len() as u64, expected);
            }
            let text = format!("{loader:?}");
            assert!(
                text.contains(&format!("{expected} of 45 samples"))
                    && text.contains(&format!("rank {rank} of {ranks}")),
                "{text}"
            );
        }
    }
    let drawn = plain(8, None).with_sampler(Pk::new(2, 4));
    let loader = load(pixels(45), drawn).unwrap();
    assert_eq!(loader.samples(), loader.batches() * 8);
    let tasks = "[[select]]\nselect = \"tasks\"\nstep = 2\nfirst = 3\nepochs = 2";
    let recipe = Recipe::from_toml(&format!("{}\n{tasks}", plain(3, None).to_toml())).unwrap();
    let loader = load(pixels(91), recipe).unwrap();
    assert_eq!(
        [0, 1, 2].map(|epoch| loader.samples_at(epoch)),
        [39, 39, 26]
    );
}

#[test]
fn counts_of_classes_are_those_of_the_selection() {
    let loader = load(named(4, [0, 0, 0, 1, 1, 3]), plain(1, Some(5))).unwrap();
    assert_eq!(loader.class_counts().unwrap(), [3, 2, 0, 1, 0]);
    assert_eq!(loader.classes().unwrap()[3], "class-3");
    let selected = plain(1, None).select(Subset::new([0, 4, 5]));
    let loader = load(named(4, [0, 0, 0, 1, 1, 3]), selected).unwrap();
    assert_eq!(loader.class_counts().unwrap(), [1, 1, 0, 1]);
    assert_eq!(load(pixels(9), plain(1, None)).unwrap().classes(), None);
}

#[test]
fn ranks_of_one_loader_share_the_source_and_make_the_global_batch() {
    let whole = load(pixels(45), recipe(8, MIX)).unwrap();
    let expected: Vec<u64> = whole
        .epoch(0)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .samples()
        .to_vec();
    let mut found = Vec::new();
    for rank in 0..2 {
        let loader = whole.with_world(World::new(rank, 2).unwrap()).unwrap();
        assert!(Arc::ptr_eq(loader.source(), whole.source()));
        assert_eq!(loader.world(), World::new(rank, 2).unwrap());
        found.extend_from_slice(loader.epoch(0).unwrap().next().unwrap().unwrap().samples());
    }
    assert_eq!(found, expected);
    let error = refused(whole.with_world(World::new(0, 3).unwrap()));
    assert!(
        error.to_string().contains("3 ranks do not divide"),
        "{error}"
    );
}

/// What is found only with the data names the line of the recipe, as what is found while reading.
#[test]
fn a_refusal_at_open_has_the_line_of_the_recipe() {
    let text = "batch = 4\n[[view]]\nops = [{ op = \"random_crop\", size = 8 }]\n\
                [target]\nclasses = 2";
    let recipe = Recipe::from_toml(text).unwrap();
    let three = || named(3, (0..12).map(|i| i % 3));
    let error = refused(load(three(), recipe.clone()));
    assert!(
        error
            .to_string()
            .starts_with("recipe line 5: target.classes = 2"),
        "{error}"
    );
    // The line says something else than the recipe does now.
    let error = refused(load(
        named(4, (0..12).map(|i| i % 4)),
        recipe.with_classes(3),
    ));
    assert!(
        error.to_string().starts_with("target.classes = 3"),
        "{error}"
    );
    let sequential = text
        .replace("batch = 4", "batch = 5\norder = \"sequential\"")
        .replace("classes = 2", "classes = 3");
    let error = refused(load(three(), Recipe::from_toml(&sequential).unwrap()));
    assert!(
        error.to_string().starts_with("recipe line 2: order"),
        "{error}"
    );
    assert_eq!(error.key(), Some("last"));
}
