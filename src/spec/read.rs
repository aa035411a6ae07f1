//! A serde deserializer that reads TOML into parameter structs, with structured errors.
//!
//! serde reports an error to the deserializer as structure: which field was unknown, and which ones
//! were expected. The deserializer of the `toml` crate turns that into an English sentence at once,
//! which would have to be parsed again to suggest a name or to find a line. This one keeps the
//! structure: [`ReadError`] knows the path of keys, the position in the text, and the names that
//! would have been right.
//!
//! The same deserializer answers which parameters are integers. Nothing in a TOML table tells that,
//! but the type of a field does when it asks for its value. So [`integers`] reads the parameters
//! once and records which values were asked for as integers.
//!
//! The input is a tree of [`Node`]s, made either of a parsed [`toml::Value`], which has no
//! positions in a text, or of the text of a recipe, which has.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess,
    IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::suggest::meant;
use crate::error::{Error, Result};

/// The newtype name that marks a value as integers: [`read_integers`] passes it to the
/// deserializer.
const INTEGER: &str = "$feedmill::Integer";

/// The newtype name by which [`Located`] asks the deserializer for the position of a value.
const LOCATED: &str = "$feedmill::Located";

/// A value with the position of its first byte in the text that it was read from.
///
/// Only the deserializer of this module can read it. The position is 0 for values without a text.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    /// The offset of the first byte in the text.
    pub(crate) start: usize,
    pub(crate) value: T,
}

/// What is wrong with a table of parameters, and where.
#[derive(Debug)]
pub(crate) struct ReadError {
    /// The keys that lead to the value, outermost first.
    keys: Vec<String>,
    /// The offset of the value in the text; `None` for tables without a text.
    start: Option<usize>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// A name that is not among the expected ones.
    Unknown {
        /// "field" or "variant".
        what: &'static str,
        found: String,
        expected: &'static [&'static str],
    },
    /// Any other problem, in words.
    Other(String),
}

impl ReadError {
    fn new(problem: Problem) -> ReadError {
        ReadError {
            keys: Vec::new(),
            start: None,
            problem,
        }
    }

    /// The same error, one key further out.
    fn in_key(mut self, key: &str, start: Option<usize>) -> ReadError {
        self.keys.insert(0, key.to_string());
        self.or_at(start)
    }

    /// The same error with a position, unless it has a more exact one.
    fn or_at(mut self, start: Option<usize>) -> ReadError {
        self.start = self.start.or(start);
        self
    }

    /// The offset of the value in the text; 0 if it is not known.
    pub(crate) fn start(&self) -> usize {
        self.start.unwrap_or(0)
    }

    /// A configuration error that names the key.
    fn with_keys(self) -> Error {
        let error = Error::config(self.to_string());
        let key = self.keys.join(".");
        match &self.problem {
            // The message names the unknown field itself, so only the context needs it.
            Problem::Unknown {
                what: "field",
                found,
                ..
            } if key.is_empty() => error.about_key(found),
            _ if key.is_empty() => error,
            _ => error.in_key(key),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, found, expected) = match &self.problem {
            Problem::Other(text) => return f.write_str(text),
            Problem::Unknown {
                what,
                found,
                expected,
            } => (what, found, expected),
        };
        write!(f, "unknown {what} `{found}`, ")?;
        let quoted: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        match &quoted[..] {
            [] => write!(f, "there are no {what}s")?,
            [one] => write!(f, "expected {one}")?,
            [one, two] => write!(f, "expected {one} or {two}")?,
            all => write!(f, "expected one of {}", all.join(", "))?,
        }
        match meant(found, expected.iter().copied()) {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> ReadError {
        ReadError::new(Problem::Other(message.to_string()))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> ReadError {
        ReadError::new(Problem::Unknown {
            what: "field",
            found: field.to_string(),
            expected,
        })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> ReadError {
        ReadError::new(Problem::Unknown {
            what: "variant",
            found: variant.to_string(),
            expected,
        })
    }
}

/// Reads the parameters of an op, a mixer, or another part of a recipe.
///
/// # Errors
///
/// [`crate::Kind::Config`] that names the key: one that is unknown (with the nearest name that is
/// known), one that is missing, or a value of another type.
pub(crate) fn read<T: DeserializeOwned>(table: toml::Table) -> Result<T> {
    T::deserialize(Node::from(toml::Value::Table(table))).map_err(ReadError::with_keys)
}

/// The places of integers among the parameters of a `T`, such as `size` or `layers[1]`. A value
/// that cannot be read ends the search; [`read`] reports it.
pub(crate) fn integers<T: DeserializeOwned>(table: toml::Table) -> BTreeSet<String> {
    let found = Rc::new(RefCell::default());
    let mut node = Node::from(toml::Value::Table(table));
    node.recorder = Some(IntegerRecorder {
        place: String::new(),
        integers: Rc::clone(&found),
    });
    let _ = T::deserialize(node);
    found.take()
}

/// Reads a single value.
///
/// # Errors
///
/// [`crate::Kind::Config`] for a value of another type.
pub(crate) fn read_value<T: DeserializeOwned>(value: toml::Value) -> Result<T> {
    T::deserialize(Node::from(value)).map_err(ReadError::with_keys)
}

/// Reads a type that holds integers, and tells the deserializer so.
///
/// For types that serde reads by trial, as it does untagged enums: they ask for a value of any
/// type, so the deserializer cannot see that they want integers.
pub(crate) fn read_integers<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Inner<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Inner<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("integers")
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<T, D::Error> {
            T::deserialize(deserializer)
        }
    }

    deserializer.deserialize_newtype_struct(INTEGER, Inner(std::marker::PhantomData))
}

/// Reads a whole text. Errors and [`Located`] values have positions in it.
///
/// # Errors
///
/// Those of the TOML syntax, and as [`read`].
pub(crate) fn read_text<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    let table = DeTable::parse(text).map_err(|error| {
        let start = error.span().map(|span: Range<usize>| span.start);
        ReadError::new(Problem::Other(error.message().to_string())).or_at(start)
    })?;
    let start = table.span().start;
    T::deserialize(Node::from_text(start, DeValue::Table(table.into_inner())))
}

/// A TOML value that is being read.
struct Node {
    /// The offset of the value in the text, if there is one.
    start: Option<usize>,
    value: Value,
    /// Where integers are recorded, for [`integers`].
    recorder: Option<IntegerRecorder>,
}

/// Records the places where integers are asked for.
#[derive(Clone)]
struct IntegerRecorder {
    /// The place of the current value, such as `layers[1]`.
    place: String,
    /// All places recorded so far, shared by the recorders of all values.
    integers: Rc<RefCell<BTreeSet<String>>>,
}

impl IntegerRecorder {
    /// The recorder of the value under a key.
    fn key(&self, key: &str) -> IntegerRecorder {
        let dot = if self.place.is_empty() { "" } else { "." };
        self.at(format!("{}{dot}{key}", self.place))
    }

    /// The recorder of an element of a list.
    fn element(&self, number: usize) -> IntegerRecorder {
        self.at(format!("{}[{number}]", self.place))
    }

    fn at(&self, place: String) -> IntegerRecorder {
        IntegerRecorder {
            place,
            integers: Rc::clone(&self.integers),
        }
    }
}

/// The contents of a [`Node`].
enum Value {
    Bool(bool),
    Integer(i64),
    Float(f64),
    /// A string, or a date and time as text.
    Text(String),
    Array(Vec<Node>),
    /// The entries in order: the offset of the key in the text, the key, and the value.
    Table(Vec<(Option<usize>, String, Node)>),
    /// A number that is not read, with the reason. It is an error only if a parameter asks for it.
    Unreadable(String),
}

impl Node {
    /// A value of a parsed text, at the offset `start`.
    fn from_text(start: usize, value: DeValue<'_>) -> Node {
        let spanned = |value: Spanned<DeValue<'_>>| {
            let start = value.span().start;
            Node::from_text(start, value.into_inner())
        };
        let value = match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(integer) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(number) => Value::Integer(number),
                    Err(_) => Value::Unreadable(format!("integer {integer} is out of range")),
                }
            }
            DeValue::Float(float) => match float.as_str().parse() {
                Ok(number) => Value::Float(number),
                Err(_) => Value::Unreadable(format!("{float} is not a number")),
            },
            DeValue::Boolean(value) => Value::Bool(value),
            DeValue::Datetime(datetime) => Value::Text(datetime.to_string()),
            DeValue::Array(values) => Value::Array(values.into_iter().map(spanned).collect()),
            DeValue::Table(table) => Value::Table(
                table
                    .into_iter()
                    .map(|(key, value)| {
                        let at = key.span().start;
                        (Some(at), key.into_inner().into_owned(), spanned(value))
                    })
                    .collect(),
            ),
        };
        Node {
            start: Some(start),
            value,
            recorder: None,
        }
    }

    /// Records that this value, or all elements of this list, are integers.
    fn record_integers(&self) {
        if let Some(recorder) = &self.recorder {
            self.record_integers_in(recorder);
        }
    }

    fn record_integers_in(&self, recorder: &IntegerRecorder) {
        let place = recorder.place.clone();
        recorder.integers.borrow_mut().insert(place);
        if let Value::Array(values) = &self.value {
            for (number, value) in values.iter().enumerate() {
                value.record_integers_in(&recorder.element(number));
            }
        }
    }

    /// Reads the value for a type that asked for an integer.
    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.record_integers();
        self.deserialize_any(visitor)
    }
}

/// Methods of [`Deserializer`] for integer types: they record the place and read the value as it
/// is.
macro_rules! integer_methods {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.integer(visitor)
        }
    )*};
}

impl From<toml::Value> for Node {
    fn from(value: toml::Value) -> Node {
        let value = match value {
            toml::Value::String(text) => Value::Text(text),
            toml::Value::Integer(number) => Value::Integer(number),
            toml::Value::Float(number) => Value::Float(number),
            toml::Value::Boolean(value) => Value::Bool(value),
            toml::Value::Datetime(datetime) => Value::Text(datetime.to_string()),
            toml::Value::Array(values) => {
                Value::Array(values.into_iter().map(Node::from).collect())
            }
            toml::Value::Table(table) => Value::Table(
                table
                    .into_iter()
                    .map(|(key, value)| (None, key, Node::from(value)))
                    .collect(),
            ),
        };
        Node {
            start: None,
            value,
            recorder: None,
        }
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let start = self.start;
        let read = match self.value {
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Text(text) => visitor.visit_string(text),
            Value::Array(values) => visitor.visit_seq(ArrayElements {
                values: values.into_iter().enumerate(),
                recorder: self.recorder,
            }),
            Value::Table(entries) => visitor.visit_map(TableEntries {
                entries: entries.into_iter(),
                value: None,
                recorder: self.recorder,
            }),
            Value::Unreadable(text) => Err(de::Error::custom(text)),
        };
        read.map_err(|error| error.or_at(start))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == LOCATED {
            return visitor.visit_seq(StartAndValue(Some(self.start.unwrap_or(0)), Some(self)));
        }
        if name == INTEGER {
            self.record_integers();
        }
        visitor.visit_newtype_struct(self)
    }

    integer_methods! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let start = self.start;
        let read = match self.value {
            Value::Text(variant) => visitor.visit_enum(Variant(variant, None)),
            Value::Table(mut entries) if entries.len() == 1 => {
                let (at, variant, value) = entries.remove(0);
                let read = visitor.visit_enum(Variant(variant.clone(), Some(value)));
                read.map_err(|error| error.in_key(&variant, at))
            }
            Value::Table(entries) => Err(de::Error::custom(format!(
                "expected a table with one key, found {}",
                entries.len()
            ))),
            value => Node {
                start,
                value,
                recorder: self.recorder,
            }
            .deserialize_any(visitor),
        };
        read.map_err(|error| error.or_at(start))
    }

    serde::forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The elements of an array.
struct ArrayElements {
    values: std::iter::Enumerate<std::vec::IntoIter<Node>>,
    recorder: Option<IntegerRecorder>,
}

impl<'de> SeqAccess<'de> for ArrayElements {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some((number, mut node)) = self.values.next() else {
            return Ok(None);
        };
        node.recorder = self
            .recorder
            .as_ref()
            .map(|recorder| recorder.element(number));
        seed.deserialize(node).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

/// The entries of a table.
struct TableEntries {
    entries: std::vec::IntoIter<(Option<usize>, String, Node)>,
    /// The key that was read last, with its value.
    value: Option<(String, Node)>,
    recorder: Option<IntegerRecorder>,
}

impl<'de> MapAccess<'de> for TableEntries {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some((start, key, mut value)) = self.entries.next() else {
            return Ok(None);
        };
        value.recorder = self.recorder.as_ref().map(|recorder| recorder.key(&key));
        self.value = Some((key.clone(), value));
        let key: StringDeserializer<ReadError> = key.into_deserializer();
        seed.deserialize(key)
            .map(Some)
            .map_err(|error| error.or_at(start))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (key, value) = self.value.take().expect("a key was read before");
        let start = value.start;
        seed.deserialize(value)
            .map_err(|error| error.in_key(&key, start))
    }
}

/// The fields of a [`Located`] as a sequence: the position, then the value.
struct StartAndValue(Option<usize>, Option<Node>);

impl<'de> SeqAccess<'de> for StartAndValue {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        match self.0.take() {
            Some(start) => seed
                .deserialize((start as u64).into_deserializer())
                .map(Some),
            None => self.1.take().map(|node| seed.deserialize(node)).transpose(),
        }
    }
}

/// A variant of an enum: its name, and its contents if it was written as a table with one key.
struct Variant(String, Option<Node>);

impl<'de> EnumAccess<'de> for Variant {
    type Error = ReadError;
    type Variant = VariantContents;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, VariantContents), ReadError> {
        let name: StringDeserializer<ReadError> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, VariantContents(self.1)))
    }
}

/// The contents of a [`Variant`]; `None` for a plain name.
struct VariantContents(Option<Node>);

impl VariantContents {
    /// The contents, or an error that says what was expected.
    fn node(self, expected: &str) -> Result<Node, ReadError> {
        self.0
            .ok_or_else(|| de::Error::custom(format!("expected {expected}, found a plain name")))
    }
}

impl<'de> VariantAccess<'de> for VariantContents {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.0 {
            None => Ok(()),
            Some(Node {
                value: Value::Table(entries),
                ..
            }) if entries.is_empty() => Ok(()),
            Some(_) => Err(de::Error::custom("expected a plain name")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(self.node("a value")?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.node("a list")?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.node("a table")?.deserialize_any(visitor)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Located<T>, D::Error> {
        struct LocatedVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for LocatedVisitor<T> {
            type Value = Located<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value in a text")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Located<T>, A::Error> {
                let missing = || de::Error::custom("a value without a position");
                let start: u64 = parts.next_element()?.ok_or_else(missing)?;
                let value = parts.next_element()?.ok_or_else(missing)?;
                Ok(Located {
                    start: start as usize,
                    value,
                })
            }
        }

        deserializer.deserialize_newtype_struct(LOCATED, LocatedVisitor(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is tested")]
        count: u32,
        inner: Option<Located<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Inner {
        Plain,
        Held { at_most: f64 },
    }

    fn refused(text: &str) -> (usize, String) {
        let error = read_text::<Outer>(text).unwrap_err();
        (error.start(), error.to_string())
    }

    #[test]
    fn values_come_with_their_positions() {
        let read: Outer = read_text("count = 1\ninner = { held = { at_most = 1 } }").unwrap();
        let inner = read.inner.unwrap();
        assert_eq!(inner.start, 18);
        assert!(matches!(inner.value, Inner::Held { at_most: 1.0 }));
        let read: Outer = read_text("count = 1\ninner = \"plain\"").unwrap();
        assert!(matches!(read.inner.unwrap().value, Inner::Plain));
    }

    #[test]
    fn errors_know_the_place_and_the_nearest_name() {
        assert_eq!(
            refused("count = 1\niner = \"plain\""),
            (
                10,
                "unknown field `iner`, expected `count` or `inner`; did you mean `inner`?".into()
            )
        );
        assert_eq!(
            refused("count = 1\ninner = \"plan\""),
            (
                18,
                "unknown variant `plan`, expected `plain` or `held`; did you mean `plain`?".into()
            )
        );
        let (start, text) = refused("count = -1");
        assert_eq!(start, 8);
        assert!(text.starts_with("invalid value: integer `-1`"), "{text}");
        assert_eq!(refused("inner = \"plain\"").1, "missing field `count`");
        assert_eq!(refused("count = 1\ncount = 2").0, 10);
    }

    #[test]
    fn tables_without_a_text_name_the_keys() {
        let table: toml::Table = "count = 1\ninner = { held = { at_mst = 1 } }"
            .parse()
            .unwrap();
        let error = read::<Outer>(table).unwrap_err();
        assert_eq!(
            error.message(),
            "inner.held: unknown field `at_mst`, expected `at_most`; did you mean `at_most`?"
        );
    }
}
