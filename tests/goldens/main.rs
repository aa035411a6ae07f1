//! Ops, mixing and decoding against what Pillow, torchvision, timm and others make of the same
//! images.
//!
//! The golden files are made by the scripts beside this file, whose headers name the versions.
//! docs/AUGMENTATIONS.md has the table of all differences, which a test here writes.

mod apply;
mod effects;
mod first;

use std::fs;
use std::path::PathBuf;

use feedmill::augment::{Program, ProgramScratch, Step};
use feedmill::cpu::Simd;
use feedmill::decode::{Decoder, Limits, probe};
use feedmill::geometry::Rect;
use feedmill::geometry::Size;
use feedmill::sample::Codec;

/// A row of the table: op, reference, cases, largest difference.
type Row = [String; 4];

fn fixture(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", path]
        .iter()
        .collect()
}

fn lines(path: &str) -> Vec<String> {
    fs::read_to_string(fixture(path))
        .unwrap()
        .lines()
        .map(str::to_string)
        .collect()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |state, &byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    })
}

fn decode(path: &str) -> (Size, Vec<u8>) {
    let codec = match path.rsplit('.').next() {
        Some("png") => Codec::Png,
        Some("webp") => Codec::WebP,
        _ => Codec::Jpeg,
    };
    let bytes = fs::read(fixture(path)).unwrap();
    let probe = probe(&bytes, codec, &Limits::default()).unwrap();
    let mut pixels = Vec::new();
    let whole = Rect::whole(probe.width, probe.height);
    Decoder::new()
        .decode(&bytes, &probe, whole, &mut pixels)
        .unwrap();
    (
        Size {
            width: probe.width,
            height: probe.height,
        },
        pixels,
    )
}

/// The images of fixtures/goldens by name, photographs by path.
fn image(name: &str) -> (Size, Vec<u8>) {
    if name.contains('/') {
        decode(&format!("photos/{name}"))
    } else {
        decode(&format!("goldens/{name}.png"))
    }
}

fn run(steps: impl IntoIterator<Item = Step>, (frame, pixels): (Size, &[u8])) -> (Size, Vec<u8>) {
    let program = Program::of(steps, frame);
    let end = program.end();
    let mut out = vec![0; (end.width * end.height * 3) as usize];
    let whole = Rect::whole(frame.width, frame.height);
    program
        .run(
            &mut ProgramScratch::new(Simd::detect()),
            pixels,
            whole,
            &mut out,
            end,
        )
        .unwrap();
    (end, out)
}

/// The largest and the mean difference of two images in levels.
#[derive(Clone, Copy, Debug, Default)]
struct Difference {
    most: u8,
    sum: u64,
    values: u64,
    cases: usize,
}

impl Difference {
    fn add(&mut self, found: &[u8], expected: &[u8]) {
        assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(expected) {
            self.most = self.most.max(a.abs_diff(*b));
            self.sum += u64::from(a.abs_diff(*b));
        }
        self.values += found.len() as u64;
        self.cases += 1;
    }

    fn mean(&self) -> f64 {
        self.sum as f64 / self.values.max(1) as f64
    }
}

/// As it stands in docs/AUGMENTATIONS.md.
impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.most {
            0 => f.write_str("equal"),
            most => write!(f, "{most}; mean {:.3}", self.mean()),
        }
    }
}

/// The table of docs/AUGMENTATIONS.md.
fn table() -> String {
    let head = [
        ["op", "reference", "cases", "largest difference"].map(String::from),
        ["---", "---", "---", "---"].map(String::from),
    ];
    let rows = head
        .into_iter()
        .chain(first::rows())
        .chain(apply::rows())
        .chain(effects::rows());
    rows.map(|row| format!("| {} |\n", row.join(" | ")))
        .collect()
}

#[test]
fn the_documented_differences_are_the_measured_ones() {
    const BEGIN: &str = "<!-- table: begin -->\n";
    const END: &str = "<!-- table: end -->";
    let path = fixture("../docs/AUGMENTATIONS.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let expected = table();
    if std::env::var_os("FEEDMILL_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, expected, "FEEDMILL_BLESS=1 writes the table anew");
    }
}
