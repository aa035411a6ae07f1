//! Runs the checks of the fuzz targets on their corpus and on mutated files, without a fuzzer.
//!
//!     FEEDMILL_MUTATIONS=1000000 cargo test --release -p feedmill-jpeg --test fuzz -- --ignored

#[path = "../../../tests/common/random.rs"]
mod random;

#[path = "../../../tests/common/allocator.rs"]
mod allocator;

use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use feedmill_jpeg::Decoder;
use random::Random;

#[path = "../fuzz/checks.rs"]
mod checks;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// A target: its name and its check.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 3] = [
    ("jpeg", checks::jpeg),
    ("index", checks::index),
    ("baseline", checks::baseline),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder, in order.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_corpus_passes() {
    for (name, check) in TARGETS {
        let corpus = files(&format!("fuzz/corpus/{name}"));
        assert!(corpus.len() >= 5, "{name} has {} files", corpus.len());
        corpus.iter().for_each(|data| check(data));
    }
}

/// Flips bits, sets bytes, cuts, splices, edits markers.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, 0xD0, 0xD9, 0xDA][random.below(8)],
            3 => drop(bytes.drain(at..(at + 1 + random.below(8)).min(bytes.len()))),
            4 => bytes.truncate(at.max(1)),
            5 => {
                let other = &others[random.below(others.len())];
                let from = random.below(other.len());
                let length = 1 + random.below(200.min(other.len() - from));
                bytes.splice(at..at, other[from..from + length].iter().copied());
            }
            _ => {
                // A marker's code, or a byte of its segment's first few.
                let markers: Vec<usize> = (0..bytes.len() - 1)
                    .filter(|&n| bytes[n] == 0xFF && bytes[n + 1] > 0xBF)
                    .collect();
                if let Some(marker) = markers.get(random.below(markers.len().max(1))) {
                    let byte = (marker + 1 + random.below(20)).min(bytes.len() - 1);
                    bytes[byte] = random.below(256) as u8;
                }
            }
        }
        if bytes.is_empty() {
            bytes.push(0xFF);
        }
    }
}

/// Gives an index checksums that fit itself and the file.
fn forge(index: &mut [u8], file: &[u8]) {
    if index.len() > 17 {
        index[..4].copy_from_slice(&(file.len() as u32).to_le_bytes());
        index[4..8].copy_from_slice(&crc32c::crc32c(file).to_le_bytes());
        let end = index.len() - 4;
        let sum = crc32c::crc32c(&index[..end]);
        index[end..].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Runs the checks on `count` mutated files and indexes.
fn mutations(count: usize) {
    let sequential = [
        files("../../fixtures/jpeg"),
        files("../../fixtures/jpeg/wide"),
    ]
    .concat();
    let sequential: Vec<Vec<u8>> = sequential
        .into_iter()
        .filter(|bytes| bytes[0] == 0xFF)
        .collect();
    let scans = files("../../fixtures/jpeg/progressive");
    let scans: Vec<Vec<u8>> = scans.into_iter().filter(|bytes| bytes[0] == 0xFF).collect();
    let mut decoder = Decoder::new();
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = sequential
        .iter()
        .filter_map(|file| Some((decoder.index(file).ok()?, file.clone())))
        .filter(|(index, _)| index.len() > 17)
        .collect();
    let mut random = Random(0x5DEE_CE66_D1CE_4E5B);
    let mut slowest = Duration::ZERO;
    for round in 0..count {
        let (name, check) = TARGETS[[0, 1, 0, 1, 2][round % 5]];
        let data = match name {
            "index" => {
                let (mut index, mut file) = pairs[random.below(pairs.len())].clone();
                match random.below(4) {
                    0 => mutate(&mut random, &mut file, &sequential),
                    1 => mutate(&mut random, &mut index, &sequential),
                    _ => {
                        mutate(&mut random, &mut index, &sequential);
                        forge(&mut index, &file);
                    }
                }
                index.truncate(usize::from(u16::MAX));
                [&(index.len() as u16).to_le_bytes()[..], &index, &file].concat()
            }
            _ => {
                let files = if name == "jpeg" { &sequential } else { &scans };
                let mut data = files[random.below(files.len())].clone();
                mutate(&mut random, &mut data, files);
                data
            }
        };
        let start = Instant::now();
        let (result, memory) =
            allocator::measure(|| std::panic::catch_unwind(AssertUnwindSafe(|| check(&data))));
        slowest = slowest.max(start.elapsed());
        if result.is_err() {
            let path = std::env::temp_dir().join(format!("feedmill-{name}-{round}"));
            fs::write(&path, &data).unwrap();
            panic!(
                "round {round}: the check \"{name}\" fails, see {}",
                path.display()
            );
        }
        // An image of 2^18 pixels has 1.5 MiB of coefficients.
        let most = memory.largest;
        assert!(
            most <= 4 << 20,
            "round {round}: {most} bytes at once for {name}"
        );
    }
    println!("{count} mutations, the slowest took {slowest:?}");
}

#[test]
fn mutated_files_and_indexes_are_errors_or_pixels() {
    mutations(1500);
}

/// To be run by hand: `FEEDMILL_MUTATIONS` says how many, a million by default.
#[test]
#[ignore = "takes minutes even in a release build"]
fn a_million_mutations() {
    let count = std::env::var("FEEDMILL_MUTATIONS").map_or(1_000_000, |text| text.parse().unwrap());
    mutations(count);
}
