//! Mixing the samples of a batch: MixUp, CutMix and their relatives.
//!
//! # From "which mixer" to "which pixels"
//!
//! Slots mix with partners from their own *group*, a run of neighboring slots that one rank owns. A
//! group goes through four stages:
//!
//! 1. **Draw.** [`Mix::draw`] makes the random decisions of the group. It returns one [`SlotMix`]
//!    for each image that the group emits: the mixer, the source slots, and a [`MixPlan`]. A draw
//!    depends on (seed, epoch, batch, group) alone and sees sizes, never pixels.
//! 2. **Resolve.** [`MixPlan::Ready`] already holds the result. [`MixPlan::Deferred`] holds a
//!    [`ResolveMix`] that waits until the pixels of the group exist: the mixer has to look at
//!    pixels (saliency), maps or labels, or its mask costs too much to be made during the draw.
//!    [`SlotMix::resolve`] runs it on a [`Scene`], which holds the untouched images of the group. A
//!    resolver makes no random decisions of its own (at most it expands a seed that was drawn), so
//!    the same scene always yields the same [`Mixed`].
//! 3. **Blend and terms.** Either way the result holds a [`Blend`], one of eight forms such as a
//!    box or a mask. [`Blend::terms`] defines what a blend means: the [`Term`]s of an output pixel
//!    are the source pixels, with weights, that it is the sum of. The weights of labels and the
//!    masks that a batch carries follow from this definition.
//! 4. **Final pass.** `batch` reads the untouched 8-bit views, sums the terms of each pixel and
//!    writes the output. It has a fast path for each form; tests hold every path to the bytes of
//!    [`apply`], which is a plain loop over the definition.
//!
//! Nothing is mixed in place, so any partner graph works: a slot can be the partner of several
//! others and be mixed itself.
//!
//! A program that wants to mix later, with maps of its own model, calls [`Mix::draw`],
//! [`SlotMix::resolve`] and [`apply`] itself.
//!
//! Partners come from a group and not from the whole batch because ranks must not need each other's
//! samples. Ranks own whole groups, so the global batch is the same for any number of ranks.

mod apply;
mod blend;
mod co_mixup;
mod draw;
mod forms;
mod fourier;
mod maps;
mod method;
mod mixers;
mod options;
mod relabel;
pub mod saliency;
mod scene;
mod term;

pub use apply::{Value, apply};
pub use blend::{Blend, Mask};
pub use co_mixup::co_mixup;
pub use draw::GroupKey;
pub use forms::{Mosaic, Patch, Patches, Tile, TileFilter, Tiles};
pub use maps::{Map, MapSource};
pub use method::Method;
pub(crate) use mixers::built_in;
pub use mixers::*;
#[cfg(test)]
pub(crate) use mixers::{Holes, PuzzleDraw};
pub use options::{Emit, Lambda, Masks, Mix, Partner};
pub use relabel::{patch_mask, relabel};
pub use scene::{EmitRole, Label, MixPlan, MixResult, Mixed, Pasted, ResolveMix, Scene, SlotMix};
pub use term::{Of, Term};

use crate::error::Result;
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::Parameters;

/// A way to mix the images of a group.
///
/// A user-defined mixer implements this trait and is registered by name
/// ([`crate::recipe::Registry::register_mixer`]). Recipes, `explain` and `preview` then treat it
/// like a built-in one.
///
/// # Example: a custom mixer
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::mix::{Blend, Label, MixPlan, MixResult, Mixer};
/// use feedmill::recipe::Registry;
/// use feedmill::rng::RandomStream;
/// use feedmill::declare;
///
/// /// Mixes images, but keeps the label of the slot.
/// #[declare(name = "shade")]
/// #[derive(Clone, Debug, PartialEq)]
/// struct Shade {
///     /// The smallest weight of the slot's own image.
///     #[param(default = 0.7, range = [0.0, 1.0])]
///     least: f64,
/// }
///
/// impl Mixer for Shade {
///     fn draw(&self, rng: &mut RandomStream, _: Size) -> MixPlan {
///         let lam = rng.uniform(self.least, 1.0);
///         let result = MixResult::from(Blend::Uniform { lam }).label(Label::Own);
///         MixPlan::Ready(result.note("shade", lam))
///     }
/// }
///
/// let mut registry = Registry::default();
/// registry.register_mixer::<Shade>();
/// feedmill::testing::mixer_contract(&Shade::new(), &registry);
/// ```
pub trait Mixer: Parameters {
    /// Checks what the declaration of the parameters cannot say. The default accepts all.
    /// [`Mixer::validate`](trait.Mixer.html#method.validate) checks the ranges too.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Checks that the mixer can mix images of this size.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names what does not fit.
    fn fits(&self, _size: Size) -> Result<()> {
        Ok(())
    }

    /// How the sources of a slot are chosen; its partner alone by default.
    fn sources(&self) -> Sources {
        Sources::Partner
    }

    /// True if a mixed label may have more than two classes, which targets of the form `pair`
    /// cannot express.
    fn many_labels(&self) -> bool {
        self.sources() != Sources::Partner
    }

    /// The names of the annotation planes that the mixer reads; none by default.
    fn planes(&self) -> Vec<&str> {
        Vec::new()
    }

    /// True if the mixer works only in recipes with a single view.
    fn one_view(&self) -> bool {
        false
    }

    /// Draws how images of this size are mixed. All randomness comes from `rng`, so that the
    /// same stream yields the same plan.
    fn draw(&self, rng: &mut RandomStream, size: Size) -> MixPlan;
}

impl dyn Mixer + '_ {
    /// Checks the ranges of the parameters, and what [`Mixer::check`] says beyond that.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter, what was expected and what was found.
    pub fn validate(&self) -> Result<()> {
        self.check_params()?;
        self.check()
    }
}

/// How the other sources of a slot are chosen from its group. The slot itself is always source 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sources {
    /// The partner by the recipe's rule ([`Partner`]).
    Partner,
    /// `n` slots: the partner by the recipe's rule, then random ones, which differ from the slot,
    /// the partner and each other as long as the group has enough slots.
    Partners(usize),
    /// `n` random slots, drawn with replacement; the slot itself may be among them.
    Random(usize),
    /// The `n` slots after the slot, continued at the start of the group.
    Following(usize),
}

#[cfg(test)]
mod goldens;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
