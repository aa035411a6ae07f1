//! TOML to recipe, with the line of whatever is wrong.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::schedule::Schedule;
use super::view::{self, Part};
use super::{Blended, Decode, OnBad, OpFolds, Output, Recipe, TargetOptions, View};
use crate::augment::{Joint, Registry, suggest, take_name};
use crate::error::{Error, Result};
use crate::mix::{self, Mix};
use crate::plan::{Last, Order, Sampler, Select};

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
    select: Vec<Spanned<Select>>,
    #[serde(default)]
    source: Vec<Blended>,
    table: Option<PathBuf>,
    op_folds: Option<Spanned<OpFolds>>,
    #[serde(default)]
    view: Vec<Spanned<ViewForm>>,
    joint: Option<Joint>,
    mix: Option<Spanned<mix::Form>>,
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
    name: Option<Spanned<String>>,
    count: Option<Spanned<usize>>,
    #[serde(default)]
    ops: Vec<Spanned<toml::Table>>,
}

pub(super) fn recipe(registry: &Registry, text: &str) -> Result<Recipe> {
    let form: Form = toml::from_str(text).map_err(|error| {
        let message = suggest(error.message());
        at(text, error.span().map_or(0, |span| span.start), Error::config(message))
    })?;
    if let Some(folds) = &form.op_folds {
        folds.get_ref().check().map_err(|error| at(text, folds.span().start, error))?;
    }
    let op_folds = form.op_folds.map(Spanned::into_inner);
    let views = views(registry, text, form.view, op_folds.as_ref())?;
    let mix = form
        .mix
        .map(|spanned| {
            let start = spanned.span().start;
            Mix::from_form(spanned.into_inner(), |place, error| at(text, place.unwrap_or(start), error))
        })
        .transpose()?;
    let mut select = Vec::with_capacity(form.select.len());
    for spanned in form.select {
        let start = spanned.span().start;
        spanned.get_ref().check().map_err(|error| at(text, start, error))?;
        select.push(spanned.into_inner());
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
        target: form.target,
        output: form.output,
        on_bad: form.on_bad,
        decode: form.decode,
    };
    recipe.check().map_err(|(key, error)| at(text, place_of(text, key), error))?;
    Ok(recipe)
}

fn views(
    registry: &Registry,
    text: &str,
    forms: Vec<Spanned<ViewForm>>,
    folds: Option<&OpFolds>,
) -> Result<Vec<View>> {
    let registry = Arc::new(registry.clone());
    let mut views = Vec::with_capacity(forms.len());
    // Where each view and its parts stand.
    let mut places = Vec::with_capacity(forms.len());
    for spanned in forms {
        let start = spanned.span().start;
        let form = spanned.into_inner();
        places.push((
            form.name.as_ref().map_or(start, |name| name.span().start),
            form.count.as_ref().map_or(start, |count| count.span().start),
            start,
        ));
        let mut view = View::new().count(form.count.map_or(1, Spanned::into_inner));
        view.name = form.name.map(Spanned::into_inner);
        for spanned in form.ops {
            let start = spanned.span().start;
            let added = add_op(&registry, &mut view, spanned.into_inner()).and_then(|()| match folds {
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

/// Makes the op that a table describes.
fn add_op(registry: &Arc<Registry>, view: &mut View, mut table: toml::Table) -> Result<()> {
    let (name, label) = take_name(&mut table)?;
    let shared = match table.remove("shared") {
        None => false,
        Some(toml::Value::Boolean(shared)) => shared,
        Some(other) => return Err(Error::config(format!("shared = {other}: expected true or false"))),
    };
    let schedule = Schedule::new(registry, &name, &table)?;
    let op = schedule.as_ref().map_or_else(|| registry.make(&name, table), |schedule| schedule.op(0))?;
    view.push(label, op, schedule, shared)
}

/// The error with the line of the byte `place`.
fn at(text: &str, place: usize, error: Error) -> Error {
    let line = text.as_bytes()[..place.min(text.len())].iter().filter(|&&byte| byte == b'\n').count() + 1;
    error.at(format_args!("recipe line {line}"))
}

/// Where the value of a dotted key, or its nearest table, stands in the text.
fn place_of(text: &str, key: &str) -> usize {
    let Ok(table) = toml::de::DeTable::parse(text) else { return 0 };
    let mut place = 0;
    let mut table = table.get_ref();
    for part in key.split('.') {
        let Some(value) = table.get(part) else { break };
        place = value.span().start;
        match value.get_ref() {
            toml::de::DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    place
}
