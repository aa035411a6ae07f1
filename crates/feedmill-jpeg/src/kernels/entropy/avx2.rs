//! The loops compiled for BMI1, BMI2 and LZCNT, and the search for `FF` 32 bytes at a time.

use std::arch::x86_64::*;
use std::ops::Range;

use super::{EntropyKernels, scalar};
use crate::entropy::mcu::{EntropyCursor, McuDecoder, McuRow, decode_mcus, skip_mcus_side_by_side};
use crate::entropy::progressive::ScanReader;
use crate::error::Result;
use crate::kernels::avx2_rows::load;
use crate::simd::Avx2;

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn find_ff(bytes: &[u8]) -> usize {
    let ff = _mm256_set1_epi8(-1);
    let mut at = 0;
    while at + 32 <= bytes.len() {
        let found = _mm256_movemask_epi8(_mm256_cmpeq_epi8(load(bytes, at), ff)) as u32;
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 32;
    }
    at + scalar::find_ff(&bytes[at..])
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn decode_mcus_bmi(
    kernels: Avx2,
    decoder: &mut McuDecoder<'_>,
    cursor: &mut EntropyCursor<'_>,
    row: &McuRow<'_>,
    mcus: Range<usize>,
) -> Result<()> {
    decode_mcus(kernels, decoder, cursor, row, mcus)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn skip_mcus_side_by_side_bmi(
    cursors: &mut [EntropyCursor<'_>; 2],
    row: &McuRow<'_>,
    count: usize,
) -> Result<()> {
    skip_mcus_side_by_side(cursors, row, count)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn read_scan_bmi(reader: ScanReader<'_>) -> Result<usize> {
    reader.read(|bytes| find_ff(bytes))
}

impl EntropyKernels for Avx2 {
    fn find_ff(self) -> fn(&[u8]) -> usize {
        // SAFETY: `self` proves that the CPU has the features.
        |bytes| unsafe { find_ff(bytes) }
    }

    fn decode_mcus(
        self,
        decoder: &mut McuDecoder<'_>,
        cursor: &mut EntropyCursor<'_>,
        row: &McuRow<'_>,
        mcus: Range<usize>,
    ) -> Result<()> {
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { decode_mcus_bmi(self, decoder, cursor, row, mcus) }
    }

    fn skip_mcus_side_by_side(
        self,
        cursors: &mut [EntropyCursor<'_>; 2],
        row: &McuRow<'_>,
        count: usize,
    ) -> Result<()> {
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { skip_mcus_side_by_side_bmi(cursors, row, count) }
    }

    fn read_scan(self, reader: ScanReader<'_>) -> Result<usize> {
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { read_scan_bmi(reader) }
    }
}
