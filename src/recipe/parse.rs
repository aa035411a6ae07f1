//! Reads a recipe from TOML. Every error names the line that it is about.
//!
//! serde checks names and types and knows positions where a field is [`Located`]. Checks that need
//! more than one field, such as [`Recipe::check`], are shared with the builder form, where there is
//! no text: they return the dotted key that they are about, and [`position_of`] finds that key in
//! the text.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::mix::{choice_integers, mix_integers, read_choice, read_mix};
use super::schedule::Schedule;
use super::view::{self, ViewField};
use super::{Decode, OnBad, OpFolds, Output, Recipe, Registry, SourceConfig, TargetOptions, View};
use crate::augment::{Joint, take_name};
use crate::error::{Error, Result};
use crate::mix::Mix;
use crate::plan::{Last, Order, Sampler, Select};
use crate::spec::{self, Located};

/// A whole recipe as written, before ops and mixers are built.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeTable {
    #[serde(default)]
    seed: u64,
    batch: usize,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    last: Last,
    #[serde(default)]
    sampler: Sampler,
    #[serde(default)]
    select: Vec<Located<Select>>,
    #[serde(default)]
    source: Vec<SourceConfig>,
    table: Option<PathBuf>,
    op_folds: Option<Located<OpFolds>>,
    #[serde(default)]
    view: Vec<Located<ViewTable>>,
    joint: Option<Joint>,
    mix: Option<toml::Table>,
    #[serde(default)]
    target: TargetOptions,
    #[serde(default)]
    output: Output,
    #[serde(default)]
    on_bad: OnBad,
    #[serde(default)]
    decode: Decode,
}

/// A table of `[[view]]` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewTable {
    name: Option<Located<String>>,
    count: Option<Located<usize>>,
    #[serde(default)]
    ops: Vec<Located<toml::Table>>,
}

/// Reads and checks a recipe.
///
/// # Errors
///
/// As [`Recipe::from_toml`].
pub(super) fn recipe(registry: &Registry, text: &str) -> Result<Recipe> {
    let table: RecipeTable = spec::read_text(text)
        .map_err(|error| with_line(text, error.start(), Error::config(error.to_string())))?;
    if let Some(folds) = &table.op_folds {
        folds
            .value
            .check()
            .map_err(|error| with_line(text, folds.start, error))?;
    }
    let op_folds = table.op_folds.map(|folds| folds.value);
    let views = views(registry, text, table.view, op_folds.as_ref())?;
    let (mix, mix_schedule) = match table.mix {
        Some(table) => mix(registry, text, table)?,
        None => (None, None),
    };
    let mut select = Vec::with_capacity(table.select.len());
    for located in table.select {
        let Located { start, value } = located;
        value
            .check()
            .map_err(|error| with_line(text, start, error))?;
        select.push(value);
    }
    let recipe = Recipe {
        seed: table.seed,
        batch: table.batch,
        order: table.order,
        last: table.last,
        sampler: table.sampler,
        select,
        sources: table.source,
        table: table.table,
        views,
        op_folds,
        joint: table.joint,
        mix,
        mix_schedule,
        target: table.target,
        output: table.output,
        on_bad: table.on_bad,
        decode: table.decode,
        text: Some(text.into()),
    };
    recipe
        .check()
        .map_err(|(key, error)| with_line(text, position_of(text, key), error))?;
    Ok(recipe)
}

/// Builds the views of a recipe and checks them.
fn views(
    registry: &Registry,
    text: &str,
    tables: Vec<Located<ViewTable>>,
    folds: Option<&OpFolds>,
) -> Result<Vec<View>> {
    let registry = Arc::new(registry.clone());
    let mut views = Vec::with_capacity(tables.len());
    // The positions of the name, the count and the table of each view.
    let mut positions = Vec::with_capacity(tables.len());
    for Located {
        start,
        value: table,
    } in tables
    {
        positions.push((
            table.name.as_ref().map_or(start, |name| name.start),
            table.count.as_ref().map_or(start, |count| count.start),
            start,
        ));
        let mut view = View::new().with_count(table.count.map_or(1, |count| count.value));
        view.name = table.name.map(|name| name.value);
        for Located { start, value } in table.ops {
            let added = add_op(&registry, &mut view, value).and_then(|()| match folds {
                Some(folds) => folds.check_op(view.ops[view.ops.len() - 1].op()),
                None => Ok(()),
            });
            added.map_err(|error| with_line(text, start, error))?;
        }
        views.push(view);
    }
    view::check(&views).map_err(|(number, field, error)| {
        let (name, count, table) = positions[number];
        let position = match field {
            ViewField::Name => name,
            ViewField::Count => count,
            ViewField::Ops => table,
        };
        with_line(text, position, error)
    })?;
    Ok(views)
}

/// How batches of epoch 0 are mixed, and the schedule if the table `[mix]` holds curves.
type MixOfEpochs = (Option<Mix>, Option<Arc<Schedule<Mix>>>);

/// Builds the mixing of a recipe from its table `[mix]`.
fn mix(registry: &Registry, text: &str, table: toml::Table) -> Result<MixOfEpochs> {
    let registry = Arc::new(registry.clone());
    // Each entry of `choose` is built on its own first, so that an error has the line of the entry.
    // The result is thrown away.
    let entries = table.get("choose").and_then(toml::Value::as_array);
    for (number, entry) in entries.into_iter().flatten().enumerate() {
        let Some(entry) = entry.as_table() else {
            continue;
        };
        let make = {
            let registry = Arc::clone(&registry);
            move |table| read_choice(&registry, table).map(Arc::new)
        };
        let position = || position_of(text, &format!("mix.choose.{number}"));
        let name = entry
            .get("mix")
            .and_then(toml::Value::as_str)
            .unwrap_or_default();
        let integers = |params| choice_integers(&registry, params);
        let schedule = Schedule::new(entry, integers, make)
            .map_err(|error| error.at(format_args!("mix \"{name}\"")))
            .map_err(|error| with_line(text, position(), error))?;
        if schedule.is_none() {
            read_choice(&registry, entry.clone())
                .map_err(|error| with_line(text, position(), error))?;
        }
    }
    // Keys that decide the shape of batches have to be the same in all epochs, so they take no
    // curve, which would be a table.
    let varies = |(key, value): (&String, &toml::Value)| {
        !["choose", "p", "masks"].contains(&key.as_str()) && value.is_table()
    };
    if let Some((key, _)) = table.iter().find(|entry| varies(*entry)) {
        let error = Error::config(format!(
            "mix.{key} is the same in all epochs and cannot be a table"
        ));
        let position = position_of(text, &format!("mix.{key}"));
        return Err(with_line(text, position, error));
    }
    let keys: BTreeSet<String> = table.keys().cloned().collect();
    // The first step of the key that an error names, if it is a key of the table.
    let position = |error: &Error| {
        let key = error.key().and_then(|key| key.split(['.', '[']).next());
        let key = key.filter(|key| keys.contains(*key));
        position_of(
            text,
            &key.map_or_else(|| "mix".to_string(), |key| format!("mix.{key}")),
        )
    };
    let make = {
        let registry = Arc::clone(&registry);
        move |table| read_mix(&registry, table).map(Arc::new)
    };
    let integers = |params| mix_integers(&registry, params);
    let schedule = Schedule::new(&table, integers, make)
        .map_err(|error| with_line(text, position(&error), error))?;
    let mix = match &schedule {
        Some(schedule) => schedule.at(0).map(Arc::unwrap_or_clone),
        None => read_mix(&registry, table),
    };
    let mix = mix.map_err(|error| with_line(text, position(&error), error))?;
    Ok((Some(mix), schedule.map(Arc::new)))
}

/// Builds the op that a table describes, and adds it to a view.
pub(super) fn add_op(
    registry: &Arc<Registry>,
    view: &mut View,
    mut table: toml::Table,
) -> Result<()> {
    let (name, label) = take_name(&mut table)?;
    let shared = match table.remove("shared") {
        None => false,
        Some(toml::Value::Boolean(shared)) => shared,
        Some(other) => {
            return Err(Error::config(format!(
                "shared = {other}: expected true or false"
            )));
        }
    };
    let make = {
        let (registry, name) = (Arc::clone(registry), name.clone());
        move |table| registry.make(&name, table)
    };
    let integers = |params| registry.integers(&name, params);
    let schedule = Schedule::new(&table, integers, make)
        .map_err(|error| error.at(format_args!("op \"{name}\"")))?;
    let op = schedule
        .as_ref()
        .map_or_else(|| registry.make(&name, table), |schedule| schedule.at(0))?;
    view.push(label, op, schedule, shared)
}

/// The error with the number of the line that contains the byte at `position`.
pub(super) fn with_line(text: &str, position: usize, error: Error) -> Error {
    let line = text.as_bytes()[..position.min(text.len())]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1;
    error.on_line("recipe", line)
}

/// The position in the text of the value of a dotted key. If the key is not in the text, it is the
/// position of the innermost table on the way. A number in a key is an index into a list.
pub(super) fn position_of(text: &str, key: &str) -> usize {
    use toml::de::DeValue;
    let Ok(table) = toml::de::DeTable::parse(text) else {
        return 0;
    };
    let mut position = 0;
    let mut here = &DeValue::Table(table.into_inner());
    for part in key.split('.') {
        let found = match here {
            DeValue::Table(table) => table.get(part),
            DeValue::Array(list) => part.parse().ok().and_then(|at: usize| list.get(at)),
            _ => None,
        };
        let Some(value) = found else { break };
        position = value.span().start;
        here = value.get_ref();
    }
    position
}
