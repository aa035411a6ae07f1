//! Threads, open files and memory of a run: none of them outlive the loader, and memory keeps to
//! its limits.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use feedmill::source::Access;
use feedmill::{Kind, Loader};

use crate::support::*;

/// Waits up to two seconds for the number of threads and open files to be `baseline` again.
fn returns_to(baseline: (usize, usize)) -> bool {
    let deadline = Instant::now() + Duration::from_secs(2);
    while threads_and_files() != baseline {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

#[test]
fn dropping_after_any_number_of_batches_leaves_no_thread_and_no_file() {
    alone(
        "lifetime::dropping_after_any_number_of_batches_leaves_no_thread_and_no_file",
        || {
            let baseline = threads_and_files();
            for round in 0..40 {
                for access in [Access::Immediate, Access::Blocking] {
                    let loader = load(jittery(45, access), recipe(8, MIX))
                        .unwrap()
                        .workers(3)
                        .unwrap();
                    let held: Vec<_> = loader.epoch(0).unwrap().take(round % 5).collect();
                    drop(loader);
                    assert!(held.iter().all(std::result::Result::is_ok));
                    assert!(
                        returns_to(baseline),
                        "round {round}: {:?}, at first {baseline:?}",
                        threads_and_files()
                    );
                }
            }
        },
    );
}

#[test]
fn a_panic_or_error_leaves_no_thread() {
    alone("lifetime::a_panic_or_error_leaves_no_thread", || {
        let baseline = threads_and_files();
        let strict = recipe(8, "").with_on_bad(feedmill::recipe::OnBad::Fail);
        for _ in 0..10 {
            let loader = load(damaged(45, |id| id == 30), strict.clone()).unwrap();
            assert!(loader.epochs(0..5).flatten().any(|batch| batch.is_err()));
            assert!(returns_to(baseline));
        }
    });
}

#[test]
fn a_loader_has_its_workers_and_at_most_three_threads_more() {
    alone(
        "lifetime::a_loader_has_its_workers_and_at_most_three_threads_more",
        || {
            let baseline = threads_and_files();
            for (access, workers) in [
                (Access::Immediate, 1),
                (Access::Blocking, 1),
                (Access::Blocking, 5),
            ] {
                let loader = load(jittery(400, access), recipe(8, MIX))
                    .unwrap()
                    .workers(workers)
                    .unwrap();
                let mut first = loader.epoch(0).unwrap();
                let mut second = loader.epochs(0..3);
                let mut epoch = second.next().unwrap();
                for _ in 0..10 {
                    first.next().unwrap().unwrap();
                    epoch.next().unwrap().unwrap();
                    let (threads, _) = threads_and_files();
                    assert!(threads > baseline.0, "batches are made by threads");
                    assert!(threads <= baseline.0 + workers + 3, "{threads} threads");
                }
                drop((first, second, epoch));
                assert!(returns_to(baseline));
            }
        },
    );
}

#[test]
fn the_loaders_of_a_split_have_one_set_of_threads() {
    alone(
        "lifetime::the_loaders_of_a_split_have_one_set_of_threads",
        || {
            let baseline = threads_and_files();
            let (training, validation) = (recipe(8, MIX), recipe(8, ""));
            let (train, validation) = Loader::builder()
                .source(jittery(400, Access::Blocking))
                .recipe(training)
                .workers(3)
                .split(0.5, validation)
                .unwrap();
            let mut training = train.epochs(0..2).flatten();
            for batch in validation.epoch(0).unwrap() {
                batch.unwrap();
                training.next().unwrap().unwrap();
                let (threads, _) = threads_and_files();
                assert!(threads <= baseline.0 + 3 + 3, "{threads} threads");
            }
            drop(training);
            assert!(returns_to(baseline));
        },
    );
}

#[test]
fn an_iterator_ends_although_a_read_never_returns() {
    within(20, "the end of a run", || {
        for workers in [1, 3] {
            let read = |inner: &feedmill::source::Memory, id: u64| {
                if id % 5 == 3 {
                    loop {
                        std::thread::park();
                    }
                }
                feedmill::source::Source::read(inner, id, Vec::new())
            };
            let source = Wrapped {
                inner: pixels(45),
                access: Access::Blocking,
                read,
            };
            let loader = load(source, recipe(8, ""))
                .unwrap()
                .workers(workers)
                .unwrap();
            let mut batches = loader.epoch(0).unwrap();
            let waited = batches.next_timeout(Duration::from_millis(30));
            assert_eq!(waited.unwrap_err().kind(), Kind::Stopped);
            drop(batches);
        }
    });
}

/// Goes through a folder inside a runtime: to the end, and with iterators that are dropped early.
async fn iterate_inside_a_runtime() {
    let recipe = feedmill::Recipe::preset("imagenet").unwrap().with_batch(4);
    let loader = Loader::open("fixtures/photos", recipe).unwrap();
    let mut batches = loader.epoch(0).unwrap();
    batches.next().unwrap().unwrap();
    drop(batches);
    let mut count = 0;
    for epoch in loader.epochs(0..2) {
        for batch in epoch {
            count += batch.unwrap().len();
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(count, 24);
    let epoch = loader.epoch(1).unwrap();
    drop(loader);
    let counted = tokio::task::spawn_blocking(move || epoch.count());
    assert_eq!(counted.await.unwrap(), 3);
}

#[tokio::test]
async fn a_runtime_of_one_thread_may_create_and_drop_iterators() {
    iterate_inside_a_runtime().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_of_several_threads_may_create_and_drop_iterators() {
    iterate_inside_a_runtime().await;
}

#[test]
fn memory_is_flat_over_epochs_for_any_number_of_workers() {
    alone(
        "lifetime::memory_is_flat_over_epochs_for_any_number_of_workers",
        || {
            for workers in [1, 7] {
                let mut loader = Loader::open(
                    "fixtures/photos",
                    feedmill::Recipe::preset("imagenet").unwrap().with_batch(8),
                )
                .unwrap();
                loader = loader.workers(workers).unwrap();
                // Which worker gets the largest photograph first is chance, so each of them has
                // grown its buffers only after many epochs; a leak goes on growing.
                let mut after = Vec::new();
                for epoch in loader.epochs(0..96) {
                    epoch.for_each(|batch| drop(batch.unwrap()));
                    after.push(resident());
                }
                let (early, late) = (after[47], after[95]);
                assert!(
                    late < early + (8 << 20),
                    "{workers} workers: {} MiB grew to {} MiB",
                    early >> 20,
                    late >> 20
                );
            }
        },
    );
}

#[test]
fn a_batch_outlives_its_loader() {
    let batch = {
        let loader = load(pixels(45), recipe(8, MIX)).unwrap();
        loader.epoch(0).unwrap().next().unwrap().unwrap()
    };
    let again = load(pixels(45), recipe(8, MIX))
        .unwrap()
        .reference_batch(0, 0)
        .unwrap();
    assert_eq!(batch.digest(), again.digest());
    let kept: Vec<f32> = batch.images().as_f32().unwrap().to_vec();
    assert_eq!(batch.into_images().into_f32().unwrap(), kept);
}

#[test]
fn collecting_all_batches_works_and_is_limited_by_bytes() {
    within(30, "collecting", || {
        let loader = load(pixels(400), recipe(8, "")).unwrap();
        let all: Vec<_> = loader.epoch(0).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 50);
        let distinct: std::collections::HashSet<u64> =
            all.iter().map(feedmill::Batch::digest).collect();
        assert_eq!(distinct.len(), 50, "held batches keep their content");
        // One batch has 8 x 3 x 9 x 8 x 4 = 6912 bytes.
        let small = tuning(|t| t.with_held(6912 * 10));
        let loader = load(pixels(400), recipe(8, ""))
            .unwrap()
            .tuning(small)
            .unwrap();
        let error = loader
            .epoch(0)
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Limit);
        assert!(error.to_string().contains("Tuning::held"), "{error}");
        let taken = loader
            .epoch(0)
            .unwrap()
            .map(|batch| batch.unwrap().len())
            .sum::<usize>();
        assert_eq!(taken, 400, "one batch at a time keeps within the limit");
    });
}

#[test]
fn a_slow_consumer_is_waited_for_without_using_the_processor() {
    alone(
        "lifetime::a_slow_consumer_is_waited_for_without_using_the_processor",
        || {
            let loader = load(pixels(400), recipe(8, "")).unwrap();
            let mut batches = loader.epoch(0).unwrap();
            batches.next().unwrap().unwrap();
            std::thread::sleep(Duration::from_millis(50));
            let (in_flight, before) = (loader.stats().in_flight, cpu_ticks());
            std::thread::sleep(Duration::from_millis(300));
            assert!(
                cpu_ticks() - before <= 3,
                "{} ticks of 10 ms while parked",
                cpu_ticks() - before
            );
            assert!(in_flight <= 4, "{in_flight} batches are ahead");
            let stats = loader.stats();
            assert!(
                stats.batch_bytes_peak <= 5 * 6912,
                "{}",
                stats.batch_bytes_peak
            );
        },
    );
}

/// The processor time of this process in ticks of 10 ms: `utime` and `stime` of `/proc/self/stat`.
fn cpu_ticks() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn waiting_has_a_deadline() {
    within(20, "a stalled source", || {
        let (release, stalled) = std::sync::mpsc::channel::<()>();
        let stalled = Mutex::new(stalled);
        let read = move |inner: &feedmill::source::Memory, id: u64| {
            let _ = stalled.lock().unwrap().recv();
            feedmill::source::Source::read(inner, id, Vec::new())
        };
        let source = Wrapped {
            inner: pixels(45),
            access: Access::Blocking,
            read,
        };
        let loader = load(source, recipe(8, "")).unwrap();
        let mut batches = loader.epoch(0).unwrap();
        let error = batches.next_timeout(Duration::from_millis(30)).unwrap_err();
        assert_eq!(error.kind(), Kind::Stopped);
        drop(release);
        assert!(
            batches
                .next_timeout(Duration::from_secs(10))
                .unwrap()
                .unwrap()
                .is_ok(),
            "it can be asked again"
        );
    });
}

#[test]
fn decoded_images_keep_to_the_budget() {
    let recipe = feedmill::Recipe::preset("imagenet").unwrap().with_batch(8);
    let tight = tuning(|t| t.with_workers(7).with_memory(1));
    let loader = Loader::open("fixtures/photos", recipe)
        .unwrap()
        .tuning(tight)
        .unwrap();
    assert_eq!(
        loader
            .epoch(0)
            .unwrap()
            .map(|batch| batch.unwrap().len())
            .sum::<usize>(),
        16
    );
    let most = 640 * 504 * 3;
    assert!(
        loader.stats().decoded_bytes_peak <= most,
        "one image at a time: {}",
        loader.stats().decoded_bytes_peak
    );
}
