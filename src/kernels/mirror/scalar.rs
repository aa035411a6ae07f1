//! A mirrored row in plain code.

/// Writes the pixels of `row` in the opposite order.
pub(super) fn mirror(row: &[[u8; 3]], out: &mut [[u8; 3]]) {
    let pixels = out.iter_mut().zip(row.iter().rev());
    pixels.for_each(|(out, pixel)| *out = *pixel);
}
