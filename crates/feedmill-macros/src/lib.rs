//! The macros of feedmill.
//!
//! The attribute `#[declare(…)]` declares the parameters of an op or a mixer once. Everything that
//! has to agree with the parameters is made from their declaration: the constructor, setters and
//! getters, reading a recipe and writing it, checks, and the documentation. `feedmill::spec`
//! explains how to use it and has the types that it refers to.
//!
//! `#[derive(Accessors)]` makes a setter `with_x` and a getter `x` for each field of a struct, with
//! the documentation of the field.
//!
//! * `parse` reads the attribute and the fields into a `parse::Declaration`;
//! * `docs` writes the section "Parameters" of the documentation;
//! * `expand` writes the code;
//! * `accessors` is the derive;
//! * `page` makes documentation of a page of the repository.

mod accessors;
mod docs;
mod expand;
mod page;
mod parse;

use proc_macro::TokenStream;
use syn::DeriveInput;

/// Declares the parameters of an op or a mixer: see the module `feedmill::spec`.
#[proc_macro_attribute]
pub fn declare(attribute: TokenStream, item: TokenStream) -> TokenStream {
    parse::declaration(attribute.into(), item.into())
        .map_or_else(
            |error| error.to_compile_error(),
            |declaration| expand::expand(&declaration),
        )
        .into()
}

/// Makes a setter `with_x` and a getter `x` for each field of a struct.
///
/// The documentation of the field, "The number of views; 1 by default.", becomes that of the getter
/// and, after the word "Sets", that of the setter. The getter borrows what is not a number. In
/// `#[accessor(…)]` a field says what differs:
///
/// * `skip`: no accessors;
/// * `get`: no setter;
/// * `copy`: the getter returns a copy;
/// * `into`: the setter takes anything that turns into the value.
#[proc_macro_derive(Accessors, attributes(accessor))]
pub fn accessors(item: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(item as DeriveInput);
    accessors::expand(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Returns the text of a page of the repository for `#![doc = …]`: `page!("docs/A.md", "B.md" =
/// "crate::guide::b", …)`. The first text is the path in the package, the pairs are other pages and
/// the modules that have them. Links to those lead to the modules; links to other files become
/// their text.
#[proc_macro]
pub fn page(arguments: TokenStream) -> TokenStream {
    let parser = |input: syn::parse::ParseStream<'_>| {
        let path: syn::LitStr = input.parse()?;
        let mut pages = Vec::new();
        while input.parse::<Option<syn::Token![,]>>()?.is_some() && !input.is_empty() {
            let page: syn::LitStr = input.parse()?;
            input.parse::<syn::Token![=]>()?;
            let module: syn::LitStr = input.parse()?;
            pages.push((page.value(), module.value()));
        }
        let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        let file = std::path::Path::new(&root).join(path.value());
        let text = std::fs::read_to_string(&file).map_err(|error| {
            syn::Error::new(path.span(), format!("{}: {error}", file.display()))
        })?;
        Ok(page::linked(&text, &pages))
    };
    match syn::parse::Parser::parse(parser, arguments) {
        Ok(text) => quote::quote!(#text).into(),
        Err(error) => error.to_compile_error().into(),
    }
}
