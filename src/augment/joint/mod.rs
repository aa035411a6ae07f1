//! Boxes, keypoints and planes follow the image through the steps.
//!
//! A view's steps are drawn once. [`Program`] runs them on the image, and [`Joint::apply`] runs the
//! same steps on the annotations. The two runs are separate, because the image's run sees only the
//! part that was decoded, while annotations always are in coordinates of the whole image; and
//! because a recipe without `[joint]` then pays nothing.
//!
//! * `places` moves points and boxes, in f64: each step is a map of points, or leaves them alone.
//! * `planes` moves planes (masks, instances, depth, further images) through the image's own
//!   kernels, so that a mask cannot disagree with its image by another rounding.
//! * a step that changes annotations beyond moving them does so itself ([`Annotate`]): objects
//!   that are pasted bring their own boxes, and hide others (`occlusion`). `exchange` is the same
//!   for a mixer that pastes objects of another image.
//!
//! Coordinates are continuous, in pixels of the present image: x to the right, y down, 0 at the
//! edge of the first pixel. So the last pixel ends at the width, and a mirror image takes x to
//! `W - x` without an offset. Keypoints of data sets that count pixel centers are converted at
//! both ends ([`KeypointOrigin`]).
mod exchange;
pub(super) mod occlusion;
pub(super) mod options;
mod places;
mod planes;
pub(super) mod state;

use std::sync::Arc;

pub use options::{EraseRule, Joint, KeypointOrigin};
use state::AnnotationState;

use super::program::Program;
use super::step::{Step, StepScratch};
use crate::error::Result;
use crate::sample::Annotations;

impl Joint {
    /// Returns the annotations of the image that `program` makes from the image of `annotations`.
    ///
    /// Planes are decoded pixels; a plane of another resolution than the image's is resized first.
    /// Every plane of the result has the size of the view.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Corrupt`] as [`Annotations::check`], and if a plane is encoded; the error of
    /// a step.
    pub fn apply(
        &self,
        program: &Program,
        annotations: &Annotations,
        scratch: &mut StepScratch,
    ) -> Result<Annotations> {
        annotations.check()?;
        let mut state = AnnotationState::new(self, annotations, program.begin());
        state.run(program.steps(), scratch)?;
        Ok(state.finish())
    }
}

impl AnnotationState<'_> {
    /// Runs the steps on everything that is annotated.
    fn run(&mut self, steps: &[Arc<dyn Step>], scratch: &mut StepScratch) -> Result<()> {
        if steps.is_empty() {
            // Planes of another resolution still have to be resized to the image's.
            return self.move_planes(&[], scratch);
        }
        // Planes take several steps in one run. A step that changes annotations itself needs all of
        // them where the image is at that point, so it ends a run.
        for part in steps.split_inclusive(|step| step.annotate().is_some()) {
            self.move_planes(part, scratch)?;
            part.iter().for_each(|step| self.place(&**step));
            if let Some(step) = part.last().and_then(|step| step.annotate()) {
                step.annotate(self, scratch)?;
            }
        }
        Ok(())
    }

    /// Moves all planes through steps that begin with the present image.
    fn move_planes(&mut self, steps: &[Arc<dyn Step>], scratch: &mut StepScratch) -> Result<()> {
        let (joint, size) = (self.joint, self.size);
        let mut planes = self.planes.iter_mut();
        planes.try_for_each(|plane| planes::run(joint, steps, plane, size, scratch))
    }
}
