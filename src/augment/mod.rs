//! Per-sample operations on 8-bit RGB pixels.
//!
//! An operation is two things that never meet: [`Op::draw`] chooses parameters and sees sizes only,
//! so the decoder can be told what will be needed before a pixel exists; [`Step`]s say what is to
//! be done, and [`Program`] does it.

mod entry;
mod joint;
mod ops;
mod params;
mod program;
mod shrink;
mod step;
mod steps;

use std::fmt;

pub use crate::kernels::blur::Blur;
pub use crate::kernels::clahe::Clahe;
pub use crate::kernels::color::{Color, Hsv};
pub use crate::kernels::convolve::Convolve;
pub use crate::kernels::corrupt::{Corrupt, Corruption, CorruptionSet};
pub use crate::kernels::edges::Edges;
pub use crate::kernels::elastic::Elastic;
pub use crate::kernels::erase::{Erase, Fill};
pub use crate::kernels::levels::Levels;
pub use crate::kernels::noise::{BetaMask, Noise, Shapes};
pub use crate::kernels::noise_distribution::NoiseDistribution;
pub use crate::kernels::resample::Filter;
pub use joint::{EraseRule, Joint, KeypointOrigin, Paste, PasteBlend, PlaneMask};

pub use crate::kernels::threshold::Threshold;
pub use crate::kernels::warp::{Warp, WarpFilter};
pub use crate::kernels::{Dialect, PadMode};
pub use entry::OpEntry;
pub(crate) use entry::{label, take_name};
pub use ops::*;
pub use program::{Program, ProgramScratch};
pub use step::Step;
pub use steps::{Note, Steps};

use crate::error::{Error, Result};
use crate::geometry::{Rect, Size};
use crate::rng::{Coord, OpKey, RandomStream};

/// An operation of a recipe.
///
/// Users implement it, register it by name ([`crate::recipe::Registry::register`]) and use it in recipes, in
/// `explain` and in `preview` like a built-in one.
pub trait Op: Send + Sync + fmt::Debug {
    /// The name in a recipe, in `snake_case`.
    fn name(&self) -> &str;

    /// The parameters as they would stand in a recipe; they are part of the recipe's fingerprint.
    fn params(&self) -> toml::Table;

    /// Checks the parameters.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter, what was expected and what was found.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The size that comes out if that is known without seeing the image; `frame` is the size that
    /// goes in, if known.
    fn frame(&self, frame: Option<Size>) -> Option<Size> {
        frame
    }

    /// The numbers that it leaves with each view of a batch ([`Steps::note`]): names and how many
    /// there are of each.
    fn notes(&self) -> Vec<(String, usize)> {
        Vec::new()
    }

    /// Draws the parameters for one image of size [`Steps::frame`] and adds the steps to be
    /// done. All randomness comes from `rng`.
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps);
}

/// A pixel operation of a user's op: changes an image in place, keeping its size.
pub trait Kernel: Send + Sync + fmt::Debug {
    /// Changes rows of RGB; `pixels.len() == frame.width * frame.height * 3`.
    fn apply(&self, pixels: &mut [u8], frame: Size);
}

/// Applies one op to one image: rows of RGB in, the size and rows of RGB that come out.
///
/// The parameters are those that a recipe with this seed draws for sample 0 of epoch 0. A range of
/// one value fixes a parameter, so that any single effect can be had: `brightness = [1.3, 1.3]`, `p
/// = 1`.
///
/// # Errors
///
/// [`crate::Kind::Config`] if the op's parameters are out of range, or `rgb` is not `width * height
/// * 3` bytes and at least one pixel; [`crate::Kind::Limit`] as in [`Program::check_size`].
///
/// # Example
///
/// ```
/// use feedmill::augment::{self, ColorJitter};
/// use feedmill::geometry::Size;
///
/// let brighter = ColorJitter::new([1.5, 1.5], 0.0, 0.0, 0.0);
/// let (frame, rgb) = augment::apply(&brighter, 7, 1, 1, &[10, 100, 200])?;
/// assert_eq!((frame, &rgb[..]), (Size { width: 1, height: 1 }, &[15, 150, 255][..]));
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn apply(
    op: &dyn Op,
    seed: u64,
    width: u32,
    height: u32,
    rgb: &[u8],
) -> Result<(Size, Vec<u8>)> {
    op.check()
        .map_err(|error| error.at(format_args!("op \"{}\"", op.name())))?;
    let frame = Size { width, height };
    if rgb.is_empty() || rgb.len() as u64 != u64::from(width) * u64::from(height) * 3 {
        return Err(Error::config(format!(
            "{} bytes are no RGB image of {frame} pixels",
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
    let mut steps = Steps::new(frame);
    op.draw(&mut RandomStream::keyed(seed, at), &mut steps);
    let program = Program::from(steps);
    program.check_size()?;
    let end = program.end();
    let mut out = vec![0; end.width as usize * end.height as usize * 3];
    program.run(
        &mut ProgramScratch::new(crate::cpu::Simd::detect()),
        rgb,
        Rect::whole(width, height),
        &mut out,
        end,
    )?;
    Ok((end, out))
}
