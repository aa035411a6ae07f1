//! The attribute `#[declare(…)]`, which declares the parameters of an op or a mixer once.
//!
//! Everything that has to agree with the parameters is made from their declaration: the
//! constructor, setters and getters, reading a recipe and writing it, checks, and the
//! documentation. `feedmill::spec` explains how to use it and has the types that it refers to.
//!
//! * [`parse`] reads the attribute and the fields into a [`parse::Declaration`];
//! * [`docs`] writes the section "Parameters" of the documentation;
//! * [`expand`] writes the code.

mod docs;
mod expand;
mod parse;

use proc_macro::TokenStream;

/// Declares the parameters of an op or a mixer: see the module `feedmill::spec`.
#[proc_macro_attribute]
pub fn declare(attribute: TokenStream, item: TokenStream) -> TokenStream {
    parse::declaration(attribute.into(), item.into())
        .map(|declaration| expand::expand(&declaration))
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
