//! The two macros of feedmill.
//!
//! The attribute `#[declare(…)]` declares the parameters of an op or a mixer once. Everything that
//! has to agree with the parameters is made from their declaration: the constructor, setters and
//! getters, reading a recipe and writing it, checks, and the documentation. `feedmill::spec`
//! explains how to use it and has the types that it refers to.
//!
//! `#[derive(Accessors)]` makes a setter `with_x` and a getter `x` for each field of a struct, with
//! the documentation of the field.
//!
//! * [`parse`] reads the attribute and the fields into a [`parse::Declaration`];
//! * [`docs`] writes the section "Parameters" of the documentation;
//! * [`expand`] writes the code;
//! * [`accessors`] is the derive.

mod accessors;
mod docs;
mod expand;
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
