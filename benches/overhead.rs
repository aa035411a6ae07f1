//! What a loader costs beside the work itself: images so small that there is next to no work.
//!
//! cargo bench --bench overhead
//!
//! The processor time of all threads for batches of 64 images of 8 x 8 pixels from memory, cropped
//! to their own size and normalized to f32 in NCHW, next to that of a plain loop that shuffles,
//! copies and normalizes. The best of several runs counts, since everything else on the machine
//! only adds.

use std::hint::black_box;

use feedmill::augment::ops::RandomCrop;
use feedmill::geometry::Size;
use feedmill::source::Memory;
use feedmill::{Loader, Recipe};

const SIDE: usize = 8;
const PIXELS: usize = SIDE * SIDE;
const SAMPLES: usize = 1792;
const BATCH: usize = 64;
const EPOCHS: u32 = 40;
const RUNS: usize = 9;

/// The processor time of this process so far, over all threads, in microseconds.
fn processor_time() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for a write of the structure, which zeros are a value of.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn pixels() -> Vec<u8> {
    (0..SAMPLES * PIXELS * 3)
        .map(|i| (i * 7 % 251) as u8)
        .collect()
}

/// What one would write by hand: a shuffle, a copy, and a normalization.
fn plain_loop() {
    let data = pixels();
    let mut order: Vec<usize> = (0..SAMPLES).collect();
    let mut state = 1u64;
    for _ in 0..EPOCHS {
        for i in (1..SAMPLES).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            order.swap(i, (state >> 33) as usize % (i + 1));
        }
        for batch in order.chunks(BATCH) {
            let mut out = vec![0f32; batch.len() * PIXELS * 3];
            for (slot, &sample) in out.chunks_exact_mut(PIXELS * 3).zip(batch) {
                let image = &data[sample * PIXELS * 3..][..PIXELS * 3];
                for channel in 0..3 {
                    for pixel in 0..PIXELS {
                        let level = f32::from(image[pixel * 3 + channel]);
                        slot[channel * PIXELS + pixel] = (level / 255.0 - 0.5) / 0.25;
                    }
                }
            }
            black_box(&out);
        }
    }
}

/// The same by a loader with this many workers.
fn loader(workers: usize) -> impl Fn() {
    let side = SIDE as u32;
    let memory =
        Memory::pixels(pixels(), Size::square(side), 3, vec![0; SAMPLES]).expect("a data set");
    let recipe = Recipe::new().with_batch(BATCH).op(RandomCrop::new(side));
    let builder = Loader::builder().source(memory).recipe(recipe);
    let loader = builder.workers(workers).build().expect("a loader");
    move || {
        for epoch in loader.epochs(0..EPOCHS) {
            for batch in epoch {
                black_box(batch.expect("a batch"));
            }
        }
    }
}

/// The processor time of one batch in microseconds, in the best of several runs.
fn best(run: impl Fn()) -> f64 {
    let times = (0..RUNS).map(|_| {
        let start = processor_time();
        run();
        processor_time() - start
    });
    let best = times.fold(f64::MAX, f64::min);
    best / f64::from(EPOCHS) / (SAMPLES / BATCH) as f64
}

fn main() {
    let plain = best(plain_loop);
    println!("plain loop       {plain:>7.1} us a batch");
    for workers in [1, 2] {
        let time = best(loader(workers));
        println!(
            "{workers} worker(s)      {time:>7.1} us a batch, {:.2} us a sample, ratio {:.1}",
            time / BATCH as f64,
            time / plain
        );
    }
}
