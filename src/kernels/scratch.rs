//! Raw memory that kernels need for a moment.

/// Buffers that a worker keeps from image to image, so that kernels do not allocate.
///
/// A kernel may find anything in them and may leave anything behind. What one kernel has to
/// remember from image to image, such as a table, it keeps in a type of its own.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) more_bytes: Vec<u8>,
    pub(crate) counts: Vec<u32>,
    pub(crate) levels: Vec<i16>,
    pub(crate) plane: Vec<f32>,
    pub(crate) field: Vec<f32>,
    pub(crate) more_field: Vec<f32>,
    pub(crate) middle: Vec<f32>,
    pub(crate) weights: Vec<f32>,
    pub(crate) doubles: Vec<f64>,
}

/// The first `length` values of a buffer, which grows if it is shorter. Their content is left over
/// from an earlier use.
pub(crate) fn sized<T: Copy + Default>(buffer: &mut Vec<T>, length: usize) -> &mut [T] {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
    &mut buffer[..length]
}
