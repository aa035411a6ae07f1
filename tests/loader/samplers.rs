//! Samplers, selections, tables and several sources, through the loader: which samples come in
//! which batch, the same on every path, and which data and recipes are refused.

use std::collections::{BTreeMap, BTreeSet};

use feedmill::plan::{Curve, EpisodeRole, Last, Order, Subset, Values, Weighted};
use feedmill::recipe::SourceConfig;
use feedmill::sample::Target;
use feedmill::source::Access;
use feedmill::{Kind, Loader, LoaderState, Recipe, World};

use crate::support::*;

/// A recipe for images of 7 classes with a batch size, and TOML for the top level and for tables.
fn sampled(batch: usize, tables: &str) -> Recipe {
    parse(batch, tables).unwrap()
}

/// [`sampled`], or the error of a recipe that is refused. The text begins at line 3 of the recipe.
fn parse(batch: usize, tables: &str) -> feedmill::Result<Recipe> {
    let text = format!(
        r#"batch = {batch}
seed = 11
{tables}
[[view]]
ops = [ {{ op = "random_resized_crop", size = [5, 4] }}, {{ op = "horizontal_flip" }} ]
[target]
classes = 7
"#
    );
    Recipe::from_toml(&text)
}

/// Batch size and tables: every sampler and selection, some of them together, and one with a mixer.
const KINDS: [(usize, &str); 19] = [
    (12, "[sampler]\nkind = \"order\"\nrepeats = 3"),
    (12, "[sampler]\nkind = \"weighted\"\nweights = \"score\""),
    (
        12,
        "[sampler]\nkind = \"weighted\"\nweights = \"score\"\nreplacement = false\nlength = 60",
    ),
    (12, "[sampler]\nkind = \"balanced\""),
    (
        12,
        "[sampler]\nkind = \"balanced\"\ntemperature = { linear = [1.0, 5.0], epochs = [0, 2] }",
    ),
    (
        12,
        "[sampler]\nkind = \"balanced\"\nreplacement = true\nrepeats = 2",
    ),
    (12, "[sampler]\nkind = \"pk\"\nclasses = 4\nitems = 3"),
    (
        28,
        "[sampler]\nkind = \"episodes\"\nways = 2\nshots = 2\nqueries = 5\nbatches = 4",
    ),
    (12, "[sampler]\nkind = \"grouped\"\nby = \"image\""),
    (
        12,
        "[sampler]\nkind = \"grouped\"\nby = \"class\"\ntemperature = 2",
    ),
    (4, "[sampler]\nkind = \"unique\"\nby = \"image\""),
    (
        12,
        "last = \"pad\"\n[sampler]\nkind = \"variants\"\nby = \"image\"",
    ),
    (
        12,
        "[[select]]\nselect = \"split\"\nof = [0.8, 0.2]\npart = 0\nby = \"image\"",
    ),
    (4, "[[select]]\nselect = \"tasks\"\nstep = 3\nepochs = 1"),
    (
        4,
        "[[select]]\nselect = \"dirichlet\"\nagents = 3\nagent = 1\nalpha = 0.5\n\
         [sampler]\nkind = \"balanced\"",
    ),
    (
        4,
        "[[select]]\nselect = \"by_class\"\nagents = 3\nagent = 1\npieces = 2",
    ),
    (
        4,
        "[[select]]\nselect = \"prune\"\nscore = \"score\"\nkeep = 5",
    ),
    (
        4,
        "[[select]]\nselect = \"subset\"\n\
         samples = [5, 3, 80, 9, 33, 8]\nweights = [1, 2, 3, 0.5, 1, 1]",
    ),
    (
        12,
        "[sampler]\nkind = \"pk\"\nclasses = 3\nitems = 4\n\
         [mix]\nchoose = [{ mix = \"mixup\", alpha = 0.4 }]\ngroup = 3",
    ),
];

/// A table of 91 samples with the columns `image` (13 samples each, as captions of one image would
/// be) and `score`.
fn table() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    let rows = (0..91).map(|id| format!("{id},p{},{}\n", id / 13, hash(id) % 100));
    std::fs::write(
        file.path(),
        format!("sample,image,score\n{}", rows.collect::<String>()),
    )
    .unwrap();
    file
}

/// The digests of the slots of each batch, by the threads.
fn slot_digests(loader: &mut Loader, epochs: u32) -> Vec<Vec<u64>> {
    let digests = |batch: feedmill::Batch| batch.slots().map(|slot| slot.digest()).collect();
    loader
        .epochs(0..epochs)
        .flatten()
        .map(|batch| digests(batch.unwrap()))
        .collect()
}

#[test]
fn every_sampler_gives_the_same_slots_for_workers_and_ranks_and_after_any_stop() {
    let table = table();
    within(200, "all samplers", move || {
        for (batch, tables) in KINDS {
            let recipe = sampled(batch, tables).with_table(table.path());
            let open = || load(jittery(91, Access::Immediate), recipe.clone()).unwrap();
            let epochs = 2;
            let expected: Vec<Vec<u64>> = {
                let loader = open();
                let batches = (0..epochs)
                    .flat_map(|e| (0..loader.batches_at(e)).map(move |index| (e, index)));
                let each =
                    batches.map(|(epoch, index)| loader.reference_batch(epoch, index).unwrap());
                each.map(|batch| batch.slots().map(|slot| slot.digest()).collect())
                    .collect()
            };
            for workers in [1, 8] {
                let found = slot_digests(&mut open().workers(workers).unwrap(), epochs);
                assert_eq!(found, expected, "{tables}: {workers} workers");
            }
            for ranks in [2, 4] {
                let rank = |rank| open().with_world(World::new(rank, ranks).unwrap()).unwrap();
                let parts: Vec<_> = (0..ranks)
                    .map(|r| slot_digests(&mut rank(r), epochs))
                    .collect();
                let joined =
                    |index: usize| parts.iter().flat_map(|part| part[index].clone()).collect();
                let joined: Vec<Vec<u64>> = (0..expected.len()).map(joined).collect();
                assert_eq!(joined, expected, "{tables}: {ranks} ranks");
            }
            // Without delays in reading, since every state of the run is resumed.
            let undelayed = || {
                load(pixels(91), recipe.clone())
                    .unwrap()
                    .workers(2)
                    .unwrap()
            };
            let loader = undelayed();
            let states: Vec<LoaderState> = loader
                .epochs(0..epochs)
                .flatten()
                .map(|batch| batch.unwrap().state().clone())
                .collect();
            for (done, state) in states.iter().enumerate() {
                let mut resumed = undelayed();
                resumed.resume(&state.to_string().parse().unwrap()).unwrap();
                assert_eq!(
                    slot_digests(&mut resumed, epochs),
                    expected[done + 1..],
                    "{tables}: after {}",
                    done + 1
                );
            }
        }
    });
}

#[test]
fn every_sampler_reads_back_from_its_canonical_recipe() {
    for (batch, tables) in KINDS {
        let recipe = sampled(batch, tables);
        let again = Recipe::from_toml(&recipe.to_toml()).unwrap();
        assert_eq!(
            again.fingerprint(),
            recipe.fingerprint(),
            "{}",
            recipe.to_toml()
        );
        assert_ne!(recipe.fingerprint(), sampled(batch, "").fingerprint());
    }
}

#[test]
fn a_batch_says_what_its_sampler_did() {
    let episodes = "[sampler]\nkind = \"episodes\"\nways = 3\nshots = 1\nqueries = 3";
    let batch = load(pixels(91), sampled(12, episodes))
        .unwrap()
        .reference_batch(0, 0)
        .unwrap();
    assert_eq!(
        batch
            .slots()
            .filter(|slot| slot.role() == EpisodeRole::Support)
            .count(),
        3
    );
    assert_eq!(batch.groups().unwrap()[..3], [0, 1, 2]);
    let classes = batch.targets().index().unwrap();
    for slot in 3..12 {
        assert_eq!(
            classes[slot],
            classes[batch.groups().unwrap()[slot] as usize]
        );
    }
    let subset =
        sampled(2, "order = \"sequential\"").select(Subset::new([4, 2]).with_weights([0.25, 1.75]));
    let batch = load(pixels(91), subset)
        .unwrap()
        .reference_batch(0, 0)
        .unwrap();
    assert_eq!(
        (batch.samples(), batch.weights()),
        (&[4, 2][..], &[0.25, 1.75][..])
    );
    assert!(batch.groups().is_none());
}

#[test]
fn the_last_task_goes_on_and_epochs_have_their_own_lengths() {
    let tasks = "[[select]]\nselect = \"tasks\"\nstep = 2\nfirst = 3\nepochs = 2";
    let loader = load(pixels(91), sampled(3, tasks)).unwrap();
    let lengths: Vec<u64> = (0..8).map(|epoch| loader.batches_at(epoch)).collect();
    assert_eq!(lengths, [13, 13, 9, 9, 9, 9, 9, 9], "39 samples, then 26");
    let mut seen = Vec::new();
    for epoch in loader.epochs(0..8) {
        let number = epoch.number();
        assert_eq!(epoch.len() as u64, lengths[number as usize]);
        let batches: Vec<_> = epoch.map(Result::unwrap).collect();
        assert_eq!(batches.len() as u64, lengths[number as usize]);
        let classes = batches
            .iter()
            .flat_map(|batch| batch.targets().index().unwrap().to_vec());
        seen.push(classes.collect::<BTreeSet<i64>>());
    }
    assert!(seen[0] == seen[1] && seen[2] == seen[3] && seen[4] == seen[7]);
    assert!(seen[0].is_disjoint(&seen[2]) && seen[2].is_disjoint(&seen[4]));
    assert_eq!((seen[0].len(), seen[2].len(), seen[4].len()), (3, 2, 2));
}

/// A loader over two sources, of 30 and of 60 images.
fn two_sources(recipe: Recipe) -> Loader {
    Loader::builder()
        .source(pixels(30))
        .source(pixels(60))
        .recipe(recipe)
        .build()
        .unwrap()
}

#[test]
fn realized_shares_of_sources_are_in_batches_and_statistics() {
    let recipe = sampled(10, "")
        .with_last(Last::Drop)
        .source(SourceConfig::new("real", 0.7))
        .source(SourceConfig::new(
            "made",
            Curve::stages([(0, 0.0), (1, 0.3)]).unwrap(),
        ));
    let loader = two_sources(recipe);
    let mut counts = [0u64; 2];
    for epoch in loader.epochs(0..3) {
        let number = epoch.number();
        let mut of_epoch = [0u64; 2];
        for batch in epoch {
            let batch = batch.unwrap();
            for slot in batch.slots() {
                assert_eq!(slot.source(), u32::from(slot.sample() >= 30));
                of_epoch[slot.source() as usize] += 1;
            }
            let share = if number == 0 { 1.0 } else { 0.7 };
            // The share holds after each batch, not only on average.
            let expected = (batch.index() + 1) as f64 * 10.0 * share;
            assert!(
                (of_epoch[0] as f64 - expected).abs() < 1.0,
                "epoch {number}, batch {}",
                batch.index()
            );
        }
        counts[0] += of_epoch[0];
        counts[1] += of_epoch[1];
    }
    let stats = loader.stats();
    assert_eq!(stats.sources, counts);
    assert_eq!(stats.sources.iter().sum::<u64>(), stats.samples);
    assert_eq!(
        (loader.source_name(0), loader.source_name(5)),
        ("real".into(), "source 5".into())
    );
    assert!(stats.to_string().contains("source 1"), "{stats}");
}

#[test]
fn a_schedule_of_weights_is_part_of_what_a_state_belongs_to() {
    let with_weight = |weight: f64| {
        two_sources(
            sampled(10, "")
                .source(SourceConfig::new("w", 30.0))
                .source(SourceConfig::new("x", weight)),
        )
    };
    let state = with_weight(60.0).state().clone();
    with_weight(60.0).resume(&state).unwrap();
    assert_eq!(
        with_weight(61.0).resume(&state).unwrap_err().kind(),
        Kind::Mismatch
    );
    let error = load(
        pixels(30),
        sampled(10, "")
            .source(SourceConfig::default())
            .source(SourceConfig::default()),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("2 [[source]] tables for 1 sources")
    );
    let one_without_weight = sampled(10, "")
        .source(SourceConfig::default())
        .source(SourceConfig::new("x", 1.0));
    let two = || Loader::builder().source(pixels(30)).source(pixels(60));
    let error = two().recipe(one_without_weight).build();
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("give all of them one")
    );
}

#[test]
fn groups_by_source_have_batches_of_their_own() {
    let loader = two_sources(sampled(
        10,
        "[sampler]\nkind = \"grouped\"\nby = \"source\"",
    ));
    for index in 0..loader.batches() {
        let batch = loader.reference_batch(0, index).unwrap();
        let source = batch.slot(0).source();
        assert!(batch.slots().all(|slot| slot.source() == source));
        assert!(batch.slots().all(|slot| slot.group() == Some(source)));
    }
}

#[test]
fn a_second_pass_has_the_listed_samples_in_order_with_the_same_pixels() {
    let eval = sampled(4, "order = \"sequential\"\nlast = \"keep\"");
    let mut all: BTreeMap<u64, _> = BTreeMap::new();
    let first = load(pixels(91), eval).unwrap();
    let mut take = |batch: feedmill::Batch| {
        for slot in 0..batch.len() {
            all.insert(batch.samples()[slot], first.images(&batch, slot));
        }
    };
    first
        .epoch(0)
        .unwrap()
        .for_each(|batch| take(batch.unwrap()));
    let list = [90, 3, 17, 4, 0, 55, 8];
    let second = first.second_pass(&list).unwrap();
    let mut found = Vec::new();
    for batch in second.epoch(0).unwrap() {
        let batch = batch.unwrap();
        for slot in 0..batch.len() {
            assert_eq!(second.images(&batch, slot), all[&batch.samples()[slot]]);
        }
        found.extend_from_slice(batch.samples());
    }
    assert_eq!(found, list);
    // Ranks divide the list, which is padded to whole batches. Sources keep their numbers.
    let rank = |rank| {
        let recipe = sampled(4, "");
        two_sources(recipe)
            .with_world(World::new(rank, 2).unwrap())
            .unwrap()
            .second_pass(&[80, 3, 31])
            .unwrap()
    };
    let parts: Vec<_> = (0..2)
        .map(|r| rank(r).reference_batch(0, 0).unwrap())
        .collect();
    let joined = |values: &dyn Fn(&feedmill::Batch) -> Vec<u64>| {
        parts.iter().flat_map(values).collect::<Vec<u64>>()
    };
    assert_eq!(joined(&|batch| batch.samples().to_vec())[..3], [80, 3, 31]);
    assert_eq!(
        joined(&|batch| batch.slots().map(|slot| slot.source().into()).collect())[..3],
        [1, 0, 1]
    );
    assert_eq!(
        joined(&|batch| batch.valid().iter().map(|v| u64::from(*v)).collect()),
        [1, 1, 1, 0]
    );
    assert!(
        first
            .second_pass(&[3, 91])
            .unwrap_err()
            .to_string()
            .contains("sample 91")
    );
    assert!(
        first
            .second_pass(&[3, 3])
            .unwrap_err()
            .to_string()
            .contains("twice")
    );
    assert!(first.second_pass(&[]).is_err());
}

#[test]
fn ten_crops_are_views_of_one_slot() {
    let text = r#"
        batch = 3
        order = "sequential"
        last = "keep"
        [[view]]
        count = 10
        ops = [{ op = "five_crop", size = [5, 4] }]
        [[view]]
        ops = [{ op = "center_crop", size = [5, 4] }]
        [output]
        dtype = "u8"
    "#;
    let loader = load(pixels(7), Recipe::from_toml(text).unwrap()).unwrap();
    let mut seen = 0;
    for batch in loader.epoch(0).unwrap() {
        let batch = batch.unwrap();
        let slots = batch.len();
        let (crops, middle) = (batch.view(0), batch.view(1));
        let (crops, middle) = (crops.as_u8().unwrap(), middle.as_u8().unwrap());
        let each = 5 * 4 * 3;
        assert_eq!(crops.len(), 10 * slots * each);
        for slot in 0..slots {
            let view = |k: usize| &crops[(k * slots + slot) * each..][..each];
            assert_eq!(view(4), &middle[slot * each..][..each]);
            // View 5 is the first corner of the mirrored image: the mirror image of the second
            // corner.
            let mirrored: Vec<u8> = view(1)
                .chunks(4)
                .flat_map(|row| row.iter().rev().copied())
                .collect();
            assert_eq!(view(5), mirrored);
        }
        seen += slots;
    }
    assert_eq!(seen, 7, "each sample once");
}

#[test]
fn explain_says_where_a_sample_comes() {
    let loader = load(
        pixels(91),
        sampled(12, "[sampler]\nkind = \"pk\"\nclasses = 4\nitems = 3"),
    )
    .unwrap();
    let batch = loader.reference_batch(2, 3).unwrap();
    let (sample, slot) = (batch.samples()[5], 5);
    let explained = loader.explain(2, sample).unwrap();
    assert!(
        explained
            .visits
            .iter()
            .any(|(index, at, _)| (*index, *at) == (3, slot))
    );
    assert_eq!(explained.occurrence, explained.visits[0].2.visit.occurrence);
    let text = explained.to_string();
    assert!(
        text.contains("comes    batch 3, slot 5") && text.contains("group"),
        "{text}"
    );
    let left_out = load(pixels(91), sampled(1, "").select(Subset::new([4]))).unwrap();
    assert!(left_out.explain(0, 5).unwrap().visits.is_empty());
}

#[test]
fn a_replacement_comes_from_the_selection_and_the_class() {
    let split = "[[select]]\nselect = \"split\"\nof = [0.5, 0.5]\npart = 1";
    let pk = "[sampler]\nkind = \"pk\"\nclasses = 3\nitems = 4";
    let recipe = sampled(
        12,
        &format!("on_bad = {{ replace = {{ at_most = 1.0 }} }}\n{split}\n{pk}"),
    );
    let selected: BTreeSet<u64> = {
        let plain = sampled(1, split);
        let loader = load(pixels(91), plain).unwrap();
        (0..loader.batches())
            .map(|index| loader.reference_batch(0, index).unwrap().samples()[0])
            .collect()
    };
    let loader = load(damaged(91, |id| id % 5 == 3), recipe).unwrap();
    let mut faults = 0;
    for index in 0..loader.batches() {
        let batch = loader.reference_batch(0, index).unwrap();
        for (slot, sample) in batch.samples().iter().enumerate() {
            assert!(selected.contains(sample) && sample % 5 != 3);
            assert_eq!(sample % 7, u64::from(batch.groups().unwrap()[slot]));
        }
        faults += batch.faults().len();
    }
    assert!(faults > 0);
}

#[test]
fn what_is_wrong_in_a_recipe_has_its_line() {
    for (tables, line, said) in [
        ("[sampler]\nkind = \"pkk\"", "line 4", "did you mean `pk`"),
        (
            "[sampler]\nkind = \"pk\"\nclasses = 4\nitem = 3",
            "line 3",
            "did you mean `items`",
        ),
        ("[sampler]\nkind = \"pk\"\nclasses = 4", "line 3", "items"),
        (
            "[sampler]\nkind = \"pk\"\nclasses = 4\nitems = 2",
            "line 1",
            "classes x items = 8 wants batch = 8",
        ),
        (
            "[sampler]\nkind = \"episodes\"\nways = 5\nshots = 1\nqueries = 1",
            "line 1",
            "multiple of 10",
        ),
        (
            "[sampler]\nkind = \"episodes\"\nways = 3\nshots = 0\nqueries = 4",
            "line 6",
            "shots = 0",
        ),
        (
            "[sampler]\nkind = \"balanced\"\n\ntemperature = 0.5",
            "line 6",
            "temperature = 0.5",
        ),
        (
            "[sampler]\nkind = \"order\"\nrepeats = 0",
            "line 5",
            "repeats = 0",
        ),
        (
            "[[select]]\nselect = \"split\"\nof = [1, 1]\npart = 0\n\
             [[select]]\nselect = \"split\"\nof = [1, -1]\npart = 0",
            "line 7",
            "positive shares",
        ),
        (
            "[[select]]\nselect = \"dirichlet\"\nagents = 2\nalpha = nan",
            "line 3",
            "alpha = NaN",
        ),
        (
            "[[source]]\nweight = { linear = [0, 1] }",
            "line 4",
            "epochs",
        ),
        ("[[source]]\nweigth = 1", "line 4", "did you mean `weight`"),
    ] {
        let error = parse(12, tables).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), Kind::Config);
        assert!(
            text.contains(line) && text.contains(said),
            "{tables}: {text}"
        );
    }
}

#[test]
fn data_that_does_not_fit_the_sampler_is_refused_when_it_is_opened() {
    let refused = |source, recipe: Recipe| {
        let error = load(source, recipe).unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{error}");
        error
    };
    let balanced = || sampled(12, "[sampler]\nkind = \"balanced\"");
    let unlabeled = labeled(91, |id| {
        if id == 40 {
            Target::None
        } else {
            Target::Class(id as u32 % 7)
        }
    });
    let error = refused(unlabeled, balanced());
    assert_eq!(error.sample(), Some(40));
    assert!(
        error
            .to_string()
            .contains("sample 40 (record 40 of the test) has no class"),
        "{error}"
    );
    let several = labeled(91, |id| {
        if id == 7 {
            Target::Multi(vec![1, 2])
        } else {
            Target::Class(0)
        }
    });
    assert!(
        refused(several, balanced())
            .to_string()
            .contains("sample 7")
    );
    let empty = labeled(91, |id| Target::Class(id as u32 % 6));
    assert!(
        refused(empty, balanced())
            .to_string()
            .contains("class 6 has no sample")
    );
    let pk = sampled(24, "[sampler]\nkind = \"pk\"\nclasses = 8\nitems = 3");
    assert!(
        refused(Box::new(pixels(91)), pk)
            .to_string()
            .contains("only 7 groups")
    );
    let column = sampled(12, "[sampler]\nkind = \"grouped\"\nby = \"image_id\"");
    assert!(
        refused(Box::new(pixels(91)), column)
            .to_string()
            .contains("no column \"image_id\"")
    );
    let weights = |worst: f64| {
        let weights = (0..91)
            .map(|id| if id == 50 { worst } else { 1.0 })
            .collect();
        sampled(12, "").with_sampler(Weighted::new(Values::List(weights)))
    };
    for worst in [-1.0, f64::NAN, f64::INFINITY] {
        let error = refused(Box::new(pixels(91)), weights(worst));
        assert_eq!(error.sample(), Some(50), "{error}");
        assert!(
            error.to_string().contains("sample 50 has the weight"),
            "{error}"
        );
    }
    let none = sampled(12, "").with_sampler(Weighted::new(Values::List(vec![0.0; 91])));
    assert!(
        refused(Box::new(pixels(91)), none)
            .to_string()
            .contains("all 0")
    );
}

#[test]
fn a_table_has_a_row_for_every_sample() {
    let open = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let recipe =
            sampled(2, "[sampler]\nkind = \"variants\"\nby = \"group\"").with_table(file.path());
        load(pixels(3), recipe.with_order(Order::Sequential))
    };
    let groups_of = |text: &str| {
        let loader = open(text).unwrap();
        loader
            .plan()
            .visits(0, 0, 99)
            .iter()
            .chain(&loader.plan().visits(0, 2, 99))
            .map(|v| v.2.group.unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(groups_of("group\nb\na\na\n")[..2], [1, 0]);
    assert_eq!(groups_of("sample,group\n2,b\n0,a\n1,b\n")[..1], [0]);
    let by_name = "name,group\nmemory record 2,z\nmemory record 0,y\nmemory record 1,y\n";
    assert_eq!(groups_of(by_name).last(), Some(&1));
    for (text, said) in [
        ("group\na\nb\n", "2 rows for 3 samples"),
        (
            "sample,group\n0,a\n1,a\n7,a\n",
            "line 4: there is no sample 7",
        ),
        (
            "sample,group\n0,a\n0,a\n1,a\n",
            "line 3: a second row for sample 0",
        ),
        (
            "sample,group\n0,a\n2,a\n",
            "no row for sample 1 (memory record 1)",
        ),
        (
            "name,group\nx,a\n",
            "line 2: there is no sample named \"x\"",
        ),
        (
            "sample,grp\n0,a\n1,a\n2,a\n",
            "neither the recipe's table nor the data has column \"group\"",
        ),
        ("sample,group\nx,a\n", "sample = \"x\": expected a number"),
    ] {
        let error = open(text).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    // The content of the table is part of the data that a state belongs to.
    let state = open("group\nb\na\na\n").unwrap().state().clone();
    let error = open("group\nb\na\nb\n")
        .unwrap()
        .resume(&state)
        .unwrap_err();
    assert!(error.kind() == Kind::Mismatch && !error.to_string().is_empty());
}
