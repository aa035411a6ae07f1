//! The cost of each stage by itself, on one thread unless its comment says otherwise. Run with
//! `cargo bench`; docs/PERFORMANCE.md says how to read the numbers.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use std::sync::Arc;

use feedmill::augment::steps::{Color, Levels, Resize};
use feedmill::augment::{Dialect, Filter, Program, Step, StepScratch, Steps};
use feedmill::cpu::Simd;
use feedmill::decode::{Decoder, Limits, probe};
use feedmill::geometry::{Rect, Size};
use feedmill::mix::{GroupKey, Scene};
use feedmill::plan::{
    Balanced, By, Episodes, Grouping, Last, Pk, Plan, SampleMetadata, Sampler, Setup, Share,
};
use feedmill::rng::{Coord, OpKey, RandomStream};
use feedmill::sample::Codec;
use feedmill::source::Memory;
use feedmill::{Loader, Recipe};

fn main() {
    divan::main();
}

/// Creating the random stream of one coordinate, and its first 64 bits.
#[divan::bench]
fn rng() -> u64 {
    let at = Coord {
        epoch: 1,
        sample: black_box(9),
        occurrence: 0,
        view: 0,
        op: OpKey(3),
    };
    RandomStream::keyed(7, at).bits()
}

/// Planning a batch of 256 slots out of 1.28 million samples.
#[divan::bench]
fn plan(bencher: Bencher) {
    let plan = planned(Sampler::default(), 256);
    bencher
        .counter(ItemsCount::new(256usize))
        .bench(|| plan.batch(black_box(3), 77));
}

/// A plan over 1000 classes of 1.28 million samples.
fn planned(sampler: impl Into<Sampler>, batch: usize) -> Plan {
    let samples = 1_281_167;
    let setup = Setup::default()
        .with_seed(7)
        .with_sources(vec![Share::new(samples, 1.0)])
        .with_sampler(sampler.into())
        .with_batch(batch)
        .with_last(Last::Drop);
    let classes = (0..samples as u32).map(|sample| sample % 1000).collect();
    Plan::new(
        setup,
        SampleMetadata::new().with(By::Class, Grouping::new(classes, 1000)),
    )
    .unwrap()
}

/// Planning a batch of 256 slots by samplers that need the classes of samples.
#[divan::bench(args = ["balanced", "pk", "episodes"])]
fn sample(bencher: Bencher, kind: &str) {
    let plan = match kind {
        "balanced" => planned(Balanced::new(), 256),
        "pk" => planned(Pk::new(64, 4), 256),
        _ => planned(Episodes::new(16, 1, 15), 256),
    };
    bencher
        .counter(ItemsCount::new(256usize))
        .bench(|| plan.batch(black_box(3), 77));
}

fn photo() -> Vec<u8> {
    std::fs::read("fixtures/photos/nature/picosdeeuropa_by_Aitzol_Berasategi.jpg").unwrap()
}

/// Decoding a JPEG of 640 x 480: all of it, and a region of half of its area.
#[divan::bench(args = [1.0, 0.5])]
fn decode_jpeg(bencher: Bencher, share: f64) {
    let bytes = photo();
    let header = probe(&bytes, Codec::Jpeg, &Limits::default()).unwrap();
    let side = |length: u32| (f64::from(length) * share.sqrt()) as u32;
    let (width, height) = (side(header.width), side(header.height));
    let region = Rect {
        left: (header.width - width) / 2,
        top: (header.height - height) / 2,
        width,
        height,
    };
    let (mut decoder, mut out) = (Decoder::new(), Vec::new());
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench_local(|| {
            decoder.decode(&bytes, &header, region, &mut out).unwrap();
        });
}

/// Resizing from 400 x 300 to 224 x 224.
#[divan::bench(args = [Filter::Bilinear, Filter::Bicubic])]
fn resize(bencher: Bencher, filter: Filter) {
    let (from, to) = (
        Size {
            width: 400,
            height: 300,
        },
        Size {
            width: 224,
            height: 224,
        },
    );
    let program = Program::from(Steps::new(from).with(Resize::new(to, filter)));
    let (mut scratch, mut out) = (StepScratch::new(Simd::detect()), vec![0; 224 * 224 * 3]);
    let pixels: Vec<u8> = (0..400 * 300 * 3).map(|i| (i * 7 % 251) as u8).collect();
    bencher.bench_local(|| {
        program
            .run(&mut scratch, &pixels, Rect::whole(400, 300), &mut out, to)
            .unwrap();
    });
}

/// Color ops on an image of 224 x 224.
#[divan::bench(args = ["brightness", "contrast", "saturation", "hue"])]
fn color(bencher: Bencher, op: &str) {
    let step: Arc<dyn Step> = match op {
        "brightness" => Arc::new(Levels::Brightness(1.2)),
        "contrast" => Arc::new(Levels::Contrast(1.2, Dialect::Pil)),
        "saturation" => Arc::new(Color::Saturation(1.2, Dialect::Pil)),
        _ => Arc::new(Color::Hue(0.1, Dialect::Pil)),
    };
    let frame = Size {
        width: 224,
        height: 224,
    };
    let program = Program::of([step], frame);
    let (mut scratch, mut out) = (StepScratch::new(Simd::detect()), vec![0; 224 * 224 * 3]);
    let pixels: Vec<u8> = (0..224 * 224 * 3).map(|i| (i * 7 % 251) as u8).collect();
    bencher.bench_local(|| {
        program
            .run(
                &mut scratch,
                &pixels,
                Rect::whole(224, 224),
                &mut out,
                frame,
            )
            .unwrap();
    });
}

/// Drawing a mix and resolving it, which may read pixels, for a group of 32 images of 224 x 224
/// that share one draw, or draw one each. The pass that blends the pixels is not measured: it
/// replaces the pass without mixing and costs the same or a little more.
#[divan::bench(args = MIXERS)]
fn mix(bencher: Bencher, mixer: &str) {
    let lambda = if mixer.ends_with("each") {
        "element"
    } else {
        "group"
    };
    let name = mixer.trim_end_matches(" each");
    let alpha = if name == "mixup" { ", alpha = 1.0" } else { "" };
    let text = format!(
        r#"
        batch = 32
        [mix]
        choose = [ {{ mix = "{name}"{alpha} }} ]
        lambda = "{lambda}"
        [target]
        classes = 9
        "#
    );
    let recipe = Recipe::from_toml(&text).unwrap();
    let mix = recipe.mix().unwrap();
    let frame = Size {
        width: 224,
        height: 224,
    };
    let (_, photo) = feedmill::augment::apply(
        &feedmill::augment::ops::Resize::new(Size {
            width: 224,
            height: 224,
        }),
        0,
        Size {
            width: 400,
            height: 300,
        },
        &(0..400 * 300 * 3)
            .map(|i| (i * 7 % 251) as u8)
            .collect::<Vec<u8>>(),
    )
    .unwrap();
    let views = vec![Some(&photo[..]); 32];
    let scene = Scene::new(frame, &views).unwrap();
    let mut group = 0;
    bencher.counter(ItemsCount::new(32usize)).bench_local(|| {
        group += 1;
        let drawn = mix.draw(
            GroupKey {
                seed: 7,
                epoch: 0,
                batch: 0,
                group,
            },
            32,
            frame,
        );
        drawn
            .iter()
            .map(|slot| slot.resolve(&scene).unwrap().weights[0])
            .sum::<f64>()
    });
}

/// Mixers by name; with `each`, every slot draws its own mix.
const MIXERS: [&str; 14] = [
    "mixup each",
    "cutmix each",
    "resizemix each",
    "fmix",
    "fmix each",
    "gridmix",
    "gridmix each",
    "smoothmix",
    "saliencymix",
    "attentivemix",
    "puzzlemix",
    "smmix",
    "mosaic each",
    "collage",
];

/// An epoch of 60,000 raw images of 32 x 32 on all threads: pad and crop, flip, normalize to f32 in
/// NCHW order.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn small_epoch(bencher: Bencher) {
    let count = 60_000;
    let data = vec![100u8; count * 32 * 32 * 3];
    let source = Memory::pixels(data, Size::square(32), 3, vec![1; count]).unwrap();
    let loader = Loader::builder()
        .source(source)
        .recipe(Recipe::preset("cifar").unwrap())
        .build()
        .unwrap();
    let epoch = || {
        loader
            .epoch(0)
            .unwrap()
            .map(|batch| batch.unwrap().len())
            .sum::<usize>()
    };
    assert!(epoch() >= count);
    bencher.counter(ItemsCount::new(count)).bench(epoch);
}

/// An epoch of the photographs with the `imagenet` preset, on all threads.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn photo_epoch(bencher: Bencher) {
    let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet").unwrap()).unwrap();
    let epoch = || {
        loader
            .epoch(0)
            .unwrap()
            .map(|batch| batch.unwrap().len())
            .sum::<usize>()
    };
    assert_eq!(epoch(), 256);
    bencher.counter(ItemsCount::new(256usize)).bench(epoch);
}
