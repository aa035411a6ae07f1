//! The registry of ops and mixers: it builds them from the names and parameters in a recipe.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::augment::ops::{self, Container};
use crate::augment::{Op, take_name};
use crate::error::{Error, Result};
use crate::mix::{self, Mixer};
use crate::spec::{self, Declared, Spec};

/// How a number is read for a parameter that refuses a number alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// As in a recipe: it is refused.
    Recipe,
    /// As the fixed value, for one image, where nothing can vary.
    OneImage,
}

/// Reads parameters and builds a value. Containers ask the registry for the ops inside them.
type Make<T> = dyn Fn(&Registry, Reading, toml::Table) -> Result<Arc<T>> + Send + Sync;

/// Finds the paths of the parameters that are integers.
type FindIntegers = dyn Fn(&Registry, toml::Table) -> BTreeSet<String> + Send + Sync;

/// Builds an op or a mixer from its table of parameters.
struct Factory<T: ?Sized> {
    spec: Option<&'static Spec>,
    make: Arc<Make<T>>,
    integers: Arc<FindIntegers>,
}

impl<T: ?Sized> Clone for Factory<T> {
    fn clone(&self) -> Factory<T> {
        Factory {
            spec: self.spec,
            make: Arc::clone(&self.make),
            integers: Arc::clone(&self.integers),
        }
    }
}

/// The ops and mixers that a recipe may name: the built-in ones and user-defined ones.
///
/// # Example: an op by its name
///
/// ```
/// use feedmill::recipe::Registry;
///
/// let registry = Registry::default();
/// let op = registry.read_op(r#"{ op = "gaussian_blur", sigma = [0.1, 2.0] }"#)?;
/// assert_eq!(op.name(), "gaussian_blur");
/// assert!(registry.names().count() > 70);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone)]
pub struct Registry {
    ops: BTreeMap<String, Factory<dyn Op>>,
    mixers: BTreeMap<String, Factory<dyn Mixer>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set()
            .entries(self.names())
            .entries(self.mixer_names())
            .finish()
    }
}

impl Default for Registry {
    /// A registry of all built-in ops and mixers.
    fn default() -> Registry {
        let mut registry = Registry {
            ops: BTreeMap::new(),
            mixers: BTreeMap::new(),
        };
        for op in ops::built_in() {
            let (read, integers) = (op.read, op.integers);
            registry.ops.insert(
                op.spec.name.to_string(),
                Factory {
                    spec: Some(op.spec),
                    make: Arc::new(move |_, _, table| read(table)),
                    integers: Arc::new(move |_, table| integers(table)),
                },
            );
        }
        for spec in &ops::CONTAINERS {
            let name = spec.name;
            let make = move |registry: &Registry, reading, table: toml::Table| {
                let make_inner = |name: &str, table| registry.make_read(name, reading, table);
                let container = Container::read(name, &make_inner, table)?;
                Ok(Arc::new(container) as Arc<dyn Op>)
            };
            let factory = Factory {
                spec: Some(spec),
                make: Arc::new(make),
                integers: Arc::new(|registry, table| registry.container_integers(table)),
            };
            registry.ops.insert(name.to_string(), factory);
        }
        for mixer in mix::built_in() {
            let (read, integers) = (mixer.read, mixer.integers);
            registry.mixers.insert(
                mixer.spec.name.to_string(),
                Factory {
                    spec: Some(mixer.spec),
                    make: Arc::new(move |_, _, table| read(table)),
                    integers: Arc::new(move |_, table| integers(table)),
                },
            );
        }
        registry
    }
}

impl Registry {
    /// Adds the op `T`, or replaces the op of its name.
    ///
    /// [`declare`](crate::declare) makes a type that can be registered.
    pub fn register<T: Op + Declared + 'static>(&mut self) {
        let factory = Factory {
            spec: Some(T::SPEC),
            make: Arc::new(|_, _, table| Ok(Arc::new(spec::read::<T>(table)?) as Arc<dyn Op>)),
            integers: Arc::new(|_, table| spec::integers::<T>(table)),
        };
        self.ops.insert(T::SPEC.name.to_string(), factory);
    }

    /// Adds the mixer `T`, or replaces the mixer of its name.
    pub fn register_mixer<T: Mixer + Declared + 'static>(&mut self) {
        let factory = Factory {
            spec: Some(T::SPEC),
            make: Arc::new(|_, _, table| Ok(Arc::new(spec::read::<T>(table)?) as Arc<dyn Mixer>)),
            integers: Arc::new(|_, table| spec::integers::<T>(table)),
        };
        self.mixers.insert(T::SPEC.name.to_string(), factory);
    }

    /// The declarations of all ops in the alphabetical order of their names.
    pub fn op_specs(&self) -> impl Iterator<Item = &'static Spec> {
        self.ops.values().filter_map(|factory| factory.spec)
    }

    /// The declarations of all mixers in the alphabetical order of their names.
    pub fn mixer_specs(&self) -> impl Iterator<Item = &'static Spec> {
        self.mixers.values().filter_map(|factory| factory.spec)
    }

    /// The declaration of an op; `None` for unknown names.
    pub fn op_spec(&self, name: &str) -> Option<&'static Spec> {
        self.ops.get(name).and_then(|factory| factory.spec)
    }

    /// The declaration of a mixer; `None` for unknown names.
    pub fn mixer_spec(&self, name: &str) -> Option<&'static Spec> {
        self.mixers.get(name).and_then(|factory| factory.spec)
    }

    /// The names of all ops in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ops.keys().map(String::as_str)
    }

    /// The names of all mixers in alphabetical order.
    pub fn mixer_names(&self) -> impl Iterator<Item = &str> {
        self.mixers.keys().map(String::as_str)
    }

    /// Builds an op from its name and parameters, and checks it.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if no op has this name (the nearest name is suggested), if a
    /// parameter is unknown, or if a value is out of range.
    pub fn make(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Op>> {
        self.make_read(name, Reading::Recipe, params)
    }

    /// As [`Registry::make`], for an op that is applied to one image. There a number is taken as
    /// the fixed value where a recipe would have to say `{ fixed = … }`.
    ///
    /// # Errors
    ///
    /// As [`Registry::make`].
    pub fn make_for_one_image(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Op>> {
        self.make_read(name, Reading::OneImage, params)
    }

    /// Builds an op from a line of a recipe, such as `{ op = "resize", size = 224 }`.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the text is not one TOML table, and as [`Registry::make`].
    pub fn read_op(&self, text: &str) -> Result<Arc<dyn Op>> {
        let (name, table) = named_table("op", text)?;
        self.make(&name, table)
    }

    /// Builds a mixer from a line of a recipe, such as `{ mix = "mixup", alpha = 0.2 }`.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the text is not one TOML table, and as [`Registry::make_mixer`].
    pub fn read_mixer(&self, text: &str) -> Result<Arc<dyn Mixer>> {
        let (name, table) = named_table("mix", text)?;
        self.make_mixer(&name, table)
    }

    fn make_read(
        &self,
        name: &str,
        reading: Reading,
        mut params: toml::Table,
    ) -> Result<Arc<dyn Op>> {
        let factory = self
            .ops
            .get(name)
            .ok_or_else(|| spec::unknown("op", name, self.op_names()))?;
        if let (Reading::OneImage, Some(spec)) = (reading, factory.spec) {
            spec.fix_numbers(&mut params);
        }
        let op = (factory.make)(self, reading, params);
        op.and_then(|op| op.validate().map(|()| op))
            .map_err(|error| error.at(format_args!("op \"{name}\"")))
    }

    /// The names of all ops, each with its names in other libraries.
    fn op_names(&self) -> impl Iterator<Item = (&str, &'static [&'static str])> + Clone {
        names(&self.ops)
    }

    /// The names of all mixers, each with its names in other libraries.
    fn mixer_names_and_aliases(
        &self,
    ) -> impl Iterator<Item = (&str, &'static [&'static str])> + Clone {
        names(&self.mixers)
    }

    /// The paths of the parameters of an op that are integers; none for an unknown op.
    pub(super) fn integers(&self, name: &str, params: toml::Table) -> BTreeSet<String> {
        let factory = self.ops.get(name);
        factory.map_or_else(BTreeSet::new, |factory| (factory.integers)(self, params))
    }

    /// The paths of the parameters of a mixer that are integers; none for an unknown mixer.
    pub(super) fn mixer_integers(&self, name: &str, params: toml::Table) -> BTreeSet<String> {
        let factory = self.mixers.get(name);
        factory.map_or_else(BTreeSet::new, |factory| (factory.integers)(self, params))
    }

    /// The paths of the integers of all ops in a container, and of its own `count`.
    fn container_integers(&self, params: toml::Table) -> BTreeSet<String> {
        let mut found = BTreeSet::from(["count", "count[0]", "count[1]"].map(String::from));
        let ops = params.get("ops").and_then(toml::Value::as_array);
        for (number, op) in ops.into_iter().flatten().enumerate() {
            let Some(mut op) = op.as_table().cloned() else {
                continue;
            };
            let Ok((name, _)) = take_name(&mut op) else {
                continue;
            };
            op.remove("weight");
            let inner = self.integers(&name, op);
            found.extend(inner.iter().map(|path| format!("ops[{number}].{path}")));
        }
        found
    }

    /// Builds a mixer from its name and parameters, and checks it.
    ///
    /// # Errors
    ///
    /// As [`Registry::make`].
    pub fn make_mixer(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Mixer>> {
        let factory = self
            .mixers
            .get(name)
            .ok_or_else(|| spec::unknown("mixer", name, self.mixer_names_and_aliases()))?;
        let mixer = (factory.make)(self, Reading::Recipe, params);
        let mixer = mixer.and_then(|mixer| mixer.validate().map(|()| mixer));
        mixer.map_err(|error| error.at(format_args!("mix \"{name}\"")))
    }
}

/// Reads `{ key = "NAME", … }`.
fn named_table(key: &str, text: &str) -> Result<(String, toml::Table)> {
    let read: toml::Table = toml::from_str(&format!("table = {text}"))
        .map_err(|error| Error::config(format!("{text}: {}", error.message())))?;
    let expected = || Error::config(format!("{text}: expected {{ {key} = \"NAME\", … }}"));
    let mut table = match read.get("table") {
        Some(toml::Value::Table(table)) => table.clone(),
        _ => return Err(expected()),
    };
    match table.remove(key) {
        Some(toml::Value::String(name)) => Ok((name, table)),
        _ => Err(expected()),
    }
}

/// The names of factories, each with its names in other libraries.
fn names<T: ?Sized>(
    factories: &BTreeMap<String, Factory<T>>,
) -> impl Iterator<Item = (&str, &'static [&'static str])> + Clone {
    factories.iter().map(|(name, factory)| {
        let like = factory.spec.map_or(&[][..], |spec| spec.like);
        (name.as_str(), like)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects every number in a table with its path.
    fn numbers(value: &toml::Value, path: String, found: &mut Vec<(String, toml::Value)>) {
        match value {
            toml::Value::Integer(_) | toml::Value::Float(_) => found.push((path, value.clone())),
            toml::Value::Array(values) => {
                for (number, value) in values.iter().enumerate() {
                    numbers(value, format!("{path}[{number}]"), found);
                }
            }
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let dot = if path.is_empty() { "" } else { "." };
                    numbers(value, format!("{path}{dot}{key}"), found);
                }
            }
            _ => {}
        }
    }

    /// The value at a path.
    fn at<'a>(table: &'a mut toml::Value, path: &str) -> &'a mut toml::Value {
        path.split(['.', '[', ']'])
            .filter(|part| !part.is_empty())
            .fold(table, |here, part| match part.parse::<usize>() {
                Ok(number) => &mut here[number],
                Err(_) => &mut here[part],
            })
    }

    /// Checks that the parameters of an op that are declared to be integers are exactly those that
    /// refuse fractions.
    fn check(registry: &Registry, name: &str, params: toml::Table, checked: &mut usize) {
        let integers = registry.integers(name, params.clone());
        let params = toml::Value::Table(params);
        let mut all = Vec::new();
        numbers(&params, String::new(), &mut all);
        for (path, value) in all {
            let toml::Value::Integer(value) = value else {
                continue;
            };
            let takes = |fraction: f64| {
                let mut params = params.clone();
                *at(&mut params, &path) = toml::Value::Float(value as f64 + fraction);
                registry
                    .make(name, params.as_table().unwrap().clone())
                    .is_ok()
            };
            let refused = !takes(1.0 / 1024.0) && !takes(-1.0 / 1024.0);
            assert_eq!(integers.contains(&path), refused, "{name} {params}: {path}");
            *checked += 1;
        }
    }

    #[test]
    fn a_parameter_is_an_integer_where_fractions_are_refused() {
        let registry = Registry::default();
        let mut checked = 0;
        for built_in in ops::built_in() {
            for params in built_in.spec.strengths {
                let table: toml::Table = format!("op = {{ {params} }}").parse().unwrap();
                let params = table["op"].as_table().unwrap().clone();
                check(&registry, built_in.spec.name, params, &mut checked);
            }
        }
        assert!(checked > 100, "only {checked} numbers were checked");
    }
}
