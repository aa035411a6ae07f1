//! The binary: what the commands print, how they end, and what they leave behind when they are
//! stopped.

mod crash;
mod processes;
mod recipes;
mod storage;

#[path = "../../../../tests/storage/child.rs"]
mod child;
#[expect(
    dead_code,
    reason = "shared with the library's tests, which use the rest"
)]
#[path = "../../../../tests/formats/make.rs"]
mod make;
#[expect(
    dead_code,
    reason = "shared with the library's tests, which use the rest"
)]
#[path = "../../../../tests/storage/util.rs"]
mod util;

use std::path::Path;
use std::process::{Command, Stdio};

fn feedmill() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_feedmill"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The folder with `fixtures`.
fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("a package in `crates`")
}
