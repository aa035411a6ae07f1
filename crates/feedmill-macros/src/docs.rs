//! Writes the part of the documentation that follows from the parameters.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{
    Attribute, Expr, ExprLit, GenericArgument, Lit, Meta, MetaNameValue, PathArguments, Type,
};

use crate::parse::{Declaration, Field, Role};

/// The lines after the struct's own documentation: what it is called elsewhere, and its
/// parameters.
pub(crate) fn sections(declaration: &Declaration) -> Vec<String> {
    let mut lines = Vec::new();
    if !declaration.like.is_empty() {
        lines.push(String::new());
        lines.push(format!(
            "In other libraries: {}.",
            declaration.like.join(", ")
        ));
    }
    lines.extend(["", "# Parameters", ""].map(String::from));
    let name = &declaration.name;
    let parameters = declaration
        .fields
        .iter()
        .filter(|field| field.is_parameter());
    let mut parameters = parameters.peekable();
    if parameters.peek().is_none() {
        lines.push(format!("None; a recipe calls it `\"{name}\"`."));
        return lines;
    }
    lines.push(format!(
        "A recipe calls it `\"{name}\"`, with these parameters:"
    ));
    lines.push(String::new());
    lines.extend(parameters.map(row));
    lines
}

/// One line of the list of parameters.
fn row(field: &Field) -> String {
    let Role::Parameter {
        default,
        range,
        unit,
    } = &field.role
    else {
        return String::new();
    };
    let mut facts = vec![match default {
        None => "required".to_string(),
        Some(_) if is_optional(&field.ty) => "none by default".to_string(),
        Some(default) => format!("`{}` by default", source(default)),
    }];
    match (range.as_ref().and_then(ends), unit) {
        (Some([low, high]), None) => facts.push(format!("{low} to {high}")),
        (Some([low, high]), Some(unit)) => facts.push(format!("{low} to {high} {unit}")),
        (None, Some(unit)) => facts.push(format!("in {unit}")),
        (None, None) => {}
    }
    let text = field
        .docs
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>();
    format!(
        "* `{}`: {} ({}). {}",
        field.ident,
        link(&field.ty),
        facts.join("; "),
        text.join(" ")
    )
}

/// The lines of the documentation comments among the attributes.
pub(crate) fn text(attributes: &[Attribute]) -> Vec<String> {
    attributes.iter().filter_map(line).collect()
}

/// The line of a documentation comment, if the attribute is one.
pub(crate) fn line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(MetaNameValue {
            path,
            value:
                Expr::Lit(ExprLit {
                    lit: Lit::Str(line),
                    ..
                }),
            ..
        }) if path.is_ident("doc") => Some(line.value()),
        _ => None,
    }
}

/// True for `Option<…>`.
pub(crate) fn is_optional(ty: &Type) -> bool {
    option_of(ty).is_some()
}

/// The `T` of an `Option<T>`.
pub(crate) fn option_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

/// The type, as a link if it is a plain name of a type of feedmill.
fn link(ty: &Type) -> String {
    let ty = option_of(ty).unwrap_or(ty);
    match ty {
        Type::Path(path) if path.path.segments.len() == 1 => {
            let name = source(&ty.to_token_stream());
            if name.contains('<') {
                format!("`{name}`")
            } else {
                format!("[`{name}`]")
            }
        }
        _ => format!("`{}`", source(&ty.to_token_stream())),
    }
}

/// The two numbers of `[low, high]`, if they are literals.
fn ends(range: &TokenStream) -> Option<[String; 2]> {
    let text: String = range.to_string().split_whitespace().collect();
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let (low, high) = inner.trim_end_matches(',').split_once(',')?;
    let plain = |number: &str| {
        let number = number.replace('_', "");
        number.parse::<f64>().ok().map(|number| number.to_string())
    };
    Some([plain(low)?, plain(high)?])
}

/// Source text without the spaces that the compiler puts between tokens.
fn source(tokens: &TokenStream) -> String {
    let text = tokens.to_string();
    if text.contains("Default :: default") || text.contains("Default::default") {
        return "its default".to_string();
    }
    let mut plain = text
        .replace(" :: ", "::")
        .replace(":: ", "::")
        .replace(" ::", "::");
    for (spaced, dense) in [
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        ("[ ", "["),
        (" ]", "]"),
        (" ;", ";"),
        ("- ", "-"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" !", "!"),
    ] {
        plain = plain.replace(spaced, dense);
    }
    plain
}
