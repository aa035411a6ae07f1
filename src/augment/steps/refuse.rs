//! Refuses an image that an op cannot take.

use std::fmt;

use crate::augment::step::{Step, StepImage, StepScratch};
use crate::error::{Error, Result};
use crate::geometry::Size;

/// Makes the sample a bad one, with a reason. An op adds it if an image is not of the form that it
/// needs.
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
