//! Reads the source of a crate and finds out what is reachable from outside.
//!
//! Modules are followed through their files and re-exports through `pub use`. The attribute
//! `declare` and the derive `Accessors` are expanded by the code that the compiler runs, so what
//! they make is there like what is written. The rest of the language that the crates do not use,
//! such as public items made by `macro_rules!` and modules with a `path`, is not understood.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemImpl, Type, UseTree, Visibility};

use crate::{accessors, expand, parse};

/// A module path from the root of the crate: `["source", "tar"]`.
pub(crate) type Module = Vec<String>;

/// An item by the module that declares it and the name that it has there. A struct and a function
/// of one name, or a trait and its macro, are one definition with two items.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Def {
    pub(crate) module: Module,
    pub(crate) name: String,
}

/// What a path leads to.
enum Target {
    Module(Module),
    Def(Def),
    /// Something of another crate.
    Foreign,
}

/// A crate: the items of each module, macros expanded, tests left out.
pub(crate) struct Crate {
    pub(crate) name: &'static str,
    modules: BTreeMap<Module, Vec<Item>>,
}

/// What users of a crate see.
pub(crate) struct Public {
    /// The definitions, each with the paths that it has, the shortest first.
    pub(crate) paths: BTreeMap<Def, Vec<String>>,
    /// Re-exports from other crates: the path here.
    pub(crate) foreign: BTreeSet<String>,
    /// The modules: the path, and the attributes in the file.
    pub(crate) modules: BTreeMap<String, Module>,
}

impl Crate {
    /// Reads the crate whose `lib.rs` is in a folder below the repository.
    pub(crate) fn read(name: &'static str, folder: &str) -> Crate {
        let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), folder].iter().collect();
        let mut found = Crate {
            name,
            modules: BTreeMap::new(),
        };
        found.read_file(&root.join("lib.rs"), &root, Vec::new());
        found
    }

    /// Reads a file as a module. The files of its own modules are in `folder`.
    fn read_file(&mut self, file: &Path, folder: &Path, module: Module) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        self.read_items(parsed.items, folder, module);
    }

    fn read_items(&mut self, items: Vec<Item>, folder: &Path, module: Module) {
        let mut kept = Vec::new();
        for item in items {
            if attributes(&item).iter().any(is_test) {
                continue;
            }
            match item {
                Item::Mod(mut child) => {
                    let name = child.ident.to_string();
                    let mut path = module.clone();
                    path.push(name.clone());
                    let inner = folder.join(&name);
                    match child.content.take() {
                        Some((_, items)) => self.read_items(items, &inner, path),
                        None => {
                            let alone = folder.join(format!("{name}.rs"));
                            let file = if alone.exists() {
                                alone
                            } else {
                                inner.join("mod.rs")
                            };
                            self.read_file(&file, &inner, path);
                        }
                    }
                    kept.push(Item::Mod(child));
                }
                item => kept.extend(expanded(item)),
            }
        }
        self.modules.insert(module, kept);
    }

    /// The items of a definition.
    pub(crate) fn items<'a>(&'a self, def: &'a Def) -> impl Iterator<Item = &'a Item> {
        self.modules[&def.module]
            .iter()
            .filter(|item| name_of(item).is_some_and(|name| name == def.name))
            .filter(|item| !matches!(item, Item::Mod(_)))
    }

    /// All implementations with the module that they stand in.
    pub(crate) fn impls(&self) -> impl Iterator<Item = (&Module, &ItemImpl)> {
        self.modules.iter().flat_map(|(module, items)| {
            items.iter().filter_map(move |item| match item {
                Item::Impl(block) => Some((module, block)),
                _ => None,
            })
        })
    }

    /// The definition that a type in a module names.
    pub(crate) fn type_def(&self, module: &Module, ty: &Type) -> Option<Def> {
        let Type::Path(path) = ty else { return None };
        let parts: Vec<String> = path
            .path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        match self.resolve(module, &parts, 0) {
            Target::Def(def) => Some(def),
            _ => None,
        }
    }

    fn resolve(&self, from: &Module, parts: &[String], depth: usize) -> Target {
        let mut here = from.clone();
        for (number, part) in parts.iter().enumerate() {
            let first = number == 0;
            match &part[..] {
                "crate" => here.clear(),
                "self" => {}
                "super" => drop(here.pop()),
                name if first && name == self.name.replace('-', "_") => here.clear(),
                name => match self.lookup(&here, name, depth) {
                    Target::Module(module) => here = module,
                    // A variant of an enum, or a function of a type, belongs to its type.
                    found => return found,
                },
            }
        }
        Target::Module(here)
    }

    /// What a name means in a module.
    fn lookup(&self, module: &Module, name: &str, depth: usize) -> Target {
        // Circles of globs end here.
        let Some(items) = self.modules.get(module).filter(|_| depth < 8) else {
            return Target::Foreign;
        };
        let mut globs = Vec::new();
        for item in items {
            match item {
                Item::Mod(child) if child.ident == name => {
                    let mut path = module.clone();
                    path.push(name.to_string());
                    return Target::Module(path);
                }
                Item::Use(item) => {
                    for leaf in leaves(&item.tree) {
                        match &leaf.name {
                            None => globs.push(leaf.path),
                            Some(known) if known == name => {
                                return self.resolve(module, &leaf.path, depth + 1);
                            }
                            _ => {}
                        }
                    }
                }
                item if name_of(item).is_some_and(|known| known == name) => {
                    return Target::Def(Def {
                        module: module.clone(),
                        name: name.to_string(),
                    });
                }
                _ => {}
            }
        }
        for glob in globs {
            if let Target::Module(target) = self.resolve(module, &glob, depth + 1) {
                match self.lookup(&target, name, depth + 1) {
                    Target::Foreign => {}
                    found => return found,
                }
            }
        }
        Target::Foreign
    }

    /// Walks from the root through what is public.
    pub(crate) fn public(&self) -> Public {
        let mut public = Public {
            paths: BTreeMap::new(),
            foreign: BTreeSet::new(),
            modules: BTreeMap::new(),
        };
        let root = self.name.replace('-', "_");
        self.visit(&Vec::new(), &root, &mut public);
        for paths in public.paths.values_mut() {
            paths.sort_by_key(|path| (path.matches("::").count(), path.clone()));
            paths.dedup();
        }
        public
    }

    fn visit(&self, module: &Module, path: &str, public: &mut Public) {
        public
            .modules
            .entry(path.to_string())
            .or_insert_with(|| module.clone());
        for item in &self.modules[module] {
            // Macros with this attribute are at the root.
            if let Item::Macro(item) = item
                && item.attrs.iter().any(|a| a.path().is_ident("macro_export"))
                && let Some(name) = &item.ident
            {
                let root = self.name.replace('-', "_");
                public.add(module, name.to_string(), format!("{root}::{name}"));
            }
            if !is_public(item) || attributes(item).iter().any(is_hidden) {
                continue;
            }
            match item {
                Item::Mod(child) => {
                    let mut inner = module.clone();
                    inner.push(child.ident.to_string());
                    self.visit(&inner, &format!("{path}::{}", child.ident), public);
                }
                Item::Use(item) => {
                    for leaf in leaves(&item.tree) {
                        self.visit_use(module, &leaf, path, public);
                    }
                }
                item => {
                    if let Some(name) = name_of(item) {
                        let at = format!("{path}::{name}");
                        public.add(module, name, at);
                    }
                }
            }
        }
    }

    fn visit_use(&self, module: &Module, leaf: &Leaf, path: &str, public: &mut Public) {
        let target = self.resolve(module, &leaf.path, 0);
        match (target, &leaf.name) {
            (Target::Module(target), None) => self.visit(&target, path, public),
            (Target::Module(target), Some(name)) => {
                self.visit(&target, &format!("{path}::{name}"), public);
            }
            (Target::Def(def), Some(name)) => {
                public.add(&def.module, def.name, format!("{path}::{name}"));
            }
            (Target::Foreign, Some(name)) => {
                public.foreign.insert(format!("{path}::{name}"));
            }
            (_, None) => panic!("{path} has a glob of {:?}", leaf.path),
        }
    }
}

impl Public {
    fn add(&mut self, module: &Module, name: String, path: String) {
        let def = Def {
            module: module.clone(),
            name,
        };
        self.paths.entry(def).or_default().push(path);
    }
}

/// One name of a `use`: the path, and the name here; `None` for a glob.
struct Leaf {
    path: Vec<String>,
    name: Option<String>,
}

fn leaves(tree: &UseTree) -> Vec<Leaf> {
    fn collect(tree: &UseTree, before: &[String], found: &mut Vec<Leaf>) {
        let with = |name: &syn::Ident| {
            let mut path = before.to_vec();
            path.push(name.to_string());
            path
        };
        match tree {
            UseTree::Path(path) => collect(&path.tree, &with(&path.ident), found),
            UseTree::Group(group) => {
                for tree in &group.items {
                    collect(tree, before, found);
                }
            }
            UseTree::Name(name) => {
                let path = if name.ident == "self" {
                    before.to_vec()
                } else {
                    with(&name.ident)
                };
                let name = path.last().cloned();
                found.push(Leaf { path, name });
            }
            UseTree::Rename(rename) => found.push(Leaf {
                path: with(&rename.ident),
                name: Some(rename.rename.to_string()),
            }),
            UseTree::Glob(_) => found.push(Leaf {
                path: before.to_vec(),
                name: None,
            }),
        }
    }
    let mut found = Vec::new();
    collect(tree, &[], &mut found);
    found
}

/// An item with what its macros make of it.
fn expanded(item: Item) -> Vec<Item> {
    let Item::Struct(structure) = &item else {
        return vec![item];
    };
    let parsed = |tokens: proc_macro2::TokenStream| -> Vec<Item> {
        let file: syn::File = syn::parse2(tokens).expect("the macros write items");
        file.items
    };
    let is_declare = |attribute: &&Attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|last| last.ident == "declare")
    };
    if let Some(attribute) = structure.attrs.iter().find(is_declare) {
        let arguments = attribute.meta.require_list().expect("arguments");
        let mut bare = structure.clone();
        bare.attrs.retain(|attribute| !is_declare(&attribute));
        let tokens = quote::quote!(#bare);
        let declaration = parse::declaration(arguments.tokens.clone(), tokens)
            .unwrap_or_else(|error| panic!("{}: {error}", structure.ident));
        return parsed(expand::expand(&declaration));
    }
    if derives(&structure.attrs)
        .iter()
        .any(|name| name == "Accessors")
    {
        let input = syn::parse2(quote::quote!(#structure)).expect("a struct");
        let methods = accessors::expand(&input)
            .unwrap_or_else(|error| panic!("{}: {error}", structure.ident));
        let mut items = parsed(methods);
        items.insert(0, item);
        return items;
    }
    vec![item]
}

/// The names of the traits that an item derives.
pub(crate) fn derives(attributes: &[Attribute]) -> Vec<String> {
    let mut names = Vec::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("derive")) {
        let _ = attribute.parse_nested_meta(|meta| {
            if let Some(last) = meta.path.segments.last() {
                names.push(last.ident.to_string());
            }
            Ok(())
        });
    }
    names
}

/// True for what exists in tests alone.
fn is_test(attribute: &Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else {
        return false;
    };
    let condition = list.tokens.to_string();
    let is_alone = ["test", "doctest", "loom"].contains(&&condition[..]);
    list.path.is_ident("cfg") && (is_alone || condition.starts_with("all (test"))
}

/// True for `#[doc(hidden)]`.
pub(crate) fn is_hidden(attribute: &Attribute) -> bool {
    match &attribute.meta {
        syn::Meta::List(list) => {
            list.path.is_ident("doc") && list.tokens.to_string().contains("hidden")
        }
        _ => false,
    }
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn is_public(item: &Item) -> bool {
    let visibility = match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Mod(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Use(item) => &item.vis,
        _ => return false,
    };
    matches!(visibility, Visibility::Public(_))
}
