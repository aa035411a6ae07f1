//! Sources and recipes that the tests share.

use std::sync::mpsc;
use std::time::Duration;

use feedmill::recipe::{Dtype, Layout, Output, TargetForm, TargetOptions};
use feedmill::sample::{Codec, Fingerprint, Payload, Sample, Target};
use feedmill::source::{Access, Memory, Source};
use feedmill::{Loader, Recipe, Result, Tuning};

/// Fails the test with `what` instead of hanging it.
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

/// A number that looks random.
pub(crate) fn hash(x: u64) -> u64 {
    let x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^ (x >> 29)
}

/// `count` images of 12 x 10 pixels in 7 classes.
pub(crate) fn pixels(count: u32) -> Memory {
    let data: Vec<u8> = (0..u64::from(count) * 12 * 10 * 3)
        .map(|i| hash(i) as u8)
        .collect();
    Memory::pixels(data, 10, 12, 3, (0..count).map(|i| i % 7).collect()).unwrap()
}

/// A source that wraps another, changing when things happen or what comes out.
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
    fn read(&self, id: u64, mut spare: Vec<u8>) -> Result<Sample> {
        let raw = (self.read)(&self.inner, id)?;
        spare.clear();
        spare.extend_from_slice(&raw.bytes);
        Ok(Sample {
            bytes: Payload::Owned(spare),
            ..raw
        })
    }
    fn access(&self) -> Access {
        self.access
    }
    fn uniform_frame(&self) -> Option<(u32, u32)> {
        self.inner.uniform_frame()
    }
}

/// The same data at an irregular pace, so that threads meet in another order every time.
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

/// The data with some records that are no images.
pub(crate) fn damaged(
    count: u32,
    bad: impl Fn(u64) -> bool + Send + Sync + 'static,
) -> Box<dyn Source> {
    let read = move |inner: &Memory, id: u64| {
        let raw = inner.read(id, Vec::new())?;
        if bad(id) {
            let bytes = Payload::Owned(b"this is no image".to_vec());
            return Ok(Sample {
                bytes,
                codec: Codec::Jpeg,
                ..raw
            });
        }
        Ok(raw)
    };
    Box::new(Wrapped {
        inner: pixels(count),
        access: Access::Immediate,
        read,
    })
}

/// The data with other targets.
pub(crate) fn labeled(
    count: u32,
    target: impl Fn(u64) -> Target + Send + Sync + 'static,
) -> Box<dyn Source> {
    let read = move |inner: &Memory, id: u64| {
        let raw = inner.read(id, Vec::new())?;
        Ok(Sample {
            target: target(id),
            ..raw
        })
    };
    Box::new(Wrapped {
        inner: pixels(count),
        access: Access::Immediate,
        read,
    })
}

/// Crops, jitter, flips; a mix of everything that this step has.
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

/// Two groups of views, of different sizes and ops.
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

/// Two groups of views; sizes, magnitudes and probabilities change in epochs 1, 2 and 3.
pub(crate) fn curriculum(batch: usize, mix: &str) -> Recipe {
    curriculum_of(
        batch,
        mix,
        "{ stages = [[0, 5], [1, 7], [3, 9]] }",
        "{ linear = [0.2, 0.8], epochs = [0, 3] }",
        "{ cosine = [4, 6], epochs = [1, 3] }",
        "{ tanh = [0, 0.5], epochs = [0, 4] }",
    )
}

/// [`curriculum`] with these values.
pub(crate) fn curriculum_of(
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

pub(crate) const MIX: &str = r#"
    [mix]
    choose = [ { mix = "mixup", alpha = 0.8 }, { mix = "cutmix", alpha = 1.0, weight = 2.0 } ]
    p = 0.9
    lambda = "element"
    group = 4
"#;

pub(crate) fn output(dtype: Dtype, layout: Layout) -> Output {
    Output {
        dtype,
        layout,
        mean: [0.4, 0.5, 0.6],
        std: [0.2, 0.3, 0.25],
    }
}

pub(crate) fn dense(smoothing: f64) -> TargetOptions {
    TargetOptions {
        classes: Some(7),
        smoothing,
        form: Some(TargetForm::Dense),
        ..TargetOptions::default()
    }
}

/// The digests of all batches of some epochs, made batch by batch on this thread.
pub(crate) fn reference(loader: &Loader, epochs: u32) -> Vec<u64> {
    (0..epochs)
        .flat_map(|epoch| (0..loader.batches()).map(move |index| (epoch, index)))
        .map(|(epoch, index)| loader.batch(epoch, index).unwrap().digest())
        .collect()
}

/// The digests of all batches of some epochs, made by the threads.
pub(crate) fn threaded(loader: &mut Loader, epochs: u32) -> Vec<u64> {
    loader
        .epochs(epochs)
        .flat_map(|epoch| epoch.map(|batch| batch.unwrap().digest()))
        .collect()
}

pub(crate) fn tuning(change: impl FnOnce(&mut Tuning)) -> Tuning {
    let mut tuning = Tuning::default();
    change(&mut tuning);
    tuning
}

/// The number of threads and open files of this process.
pub(crate) fn threads_and_files() -> (usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).map_or(0, std::iter::Iterator::count);
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// Memory in use by this process, in bytes.
pub(crate) fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4096
}
