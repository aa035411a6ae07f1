//! The public interface: what it is, and what its documentation has to say.
//!
//! The tests read the source of the library and of the JPEG decoder with `syn`, expand the macros
//! of `feedmill-macros` by calling them, and follow modules and re-exports from the root. So they
//! see what rustdoc has pages for, and what the macros make.

#[path = "../../crates/feedmill-macros/src/accessors.rs"]
mod accessors;
mod api;
#[path = "../../crates/feedmill-macros/src/docs.rs"]
mod docs;
#[path = "../../crates/feedmill-macros/src/expand.rs"]
mod expand;
#[path = "../../crates/feedmill-macros/src/parse.rs"]
mod parse;
mod rules;
mod walk;

use std::fs;
use std::path::PathBuf;

use api::Entry;
use walk::Crate;

/// The entries of the library.
fn library() -> Vec<Entry> {
    api::entries(&Crate::read("feedmill", "src"))
}

/// The entries of the JPEG decoder.
fn decoder() -> Vec<Entry> {
    api::entries(&Crate::read("feedmill-jpeg", "crates/feedmill-jpeg/src"))
}

/// Compares the list of all entries with a file, or writes the file.
fn compare(entries: &[Entry], name: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/interface", name]
        .iter()
        .collect();
    let found: String = entries
        .iter()
        .map(|entry| format!("{}\n", entry.line))
        .collect();
    if std::env::var_os("FEEDMILL_BLESS").is_some() {
        fs::write(&path, found).unwrap();
        return;
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    let without = |lines: &str, others: &str| -> Vec<String> {
        let others: std::collections::BTreeSet<&str> = others.lines().collect();
        let new = lines.lines().filter(|line| !others.contains(line));
        new.map(String::from).collect()
    };
    let (gone, new) = (without(&recorded, &found), without(&found, &recorded));
    assert!(
        gone.is_empty() && new.is_empty(),
        "the public interface changed. If that is what the change is for, record it: run this test \
         with FEEDMILL_BLESS=1 and commit tests/interface/{name}.\ngone:\n{}\nnew:\n{}",
        gone.join("\n"),
        new.join("\n")
    );
}

#[test]
fn the_public_interface_of_the_library_is_the_recorded_one() {
    compare(&library(), "feedmill.txt");
}

#[test]
fn the_public_interface_of_the_decoder_is_the_recorded_one() {
    compare(&decoder(), "feedmill-jpeg.txt");
}

/// The entries of both crates.
fn all() -> Vec<Entry> {
    let mut entries = library();
    entries.extend(decoder());
    entries
}

/// Fails with one line for each item.
fn none(wrong: &[String], what: &str) {
    assert!(
        wrong.is_empty(),
        "{} {what}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_public_item_says_what_it_has_to_say() {
    let all = all();
    none(
        &rules::errors(&all),
        "functions do not say when they fail (# Errors)",
    );
    none(
        &rules::units(&all),
        "numbers have no unit, no range and no default",
    );
    none(
        &rules::examples(&all),
        "items have no example on their page",
    );
    none(
        &rules::untitled(&all),
        "examples have no title (# Example: …)",
    );
    let titled = rules::titled(&all);
    assert!(titled >= 250, "{titled} examples");
}

#[test]
fn values_stay_open_for_more() {
    let what = "values are not #[non_exhaustive]: add it, with a constructor if users make them";
    none(&rules::closed(&all()), what);
}
