//! What a step is: one change of an image with every parameter drawn.
//!
//! A step says four things about itself, and nothing else in the crate knows which steps there
//! are:
//!
//! * what it does to **pixels** ([`Step::run`] on a [`StepImage`]);
//! * what it does to **places** such as boxes and keypoints ([`Step::placement`]);
//! * what it does to **planes** such as masks ([`Step::on_plane`]);
//! * how it **merges** with its neighbors ([`Step::merge`]), so that crops reach the decoder and
//!   consecutive tables become one.
//!
//! The steps themselves are in [`super::steps`].

mod image;
mod run;
mod scratch;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub use image::StepImage;
pub(in crate::augment) use image::bytes;
pub(in crate::augment) use run::{render, run_steps};
pub use scratch::StepScratch;

/// A list of steps, for tests.
#[cfg(test)]
macro_rules! step_list {
    ($($step:expr),* $(,)?) => {
        vec![$(std::sync::Arc::new($step) as std::sync::Arc<dyn $crate::augment::Step>),*]
    };
}
#[cfg(test)]
pub(in crate::augment) use step_list;

use super::joint::options::EraseRule;
use super::joint::state::Annotate;
use crate::error::Result;
use crate::geometry::{Rect, Size};
use crate::kernels::border::PadMode;
use crate::kernels::levels::Levels;
use crate::sample::PlaneKind;

/// One change of an image, with every parameter drawn. `explain` prints its `Display` form.
///
/// # Example: a custom step
///
/// ```
/// use std::fmt;
///
/// use feedmill::augment::{Step, StepImage, StepScratch};
///
/// /// Halves every value.
/// #[derive(Debug)]
/// struct Darken;
///
/// impl fmt::Display for Darken {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("darken")
///     }
/// }
///
/// impl Step for Darken {
///     fn run(&self, image: &mut StepImage<'_>, _: &mut StepScratch) -> feedmill::Result<()> {
///         image.in_place().iter_mut().for_each(|value| *value /= 2);
///         Ok(())
///     }
/// }
/// ```
pub trait Step: Any + Send + Sync + fmt::Debug + fmt::Display {
    /// Changes the pixels.
    ///
    /// # Errors
    ///
    /// Whatever keeps the step from running; the sample is then a bad one.
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()>;

    /// Returns the size of the image after the step, for one of this size before it. The default
    /// keeps the size.
    fn output_size(&self, size: Size) -> Size {
        size
    }

    /// True if [`Step::run`] writes another image ([`StepImage::replace`]) instead of changing the
    /// image in place. The default is false.
    fn replaces(&self) -> bool {
        false
    }

    /// Returns where the points of an image of this size go. The default leaves them where they
    /// are.
    fn placement(&self, size: Size) -> Placement {
        let _ = size;
        Placement::Same
    }

    /// Returns what happens to a plane, such as a mask. By default, steps that move points are run
    /// on all planes, and others on color planes only.
    ///
    /// A step that moves points and mixes pixels has to answer with one that does not mix for
    /// planes whose values are labels ([`PlaneValues::are_labels`]).
    fn on_plane(&self, plane: PlaneValues) -> OnPlane {
        let moves = !matches!(
            self.placement(plane.size),
            Placement::Same | Placement::Covers(_)
        );
        if moves || plane.kind == PlaneKind::Color {
            OnPlane::Run
        } else {
            OnPlane::Skip
        }
    }

    /// Returns how the step merges with its neighbors. The default does not.
    fn merge(&self) -> Merge<'_> {
        Merge::No
    }

    /// Returns what changes annotations beyond moving them; nothing by default.
    #[doc(hidden)]
    fn annotate(&self) -> Option<&dyn Annotate> {
        None
    }
}

impl dyn Step {
    /// The step as a `T`, if it is one.
    pub fn downcast_ref<T: Step>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}

/// What a step does to the places of an image.
///
/// Coordinates are in pixels, x to the right and y down, 0 at the edge of the first pixel.
#[non_exhaustive]
pub enum Placement {
    /// All points stay where they are.
    Same,
    /// Adds to x and y.
    Shift([f64; 2]),
    /// Multiplies x and y.
    Scale([f64; 2]),
    /// Swaps left and right.
    MirrorColumns,
    /// Swaps top and bottom.
    MirrorRows,
    /// Turns clockwise by this many quarters.
    Turn(u8),
    /// Maps each point; `None` for a point without a place in the new image.
    Map {
        /// The map.
        map: Box<dyn Fn([f64; 2]) -> Option<[f64; 2]>>,
        /// Whether straight lines stay straight, so that the corners of a box are enough.
        straight: bool,
    },
    /// Points stay, and those in the rectangle are covered.
    Covers(Rect),
    /// Nothing of the image is left.
    Gone,
}

impl fmt::Debug for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Placement::Same => f.write_str("Same"),
            Placement::Shift(by) => write!(f, "Shift({by:?})"),
            Placement::Scale(by) => write!(f, "Scale({by:?})"),
            Placement::MirrorColumns => f.write_str("MirrorColumns"),
            Placement::MirrorRows => f.write_str("MirrorRows"),
            Placement::Turn(quarters) => write!(f, "Turn({quarters})"),
            Placement::Map { straight, .. } => write!(f, "Map {{ straight: {straight} }}"),
            Placement::Covers(rect) => write!(f, "Covers({rect:?})"),
            Placement::Gone => f.write_str("Gone"),
        }
    }
}

/// A plane that a step may have to change.
///
/// # Example: planes that a step may not interpolate
///
/// ```
/// use feedmill::augment::{OnPlane, PlaneValues};
///
/// /// What [`Step::on_plane`](feedmill::augment::Step::on_plane) may answer.
/// fn on_plane(plane: PlaneValues) -> OnPlane {
///     if plane.are_labels() { OnPlane::Skip } else { OnPlane::Run }
/// }
/// # let _ = on_plane;
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PlaneValues {
    /// What the values are.
    pub kind: PlaneKind,
    /// The size of the image and of the plane before the step.
    pub size: Size,
    /// The value of labels where the image has no pixel.
    pub fill: u8,
    /// What erased rectangles do to labels.
    pub erase: EraseRule,
}

impl PlaneValues {
    /// True if the values must not be mixed: a mean of two classes is not a class.
    pub fn are_labels(&self) -> bool {
        self.kind.channels() == 1
    }
}

/// What happens to a plane where its image goes through a step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OnPlane {
    /// Nothing.
    Skip,
    /// It goes through the same step.
    Run,
    /// It goes through this step instead.
    Instead(Arc<dyn Step>),
}

impl OnPlane {
    /// It goes through this step instead.
    pub fn instead(step: impl Step) -> OnPlane {
        OnPlane::Instead(Arc::new(step))
    }
}

/// How a step merges with its neighbors.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Merge<'a> {
    /// Not at all.
    No,
    /// It cuts out a rectangle. The crops and mirror images at the beginning of a program become
    /// one crop, of which the decoder delivers the pixels.
    Crop {
        /// The first column; negative if it begins in the padding.
        left: i64,
        /// The first row; negative if it begins in the padding.
        top: i64,
        /// The size of the rectangle.
        size: Size,
        /// The pixels outside the image.
        pad: PadMode,
    },
    /// It mirrors left and right.
    MirrorColumns,
    /// It mirrors top and bottom.
    MirrorRows,
    /// It is a resize that takes the mean of the pixels that it leaves out, so its image may come
    /// from a smaller one.
    Mean,
    /// It is a table of values. Consecutive tables become one.
    Levels(&'a Levels),
}
