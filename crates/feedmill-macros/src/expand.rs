//! Writes the code that follows from a declaration.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, Type};

use crate::docs;
use crate::parse::{self, Declaration, Field, Role};

/// The struct, its methods, and its implementations of the traits of `feedmill::spec`.
pub(crate) fn expand(declaration: &Declaration) -> TokenStream {
    let structure = structure(declaration);
    let methods = methods(declaration);
    let defaults = defaults(declaration);
    let traits = traits(declaration);
    quote! { #structure #methods #defaults #traits }
}

fn default_of(field: &Field) -> Ident {
    format_ident!("default_{}", field.ident)
}

/// The struct itself, with serde's reading of its parameters.
fn structure(declaration: &Declaration) -> TokenStream {
    let Declaration {
        attributes,
        visibility,
        ident,
        fields,
        ..
    } = declaration;
    let docs = docs::sections(declaration);
    // Another library's name finds the op in the documentation: `RandomRotation` for "torchvision
    // RandomRotation".
    let mut names = vec![declaration.name.clone()];
    names.extend(
        declaration
            .like
            .iter()
            .filter_map(|like| like.split_whitespace().last().map(String::from)),
    );
    names
        .retain(|name| *ident != name[..] && name.chars().all(|c| c.is_alphanumeric() || c == '_'));
    names.sort();
    names.dedup();
    let fields = fields.iter().map(|field| {
        let Field {
            ident: name,
            ty,
            docs,
            attributes,
            role,
        } = field;
        let reading = match role {
            Role::Derived => quote!(#[serde(skip)]),
            Role::Parameter { default: None, .. } => quote!(),
            Role::Parameter { .. } => {
                let path = format!("{ident}::{}", default_of(field));
                quote!(#[serde(default = #path)])
            }
        };
        quote!(#(#[doc = #docs])* #(#attributes)* #reading #name: #ty)
    });
    quote! {
        #(#attributes)*
        #(#[doc = #docs])*
        #(#[doc(alias = #names)])*
        #[derive(::feedmill::spec::__private::Deserialize)]
        #[serde(crate = "::feedmill::spec::__private::serde", deny_unknown_fields)]
        #visibility struct #ident {
            #(#fields,)*
        }
    }
}

/// How a value is passed to a setter: its type, and the expression that makes the field of it.
fn argument(field: &Field) -> (TokenStream, TokenStream) {
    let Field { ident, ty, .. } = field;
    if let Some(inner) = docs::option_of(ty) {
        return if is_plain(inner) {
            (quote!(#inner), quote!(::std::option::Option::Some(#ident)))
        } else {
            let value = quote!(::std::option::Option::Some(#ident.into()));
            (quote!(impl ::std::convert::Into<#inner>), value)
        };
    }
    if is_plain(ty) {
        (quote!(#ty), quote!(#ident))
    } else {
        let value = quote!(#ident.into());
        (quote!(impl ::std::convert::Into<#ty>), value)
    }
}

/// True for types whose literals would be ambiguous behind `Into`: numbers, `bool`, and arrays.
pub(crate) fn is_plain(ty: &Type) -> bool {
    match ty {
        Type::Array(_) | Type::Tuple(_) => true,
        Type::Path(path) => path.path.get_ident().is_some_and(|ident| {
            let name = ident.to_string();
            [
                "f32", "f64", "i8", "u8", "u16", "u32", "u64", "usize", "i32", "i64", "bool",
            ]
            .contains(&&name[..])
        }),
        _ => false,
    }
}

/// True for types that a getter returns by value.
fn is_copied(ty: &Type) -> bool {
    is_plain(docs::option_of(ty).unwrap_or(ty))
}

/// The constructor, the setters and the getters.
fn methods(declaration: &Declaration) -> TokenStream {
    let Declaration {
        ident,
        visibility,
        fields,
        ..
    } = declaration;
    let required: Vec<&Field> = fields.iter().filter(|field| field.is_required()).collect();
    let arguments = required.iter().map(|field| {
        let (ty, _) = argument(field);
        let name = &field.ident;
        quote!(#name: #ty)
    });
    let values = fields.iter().map(|field| {
        let name = &field.ident;
        match &field.role {
            Role::Derived => quote!(#name: ::std::default::Default::default()),
            Role::Parameter { default: None, .. } => {
                let (_, value) = argument(field);
                quote!(#name: #value)
            }
            Role::Parameter { .. } => {
                let default = default_of(field);
                quote!(#name: #ident::#default())
            }
        }
    });
    let about = if required.is_empty() {
        "Returns it with all parameters at their defaults.".to_string()
    } else {
        let names: Vec<String> = required
            .iter()
            .map(|field| format!("`{}`", field.ident))
            .collect();
        format!(
            "Returns it with this {}, and the defaults of all other parameters.",
            names.join(", ")
        )
    };
    let default_functions = fields.iter().filter_map(|field| {
        let Role::Parameter {
            default: Some(default),
            ..
        } = &field.role
        else {
            return None;
        };
        let (name, ty) = (default_of(field), &field.ty);
        Some(quote!(fn #name() -> #ty { #default }))
    });
    let accessors = fields
        .iter()
        .filter(|field| field.is_parameter())
        .map(accessors);
    quote! {
        #[allow(
            clippy::needless_pass_by_value,
            clippy::should_implement_trait,
            clippy::too_many_arguments,
            clippy::use_self,
            reason = "made from the declaration"
        )]
        impl #ident {
            #[doc = #about]
            #[allow(clippy::new_without_default, reason = "`Default` is there without required ones")]
            #visibility fn new(#(#arguments),*) -> #ident {
                #ident { #(#values),* }
            }

            #(#default_functions)*
            #(#accessors)*
        }
    }
}

/// The setter and the getter of a parameter.
fn accessors(field: &Field) -> TokenStream {
    let Field {
        ident: name,
        ty,
        docs: text,
        ..
    } = field;
    let (setter, (argument_type, value)) = (format_ident!("with_{name}"), argument(field));
    let sets = format!("Sets `{name}`.");
    let gets = format!("Returns `{name}`.");
    let (returned, read) = if is_copied(ty) {
        (quote!(#ty), quote!(self.#name))
    } else {
        (quote!(&#ty), quote!(&self.#name))
    };
    // A changed parameter makes what was derived from the old ones wrong, so a setter resets it.
    quote! {
        #[doc = #sets]
        #[doc = ""]
        #(#[doc = #text])*
        #[must_use]
        pub fn #setter(mut self, #name: #argument_type) -> Self {
            self.#name = #value;
            self.reset_derived();
            self
        }

        #[doc = #gets]
        #[doc = ""]
        #(#[doc = #text])*
        pub fn #name(&self) -> #returned {
            #read
        }
    }
}

/// `Default`, for structs without required parameters.
fn defaults(declaration: &Declaration) -> TokenStream {
    let ident = &declaration.ident;
    if declaration.fields.iter().any(Field::is_required) {
        return quote!();
    }
    quote! {
        impl ::std::default::Default for #ident {
            fn default() -> #ident {
                #ident::new()
            }
        }
    }
}

/// `Parameters`, `Declared` and `Serialize`.
fn traits(declaration: &Declaration) -> TokenStream {
    let Declaration {
        ident,
        name,
        families,
        like,
        strengths,
        ..
    } = declaration;
    let spec = quote!(::feedmill::spec);
    let about = parse::first_paragraph(&declaration.attributes);
    let notes = parse::notes(&declaration.attributes);
    let notes = notes.iter().map(|(name, about)| quote!((#name, #about)));
    let parameters: Vec<&Field> = declaration
        .fields
        .iter()
        .filter(|field| field.is_parameter())
        .collect();
    let derived = declaration
        .fields
        .iter()
        .filter(|field| !field.is_parameter())
        .map(|field| &field.ident);
    let rows = parameters.iter().map(|field| {
        let Field {
            ident: name,
            ty,
            docs,
            role,
            ..
        } = field;
        let Role::Parameter {
            default,
            range,
            unit,
        } = role
        else {
            return quote!();
        };
        let key = name.to_string();
        let about = docs
            .iter()
            .map(|line| line.trim())
            .collect::<Vec<_>>()
            .join(" ");
        let default = match default {
            None => quote!(::std::option::Option::None),
            Some(_) => {
                let path = default_of(field);
                quote!(::std::option::Option::Some(|| #spec::ParamValue::to_toml(&#ident::#path())))
            }
        };
        let range = match range {
            None => quote!(::std::option::Option::None),
            Some(range) => quote!(::std::option::Option::Some(#range)),
        };
        let unit = unit.as_deref().unwrap_or_default();
        quote! {
            #spec::ParamSpec {
                name: #key,
                about: #about,
                default: #default,
                range: #range,
                unit: #unit,
                form: <#ty as #spec::ParamValue>::form,
                bare: <#ty as #spec::ParamValue>::BARE_NUMBER,
                is_list: <#ty as #spec::ParamValue>::IS_LIST,
            }
        }
    });
    let checks = parameters.iter().enumerate().map(|(number, field)| {
        let name = &field.ident;
        quote! {
            #spec::ParamValue::check(&self.#name, &#ident::PARAMETERS[#number])?;
        }
    });
    let writes = parameters.iter().map(|field| {
        let name = &field.ident;
        let key = name.to_string();
        let write = quote! {
            if let ::std::option::Option::Some(value) = #spec::ParamValue::to_toml(&self.#name) {
                table.insert(#key.into(), value);
            }
        };
        if field.is_required() {
            write
        } else {
            let default = default_of(field);
            quote! {
                if self.#name != #ident::#default() { #write }
            }
        }
    });
    let constants = parameters.iter().map(|field| {
        let name = &field.ident;
        let key = name.to_string();
        let changed = if field.is_required() {
            quote!(true)
        } else {
            let default = default_of(field);
            quote!(self.#name != #ident::#default())
        };
        quote! {
            if #changed && #spec::ParamValue::never_varies(&self.#name) {
                constants.push(#key);
            }
        }
    });
    quote! {
        impl #ident {
            const PARAMETERS: &'static [#spec::ParamSpec] = &[#(#rows),*];

            /// Drops what was made from the old parameters.
            #[inline]
            fn reset_derived(&mut self) {
                #(self.#derived = ::std::default::Default::default();)*
            }
        }

        impl #spec::Declared for #ident {
            const SPEC: &'static #spec::Spec = &#spec::Spec {
                name: #name,
                rust_name: ::std::stringify!(#ident),
                module: ::std::module_path!(),
                about: #about,
                notes: &[#(#notes),*],
                families: &[#(#spec::Family::#families),*],
                like: &[#(#like),*],
                strengths: &[#(#strengths),*],
                params: #ident::PARAMETERS,
            };
        }

        impl #spec::Parameters for #ident {
            fn name(&self) -> &'static str {
                #name
            }

            fn spec(&self) -> ::std::option::Option<&'static #spec::Spec> {
                ::std::option::Option::Some(<#ident as #spec::Declared>::SPEC)
            }

            #[allow(clippy::float_cmp, unused_mut, reason = "made from the declaration")]
            fn params(&self) -> #spec::__private::Table {
                let mut table = #spec::__private::Table::new();
                #(#writes)*
                table
            }

            fn check_params(&self) -> ::feedmill::Result<()> {
                #(#checks)*
                ::std::result::Result::Ok(())
            }

            #[allow(clippy::float_cmp, unused_mut, reason = "made from the declaration")]
            fn constants(&self) -> ::std::vec::Vec<&'static str> {
                let mut constants = ::std::vec::Vec::new();
                #(#constants)*
                constants
            }
        }
    }
}
