//! Processes in trouble: no space, size limits, mapped files cut short, Ctrl-C, two converters at
//! once.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::child::{finish, run, signal, until};
use crate::feedmill;
use crate::util::{files, make, mixed};

/// A data set whose conversion into small shards takes a while.
fn many(folder: &Path) -> PathBuf {
    let src = folder.join("src");
    make(&mixed(1500), &src, |options| {
        options.with_shard_size(1 << 30)
    })
    .unwrap();
    src
}

fn temps(folder: &Path) -> Vec<String> {
    files(folder)
        .into_keys()
        .filter(|name| name.contains(".tmp-"))
        .collect()
}

#[test]
fn a_file_size_limit_ends_convert_with_exit_1_and_no_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    let dst = folder.path().join("dst");
    make(&mixed(100), &src, |options| options).unwrap();
    let ended = run(Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_feedmill"))
        .args(["convert", "--jobs", "2"])
        .args([&src, &dst])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped()));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(
        ended.err.contains("File too large") && ended.err.contains(".mill.tmp-"),
        "{ended:?}"
    );
    assert!(files(&dst).is_empty(), "{:?}", files(&dst).keys());
}

#[test]
fn a_full_file_system_ends_convert_with_exit_1_and_no_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let (src, mount) = (folder.path().join("src"), folder.path().join("mount"));
    std::fs::create_dir(&mount).unwrap();
    make(&mixed(300), &src, |options| options).unwrap();
    let script = "mount -t tmpfs -o size=64k none \"$3\" || exit 77; \
                  \"$1\" convert --shard-size 20KiB --jobs 1 \"$2\" \"$3/set\"; code=$?; \
                  ls \"$3/set\"; exit $code";
    let ended = run(Command::new("unshare")
        .args([
            "-rm",
            "sh",
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_feedmill"),
        ])
        .args([&src, &mount])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped()));
    if ended.status.code() == Some(77) || ended.err.contains("unshare") {
        println!("skipped: no private mount here: {}", ended.err.trim());
        return;
    }
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("No space left on device"), "{ended:?}");
    assert!(
        ended.out.contains("shard-00000.mill") && !ended.out.contains("tmp"),
        "{ended:?}"
    );
    assert!(!ended.out.contains("manifest"), "{ended:?}");
}

#[test]
fn the_command_names_the_mapped_shard_that_was_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let (src, dst) = (many(folder.path()), folder.path().join("dst"));
    let mut command = feedmill();
    command
        .args(["convert", "--shard-size", "2KiB", "--jobs", "1"])
        .args([&src, &dst]);
    let child = command.spawn().unwrap();
    // By then the first page of the source is behind; all records that are left are gone with their
    // pages.
    until("some shards", || dst.join("shard-00005.mill").exists());
    signal(&child, libc::SIGSTOP);
    let shard = src.join("shard-00000.mill");
    std::fs::OpenOptions::new()
        .write(true)
        .open(&shard)
        .unwrap()
        .set_len(4096)
        .unwrap();
    signal(&child, libc::SIGCONT);
    let ended = finish(child, "convert from a shard cut short");
    println!("{:?}: {}", ended.status, ended.err);
    assert!(ended.err.contains("cut short"), "{ended:?}");
    assert!(ended.err.contains(shard.to_str().unwrap()), "{ended:?}");
    assert!(
        ended.status.signal() == Some(libc::SIGBUS) || ended.status.code() == Some(1),
        "{ended:?}"
    );
}

#[test]
fn ctrl_c_ends_convert_with_exit_130_and_no_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let (src, dst) = (many(folder.path()), folder.path().join("dst"));
    for stop in [libc::SIGINT, libc::SIGTERM] {
        let mut command = feedmill();
        command
            .args(["convert", "--resume", "--shard-size", "2KiB", "--jobs", "2"])
            .args([&src, &dst]);
        // Names alone: the files come and go.
        let names = || std::fs::read_dir(&dst).map_or(0, Iterator::count);
        let before = names();
        let child = command.spawn().unwrap();
        until("some shards", || names() > before + 3);
        signal(&child, stop);
        let ended = finish(child, "convert, stopped");
        assert_eq!(ended.status.code(), Some(130), "{ended:?}");
        assert!(ended.err.contains("--resume"), "{ended:?}");
        assert_eq!(temps(&dst), [""; 0]);
        assert!(!dst.join("manifest.json").exists());
    }
}

#[test]
fn a_second_converter_into_one_folder_fails_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (src, dst) = (many(folder.path()), folder.path().join("dst"));
    let convert = || {
        let mut command = feedmill();
        command
            .args(["convert", "--resume", "--shard-size", "2KiB", "--jobs", "1"])
            .args([&src, &dst]);
        command
    };
    let first = convert().spawn().unwrap();
    until("the first shard", || dst.join("shard-00000.mill").exists());
    signal(&first, libc::SIGSTOP);
    let second = run(&mut convert());
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(
        second.err.contains("another conversion is writing here"),
        "{second:?}"
    );
    signal(&first, libc::SIGCONT);
    let first = finish(first, "the first converter");
    assert!(first.status.success(), "{first:?}");
    let verify = run(feedmill().arg("verify").arg(&dst));
    assert!(verify.status.success(), "{verify:?}");
    assert!(
        files(&dst)
            .keys()
            .all(|name| name.ends_with(".mill") || name == "manifest.json")
    );
}
