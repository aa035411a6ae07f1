//! Bad samples and ops that panic: which error comes, at which batch, and which batches come before
//! it.

use std::collections::BTreeSet;

use feedmill::augment::{Op, Step, StepImage, StepScratch, Steps};
use feedmill::declare;
use feedmill::geometry::Size;
use feedmill::recipe::OnBad;
use feedmill::rng::RandomStream;
use feedmill::{Error, Kind};

use crate::support::*;

#[test]
fn fail_names_the_first_bad_sample_of_its_batch() {
    for workers in [1, 4] {
        let bad = recipe(8, MIX).with_on_bad(OnBad::Fail);
        let loader = load(damaged(45, |id| id % 5 == 0), bad.clone())
            .unwrap()
            .workers(workers)
            .unwrap();
        let (good, expected) = (0..)
            .find_map(|index| Some((index, loader.reference_batch(0, index).err()?)))
            .expect("a bad sample");
        let results: Vec<_> = loader.epochs(0..3).flatten().collect();
        assert_eq!(results.len() as u64, good + 1, "an error ends the run");
        let error = results.into_iter().next_back().unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert_eq!(
            (error.to_string(), error.sample()),
            (expected.to_string(), expected.sample())
        );
        assert!(
            error
                .to_string()
                .contains(&format!("record {} of the test", error.sample().unwrap()))
        );
    }
}

#[test]
fn replace_takes_a_replacement_from_the_plan_and_reports_it() {
    let tolerant = recipe(8, MIX).with_on_bad(OnBad::Replace { at_most: 1.0 });
    let loader = load(damaged(45, |id| id % 5 == 0), tolerant).unwrap();
    let expected = reference(&loader, 2);
    assert_eq!(
        threaded(&loader, 2),
        expected,
        "replacements do not depend on threads"
    );
    let mut reported = BTreeSet::new();
    for batch in loader.epoch(0).unwrap() {
        let batch = batch.unwrap();
        assert!(batch.valid().iter().all(|valid| *valid));
        assert!(batch.samples().iter().all(|sample| sample % 5 != 0));
        for fault in batch.faults() {
            assert_eq!(fault.replaced_by, Some(batch.samples()[fault.slot]));
            assert_eq!(fault.kind, Kind::Corrupt);
            assert!(
                fault
                    .message
                    .contains(&format!("record {} of the test", fault.sample)),
                "{}",
                fault.message
            );
            reported.insert(fault.sample);
        }
    }
    assert_eq!(
        reported,
        (0..45).step_by(5).collect(),
        "every bad sample is reported"
    );
}

#[test]
fn skip_blanks_the_slot_and_leaves_its_partner_unmixed() {
    let tolerant = recipe(8, MIX).with_on_bad(OnBad::Skip { at_most: 1.0 });
    let loader = load(damaged(45, |id| id % 5 == 0), tolerant).unwrap();
    let expected = reference(&loader, 2);
    assert_eq!(threaded(&loader, 2), expected);
    let mut blank = 0;
    for batch in loader.epoch(0).unwrap() {
        let batch = batch.unwrap();
        let images = batch.images().as_f32().unwrap();
        let dense = batch.targets().dense().unwrap();
        for slot in 0..batch.len() {
            let mix = &batch.mix()[slot];
            let partner = mix.partner as usize;
            assert!(
                partner == slot || batch.valid()[partner],
                "a blank slot is mixed into slot {slot}"
            );
            if !batch.valid()[slot] {
                blank += 1;
                assert!(
                    images[slot * 216..(slot + 1) * 216]
                        .iter()
                        .all(|value| *value == 0.0)
                );
                assert!(
                    dense[slot * 7..(slot + 1) * 7]
                        .iter()
                        .all(|value| *value == 0.0)
                );
                assert_eq!(mix.lam, 1.0);
            }
        }
    }
    assert!(blank >= 9);
}

/// The number of batches before bad samples end the run, and the error. Of each thousand samples
/// about `per_mille` are bad.
fn batches_until_error(per_mille: u64, at_most: f64) -> (usize, Option<Error>) {
    let tolerant = recipe(10, "").with_on_bad(OnBad::Replace { at_most });
    let source = damaged(1000, move |id| hash(id) % 1000 < per_mille);
    let mut good = 0;
    for batch in load(source, tolerant).unwrap().epoch(0).unwrap() {
        match batch {
            Ok(_) => good += 1,
            Err(error) => return (good, Some(error)),
        }
    }
    (good, None)
}

#[test]
fn a_storm_of_bad_samples_ends_the_run_and_a_few_do_not() {
    assert_eq!(batches_until_error(0, 0.0).0, 100);
    assert!(
        batches_until_error(1, 0.0).1.is_none(),
        "one bad sample in a thousand is tolerated"
    );
    assert!(batches_until_error(10, 0.02).1.is_none());
    let (good, error) = batches_until_error(200, 0.05);
    let text = error.unwrap().to_string();
    assert!((1..=12).contains(&good), "{good} batches");
    assert!(
        text.contains("more than on_bad at_most = 0.05") && text.contains("of the test"),
        "{text}"
    );
    let (good, error) = batches_until_error(1000, 1.0);
    assert_eq!(good, 0);
    assert!(
        error
            .unwrap()
            .to_string()
            .contains("none of 16 replacements")
    );
}

/// An op that panics for every tenth image: while it draws, or in its step.
#[declare(name = "panics")]
#[derive(Clone, Debug)]
struct Panics {
    /// Whether it panics while it draws.
    #[param(required)]
    drawing: bool,
}

#[derive(Debug)]
struct PanicStep;

impl std::fmt::Display for PanicStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("panic")
    }
}

impl Step for PanicStep {
    fn run(&self, _: &mut StepImage<'_>, _: &mut StepScratch) -> feedmill::Result<()> {
        panic!("the step is broken");
    }
}

impl Op for Panics {
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if rng.bernoulli(0.1) {
            assert!(!self.drawing, "the op is broken");
            steps.push(PanicStep);
        }
    }
}

#[test]
fn a_panic_in_an_op_becomes_an_error_in_its_batchs_place() {
    for (drawing, role, text) in [
        (true, "decoder", "the op is broken"),
        (false, "augmenter", "the step is broken"),
    ] {
        for workers in [1, 3] {
            let broken = recipe(8, MIX).op(Panics::new(drawing));
            let loader = load(pixels(45), broken).unwrap();
            let tuning = tuning(|t| t.with_workers(workers));
            let loader = loader.tuning(tuning).unwrap();
            let firsts: Vec<(usize, u64, String)> = (0..3)
                .map(|_| {
                    let results: Vec<_> = loader.epochs(0..2).flatten().collect();
                    let good = results.len() - 1;
                    let error = results.into_iter().last().unwrap().unwrap_err();
                    assert_eq!(error.kind(), Kind::Worker);
                    (good, error.sample().unwrap(), error.to_string())
                })
                .collect();
            assert!(
                firsts[0].2.contains(role) && firsts[0].2.contains(text),
                "{}",
                firsts[0].2
            );
            assert!(
                firsts[0].2.contains("of memory") || firsts[0].2.contains("memory record"),
                "{}",
                firsts[0].2
            );
            assert!(
                firsts.iter().all(|first| *first == firsts[0]),
                "the same error every time"
            );
        }
    }
}

#[test]
fn a_wrong_promise_of_a_size_is_an_error_and_not_a_crash() {
    #[declare(name = "wrong_size")]
    #[derive(Clone, Debug)]
    struct WrongSize {}
    impl Op for WrongSize {
        fn output_size(&self, _: Option<Size>) -> Option<Size> {
            Some(Size {
                width: 99,
                height: 99,
            })
        }
        fn draw(&self, _rng: &mut RandomStream, _steps: &mut Steps) {}
    }
    let loader = load(pixels(45), recipe(8, "").op(WrongSize::new())).unwrap();
    let error = loader.epoch(0).unwrap().next().unwrap().unwrap_err();
    assert!(
        error.to_string().contains("8 x 9") && error.to_string().contains("99 x 99"),
        "{error}"
    );
}

/// The payload of a panic may panic again when it is dropped.
#[test]
fn a_panic_that_panics_when_dropped_is_still_an_error() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("and again");
        }
    }
    #[derive(Debug)]
    struct ThrowingStep;
    impl std::fmt::Display for ThrowingStep {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("throw")
        }
    }
    impl Step for ThrowingStep {
        fn run(&self, _: &mut StepImage<'_>, _: &mut StepScratch) -> feedmill::Result<()> {
            std::panic::panic_any(PanicsOnDrop);
        }
    }
    #[declare(name = "throws")]
    #[derive(Clone, Debug)]
    struct Throws {}
    impl Op for Throws {
        fn draw(&self, _rng: &mut RandomStream, steps: &mut Steps) {
            steps.push(ThrowingStep);
        }
    }
    within(20, "an error", || {
        let loader = load(pixels(45), recipe(8, "").op(Throws::new())).unwrap();
        let error = loader.epoch(0).unwrap().next().unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Worker);
        assert!(error.to_string().contains("without a text"), "{error}");
    });
}

/// An op that panics on every image.
#[declare(name = "always")]
#[derive(Clone, Debug)]
struct Always {}

impl Op for Always {
    fn draw(&self, _rng: &mut RandomStream, steps: &mut Steps) {
        steps.push(PanicStep);
    }
}

/// In a program built with `panic = "abort"`, a panic in a worker ends the process by a signal. The
/// consumer must not wait for a batch that will never come. The child process of the test aborts in
/// its panic hook, as such a program does right after the hook.
#[cfg(unix)]
#[test]
fn where_panics_abort_the_process_ends_and_does_not_hang() {
    use std::os::unix::process::ExitStatusExt;

    if std::env::var_os("FEEDMILL_TEST_ABORT").is_some() {
        std::panic::set_hook(Box::new(|_| std::process::abort()));
        let loader = load(pixels(45), recipe(8, "").op(Always::new())).unwrap();
        let _ = loader.epoch(0).unwrap().next();
        println!("went on");
        return;
    }
    let child = within(30, "the child", || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "faults::where_panics_abort_the_process_ends_and_does_not_hang",
                "--nocapture",
            ])
            .env("FEEDMILL_TEST_ABORT", "1")
            .output()
            .unwrap()
    });
    assert_eq!(child.status.signal(), Some(6), "SIGABRT");
    assert!(!String::from_utf8_lossy(&child.stdout).contains("went on"));
}
