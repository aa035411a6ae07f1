//! A mapped shard that is cut short while a process reads it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use feedmill::geometry::Size;
use feedmill::sample::Codec;
use feedmill::shard::{Backing, Record, Shard, Stamp, Writer};

use crate::child::finish;

/// Not a test: what [`a_mapped_shard_cut_short_ends_the_child_by_sigbus_or_cleanly`] runs in a
/// process of its own.
#[test]
fn child_reads_a_shard() {
    let Ok(path) = std::env::var("FEEDMILL_TEST_SHARD") else {
        return;
    };
    let backing = if std::env::var("FEEDMILL_TEST_PREAD").is_ok() {
        Backing::Pread
    } else {
        Backing::Mmap
    };
    let shard = Shard::open(Path::new(&path), backing).unwrap();
    println!("\nopen");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    for record in 0..shard.len() {
        if let Err(error) = shard.read(record, Vec::new()) {
            println!("\nread: {} {error}", error.kind());
            return;
        }
    }
    println!("\nread: fine");
}

#[test]
fn a_mapped_shard_cut_short_ends_the_child_by_sigbus_or_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    for (pread, side) in [(true, 8), (true, 256), (false, 8), (false, 256)] {
        let path = folder.path().join("x.mill");
        let mut writer = Writer::create(&path, Stamp::default()).unwrap();
        let bytes = vec![7; side * side];
        for _ in 0..200 {
            let size = Size::square(side as u32);
            let record = Record::new("n", &bytes, Codec::raw(size, 1), size);
            writer.append(&record).unwrap();
        }
        writer.finish().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "mapped::child_reads_a_shard", "--nocapture"]);
        command.env("FEEDMILL_TEST_SHARD", &path);
        if pread {
            command.env("FEEDMILL_TEST_PREAD", "1");
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim() != "open" {
            line.clear();
            assert!(
                out.read_line(&mut line).unwrap() > 0,
                "the child ended before it opened the shard"
            );
        }
        std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(4096)
            .unwrap();
        stdin.write_all(b"go\n").unwrap();
        drop(stdin);
        let rest = std::thread::spawn(move || std::io::read_to_string(out).unwrap_or_default());
        let ended = finish(child, "the child that reads a shard");
        let rest = rest.join().unwrap();
        let clean = rest.contains("read: truncated") && rest.contains("x.mill: record");
        // Small records of a mapping are touched without asking the kernel first.
        let signal = !pread && side == 8 && ended.status.signal() == Some(libc::SIGBUS);
        println!("pread {pread}, {side} x {side}: {:?}", ended.status);
        assert!(
            clean || signal,
            "pread {pread}, side {side}: {rest} {ended:?}"
        );
    }
}
