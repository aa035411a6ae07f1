//! Blends of a value with that of a degenerate image: black, the mean gray, or the gray image.

/// Pillow's `Image.blend`: truncated if the factor is in [0, 1], clipped beyond.
pub(crate) fn blend(degenerate: u8, value: u8, factor: f32) -> u8 {
    let (from, to) = (f32::from(degenerate), f32::from(value));
    // `as` truncates and saturates, which is both rules at once.
    (from + factor * (to - from)) as u8
}

/// torchvision's `_blend` of a u8 tensor: `f * x + (1 - f) * d` in f32, clamped and truncated.
///
/// torch fuses the second product with the sum. f64 holds that product exactly, so rounding once to
/// f32 afterwards returns the same value on every processor.
pub(super) fn blend_tv2(degenerate: f32, value: u8, factor: f64) -> u8 {
    let (own, other) = (f32::from(value) * factor as f32, (1.0 - factor) as f32);
    (f64::from(own) + f64::from(degenerate) * f64::from(other)) as f32 as u8
}
