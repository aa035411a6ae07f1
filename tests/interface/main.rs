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

#[test]
fn report() {
    use api::What;
    let entries = library();
    let all: Vec<Entry> = entries.into_iter().chain(decoder()).collect();
    println!("## not open");
    for e in &all {
        if (e.what == What::Enum || e.exposed) && !e.open {
            println!("{} {:?} literal={}", e.path, e.what, e.literal);
        }
    }
    println!("## errors");
    for e in &all {
        if e.fallible && !e.docs.contains("# Errors") {
            println!("{}", e.path);
        }
    }
    println!("## example");
    let mut n = 0;
    for e in &all {
        n += e.docs.matches("# Example").count();
        if (e.what == What::Struct
            || e.what == What::Trait
            || (e.what == What::Function && e.parent.is_none()))
        {
            let has = |e: &Entry| e.docs.contains("```");
            if !has(e)
                && !all
                    .iter()
                    .any(|m| m.parent.as_deref() == Some(&e.path) && has(m))
            {
                println!("{} {:?}", e.path, e.what);
            }
        }
    }
    println!("## examples: {n}");
}
