//! Files of every storage format, cut short or mutated at random.
//!
//! Whatever the bytes are, a source returns samples or an error that says where the damage is. It
//! never panics and never hangs. The mutations are a small fuzzer with a fixed seed, so that the
//! test takes seconds and repeats its cases; `FEEDMILL_SEED` and `FEEDMILL_CASES` run others.

use std::io::Write as _;
use std::path::Path;

use feedmill::source::{self, Format};
use feedmill::{Error, Kind};

use crate::make;
use crate::random::Random;

/// A data set of tiny images in every format: its name, how to open it, and the bytes of its file.
fn forms() -> Vec<(&'static str, Format, Vec<u8>)> {
    let tiny = make::tiny();
    #[allow(unused_mut, reason = "only the feature `arrow` adds to it")]
    let mut forms = vec![("tar", Format::Tar, make::tar(&tiny))];
    #[cfg(feature = "arrow")]
    {
        use parquet::basic::Compression;
        let (plain, nested) = (
            make::plain(&tiny),
            make::hugging_face(&tiny, &["cat", "dog"]),
        );
        forms.push(("arrow file", Format::Arrow, make::arrow_file(&plain, 2)));
        forms.push((
            "arrow stream",
            Format::Arrow,
            make::arrow_stream(&nested, 2),
        ));
        forms.push((
            "parquet",
            Format::Parquet,
            make::parquet(&plain, 2, Compression::UNCOMPRESSED),
        ));
        forms.push((
            "parquet, snappy",
            Format::Parquet,
            make::parquet(&nested, 2, Compression::SNAPPY),
        ));
    }
    forms
}

/// Opens a data set and reads it whole: its length and the errors of single samples, or the error
/// of opening.
fn read_all(path: &Path, format: Format) -> Result<(u64, Vec<Error>), Error> {
    let source = source::open_as(path, format)?;
    // A damaged file may claim any number of rows.
    let ids = 0..source.len().min(50);
    let errors = ids.filter_map(|id| {
        source.name(id);
        source.size(id);
        source.read(id, Vec::new()).err()
    });
    Ok((source.len(), errors.collect()))
}

/// A file that each case overwrites.
struct Scratch(tempfile::NamedTempFile);

impl Scratch {
    fn new() -> Scratch {
        Scratch(tempfile::NamedTempFile::new().unwrap())
    }

    fn read_all(&mut self, bytes: &[u8], format: Format) -> Result<(u64, Vec<Error>), Error> {
        let file = self.0.as_file_mut();
        std::io::Seek::rewind(file).unwrap();
        file.write_all(bytes).unwrap();
        // The file is cut after writing instead of emptied before: some file systems flush a file
        // that was truncated to nothing, which takes milliseconds.
        file.set_len(bytes.len() as u64).unwrap();
        read_all(self.0.path(), format)
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error_that_says_where() {
    let photos = make::photos();
    let mut scratch = Scratch::new();
    #[allow(unused_mut, reason = "only the feature `arrow` adds to it")]
    let mut forms = vec![("tar", Format::Tar, make::tar(&photos))];
    #[cfg(feature = "arrow")]
    {
        let batch = make::plain(&photos);
        forms.push(("arrow file", Format::Arrow, make::arrow_file(&batch, 3)));
        forms.push(("arrow stream", Format::Arrow, make::arrow_stream(&batch, 3)));
        forms.push((
            "parquet",
            Format::Parquet,
            make::parquet(&batch, 3, parquet::basic::Compression::SNAPPY),
        ));
    }
    for (name, format, bytes) in forms {
        // From the longest cut to the shortest, so that the file only shrinks and is written once.
        let later = (1..64).map(|n| 4096 + n * (bytes.len() - 4096) / 64);
        let mut cuts: Vec<usize> = (0..4096).chain(later).collect();
        cuts.reverse();
        let (rows, errors) = scratch.read_all(&bytes, format).unwrap();
        assert!(rows == 10 && errors.is_empty(), "{name}, whole");
        for cut in cuts {
            scratch.0.as_file().set_len(cut as u64).unwrap();
            match read_all(scratch.0.path(), format) {
                // A stream that ends between the schema and the first batch is a table without
                // rows.
                Err(error) if name == "arrow stream" && error.message().ends_with(": no rows") => {}
                Err(error) => {
                    let kinds = [Kind::Truncated, Kind::Corrupt];
                    assert!(
                        kinds.contains(&error.kind()),
                        "{name} cut at {cut}: {error:?}"
                    );
                    // The message says where the file ends.
                    let said = error.message().contains(&cut.to_string())
                        || error.message().contains("empty");
                    assert!(said, "{name} cut at {cut}: {error:?}");
                }
                // A tar ends with two blocks of zeros, of which one is enough, and a stream may end
                // between two messages.
                Ok((rows, errors)) => {
                    let allowed = match name {
                        "tar" => cut >= bytes.len() - 1024,
                        "arrow stream" => rows < 10 || cut >= bytes.len() - 8,
                        _ => false,
                    };
                    assert!(
                        allowed && errors.is_empty(),
                        "{name} cut at {cut} has {rows} rows"
                    );
                }
            }
        }
    }
}

/// Makes one to three changes that accidents or attackers make to files: a flipped bit, another
/// byte, a number at the edge of its type, a part removed, repeated or cut off.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    const EDGES: [u64; 8] = [
        0,
        1,
        0x7f,
        0xff,
        0x7fff_ffff,
        0xffff_ffff,
        0x7fff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
    ];
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.below(256) as u8,
            2 => {
                let width = [1, 2, 4, 8][random.below(4)];
                let number = EDGES[random.below(8)].to_le_bytes();
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            3 => {
                let end = (at + random.below(64)).min(bytes.len());
                drop(bytes.drain(at..end));
            }
            4 => {
                let end = (at + random.below(64)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => bytes.truncate(at),
        }
    }
}

/// Gives every tar header the checksum that fits its bytes. Without this, nearly every mutant would
/// be refused by its checksum, and the code behind it would not run.
fn mend_tar(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

#[test]
fn mutants_never_panic() {
    let seed = std::env::var("FEEDMILL_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    let cases = std::env::var("FEEDMILL_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(3000);
    let mut scratch = Scratch::new();
    for (name, format, bytes) in forms() {
        let (rows, errors) = scratch.read_all(&bytes, format).unwrap();
        assert!(rows == 5 && errors.is_empty(), "{name}");
        let mut random = Random(seed);
        let start = std::time::Instant::now();
        let (mut refused, mut passed) = (0, 0);
        for case in 0..cases {
            let mut mutant = bytes.clone();
            mutate(&mut random, &mut mutant);
            if format == Format::Tar && case % 2 == 0 {
                mend_tar(&mut mutant);
            }
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                scratch.read_all(&mutant, format)
            }));
            match outcome {
                Ok(Ok((_, errors))) if errors.is_empty() => passed += 1,
                Ok(Ok(_) | Err(_)) => refused += 1,
                Err(_) => {
                    let file = std::env::temp_dir().join("feedmill-mutant");
                    std::fs::write(&file, &mutant).unwrap();
                    panic!(
                        "{name}: case {case} of seed {seed} panicked; it is in {}",
                        file.display()
                    );
                }
            }
        }
        println!(
            "{name}: {refused} refused, {passed} passed, {:?}",
            start.elapsed()
        );
        // A mutator that is too mild or too destructive would test nothing.
        assert!(
            refused > cases / 10 && passed > cases / 100,
            "{name}: {refused} refused, {passed} passed"
        );
    }
}
