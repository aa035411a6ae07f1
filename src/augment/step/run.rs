//! Runs a list of steps on an image.

use std::sync::Arc;

use super::image::bytes;
use super::{Merge, Step, StepImage, StepScratch};
use crate::error::Result;
use crate::geometry::Size;
use crate::kernels::levels::{self, Levels, LutScratch};

/// Runs steps one after the other. Consecutive tables run as one.
///
/// # Errors
///
/// The error of a step.
pub(in crate::augment) fn run_steps(
    mut steps: &[Arc<dyn Step>],
    image: &mut StepImage<'_>,
    scratch: &mut StepScratch,
) -> Result<()> {
    while let [step, rest @ ..] = steps {
        let tables = steps.iter().map_while(|step| table(&**step));
        match tables.clone().count() {
            0 => {
                step.run(image, scratch)?;
                steps = rest;
            }
            count => {
                let (state, _, simd) = scratch.parts::<LutScratch>();
                levels::run(tables, image.pixel_buf(), state, simd);
                steps = &steps[count..];
            }
        }
    }
    Ok(())
}

/// Runs steps on an image of their own, and returns the size and the pixels of the result.
///
/// # Errors
///
/// The error of a step.
pub(in crate::augment) fn render(
    steps: &[Arc<dyn Step>],
    size: Size,
    pixels: &[u8],
    scratch: &mut StepScratch,
) -> Result<(Size, Vec<u8>)> {
    let end = steps.iter().fold(size, |size, step| step.output_size(size));
    let mut out = vec![0; bytes(end)];
    let replacements = steps.iter().filter(|step| step.replaces()).count();
    let mut buffers = scratch.take_buffers();
    let mut image = StepImage::new(pixels, size, &mut buffers, &mut out, replacements);
    let ran = run_steps(steps, &mut image, scratch);
    image.finish();
    scratch.return_buffers(buffers);
    ran.map(|()| (end, out))
}

fn table(step: &dyn Step) -> Option<&Levels> {
    match step.merge() {
        Merge::Levels(levels) => Some(levels),
        _ => None,
    }
}
