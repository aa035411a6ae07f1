//! Shards, conversion and verification under damage.
//!
//! The rows of the fault table that are shown here and beside the code: truncation, flipped bits,
//! hostile indexes, full disks, SIGBUS, files changed while open. Those that take the command line
//! (file size limits, kill -9, closed pipes, Ctrl-C, two converters) are tests of `feedmill-cli`.

#[path = "../common/allocator.rs"]
mod allocator;
mod convert;
mod corruption;
mod craft;
mod format;
mod hostile;
mod mapped;

#[expect(dead_code, reason = "the tests of the command line use the rest")]
mod child;
#[expect(dead_code, reason = "the tests of the command line use the rest")]
mod util;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;
