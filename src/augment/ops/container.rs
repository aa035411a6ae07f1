//! Ops made of ops: all in sequence, one of several, some of several, all in random order.
//!
//! Each inner op draws from a stream that is derived from the container's stream and the inner op's
//! label ([`RandomStream::child`]), and the choice among them has a stream of its own. So adding an
//! inner op, or another weight, does not change what its neighbors draw. Labels are unique within a
//! container for the same reason: two ops of one label would draw the same numbers.
//!
//! A container is written as a nested table in a recipe, `{ op = "one_of", ops = [ … ] }`. Serde
//! cannot read it by itself, because an inner op may be any registered one; [`Container::read`]
//! takes a function that makes ops by name, so that this module does not depend on the registry.

use std::sync::Arc;

use crate::augment::{self, Op, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::{OpKey, RandomStream};
use crate::spec::{
    self, BareNumber, IntegerRange, ParamSpec, ParamValue, Parameters, Spec, check_p, check_range,
};

/// A function that makes an op from its name and its parameters.
pub(crate) type MakeInner<'a> = &'a dyn Fn(&str, toml::Table) -> Result<Arc<dyn Op>>;

/// An op inside of a container.
#[derive(Clone, Debug)]
struct InnerOp {
    label: String,
    /// The hash of the label, by which the op's random stream is derived.
    key: OpKey,
    /// The relative chance to be chosen, in [`Choice::One`].
    weight: f64,
    op: Arc<dyn Op>,
}

/// Which of its ops a container applies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Choice {
    /// All, in order: `sequence`.
    All,
    /// One, by weight: `one_of`.
    One,
    /// A number of different ones, in order: `some_of`.
    Some(IntegerRange),
    /// All, in random order: `random_order`.
    Shuffled,
}

/// Applies several ops, or a choice of them, as one op.
///
/// A recipe has it under four names:
///
/// * `sequence` applies all ops in order; torchvision `RandomApply`, with `p`.
/// * `one_of` applies one op; torchvision `RandomChoice`.
/// * `some_of` applies `count` different ops in the order of the recipe.
/// * `random_order` applies all ops in random order; torchvision `RandomOrder`.
///
/// # Parameters
///
/// * `ops` (required; 1 to 64): the inner ops, each written like any op. Inside of `one_of` each
///   may have a `weight` (1; 0 or more), its chance relative to the others.
/// * `count` (required by `some_of`, an integer or `[low, high]`; 0 to the number of ops).
/// * `p` (1): the probability that the container is applied at all.
///
/// # Example: one of two ops
///
/// ```
/// use feedmill::augment::ops::{Container, Grayscale, HorizontalFlip};
/// use feedmill::testing::assert_op;
///
/// let op = Container::one_of()
///     .with_op(HorizontalFlip::new().with_p(1.0))
///     .with_op(Grayscale::new().with_p(1.0))
///     .with_p(0.5);
/// assert_op(
///     r#"{ op = "one_of", p = 0.5, ops = [
///         { op = "horizontal_flip", p = 1.0 },
///         { op = "grayscale", p = 1.0 },
///     ] }"#,
///     &op,
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Container {
    choice: Choice,
    ops: Vec<InnerOp>,
    p: f64,
}

impl Container {
    /// All ops, one after the other.
    pub fn sequence() -> Container {
        Container {
            choice: Choice::All,
            ops: Vec::new(),
            p: 1.0,
        }
    }

    /// One op, chosen by weight.
    pub fn one_of() -> Container {
        Container {
            choice: Choice::One,
            ..Container::sequence()
        }
    }

    /// `count` different ops, fixed or drawn from a range, in their order.
    pub fn some_of(count: impl Into<IntegerRange>) -> Container {
        Container {
            choice: Choice::Some(count.into()),
            ..Container::sequence()
        }
    }

    /// All ops in random order.
    pub fn random_order() -> Container {
        Container {
            choice: Choice::Shuffled,
            ..Container::sequence()
        }
    }

    /// Adds an op of weight 1.
    #[must_use]
    pub fn with_op(self, op: impl Op + 'static) -> Container {
        self.with_weighted(op, 1.0)
    }

    /// Adds an op with a weight, which [`Container::one_of`] chooses by.
    #[must_use]
    pub fn with_weighted(mut self, op: impl Op + 'static, weight: f64) -> Container {
        self.push(None, weight, Arc::new(op));
        self
    }

    /// Sets the probability that the container is applied; 1 by default.
    #[must_use]
    pub fn with_p(self, p: f64) -> Container {
        Container { p, ..self }
    }

    /// Returns the probability that the container is applied.
    pub fn p(&self) -> f64 {
        self.p
    }

    fn push(&mut self, label: Option<String>, weight: f64, op: Arc<dyn Op>) {
        let label = label
            .unwrap_or_else(|| augment::label(op.name(), self.ops.iter().map(|inner| &*inner.op)));
        let key = OpKey::of(&label);
        self.ops.push(InnerOp {
            label,
            key,
            weight,
            op,
        });
    }

    /// Reads the container `name` from its table; `make` makes the inner ops.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a key is missing, unknown or of another type, or `make` fails.
    pub(crate) fn read(
        name: &str,
        make: MakeInner<'_>,
        mut table: toml::Table,
    ) -> Result<Container> {
        let mut container = match name {
            "sequence" => Container::sequence(),
            "one_of" => Container::one_of(),
            "some_of" => {
                let count = table.remove("count").ok_or_else(|| {
                    Error::config("count is missing: how many of the ops, a number or [low, high]")
                })?;
                let count: IntegerRange =
                    spec::read_value(count).map_err(|error| error.in_key("count"))?;
                Container::some_of(count)
            }
            _ => Container::random_order(),
        };
        container.p = number(&mut table, "p")?.unwrap_or(1.0);
        let Some(toml::Value::Array(ops)) = table.remove("ops") else {
            return Err(Error::config(
                "ops is missing: expected ops = [ { op = \"NAME\", … }, … ]",
            ));
        };
        if let Some(other) = table.keys().next() {
            return Err(Error::config(format!(
                "unknown field `{other}`, expected `ops`, `p` or `count`"
            )));
        }
        for op in ops {
            let toml::Value::Table(mut table) = op else {
                return Err(Error::config(format!(
                    "ops: expected {{ op = \"NAME\", … }}, found {op}"
                )));
            };
            let (name, label) = augment::take_name(&mut table).map_err(|error| error.at("ops"))?;
            let weight = match container.choice {
                Choice::One => number(&mut table, "weight")?.unwrap_or(1.0),
                _ => 1.0,
            };
            container.push(label, weight, make(&name, table)?);
        }
        Ok(container)
    }
}

/// Takes an optional number out of a table; integers are numbers too.
fn number(table: &mut toml::Table, key: &str) -> Result<Option<f64>> {
    match table.remove(key) {
        None => Ok(None),
        Some(toml::Value::Float(value)) => Ok(Some(value)),
        Some(toml::Value::Integer(value)) => Ok(Some(value as f64)),
        Some(other) => Err(Error::config(format!("{key} = {other}: expected a number"))),
    }
}

impl Container {
    /// The table of a container, with a table of parameters for each op.
    fn table(&self, params: impl Fn(&dyn Op) -> toml::Table) -> toml::Table {
        let ops = self.ops.iter().map(|inner| {
            let mut table = toml::Table::new();
            table.insert("op".into(), inner.op.name().into());
            table.insert("label".into(), inner.label.as_str().into());
            if self.choice == Choice::One {
                table.insert("weight".into(), inner.weight.into());
            }
            table.extend(params(&*inner.op));
            toml::Value::Table(table)
        });
        let mut table = toml::Table::new();
        table.insert("ops".into(), toml::Value::Array(ops.collect()));
        table.insert("p".into(), self.p.into());
        if let Choice::Some(count) = self.choice
            && let Some(count) = count.to_toml()
        {
            table.insert("count".into(), count);
        }
        table
    }
}

/// The ops inside of a container.
const OPS: ParamSpec = ParamSpec {
    name: "ops",
    about: "The inner ops, at most 64. Inside of `one_of` each may have a `weight` (1), its chance \
            relative to the others.",
    default: None,
    range: None,
    unit: "",
    form: || "a list of ops, each written like any op".to_string(),
    bare: BareNumber::Plain,
    is_list: false,
};

/// How many of them `some_of` applies.
const COUNT: ParamSpec = ParamSpec {
    name: "count",
    about: "How many different ops are applied, at most all of them.",
    default: None,
    range: Some([0.0, 64.0]),
    unit: "",
    form: IntegerRange::form,
    bare: BareNumber::Fixed,
    is_list: false,
};

/// The probability of a container.
const P: ParamSpec = ParamSpec {
    name: "p",
    about: "The probability that the container is applied at all.",
    default: Some(|| 1.0.to_toml()),
    range: Some([0.0, 1.0]),
    unit: "",
    form: f64::form,
    bare: BareNumber::Plain,
    is_list: false,
};

/// The declarations of the four containers.
pub(crate) static CONTAINERS: [Spec; 4] = [
    Spec {
        name: "sequence",
        rust_name: "Container",
        module: module_path!(),
        about: "Applies all ops in order.",
        notes: &[],
        families: &[],
        like: &[
            "torchvision Compose",
            "torchvision RandomApply",
            "albumentations Sequential",
        ],
        strengths: &[
            "ops = [{ op = \"invert\", p = 1.0 }]",
            "ops = [{ op = \"invert\", p = 1.0 }, { op = \"hue\", factor = 0.2 }]",
            "ops = [{ op = \"invert\", p = 1.0 }, { op = \"hue\", factor = 0.5 }, \
             { op = \"posterize\", bits = 2, p = 1.0 }]",
        ],
        params: &[OPS, P],
    },
    Spec {
        name: "one_of",
        rust_name: "Container",
        module: module_path!(),
        about: "Applies one op.",
        notes: &[],
        families: &[],
        like: &["torchvision RandomChoice", "albumentations OneOf"],
        strengths: &[
            "ops = [{ op = \"invert\", p = 1.0 }, { op = \"grayscale\", p = 1.0 }]",
            "ops = [{ op = \"hue\", factor = 0.3 }, { op = \"equalize\", p = 1.0 }]",
            "ops = [{ op = \"solarize\", threshold = 60, p = 1.0 }, \
             { op = \"posterize\", bits = 1, p = 1.0, weight = 2.0 }]",
        ],
        params: &[OPS, P],
    },
    Spec {
        name: "some_of",
        rust_name: "Container",
        module: module_path!(),
        about: "Applies some different ops in the order of the recipe.",
        notes: &[],
        families: &[],
        like: &["albumentations SomeOf", "imgaug SomeOf"],
        strengths: &[
            "count = 1, ops = [{ op = \"hue\", factor = 0.3 }, { op = \"invert\", p = 1.0 }, \
             { op = \"posterize\", bits = 2, p = 1.0 }]",
            "count = 2, ops = [{ op = \"hue\", factor = 0.3 }, { op = \"invert\", p = 1.0 }, \
             { op = \"posterize\", bits = 2, p = 1.0 }]",
            "count = 3, ops = [{ op = \"hue\", factor = 0.3 }, { op = \"invert\", p = 1.0 }, \
             { op = \"posterize\", bits = 2, p = 1.0 }]",
        ],
        params: &[OPS, COUNT, P],
    },
    Spec {
        name: "random_order",
        rust_name: "Container",
        module: module_path!(),
        about: "Applies all ops in random order.",
        notes: &[],
        families: &[],
        like: &["torchvision RandomOrder", "albumentations RandomOrder"],
        strengths: &[
            "ops = [{ op = \"solarize\", threshold = 128, p = 1.0 }, \
             { op = \"brightness\", factor = 1.3 }]",
            "ops = [{ op = \"solarize\", threshold = 128, p = 1.0 }, \
             { op = \"brightness\", factor = 1.6 }]",
            "ops = [{ op = \"solarize\", threshold = 90, p = 1.0 }, \
             { op = \"brightness\", factor = 1.9 }]",
        ],
        params: &[OPS, P],
    },
];

impl Parameters for Container {
    fn name(&self) -> &'static str {
        match self.choice {
            Choice::All => "sequence",
            Choice::One => "one_of",
            Choice::Some(_) => "some_of",
            Choice::Shuffled => "random_order",
        }
    }

    fn spec(&self) -> Option<&'static Spec> {
        CONTAINERS.iter().find(|spec| spec.name == self.name())
    }

    fn params(&self) -> toml::Table {
        self.table(|op| op.params())
    }
}

impl Op for Container {
    fn identity(&self) -> toml::Table {
        self.table(|op| op.identity())
    }

    fn inner(&self) -> Vec<&dyn Op> {
        self.ops.iter().map(|inner| &*inner.op).collect()
    }

    fn check(&self) -> Result<()> {
        check_p(self.p)?;
        if self.ops.is_empty() {
            return Err(Error::config("ops is empty: name at least one op"));
        }
        if self.ops.len() > 64 {
            return Err(Error::config(format!(
                "ops: {} ops in one container: at most 64",
                self.ops.len()
            )));
        }
        for (number, inner) in self.ops.iter().enumerate() {
            inner
                .op
                .validate()
                .map_err(|error| error.at(format_args!("op \"{}\"", inner.label)))?;
            if !(inner.weight.is_finite() && inner.weight >= 0.0) {
                let text = format!(
                    "op \"{}\": weight = {}: expected 0 or more",
                    inner.label, inner.weight
                );
                return Err(Error::config(text));
            }
            if self.ops[..number]
                .iter()
                .any(|other| other.key == inner.key)
            {
                let text = format!(
                    "the label \"{}\" stands twice, and the two would share random numbers: give \
                     one another label",
                    inner.label
                );
                return Err(Error::config(text));
            }
        }
        if self.choice == Choice::One && self.ops.iter().all(|inner| inner.weight == 0.0) {
            return Err(Error::config(
                "all weights are 0: give one op a positive weight",
            ));
        }
        if let Choice::Some(count) = self.choice {
            let ends = count.ends();
            let most = self.ops.len() as f64;
            ends.iter()
                .try_for_each(|end| check_range("count", *end, [0.0, most]))?;
            if ends[0] > ends[1] || ends.iter().any(|end| end.fract() != 0.0) {
                return Err(Error::config(format!(
                    "count = {ends:?}: expected whole numbers, low <= high"
                )));
            }
        }
        Ok(())
    }

    fn output_size(&self, size: Option<Size>) -> Option<Size> {
        // The size is known if all outcomes of the choice have the same one.
        let mut ends = self.ops.iter().map(|inner| inner.op.output_size(size));
        let end = match self.choice {
            Choice::All => self
                .ops
                .iter()
                .fold(size, |size, inner| inner.op.output_size(size)),
            Choice::One => ends
                .next()
                .flatten()
                .filter(|end| ends.all(|other| other == Some(*end))),
            Choice::Some(_) | Choice::Shuffled => size.filter(|_| ends.all(|end| end == size)),
        };
        // If the container may be skipped, skipping is one of the outcomes.
        if self.p == 1.0 {
            end
        } else {
            end.filter(|_| end == size)
        }
    }

    fn notes(&self) -> Vec<(String, usize)> {
        self.ops
            .iter()
            .flat_map(|inner| {
                let notes = inner.op.notes().into_iter();
                notes.map(|(name, width)| (format!("{}.{name}", inner.label), width))
            })
            .collect()
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        if !rng.bernoulli(self.p) {
            return;
        }
        let apply = |inner: &InnerOp, steps: &mut Steps| {
            steps.within(&inner.label, |steps| {
                inner.op.draw(&mut rng.child(inner.key), steps)
            });
        };
        // `child` depends on where the stream began and not on what was drawn from it, so inner ops
        // draw the same whatever is chosen before them.
        let mut choosing = rng.child(OpKey::of("choice"));
        match self.choice {
            Choice::All => self.ops.iter().for_each(|inner| apply(inner, steps)),
            Choice::One => {
                let chosen = choosing.weighted(self.ops.iter().map(|inner| inner.weight));
                apply(&self.ops[chosen], steps);
            }
            Choice::Some(count) => {
                // Selection sampling (Knuth, TAOCP 2, algorithm 3.4.2 S): each op in turn is taken
                // with the chance (still to take) / (still to come), which makes all subsets
                // equally likely and keeps the order.
                let mut missing = count.draw(&mut choosing) as u64;
                for (number, inner) in self.ops.iter().enumerate() {
                    if choosing.below((self.ops.len() - number) as u64) < missing {
                        apply(inner, steps);
                        missing -= 1;
                    }
                }
            }
            Choice::Shuffled => {
                // Each turn takes one of the ops that are left. A bit for each op says whether it
                // was applied, which is why a container has at most 64: no list is allocated.
                let mut done = 0u64;
                for left in (1..=self.ops.len() as u64).rev() {
                    let skip = choosing.below(left) as usize;
                    let free = (0..self.ops.len()).filter(|number| done >> number & 1 == 0);
                    let chosen = free.into_iter().nth(skip).unwrap_or(0);
                    done |= 1 << chosen;
                    apply(&self.ops[chosen], steps);
                }
            }
        }
    }
}
