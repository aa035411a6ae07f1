//! Augmentation of single samples: operations on 8-bit RGB pixels.
//!
//! # The life of an op
//!
//! An augmentation passes through four forms, from the line of a recipe to changed pixels:
//!
//! 1. An [`Op`] has the *parameters* of a recipe, such as "an area between 8 % and 100 %". It is
//!    made once, and shared by all workers. For each view of each sample, [`Op::draw`] draws from a
//!    random stream. It sees the size of the image and no pixels.
//! 2. [`Steps`] is the *list under construction* for that view. Ops add to it one after the other,
//!    and each sees the size that the ones before it leave ([`Steps::frame`]). Ops can attach
//!    numbers to the view there ([`Steps::note`]).
//! 3. A [`Step`] is *one pixel operation with all parameters drawn*, such as "crop 300 x 200 pixels
//!    at (40, 12)". The finished list is a [`Program`]. A program can be printed (`explain`),
//!    repeated, run on annotations ([`Joint`]), and asked which part of the image it needs.
//! 4. A *kernel* (`crate::kernels`) does the work of a step on rows of pixels, with the rounding of
//!    a reference library. It does not know of recipes, and of chance only as far as a step carries
//!    a seed. [`Program::run`] calls it.
//!
//! Drawing and running never meet, because of the decoder: it runs between the two, and decodes no
//! more than the crops need. A random crop needs half of a photograph on average, and decoding is
//! most of the work. Ops that draw and change pixels in one call, as in torchvision, would have to
//! see the whole image first.
//!
//! The modules follow these forms: `ops` has the ops (1), `steps` and `step` the list and its
//! elements (2, 3), `program` runs them (3, 4), `shrink` rewrites a program for an image that is
//! decoded at a fraction of its size, and `joint` runs programs on boxes, keypoints and planes.
//!
//! A custom augmentation is an [`Op`] that adds built-in steps, or one that adds [`Step::Custom`]
//! with its own [`Kernel`].

mod entry;
mod joint;
mod matrix;
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
pub use joint::{EraseRule, Joint, KeypointOrigin, PlaneMask};

pub use crate::kernels::threshold::Threshold;
pub use crate::kernels::warp::{Warp, WarpFilter};
pub use crate::kernels::{Dialect, PadMode};
pub use entry::OpEntry;
pub(crate) use entry::{label, take_name};
pub use ops::*;
pub use program::{Program, ProgramScratch};
pub use step::{Paste, PasteBlend, Step};
use step::{PasteDraw, RenderSteps};
pub use steps::{Note, Steps};

use crate::error::{Error, Result};
use crate::geometry::{Rect, Size};
use crate::rng::{Coord, OpKey, RandomStream};

/// An augmentation with its parameters: draws the steps for one view of one sample.
///
/// A custom op implements this trait, is registered by name
/// ([`crate::recipe::Registry::register`]), and then works in recipes, in `explain` and in
/// `preview` like a built-in one.
pub trait Op: Send + Sync + fmt::Debug {
    /// The name of the op in a recipe, in `snake_case`.
    fn name(&self) -> &str;

    /// The parameters as a recipe has them. They are part of the recipe's fingerprint.
    fn params(&self) -> toml::Table;

    /// Checks the parameters. The default accepts all.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter, what was expected and what was found.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the size of the result, if it is the same for every draw and every image of size
    /// `frame`. `frame` is `None` if the size of the input is not known. The default keeps the
    /// size.
    ///
    /// Batches have a fixed shape, so the ops of a view together must end in a known size.
    fn frame(&self, frame: Option<Size>) -> Option<Size> {
        frame
    }

    /// Announces the notes that the op leaves with each view of a batch ([`Steps::note`]): the name
    /// of each note and how many numbers it has. The default is none.
    fn notes(&self) -> Vec<(String, usize)> {
        Vec::new()
    }

    /// Draws the parameters for one image of size [`Steps::frame`], and adds the steps.
    ///
    /// All randomness must come from `rng`, a stream that only this op of this view of this sample
    /// has; then the same seed makes the same batches. Any number of draws may be taken without an
    /// effect on other ops.
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps);
}

/// A custom pixel operation, for [`Step::Custom`]: changes an image in place and keeps its size.
pub trait Kernel: Send + Sync + fmt::Debug {
    /// Changes an image of size `frame`: rows of RGB from the top, without gaps, so
    /// `pixels.len() == frame.width * frame.height * 3`.
    fn apply(&self, pixels: &mut [u8], frame: Size);
}

/// Applies one op to one image, and returns the size and the rows of RGB of the result.
///
/// `rgb` has the rows of an image of `width` x `height` pixels. The parameters are those that a
/// recipe with this seed draws for sample 0 of epoch 0. A range of one value fixes a parameter, so
/// any single effect can be made: `brightness = [1.3, 1.3]`, `p = 1`.
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
            "{} bytes are not an RGB image of {frame} pixels",
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
