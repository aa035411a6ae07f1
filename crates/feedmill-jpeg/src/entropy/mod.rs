//! Huffman-coded data (T.81 annex F for sequential scans, annex G for progressive ones).
//!
//! From bits to coefficients there are four layers, each a file:
//!
//! * `bits`: a 64-bit window over the scan's bytes, which knows stuffed zeros, markers and the end;
//! * `huffman`: look-up tables from the next bits to symbols, two or more at a time;
//! * `block`: the coefficients of one block, read or stepped over;
//! * `mcu` (sequential) and `progressive`: the blocks of a scan in their order.
//!
//! `encode` goes the other way and writes a sequential scan.
//!
//! Two thirds of a whole decode is spent here, so the innermost loops are `#[inline(always)]` and
//! keep the window in registers. Errors inside a block are a plain [`Fault`]; text and offset are
//! added where the scan is known, outside of the hot code.

pub(crate) mod bits;
pub(crate) mod block;
pub(crate) mod encode;
pub(crate) mod huffman;
pub(crate) mod mcu;
pub(crate) mod progressive;

/// What is wrong with the bits of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The next bits are not a code of the Huffman table.
    BadCode,
    /// A run of zeros ends beyond the last coefficient of the block or of the scan.
    RunBeyondEnd,
    /// A DC difference of more than 15 bits.
    LongDifference,
    /// A run of blocks without coefficients, in a sequential scan.
    EndOfBandRun,
    /// A new coefficient of more than one bit, in a scan that refines.
    LongNewCoefficient,
}

impl Fault {
    /// Returns the text for the error.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Fault::BadCode => "expected a Huffman code of the table, found none that matches",
            Fault::RunBeyondEnd => "expected coefficients of the scan, found a run beyond the last",
            Fault::LongDifference => "expected a DC difference of 15 bits at most",
            Fault::EndOfBandRun => "expected a run of zeros or an end of block",
            Fault::LongNewCoefficient => "expected a new coefficient of one bit",
        }
    }
}
