//! Conversion onto disks that fill up, interrupt writes and refuse.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::*;
use crate::geometry::Size;
use crate::sample::{Annotations, Plane, PlaneKind, Target};
use crate::source::{Memory, Shards};
use crate::storage::disk::Output;

/// The disk of the system with room for `left` more bytes. A write takes 1 to 13 bytes, and every
/// fifth is interrupted.
struct Countdown {
    left: Arc<AtomicU64>,
}

struct Counted {
    left: Arc<AtomicU64>,
    calls: usize,
    file: Box<dyn Output>,
    full: Option<std::fs::File>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            // On Linux `/dev/full` makes the kernel return its own error for a full disk.
            return match &mut self.full {
                Some(full) => full.write(bytes),
                None => Err(io::ErrorKind::StorageFull.into()),
            };
        }
        let taken = bytes.len().min(self.calls % 13 + 1).min(left as usize);
        let count = self.file.write(&bytes[..taken])?;
        self.left.fetch_sub(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output for Counted {
    fn sync(&mut self) -> io::Result<()> {
        // Syncing would take most of the time of the test, which is about errors and not about
        // power cuts.
        self.file.flush()
    }
}

impl Disk for Countdown {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .ok();
        Ok(Box::new(Counted {
            left: self.left.clone(),
            calls: 0,
            file: System.create(path)?,
            full,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        System.rename(from, to)
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        System.remove(path)
    }
}

fn tiny() -> Memory {
    let pixels: Vec<u8> = (0..6 * 12u32).map(|i| (i * 37) as u8).collect();
    Memory::pixels(pixels, Size::square(2), 3, vec![0, 1, 2, 0, 1, 2]).unwrap()
}

fn options() -> Options {
    Options {
        shard_size: 24,
        jobs: 1,
        ..Options::default()
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_disk_that_fills_up_after_any_byte_leaves_whole_files_and_no_leftovers() {
    let source = tiny();
    let stop = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    convert(&source, &whole, &options(), &stop, &|_| {}).unwrap();
    let whole = files(&whole);
    let total: usize = whole.values().map(Vec::len).sum();
    assert!((2000..6000).contains(&total), "{total} bytes");
    let mut reached = [0; 2];
    for room in (0..4096.min(total as u64)).chain([total as u64]) {
        let dst = folder.path().join("dst");
        let disk = Arc::new(Countdown {
            left: Arc::new(AtomicU64::new(room)),
        });
        let result = convert_on(disk, &source, &dst, &options(), &stop, &|_| {});
        let found = files(&dst);
        for (name, bytes) in &found {
            assert!(
                Some(bytes) == whole.get(name),
                "room for {room} bytes: {name} is not whole"
            );
        }
        if room < total as u64 {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), Kind::Io, "room for {room} bytes: {error}");
            assert!(
                error.message().contains(".tmp-"),
                "it names the file: {error}"
            );
            assert!(
                error.message().contains("o space left") || error.message().contains("no storage"),
                "{error}"
            );
            assert!(!found.contains_key(MANIFEST));
            reached[0] += 1;
        } else {
            result.unwrap();
            assert_eq!(found, whole);
            reached[1] += 1;
        }
        std::fs::remove_dir_all(&dst).unwrap();
    }
    assert_eq!(reached, [4096.min(total), 1]);
}

#[test]
fn a_disk_that_filled_up_once_is_taken_up_again_with_the_same_outcome() {
    let source = tiny();
    let stop = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    convert(&source, &whole, &options(), &stop, &|_| {}).unwrap();
    let dst = folder.path().join("dst");
    let whole = files(&whole);
    // Room for two shards and the beginning of the third.
    let room = whole["shard-00000.mill"].len() + whole["shard-00001.mill"].len() + 100;
    let disk = Arc::new(Countdown {
        left: Arc::new(AtomicU64::new(room as u64)),
    });
    convert_on(disk, &source, &dst, &options(), &stop, &|_| {}).unwrap_err();
    let error = convert(&source, &dst, &options(), &stop, &|_| {}).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.message().contains("--resume"), "{error}");
    let report = convert(
        &source,
        &dst,
        &Options {
            resume: true,
            jobs: 3,
            ..options()
        },
        &stop,
        &|_| {},
    )
    .unwrap();
    assert_eq!((report.kept, report.shards), (2, 3));
    assert_eq!(files(&dst), whole);
}

#[test]
fn cuts_follow_from_the_sizes_of_the_source() {
    let sizes = [10, 10, 10, 50, 5, 5, 100];
    let samples = sizes.map(|size| (vec![0; size], Target::None));
    let source = Memory::encoded(samples);
    assert_eq!(split_into_shards(&source, 30), [0..3, 3..4, 4..6, 6..7]);
    assert_eq!(
        split_into_shards(&source, 1),
        (0..7).map(|id| id..id + 1).collect::<Vec<_>>()
    );
    assert_eq!(
        split_into_shards(&source, u64::MAX),
        [Range { start: 0, end: 7 }]
    );
}

#[test]
fn a_stop_ends_the_conversion_and_removes_what_is_half_written() {
    let source = tiny();
    let folder = tempfile::tempdir().unwrap();
    for after in 0..6 {
        let dst = folder.path().join(format!("dst-{after}"));
        let stop = AtomicBool::new(after == 0);
        let progress =
            |progress: Progress| stop.store(progress.samples >= after, Ordering::Relaxed);
        let error = convert(&source, &dst, &options(), &stop, &progress).unwrap_err();
        assert_eq!(error.kind(), Kind::Stopped);
        assert!(
            files(&dst).keys().all(|name| name.ends_with(".mill")),
            "{:?}",
            files(&dst).keys()
        );
    }
}

#[test]
fn options_that_cannot_work_are_refused() {
    let stop = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    for options in [
        Options {
            shard_size: 0,
            ..options()
        },
        Options {
            max_side: Some(0),
            ..options()
        },
        Options {
            quality: Some(0),
            ..options()
        },
        Options {
            quality: Some(101),
            ..options()
        },
        Options {
            quality: Some(90),
            raw: true,
            ..options()
        },
    ] {
        let error = convert(
            &tiny(),
            &folder.path().join("dst"),
            &options,
            &stop,
            &|_| {},
        )
        .unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A source whose sample 2 panics.
struct Panicking(Memory);

impl Source for Panicking {
    fn len(&self) -> u64 {
        self.0.len()
    }
    fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint()
    }
    fn name(&self, id: u64) -> String {
        self.0.name(id)
    }
    fn size(&self, id: u64) -> u64 {
        self.0.size(id)
    }
    fn read(&self, id: u64, buf: Vec<u8>) -> Result<crate::sample::Sample> {
        assert!(id != 2, "no luck");
        self.0.read(id, buf)
    }
}

#[test]
fn a_panic_in_a_source_is_an_error_or_a_sample_left_out() {
    let source = Panicking(tiny());
    let stop = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    let error = convert(
        &source,
        &folder.path().join("a"),
        &options(),
        &stop,
        &|_| {},
    )
    .unwrap_err();
    assert_eq!(
        (error.kind(), error.sample()),
        (Kind::Worker, Some(2)),
        "{error}"
    );
    let dst = folder.path().join("b");
    let options = Options {
        skip_bad: true,
        ..options()
    };
    let report = convert(&source, &dst, &options, &stop, &|_| {}).unwrap();
    assert_eq!(
        report
            .skipped
            .iter()
            .map(|bad| bad.sample)
            .collect::<Vec<_>>(),
        [2]
    );
    let shards = Shards::open(&dst, Backing::Mmap).unwrap();
    let numbers: Vec<u64> = (0..shards.len())
        .map(|id| {
            let (shard, record) = shards.locate(id).unwrap();
            let cell = shards.shards()[shard].extra(SOURCE_ID, record).unwrap();
            u64::from_le_bytes(cell.try_into().unwrap())
        })
        .collect();
    assert_eq!(numbers, [0, 1, 3, 4, 5]);
    let again = convert(
        &source,
        &dst,
        &Options {
            resume: true,
            ..options
        },
        &stop,
        &|_| {},
    )
    .unwrap();
    assert_eq!((again.kept, again.skipped), (3, report.skipped));
}

#[test]
fn annotations_go_along_and_shrink_with_the_image() {
    let text = br#"{"boxes": [[2, 1, 6, 3, 5]], "keypoints": [[4, 2, 1, 9, 1]]}"#;
    let mut some = Annotations::from_json(text).unwrap();
    let plane =
        |name: &str, kind, level: u8| Plane::raw(name, kind, Size::new(8, 4), vec![level; 32]);
    some.planes.push(plane("mask", PlaneKind::Mask, 201));
    some.planes.push(plane("near", PlaneKind::Depth, 202));
    let only_plane = Annotations {
        planes: vec![plane("mask", PlaneKind::Mask, 203)],
        ..Annotations::default()
    };
    let plain =
        || Memory::pixels(vec![7u8; 3 * 8 * 4 * 3], Size::new(8, 4), 3, vec![0, 1, 0]).unwrap();
    let run = |source: &Memory, max_side: Option<u32>| {
        let dst = tempfile::tempdir().unwrap();
        let options = Options {
            max_side,
            raw: true,
            ..Options::default()
        };
        convert(
            source,
            dst.path(),
            &options,
            &AtomicBool::new(false),
            &|_| {},
        )
        .unwrap();
        let shards = Shards::open(dst.path(), Backing::Mmap).unwrap();
        let found = [0, 1, 2].map(|id| shards.annotations(id).unwrap());
        let by_position = Shards::open(dst.path(), Backing::Pread).unwrap();
        assert_eq!(
            found,
            [0, 1, 2].map(|id| by_position.annotations(id).unwrap())
        );
        let bytes = std::fs::read(shards.shards()[0].path()).unwrap();
        (found, shards.fingerprint(), bytes)
    };
    let given = vec![some.clone(), Annotations::default(), only_plane.clone()];
    let annotated = plain().with_annotations(given).unwrap();
    let (found, fingerprint, bytes) = run(&annotated, None);
    assert_eq!(found, [Some(some.clone()), None, Some(only_plane)]);
    let ([small, ..], ..) = run(&annotated, Some(4));
    let small = small.unwrap();
    assert_eq!(small.boxes[0].bounds.edges(), [1.0, 0.5, 3.0, 1.5]);
    assert_eq!(
        (
            small.keypoints[0].x,
            small.keypoints[0].y,
            small.keypoints[0].id
        ),
        (2.0, 1.0, 9)
    );
    assert_eq!(
        small.planes, some.planes,
        "planes keep their own resolution"
    );
    let (none, other, without) = run(&plain(), None);
    assert_eq!(none, [None, None, None]);
    assert!(other != fingerprint && !without.windows(12).any(|part| part == b"annotations."));

    // A damaged plane is found, and a shard of an earlier run that has one is written again.
    let dst = tempfile::tempdir().unwrap();
    let options = Options {
        raw: true,
        ..Options::default()
    };
    let stop = AtomicBool::new(false);
    convert(&annotated, dst.path(), &options, &stop, &|_| {}).unwrap();
    let path = Shards::open(dst.path(), Backing::Pread).unwrap().shards()[0]
        .path()
        .to_owned();
    let mut damaged = bytes.clone();
    let at = damaged.iter().position(|byte| *byte == 202).unwrap();
    damaged[at + 5] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let error = Shards::open(dst.path(), Backing::Mmap)
        .unwrap()
        .annotations(0)
        .unwrap_err();
    assert!(
        error.message().contains("plane \"near\"") && error.message().contains("record 0"),
        "{error}"
    );
    std::fs::remove_file(dst.path().join(crate::shard::MANIFEST)).unwrap();
    let report = convert(
        &annotated,
        dst.path(),
        &Options {
            resume: true,
            ..options
        },
        &stop,
        &|_| {},
    )
    .unwrap();
    assert_eq!(report.kept, 0);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}
