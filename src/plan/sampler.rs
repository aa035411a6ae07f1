//! Samplers as a recipe writes them: which kind, with which parameters, and what can be checked
//! without the data.
//!
//! Everything here is plain data; `stream` and `compose` make batches of it. Their terms are those
//! of the literature: P x K for metric learning, N-way K-shot episodes for few-shot learning.

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::metadata::{By, Values};
use crate::error::{Error, Result};

/// How batches are composed. In a recipe it is the table `[sampler]`; its key `kind` names the
/// variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sampler {
    /// `"order"`: every sample once, in the recipe's order.
    Order(Ordered),
    /// `"weighted"`: samples drawn in proportion to a weight of each.
    Weighted(Weighted),
    /// `"balanced"`: classes have equal shares, or shares by a temperature.
    Balanced(Balanced),
    /// `"pk"`: every batch has P classes with K samples each.
    Pk(Pk),
    /// `"episodes"`: N-way K-shot tasks with support and queries.
    Episodes(Episodes),
    /// `"grouped"`: every batch has samples of one group.
    Grouped(Grouped),
    /// `"unique"`: one sample of each group in an epoch.
    Unique(Unique),
    /// `"variants"`: every sample once, group by group.
    Variants(Variants),
}

impl Default for Sampler {
    fn default() -> Sampler {
        Sampler::Order(Ordered::default())
    }
}

macro_rules! from {
    ($($name:ident => $variant:ident),*) => {$(
        impl From<$name> for Sampler {
            fn from(sampler: $name) -> Sampler {
                Sampler::$variant(sampler)
            }
        }
    )*};
}

from!(
    Ordered => Order,
    Weighted => Weighted,
    Balanced => Balanced,
    Pk => Pk,
    Episodes => Episodes,
    Grouped => Grouped,
    Unique => Unique,
    Variants => Variants
);

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// Samples in the recipe's order: every sample once, or several copies of each.
///
/// # Example: each sample twice an epoch
///
/// ```
/// use feedmill::plan::Ordered;
/// use feedmill::{Loader, Recipe};
///
/// let sampler = Ordered::new().with_repeats(2);
/// let recipe = Recipe::preset("imagenet")?.with_batch(4).with_sampler(sampler);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert_eq!(loader.epoch(0)?.next().expect("a batch")?.len(), 4);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Ordered {
    /// The number of copies of a sample in a row, 1 to 1024 (1 by default), each augmented
    /// differently: repeated augmentation (Hoffer et al., "Augment your batch", 2020). The copies
    /// are spread over the batch, so that with as many ranks as copies each rank has one.
    pub(crate) repeats: u32,
    /// The number of slots of an epoch; the number of samples by default, with repeats too, as in
    /// DeiT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<u64>,
}

impl Default for Ordered {
    fn default() -> Ordered {
        Ordered {
            repeats: 1,
            length: None,
        }
    }
}

impl Ordered {
    /// Every sample once.
    pub fn new() -> Ordered {
        Ordered::default()
    }
}

/// Samples drawn in proportion to weights.
///
/// # Example: some samples more often
///
/// ```
/// use feedmill::plan::{Values, Weighted};
/// use feedmill::{Loader, Recipe};
///
/// let sampler = Weighted::new(Values::List((1..=10).map(f64::from).collect())).with_replacement(true);
/// let recipe = Recipe::preset("imagenet")?.with_batch(4).with_sampler(sampler);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert_eq!(loader.epoch(0)?.next().expect("a batch")?.len(), 4);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Weighted {
    /// The weight of each sample: finite, 0 or more, not all 0.
    pub(crate) weights: Values,
    /// Whether every slot is drawn independently, which is the default. Without replacement, no
    /// sample comes twice (Efraimidis and Spirakis, "Weighted random sampling with a reservoir",
    /// 2006).
    #[serde(default = "yes")]
    pub(crate) replacement: bool,
    /// The number of copies of a sample in a row, 1 by default; see [`Ordered::repeats`].
    #[serde(default = "one")]
    pub(crate) repeats: u32,
    /// The number of slots of an epoch. By default it is the number of samples, or without
    /// replacement the number of samples of positive weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<u64>,
}

impl Weighted {
    /// Draws with replacement.
    pub fn new(weights: Values) -> Weighted {
        Weighted {
            weights,
            replacement: true,
            repeats: 1,
            length: None,
        }
    }
}

/// Groups with shares proportional to n^(1/T), where n is the size of a group and T the
/// temperature. Shares are equal without a temperature, proportional to the sizes at 1, and to
/// their square roots at 2.
///
/// Without replacement, each group is less than one slot away from its share after every batch of
/// an epoch, and goes through all of its samples before it starts over.
///
/// # Example: every class as often as the others
///
/// ```
/// use feedmill::plan::Balanced;
/// use feedmill::{Loader, Recipe};
///
/// let sampler = Balanced::new();
/// let recipe = Recipe::preset("imagenet")?.with_batch(4).with_sampler(sampler);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert_eq!(loader.epoch(0)?.next().expect("a batch")?.len(), 4);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Balanced {
    /// The grouping; by class by default.
    pub(crate) by: By,
    /// The temperature, at least 1; it may change by epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[accessor(into)]
    pub(crate) temperature: Option<Curve>,
    /// Whether the group and the sample of every slot are drawn independently; false by default.
    pub(crate) replacement: bool,
    /// The number of copies of a sample in a row, 1 by default; see [`Ordered::repeats`].
    pub(crate) repeats: u32,
    /// The number of slots of an epoch; the number of samples by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<u64>,
}

impl Default for Balanced {
    fn default() -> Balanced {
        Balanced {
            by: By::Class,
            temperature: None,
            replacement: false,
            repeats: 1,
            length: None,
        }
    }
}

impl Balanced {
    /// Equal shares for all classes, without replacement.
    pub fn new() -> Balanced {
        Balanced::default()
    }
}

/// Whether a batch may have the same sample of a class twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Replacement {
    /// Only for classes with fewer samples than needed.
    #[default]
    Auto,
    /// For all classes.
    Always,
    /// For no class. A class with too few samples is refused, or left out with `skip_small`.
    Never,
}

/// Batches of P classes with K samples each, class by class, as metric learning uses them (Metrix,
/// arXiv 2106.04990, and the triplet losses before it). Classes and samples are drawn independently
/// for each batch. The recipe's batch must be P x K.
///
/// # Example: two images of each of two classes
///
/// ```
/// use feedmill::plan::Pk;
/// use feedmill::{Loader, Recipe};
///
/// let sampler = Pk::new(2, 2);
/// let recipe = Recipe::preset("imagenet")?.with_batch(4).with_sampler(sampler);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert_eq!(loader.epoch(0)?.next().expect("a batch")?.len(), 4);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Pk {
    /// P, the number of classes of a batch, all different.
    pub(crate) classes: u32,
    /// K, the number of samples of each class.
    pub(crate) items: u32,
    /// The grouping that defines the classes.
    #[serde(default)]
    pub(crate) by: By,
    /// Whether a batch may have the same sample of a class twice.
    #[serde(default)]
    #[accessor(copy)]
    pub(crate) replacement: Replacement,
    /// Whether classes with fewer than K samples are left out; false by default.
    #[serde(default)]
    pub(crate) skip_small: bool,
    /// The number of batches of an epoch; samples / batch by default, rounded down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) batches: Option<u64>,
}

impl Pk {
    /// Batches of `classes` classes with `items` samples each.
    pub fn new(classes: u32, items: u32) -> Pk {
        let (by, replacement) = (By::default(), Replacement::default());
        Pk {
            classes,
            items,
            by,
            replacement,
            skip_small: false,
            batches: None,
        }
    }
}

/// Batches of few-shot episodes: N classes with K support samples and Q queries each, all
/// different.
///
/// A batch holds one or more episodes, so its size must be a multiple of N x (K + Q). Each episode
/// has all of its support first, class by class, then its queries ([`crate::Slot::role`]).
/// [`crate::Batch::groups`] has the class of each sample within the batch: N x the number of the
/// episode + the number of the class in the episode.
///
/// # Example: one support and one query of two classes
///
/// ```
/// use feedmill::plan::Episodes;
/// use feedmill::{Loader, Recipe};
///
/// let sampler = Episodes::new(2, 1, 1).with_batches(10);
/// let recipe = Recipe::preset("imagenet")?.with_batch(4).with_sampler(sampler);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert_eq!(loader.epoch(0)?.next().expect("a batch")?.len(), 4);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Episodes {
    /// N, the number of classes of an episode.
    pub(crate) ways: u32,
    /// K, the number of support samples of each class, at least 1.
    pub(crate) shots: u32,
    /// Q, the number of queries of each class; the mean number with `query_alpha`.
    pub(crate) queries: u32,
    /// The grouping that defines the classes.
    #[serde(default)]
    pub(crate) by: By,
    /// The concentration of a Dirichlet distribution, positive, that divides the N x Q queries
    /// among the classes (unbalanced queries, Veilleux et al., 2021, with 2). By default every
    /// class has Q.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) query_alpha: Option<f64>,
    /// Whether classes with fewer than K + Q samples are left out; false, the default, refuses
    /// them.
    #[serde(default)]
    pub(crate) skip_small: bool,
    /// The number of batches of an epoch; samples / batch by default, rounded down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) batches: Option<u64>,
}

impl Episodes {
    /// Episodes of `ways` classes with `shots` support samples and `queries` queries each.
    pub fn new(ways: u32, shots: u32, queries: u32) -> Episodes {
        let by = By::default();
        Episodes {
            ways,
            shots,
            queries,
            by,
            query_alpha: None,
            skip_small: false,
            batches: None,
        }
    }
}

/// Batches of one group each.
///
/// Without a temperature every sample comes once in an epoch, and [`Last`](super::Last) decides on
/// the samples of each group that do not fill a batch. With a temperature, groups have shares of
/// the batches as in [`Balanced`].
///
/// # Example: batches of one class
///
/// ```
/// use feedmill::plan::{By, Grouped};
/// use feedmill::{Loader, Recipe};
///
/// let sampler = Grouped::new(By::Class);
/// let recipe = Recipe::preset("imagenet")?.with_batch(4).with_sampler(sampler);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert_eq!(loader.epoch(0)?.next().expect("a batch")?.len(), 4);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Grouped {
    /// The grouping.
    pub(crate) by: By,
    /// The temperature, at least 1; it may change by epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[accessor(into)]
    pub(crate) temperature: Option<Curve>,
    /// The number of batches of an epoch; samples / batch by default, rounded down. Only with a
    /// temperature; without one it follows from the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) batches: Option<u64>,
}

impl Grouped {
    /// Batches of one group each.
    pub fn new(by: By) -> Grouped {
        Grouped {
            by,
            ..Grouped::default()
        }
    }
}

/// One sample of each group in an epoch, and the next one in the next epoch. With captions grouped
/// by image, no image comes twice in a batch. After as many epochs as a group has samples, all of
/// them have come.
///
/// # Example: one image of each class
///
/// ```
/// use feedmill::plan::{By, Unique};
/// use feedmill::{Loader, Recipe};
///
/// let sampler = Unique::new(By::Class);
/// let recipe = Recipe::preset("imagenet")?.with_batch(2).with_sampler(sampler);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert_eq!(loader.epoch(0)?.next().expect("a batch")?.len(), 2);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Unique {
    /// The grouping, for example a column with the image of each caption.
    pub(crate) by: By,
}

impl Unique {
    /// One sample of each group.
    pub fn new(by: By) -> Unique {
        Unique { by }
    }
}

/// Every sample once, group by group, and in the order of samples within a group. Stored variants
/// of one original come together, and [`crate::Batch::groups`] says which predictions to average.
///
/// # Example: class by class
///
/// ```
/// use feedmill::plan::{By, Variants};
/// use feedmill::{Loader, Recipe};
///
/// let sampler = Variants::new(By::Class);
/// let recipe = Recipe::preset("imagenet")?.with_batch(4).with_sampler(sampler);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert_eq!(loader.epoch(0)?.next().expect("a batch")?.len(), 4);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Variants {
    /// The grouping.
    pub(crate) by: By,
}

impl Variants {
    /// All samples, group by group.
    pub fn new(by: By) -> Variants {
        Variants { by }
    }
}

impl Sampler {
    /// The grouping of samples that the sampler goes by.
    pub(super) fn needs(&self) -> Option<&By> {
        match self {
            Sampler::Order(_) | Sampler::Weighted(_) => None,
            Sampler::Balanced(Balanced { by, .. })
            | Sampler::Pk(Pk { by, .. })
            | Sampler::Episodes(Episodes { by, .. })
            | Sampler::Grouped(Grouped { by, .. })
            | Sampler::Unique(Unique { by })
            | Sampler::Variants(Variants { by }) => Some(by),
        }
    }

    /// The temperature of the shares of groups.
    pub(super) fn temperature(&self) -> Option<&Curve> {
        match self {
            Sampler::Balanced(Balanced { temperature, .. })
            | Sampler::Grouped(Grouped { temperature, .. }) => temperature.as_ref(),
            _ => None,
        }
    }

    /// The number of copies of a sample in a row.
    pub(super) fn repeats(&self) -> u32 {
        match self {
            Sampler::Order(Ordered { repeats, .. })
            | Sampler::Weighted(Weighted { repeats, .. })
            | Sampler::Balanced(Balanced { repeats, .. }) => *repeats,
            _ => 1,
        }
    }

    /// The number of slots of an epoch that the recipe asks for.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Sampler::Order(Ordered { length, .. })
            | Sampler::Weighted(Weighted { length, .. })
            | Sampler::Balanced(Balanced { length, .. }) => *length,
            _ => None,
        }
    }

    /// The number of slots of an episode or of a P x K batch, with the formula for messages.
    pub(super) fn unit(&self) -> Option<(u64, &'static str)> {
        match self {
            Sampler::Pk(Pk { classes, items, .. }) => {
                Some((u64::from(*classes) * u64::from(*items), "classes x items"))
            }
            Sampler::Episodes(Episodes {
                ways,
                shots,
                queries,
                ..
            }) => {
                let each = u64::from(*shots) + u64::from(*queries);
                Some((
                    u64::from(*ways).saturating_mul(each),
                    "ways x (shots + queries)",
                ))
            }
            _ => None,
        }
    }

    /// Checks what does not depend on the data, for global batches of `batch` slots. An error comes
    /// with the key that it is about.
    pub(crate) fn check(&self, batch: usize) -> std::result::Result<(), (&'static str, Error)> {
        let at = |key, text: String| Err((key, Error::config(text)));
        if !(1..=1024).contains(&self.repeats()) {
            return at(
                "sampler.repeats",
                format!("sampler.repeats = {}: expected 1 to 1024", self.repeats()),
            );
        }
        if self.length() == Some(0) {
            return at(
                "sampler.length",
                "sampler.length = 0: an epoch has at least one slot".into(),
            );
        }
        if let Some(temperature) = self.temperature()
            && let Some(value) = temperature
                .landmarks()
                .iter()
                .map(|e| temperature.value(*e))
                .find(|t| *t < 1.0)
        {
            let text = format!("sampler.temperature = {value}: expected 1 (as they are) or more");
            return at("sampler.temperature", text);
        }
        if let Some((unit, product)) = self.unit() {
            if unit == 0 {
                return at(
                    "sampler",
                    format!("sampler: {product} = 0: expected positive numbers"),
                );
            }
            let fits = match self {
                Sampler::Pk(_) => batch as u64 == unit,
                _ => (batch as u64).is_multiple_of(unit),
            };
            if !fits {
                let wanted = if matches!(self, Sampler::Pk(_)) {
                    "batch ="
                } else {
                    "batch = a multiple of"
                };
                return at(
                    "batch",
                    format!("batch = {batch}: {product} = {unit} wants {wanted} {unit}"),
                );
            }
        }
        match self {
            Sampler::Episodes(Episodes { shots: 0, .. }) => at(
                "sampler.shots",
                "sampler.shots = 0: expected at least 1".into(),
            ),
            Sampler::Episodes(Episodes {
                query_alpha: Some(alpha),
                ..
            }) if !(alpha.is_finite() && *alpha > 0.0) => at(
                "sampler.query_alpha",
                format!("sampler.query_alpha = {alpha}: expected a positive number"),
            ),
            Sampler::Pk(Pk {
                batches: Some(0), ..
            })
            | Sampler::Episodes(Episodes {
                batches: Some(0), ..
            })
            | Sampler::Grouped(Grouped {
                batches: Some(0), ..
            }) => at(
                "sampler.batches",
                "sampler.batches = 0: an epoch has at least one batch".into(),
            ),
            Sampler::Grouped(Grouped {
                batches: Some(_),
                temperature: None,
                ..
            }) => {
                let text = "sampler.batches without temperature: every sample comes once, which \
                            makes the batches";
                at("sampler.batches", text.into())
            }
            _ => Ok(()),
        }
    }
}

/// Checks that all weights are finite and not negative, and that their sum is positive and finite.
/// `name` names the owner of a weight for messages.
pub(super) fn check_weights(weights: &[f64], name: impl Fn(usize) -> String) -> Result<()> {
    if let Some(at) = weights
        .iter()
        .position(|weight| !(weight.is_finite() && *weight >= 0.0))
    {
        return Err(Error::config(format!(
            "{} has the weight {}: expected a finite number, 0 or more",
            name(at),
            weights[at]
        )));
    }
    if weights.iter().all(|weight| *weight == 0.0) || !weights.iter().sum::<f64>().is_finite() {
        return Err(Error::config(
            "the weights are all 0, or their sum is too large",
        ));
    }
    Ok(())
}
