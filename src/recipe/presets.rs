//! Recipes by name.

use super::nearest;
use crate::error::{Error, Result};

/// Name and TOML text of each preset, in alphabetical order.
pub(super) const ALL: [(&str, &str); 4] = [
    ("cifar", include_str!("presets/cifar.toml")),
    ("deit", include_str!("presets/deit.toml")),
    ("imagenet", include_str!("presets/imagenet.toml")),
    ("imagenet-eval", include_str!("presets/imagenet-eval.toml")),
];

pub(super) fn text(name: &str) -> Result<&'static str> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|(known, _)| *known).collect();
        let hint = nearest(name, known.iter().copied()).map(|near| format!("; did you mean \"{near}\"?"));
        Error::config(format!(
            "unknown preset \"{name}\"{} (known: {})",
            hint.unwrap_or_default(),
            known.join(", ")
        ))
    })
}
