//! Hides patches of a plane, for models that learn to complete it: AiT (Ning et al., 2023).
//!
//! Unlike a mask of tokens, which the model applies, the hidden values are taken out here, in a
//! copy of the plane: the original stays in the batch as the target. The step changes no pixel of
//! the image.

use std::fmt;

use crate::augment::joint::state::{Annotate, AnnotationState};
use crate::augment::step::{Step, StepImage, StepScratch};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::Plane;

/// A step that sets patches of a plane of one channel to 0 in a copy named `NAME.masked`; the plane
/// itself stays as it is.
///
/// # Example: hide two patches of a plane
///
/// ```
/// use feedmill::augment::steps::PlaneMask;
///
/// let step = PlaneMask::new("depth", 16, vec![0, 5]);
/// assert_eq!((step.patch, step.cells.len()), (16, 2));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlaneMask {
    /// The name of the plane.
    pub plane: String,
    /// The side of a patch in pixels; the sides of the view are multiples of it.
    pub patch: u32,
    /// The numbers of the patches to hide, counted row by row from 0.
    pub cells: Vec<u32>,
}

impl PlaneMask {
    /// Returns the step for the plane of this name, with patches of `patch` x `patch` pixels and
    /// the numbers of those that become 0, row by row from 0.
    pub fn new(plane: impl Into<String>, patch: u32, cells: Vec<u32>) -> PlaneMask {
        PlaneMask {
            plane: plane.into(),
            patch,
            cells,
        }
    }
}

impl fmt::Display for PlaneMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "plane_mask plane={} patch={} cells={:?}",
            self.plane, self.patch, self.cells
        )
    }
}

impl Step for PlaneMask {
    fn run(&self, _: &mut StepImage<'_>, _: &mut StepScratch) -> Result<()> {
        Ok(())
    }

    fn annotate(&self) -> Option<&dyn Annotate> {
        Some(self)
    }
}

impl Annotate for PlaneMask {
    /// Adds the masked copy to the planes.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if there is no such plane, it has more than one channel, its sides
    /// are not multiples of `patch`, or the name of the copy is taken.
    fn annotate(&self, state: &mut AnnotationState<'_>, _: &mut StepScratch) -> Result<()> {
        let Size { width, height } = state.size;
        let at = |text: String| Err(Error::config(format!("op \"plane_mask\": {text}")));
        if width % self.patch != 0 || height % self.patch != 0 {
            return at(format!(
                "the plane has {width} x {height} pixels; expected multiples of patch = {}",
                self.patch
            ));
        }
        let Some(plane) = state.planes.iter().find(|plane| plane.name == self.plane) else {
            let known: Vec<&str> = state.planes.iter().map(|plane| &plane.name[..]).collect();
            return at(format!(
                "the sample has no plane \"{}\" (there are: {})",
                self.plane,
                known.join(", ")
            ));
        };
        if plane.kind.channels() != 1 {
            return at(format!(
                "the plane \"{}\" has {} channels, expected 1",
                self.plane,
                plane.kind.channels()
            ));
        }
        let name = format!("{}.masked", self.plane);
        if state.planes.iter().any(|plane| plane.name == name) {
            return at(format!("there is a plane \"{name}\" already"));
        }
        let mut pixels = plane.bytes.to_vec();
        let columns = width / self.patch;
        for cell in &self.cells {
            let (left, top) = (cell % columns * self.patch, cell / columns * self.patch);
            for row in pixels
                .chunks_exact_mut(width as usize)
                .skip(top as usize)
                .take(self.patch as usize)
            {
                row[left as usize..][..self.patch as usize].fill(0);
            }
        }
        let masked = Plane::raw(name, plane.kind, Size { width, height }, pixels);
        state.planes.push(masked);
        Ok(())
    }
}
