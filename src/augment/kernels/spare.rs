//! Memory that steps need for a moment.

use super::filter::Tap;
use super::frequency::Matrices;
use super::poisson::Poisson;

/// Buffers that a worker keeps from sample to sample, so that steps allocate nothing. What they hold means nothing to the
/// next step.
#[derive(Debug, Default)]
pub(in crate::augment) struct Spare {
    /// Whether vector code may be used, which gives the same bytes.
    pub(in crate::augment) simd: bool,
    pub(in crate::augment) bytes: Vec<u8>,
    pub(in crate::augment) more_bytes: Vec<u8>,
    pub(in crate::augment) counts: Vec<u32>,
    pub(in crate::augment) levels: Vec<i16>,
    pub(in crate::augment) plane: Vec<f32>,
    pub(in crate::augment) field: Vec<f32>,
    pub(in crate::augment) more_field: Vec<f32>,
    pub(in crate::augment) middle: Vec<f32>,
    pub(in crate::augment) weights: Vec<f32>,
    pub(in crate::augment) taps: Vec<Tap>,
    pub(in crate::augment) poisson: Poisson,
    pub(in crate::augment) doubles: Vec<f64>,
    pub(super) matrices: Matrices,
}

impl Spare {
    pub(in crate::augment) fn new(simd: bool) -> Spare {
        Spare { simd, ..Spare::default() }
    }
}

/// The buffer with this length; what it holds is left over.
pub(in crate::augment) fn sized<T: Copy + Default>(buffer: &mut Vec<T>, length: usize) -> &mut [T] {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
    &mut buffer[..length]
}
