//! Memory that steps need for a moment.

use super::filter::Tap;
use super::frequency::Matrices;
use super::poisson::Poisson;

/// Buffers that a worker keeps from sample to sample, so that steps allocate nothing. What they
/// hold means nothing to the next step.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    /// Whether vector code may be used, which gives the same bytes.
    pub(crate) simd: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) more_bytes: Vec<u8>,
    pub(crate) counts: Vec<u32>,
    pub(crate) levels: Vec<i16>,
    pub(crate) plane: Vec<f32>,
    pub(crate) field: Vec<f32>,
    pub(crate) more_field: Vec<f32>,
    pub(crate) middle: Vec<f32>,
    pub(crate) weights: Vec<f32>,
    pub(crate) taps: Vec<Tap>,
    pub(crate) poisson: Poisson,
    pub(crate) doubles: Vec<f64>,
    pub(super) matrices: Matrices,
}

impl Spare {
    pub(crate) fn new(simd: bool) -> Spare {
        Spare {
            simd,
            ..Spare::default()
        }
    }
}

/// The buffer with this length; what it holds is left over.
pub(crate) fn sized<T: Copy + Default>(buffer: &mut Vec<T>, length: usize) -> &mut [T] {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
    &mut buffer[..length]
}
