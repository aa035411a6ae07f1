//! Reads the attribute and the struct that it stands on.

use crate::docs;
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Ident, Result, Type, Visibility};

/// A struct of parameters, as declared.
pub(crate) struct Declaration {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) ident: Ident,
    /// The name in a recipe.
    pub(crate) name: String,
    /// The names of the families, as variants of `Family`.
    pub(crate) families: Vec<Ident>,
    /// What other libraries call it, such as `torchvision RandomRotation`.
    pub(crate) like: Vec<String>,
    /// The parameters at low, middle and high strength, as a recipe has them.
    pub(crate) strengths: Vec<String>,
    pub(crate) fields: Vec<Field>,
}

/// A field of the struct: a parameter, or a value that is derived from the parameters.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// The lines of its documentation.
    pub(crate) docs: Vec<String>,
    /// Attributes other than the documentation and `param`.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) role: Role,
}

pub(crate) enum Role {
    Parameter {
        /// `None` for a required parameter.
        default: Option<TokenStream>,
        /// Two numbers, both included.
        range: Option<TokenStream>,
        unit: Option<String>,
    },
    /// Not a parameter: made from them when it is first needed.
    Derived,
}

impl Field {
    pub(crate) fn is_required(&self) -> bool {
        matches!(self.role, Role::Parameter { default: None, .. })
    }

    pub(crate) fn is_parameter(&self) -> bool {
        matches!(self.role, Role::Parameter { .. })
    }
}

/// Reads `#[declare(attribute)] item`.
///
/// # Errors
///
/// An error at the place in the source that is not of the expected form.
pub(crate) fn declaration(attribute: TokenStream, item: TokenStream) -> Result<Declaration> {
    let input: DeriveInput = syn::parse2(item)?;
    let fields = match input.data {
        Data::Struct(data) => match data.fields {
            Fields::Named(fields) => fields.named.into_iter().collect(),
            Fields::Unit => Vec::new(),
            Fields::Unnamed(fields) => {
                return Err(Error::new(fields.span(), "parameters have names"));
            }
        },
        _ => return Err(Error::new(input.ident.span(), "expected a struct")),
    };
    if !input.generics.params.is_empty() {
        let span = input.generics.span();
        return Err(Error::new(span, "parameters have no generics"));
    }
    let mut declaration = Declaration {
        attributes: input.attrs,
        visibility: input.vis,
        ident: input.ident,
        name: String::new(),
        families: Vec::new(),
        like: Vec::new(),
        strengths: Vec::new(),
        fields: Vec::new(),
    };
    for (key, value) in entries(attribute)? {
        match &key.to_string()[..] {
            "name" => declaration.name = text(&key, value)?,
            "families" => declaration.families = elements(&key, value)?,
            "like" => {
                let texts: Vec<syn::LitStr> = elements(&key, value)?;
                declaration.like = texts.iter().map(syn::LitStr::value).collect();
            }
            "strengths" => {
                let texts: Vec<syn::LitStr> = elements(&key, value)?;
                declaration.strengths = texts.iter().map(syn::LitStr::value).collect();
            }
            _ => {
                let text = "expected name, families, like or strengths";
                return Err(Error::new(key.span(), text));
            }
        }
    }
    if declaration.name.is_empty() {
        return Err(Error::new(Span::call_site(), "name = \"…\" is missing"));
    }
    if !declaration.strengths.len().is_multiple_of(3) {
        let text = "strengths are low, middle and high, once or for several rows";
        return Err(Error::new(Span::call_site(), text));
    }
    for field in fields {
        declaration.fields.push(read_field(field)?);
    }
    Ok(declaration)
}

fn read_field(field: syn::Field) -> Result<Field> {
    let span = field.span();
    let Some(ident) = field.ident else {
        return Err(Error::new(span, "parameters have names"));
    };
    let mut found = None;
    let (mut docs, mut attributes) = (Vec::new(), Vec::new());
    for attribute in field.attrs {
        if let Some(line) = docs::line(&attribute) {
            docs.push(line);
        } else if attribute.path().is_ident("param") {
            found = Some(role(&attribute)?);
        } else {
            attributes.push(attribute);
        }
    }
    let Some(role) = found else {
        let text = "expected #[param(required)], #[param(default = …)] or #[param(derived)]";
        return Err(Error::new(ident.span(), text));
    };
    if docs.is_empty() {
        return Err(Error::new(ident.span(), "the documentation is missing"));
    }
    Ok(Field {
        ident,
        ty: field.ty,
        docs,
        attributes,
        role,
    })
}

/// The first paragraph of the documentation, as one line.
pub(crate) fn first_paragraph(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(docs::line);
    let lines: Vec<String> = lines
        .map(|line| line.trim().to_string())
        .take_while(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}

/// The notes that the documentation lists under "Notes", each with its name and what it is.
pub(crate) fn notes(attributes: &[Attribute]) -> Vec<(String, String)> {
    let lines = attributes.iter().filter_map(docs::line);
    let section = lines
        .skip_while(|line| line.trim() != "# Notes")
        .skip(1)
        .take_while(|line| !line.trim().starts_with("# "));
    let mut notes: Vec<(String, String)> = Vec::new();
    for line in section {
        let line = line.trim();
        let item = line
            .strip_prefix("* `")
            .and_then(|rest| rest.split_once('`'));
        match (item, notes.last_mut()) {
            (Some((name, about)), _) => {
                let about = about.trim_start_matches([',', ':']).trim();
                notes.push((name.to_string(), about.to_string()));
            }
            // A line that goes on.
            (None, Some((_, about))) if !line.is_empty() => {
                about.push(' ');
                about.push_str(line);
            }
            _ => {}
        }
    }
    notes
}

/// Reads `#[param(…)]`.
fn role(attribute: &Attribute) -> Result<Role> {
    let list = attribute.meta.require_list()?;
    let (mut required, mut derived) = (false, false);
    let (mut default, mut range, mut unit) = (None, None, None);
    for (key, value) in entries(list.tokens.clone())? {
        match (&key.to_string()[..], value) {
            ("required", None) => required = true,
            ("derived", None) => derived = true,
            ("default", None) => default = Some(quote::quote!(::std::default::Default::default())),
            ("default", value) => default = value,
            ("range", value @ Some(_)) => range = value,
            ("unit", value) => unit = Some(text(&key, value)?),
            _ => {
                let text = "expected required, derived, default = …, range = [low, high] or \
                            unit = \"…\"";
                return Err(Error::new(key.span(), text));
            }
        }
    }
    match (required, derived, default) {
        (true, false, None) => Ok(Role::Parameter {
            default: None,
            range,
            unit,
        }),
        (false, true, None) if range.is_none() && unit.is_none() => Ok(Role::Derived),
        (false, false, default @ Some(_)) => Ok(Role::Parameter {
            default,
            range,
            unit,
        }),
        _ => Err(Error::new(
            attribute.span(),
            "expected one of required, derived and default",
        )),
    }
}

/// Splits `key = value, key, …` at its outer commas.
fn entries(tokens: TokenStream) -> Result<Vec<(Ident, Option<TokenStream>)>> {
    let mut entries = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let TokenTree::Ident(key) = token else {
            return Err(Error::new(token.span(), "expected a key"));
        };
        let is = |token: &TokenTree, wanted: char| matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted);
        let mut value = None;
        if tokens.next_if(|token| is(token, '=')).is_some() {
            let mut found = TokenStream::new();
            while let Some(token) = tokens.next_if(|token| !is(token, ',')) {
                found.extend([token]);
            }
            value = Some(found);
        }
        entries.push((key, value));
        if let Some(token) = tokens.next()
            && !is(&token, ',')
        {
            return Err(Error::new(token.span(), "expected a comma"));
        }
    }
    Ok(entries)
}

fn text(key: &Ident, value: Option<TokenStream>) -> Result<String> {
    let value = value.ok_or_else(|| Error::new(key.span(), "expected a value"))?;
    Ok(syn::parse2::<syn::LitStr>(value)?.value())
}

/// Reads `[element, …]`.
fn elements<T: syn::parse::Parse>(key: &Ident, value: Option<TokenStream>) -> Result<Vec<T>> {
    let value = value.unwrap_or_default();
    let mut trees = value.into_iter();
    let (Some(TokenTree::Group(group)), None) = (trees.next(), trees.next()) else {
        return Err(Error::new(key.span(), "expected a list in brackets"));
    };
    if group.delimiter() != Delimiter::Bracket {
        return Err(Error::new(group.span(), "expected a list in brackets"));
    }
    let parser = syn::punctuated::Punctuated::<T, syn::Token![,]>::parse_terminated;
    Ok(parser.parse2(group.stream())?.into_iter().collect())
}
