//! Reads the table `[mix]` of a recipe, and writes it in canonical form.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Registry;
use crate::error::{Error, Result};
use crate::mix::{Emit, Lambda, Masks, Mix, Mixer, Partner};
use crate::spec;

/// The table for one epoch: curves have been replaced by their values.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MixTable {
    choose: Vec<toml::Table>,
    #[serde(default = "crate::spec::one")]
    p: f64,
    #[serde(default)]
    lambda: Lambda,
    #[serde(default)]
    partner: Partner,
    group: Option<usize>,
    #[serde(default)]
    emit: Emit,
    #[serde(default = "once")]
    repeat: usize,
    #[serde(default)]
    masks: Masks,
}

fn once() -> usize {
    1
}

/// Reads the table `[mix]`.
///
/// # Errors
///
/// [`crate::Kind::Config`] for an unknown key or mixer, and for a value that the mixer refuses.
pub(crate) fn read_mix(registry: &Registry, table: toml::Table) -> Result<Mix> {
    let table: MixTable = spec::read(table)?;
    let choose = table
        .choose
        .into_iter()
        .map(|choice| read_choice(registry, choice));
    Ok(Mix {
        choose: choose
            .collect::<Result<_>>()
            .map_err(|error| error.in_key("choose"))?,
        p: table.p,
        lambda: table.lambda,
        partner: table.partner,
        group: table.group,
        emit: table.emit,
        repeat: table.repeat,
        masks: table.masks,
    })
}

/// The paths of the parameters in the table that are integers, such as `choose[0].layers[1]`.
pub(super) fn mix_integers(registry: &Registry, table: toml::Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let choose = table.get("choose").and_then(toml::Value::as_array);
    for (number, choice) in choose.into_iter().flatten().enumerate() {
        let choice = choice.as_table().cloned().unwrap_or_default();
        let inner = choice_integers(registry, choice);
        found.extend(inner.iter().map(|path| format!("choose[{number}].{path}")));
    }
    found.extend(spec::integers::<MixTable>(table));
    found
}

/// The paths of the parameters in an entry of `choose` that are integers.
pub(super) fn choice_integers(registry: &Registry, mut table: toml::Table) -> BTreeSet<String> {
    table.remove("weight");
    match table.remove("mix") {
        Some(toml::Value::String(name)) => registry.mixer_integers(&name, table),
        _ => BTreeSet::new(),
    }
}

/// Reads an entry of `choose`: a mixer with its weight.
///
/// # Errors
///
/// As [`read_mix`].
pub(super) fn read_choice(
    registry: &Registry,
    mut table: toml::Table,
) -> Result<(Arc<dyn Mixer>, f64)> {
    let Some(toml::Value::String(name)) = table.remove("mix") else {
        return Err(Error::config(
            "a mixer without a name: expected { mix = \"NAME\", … }",
        ));
    };
    let weight = match table.remove("weight") {
        None => 1.0,
        Some(toml::Value::Float(weight)) => weight,
        Some(toml::Value::Integer(weight)) => weight as f64,
        Some(other) => {
            return Err(Error::config(format!(
                "weight = {other}: expected a number"
            )));
        }
    };
    Ok((registry.make_mixer(&name, table)?, weight))
}

/// The table in canonical form, which the fingerprint of a recipe hashes.
pub(super) fn to_table(mix: &Mix) -> toml::Table {
    fn word(value: impl Serialize) -> toml::Value {
        toml::Value::try_from(value).expect("a plain enum is a string")
    }
    let choose: Vec<toml::Value> = mix
        .choose
        .iter()
        .map(|(mixer, weight)| {
            let mut table = mixer.params();
            table.insert("mix".into(), mixer.name().into());
            table.insert("weight".into(), (*weight).into());
            toml::Value::Table(table)
        })
        .collect();
    let mut table = toml::Table::new();
    table.insert("choose".into(), choose.into());
    table.insert("p".into(), mix.p.into());
    table.insert("lambda".into(), word(mix.lambda));
    table.insert("partner".into(), word(mix.partner));
    if let Some(group) = mix.group {
        table.insert("group".into(), (group as i64).into());
    }
    // These keys were added after fingerprints had been published. Their defaults are left out, so
    // that older recipes keep their fingerprints.
    if mix.emit != Emit::default() {
        table.insert("emit".into(), word(mix.emit));
    }
    if mix.repeat != 1 {
        table.insert("repeat".into(), (mix.repeat as i64).into());
    }
    if mix.masks != Masks::default() {
        let Masks { pixels, grid } = mix.masks;
        let masks = toml::Table::from_iter([
            ("pixels".to_string(), pixels.into()),
            ("grid".to_string(), i64::from(grid).into()),
        ]);
        table.insert("masks".into(), masks.into());
    }
    table
}
