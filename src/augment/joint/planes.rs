//! Moves planes through the steps of the image.
//!
//! A plane is a value for each pixel: a mask, instances, depth, or a further image. It goes through
//! the image's own program and kernels, with the steps rewritten for its kind:
//!
//! * a *color* plane takes every step except for pasting, which brings its own pixels;
//! * an *image* plane (such as infrared) takes the steps that move pixels, as they are;
//! * *labels* (masks, instances, depth) take the steps that move pixels with nearest neighbors,
//!   because a mean of two classes is not a class, and with a fixed value outside.

use super::{EraseRule, Joint};
use crate::augment::{
    Elastic, Erase, Fill, Filter, Program, ProgramScratch, Step, Warp, WarpFilter,
};
use crate::error::{Error, Result};
use crate::geometry::{Rect, Size};
use crate::kernels::PadMode;
use crate::sample::{Plane, PlaneKind};

/// Moves a plane through steps that begin with an image of size `frame`.
///
/// A plane of another resolution is resized to the image's first, so that a crop takes the same
/// share of it.
///
/// # Errors
///
/// [`crate::Kind::Corrupt`] if the plane is encoded; [`crate::Kind::Limit`] as in
/// [`Program::check_size`].
pub(super) fn run(
    joint: &Joint,
    steps: &[Step],
    plane: &mut Plane,
    frame: Size,
    scratch: &mut ProgramScratch,
) -> Result<()> {
    let Some(Size { width, height }) = plane.size() else {
        return Err(Error::corrupt(format!(
            "plane \"{}\": {:?} where raw pixels are expected",
            plane.name, plane.codec
        )));
    };
    let own = Size { width, height };
    let mut list = Vec::with_capacity(steps.len() + 1);
    if own != frame {
        list.push(Step::Resize {
            width: frame.width,
            height: frame.height,
            filter: filter(plane.kind),
        });
    }
    let mut at = frame;
    for step in steps {
        list.extend(match plane.kind {
            // `Paste::annotate` pastes into the plane, by the plane's kind.
            PlaneKind::Color => Some(step.clone()).filter(|step| !matches!(step, Step::Paste(_))),
            PlaneKind::Image => geometric_step(step),
            PlaneKind::Mask => label_step(step, at, joint.ignore, joint.erase),
            PlaneKind::Instances | PlaneKind::Depth => label_step(step, at, 0, joint.erase),
        });
        at = step.frame(at);
    }
    if list.is_empty() {
        return Ok(());
    }
    let program = Program::of(list, own);
    let end = program.end();
    let mut out = vec![0; end.width as usize * end.height as usize * 3];
    let one = plane.kind.channels() == 1;
    // A plane of one channel goes through the image's kernels as three equal channels. That costs
    // three times the work, but cannot disagree with the image by a rounding of its own.
    let wide: Vec<u8> = if one {
        plane.bytes.iter().flat_map(|&value| [value; 3]).collect()
    } else {
        Vec::new()
    };
    let pixels = if one { &wide } else { &plane.bytes[..] };
    program.run(scratch, pixels, Rect::whole(width, height), &mut out, end)?;
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

/// The step if it moves pixels, or `None`.
fn geometric_step(step: &Step) -> Option<Step> {
    let in_place = matches!(
        step,
        Step::HorizontalFlip | Step::VerticalFlip | Step::Elastic(_) | Step::Blank
    );
    let moves = step.moves() || in_place;
    moves.then(|| step.clone())
}

/// The step for values that must not be mixed, or `None` if it does not move them; `fill` is the
/// value where the image has no pixel.
fn label_step(step: &Step, frame: Size, fill: u8, erase: EraseRule) -> Option<Step> {
    let fill = [fill; 3];
    match step {
        Step::Crop {
            left,
            top,
            width,
            height,
            pad,
        } => {
            let pad = if matches!(pad, PadMode::Constant(_)) {
                PadMode::Constant(fill)
            } else {
                *pad
            };
            Some(Step::Crop {
                left: *left,
                top: *top,
                width: *width,
                height: *height,
                pad,
            })
        }
        Step::Resize { width, height, .. } => Some(Step::Resize {
            width: *width,
            height: *height,
            filter: Filter::Nearest,
        }),
        Step::LowFrequencies(side) => Some(Step::Resize {
            width: *side,
            height: *side,
            filter: Filter::Nearest,
        }),
        Step::Elastic(elastic) => Some(Step::Elastic(Elastic {
            nearest: true,
            fill,
            ..*elastic
        })),
        Step::Warp(warp) => Some(Step::Warp(Warp {
            filter: WarpFilter::Nearest,
            fill,
            ..*warp
        })),
        Step::Erase(rect) if erase == EraseRule::Ignore => Some(Step::Erase(Erase {
            fill: Fill::Color(fill),
            ..*rect
        })),
        Step::Blank => {
            let Size { width, height } = frame;
            Some(Step::Erase(Erase {
                left: 0,
                top: 0,
                width,
                height,
                fill: Fill::Color(fill),
            }))
        }
        other => geometric_step(other),
    }
}

/// Sets the pixels of these instances to 0 in a plane of instances.
pub(super) fn erase_instances(plane: &mut Plane, instances: &[u32]) {
    let mut gone = [false; 256];
    for id in instances.iter().filter(|id| (1..256).contains(*id)) {
        gone[*id as usize] = true;
    }
    if plane.bytes.iter().any(|value| gone[*value as usize]) {
        let kept = |value: &u8| if gone[*value as usize] { 0 } else { *value };
        plane.bytes = plane.bytes.iter().map(kept).collect::<Vec<u8>>().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_on(plane: &Plane, steps: &[Step], frame: Size) -> Plane {
        let mut plane = plane.clone();
        run(
            &Joint::default(),
            steps,
            &mut plane,
            frame,
            &mut ProgramScratch::new(crate::cpu::Simd::detect()),
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
        let resize = Step::Resize {
            width: 6,
            height: 4,
            filter: Filter::Bicubic,
        };
        let pad = Step::Crop {
            left: -1,
            top: 0,
            width: 8,
            height: 4,
            pad: PadMode::Constant([7; 3]),
        };
        let found = run_on(&mask, &[resize.clone(), pad.clone()], frame);
        assert_eq!(found.bytes[..8], [255, 1, 1, 1, 9, 9, 9, 255]);
        let instances = Plane {
            kind: PlaneKind::Instances,
            ..mask.clone()
        };
        assert_eq!(
            run_on(&instances, &[pad], frame).bytes[..8],
            [0, 1, 1, 9, 9, 0, 0, 0]
        );
    }

    #[test]
    fn only_color_planes_take_color_steps() {
        let frame = Size {
            width: 2,
            height: 1,
        };
        let invert = Step::Levels(crate::augment::Levels::Invert);
        let image = Plane::raw(
            "infrared",
            PlaneKind::Image,
            Size::new(2, 1),
            vec![1, 2, 3, 4, 5, 6],
        );
        let flipped = run_on(&image, &[Step::HorizontalFlip, invert.clone()], frame);
        assert_eq!(flipped.bytes[..], [4, 5, 6, 1, 2, 3]);
        let color = Plane {
            kind: PlaneKind::Color,
            ..image
        };
        assert_eq!(
            run_on(&color, &[invert], frame).bytes[..],
            [254, 253, 252, 251, 250, 249]
        );
    }

    #[test]
    fn a_plane_of_another_resolution_moves_by_the_same_share() {
        let depth = Plane::raw("depth", PlaneKind::Depth, Size::square(2), vec![1, 2, 3, 4]);
        let crop = Step::Crop {
            left: 4,
            top: 0,
            width: 4,
            height: 4,
            pad: PadMode::default(),
        };
        let found = run_on(
            &depth,
            &[crop],
            Size {
                width: 8,
                height: 8,
            },
        );
        assert_eq!(found.bytes[..], [2; 16]);
    }
}
