//! Mixing as a plain loop over the definition of a blend. [`apply`] is the oracle for the fast
//! paths of the final pass, and what programs call that mix pixels themselves.

use super::blend::Blend;
use super::term::Of;
use crate::error::{Error, Result};
use crate::geometry::{Point, Size};

/// A channel value of a pixel that can be mixed.
pub trait Value: Copy {
    /// The value as an f32.
    fn to_f32(self) -> f32;
    /// The value nearest to an f32; 8-bit values are rounded half to even.
    fn of_f32(value: f32) -> Self;
}

impl Value for u8 {
    fn to_f32(self) -> f32 {
        f32::from(self)
    }
    fn of_f32(value: f32) -> u8 {
        value.round_ties_even() as u8
    }
}

impl Value for f32 {
    fn to_f32(self) -> f32 {
        self
    }
    fn of_f32(value: f32) -> f32 {
        value
    }
}

/// Mixes images of this size, and returns the mixed image in the same form.
///
/// `sources` holds the images, source 0 first, as rows of pixels of three channel values. Where no
/// source covers a pixel, `fill(level, channel)` turns a level of the blend's color, 0 to 255, into
/// a value; for bytes it returns the level.
///
/// Values are multiplied and added in f32 in the order of [`Blend::terms`]. The operations are
/// never fused, so the result is the same on every machine; 8-bit results are rounded half to even.
///
/// # Errors
///
/// [`crate::Kind::Config`] if there are fewer sources than the blend names, or if an image has
/// another size.
///
/// # Example: mix two images half and half
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::mix::{Blend, apply};
///
/// let (a, b) = ([10u8, 20, 30], [20, 20, 31]);
/// let size = Size::square(1);
/// let mixed = apply(&Blend::Uniform { lam: 0.5 }, size, &[&a, &b], |level, _| level)?;
/// assert_eq!(mixed, [15, 20, 30]);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn apply<T: Value>(
    blend: &Blend,
    size: Size,
    sources: &[&[T]],
    fill: impl Fn(u8, usize) -> T,
) -> Result<Vec<T>> {
    let width = size.width as usize;
    let expected = width * size.height as usize * 3;
    if sources.len() < blend.sources() {
        return Err(Error::config(format!(
            "{} sources for a blend of {}",
            sources.len(),
            blend.sources()
        )));
    }
    if let Some(at) = sources.iter().position(|source| source.len() != expected) {
        return Err(Error::config(format!(
            "source {at}: {} values are not an image of {size} pixels of 3 values",
            sources[at].len()
        )));
    }
    let mut terms = Vec::new();
    let mut out = Vec::with_capacity(expected);
    for y in 0..size.height {
        for x in 0..size.width {
            blend.terms(size, Point::new(x, y), &mut terms);
            for c in 0..3 {
                let value = |of: Of| match of {
                    Of::Source(source, at) => {
                        sources[source][(at.y as usize * width + at.x as usize) * 3 + c]
                    }
                    Of::Fill(color) => fill(color[c], c),
                };
                let mixed = match &terms[..] {
                    // A copy keeps its bits: no arithmetic touches it.
                    [only] if only.weight == 1.0 => value(only.of),
                    terms => T::of_f32(sum(terms
                        .iter()
                        .map(|term| term.weight * value(term.of).to_f32()))),
                };
                out.push(mixed);
            }
        }
    }
    Ok(out)
}

/// The sum in order. It starts with the first value and not with 0, because `0.0 + -0.0` is `0.0`.
fn sum(mut values: impl Iterator<Item = f32>) -> f32 {
    let first = values.next().unwrap_or(0.0);
    values.fold(first, |sum, value| sum + value)
}
