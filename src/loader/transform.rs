//! One image through a recipe, as a trained model's user needs it.

use super::Loader;
use crate::batch::Batch;
use crate::error::{Error, Kind, Result};
use crate::recipe::{OnBad, Recipe, TargetOptions};
use crate::sample::Target;
use crate::source::Memory;

impl Recipe {
    /// Makes a batch of one image from the bytes of a file, with the views, the decoding and the
    /// output of this recipe. Mixing, samplers and selections do not apply.
    ///
    /// Random ops draw what they draw for sample 0 in epoch 0. For the images that a model is asked
    /// about, use the recipe for evaluation ([`Recipe::eval`]), which has none.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for a recipe that [`Loader::open`] would refuse. The errors of
    /// decoding: [`crate::Kind::Corrupt`], [`crate::Kind::Truncated`],
    /// [`crate::Kind::Unsupported`], [`crate::Kind::Limit`].
    ///
    /// # Example: one image for a model
    ///
    /// ```
    /// use feedmill::Recipe;
    ///
    /// let recipe = Recipe::preset("imagenet")?.eval()?;
    /// let bytes = std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
    /// let batch = recipe.transform(bytes)?;
    /// assert_eq!(batch.images().shape(), [1, 3, 224, 224]);
    /// let pixels: &[f32] = batch.images().as_f32()?;
    /// # assert_eq!(pixels.len(), 3 * 224 * 224);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn transform(&self, bytes: impl Into<Vec<u8>>) -> Result<Batch> {
        let image = Memory::encoded([(bytes.into(), Target::None)]);
        let recipe = self
            .in_order()
            .with_batch(1)
            .with_target(TargetOptions::new())
            .with_on_bad(OnBad::Fail);
        let builder = Loader::builder().source(image).recipe(recipe);
        let loader = builder.workers(1).build()?;
        let first = loader.epoch(0)?.next();
        first.unwrap_or_else(|| Err(Error::new(Kind::Worker, "the image made no batch")))
    }
}
