//! Shards, conversion, verification and the commands around them, under damage, crashes and
//! crowding.
//!
//! The rows of the fault table that are shown here and beside the code: truncation, flipped bits,
//! hostile indexes, full disks, file size limits, SIGBUS, files changed while open, kill -9, closed
//! pipes, Ctrl-C, two converters.

#[path = "../common/allocator.rs"]
mod allocator;
mod cli;
mod convert;
mod corruption;
mod craft;
mod crash;
mod format;
mod hostile;
mod processes;
mod util;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;
