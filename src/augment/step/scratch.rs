//! The memory of a worker that runs steps.

use std::any::Any;
use std::fmt;

use crate::cpu::Simd;
use crate::kernels::scratch::Scratch;

/// The memory of a worker that runs steps, kept from image to image, so that steps need not
/// allocate.
///
/// # Example: memory that a step keeps from image to image
///
/// ```
/// use feedmill::augment::StepScratch;
///
/// /// What a step counts.
/// #[derive(Default)]
/// struct Count(u64);
///
/// let mut scratch = StepScratch::default();
/// scratch.state::<Count>().0 += 1;
/// scratch.state::<Count>().0 += 1;
/// assert_eq!(scratch.state::<Count>().0, 2);
/// ```
#[derive(Default)]
pub struct StepScratch {
    simd: Simd,
    buffers: Scratch,
    /// The two images that steps write in turn; taken out while steps run.
    images: [Vec<u8>; 2],
    /// One value for each type that a step has asked for. There are few, so a list is enough.
    states: Vec<Box<dyn Any + Send>>,
}

impl fmt::Debug for StepScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepScratch({} states)", self.states.len())
    }
}

impl StepScratch {
    /// Memory for a worker that uses these vector instructions.
    pub fn new(simd: Simd) -> StepScratch {
        StepScratch {
            simd,
            ..StepScratch::default()
        }
    }

    /// What a step keeps from image to image: the worker's one value of type `T`, which is made
    /// when it is first asked for. What an earlier image left in it is still there.
    pub fn state<T: Default + Send + 'static>(&mut self) -> &mut T {
        self.parts().0
    }

    /// The state of a step, the buffers of kernels, and the instructions to use.
    pub(in crate::augment) fn parts<T: Default + Send + 'static>(
        &mut self,
    ) -> (&mut T, &mut Scratch, Simd) {
        let found = self.states.iter().position(|state| state.is::<T>());
        let at = found.unwrap_or_else(|| {
            self.states.push(Box::<T>::default());
            self.states.len() - 1
        });
        let state = self.states[at].downcast_mut().expect("found by its type");
        (state, &mut self.buffers, self.simd)
    }

    /// The buffers of kernels, and the instructions to use.
    pub(in crate::augment) fn buffers(&mut self) -> (&mut Scratch, Simd) {
        (&mut self.buffers, self.simd)
    }

    /// The two images that steps write in turn. Steps that run meanwhile find empty ones.
    pub(in crate::augment) fn take_buffers(&mut self) -> [Vec<u8>; 2] {
        std::mem::take(&mut self.images)
    }

    /// Gives the two images back, for the next program.
    pub(in crate::augment) fn return_buffers(&mut self, images: [Vec<u8>; 2]) {
        self.images = images;
    }

    pub(in crate::augment) fn simd(&self) -> Simd {
        self.simd
    }
}
