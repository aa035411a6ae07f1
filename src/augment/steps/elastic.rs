//! Moves pixels by a smooth random field.

use super::Elastic;
use crate::augment::step::{OnPlane, Placement, PlaneValues, Step, StepImage, StepScratch};
use crate::error::Result;
use crate::geometry::Size;
use crate::kernels::elastic;
use crate::kernels::scratch::Scratch;

impl Step for Elastic {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        elastic::run(self, image.in_place(), size, scratch.buffers().0);
        Ok(())
    }

    fn placement(&self, size: Size) -> Placement {
        let field = DisplacementField::of(self, size);
        Placement::Map {
            map: Box::new(move |point| Some(field.forward(point))),
            straight: false,
        }
    }

    fn on_plane(&self, plane: PlaneValues) -> OnPlane {
        if plane.are_labels() {
            OnPlane::instead(Elastic {
                nearest: true,
                fill: [plane.fill; 3],
                ..*self
            })
        } else {
            OnPlane::Run
        }
    }
}

/// The backward map of an elastic step: how far to the right and down of itself each pixel of the
/// new image reads.
struct DisplacementField {
    size: Size,
    /// All offsets to the right, row by row, then all offsets down.
    offsets: Vec<f32>,
}

impl DisplacementField {
    fn of(elastic: &Elastic, size: Size) -> DisplacementField {
        DisplacementField {
            size,
            offsets: elastic::field(elastic, size, &mut Scratch::default()).to_vec(),
        }
    }

    /// The offsets to the right and down at a point, interpolated bilinearly between pixel centers.
    fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (w, h) = (self.size.width as usize, self.size.height as usize);
        let split = |at: f64, side: usize| {
            let at = (at - 0.5).clamp(0.0, (side - 1) as f64);
            let first = at.floor() as usize;
            (first, (first + 1).min(side - 1), at - at.floor())
        };
        let ((left, right, dx), (top, bottom, dy)) = (split(x, w), split(y, h));
        let read =
            |part: usize, x: usize, y: usize| f64::from(self.offsets[(part * h + y) * w + x]);
        [0, 1].map(|part| {
            let along = |y: usize| read(part, left, y) * (1.0 - dx) + read(part, right, y) * dx;
            along(top) * (1.0 - dy) + along(bottom) * dy
        })
    }

    /// The point of the new image that reads from `from`: the solution of `to + offset(to) = from`.
    ///
    /// The iteration `to = from - offset(to)` converges to it where the field changes by less than
    /// one pixel for each pixel, which smoothing makes it do; each round shrinks the error by the
    /// field's slope. Eight rounds are fixed, so that the result does not depend on a tolerance.
    fn forward(&self, from: [f64; 2]) -> [f64; 2] {
        let mut to = from;
        for _ in 0..8 {
            let [dx, dy] = self.at(to);
            to = [from[0] - dx, from[1] - dy];
        }
        to
    }
}
