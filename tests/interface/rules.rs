//! What the documentation of a public item has to have, and which items may do without.
//!
//! An exception stands in one of the lists below with its reason. One that is no longer needed
//! fails the test, so the lists do not outlive what they excuse.

use std::collections::{BTreeMap, BTreeSet};

use syn::{GenericArgument, PathArguments, Type};

use crate::api::{Entry, What};

/// The types and functions without an example on their page that another page shows: the item, and
/// the page with the example.
const SHOWN_BY: &[(&str, &str)] = &[
    ("feedmill::Epochs", "feedmill::Loader"),
    ("feedmill::Explanation", "feedmill::Loader"),
    ("feedmill::LoaderBuilder", "feedmill::Loader"),
    ("feedmill::MixRecord", "feedmill::Slot"),
    ("feedmill::MixStep", "feedmill::Loader"),
    ("feedmill::Slots", "feedmill::Batch"),
    ("feedmill::ViewSteps", "feedmill::Loader"),
    (
        "feedmill::augment::ops::MergedTile",
        "feedmill::augment::ops::merge_similar",
    ),
    ("feedmill::convert::Progress", "feedmill::convert::convert"),
    ("feedmill::convert::Report", "feedmill::convert::convert"),
    (
        "feedmill::convert::SkippedSample",
        "feedmill::convert::convert",
    ),
    ("feedmill::decode::Probe", "feedmill::decode::probe"),
    ("feedmill::index::Report", "feedmill::index::write"),
    ("feedmill::mix::ClassRegion", "feedmill::mix::AdaMixUp"),
    ("feedmill::mix::GroupKey", "feedmill::mix::Mix"),
    ("feedmill::mix::MixResult", "feedmill::mix::Mixer"),
    ("feedmill::mix::Mixed", "feedmill::mix::Mix"),
    ("feedmill::mix::Scene", "feedmill::mix::Mix"),
    ("feedmill::mix::SlotMix", "feedmill::mix::Mix"),
    ("feedmill::mix::Triple", "feedmill::mix::triples"),
    ("feedmill::mix::Value", "feedmill::mix::apply"),
    ("feedmill::plan::BatchPlan", "feedmill::plan::Plan"),
    ("feedmill::plan::Share", "feedmill::plan::Setup"),
    ("feedmill::plan::Slot", "feedmill::plan::Plan"),
    ("feedmill::plan::Visit", "feedmill::plan::Plan"),
    ("feedmill::shard::Entry", "feedmill::shard::Shard"),
    ("feedmill::shard::Listed", "feedmill::shard::Manifest"),
    ("feedmill::shard::Record", "feedmill::shard::Writer"),
    ("feedmill::shard::Sealed", "feedmill::shard::Writer"),
    ("feedmill::shard::Stamp", "feedmill::shard::Writer"),
    ("feedmill::source::SkippedMembers", "feedmill::source::Tar"),
    ("feedmill::verify::BadFile", "feedmill::verify::verify"),
    ("feedmill::verify::BadSample", "feedmill::verify::verify"),
    ("feedmill::verify::Report", "feedmill::verify::verify"),
    ("feedmill_jpeg::Header", "feedmill_jpeg::header"),
    ("feedmill_jpeg::Info", "feedmill_jpeg::info"),
];

/// The types and functions without an example anywhere, each with the reason.
const WITHOUT_EXAMPLE: &[(&str, &str)] = &[
    (
        "feedmill::mix::Map",
        "the page about mixing, feedmill::guide::mixing, has it",
    ),
    (
        "feedmill::mix::Mosaic",
        "a form of a blend that one mixer makes",
    ),
    (
        "feedmill::mix::Pasted",
        "a part of a mix that one mixer makes",
    ),
    (
        "feedmill::mix::Patch",
        "a form of a blend that two mixers make",
    ),
    (
        "feedmill::mix::Patches",
        "a form of a blend that two mixers make",
    ),
    (
        "feedmill::mix::Term",
        "what feedmill::mix::apply sums for each pixel",
    ),
    (
        "feedmill::mix::Tile",
        "a form of a blend that two mixers make",
    ),
    (
        "feedmill::mix::Tiles",
        "a form of a blend that two mixers make",
    ),
    (
        "feedmill::mix::co_mixup",
        "its mask comes from a solver outside of the library",
    ),
    (
        "feedmill_jpeg::reconstruct::Reconstruct",
        "for programs that have coefficients at hand",
    ),
];

/// Structs with public fields and enums that are not `#[non_exhaustive]`, each with the reason.
const CLOSED: &[(&str, &str)] = &[
    (
        "feedmill::augment::steps::Jpeg",
        "its one number is all that there is",
    ),
    (
        "feedmill::augment::steps::LowFrequencies",
        "its one number is all that there is",
    ),
    (
        "feedmill::augment::steps::Turn",
        "its one number is all that there is",
    ),
    ("feedmill::geometry::Bounds", "plain geometry"),
    ("feedmill::geometry::Point", "plain geometry"),
    ("feedmill::geometry::Size", "plain geometry"),
    (
        "feedmill::mix::GroupKey",
        "the coordinate of a draw, which another number would redraw",
    ),
    ("feedmill::mix::Mosaic", "custom mixers write it"),
    ("feedmill::mix::Pasted", "custom mixers write it"),
    ("feedmill::mix::Patch", "custom mixers write it"),
    ("feedmill::mix::Tile", "custom mixers write it"),
    ("feedmill::mix::Tiles", "custom mixers write it"),
    (
        "feedmill::rng::Coord",
        "the coordinate of a draw, which another number would redraw",
    ),
    (
        "feedmill::rng::OpKey",
        "its one number is all that there is",
    ),
    (
        "feedmill::sample::Fingerprint",
        "its one number is all that there is",
    ),
    (
        "feedmill::spec::ParamSpec",
        "the attribute `declare` writes it into other crates",
    ),
    (
        "feedmill::spec::Spec",
        "the attribute `declare` writes it into other crates",
    ),
    ("feedmill_jpeg::Rect", "plain geometry"),
    (
        "feedmill_jpeg::Scale",
        "the standard has these scales and no others",
    ),
];

/// Numbers whose documentation has no unit and no range, each with the reason.
const WITHOUT_UNIT: &[(&str, &str)] = &[];

/// Words and signs that say what a number counts, what it is measured in, or what it may be.
const UNITS: &[&str] = &[
    // Units.
    "pixel",
    "byte",
    "degree",
    "radian",
    "second",
    "MiB",
    "GiB",
    "percent",
    "%",
    "level",
    "deviation",
    // Counts: "the number of", "how many", "cells on each side".
    "number",
    "how many",
    "how often",
    "count",
    "samples",
    "classes",
    "batches",
    "epochs",
    "threads",
    "columns",
    "rows",
    "channels",
    "tiles",
    "cells",
    "masks",
    "shards",
    "slots",
    "images",
    "files",
    "records",
    "scans",
    "column",
    "row",
    "side",
    // Ranges and kinds of quantities.
    "probability",
    "share",
    "fraction",
    "weight",
    "factor",
    "ratio",
    "multiple",
    "seed",
    "hash",
    "from 0",
    "between",
    "at least",
    "at most",
    "above",
    "below",
    "unlimited",
    " to ",
    "quality",
    "checksum",
    "index",
    "crc",
    "epoch",
    "sample",
    "slot",
    "class",
    "size",
];

/// The entries that fail a check, without those in a list of exceptions, and the exceptions that
/// are not needed.
fn unexcused<'a>(
    failing: impl IntoIterator<Item = &'a str>,
    exceptions: &[(&'a str, &str)],
) -> Vec<String> {
    let failing: BTreeSet<&str> = failing.into_iter().collect();
    let excused: BTreeSet<&str> = exceptions.iter().map(|(path, _)| *path).collect();
    let new = failing.difference(&excused).map(|path| path.to_string());
    let stale = excused.difference(&failing);
    new.chain(stale.map(|path| format!("{path} is an exception and needs none")))
        .collect()
}

/// Items that need an example on their page and have none: structs, traits and functions outside of
/// types. Enums are lists of words, and most show in the examples of what takes them.
pub(crate) fn examples(all: &[Entry]) -> Vec<String> {
    let mut has: BTreeMap<&str, bool> = BTreeMap::new();
    for entry in all {
        // The methods of a type are on its page.
        let page = entry.parent.as_deref().unwrap_or(&entry.path);
        *has.entry(page).or_default() |= entry.docs.contains("```");
    }
    let due = |entry: &&Entry| match entry.what {
        What::Struct | What::Trait => true,
        What::Function => entry.parent.is_none(),
        _ => false,
    };
    let failing = all.iter().filter(due).map(|entry| &entry.path[..]);
    let failing = failing.filter(|path| !has[path]);
    let mut exceptions = SHOWN_BY.to_vec();
    exceptions.extend(WITHOUT_EXAMPLE);
    let mut wrong = unexcused(failing, &exceptions);
    for (item, page) in SHOWN_BY {
        if !has.get(page).is_some_and(|has| *has) {
            wrong.push(format!("{page}, which is to show {item}, has no example"));
        }
    }
    wrong
}

/// Functions that return a `Result` and do not say when it is an error.
pub(crate) fn errors(all: &[Entry]) -> Vec<String> {
    let failing = all
        .iter()
        .filter(|entry| entry.fallible && !entry.docs.contains("# Errors"));
    failing.map(|entry| entry.path.clone()).collect()
}

/// Examples without a title. `# Example: …` says what a user wants to do.
pub(crate) fn untitled(all: &[Entry]) -> Vec<String> {
    let untitled = |entry: &&Entry| {
        let mut lines = entry.docs.lines().map(str::trim);
        lines.any(|line| line == "# Example" || line == "# Examples")
    };
    all.iter()
        .filter(untitled)
        .map(|entry| entry.path.clone())
        .collect()
}

/// The number of titled examples.
pub(crate) fn titled(all: &[Entry]) -> usize {
    let lines = all.iter().flat_map(|entry| entry.docs.lines());
    lines
        .filter(|line| line.trim().starts_with("# Example: "))
        .count()
}

/// Structs with public fields and enums to which nothing can be added.
pub(crate) fn closed(all: &[Entry]) -> Vec<String> {
    let due = |entry: &&Entry| entry.what == What::Enum || entry.exposed;
    let failing = all.iter().filter(due).filter(|entry| !entry.open);
    unexcused(failing.map(|entry| &entry.path[..]), CLOSED)
}

/// Numbers of unclear meaning. Due are public fields that are numbers, or lists or options of
/// numbers, and setters (`with_x`) of one number. Their documentation has to have one of [`UNITS`]
/// or a digit, which is a default or an end of a range. Parameters of ops and mixers say it in
/// their declarations instead.
pub(crate) fn units(all: &[Entry]) -> Vec<String> {
    let declared: BTreeSet<&str> = all
        .iter()
        .filter(|entry| entry.line.ends_with("impl ::feedmill::spec::Declared"))
        .map(|entry| &entry.path[..])
        .collect();
    let due = |entry: &&Entry| {
        let is_setter = entry.what == What::Function
            && entry.parent.is_some()
            && entry
                .path
                .rsplit("::")
                .next()
                .is_some_and(|name| name.starts_with("with_"));
        let of_op = entry
            .parent
            .as_deref()
            .is_some_and(|parent| declared.contains(parent));
        (entry.what == What::Field || is_setter)
            && !of_op
            && matches!(&entry.values[..], [(_, ty)] if is_number(ty))
    };
    let says = |entry: &&Entry| {
        let text = entry.docs.to_lowercase();
        let digit = text.contains(|c: char| c.is_ascii_digit());
        digit || UNITS.iter().any(|unit| text.contains(&unit.to_lowercase()))
    };
    let failing = all.iter().filter(due).filter(|entry| !says(entry));
    unexcused(failing.map(|entry| &entry.path[..]), WITHOUT_UNIT)
}

/// True for a number, and for options, lists and arrays of numbers.
fn is_number(ty: &Type) -> bool {
    match ty {
        Type::Array(array) => is_number(&array.elem),
        Type::Slice(slice) => is_number(&slice.elem),
        Type::Reference(reference) => is_number(&reference.elem),
        // `impl Into<Option<u64>>`
        Type::ImplTrait(bounds) => bounds.bounds.iter().any(|bound| match bound {
            syn::TypeParamBound::Trait(bound) => bound.path.segments.iter().any(|segment| {
                segment.ident == "Into" && arguments(&segment.arguments).any(is_number)
            }),
            _ => false,
        }),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let numbers = [
                "f32", "f64", "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64",
            ];
            if last.ident == "Option" {
                return arguments(&last.arguments).any(is_number);
            }
            numbers.contains(&&last.ident.to_string()[..])
        }),
        _ => false,
    }
}

/// The types in `<…>`.
fn arguments(arguments: &PathArguments) -> impl Iterator<Item = &Type> {
    let inner = match arguments {
        PathArguments::AngleBracketed(inner) => Some(&inner.args),
        _ => None,
    };
    inner.into_iter().flatten().filter_map(|inner| match inner {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}
