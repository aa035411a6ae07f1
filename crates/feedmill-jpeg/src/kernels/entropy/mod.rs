//! The entropy decoder's loops, compiled for the bit instructions of each CPU.
//!
//! The loops themselves are [`crate::entropy`]'s and exist once. What differs between CPUs is how
//! they are compiled: BMI's shifts take their count from any register and leave the flags alone,
//! which shortens the chain of dependent instructions from one Huffman symbol to the next.

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "vector loads and stores, and calls of functions with CPU features"
)]
mod avx2;
pub(crate) mod scalar;

use std::ops::Range;

use super::Kernels;
use crate::entropy::mcu::{EntropyCursor, McuDecoder, McuRow};
use crate::entropy::progressive::ScanReader;
use crate::error::Result;

/// The entry points of the entropy decoder.
pub(crate) trait EntropyKernels: Kernels {
    /// Returns a function for the distance to the first `FF` byte, or the length if there is none.
    fn find_ff(self) -> fn(&[u8]) -> usize;

    /// See [`crate::entropy::mcu::decode_mcus`].
    fn decode_mcus(
        self,
        decoder: &mut McuDecoder<'_>,
        cursor: &mut EntropyCursor<'_>,
        row: &McuRow<'_>,
        mcus: Range<usize>,
    ) -> Result<()>;

    /// See [`crate::entropy::mcu::skip_mcus_side_by_side`].
    fn skip_mcus_side_by_side(
        self,
        cursors: &mut [EntropyCursor<'_>; 2],
        row: &McuRow<'_>,
        count: usize,
    ) -> Result<()>;

    /// See [`ScanReader::read`].
    fn read_scan(self, reader: ScanReader<'_>) -> Result<usize>;
}
