//! The public interface as one list: everything with a page or a place on one, with what the checks
//! need to know of it.

use std::collections::BTreeMap;

use proc_macro2::{Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Fields, FnArg, ImplItem, Item, ItemImpl, Signature, TraitItem, Type, Visibility,
};

use crate::docs;
use crate::walk::{Crate, Def, Module, Public, derives, is_hidden};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Module,
    Struct,
    Enum,
    Trait,
    /// A function, or a method.
    Function,
    Field,
    Variant,
    /// A constant, an alias, a macro, a re-export, the traits of a type.
    Other,
}

/// A public item, or a part of one.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) what: What,
    /// The shortest path.
    pub(crate) path: String,
    /// What the snapshot has of it.
    pub(crate) line: String,
    /// The documentation.
    pub(crate) docs: String,
    /// The item that it is a part of, if it is one: a method or a field of a type.
    pub(crate) parent: Option<String>,
    /// True for `#[non_exhaustive]`.
    pub(crate) open: bool,
    /// True for a struct that has fields, all of them public.
    pub(crate) literal: bool,
    /// True for a struct with public fields.
    pub(crate) exposed: bool,
    /// The arguments of a function or the type of a field: names and types.
    pub(crate) values: Vec<(String, Type)>,
    /// True for a function that returns `Result`.
    pub(crate) fallible: bool,
}

impl Entry {
    fn new(what: What, path: &str, line: String, attributes: &[Attribute]) -> Entry {
        let open = attributes
            .iter()
            .any(|attribute| attribute.path().is_ident("non_exhaustive"));
        let line = if open {
            format!("#[non_exhaustive] {line}")
        } else {
            line
        };
        Entry {
            what,
            path: path.to_string(),
            line: format!("{path}: {line}"),
            docs: docs::text(attributes).join("\n"),
            parent: None,
            open,
            literal: false,
            exposed: false,
            values: Vec::new(),
            fallible: false,
        }
    }

    fn of(mut self, parent: &str) -> Entry {
        self.parent = Some(parent.to_string());
        self
    }
}

/// All entries of a crate, sorted by their paths.
pub(crate) fn entries(krate: &Crate) -> Vec<Entry> {
    let public = krate.public();
    let mut blocks: BTreeMap<Def, Vec<Block<'_>>> = BTreeMap::new();
    for (module, block) in krate.impls() {
        if let Some(def) = self_def(krate, module, block) {
            blocks.entry(def).or_default().push((module, block));
        }
    }
    let mut found = Vec::new();
    for path in public.modules.keys() {
        found.push(Entry::new(What::Module, path, "mod".into(), &[]));
    }
    for path in &public.foreign {
        found.push(Entry::new(What::Other, path, "use".into(), &[]));
    }
    for (def, paths) in &public.paths {
        let path = &paths[0];
        for other in &paths[1..] {
            found.push(Entry::new(What::Other, other, format!("use {path}"), &[]));
        }
        for item in krate.items(def) {
            push_item(item, path, &mut found);
        }
        for block in blocks.get(def).into_iter().flatten() {
            push_impl(krate, &public, *block, path, &mut found);
        }
    }
    push_blanket(krate, &public, &mut found);
    found.sort_by(|a, b| a.line.cmp(&b.line));
    found.dedup_by(|a, b| a.line == b.line);
    found
}

fn push_item(item: &Item, path: &str, found: &mut Vec<Entry>) {
    match item {
        Item::Const(item) => {
            let line = format!("const {}", text(&item.ty));
            found.push(Entry::new(What::Other, path, line, &item.attrs));
        }
        Item::Static(item) => {
            let line = format!("static {}", text(&item.ty));
            found.push(Entry::new(What::Other, path, line, &item.attrs));
        }
        Item::Type(item) => {
            let line = format!("type {}= {}", text(&item.generics), text(&item.ty));
            found.push(Entry::new(What::Other, path, line, &item.attrs));
        }
        Item::Macro(item) => {
            found.push(Entry::new(What::Other, path, "macro".into(), &item.attrs));
        }
        Item::Fn(item) => found.push(function(&item.sig, path, &item.attrs)),
        Item::Struct(item) => {
            let generics = text(&item.generics);
            let shape = match &item.fields {
                Fields::Named(_) => "{ .. }".to_string(),
                Fields::Unnamed(fields) => tuple(fields, false),
                Fields::Unit => String::new(),
            };
            let line = format!("struct{generics} {shape}");
            let mut entry = Entry::new(What::Struct, path, line.trim_end().into(), &item.attrs);
            let is_public = |field: &syn::Field| matches!(field.vis, Visibility::Public(_));
            entry.exposed = item.fields.iter().any(is_public);
            entry.literal = entry.exposed && item.fields.iter().all(is_public);
            found.push(entry);
            for field in item.fields.iter().filter(|field| is_public(field)) {
                if let Some(name) = &field.ident {
                    push_field(field, &format!("{path}.{name}"), path, found);
                }
            }
            push_derives(&item.attrs, path, found);
        }
        Item::Enum(item) => {
            let line = format!("enum{}", text(&item.generics));
            found.push(Entry::new(What::Enum, path, line, &item.attrs));
            for variant in &item.variants {
                let at = format!("{path}::{}", variant.ident);
                let shape = match &variant.fields {
                    Fields::Named(_) => "{ .. }".to_string(),
                    Fields::Unnamed(fields) => tuple(fields, true),
                    Fields::Unit => String::new(),
                };
                let line = format!("variant {shape}");
                let entry = Entry::new(What::Variant, &at, line.trim_end().into(), &variant.attrs);
                found.push(entry.of(path));
                for field in &variant.fields {
                    if let Some(name) = &field.ident {
                        push_field(field, &format!("{at}.{name}"), path, found);
                    }
                }
            }
            push_derives(&item.attrs, path, found);
        }
        Item::Trait(item) => {
            let above = match &item.supertraits {
                none if none.is_empty() => String::new(),
                some => format!(": {}", text(some)),
            };
            let line = format!("trait{}{above}", text(&item.generics));
            found.push(Entry::new(What::Trait, path, line, &item.attrs));
            for part in &item.items {
                push_trait_item(part, path, found);
            }
        }
        _ => {}
    }
}

fn push_trait_item(part: &TraitItem, path: &str, found: &mut Vec<Entry>) {
    match part {
        TraitItem::Fn(method) if !method.attrs.iter().any(is_hidden) => {
            let at = format!("{path}::{}", method.sig.ident);
            let mut entry = function(&method.sig, &at, &method.attrs).of(path);
            if method.default.is_some() {
                entry.line += " (provided)";
            }
            found.push(entry);
        }
        TraitItem::Const(item) => {
            let at = format!("{path}::{}", item.ident);
            let line = format!("const {}", text(&item.ty));
            found.push(Entry::new(What::Other, &at, line, &item.attrs).of(path));
        }
        TraitItem::Type(item) => {
            let at = format!("{path}::{}", item.ident);
            found.push(Entry::new(What::Other, &at, "type".into(), &item.attrs).of(path));
        }
        _ => {}
    }
}

/// An implementation with the module that it stands in.
type Block<'a> = (&'a Module, &'a ItemImpl);

/// The definition on whose page an implementation is. Methods of a trait object are on that of the
/// trait.
fn self_def(krate: &Crate, module: &Module, block: &ItemImpl) -> Option<Def> {
    match &*block.self_ty {
        Type::TraitObject(object) => object.bounds.iter().find_map(|bound| match bound {
            syn::TypeParamBound::Trait(bound) => {
                let ty = &bound.path;
                krate.type_def(module, &syn::parse2(quote!(#ty)).expect("a path is a type"))
            }
            _ => None,
        }),
        ty => krate.type_def(module, ty),
    }
}

/// The methods and constants of a type, and the trait that it implements.
fn push_impl(
    krate: &Crate,
    public: &Public,
    (module, block): Block<'_>,
    path: &str,
    found: &mut Vec<Entry>,
) {
    if let Some((_, name, _)) = &block.trait_ {
        // A private trait is of no use to anyone.
        let ty = syn::parse2(quote!(#name)).expect("a path is a type");
        let of_crate = krate.type_def(module, &ty);
        if of_crate.is_some_and(|def| !public.paths.contains_key(&def)) {
            return;
        }
        found.push(Entry::new(What::Other, path, format!("impl {}", text(name)), &[]).of(path));
        return;
    }
    for part in &block.items {
        match part {
            ImplItem::Fn(method)
                if matches!(method.vis, Visibility::Public(_))
                    && !method.attrs.iter().any(is_hidden) =>
            {
                let at = format!("{path}::{}", method.sig.ident);
                found.push(function(&method.sig, &at, &method.attrs).of(path));
            }
            ImplItem::Const(item) if matches!(item.vis, Visibility::Public(_)) => {
                let at = format!("{path}::{}", item.ident);
                let line = format!("const {}", text(&item.ty));
                found.push(Entry::new(What::Other, &at, line, &item.attrs).of(path));
            }
            _ => {}
        }
    }
}

/// Implementations of public traits for types of other crates.
fn push_blanket(krate: &Crate, public: &Public, found: &mut Vec<Entry>) {
    for (module, block) in krate.impls() {
        let Some((_, name, _)) = &block.trait_ else {
            continue;
        };
        let ty = syn::parse2(quote!(#name)).expect("a path is a type");
        let Some(paths) = krate
            .type_def(module, &ty)
            .and_then(|def| public.paths.get(&def))
        else {
            continue;
        };
        if krate.type_def(module, &block.self_ty).is_none() {
            let line = format!("impl for {}", text(&block.self_ty));
            found.push(Entry::new(What::Other, &paths[0], line, &[]).of(&paths[0]));
        }
    }
}

fn push_derives(attributes: &[Attribute], path: &str, found: &mut Vec<Entry>) {
    for name in derives(attributes) {
        if name != "Accessors" {
            found.push(Entry::new(What::Other, path, format!("impl {name}"), &[]).of(path));
        }
    }
}

fn push_field(field: &syn::Field, at: &str, parent: &str, found: &mut Vec<Entry>) {
    let mut entry = Entry::new(What::Field, at, text(&field.ty), &field.attrs).of(parent);
    let name = field.ident.as_ref().map(ToString::to_string);
    entry.values = vec![(name.unwrap_or_default(), field.ty.clone())];
    found.push(entry);
}

fn function(signature: &Signature, path: &str, attributes: &[Attribute]) -> Entry {
    let Signature {
        constness,
        asyncness,
        unsafety,
        inputs,
        output,
        generics,
        ..
    } = signature;
    let bounds = &generics.where_clause;
    // Whether an argument is changed inside is of no interest outside.
    let inputs = inputs.iter().map(|input| {
        let mut input = input.clone();
        match &mut input {
            FnArg::Receiver(receiver) if receiver.reference.is_none() => receiver.mutability = None,
            FnArg::Typed(typed) => {
                if let syn::Pat::Ident(name) = &mut *typed.pat {
                    name.mutability = None;
                }
            }
            FnArg::Receiver(_) => {}
        }
        input
    });
    let inputs: Vec<FnArg> = inputs.collect();
    let line =
        text(&quote!(#constness #asyncness #unsafety fn #generics (#(#inputs),*) #output #bounds));
    let mut entry = Entry::new(What::Function, path, line, attributes);
    entry.fallible = match output {
        syn::ReturnType::Type(_, ty) => match &**ty {
            Type::Path(path) => path
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident == "Result"),
            _ => false,
        },
        syn::ReturnType::Default => false,
    };
    entry.values = inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(input) => Some((text(&input.pat), (*input.ty).clone())),
            FnArg::Receiver(_) => None,
        })
        .collect();
    entry
}

/// The types of a tuple, `_` for those that are not public. Those of a variant all are.
fn tuple(fields: &syn::FieldsUnnamed, of_variant: bool) -> String {
    let types = fields.unnamed.iter().map(|field| match field.vis {
        Visibility::Public(_) => text(&field.ty),
        _ if of_variant => text(&field.ty),
        _ => "_".to_string(),
    });
    format!("({})", types.collect::<Vec<_>>().join(", "))
}

/// Source text as rustfmt would space it.
pub(crate) fn text(tokens: &impl ToTokens) -> String {
    let mut flat = Vec::new();
    flatten(tokens.to_token_stream(), &mut flat);
    let mut line = String::new();
    let mut before = String::new();
    for token in flat {
        if !line.is_empty() && spaced(&before, &token) {
            line.push(' ');
        }
        line.push_str(&token);
        before = token;
    }
    line.replace(",)", ")").replace(", >", ">")
}

fn flatten(tokens: TokenStream, flat: &mut Vec<String>) {
    let mut joint = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                flat.push(open.to_string());
                flatten(group.stream(), flat);
                flat.push(close.to_string());
                joint = false;
            }
            TokenTree::Punct(punct) => {
                let text = punct.as_char().to_string();
                match flat.last_mut() {
                    Some(last) if joint && last != "'" => last.push_str(&text),
                    _ => flat.push(text),
                }
                joint = punct.spacing() == Spacing::Joint;
            }
            token => {
                flat.push(token.to_string());
                joint = false;
            }
        }
    }
}

fn spaced(before: &str, next: &str) -> bool {
    let is_word = |token: &str| token.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    match (before, next) {
        ("(" | "[" | "&" | "<" | "::" | "'" | "?" | "*" | "", _) => false,
        ("->", "::") => true,
        (_, ")" | "]" | "," | ";" | ":" | "::" | ">" | "") => false,
        ("mut" | "dyn" | "impl" | "const", _) => true,
        ("fn", "<" | "(") => false,
        (before, "<" | "(") => !(is_word(before) || before == ">"),
        _ => true,
    }
}
