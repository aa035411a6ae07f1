//! What can be given to a loader as its source.

use std::sync::Arc;

use super::Source;

/// A source by value, in a `Box`, or in an `Arc`, which several loaders may share.
///
/// It is implemented for everything that is a [`Source`], so there is nothing to implement.
///
/// # Example: one opened source for two loaders
///
/// ```
/// use std::sync::Arc;
///
/// use feedmill::source::{IntoSource, Source};
/// use feedmill::{Loader, Recipe, source};
///
/// let photos: Arc<dyn Source> = source::open("fixtures/photos")?.into_source();
/// let recipe = Recipe::preset("imagenet")?.with_batch(2);
/// let one = Loader::builder().source(Arc::clone(&photos)).recipe(recipe.clone()).build()?;
/// let other = Loader::builder().source(photos).recipe(recipe.with_seed(1)).build()?;
/// assert_eq!(one.total_samples(), other.total_samples());
/// # Ok::<(), feedmill::Error>(())
/// ```
pub trait IntoSource {
    /// The source, to be shared.
    fn into_source(self) -> Arc<dyn Source>;
}

impl<S: Source + 'static> IntoSource for S {
    fn into_source(self) -> Arc<dyn Source> {
        Arc::new(self)
    }
}

impl<S: Source + 'static> IntoSource for Arc<S> {
    fn into_source(self) -> Arc<dyn Source> {
        self
    }
}

impl IntoSource for Arc<dyn Source> {
    fn into_source(self) -> Arc<dyn Source> {
        self
    }
}

impl IntoSource for Box<dyn Source> {
    fn into_source(self) -> Arc<dyn Source> {
        self.into()
    }
}
