//! The iterators over epochs and batches: their lengths, their statistics, and what they log.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use feedmill::recipe::OnBad;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use crate::support::*;

#[test]
fn the_loader_answers_inside_its_own_loop() {
    let loader = load(pixels(45), recipe(8, MIX)).unwrap();
    for epoch in loader.epochs(0..2) {
        for batch in epoch {
            let batch = batch.unwrap();
            assert!(loader.stats().batches > batch.index());
            assert_eq!(
                loader.source().name(batch.samples()[0]).split(' ').count(),
                3
            );
        }
    }
}

#[test]
fn lengths_count_down_and_are_zero_after_an_error() {
    let loader = load(pixels(45), recipe(8, MIX)).unwrap();
    let mut epochs = loader.epochs(1..4);
    assert_eq!(epochs.len(), 3);
    let mut epoch = epochs.next().unwrap();
    assert_eq!((epochs.len(), epoch.len()), (2, 6));
    epoch.next().unwrap().unwrap();
    assert_eq!(epoch.len(), 5);
    let next = epochs.next().unwrap();
    assert_eq!((epoch.len(), next.len()), (0, 6), "the first one was left");
    assert!(epoch.next().is_none());
    let mut rest = loader.epoch_from(0, 4).unwrap();
    assert_eq!(rest.len(), 2);
    assert_eq!(rest.by_ref().count(), 2);
    assert_eq!((rest.len(), rest.next().is_none()), (0, true));

    let strict = recipe(8, "").with_on_bad(OnBad::Fail);
    let loader = load(damaged(45, |id| id % 9 == 3), strict).unwrap();
    let mut epochs = loader.epochs(0..5);
    let mut epoch = epochs.next().unwrap();
    assert!(epoch.by_ref().any(|batch| batch.is_err()));
    assert_eq!((epoch.len(), epochs.len()), (0, 0));
    assert!(epoch.next().is_none() && epochs.next().is_none());
}

#[test]
fn a_resumed_loop_has_the_same_range_and_skips_what_is_done() {
    let loader = || load(pixels(45), recipe(8, MIX)).unwrap();
    let expected = reference(&loader(), 4);
    let state = loader().epoch_from(2, 3).unwrap().next().unwrap().unwrap();
    let mut resumed = loader();
    resumed.resume(state.state()).unwrap();
    assert_eq!(resumed.epochs(0..4).len(), 2);
    assert_eq!(threaded(&resumed, 4), expected[2 * 6 + 4..]);
    assert_eq!(resumed.epochs(0..2).len(), 0);
    assert_eq!(resumed.epochs(3..4).count(), 1);
}

#[test]
fn an_epoch_has_statistics_of_its_own() {
    let tolerant = recipe(8, MIX).with_on_bad(OnBad::Replace { at_most: 1.0 });
    let loader = load(damaged(45, |id| id == 7), tolerant).unwrap();
    for mut epoch in loader.epochs(0..3) {
        assert_eq!(epoch.stats().batches, 0);
        assert_eq!(epoch.by_ref().take(2).count(), 2);
        assert_eq!((epoch.stats().batches, epoch.stats().samples), (2, 16));
        epoch.by_ref().for_each(|batch| drop(batch.unwrap()));
        let stats = epoch.stats();
        assert_eq!((stats.batches, stats.samples), (6, 48));
        assert_eq!(stats.sources, [48]);
        assert!(stats.bad >= 1 && stats.bad < 4, "{} bad samples", stats.bad);
        let total = loader.stats();
        assert_eq!(total.batches, 6 * (u64::from(epoch.number()) + 1));
        assert!(total.consumer_wait >= stats.consumer_wait);
    }
}

/// Keeps the text of every event of one thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                let _ = write!(self.0, "{field}={value:?};");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn each_bad_sample_is_logged_once_in_order_and_each_epoch_once() {
    // Whether an event is logged is cached for the process, in a race with other tests.
    alone(
        "iterators::each_bad_sample_is_logged_once_in_order_and_each_epoch_once",
        log_bad_samples,
    );
}

fn log_bad_samples() {
    let log = Log::default();
    let tolerant = recipe(8, "").with_on_bad(OnBad::Replace { at_most: 1.0 });
    let loader = load(damaged(45, |id| id % 15 == 4), tolerant).unwrap();
    let mut faults = Vec::new();
    tracing::subscriber::with_default(log.clone(), || {
        for epoch in loader.epochs(0..2) {
            let number = epoch.number();
            let mut bad = 0;
            for batch in epoch {
                let batch = batch.unwrap();
                bad += batch.faults().len();
                faults.extend(batch.faults().iter().map(|fault| {
                    let replacement = fault.replaced_by.unwrap();
                    (fault.sample.to_string(), replacement.to_string())
                }));
            }
            faults.push((format!("epoch={number}"), format!("bad={bad}")));
        }
    });
    let lines = log.0.lock().unwrap();
    assert_eq!(lines.len(), faults.len(), "{lines:#?}");
    for (line, (what, other)) in lines.iter().zip(&faults) {
        if what.starts_with("epoch") {
            assert!(line.contains(what) && line.contains(other), "{line}");
            continue;
        }
        for part in [
            format!("sample={what};"),
            format!("replacement={other};"),
            format!("name=\"record {what} of the test\""),
            "expected the SOI marker".to_string(),
        ] {
            assert!(line.contains(&part), "{part} in {line}");
        }
    }
}
