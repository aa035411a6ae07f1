//! An op in a list of ops, with its label and the key of its random stream.
//!
//! The random stream of an op is found from its label and not from its position in the list. So
//! inserting a blur changes no other op's numbers, and two ops of one name, which have different
//! labels, draw different ones. A recipe may set the label, to keep the numbers when it changes the
//! list.

use std::sync::Arc;

use super::Op;
use crate::error::{Error, Result};
use crate::rng::OpKey;

/// An op in a list, with the label that its random stream is found by.
///
/// # Example: the labels of two equal ops
///
/// ```
/// use feedmill::augment::ops::{CenterCrop, HorizontalFlip};
/// use feedmill::recipe::View;
///
/// let view = View::new()
///     .op(HorizontalFlip::new())
///     .op(HorizontalFlip::new())
///     .op(CenterCrop::new(32));
/// let labels: Vec<&str> = view.entries().map(|entry| entry.label()).collect();
/// assert_eq!(labels, ["horizontal_flip", "horizontal_flip#2", "center_crop"]);
/// ```
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

    /// The op's label: the `label` of the recipe, or its name, with `#2`, `#3`, … for repeated
    /// names.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The key of the op's random stream, a hash of the label.
    pub fn key(&self) -> OpKey {
        self.key
    }

    /// Whether all views of a sample draw the same parameters for this op: `shared = true` in a
    /// recipe.
    pub fn shared(&self) -> bool {
        self.shared
    }

    /// The op.
    pub fn op(&self) -> &dyn Op {
        &*self.op
    }
}

/// Removes the name of an op, and its label if there is one, from its table and returns them.
///
/// # Errors
///
/// [`crate::Kind::Config`] if there is no name, or the name or the label is not a string.
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

/// The default label of an op that follows `others`: its name, with `#2`, `#3`, … if some of them
/// have that name.
pub(crate) fn label<'a>(name: &str, others: impl Iterator<Item = &'a dyn Op>) -> String {
    match others.filter(|other| other.name() == name).count() {
        0 => name.to_string(),
        same => format!("{name}#{}", same + 1),
    }
}
