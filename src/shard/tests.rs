//! Tests that need private parts: replacements for the disk and for reads by position.

use std::cell::Cell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::*;
use crate::geometry::Size;
use crate::sample::{Codec, Target};
use crate::storage::disk::{Disk, Output, System, Temp};
use crate::storage::positioned::{ReadAt, read_exact_at};

/// A file whose reads return 1 to 7 bytes; every third read is interrupted.
struct ShortReads {
    data: Vec<u8>,
    calls: Cell<usize>,
}

impl ReadAt for ShortReads {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let call = self.calls.get();
        self.calls.set(call + 1);
        if call.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let rest = self.data.get(offset as usize..).unwrap_or(&[]);
        let count = rest.len().min(buffer.len()).min(call % 7 + 1);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

#[test]
fn partial_reads_and_interrupts_are_read_to_the_end() {
    let data: Vec<u8> = (0..1000u32).map(|i| i as u8).collect();
    let file = ShortReads {
        data: data.clone(),
        calls: Cell::new(0),
    };
    let mut buffer = vec![0; 900];
    read_exact_at(&file, &mut buffer, 100).unwrap();
    assert_eq!(buffer, data[100..]);
    let error = read_exact_at(&file, &mut buffer, 101).unwrap_err();
    assert_eq!(error.kind(), Kind::Truncated);
    assert!(
        error.message().contains("byte 1000") && error.message().contains("1 are missing"),
        "{error}"
    );
}

/// A disk that records what is asked of it and stores nothing.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<Step>>>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    SyncFolder,
    Remove(PathBuf),
}

struct JournalFile(Journal, PathBuf);

impl Write for JournalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Short writes, so that one write of the caller becomes many steps.
        let count = bytes.len().min(97);
        self.0
            .0
            .lock()
            .unwrap()
            .push(Step::Write(self.1.clone(), bytes[..count].to_vec()));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for JournalFile {
    fn sync(&mut self) -> io::Result<()> {
        self.0.0.lock().unwrap().push(Step::Sync(self.1.clone()));
        Ok(())
    }
}

impl Disk for Journal {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        self.0.lock().unwrap().push(Step::Create(path.to_owned()));
        Ok(Box::new(JournalFile(self.clone(), path.to_owned())))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0
            .lock()
            .unwrap()
            .push(Step::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        self.0.lock().unwrap().push(Step::SyncFolder);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.lock().unwrap().push(Step::Remove(path.to_owned()));
        Ok(())
    }
}

/// Returns what may be on the disk under `name` after a power cut that follows `steps`: `None` for
/// no file, otherwise its bytes. Bytes are safe once they are synced; before that any of them may
/// be lost, and here all are. A rename is safe once the folder is synced; before that it may have
/// happened or not.
fn possible_states(steps: &[Step], name: &Path) -> Vec<Option<Vec<u8>>> {
    let (mut written, mut synced) = (Vec::new(), Vec::new());
    let (mut renamed, mut sure) = (false, false);
    for step in steps {
        match step {
            Step::Write(_, bytes) => written.extend_from_slice(bytes),
            Step::Sync(_) => synced.clone_from(&written),
            Step::Rename(_, to) => renamed = to == name,
            Step::SyncFolder => sure = renamed,
            Step::Create(_) | Step::Remove(_) => {}
        }
    }
    match (renamed, sure) {
        (_, true) => vec![Some(synced)],
        (true, false) => vec![None, Some(synced)],
        (false, false) => vec![None],
    }
}

fn write_two(disk: Arc<dyn Disk>, path: &Path) -> Result<Sealed> {
    let mut writer = Writer::create_on(disk, path, Stamp::default())?;
    for (number, target) in [Target::Class(1), Target::Multi(vec![0, 2])]
        .iter()
        .enumerate()
    {
        let bytes = [number as u8; 40];
        let size = Size::new(8, 5);
        let record = Record::new("a", &bytes, Codec::raw(size, 1), size).with_target(target);
        writer.append(&record)?;
    }
    writer.finish()
}

#[test]
fn a_power_cut_between_any_two_steps_leaves_the_whole_shard_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let whole = folder.path().join("whole.mill");
    write_two(Arc::new(System), &whole).unwrap();
    let whole = std::fs::read(whole).unwrap();
    let journal = Journal::default();
    write_two(Arc::new(journal.clone()), &path).unwrap();
    let steps = journal.0.lock().unwrap().clone();
    assert!(steps.len() > 10, "{steps:?}");
    for cut in 0..=steps.len() {
        for state in possible_states(&steps[..cut], &path) {
            assert!(
                state.is_none_or(|bytes| bytes == whole),
                "after {:?}",
                &steps[..cut].last()
            );
        }
    }
    assert_eq!(
        possible_states(&steps, &path),
        [Some(whole)],
        "finish() promises a durable shard"
    );
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let writer = Writer::create(&path, Stamp::default()).unwrap();
    let temp = folder
        .path()
        .join(format!("x.mill.tmp-{}", std::process::id()));
    assert!(temp.exists() && !path.exists());
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_temporary_file_is_not_written_through_a_link_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    let link = folder
        .path()
        .join(format!("x.mill.tmp-{}", std::process::id()));
    std::os::unix::fs::symlink(&victim, link).unwrap();
    write_two(Arc::new(System), &folder.path().join("x.mill")).unwrap();
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
}

#[test]
fn only_our_own_temporary_names_are_leftovers() {
    for yes in [
        "shard-00000.mill.tmp-1",
        "manifest.json.tmp-4711",
        "my.mill.tmp-2",
    ] {
        assert!(is_leftover(yes), "{yes}");
    }
    for no in [
        "shard-00000.mill",
        "x.mill.tmp-",
        "x.mill.tmp-a",
        "notes.tmp-3",
        "x.tmp-1.mill",
    ] {
        assert!(!is_leftover(no), "{no}");
    }
}

/// A disk that refuses renames.
struct NoRename;

impl Disk for NoRename {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        System.create(path)
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        System.remove(path)
    }
}

#[test]
fn a_failed_rename_removes_the_temporary_file_and_keeps_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    std::fs::write(&path, "old").unwrap();
    let mut temp = Temp::create(Arc::new(NoRename), &path).unwrap();
    temp.write(b"new").unwrap();
    assert_eq!(temp.seal().unwrap_err().kind(), Kind::Io);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_record_that_the_format_cannot_hold_is_refused_and_the_writer_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mill");
    let mut writer = Writer::create(&path, Stamp::default()).unwrap();
    let size = Size::new(2, 1);
    let good = Record::new("a", &[1, 2, 3, 4, 5, 6], Codec::raw(size, 3), size);
    let bad = [
        Record { bytes: &[], ..good },
        Record {
            size: Size::new(0, 1),
            ..good
        },
        Record {
            size: Size::new(3, 1),
            ..good
        },
        Record {
            codec: Codec::Raw {
                width: 2,
                height: 1,
                channels: 4,
            },
            ..good
        },
        Record {
            codec: Codec::Raw {
                width: 2,
                height: 2,
                channels: 3,
            },
            ..good
        },
        Record {
            extra: &[("offset", b"")],
            ..good
        },
        Record {
            extra: &[("", b"")],
            ..good
        },
        Record {
            extra: &[("a b", b"")],
            ..good
        },
        Record {
            extra: &[("a", b""), ("a", b"")],
            ..good
        },
        Record {
            extra: &[("a-name-of-25-characters-xx", b"")],
            ..good
        },
    ];
    for record in &bad {
        let error = writer.append(record).unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{error}");
        assert!(error.message().contains("x.mill: record 0 (a)"), "{error}");
    }
    writer.append(&good).unwrap();
    // A column that only the second of three records has.
    writer
        .append(&Record {
            extra: &[("later.index", b"xyz")],
            ..good
        })
        .unwrap();
    writer.append(&good).unwrap();
    writer.finish().unwrap();
    let shard = Shard::open(&path, Backing::Pread).unwrap();
    assert_eq!(shard.extras().collect::<Vec<_>>(), ["later.index"]);
    let cells: Vec<_> = (0..3)
        .map(|record| shard.extra("later.index", record).unwrap())
        .collect();
    assert_eq!(cells, [&b""[..], b"xyz", b""]);
    assert_eq!(shard.extra("other", 0), None);
    use crate::source::Source as _;
    let shards = crate::source::Shards::open(&path, Backing::Pread).unwrap();
    let mut texts = Vec::new();
    let mut each = |id: u64, text: &str| {
        texts.push((id, text.to_owned()));
        Ok(())
    };
    assert!(
        shards.column("later.index", &mut each).unwrap()
            && !shards.column("other", &mut each).unwrap()
    );
    assert_eq!(
        texts,
        [(0, String::new()), (1, "xyz".into()), (2, String::new())]
    );
    for record in 0..3 {
        assert_eq!(&shard.read(record, Vec::new()).unwrap()[..], good.bytes);
    }
    assert_eq!(shard.read(3, Vec::new()).unwrap_err().kind(), Kind::Config);
}
