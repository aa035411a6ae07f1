//! Dependencies between modules point one way.

use std::fs;
use std::path::{Path, PathBuf};

/// From what everything stands on to what stands on everything. A module may use those before it.
///
/// Modules of one layer know each other: a shard stores what a source hands out, and `Shards` is a
/// source; a recipe is made of ops, which a program draws by the recipe's view; a batch carries the
/// loader's state.
const LAYERS: [&[&str]; 8] = [
    &["error"],
    &["draws"],
    &["source", "shard"],
    &["plan", "decode"],
    &["augment", "mix", "recipe"],
    &["batch", "pipeline", "loader"],
    &["convert", "verify", "index"],
    &["bin", "lib"],
];

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|modules| modules.contains(&module))
        .unwrap_or_else(|| panic!("no layer for {module}"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules named in `crate::NAME` paths, outside comments and tests.
fn uses(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let paths = lines.flat_map(|line| {
        line.match_indices("crate::")
            .map(move |(at, _)| &line[at + 7..])
    });
    paths
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| name.chars().next().is_some_and(char::is_lowercase))
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let mut checked = 0;
    for path in found {
        let relative = path.strip_prefix(&root).unwrap();
        let first = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy();
        let module = first.trim_end_matches(".rs").to_string();
        if module == "bin" || relative.ends_with("tests.rs") {
            continue;
        }
        for used in uses(&fs::read_to_string(&path).unwrap()) {
            checked += 1;
            assert!(
                layer(&used) <= layer(&module),
                "{} uses crate::{used}, which is above {module}",
                relative.display()
            );
        }
    }
    assert!(checked > 50, "only {checked} paths were found");
}
