//! Mixing the samples of a batch.
//!
//! Slots mix with partners of their own *group*: neighboring slots that one rank owns. What is
//! drawn for a group depends on (seed, epoch, batch, group) alone and sees sizes, never pixels;
//! where a mixer has to look at pixels, maps or labels, it leaves a [`ResolveMix`] that does so when the group is there, without any chance of its own. What comes out is a [`Blend`]: one of a few
//! forms, each of which says of every pixel of which pixels of which sources it is the weighted
//! sum. The final pass reads the untouched 8-bit views and writes the output: nothing is mixed in
//! place, so any partner graph works.
//!
//! [`Mix::draw`] draws, [`SlotMix::resolve`] looks, [`apply`] mixes: a trainer that wants to mix
//! later, with maps of its own model, calls the three itself.

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
mod params;
mod relabel;
pub mod saliency;
mod scene;
mod term;

use std::fmt;

pub use apply::{Value, apply};
pub use blend::{Blend, Mask};
pub use co_mixup::co_mixup;
pub use forms::{Mosaic, Patch, Patches, Tile, TileFilter, Tiles};
pub use maps::{Map, MapSource};
pub use method::Method;
pub use mixers::*;
pub use options::{Emit, Lambda, Masks, Mix, Partner};
pub use relabel::{patch_mask, relabel};
pub use scene::{EmitRole, Label, MixPlan, MixResult, Mixed, Pasted, ResolveMix, Scene, SlotMix};
pub use term::{Of, Term};

use crate::error::Result;
use crate::geometry::Size;
use crate::rng::RandomStream;

/// A way to mix.
///
/// Users implement it, register it by name ([`crate::recipe::Registry::register_mixer`]) and use
/// it in recipes, in `explain` and in `preview` like a built-in one.
pub trait Mixer: Send + Sync + fmt::Debug {
    /// The name in a recipe.
    fn name(&self) -> &str;

    /// The parameters as they would stand in a recipe; they are part of the recipe's fingerprint.
    fn params(&self) -> toml::Table;

    /// Checks the parameters.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Checks that it can mix images of this size.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names what does not fit.
    fn fits(&self, _frame: Size) -> Result<()> {
        Ok(())
    }

    /// Whom it mixes a slot with.
    fn sources(&self) -> Sources {
        Sources::Partner
    }

    /// True if its labels may have more than two classes, which a pair cannot say.
    fn many_labels(&self) -> bool {
        self.sources() != Sources::Partner
    }

    /// The planes of annotations that it reads.
    fn planes(&self) -> Vec<&str> {
        Vec::new()
    }

    /// True if it can only mix the images of a recipe with one view.
    fn one_view(&self) -> bool {
        false
    }

    /// Draws how images of size `frame` are mixed. All randomness comes from `rng`.
    fn draw(&self, rng: &mut RandomStream, frame: Size) -> MixPlan;
}

/// Whom a mixer mixes a slot with, out of the slot's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sources {
    /// The partner by the recipe's rule.
    Partner,
    /// The partner and others at random, so many in all.
    Partners(usize),
    /// So many at random, which may be the slot itself and may be alike.
    Random(usize),
    /// So many slots after it, around the group's end.
    Following(usize),
}

#[cfg(test)]
mod goldens;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
