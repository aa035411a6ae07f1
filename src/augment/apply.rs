//! One op on one image.

use super::{Op, Program, StepScratch, Steps};
use crate::cpu::Simd;
use crate::error::{Error, Result};
use crate::geometry::{Rect, Size};
use crate::rng::{Coord, OpKey, RandomStream};

/// Applies one op to one image, and returns the size and the rows of RGB of the result.
///
/// `rgb` has the rows of an image of this size. The parameters are those that a recipe with this
/// seed draws for sample 0 of epoch 0. A range of one value fixes a parameter, so any single effect
/// can be made: `brightness = [1.3, 1.3]`, `p = 1`.
///
/// # Errors
///
/// [`crate::Kind::Config`] if the op's parameters are out of range, or `rgb` is not `width * height
/// * 3` bytes and at least one pixel; the error of a step; [`crate::Kind::Limit`] as in [`Program::check_size`].
///
/// # Example: brighten one pixel
///
/// ```
/// use feedmill::augment;
/// use feedmill::augment::ops::Brightness;
/// use feedmill::geometry::Size;
///
/// let one_pixel = Size { width: 1, height: 1 };
/// let (size, rgb) = augment::apply(&Brightness::new(1.5), 7, one_pixel, &[10, 100, 200])?;
/// assert_eq!((size, &rgb[..]), (one_pixel, &[15, 150, 255][..]));
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn apply(op: &dyn Op, seed: u64, size: Size, rgb: &[u8]) -> Result<(Size, Vec<u8>)> {
    op.validate()
        .map_err(|error| error.at(format_args!("op \"{}\"", op.name())))?;
    if rgb.is_empty() || rgb.len() as u64 != u64::from(size.width) * u64::from(size.height) * 3 {
        return Err(Error::config(format!(
            "{} bytes are not an RGB image of {size} pixels",
            rgb.len()
        )));
    }
    let at = Coord {
        epoch: 0,
        sample: 0,
        occurrence: 0,
        view: 0,
        op: OpKey::of(op.name()),
    };
    let mut steps = Steps::new(size);
    op.draw(&mut RandomStream::keyed(seed, at), &mut steps);
    let program = Program::from(steps);
    program.check_size()?;
    let end = program.end();
    let mut out = vec![0; end.width as usize * end.height as usize * 3];
    program.run(
        &mut StepScratch::new(Simd::detect()),
        rgb,
        Rect::whole(size.width, size.height),
        &mut out,
        end,
    )?;
    Ok((end, out))
}
