//! What is refused when a loader is opened, because it would otherwise train on something else than
//! was meant, without a word.

use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::recipe::{Recipe, TargetForm};
use crate::sample::Target;
use crate::source::Source;

/// The recipe with the number of classes of the data, if it leaves `target.classes` out and the
/// data knows.
///
/// # Errors
///
/// [`crate::Kind::Config`] for dense targets if neither knows.
pub(super) fn with_classes(mut recipe: Recipe, source: &dyn Source) -> Result<Recipe> {
    if recipe.target.classes.is_none() {
        recipe.target.classes = source.class_count();
    }
    if recipe.target.classes.is_none() && recipe.target_form() == TargetForm::Dense {
        let why = if recipe.mix.is_some() {
            "mixing makes soft labels"
        } else {
            "target.form = \"dense\""
        };
        let text = format!(
            "target.classes is missing: {why}, whose length it is, and the data does not say how \
             many classes it has"
        );
        return Err(Error::config(text).about_key("target.classes"));
    }
    Ok(recipe)
}

/// Refuses fewer classes than the selected samples of the first epoch have, if the data knows its
/// classes. A sample of a class beyond the last one would count as a bad sample and be replaced.
///
/// # Errors
///
/// [`crate::Kind::Config`] that names a sample; the errors of reading.
pub(super) fn no_class_beyond(recipe: &Recipe, plan: &Plan, source: &dyn Source) -> Result<()> {
    let (Some(classes), Some(known)) = (recipe.target.classes, source.class_count()) else {
        return Ok(());
    };
    if known <= classes {
        return Ok(());
    }
    let mut selected = vec![false; source.len() as usize];
    plan.each_selected(0, |sample| selected[sample as usize] = true);
    source.labels(&mut |sample, target| {
        let largest = match &target {
            Target::Class(class) => Some(*class),
            Target::Multi(several) => several.iter().max().copied(),
            Target::None | Target::Soft(_) => None,
        };
        let Some(class) = largest.filter(|class| *class >= classes && selected[sample as usize])
        else {
            return Ok(());
        };
        let named = source.classes().and_then(|names| names.get(class as usize));
        let named = named.map_or(String::new(), |name| format!(" (\"{name}\")"));
        let text = format!(
            "target.classes = {classes}, but the data has {known} classes: sample {sample} ({}) has \
             class {class}{named}: use target.classes = {known}, or leave it out",
            source.name(sample)
        );
        Err(Error::config(text)
            .about_key("target.classes")
            .with_sample(sample))
    })
}
