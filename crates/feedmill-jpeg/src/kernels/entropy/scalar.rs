//! The loops compiled for any CPU.

use std::ops::Range;

use super::EntropyKernels;
use crate::entropy::mcu::{EntropyCursor, McuDecoder, McuRow, decode_mcus, skip_mcus_side_by_side};
use crate::entropy::progressive::ScanReader;
use crate::error::Result;
use crate::kernels::Scalar;

/// Returns the distance to the first `FF` byte, or the length if there is none.
pub(crate) fn find_ff(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (n, &word) in words.iter().enumerate() {
        // The well-known test for a zero byte, here of the inverted word. It may mark bytes above a
        // zero byte falsely, but the lowest mark is always true.
        let inverted = !u64::from_le_bytes(word);
        let found =
            inverted.wrapping_sub(0x0101_0101_0101_0101) & !inverted & 0x8080_8080_8080_8080;
        if found != 0 {
            return 8 * n + found.trailing_zeros() as usize / 8;
        }
    }
    8 * words.len()
        + rest
            .iter()
            .position(|&byte| byte == 0xFF)
            .unwrap_or(rest.len())
}

impl EntropyKernels for Scalar {
    fn find_ff(self) -> fn(&[u8]) -> usize {
        find_ff
    }

    fn decode_mcus(
        self,
        decoder: &mut McuDecoder<'_>,
        cursor: &mut EntropyCursor<'_>,
        row: &McuRow<'_>,
        mcus: Range<usize>,
    ) -> Result<()> {
        decode_mcus(self, decoder, cursor, row, mcus)
    }

    fn skip_mcus_side_by_side(
        self,
        cursors: &mut [EntropyCursor<'_>; 2],
        row: &McuRow<'_>,
        count: usize,
    ) -> Result<()> {
        skip_mcus_side_by_side(cursors, row, count)
    }

    fn read_scan(self, reader: ScanReader<'_>) -> Result<usize> {
        reader.read(find_ff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_ff() {
        for length in 0..40 {
            for at in 0..=length {
                let mut bytes = vec![0xFE; length];
                bytes.iter_mut().skip(at).for_each(|byte| *byte = 0xFF);
                assert_eq!(find_ff(&bytes), at);
            }
        }
    }
}
