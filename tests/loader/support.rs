//! Sources and recipes that the tests share.

use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use feedmill::geometry::Size;
use feedmill::recipe::{Dtype, Layout, Output, TargetForm, TargetOptions};
use feedmill::sample::{Codec, Fingerprint, Sample, Target};
use feedmill::source::{Access, IntoSource, Memory, Source};
use feedmill::{Loader, Recipe, Result, Tuning};

/// Runs a function on a thread of its own and returns its value. If that takes longer than
/// `seconds`, the test fails with `what`: a deadlock must not stop the whole run.
pub(crate) fn within<T: Send + 'static>(
    seconds: u64,
    what: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = sender.send(run());
    });
    match receiver.recv_timeout(Duration::from_secs(seconds)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: not done within {seconds} s"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the thread sends before it ends"),
        },
    }
}

/// Held by each test that counts the threads or the memory of the whole process, so that these
/// tests run one after the other.
static TURN: Mutex<()> = Mutex::new(());

/// Runs a test in a process of its own, where no other test has threads: the test binary calls
/// itself with the name of the test, which includes its module.
pub(crate) fn alone(name: &str, run: impl FnOnce()) {
    if std::env::var_os("FEEDMILL_TEST_ALONE").is_some() {
        let _turn = TURN.lock();
        return run();
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env("FEEDMILL_TEST_ALONE", "1")
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{name} failed in its own process");
            return;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("{name}: not done within 60 s");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A number that looks random, the same on every machine.
pub(crate) fn hash(x: u64) -> u64 {
    let x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^ (x >> 29)
}

/// `count` images of noise, 12 pixels wide and 10 high, in 7 classes.
pub(crate) fn pixels(count: u32) -> Memory {
    let data: Vec<u8> = (0..u64::from(count) * 12 * 10 * 3)
        .map(|i| hash(i) as u8)
        .collect();
    Memory::pixels(
        data,
        Size::new(12, 10),
        3,
        (0..count).map(|i| i % 7).collect(),
    )
    .unwrap()
}

/// Images in memory whose `read` a test replaces: to wait, to fail, or to return something else.
pub(crate) struct Wrapped<F> {
    pub inner: Memory,
    pub access: Access,
    pub read: F,
}

impl<F: Fn(&Memory, u64) -> Result<Sample> + Send + Sync> Source for Wrapped<F> {
    fn len(&self) -> u64 {
        self.inner.len()
    }
    fn fingerprint(&self) -> Fingerprint {
        self.inner.fingerprint()
    }
    fn name(&self, id: u64) -> String {
        format!("record {id} of the test")
    }
    fn size(&self, id: u64) -> u64 {
        self.inner.size(id)
    }
    fn read(&self, id: u64, mut buf: Vec<u8>) -> Result<Sample> {
        let sample = (self.read)(&self.inner, id)?;
        buf.clear();
        buf.extend_from_slice(&sample.bytes);
        Ok(Sample::new(buf, sample.codec, sample.target))
    }
    fn access(&self) -> Access {
        self.access
    }
    fn uniform_size(&self) -> Option<Size> {
        self.inner.uniform_size()
    }
}

/// [`pixels`] with reads that wait for irregular times, so that the order in which threads finish
/// differs from run to run.
pub(crate) fn jittery(count: u32, access: Access) -> Box<dyn Source> {
    let read = |inner: &Memory, id: u64| {
        match hash(id) % 5 {
            0 => std::thread::sleep(Duration::from_micros(hash(id) >> 8 & 127)),
            1 => std::thread::yield_now(),
            _ => {}
        }
        inner.read(id, Vec::new())
    };
    Box::new(Wrapped {
        inner: pixels(count),
        access,
        read,
    })
}

/// [`pixels`] with some records that are not images.
pub(crate) fn damaged(
    count: u32,
    bad: impl Fn(u64) -> bool + Send + Sync + 'static,
) -> Box<dyn Source> {
    let read = move |inner: &Memory, id: u64| {
        let sample = inner.read(id, Vec::new())?;
        if bad(id) {
            let bytes = b"this is not an image".to_vec();
            return Ok(Sample::new(bytes, Codec::Jpeg, sample.target));
        }
        Ok(sample)
    };
    Box::new(Wrapped {
        inner: pixels(count),
        access: Access::Immediate,
        read,
    })
}

/// [`pixels`] with the given targets.
pub(crate) fn labeled(
    count: u32,
    target: impl Fn(u64) -> Target + Send + Sync + 'static,
) -> Box<dyn Source> {
    let read = move |inner: &Memory, id: u64| {
        let mut sample = inner.read(id, Vec::new())?;
        sample.target = target(id);
        Ok(sample)
    };
    Box::new(Wrapped {
        inner: pixels(count),
        access: Access::Immediate,
        read,
    })
}

/// One view, 8 pixels wide and 9 high, with crops, flips and color jitter, and the given `[mix]`
/// table.
pub(crate) fn recipe(batch: usize, mix: &str) -> Recipe {
    let text = format!(
        r#"
        seed = 11
        batch = {batch}
        [[view]]
        ops = [
          {{ op = "random_resized_crop", size = [9, 8], filter = "bicubic" }},
          {{ op = "random_crop", size = [9, 8], padding = 2, pad = "reflect" }},
          {{ op = "horizontal_flip" }},
          {{ op = "vertical_flip" }},
          {{ op = "color_jitter", brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1 }},
        ]
        {mix}
        [target]
        classes = 7
        [output]
        mean = [0.4, 0.5, 0.6]
        std = [0.2, 0.3, 0.25]
        "#
    );
    Recipe::from_toml(&text).unwrap()
}

/// Two groups of views with different sizes and ops: two global views, 8 pixels wide and 9 high,
/// and three local ones of 5 x 5.
pub(crate) fn multi_crop(batch: usize, mix: &str) -> Recipe {
    let text = format!(
        r#"
        seed = 11
        batch = {batch}
        [[view]]
        name = "global"
        count = 2
        ops = [
          {{ op = "random_resized_crop", size = [9, 8], scale = [0.4, 1.0], filter = "bicubic" }},
          {{ op = "horizontal_flip" }},
        ]
        [[view]]
        name = "local"
        count = 3
        ops = [
          {{ op = "random_resized_crop", size = 5, scale = [0.1, 0.4] }},
          {{ op = "horizontal_flip" }},
          {{ op = "color_jitter", brightness = 0.4, hue = 0.1 }},
        ]
        {mix}
        [target]
        classes = 7
        [output]
        mean = [0.4, 0.5, 0.6]
        std = [0.2, 0.3, 0.25]
        "#
    );
    Recipe::from_toml(&text).unwrap()
}

/// Two groups of views whose sizes, magnitudes and probabilities change in epochs 1, 2 and 3.
pub(crate) fn curriculum(batch: usize, mix: &str) -> Recipe {
    curriculum_with(
        batch,
        mix,
        "{ stages = [[0, 5], [1, 7], [3, 9]] }",
        "{ linear = [0.2, 0.8], epochs = [0, 3] }",
        "{ cosine = [4, 6], epochs = [1, 3] }",
        "{ tanh = [0, 0.5], epochs = [0, 4] }",
    )
}

/// The recipe of [`curriculum`] with the given values in place of its curves, as TOML.
pub(crate) fn curriculum_with(
    batch: usize,
    mix: &str,
    size: &str,
    p: &str,
    small: &str,
    hue: &str,
) -> Recipe {
    let text = format!(
        r#"
        seed = 11
        batch = {batch}
        [[view]]
        ops = [
          {{ op = "random_resized_crop", size = [{size}, 8], scale = [0.3, 1.0] }},
          {{ op = "horizontal_flip", p = {p} }},
        ]
        [[view]]
        count = 2
        ops = [
          {{ op = "random_resized_crop", size = {small} }},
          {{ op = "color_jitter", hue = {hue} }},
        ]
        {mix}
        [target]
        classes = 7
        "#
    );
    Recipe::from_toml(&text).unwrap()
}

/// MixUp and CutMix, drawn for each slot, in groups of four.
pub(crate) const MIX: &str = r#"
    [mix]
    choose = [ { mix = "mixup", alpha = 0.8 }, { mix = "cutmix", alpha = 1.0, weight = 2.0 } ]
    p = 0.9
    lambda = "element"
    group = 4
"#;

/// Output of a type and layout, with a mean and a deviation that change every value.
pub(crate) fn output(dtype: Dtype, layout: Layout) -> Output {
    Output::new()
        .with_dtype(dtype)
        .with_layout(layout)
        .with_mean([0.4, 0.5, 0.6])
        .with_std([0.2, 0.3, 0.25])
}

/// Dense targets of seven classes.
pub(crate) fn dense(smoothing: f64) -> TargetOptions {
    TargetOptions::new()
        .with_classes(7)
        .with_smoothing(smoothing)
        .with_form(TargetForm::Dense)
}

/// The digests of all batches of the first `epochs` epochs by the reference path: one batch after
/// the other, on this thread.
pub(crate) fn reference(loader: &Loader, epochs: u32) -> Vec<u64> {
    (0..epochs)
        .flat_map(|epoch| (0..loader.batches()).map(move |index| (epoch, index)))
        .map(|(epoch, index)| loader.reference_batch(epoch, index).unwrap().digest())
        .collect()
}

/// The digests of the same batches by the pipeline with its threads, from where the loader stands.
pub(crate) fn threaded(loader: &Loader, epochs: u32) -> Vec<u64> {
    loader
        .epochs(0..epochs)
        .flat_map(|epoch| epoch.map(|batch| batch.unwrap().digest()))
        .collect()
}

/// A loader over one source, with the defaults for everything else.
pub(crate) fn load(source: impl IntoSource, recipe: Recipe) -> Result<Loader> {
    Loader::builder().source(source).recipe(recipe).build()
}

/// The same loader with other threads, queues and memory.
pub(crate) trait Retune: Sized {
    fn tuning(self, tuning: Tuning) -> Result<Loader>;
    fn workers(self, workers: usize) -> Result<Loader>;
}

impl Retune for Loader {
    fn tuning(self, tuning: Tuning) -> Result<Loader> {
        Loader::builder()
            .source(std::sync::Arc::clone(self.source()))
            .recipe(self.recipe().clone())
            .world(self.world())
            .tuning(tuning)
            .build()
    }
    fn workers(self, workers: usize) -> Result<Loader> {
        self.tuning(tuning(|tuning| {
            tuning.with_workers(workers).with_reads(4 * workers)
        }))
    }
}

/// The default tuning with a change.
pub(crate) fn tuning(change: impl FnOnce(Tuning) -> Tuning) -> Tuning {
    change(Tuning::new())
}

/// The number of threads and open files of this process.
pub(crate) fn threads_and_files() -> (usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).map_or(0, std::iter::Iterator::count);
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// The resident memory of this process in bytes.
pub(crate) fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4096
}
