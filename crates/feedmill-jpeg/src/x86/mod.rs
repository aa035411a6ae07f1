//! Vector twins of the inner loops for x86-64 with AVX2 and BMI.

mod idct;
mod pixels;

use std::arch::x86_64::*;
use std::ops::Range;

use super::bits;
use super::entropy::Block;
use super::error::Result;
use super::kernels::{Kernels, Scalar, Target};
use super::progressive;
use super::scan::{Lane, Row, Scan, decode_span, skip_two_spans};

/// Proof that this CPU has AVX2, BMI1, BMI2, LZCNT and POPCNT; there is no other way to get one than
/// [`Avx2::detect`].
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt"))
        .then_some(Avx2(()))
    }
}

/// Samples that one step of the row kernels expands or converts. Longer rows end with a step that
/// overlaps the one before, shorter ones are left to plain Rust.
const STEP: usize = 32;

/// Starts of the steps that cover `count` samples, at least [`STEP`] of them.
fn steps(count: usize) -> impl Iterator<Item = usize> {
    let tail = (!count.is_multiple_of(STEP)).then(|| count - STEP);
    (0..count / STEP).map(|n| n * STEP).chain(tail)
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8], at: usize) -> __m256i {
    let bytes = &bytes[at..at + 32];
    // SAFETY: the slice has 32 bytes, and the load does not ask for alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(bytes: &mut [u8], at: usize, vector: __m256i) {
    let bytes = &mut bytes[at..at + 32];
    // SAFETY: the slice has 32 bytes, and the store does not ask for alignment.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vector) }
}

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
    at + bits::find_ff(&bytes[at..])
}

/// The row decoder, compiled for BMI's shifts.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn decode_span_bmi(
    kernels: Avx2,
    scan: &mut Scan<'_>,
    lane: &mut Lane<'_>,
    row: &Row<'_>,
    mcus: Range<usize>,
) -> Result<()> {
    decode_span(kernels, scan, lane, row, mcus)
}

/// The same for what is stepped over.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn skip_two_spans_bmi(lanes: &mut [Lane<'_>; 2], row: &Row<'_>, count: usize) -> Result<()> {
    skip_two_spans(lanes, row, count)
}

/// The reader of one of several scans, likewise.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn read_scan_bmi(job: progressive::Job<'_>) -> Result<usize> {
    progressive::read_scan(job, |bytes| find_ff(bytes))
}

impl Kernels for Avx2 {
    fn find_ff(self) -> fn(&[u8]) -> usize {
        // SAFETY: `self` proves that the CPU has the features.
        |bytes| unsafe { find_ff(bytes) }
    }

    fn decode_span(
        self,
        scan: &mut Scan<'_>,
        lane: &mut Lane<'_>,
        row: &Row<'_>,
        mcus: Range<usize>,
    ) -> Result<()> {
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { decode_span_bmi(self, scan, lane, row, mcus) }
    }

    fn skip_two_spans(self, lanes: &mut [Lane<'_>; 2], row: &Row<'_>, count: usize) -> Result<()> {
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { skip_two_spans_bmi(lanes, row, count) }
    }

    fn read_scan(self, job: progressive::Job<'_>) -> Result<usize> {
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { read_scan_bmi(job) }
    }

    #[inline]
    fn idct_pair(self, blocks: &[Block; 2], targets: [Target<'_>; 2], sparse: bool, out: &mut [u8]) {
        // SAFETY: `self` proves that the CPU has the features.
        unsafe {
            if sparse {
                idct::idct_pair::<true>(blocks, targets, out);
            } else {
                idct::idct_pair::<false>(blocks, targets, out);
            }
        }
    }

    fn h2v1(self, input: &[u8], out: &mut [u8]) {
        if input.len() < STEP + 2 {
            return Scalar.h2v1(input, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { pixels::h2v1(input, out) }
    }

    fn h2v2(self, near: &[u8], far: &[u8], out: &mut [u8]) {
        if near.len() < STEP + 2 {
            return Scalar.h2v2(near, far, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { pixels::h2v2(near, far, out) }
    }

    fn h1v2(self, near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
        if near.len() < STEP {
            return Scalar.h1v2(near, far, bias, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { pixels::h1v2(near, far, bias, out) }
    }

    fn ycc_to_rgb(self, planes: [&[u8]; 3], out: &mut [u8]) {
        if planes[0].len() < STEP {
            return Scalar.ycc_to_rgb(planes, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { pixels::ycc_to_rgb(planes, out) }
    }

    fn interleave(self, planes: [&[u8]; 3], out: &mut [u8]) {
        if planes[0].len() < STEP {
            return Scalar.interleave(planes, out);
        }
        // SAFETY: `self` proves that the CPU has the features.
        unsafe { pixels::interleave(planes, out) }
    }
}

#[cfg(test)]
mod tests;
