//! Steps that overwrite a part of the image or all of it.

use std::fmt;

use super::{Erase, Fill};
use crate::augment::joint::options::EraseRule;
use crate::augment::step::{OnPlane, Placement, PlaneValues, Step, StepImage, StepScratch};
use crate::error::Result;
use crate::geometry::{Rect, Size};
use crate::kernels::erase;
use crate::sample::PlaneKind;

impl Step for Erase {
    fn run(&self, image: &mut StepImage<'_>, _: &mut StepScratch) -> Result<()> {
        let size = image.size();
        erase::run(self, image.in_place(), size);
        Ok(())
    }

    fn placement(&self, _: Size) -> Placement {
        Placement::Covers(Rect {
            left: self.left,
            top: self.top,
            width: self.width,
            height: self.height,
        })
    }

    fn on_plane(&self, plane: PlaneValues) -> OnPlane {
        match plane.kind {
            PlaneKind::Color => OnPlane::Run,
            _ if plane.are_labels() && plane.erase == EraseRule::Ignore => {
                OnPlane::instead(Erase {
                    fill: Fill::Color([plane.fill; 3]),
                    ..*self
                })
            }
            _ => OnPlane::Skip,
        }
    }
}

/// Blacks out the whole image: a view that this sample does not have.
///
/// # Example: black out an image
///
/// ```
/// use feedmill::augment::steps::Blank;
/// use feedmill::augment::{Program, StepScratch, Steps};
/// use feedmill::geometry::{Rect, Size};
///
/// let size = Size::square(8);
/// let program = Program::from(Steps::new(size).with(Blank));
/// let (pixels, end) = (vec![100; 8 * 8 * 3], program.end());
/// let mut out = vec![0; end.area() as usize * 3];
/// program.run(&mut StepScratch::default(), &pixels, Rect::whole(8, 8), &mut out, end)?;
/// assert!(out.iter().all(|level| *level == 0));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blank;

impl fmt::Display for Blank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("blank")
    }
}

impl Step for Blank {
    fn run(&self, image: &mut StepImage<'_>, _: &mut StepScratch) -> Result<()> {
        image.in_place().fill(0);
        Ok(())
    }

    fn placement(&self, _: Size) -> Placement {
        Placement::Gone
    }

    fn on_plane(&self, plane: PlaneValues) -> OnPlane {
        if !plane.are_labels() {
            return OnPlane::Run;
        }
        let Size { width, height } = plane.size;
        OnPlane::instead(Erase {
            left: 0,
            top: 0,
            width,
            height,
            fill: Fill::Color([plane.fill; 3]),
        })
    }
}
