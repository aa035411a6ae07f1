//! Ops, mixing and decoding compared with Pillow, torchvision, timm and other references on the
//! same images.
//!
//! The Python scripts beside this file make the golden files in `fixtures/goldens`; their headers
//! name the versions. A result that must be equal is stored as a hash, which diffs well and is
//! small. One that may differ by a level is stored as bytes. Where a reference draws random
//! numbers, the scripts feed it with feedmill's own, so that results can be compared pixel by pixel
//! and not only in distribution.
//!
//! docs/AUGMENTATIONS.md has the table of all differences. A test here compares it with what was
//! measured, and `FEEDMILL_BLESS=1` writes it anew.

mod apply;
mod basic;
mod effects;

use std::fs;
use std::path::PathBuf;

use feedmill::augment::{Program, StepScratch, Steps};
use feedmill::cpu::Simd;
use feedmill::decode::{Decoder, Limits, probe};
use feedmill::geometry::Rect;
use feedmill::geometry::Size;
use feedmill::sample::Codec;

/// A row of the table: op, reference, cases, largest difference.
type Row = [String; 4];

/// The path of a file below `fixtures`.
fn fixture(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", path]
        .iter()
        .collect()
}

/// The lines of a text file below `fixtures`.
fn lines(path: &str) -> Vec<String> {
    fs::read_to_string(fixture(path))
        .unwrap()
        .lines()
        .map(str::to_string)
        .collect()
}

/// FNV-1a with 64 bits: the hash of the golden files, short enough to write in any language.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |state, &byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    })
}

/// Decodes an image file below `fixtures` to RGB.
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

/// A test image: one of `fixtures/goldens` by its name, or a photograph by its path.
fn image(name: &str) -> (Size, Vec<u8>) {
    if name.contains('/') {
        decode(&format!("photos/{name}"))
    } else {
        decode(&format!("goldens/{name}.png"))
    }
}

/// Runs steps on an image, and returns the size and pixels of the result.
fn run(steps: Steps, pixels: &[u8]) -> (Size, Vec<u8>) {
    let frame = steps.input_size();
    let program = Program::from(steps);
    let end = program.end();
    let mut out = vec![0; (end.width * end.height * 3) as usize];
    let whole = Rect::whole(frame.width, frame.height);
    program
        .run(
            &mut StepScratch::new(Simd::detect()),
            pixels,
            whole,
            &mut out,
            end,
        )
        .unwrap();
    (end, out)
}

/// The largest and the mean difference between pairs of images, in levels of 0 to 255.
#[derive(Clone, Copy, Debug, Default)]
struct Difference {
    most: u8,
    sum: u64,
    values: u64,
    cases: usize,
}

impl Difference {
    /// Adds a pair of images of the same size.
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

/// The difference as docs/AUGMENTATIONS.md writes it.
impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.most {
            0 => f.write_str("equal"),
            most => write!(f, "{most}; mean {:.3}", self.mean()),
        }
    }
}

/// The table of docs/AUGMENTATIONS.md as measured.
fn table() -> String {
    let head = [
        ["op", "reference", "cases", "largest difference"].map(String::from),
        ["---", "---", "---", "---"].map(String::from),
    ];
    let rows = head
        .into_iter()
        .chain(basic::rows())
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
