//! The types that parameters may have.

use std::path::PathBuf;

use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor, value};

use super::declare::{BareNumber, ParamSpec};
use crate::error::Result;

/// A type of parameters: what a recipe may write for it, how it is checked and written back.
///
/// Types whose values are words, such as an enum with serde's `rename_all = "snake_case"`, need no
/// more than [`word_param`](crate::word_param).
///
/// # Example: what a recipe may write
///
/// ```
/// use feedmill::spec::{ParamRange, ParamValue};
///
/// let range = ParamRange::Between([0.5, 1.5]);
/// println!("{}", ParamRange::form()); // such as "a number or [low, high]"
/// assert_eq!(range.to_toml().map(|value| value.to_string()), Some("[0.5, 1.5]".to_string()));
/// ```
pub trait ParamValue: Sized {
    /// How a single number is read.
    const BARE_NUMBER: BareNumber = BareNumber::Plain;

    /// True for a list whose elements are read by themselves.
    const IS_LIST: bool = false;

    /// Describes what a recipe may write, such as `"a number or [low, high]"`.
    fn form() -> String;

    /// The value as a recipe has it; `None` for a value that is written by leaving it out.
    fn to_toml(&self) -> Option<toml::Value>;

    /// Checks that the value is in the range of its parameter. The default accepts all.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter, what was expected and what was found.
    fn check(&self, param: &ParamSpec) -> Result<()> {
        let _ = param;
        Ok(())
    }

    /// True if the value could be a range to draw from, but always is the same number.
    fn never_varies(&self) -> bool {
        false
    }
}

/// Implements [`ParamValue`] for enums whose values are words in a recipe.
#[macro_export]
macro_rules! word_param {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::spec::ParamValue for $type {
            fn form() -> String {
                $crate::spec::__private::words_form::<$type>()
            }

            fn to_toml(&self) -> Option<$crate::toml::Value> {
                $crate::toml::Value::try_from(self).ok()
            }
        }
    )*};
}

macro_rules! number_param {
    ($form:literal: $($type:ty),*) => {$(
        impl ParamValue for $type {
            fn form() -> String {
                $form.to_string()
            }

            fn to_toml(&self) -> Option<toml::Value> {
                toml::Value::try_from(self).ok()
            }

            fn check(&self, param: &ParamSpec) -> Result<()> {
                param.check(*self as f64)
            }
        }
    )*};
}

number_param!("a number": f64);
number_param!("an integer": i8, u8, u16, u32, u64);

macro_rules! text_param {
    ($($type:ty: $form:literal),* $(,)?) => {$(
        impl ParamValue for $type {
            fn form() -> String {
                $form.to_string()
            }

            fn to_toml(&self) -> Option<toml::Value> {
                toml::Value::try_from(self).ok()
            }
        }
    )*};
}

text_param!(
    bool: "true or false",
    String: "a string",
    PathBuf: "a path",
    toml::Table: "a table"
);

impl<T: ParamValue> ParamValue for Option<T> {
    const BARE_NUMBER: BareNumber = T::BARE_NUMBER;

    fn form() -> String {
        T::form()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        self.as_ref().and_then(T::to_toml)
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        self.as_ref().map_or(Ok(()), |value| value.check(param))
    }

    fn never_varies(&self) -> bool {
        self.as_ref().is_some_and(T::never_varies)
    }
}

impl<T: ParamValue> ParamValue for Vec<T> {
    const BARE_NUMBER: BareNumber = T::BARE_NUMBER;
    const IS_LIST: bool = true;

    fn form() -> String {
        format!("a list, each {}", T::form())
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(toml::Value::Array(
            self.iter().filter_map(T::to_toml).collect(),
        ))
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        self.iter().try_for_each(|value| value.check(param))
    }
}

impl<T: ParamValue, const N: usize> ParamValue for [T; N] {
    const BARE_NUMBER: BareNumber = T::BARE_NUMBER;
    const IS_LIST: bool = true;

    fn form() -> String {
        format!("a list of {N}, each {}", T::form())
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(toml::Value::Array(
            self.iter().filter_map(T::to_toml).collect(),
        ))
    }

    fn check(&self, param: &ParamSpec) -> Result<()> {
        self.iter().try_for_each(|value| value.check(param))
    }

    fn never_varies(&self) -> bool {
        self.iter().all(T::never_varies)
    }
}

/// The form of an enum of words: the words in quotes.
pub fn words_form<T: DeserializeOwned>() -> String {
    let quoted: Vec<String> = words::<T>()
        .iter()
        .map(|word| format!("`\"{word}\"`"))
        .collect();
    match &quoted[..] {
        [] => "a word".to_string(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    }
}

/// The words of an enum, which serde's code knows: it passes them to the deserializer that it asks
/// for an enum.
fn words<T: DeserializeOwned>() -> &'static [&'static str] {
    /// Remembers the words, and reads the first one.
    struct Asked<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Asked<'_> {
        type Error = value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
            visitor.visit_unit()
        }

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _name: &'static str,
            variants: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, value::Error> {
            *self.0 = variants;
            let first: value::StrDeserializer<'_, value::Error> = variants
                .first()
                .copied()
                .unwrap_or_default()
                .into_deserializer();
            visitor.visit_enum(first)
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
        }
    }

    let mut words: &'static [&'static str] = &[];
    // The value itself does not matter, so neither does a failure.
    let _ = T::deserialize(Asked(&mut words));
    words
}
