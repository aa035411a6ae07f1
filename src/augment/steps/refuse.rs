//! Refuses an image that an op cannot take.

use std::fmt;

use crate::augment::step::{Step, StepImage, StepScratch};
use crate::error::{Error, Result};
use crate::geometry::Size;

/// Makes the sample a bad one, with a reason. An op adds it if an image is not of the form that it
/// needs.
///
/// # Example: an op that needs square images
///
/// ```
/// use feedmill::augment::steps::Refuse;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::new(4, 2);
/// let program = Program::from(Steps::new(size).with(Refuse::new(size, "not a square")));
/// let (mut scratch, mut out) = (StepScratch::default(), vec![0; 4 * 2 * 3]);
/// let error = program
///     .run(&mut scratch, &[0; 4 * 2 * 3], Rect::whole(4, 2), &mut out, size)
///     .unwrap_err();
/// assert!(error.to_string().contains("not a square"));
/// ```
#[derive(Clone, Debug)]
pub struct Refuse {
    size: Size,
    reason: String,
}

impl Refuse {
    /// The step of an op that would have made an image of this size.
    pub fn new(size: Size, reason: impl Into<String>) -> Refuse {
        Refuse {
            size,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Refuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.reason)
    }
}

impl Step for Refuse {
    fn run(&self, _: &mut StepImage<'_>, _: &mut StepScratch) -> Result<()> {
        Err(Error::corrupt(self.reason.clone()))
    }

    fn output_size(&self, _: Size) -> Size {
        self.size
    }

    fn replaces(&self) -> bool {
        true
    }
}
