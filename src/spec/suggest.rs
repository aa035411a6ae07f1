//! Suggestions for misspelled names.

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

/// The error for a name that is not among the known ones. `what` says what it names, such as "op".
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    let hint = nearest(name, known.iter().copied())
        .map(|near| format!("; did you mean \"{near}\"?"))
        .unwrap_or_default();
    Error::config(format!(
        "unknown {what} \"{name}\"{hint} (known: {})",
        known.join(", ")
    ))
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
}
