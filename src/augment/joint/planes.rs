//! Moves planes through the steps of the image.
//!
//! A plane is a value for each pixel: a mask, instances, depth, or a further image. It goes through
//! the image's own steps and kernels. Each step says what it does to a plane of this kind
//! ([`Step::on_plane`]):
//!
//! * a *color* plane takes every step except for pasting, which brings its own pixels;
//! * an *image* plane (such as infrared) takes the steps that move pixels, as they are;
//! * *labels* (masks, instances, depth) take the steps that move pixels with nearest neighbors,
//!   because a mean of two classes is not a class, and with a fixed value outside.

use std::sync::Arc;

use super::options::Joint;
use crate::augment::Filter;
use crate::augment::step::{OnPlane, PlaneValues, Step, StepScratch, render};
use crate::augment::steps::Resize;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::{Plane, PlaneKind};

/// Moves a plane through steps that begin with an image of size `frame`.
///
/// A plane of another resolution is resized to the image's first, so that a crop takes the same
/// share of it.
///
/// # Errors
///
/// [`crate::Kind::Corrupt`] if the plane is encoded; the error of a step.
pub(super) fn run(
    joint: &Joint,
    steps: &[Arc<dyn Step>],
    plane: &mut Plane,
    frame: Size,
    scratch: &mut StepScratch,
) -> Result<()> {
    let Some(Size { width, height }) = plane.size() else {
        return Err(Error::corrupt(format!(
            "plane \"{}\": {:?} where raw pixels are expected",
            plane.name, plane.codec
        )));
    };
    let own = Size { width, height };
    let mut list: Vec<Arc<dyn Step>> = Vec::with_capacity(steps.len() + 1);
    if own != frame {
        list.push(Arc::new(Resize {
            size: frame,
            filter: filter(plane.kind),
        }));
    }
    let mut size = frame;
    for step in steps {
        let values = PlaneValues {
            kind: plane.kind,
            size,
            fill: match plane.kind {
                PlaneKind::Mask => joint.ignore,
                _ => 0,
            },
            erase: joint.erase,
        };
        match step.on_plane(values) {
            OnPlane::Skip => {}
            OnPlane::Run => list.push(Arc::clone(step)),
            OnPlane::Instead(step) => list.push(step),
        }
        size = step.output_size(size);
    }
    if list.is_empty() {
        return Ok(());
    }
    let one = plane.kind.channels() == 1;
    // A plane of one channel goes through the image's kernels as three equal channels. That costs
    // three times the work, but cannot disagree with the image by a rounding of its own.
    let wide: Vec<u8> = if one {
        plane.bytes.iter().flat_map(|&value| [value; 3]).collect()
    } else {
        Vec::new()
    };
    let pixels = if one { &wide } else { &plane.bytes[..] };
    let (end, mut out) = render(&list, own, pixels, scratch)?;
    if one {
        out = out.into_iter().step_by(3).collect();
    }
    *plane = Plane::raw(std::mem::take(&mut plane.name), plane.kind, end, out);
    Ok(())
}

/// The filter that brings a plane to the image's resolution.
fn filter(kind: PlaneKind) -> Filter {
    if kind.channels() == 1 {
        Filter::Nearest
    } else {
        Filter::Bilinear
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::PadMode;
    use crate::augment::step::step_list;
    use crate::augment::steps::{Crop, Levels, Mirror};

    fn run_on(plane: &Plane, steps: Vec<Arc<dyn Step>>, frame: Size) -> Plane {
        let mut plane = plane.clone();
        run(
            &Joint::default(),
            &steps,
            &mut plane,
            frame,
            &mut StepScratch::new(crate::cpu::Simd::detect()),
        )
        .unwrap();
        plane
    }

    #[test]
    fn labels_are_never_mixed_and_padding_is_ignored() {
        let frame = Size {
            width: 4,
            height: 2,
        };
        let mask = Plane::raw(
            "mask",
            PlaneKind::Mask,
            Size::new(4, 2),
            vec![1, 1, 9, 9, 1, 1, 9, 9],
        );
        let resize = Resize {
            size: Size {
                width: 6,
                height: 4,
            },
            filter: Filter::Bicubic,
        };
        let pad = Crop {
            left: -1,
            top: 0,
            size: Size {
                width: 8,
                height: 4,
            },
            pad: PadMode::Constant([7; 3]),
        };
        let found = run_on(&mask, step_list![resize, pad], frame);
        assert_eq!(found.bytes[..8], [255, 1, 1, 1, 9, 9, 9, 255]);
        let instances = Plane {
            kind: PlaneKind::Instances,
            ..mask.clone()
        };
        assert_eq!(
            run_on(&instances, step_list![pad], frame).bytes[..8],
            [0, 1, 1, 9, 9, 0, 0, 0]
        );
    }

    #[test]
    fn only_color_planes_take_color_steps() {
        let frame = Size {
            width: 2,
            height: 1,
        };
        let image = Plane::raw(
            "infrared",
            PlaneKind::Image,
            Size::new(2, 1),
            vec![1, 2, 3, 4, 5, 6],
        );
        let flipped = run_on(&image, step_list![Mirror::Columns, Levels::Invert], frame);
        assert_eq!(flipped.bytes[..], [4, 5, 6, 1, 2, 3]);
        let color = Plane {
            kind: PlaneKind::Color,
            ..image
        };
        assert_eq!(
            run_on(&color, step_list![Levels::Invert], frame).bytes[..],
            [254, 253, 252, 251, 250, 249]
        );
    }

    #[test]
    fn a_plane_of_another_resolution_moves_by_the_same_share() {
        let depth = Plane::raw("depth", PlaneKind::Depth, Size::new(2, 2), vec![1, 2, 3, 4]);
        let crop = Crop::new(
            4,
            0,
            Size {
                width: 4,
                height: 4,
            },
        );
        let found = run_on(
            &depth,
            step_list![crop],
            Size {
                width: 8,
                height: 8,
            },
        );
        assert_eq!(found.bytes[..], [2; 16]);
    }
}
