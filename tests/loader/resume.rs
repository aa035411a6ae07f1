//! Stopping after any batch and going on from its state, also in another process with other tuning.

use std::process::Command;

use feedmill::plan::{Last, Order};
use feedmill::recipe::OnBad;
use feedmill::{Kind, Loader, LoaderState};

use crate::support::*;

/// A loader with mixing, a last batch that wraps around, and a few bad samples that are replaced.
fn loader() -> Loader {
    let tolerant = recipe(8, MIX)
        .with_last(Last::Wrap)
        .with_on_bad(OnBad::Replace { at_most: 0.5 });
    load(damaged(45, |id| id % 20 == 3), tolerant).unwrap()
}

/// [`loader`] with other threads, chunks and prefetch.
fn tuned() -> Loader {
    let tuning = tuning(|t| t.with_workers(3).with_chunk(Some(2)).with_prefetch(5));
    loader().tuning(tuning).unwrap()
}

#[test]
fn resume_after_every_batch_gives_the_same_bytes() {
    let mut states = Vec::new();
    let mut digests = Vec::new();
    for epoch in loader().epochs(0..3) {
        for batch in epoch {
            let batch = batch.unwrap();
            states.push(batch.state().clone());
            digests.push(batch.digest());
        }
    }
    for (done, state) in states.iter().enumerate() {
        let text = state.to_string();
        assert!(text.len() < 1024, "a state is small");
        let mut resumed = tuned();
        resumed.resume(&text.parse().unwrap()).unwrap();
        let mut last = None;
        let mut rest = Vec::new();
        for epoch in resumed.epochs(0..3) {
            for batch in epoch {
                let batch = batch.unwrap();
                last = Some(batch.state().clone());
                rest.push(batch.digest());
            }
        }
        assert_eq!(rest, digests[done + 1..], "after {} batches", done + 1);
        if let Some(last) = last {
            assert_eq!(
                last,
                *states.last().unwrap(),
                "bad samples are counted as in a run without a stop"
            );
        }
    }
}

#[test]
fn epoch_continues_where_the_state_is_and_other_epochs_begin_at_the_front() {
    let expected = reference(&loader(), 2);
    let state = loader()
        .epoch(0)
        .unwrap()
        .nth(2)
        .unwrap()
        .unwrap()
        .state()
        .clone();
    let mut resumed = loader();
    resumed.resume(&state).unwrap();
    let digests = |epoch| {
        resumed
            .epoch(epoch)
            .unwrap()
            .map(|batch| batch.unwrap().digest())
            .collect::<Vec<_>>()
    };
    assert_eq!(digests(0), expected[3..6]);
    assert_eq!(digests(1), expected[6..]);
}

#[test]
fn an_epoch_left_early_is_followed_by_a_whole_one() {
    let expected = reference(&loader(), 2);
    let mut found = Vec::new();
    for epoch in loader().epochs(0..2) {
        let take = if epoch.number() == 0 { 2 } else { 100 };
        found.extend(epoch.take(take).map(|batch| batch.unwrap().digest()));
    }
    assert_eq!(found, [&expected[..2], &expected[6..]].concat());
}

/// This test runs itself in a second process, which resumes from the state in its environment.
#[test]
fn another_process_with_other_tuning_continues_with_the_same_bytes() {
    if let Ok(text) = std::env::var("FEEDMILL_TEST_STATE") {
        let mut resumed = tuned();
        resumed.resume(&text.parse().unwrap()).unwrap();
        println!("digests {:?}", threaded(&resumed, 2));
        return;
    }
    let expected = reference(&loader(), 2);
    for done in [1, 5, 6, 9] {
        let states: Vec<LoaderState> = {
            let loader = loader();
            let epochs = loader.epochs(0..2);
            epochs
                .flatten()
                .map(|batch| batch.unwrap().state().clone())
                .collect()
        };
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "resume::another_process_with_other_tuning_continues_with_the_same_bytes",
                "--nocapture",
            ])
            .env("FEEDMILL_TEST_STATE", states[done - 1].to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let expected = format!("digests {:?}", &expected[done..]);
        assert!(
            text.lines().any(|line| line.ends_with(&expected)),
            "after {done}: {text}\nexpected {expected}"
        );
    }
}

#[test]
fn a_state_of_something_else_is_refused_by_field() {
    let state = loader().state().to_string();
    let refused = |text: &str| {
        let parsed = text.parse::<LoaderState>();
        let error = parsed
            .and_then(|state| loader().resume(&state))
            .unwrap_err();
        (error.kind(), error.to_string())
    };
    let change = |name: &str, value: &str| -> String {
        let lines = state.lines().map(|line| match line.split_once(" = ") {
            Some((key, _)) if key == name => format!("{name} = {value}\n"),
            _ => format!("{line}\n"),
        });
        lines.collect()
    };
    let other = "\"00000000000000000000000000000001\"";
    for (field, value) in [
        ("format", "9"),
        ("seed", "5"),
        ("data", other),
        ("recipe", other),
        ("next", "6"),
    ] {
        let (kind, text) = refused(&change(field, value));
        assert_eq!(kind, Kind::Mismatch);
        let shown = value.trim_matches('"');
        assert!(
            text.contains(if field == "next" { "next batch" } else { field })
                && text.contains(shown),
            "{text}"
        );
    }
    let (kind, text) = refused(&format!("{state}surprise = 1\n"));
    assert_eq!(kind, Kind::Corrupt);
    assert!(
        text.contains("surprise") && text.contains("line 10"),
        "{text}"
    );
    assert_eq!(refused("").0, Kind::Corrupt);
    assert_eq!(refused(&change("data", "\"xyz\"")).0, Kind::Corrupt);
}

#[test]
fn a_state_of_another_recipe_says_which_keys_differ() {
    let state = loader().state().to_string();
    assert!(state.len() < 1024, "{state}");
    let here = || {
        recipe(8, MIX)
            .with_last(Last::Wrap)
            .with_on_bad(OnBad::Replace { at_most: 0.5 })
    };
    for (recipe, expected) in [
        (
            here().with_batch(16),
            vec!["`batch` (8 when saved, 16 now)"],
        ),
        (
            here().with_last(Last::Drop),
            vec!["`last` (\"wrap\" when saved, \"drop\" now)"],
        ),
        (
            here().with_order(Order::Sequential).with_last(Last::Pad),
            vec!["`last`", "`order`"],
        ),
        (
            here().with_mix(None),
            vec!["`mix` (set when saved, not now)"],
        ),
        (
            here().op(feedmill::augment::ops::HorizontalFlip::new().with_p(0.5)),
            vec!["`view`"],
        ),
        (here().with_target(dense(0.3)), vec!["`target`"]),
    ] {
        let mut other = load(damaged(45, |id| id % 20 == 3), recipe).unwrap();
        let error = other.resume(&state.parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), Kind::Mismatch);
        let text = error.to_string();
        let (_, listed) = text.split_once("differs in ").unwrap();
        let listed = listed.split(';').next().unwrap();
        assert_eq!(listed.matches('`').count(), 2 * expected.len(), "{text}");
        for part in expected {
            assert!(listed.contains(part), "{part} in {text}");
        }
    }
    // A state of an earlier version has no keys.
    let old: String = state
        .lines()
        .filter(|line| !line.starts_with("keys"))
        .map(|line| format!("{line}\n"))
        .collect();
    loader().resume(&old.parse().unwrap()).unwrap();
    let mut other = load(damaged(45, |id| id % 20 == 3), here().with_batch(16)).unwrap();
    let text = other.resume(&old.parse().unwrap()).unwrap_err().to_string();
    assert!(text.contains("its recipe is"), "{text}");
    let wrong = old + "keys = \"batch\"\n";
    let error = wrong.parse::<LoaderState>().unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(error.to_string().contains("key=value"), "{error}");
}

#[test]
fn a_state_of_another_recipe_or_of_changed_data_is_refused() {
    let state = loader().state().clone();
    let mut other = load(
        damaged(45, |_| false),
        recipe(8, "")
            .with_order(Order::Sequential)
            .with_last(Last::Keep),
    )
    .unwrap();
    assert!(
        other
            .resume(&state)
            .unwrap_err()
            .to_string()
            .contains("recipe")
    );
    let same = recipe(8, MIX)
        .with_last(Last::Wrap)
        .with_on_bad(OnBad::Replace { at_most: 0.5 });
    let mut other = load(pixels(46), same).unwrap();
    assert!(
        other
            .resume(&state)
            .unwrap_err()
            .to_string()
            .contains("data")
    );
}
