//! The recipes of the two loaders of a split.
//!
//! A split is an ordinary selection, put before those of the recipes. So all that is known about
//! selections holds for it: it is drawn from a seed and not from the order of files, its parts are
//! disjoint, and it is part of the recipe's identity.

use super::data::Data;
use crate::error::{Error, Result};
use crate::plan::{By, Split};
use crate::recipe::Recipe;
use crate::source::Source;

/// The two recipes with their parts of the data: training first.
///
/// # Errors
///
/// [`crate::Kind::Config`] if `share` is not between 0 and 1, or leaves a part without samples or
/// training without a class; the errors of reading the classes.
pub(super) fn recipes(
    data: &Data,
    share: f64,
    training: Recipe,
    validation: Recipe,
) -> Result<[Recipe; 2]> {
    if !(share > 0.0 && share < 1.0) {
        let text = format!(
            "share = {share}: expected the share of the validation part, between 0 and 1, such as \
             0.2"
        );
        return Err(Error::config(text).about_key("share"));
    }
    let source = &*data.source;
    let classes = data.classes.if_any(source)?;
    let mut split = Split::new([1.0 - share, share], 0).with_seed(training.seed);
    if let Some(classes) = &classes {
        split = split.with_within(By::Class);
        check_classes(source, classes, &split)?;
    }
    let part = |part: usize, mut recipe: Recipe| {
        let split = Split {
            part,
            ..split.clone()
        };
        recipe.select.insert(0, split.into());
        recipe
    };
    Ok([part(0, training), part(1, validation)])
}

/// Refuses a class without a sample for training, and parts without samples.
fn check_classes(source: &dyn Source, classes: &[u32], split: &Split) -> Result<()> {
    let named = source.classes().unwrap_or_default();
    let mut counts = vec![0u64; named.len()];
    for &class in classes {
        if counts.len() <= class as usize {
            counts.resize(class as usize + 1, 0);
        }
        counts[class as usize] += 1;
    }
    let name = |class: usize| match named.get(class) {
        Some(name) => format!("class {class} (\"{name}\")"),
        None => format!("class {class}"),
    };
    let mut validated = 0;
    for (class, &count) in counts.iter().enumerate() {
        let training = split.part_len(0, count);
        validated += count - training;
        if count == 0 && class < named.len() {
            let text = format!("{} has no samples: remove it, or add samples", name(class));
            return Err(Error::config(text));
        }
        if count > 0 && training == 0 {
            let text = format!(
                "{} has {count} samples, and none of them would be for training: use a smaller \
                 share, or add samples",
                name(class)
            );
            return Err(Error::config(text).about_key("share"));
        }
    }
    if validated == 0 {
        let text = "the validation part is empty, since each class is divided by the share: use a \
                    larger share, or add samples";
        return Err(Error::config(text).about_key("share"));
    }
    Ok(())
}
