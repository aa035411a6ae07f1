//! `#[derive(Accessors)]`: a setter `with_x` and a getter `x` for each field of a value.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, Ident, Result, Type};

use crate::docs::{self, option_of};
use crate::expand::is_plain;

/// What `#[accessor(…)]` says about a field.
#[derive(Default)]
struct Options {
    /// No accessors.
    skip: bool,
    /// A getter only.
    get: bool,
    /// The getter returns a copy.
    copy: bool,
    /// The setter takes whatever turns into the value.
    into: bool,
}

/// The methods of the struct.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "`Accessors` is for structs"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(input, "`Accessors` is for named fields"));
    };
    let ident = &input.ident;
    let methods = fields
        .named
        .iter()
        .map(accessors)
        .collect::<Result<Vec<_>>>()?;
    Ok(quote! {
        #[allow(
            clippy::needless_pass_by_value,
            clippy::should_implement_trait,
            clippy::trivially_copy_pass_by_ref,
            reason = "made for each field"
        )]
        impl #ident {
            #(#methods)*
        }
    })
}

fn accessors(field: &Field) -> Result<TokenStream> {
    let options = options(&field.attrs)?;
    let Some(name) = field.ident.as_ref().filter(|_| !options.skip) else {
        return Ok(quote!());
    };
    let text = docs::text(&field.attrs);
    if text.is_empty() {
        let message = "the documentation of this field becomes that of its accessors: write some";
        return Err(Error::new_spanned(name, message));
    }
    let sets = format!(" Sets {}", within_sentence(text[0].trim_start()));
    let rest = &text[1..];
    let aliases = field.attrs.iter().filter(|attribute| is_alias(attribute));
    let aliases: Vec<_> = aliases.collect();
    let (argument, value) = argument(name, &field.ty, &options);
    let (returned, read) = reading(name, &field.ty, &options);
    let setter = format_ident!("with_{name}");
    let setter = (!options.get).then(|| {
        quote! {
            #[doc = #sets]
            #(#[doc = #rest])*
            #(#aliases)*
            #[must_use]
            pub fn #setter(mut self, #name: #argument) -> Self {
                self.#name = #value;
                self
            }
        }
    });
    Ok(quote! {
        #setter

        #(#[doc = #text])*
        pub fn #name(&self) -> #returned {
            #read
        }
    })
}

/// A phrase as it stands within a sentence: "The size" becomes "the size".
fn within_sentence(phrase: &str) -> String {
    let starts = ["The ", "A ", "How ", "What ", "Whether ", "Which "];
    match starts.iter().find(|start| phrase.starts_with(**start)) {
        Some(start) => start.to_lowercase() + &phrase[start.len()..],
        None => phrase.to_string(),
    }
}

/// How a value is passed to a setter: its type, and the expression that makes the field of it.
fn argument(name: &Ident, ty: &Type, options: &Options) -> (TokenStream, TokenStream) {
    let into = |ty: &Type| quote!(impl ::std::convert::Into<#ty>);
    match option_of(ty) {
        Some(inner) if options.into => {
            let value = quote!(::std::option::Option::Some(#name.into()));
            (into(inner), value)
        }
        Some(_) => (into(ty), quote!(#name.into())),
        None if options.into => (into(ty), quote!(#name.into())),
        None => (quote!(#ty), quote!(#name)),
    }
}

/// What a getter returns, and the expression for it.
fn reading(name: &Ident, ty: &Type, options: &Options) -> (TokenStream, TokenStream) {
    let inner = option_of(ty);
    if options.copy || is_plain(inner.unwrap_or(ty)) {
        return (quote!(#ty), quote!(self.#name));
    }
    let target = inner.unwrap_or(ty);
    let borrowed = borrowed(target);
    match (inner, borrowed) {
        (None, None) => (quote!(&#ty), quote!(&self.#name)),
        (None, Some(target)) => (quote!(&#target), quote!(&self.#name)),
        (Some(inner), None) => {
            let returned = quote!(::std::option::Option<&#inner>);
            (returned, quote!(self.#name.as_ref()))
        }
        (Some(_), Some(target)) => {
            let returned = quote!(::std::option::Option<&#target>);
            (returned, quote!(self.#name.as_deref()))
        }
    }
}

/// What a type is borrowed as, if that is another type: `str` for `String`.
fn borrowed(ty: &Type) -> Option<TokenStream> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    match &last.ident.to_string()[..] {
        "String" => Some(quote!(str)),
        "PathBuf" => Some(quote!(::std::path::Path)),
        "Vec" => {
            let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
                return None;
            };
            let item = arguments.args.first()?;
            Some(quote!([#item]))
        }
        _ => None,
    }
}

fn options(attributes: &[Attribute]) -> Result<Options> {
    let mut options = Options::default();
    for attribute in attributes {
        if !attribute.path().is_ident("accessor") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            for (name, option) in [
                ("skip", &mut options.skip),
                ("get", &mut options.get),
                ("copy", &mut options.copy),
                ("into", &mut options.into),
            ] {
                if meta.path.is_ident(name) {
                    *option = true;
                    return Ok(());
                }
            }
            Err(meta.error("expected `skip`, `get`, `copy` or `into`"))
        })?;
    }
    Ok(options)
}

/// True for `#[doc(alias = "…")]`, which belongs to the setter.
fn is_alias(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc") && matches!(attribute.meta, syn::Meta::List(_))
}
