//! Ops made of ops: in sequence, one of several, some of several, in random order.

use std::sync::Arc;

use crate::augment::{self, Op, Steps};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::rng::{OpKey, RandomStream};
use crate::spec::{self, IntegerRange, check_p};

/// Makes an inner op of a name and its parameters.
pub(crate) type MakeInner<'a> = &'a dyn Fn(&str, toml::Table) -> Result<Arc<dyn Op>>;

/// An op inside another one.
#[derive(Clone, Debug)]
struct Inner {
    label: String,
    key: OpKey,
    weight: f64,
    op: Arc<dyn Op>,
}

/// Which of its ops a container applies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Choice {
    All,
    One,
    Some(IntegerRange),
    Shuffled,
}

/// Several ops as one, with probability `p` (1).
///
/// In a recipe: `sequence` applies all of them (torchvision `RandomApply`, with `p`), `one_of` one,
/// chosen by `weight` (1 each; torchvision `RandomChoice`), `some_of` a number `count` of different
/// ones, in the order of the recipe, `random_order` all in random order (torchvision
/// `RandomOrder`). Each of its `ops` is written like any op, with a random stream of its own.
#[derive(Clone, Debug)]
pub struct Container {
    choice: Choice,
    ops: Vec<Inner>,
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

    /// A number of different ops, fixed or drawn, in their order.
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
    pub fn op(self, op: impl Op + 'static) -> Container {
        self.weighted(op, 1.0)
    }

    /// Adds an op of some weight.
    #[must_use]
    pub fn weighted(mut self, op: impl Op + 'static, weight: f64) -> Container {
        self.push(None, weight, Arc::new(op));
        self
    }

    /// With probability `p`.
    #[must_use]
    pub fn p(self, p: f64) -> Container {
        Container { p, ..self }
    }

    fn push(&mut self, label: Option<String>, weight: f64, op: Arc<dyn Op>) {
        let label = label
            .unwrap_or_else(|| augment::label(op.name(), self.ops.iter().map(|inner| &*inner.op)));
        let key = OpKey::of(&label);
        self.ops.push(Inner {
            label,
            key,
            weight,
            op,
        });
    }

    /// Reads `ops`, `p` and `count` of a container called `name`; `make` makes an op by name.
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

fn number(table: &mut toml::Table, key: &str) -> Result<Option<f64>> {
    match table.remove(key) {
        None => Ok(None),
        Some(toml::Value::Float(value)) => Ok(Some(value)),
        Some(toml::Value::Integer(value)) => Ok(Some(value as f64)),
        Some(other) => Err(Error::config(format!("{key} = {other}: expected a number"))),
    }
}

impl Op for Container {
    fn name(&self) -> &str {
        match self.choice {
            Choice::All => "sequence",
            Choice::One => "one_of",
            Choice::Some(_) => "some_of",
            Choice::Shuffled => "random_order",
        }
    }

    fn params(&self) -> toml::Table {
        let ops = self.ops.iter().map(|inner| {
            let mut table = toml::Table::new();
            table.insert("op".into(), inner.op.name().into());
            table.insert("label".into(), inner.label.as_str().into());
            if self.choice == Choice::One {
                table.insert("weight".into(), inner.weight.into());
            }
            table.extend(inner.op.params());
            toml::Value::Table(table)
        });
        let mut table = toml::Table::new();
        table.insert("ops".into(), toml::Value::Array(ops.collect()));
        table.insert("p".into(), self.p.into());
        if let Choice::Some(count) = self.choice {
            table.insert(
                "count".into(),
                toml::Value::try_from(count).expect("a span is numbers"),
            );
        }
        table
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
                .check()
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
                    "the label \"{}\" stands twice, and the two would share random numbers: give one another label",
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
            count.check("count", [0.0, self.ops.len() as f64])?;
        }
        Ok(())
    }

    fn frame(&self, frame: Option<Size>) -> Option<Size> {
        let mut ends = self.ops.iter().map(|inner| inner.op.frame(frame));
        let end = match self.choice {
            Choice::All => self
                .ops
                .iter()
                .fold(frame, |frame, inner| inner.op.frame(frame)),
            Choice::One => ends
                .next()
                .flatten()
                .filter(|end| ends.all(|other| other == Some(*end))),
            Choice::Some(_) | Choice::Shuffled => frame.filter(|_| ends.all(|end| end == frame)),
        };
        // What may be left out must keep the size.
        if self.p == 1.0 {
            end
        } else {
            end.filter(|_| end == frame)
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
        let apply = |inner: &Inner, steps: &mut Steps| {
            steps.within(&inner.label, |steps| {
                inner.op.draw(&mut rng.child(inner.key), steps)
            });
        };
        let mut choosing = rng.child(OpKey::of("choice"));
        match self.choice {
            Choice::All => self.ops.iter().for_each(|inner| apply(inner, steps)),
            Choice::One => {
                let chosen = choosing.weighted(self.ops.iter().map(|inner| inner.weight));
                apply(&self.ops[chosen], steps);
            }
            Choice::Some(count) => {
                // Selection sampling: each op in turn is taken with the chance that keeps all
                // subsets equally likely.
                let mut wanted = count.draw(&mut choosing) as u64;
                for (number, inner) in self.ops.iter().enumerate() {
                    if choosing.below((self.ops.len() - number) as u64) < wanted {
                        apply(inner, steps);
                        wanted -= 1;
                    }
                }
            }
            Choice::Shuffled => {
                // At each turn one of those left, found by counting: no list is made.
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
