//! The configuration of the sources of a recipe: names and weights.

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use crate::plan::Curve;

/// The name and the weight of one of several sources. In a recipe it is a table of `[[source]]`,
/// one for each `--data` in their order.
///
/// # Example: generated images fade in
///
/// ```
/// use feedmill::plan::Curve;
/// use feedmill::recipe::SourceConfig;
/// use feedmill::{Loader, Recipe, source};
///
/// let recipe = Recipe::preset("imagenet")?
///     .with_batch(4)
///     .source(SourceConfig::new("real", 1.0))
///     .source(SourceConfig::new("generated", Curve::linear([0.0, 1.0], [0, 10])?));
/// let loader = Loader::builder()
///     .path("fixtures/photos")
///     .source(source::open("fixtures/photos")?)
///     .recipe(recipe)
///     .build()?;
/// assert!(loader.reference_batch(0, 0)?.slots().all(|slot| slot.source() == 0));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceConfig {
    /// The name, which statistics show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[accessor(into)]
    pub(crate) name: Option<String>,
    /// The weight relative to the other sources, 0 or more, which may change by epoch; by default
    /// the number of samples of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[accessor(into)]
    pub(crate) weight: Option<Curve>,
}

impl SourceConfig {
    /// A source with a name and a weight.
    pub fn new(name: impl Into<String>, weight: impl Into<Curve>) -> SourceConfig {
        SourceConfig {
            name: Some(name.into()),
            weight: Some(weight.into()),
        }
    }
}
