//! Dependencies between modules point one way, and files do not form circles.
//!
//! The test reads the `use` declarations and the inline paths of every file of `src`, resolves
//! `crate::`, `super::` and `self::`, and checks two things: a top-level module uses only modules
//! above it in [`LAYERS`], and no file uses another that uses it in turn, directly or through
//! others. A parent and its child may use each other: that is what a module with private parts is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From what everything stands on to what stands on everything, one module a row. A module may use
/// the rows above its own.
const LAYERS: [&str; 25] = [
    "error", "parallel", "geometry", "rng", "spec", "cpu", "sample", "storage", "state", "plan",
    "shard", "decode", "kernels", "source", "augment", "mix", "recipe", "batch", "pipeline",
    "loader", "verify", "index", "convert", "testing", "guide",
];

/// A module path: `["source", "tar"]`; the crate's root is empty.
type Module = Vec<String>;

/// The row of a top-level module in [`LAYERS`].
fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| *layer == module)
        .unwrap_or_else(|| panic!("no layer for the module {module}: give it a row in LAYERS"))
}

/// Appends all Rust files below a folder to `found`.
fn collect_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The module path of a file of `src`.
fn module_of(relative: &Path) -> Module {
    let mut parts: Module = relative
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts
        .last()
        .is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str()))
    {
        parts.pop();
    }
    parts
}

/// Source text without comments and unit tests.
fn strip(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().map(|line| match line.find("//") {
        Some(at) => &line[..at],
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every path that begins with `crate`, `super` or `self`. A group such as `crate::{a, b::c}` is
/// several paths.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            expand(String::new(), &code[at..], &mut found);
        }
    }
    found
}

/// Reads one path at the start of `text`, appends it to `found` after `prefix`, and returns the
/// text behind it. A group is read by recursion, once for each of its members.
fn expand<'a>(prefix: String, text: &'a str, found: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    let name: &str = {
        let end = text
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'))
            .unwrap_or(text.len());
        &text[..end]
    };
    let rest = &text[name.len()..];
    let path = format!("{prefix}{name}");
    let Some(after) = rest.strip_prefix("::") else {
        if !name.is_empty() {
            found.push(path);
        }
        return rest;
    };
    let Some(mut inside) = after.strip_prefix('{') else {
        return expand(format!("{path}::"), after, found);
    };
    loop {
        inside = expand(format!("{path}::"), inside, found).trim_start();
        // `name as other`: the new name does not matter.
        if let Some((_, rest)) = inside
            .split_once("as ")
            .filter(|(before, _)| before.is_empty())
        {
            inside = rest
                .trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
                .trim_start();
        }
        match inside.strip_prefix(',') {
            Some(rest) => inside = rest.trim_start(),
            None => break,
        }
        if inside.starts_with('}') {
            break;
        }
    }
    inside.strip_prefix('}').unwrap_or(inside)
}

/// The modules of the crate, and the names that each re-exports from another (`pub use`).
struct Crate {
    modules: BTreeSet<Module>,
    exports: BTreeMap<(Module, String), Module>,
}

impl Crate {
    fn new(sources: &[(Module, String)]) -> Crate {
        let mut found = Crate {
            modules: sources.iter().map(|(module, _)| module.clone()).collect(),
            exports: BTreeMap::new(),
        };
        for (module, text) in sources {
            for (at, _) in text.match_indices("use ") {
                let line = text[..at].rsplit('\n').next().unwrap().trim();
                if !line.starts_with("pub") {
                    continue;
                }
                let mut leaves = Vec::new();
                expand(String::new(), &text[at + 4..], &mut leaves);
                for leaf in leaves {
                    let target = found.resolve(&leaf, module);
                    let name = leaf.rsplit("::").next().unwrap().to_string();
                    if target != *module && target != [name.clone()] {
                        found.exports.insert((module.clone(), name), target);
                    }
                }
            }
        }
        found
    }

    /// The modules that a file names: by paths from the root or a parent, and by paths that begin
    /// with a module that one of those brought into scope.
    fn used_paths(&self, text: &str, module: &Module) -> Vec<Module> {
        let mut used: Vec<Module> = Vec::new();
        for path in &paths(text) {
            let target = self.resolve(path, module);
            let name = path.rsplit("::").next().unwrap();
            if target.last().is_some_and(|last| last == name) {
                let prefix = format!("{name}::");
                for (at, _) in text.match_indices(&prefix) {
                    let before = text[..at].chars().next_back();
                    if !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                        let mut inner = Vec::new();
                        expand(format!("{path}::"), &text[at + prefix.len()..], &mut inner);
                        used.extend(inner.iter().map(|path| self.resolve(path, module)));
                    }
                }
            }
            used.push(target);
        }
        used
    }

    /// The module that a path leads to. Segments are followed as long as they are modules; the next
    /// one is an item of the last module, or a name that it re-exports.
    fn resolve(&self, path: &str, here: &Module) -> Module {
        let mut module = here.clone();
        if path.starts_with("crate") {
            module.clear();
        }
        for part in path.split("::") {
            match part {
                "crate" | "self" => {}
                "super" => drop(module.pop()),
                name => {
                    module.push(name.to_string());
                    if self.modules.contains(&module) {
                        continue;
                    }
                    module.pop();
                    match self.exports.get(&(module.clone(), name.to_string())) {
                        Some(target) => return target.clone(),
                        None => return module,
                    }
                }
            }
        }
        module
    }
}

/// The folders whose files may not form circles.
const ROOTS: [&str; 3] = ["src", "crates/feedmill-jpeg/src", "crates/feedmill-cli/src"];

/// For each module below a folder the modules that it uses. Files of unit tests are left out: a
/// test may use anything.
fn uses(root: &str) -> BTreeMap<Module, BTreeSet<Module>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut found = Vec::new();
    collect_files(&root, &mut found);
    let is_test = |path: &Path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let parent = path.with_file_name("mod.rs");
        let declared_in = if parent.exists() {
            parent
        } else {
            // The root of the crate.
            let lib = root.join("lib.rs");
            if lib.exists() {
                lib
            } else {
                root.join("main.rs")
            }
        };
        let text = fs::read_to_string(declared_in).unwrap();
        text.contains(&format!("#[cfg(test)]\nmod {name};"))
    };
    let sources: Vec<(Module, String)> = found
        .iter()
        .filter(|path| !is_test(path))
        .map(|path| {
            let module = module_of(path.strip_prefix(&root).unwrap());
            (module, strip(&fs::read_to_string(path).unwrap()))
        })
        .filter(|(module, _)| !module.is_empty())
        .collect();
    let modules = Crate::new(&sources);
    sources
        .into_iter()
        .map(|(module, text)| {
            let used = modules
                .used_paths(&text, &module)
                .into_iter()
                .filter(|used| !used.is_empty() && *used != module)
                .collect();
            (module, used)
        })
        .collect()
}

#[test]
fn modules_use_only_what_stands_above_them() {
    let mut checked = 0;
    for (module, used) in uses("src") {
        for used in used {
            if used[0] == module[0] {
                continue;
            }
            checked += 1;
            assert!(
                layer(&used[0]) < layer(&module[0]),
                "{} uses {}, which stands below it in LAYERS",
                module.join("::"),
                used.join("::")
            );
        }
    }
    assert!(checked > 200, "only {checked} uses were found");
}

#[test]
fn every_layer_exists() {
    let modules: BTreeSet<String> = uses("src")
        .into_keys()
        .map(|module| module[0].clone())
        .collect();
    for layer in LAYERS {
        assert!(modules.contains(layer), "there is no module {layer}");
    }
}

/// Whether one of two modules contains the other.
fn related(a: &Module, b: &Module) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

#[test]
fn files_form_no_circle() {
    for root in ROOTS {
        let circles = circles(&uses(root));
        assert!(
            circles.is_empty(),
            "files of {root} that use each other: {circles:#?}"
        );
    }
}

/// Sets of files that use each other, directly or through others.
fn circles(uses: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Vec<String>> {
    // The modules that can be reached from a module, where a step between a parent and its child
    // does not count.
    let reached = |start: &Module| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(module) = next.pop() {
            for used in uses[module].iter().filter(|used| !related(module, used)) {
                if reached.insert(used) {
                    next.push(used);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = uses
        .keys()
        .map(|module| (module, reached(module)))
        .collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (module, found) in &reached {
        let circle: Vec<String> = found
            .iter()
            .filter(|other| reached[**other].contains(module))
            .map(|other| other.join("::"))
            .collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles
}
