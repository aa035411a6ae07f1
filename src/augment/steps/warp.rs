//! Affine and projective maps.

use std::sync::Arc;

use super::{Turn, Warp};
use crate::augment::WarpFilter;
use crate::augment::matrix;
use crate::augment::step::{OnPlane, Placement, PlaneValues, Step, StepImage, StepScratch};
use crate::error::Result;
use crate::geometry::Size;
use crate::kernels::warp;

impl Step for Warp {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let (size, simd) = (image.size(), scratch.simd());
        image.replace(self.size, |source, out| {
            warp::run(self, source, size, out, simd);
        });
        Ok(())
    }

    fn output_size(&self, _: Size) -> Size {
        self.size
    }

    fn replaces(&self) -> bool {
        true
    }

    fn placement(&self, _: Size) -> Placement {
        let warp = *self;
        Placement::Map {
            map: Box::new(move |[x, y]| {
                let (u, v) = warp.forward(x, y)?;
                // The formula maps points behind the camera too, mirrored through the horizon. The
                // denominator of the backward map at the result is positive only in front of it.
                let [.., g, h] = warp.matrix;
                (g * u + h * v + 1.0 > 0.0).then_some([u, v])
            }),
            straight: true,
        }
    }

    fn on_plane(&self, plane: PlaneValues) -> OnPlane {
        if plane.are_labels() {
            OnPlane::instead(Warp {
                filter: WarpFilter::Nearest,
                fill: [plane.fill; 3],
                ..*self
            })
        } else {
            OnPlane::Run
        }
    }
}

/// The step of Pillow's `rotate`, counter-clockwise; `None` for a full turn. Quarters are copied
/// where the size allows it.
pub(in crate::augment) fn rotation(
    degrees: f64,
    size: Size,
    expand: bool,
    filter: WarpFilter,
    fill: [u8; 3],
) -> Option<Arc<dyn Step>> {
    let degrees = degrees.rem_euclid(360.0);
    let square = expand || size.width == size.height;
    if degrees == 0.0 {
        None
    } else if degrees == 180.0 {
        Some(Arc::new(Turn(2)))
    } else if degrees == 90.0 && square {
        Some(Arc::new(Turn(3)))
    } else if degrees == 270.0 && square {
        Some(Arc::new(Turn(1)))
    } else {
        let (map, size) = matrix::rotate(degrees, size, expand);
        Some(Arc::new(Warp::affine(map, filter, fill, size)))
    }
}
