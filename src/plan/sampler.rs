//! How an epoch is made of the chosen samples, as a recipe says it.

use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::metadata::{By, Values};
use crate::error::{Error, Result};

/// How batches are composed. In a recipe: the table `[sampler]`, named by its key `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sampler {
    /// `"order"`: the recipe's order.
    Order(Ordered),
    /// `"weighted"`: by a weight for each sample.
    Weighted(Weighted),
    /// `"balanced"`: classes have equal shares, or shares by a temperature.
    Balanced(Balanced),
    /// `"pk"`: P classes with K samples each in every batch.
    Pk(Pk),
    /// `"episodes"`: N-way K-shot tasks with support and queries.
    Episodes(Episodes),
    /// `"grouped"`: every batch from one group.
    Grouped(Grouped),
    /// `"unique"`: one sample of each group an epoch.
    Unique(Unique),
    /// `"variants"`: group by group, in order.
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
    Ordered => Order, Weighted => Weighted, Balanced => Balanced, Pk => Pk, Episodes => Episodes, Grouped => Grouped,
    Unique => Unique, Variants => Variants
);

/// Setters by the names of fields.
macro_rules! set {
    ($($(#[$doc:meta])* $name:ident: $kind:ty $(=> $wrap:path)?),* $(,)?) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(self, $name: $kind) -> Self {
            Self { $name: $($wrap)?($name), ..self }
        }
    )*};
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// The recipe's order: every sample once, or several times at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Ordered {
    /// How often a sample comes in a row, each time augmented anew: repeated augmentation (Hoffer
    /// et al., "Augment your batch", 2020). The copies are spread over the batch, so that each
    /// of so many ranks has one of them.
    pub repeats: u32,
    /// Slots of an epoch; as many as there are samples by default, repeats or not, as in DeiT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
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

    set! {
        /// How often a sample comes in a row.
        repeats: u32,
        /// Slots of an epoch.
        length: u64 => Some,
    }
}

/// Samples drawn by a weight each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Weighted {
    /// A weight for each sample: finite, 0 or more, not all 0.
    pub weights: Values,
    /// True (the default) draws every slot anew; false draws an order in which no sample comes
    /// twice (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
    #[serde(default = "yes")]
    pub replacement: bool,
    /// How often a sample comes in a row.
    #[serde(default = "one")]
    pub repeats: u32,
    /// Slots of an epoch; as many as there are samples by default, or samples of positive weight
    /// without replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

impl Weighted {
    /// Every slot drawn anew.
    pub fn new(weights: Values) -> Weighted {
        Weighted {
            weights,
            replacement: true,
            repeats: 1,
            length: None,
        }
    }

    set! {
        /// Whether a sample may come twice.
        replacement: bool,
        /// How often a sample comes in a row.
        repeats: u32,
        /// Slots of an epoch.
        length: u64 => Some,
    }
}

/// Groups in shares that are proportional to n^(1/T), where n is a group's size and T the
/// temperature: equal shares without a temperature, natural ones at 1, their square roots at 2.
///
/// Without replacement, groups are dealt so that each is less than one slot away from its share at
/// every prefix of an epoch that ends with a batch, and a group is gone through whole before it
/// starts over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Balanced {
    /// The groups.
    pub by: By,
    /// The temperature, at least 1; may change by epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Curve>,
    /// True draws group and sample of every slot anew.
    pub replacement: bool,
    /// How often a sample comes in a row.
    pub repeats: u32,
    /// Slots of an epoch; as many as there are samples by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
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
    /// Equal shares of classes.
    pub fn new() -> Balanced {
        Balanced::default()
    }

    /// The temperature.
    #[must_use]
    pub fn temperature(self, temperature: impl Into<Curve>) -> Balanced {
        Balanced {
            temperature: Some(temperature.into()),
            ..self
        }
    }

    set! {
        /// The groups.
        by: By,
        /// Whether every slot is drawn anew.
        replacement: bool,
        /// How often a sample comes in a row.
        repeats: u32,
        /// Slots of an epoch.
        length: u64 => Some,
    }
}

/// Whether a class may give a batch the same sample twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replacement {
    /// Where it has too few samples.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never: a class with too few is refused, or left out with `skip_small`.
    Never,
}

/// P classes with K samples each in every batch, class by class; both are drawn anew for each batch
/// (as for Metrix, arXiv 2106.04990, and the triplet losses before it). The recipe's batch is P x
/// K.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Pk {
    /// P.
    pub classes: u32,
    /// K.
    pub items: u32,
    /// The groups that P are chosen of.
    #[serde(default)]
    pub by: By,
    /// Whether a class may give a batch the same sample twice.
    #[serde(default)]
    pub replacement: Replacement,
    /// Leaves classes with fewer than K samples out.
    #[serde(default)]
    pub skip_small: bool,
    /// Batches of an epoch; samples / batch by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<u64>,
}

impl Pk {
    /// P classes with K samples each.
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

    set! {
        /// The groups that P are chosen of.
        by: By,
        /// Whether a class may give a batch the same sample twice.
        replacement: Replacement,
        /// Whether small classes are left out.
        skip_small: bool,
        /// Batches of an epoch.
        batches: u64 => Some,
    }
}

/// Few-shot tasks: N classes, of each K support samples and Q queries, all different. A batch is
/// one episode or several, each with all of its support first, class by class, then its queries
/// ([`crate::Batch::roles`]). [`crate::Batch::groups`] has a sample's class within the batch: N x
/// the episode + its place among the N.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Episodes {
    /// N.
    pub ways: u32,
    /// K.
    pub shots: u32,
    /// Q.
    pub queries: u32,
    /// The groups that N are chosen of.
    #[serde(default)]
    pub by: By,
    /// Draws each class's share of the N x Q queries from a Dirichlet distribution of this
    /// concentration (unbalanced queries, Veilleux et al., 2021, with 2); equal by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_alpha: Option<f64>,
    /// Leaves classes with fewer than K + Q samples out, which are refused otherwise.
    #[serde(default)]
    pub skip_small: bool,
    /// Batches of an epoch; samples / batch by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<u64>,
}

impl Episodes {
    /// N-way K-shot with Q queries a class.
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

    set! {
        /// The groups that N are chosen of.
        by: By,
        /// Draws each class's share of the queries.
        query_alpha: f64 => Some,
        /// Whether small classes are left out.
        skip_small: bool,
        /// Batches of an epoch.
        batches: u64 => Some,
    }
}

/// Every batch from one group. Without a temperature every sample comes once an epoch, and `last`
/// says what happens to those that do not fill a batch of their group; with one, groups have shares
/// of the batches as in [`Balanced`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Grouped {
    /// The groups.
    pub by: By,
    /// The temperature, at least 1; may change by epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Curve>,
    /// Batches of an epoch, with a temperature; samples / batch by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<u64>,
}

impl Grouped {
    /// Batches of one group each.
    pub fn new(by: By) -> Grouped {
        Grouped {
            by,
            ..Grouped::default()
        }
    }

    /// The temperature.
    #[must_use]
    pub fn temperature(self, temperature: impl Into<Curve>) -> Grouped {
        Grouped {
            temperature: Some(temperature.into()),
            ..self
        }
    }

    set! {
        /// Batches of an epoch.
        batches: u64 => Some,
    }
}

/// One sample of each group an epoch, another one in the next: one caption of every image, so that
/// no image comes twice in a batch. After as many epochs as a group has samples, all of them came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Unique {
    /// The groups, such as a column with the image of each caption.
    pub by: By,
}

impl Unique {
    /// One sample of each group.
    pub fn new(by: By) -> Unique {
        Unique { by }
    }
}

/// Every sample once, group by group and in the order of samples inside: stored variants of one
/// original come together, and [`crate::Batch::groups`] says whose predictions to average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Variants {
    /// The groups.
    pub by: By,
}

impl Variants {
    /// Group by group.
    pub fn new(by: By) -> Variants {
        Variants { by }
    }
}

impl Sampler {
    /// What it has to know of each sample.
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

    pub(super) fn temperature(&self) -> Option<&Curve> {
        match self {
            Sampler::Balanced(Balanced { temperature, .. })
            | Sampler::Grouped(Grouped { temperature, .. }) => temperature.as_ref(),
            _ => None,
        }
    }

    /// How often a sample comes in a row.
    pub(super) fn repeats(&self) -> u32 {
        match self {
            Sampler::Order(Ordered { repeats, .. })
            | Sampler::Weighted(Weighted { repeats, .. })
            | Sampler::Balanced(Balanced { repeats, .. }) => *repeats,
            _ => 1,
        }
    }

    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Sampler::Order(Ordered { length, .. })
            | Sampler::Weighted(Weighted { length, .. })
            | Sampler::Balanced(Balanced { length, .. }) => *length,
            _ => None,
        }
    }

    /// Slots of an episode, or of a batch of P x K.
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

    /// Checks what does not depend on the data, for batches of a size; the error comes with the key
    /// that it is about.
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
                let text = "sampler.batches without temperature: every sample comes once, which makes the batches";
                at("sampler.batches", text.into())
            }
            _ => Ok(()),
        }
    }
}

/// A weight that is finite and not negative, and not all of them 0: `name` says whose.
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
