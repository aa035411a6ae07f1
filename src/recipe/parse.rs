//! TOML to recipe, with the line of whatever is wrong.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::mix::{choice_integers, mix_integers, read_choice, read_mix};
use super::schedule::Schedule;
use super::view::{self, Part};
use super::{Decode, OnBad, OpFolds, Output, Recipe, Registry, SourceConfig, TargetOptions, View};
use crate::augment::{Joint, take_name};
use crate::error::{Error, Result};
use crate::mix::Mix;
use crate::plan::{Last, Order, Sampler, Select};
use crate::spec::{self, Located};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
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
    view: Vec<Located<ViewForm>>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewForm {
    name: Option<Located<String>>,
    count: Option<Located<usize>>,
    #[serde(default)]
    ops: Vec<Located<toml::Table>>,
}

pub(super) fn recipe(registry: &Registry, text: &str) -> Result<Recipe> {
    let form: Form = spec::read_text(text)
        .map_err(|error| at(text, error.start(), Error::config(error.to_string())))?;
    if let Some(folds) = &form.op_folds {
        folds
            .value
            .check()
            .map_err(|error| at(text, folds.start, error))?;
    }
    let op_folds = form.op_folds.map(|folds| folds.value);
    let views = views(registry, text, form.view, op_folds.as_ref())?;
    let (mix, mix_schedule) = match form.mix {
        Some(table) => mix(registry, text, table)?,
        None => (None, None),
    };
    let mut select = Vec::with_capacity(form.select.len());
    for located in form.select {
        let Located { start, value } = located;
        value.check().map_err(|error| at(text, start, error))?;
        select.push(value);
    }
    let recipe = Recipe {
        seed: form.seed,
        batch: form.batch,
        order: form.order,
        last: form.last,
        sampler: form.sampler,
        select,
        sources: form.source,
        table: form.table,
        views,
        op_folds,
        joint: form.joint,
        mix,
        mix_schedule,
        target: form.target,
        output: form.output,
        on_bad: form.on_bad,
        decode: form.decode,
    };
    recipe
        .check()
        .map_err(|(key, error)| at(text, place_of(text, key), error))?;
    Ok(recipe)
}

fn views(
    registry: &Registry,
    text: &str,
    forms: Vec<Located<ViewForm>>,
    folds: Option<&OpFolds>,
) -> Result<Vec<View>> {
    let registry = Arc::new(registry.clone());
    let mut views = Vec::with_capacity(forms.len());
    // Where each view and its parts stand.
    let mut places = Vec::with_capacity(forms.len());
    for Located { start, value: form } in forms {
        places.push((
            form.name.as_ref().map_or(start, |name| name.start),
            form.count.as_ref().map_or(start, |count| count.start),
            start,
        ));
        let mut view = View::new().count(form.count.map_or(1, |count| count.value));
        view.name = form.name.map(|name| name.value);
        for Located { start, value } in form.ops {
            let added = add_op(&registry, &mut view, value).and_then(|()| match folds {
                Some(folds) => folds.check_op(view.ops[view.ops.len() - 1].op()),
                None => Ok(()),
            });
            added.map_err(|error| at(text, start, error))?;
        }
        views.push(view);
    }
    view::check(&views).map_err(|(number, part, error)| {
        let (name, count, whole) = places[number];
        let place = match part {
            Part::Name => name,
            Part::Count => count,
            Part::Ops => whole,
        };
        at(text, place, error)
    })?;
    Ok(views)
}

/// What the table `[mix]` says in epoch 0, and in others if it is not the same.
#[allow(clippy::type_complexity, reason = "a pair that is taken apart at once")]
fn mix(
    registry: &Registry,
    text: &str,
    table: toml::Table,
) -> Result<(Option<Mix>, Option<Arc<Schedule<Mix>>>)> {
    let registry = Arc::new(registry.clone());
    // Entry by entry first, so that an error has its line.
    let entries = table.get("choose").and_then(toml::Value::as_array);
    for (number, entry) in entries.into_iter().flatten().enumerate() {
        let Some(entry) = entry.as_table() else {
            continue;
        };
        let make = {
            let registry = Arc::clone(&registry);
            move |table| read_choice(&registry, table).map(Arc::new)
        };
        let place = || place_of(text, &format!("mix.choose.{number}"));
        let name = entry
            .get("mix")
            .and_then(toml::Value::as_str)
            .unwrap_or_default();
        let integers = |params| choice_integers(&registry, params);
        let schedule = Schedule::new(entry, integers, make)
            .map_err(|error| at(text, place(), error.at(format_args!("mix \"{name}\""))))?;
        if schedule.is_none() {
            read_choice(&registry, entry.clone()).map_err(|error| at(text, place(), error))?;
        }
    }
    // What decides the shape of batches is the same in all epochs.
    let varies = |(key, value): (&String, &toml::Value)| {
        !["choose", "p", "masks"].contains(&key.as_str()) && value.is_table()
    };
    if let Some((key, _)) = table.iter().find(|entry| varies(*entry)) {
        let error = Error::config(format!("mix.{key} is the same in all epochs, and no table"));
        return Err(at(text, place_of(text, &format!("mix.{key}")), error));
    }
    let keys: BTreeSet<String> = table.keys().cloned().collect();
    let place = |error: &Error| {
        let key = error.key().and_then(|key| key.split(['.', '[']).next());
        let key = key.filter(|key| keys.contains(*key));
        place_of(
            text,
            &key.map_or_else(|| "mix".to_string(), |key| format!("mix.{key}")),
        )
    };
    let make = {
        let registry = Arc::clone(&registry);
        move |table| read_mix(&registry, table).map(Arc::new)
    };
    let integers = |params| mix_integers(&registry, params);
    let schedule =
        Schedule::new(&table, integers, make).map_err(|error| at(text, place(&error), error))?;
    let mix = match &schedule {
        Some(schedule) => schedule.at(0).map(Arc::unwrap_or_clone),
        None => read_mix(&registry, table),
    };
    let mix = mix.map_err(|error| at(text, place(&error), error))?;
    Ok((Some(mix), schedule.map(Arc::new)))
}

/// Makes the op that a table describes.
fn add_op(registry: &Arc<Registry>, view: &mut View, mut table: toml::Table) -> Result<()> {
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

/// The error with the line of the byte `place`.
fn at(text: &str, place: usize, error: Error) -> Error {
    let line = text.as_bytes()[..place.min(text.len())]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1;
    error.on_line("recipe", line)
}

/// Where the value of a dotted key, or its nearest table, stands in the text. A number is a place
/// in a list.
fn place_of(text: &str, key: &str) -> usize {
    use toml::de::DeValue;
    let Ok(table) = toml::de::DeTable::parse(text) else {
        return 0;
    };
    let mut place = 0;
    let mut here = &DeValue::Table(table.into_inner());
    for part in key.split('.') {
        let found = match here {
            DeValue::Table(table) => table.get(part),
            DeValue::Array(list) => part.parse().ok().and_then(|at: usize| list.get(at)),
            _ => None,
        };
        let Some(value) = found else { break };
        place = value.span().start;
        here = value.get_ref();
    }
    place
}
