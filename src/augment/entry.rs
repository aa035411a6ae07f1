//! An op in its place in a list of ops: its label, and the key of its random stream.

use std::sync::Arc;

use super::Op;
use crate::error::{Error, Result};
use crate::rng::OpKey;

/// An op with its label, which names its random stream.
#[derive(Clone, Debug)]
pub struct OpEntry {
    label: String,
    key: OpKey,
    shared: bool,
    op: Arc<dyn Op>,
}

impl OpEntry {
    pub(crate) fn new(label: String, op: Arc<dyn Op>, shared: bool) -> OpEntry {
        OpEntry {
            key: OpKey::of(&label),
            label,
            shared,
            op,
        }
    }

    /// The same entry with another op.
    pub(crate) fn with_op(&self, op: Arc<dyn Op>) -> OpEntry {
        OpEntry { op, ..self.clone() }
    }

    /// The op's label: its name, with `#2`, `#3`, … for repeated ones, or the `label` that the
    /// recipe gives it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The key of its random stream.
    pub fn key(&self) -> OpKey {
        self.key
    }

    /// Whether all views of a sample draw the same here: `shared = true` in a recipe.
    pub fn shared(&self) -> bool {
        self.shared
    }

    /// The op.
    pub fn op(&self) -> &dyn Op {
        &*self.op
    }
}

/// Takes the name of an op, and its label if it has one, out of its table.
///
/// # Errors
///
/// [`crate::Kind::Config`] if there is no name, or one of them is no string.
pub(crate) fn take_name(table: &mut toml::Table) -> Result<(String, Option<String>)> {
    let Some(toml::Value::String(name)) = table.remove("op") else {
        return Err(Error::config(
            "an op without a name: expected { op = \"NAME\", … }",
        ));
    };
    match table.remove("label") {
        None => Ok((name, None)),
        Some(toml::Value::String(label)) => Ok((name, Some(label))),
        Some(other) => Err(Error::config(format!("label = {other}: expected a string"))),
    }
}

/// The label of an op that is given none: its name, with `#2`, `#3`, … after others of that name.
pub(crate) fn label<'a>(name: &str, others: impl Iterator<Item = &'a dyn Op>) -> String {
    match others.filter(|other| other.name() == name).count() {
        0 => name.to_string(),
        same => format!("{name}#{}", same + 1),
    }
}
