//! The step of AugMix: the image and chains of steps that start from it, added with weights
//! (Hendrycks et al., 2020, arXiv 1912.02781).
//!
//! The chains are inside of one step. So nothing else has to know of branches: for annotations the
//! image stays where it is, and a chain merges with nothing outside of it.

use std::fmt;
use std::sync::Arc;

use crate::augment::step::{Step, StepImage, StepScratch, bytes, run_steps};
use crate::error::Result;
use crate::kernels::blend::blend;

/// Adds the results of chains of steps, and blends the image with the sum.
#[derive(Clone, Debug)]
pub(in crate::augment) struct Mixture {
    chains: Vec<Chain>,
    weight: f32,
}

/// Steps that start from the image and keep its size, and the weight of their result.
#[derive(Clone, Debug)]
pub(in crate::augment) struct Chain {
    pub(in crate::augment) weight: f32,
    pub(in crate::augment) steps: Vec<Arc<dyn Step>>,
}

/// The memory of a mixture.
#[derive(Default)]
struct Buffers {
    base: Vec<u8>,
    sum: Vec<f32>,
    result: Vec<u8>,
    between: [Vec<u8>; 2],
}

impl Mixture {
    /// The sum of the chains, which replaces a share `weight` of the image.
    pub(in crate::augment) fn new(chains: Vec<Chain>, weight: f32) -> Mixture {
        Mixture { chains, weight }
    }
}

impl fmt::Display for Mixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "augmix weight={:.4}", self.weight)?;
        for Chain { weight, steps } in &self.chains {
            write!(f, " [{weight:.4}:")?;
            match &steps[..] {
                [] => f.write_str(" image")?,
                steps => steps.iter().try_for_each(|step| write!(f, " ({step})"))?,
            }
            f.write_str("]")?;
        }
        Ok(())
    }
}

impl Step for Mixture {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        let pixels = image.in_place();
        // The chains use the scratch memory too, so the mixture's own part of it is taken out.
        let mut buffers = std::mem::take(scratch.state::<Buffers>());
        let Buffers {
            base,
            sum,
            result,
            between,
        } = &mut buffers;
        base.clear();
        base.extend_from_slice(pixels);
        sum.clear();
        sum.resize(bytes(size), 0.0);
        result.resize(bytes(size), 0);
        let ran = self.chains.iter().try_for_each(|Chain { weight, steps }| {
            let replacements = steps.iter().filter(|step| step.replaces()).count();
            let mut image = StepImage::new(base, size, between, result, replacements);
            run_steps(steps, &mut image, scratch)?;
            image.finish();
            let sums = sum.iter_mut().zip(&*result);
            sums.for_each(|(sum, value)| *sum += weight * f32::from(*value));
            Ok(())
        });
        if ran.is_ok() {
            let mixed = sum.iter().map(|sum| *sum as u8);
            let values = pixels.iter_mut().zip(mixed);
            values.for_each(|(value, mixed)| *value = blend(*value, mixed, self.weight));
        }
        *scratch.state() = buffers;
        ran
    }
}
