//! The cost of each op on an image of 224 x 224, on one thread: one line per op with images/s.
//! Parameters are drawn anew for each image.
//!
//! `cargo bench --bench ops` prints them; `benches/ops_peers.py` puts torchvision and
//! albumentations beside them.

use std::time::{Duration, Instant};

use feedmill::augment::{Program, StepScratch, Steps};
use feedmill::cpu::Simd;
use feedmill::decode::{Decoder, Limits, probe};
use feedmill::geometry::{Rect, Size};
use feedmill::recipe::Registry;
use feedmill::rng::{Coord, OpKey, RandomStream};
use feedmill::sample::Codec;

/// The middle 224 x 224 pixels of a photograph.
fn image() -> Vec<u8> {
    let bytes =
        std::fs::read("fixtures/photos/nature/picosdeeuropa_by_Aitzol_Berasategi.jpg").unwrap();
    let probe = probe(&bytes, Codec::Jpeg, &Limits::default()).unwrap();
    let mut pixels = Vec::new();
    let middle = Rect {
        left: (probe.width - 224) / 2,
        top: (probe.height - 224) / 2,
        width: 224,
        height: 224,
    };
    Decoder::new()
        .decode(&bytes, &probe, middle, &mut pixels)
        .unwrap();
    pixels
}

fn main() {
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let pixels = image();
    let frame = Size {
        width: 224,
        height: 224,
    };
    let registry = Registry::default();
    for line in include_str!("ops.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let [name, text, ..] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        if only
            .as_ref()
            .is_some_and(|only| !name.contains(only.as_str()))
        {
            continue;
        }
        let mut table: feedmill::toml::Table =
            feedmill::toml::from_str(&format!("op = {{ {text} }}")).unwrap();
        let Some(feedmill::toml::Value::Table(mut params)) = table.remove("op") else {
            panic!("{text}")
        };
        let op = params.remove("op").unwrap().as_str().unwrap().to_string();
        let op = registry.make(&op, params).unwrap();
        let (mut scratch, mut out) = (StepScratch::new(Simd::detect()), Vec::new());
        let mut sample = 0;
        let mut apply_once = || {
            let at = Coord {
                epoch: 0,
                sample,
                occurrence: 0,
                view: 0,
                op: OpKey(1),
            };
            sample += 1;
            let mut steps = Steps::new(frame);
            op.draw(&mut RandomStream::keyed(7, at), &mut steps);
            let program = Program::from(steps);
            let end = program.end();
            out.resize(end.width as usize * end.height as usize * 3, 0);
            program
                .run(&mut scratch, &pixels, Rect::whole(224, 224), &mut out, end)
                .unwrap();
        };
        // The best of five measurements: other processes can only make one slower.
        let best = (0..5)
            .map(|_| {
                let (start, mut count) = (Instant::now(), 0);
                while start.elapsed() < Duration::from_millis(60) {
                    (0..8).for_each(|_| apply_once());
                    count += 8;
                }
                f64::from(count) / start.elapsed().as_secs_f64()
            })
            .fold(0.0, f64::max);
        println!("{name} | {best:.0}");
    }
}
