//! Suggestions for misspelled names, and for the names that other libraries have.

use crate::error::Error;

/// The known name that is nearest to `name`, if it is close enough to be what was meant: at most a
/// third of the longer name's bytes differ, by Damerau-Levenshtein distance.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// What other libraries call the keys and words of recipes, each with the name here.
const ELSEWHERE: [(&str, &str); 34] = [
    ("batch_size", "batch"),
    ("bs", "batch"),
    ("shuffle", "order"),
    ("drop_last", "last"),
    ("image_size", "size"),
    ("img_size", "size"),
    ("input_size", "size"),
    ("crop_size", "size"),
    ("num_classes", "classes"),
    ("n_classes", "classes"),
    ("label_smoothing", "smoothing"),
    ("transform", "ops"),
    ("transforms", "ops"),
    ("augmentations", "ops"),
    ("prob", "p"),
    ("probability", "p"),
    ("always_apply", "p"),
    ("interpolation", "filter"),
    ("resample", "filter"),
    ("padding_mode", "pad"),
    ("fill_value", "fill"),
    ("mixup", "mix"),
    ("cutmix", "mix"),
    ("data_format", "layout"),
    ("channels_first", "nchw"),
    ("channels_last", "nhwc"),
    ("uint8", "u8"),
    ("float16", "f16"),
    ("half", "f16"),
    ("bfloat16", "bf16"),
    ("float32", "f32"),
    ("float", "f32"),
    ("random", "shuffle"),
    ("one_hot", "dense"),
];

/// The expected name that was meant by `name`: the same name in another case, what another library
/// calls it, or the nearest one.
pub(crate) fn meant<'a>(
    name: &str,
    expected: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let elsewhere = ELSEWHERE
        .iter()
        .find(|(other, _)| *other == lower)
        .map(|(_, here)| *here);
    let mut same = expected.clone();
    same.find(|known| known.to_lowercase() == lower || Some(*known) == elsewhere)
        .or_else(|| nearest(name, expected))
}

/// A name without case, underscores and the `Random` that torchvision puts before it, so that
/// `RandomHorizontalFlip`, `random_horizontal_flip` and `horizontalflip` are the same.
fn folded(name: &str) -> String {
    let folded: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    match folded.strip_prefix("random") {
        Some(rest) if !rest.is_empty() => rest.to_string(),
        _ => folded,
    }
}

/// The known name that another library calls `name`. Each known name comes with its names
/// elsewhere, such as `"torchvision RandomRotation"`.
pub(crate) fn translated<'a>(
    name: &str,
    known: impl Iterator<Item = (&'a str, &'static [&'static str])>,
) -> Option<&'a str> {
    let wanted = folded(name);
    let matches = |(known, like): &(&str, &[&str])| {
        let elsewhere = like
            .iter()
            .filter_map(|like| like.split_whitespace().last());
        elsewhere.chain([*known]).any(|other| {
            // `ImageOps.equalize` is known by its last part too.
            folded(other) == wanted || other.rsplit('.').next().map(folded) == Some(wanted.clone())
        })
    };
    known.into_iter().find(matches).map(|(known, _)| known)
}

/// The error for a name that is not among the known ones, each of which comes with its names in
/// other libraries. `what` says what it names, such as "op".
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = (&'a str, &'static [&'static str])> + Clone,
) -> Error {
    let names: Vec<&str> = known.clone().map(|(name, _)| name).collect();
    let near = translated(name, known).or_else(|| nearest(name, names.iter().copied()));
    Error::config(match near {
        Some(near) => format!("unknown {what} \"{name}\"; did you mean \"{near}\"?"),
        None => format!("unknown {what} \"{name}\" (known: {})", names.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_close_enough_to_be_meant_are_suggested_and_others_are_not() {
        let known = ["resize", "center_crop"];
        assert_eq!(nearest("rezise", known.into_iter()), Some("resize"));
        assert_eq!(nearest("blur", known.into_iter()), None);
    }

    #[test]
    fn keys_of_other_libraries_are_understood_where_they_fit() {
        let keys = ["batch", "order", "output"];
        assert_eq!(meant("batch_size", keys.into_iter()), Some("batch"));
        assert_eq!(meant("Batch", keys.into_iter()), Some("batch"));
        assert_eq!(meant("float32", keys.into_iter()), None);
        assert_eq!(meant("NCHW", ["nchw", "nhwc"].into_iter()), Some("nchw"));
        assert_eq!(meant("float32", ["u8", "f32"].into_iter()), Some("f32"));
    }

    #[test]
    fn names_of_other_libraries_are_translated() {
        let known: [(&str, &[&str]); 3] = [
            ("horizontal_flip", &["torchvision RandomHorizontalFlip"]),
            ("rotate", &["torchvision RandomRotation"]),
            ("equalize", &["Pillow ImageOps.equalize"]),
        ];
        for (name, expected) in [
            ("RandomHorizontalFlip", Some("horizontal_flip")),
            ("random_horizontal_flip", Some("horizontal_flip")),
            ("HorizontalFlip", Some("horizontal_flip")),
            ("random_rotation", Some("rotate")),
            ("ImageOps.equalize", Some("equalize")),
            ("Posterize", None),
        ] {
            assert_eq!(translated(name, known.into_iter()), expected, "{name}");
        }
    }
}
