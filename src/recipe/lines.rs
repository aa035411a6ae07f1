//! Lines in errors that come after reading: a recipe keeps the text that it was read from, so that
//! what turns out not to fit the data is refused with the line too.

use toml::Value;

use super::Recipe;
use super::parse::{position_of, with_line};
use crate::error::{Context, Error, Kind};

impl Recipe {
    /// Adds the line of the key that an error is about. The error stays as it is if the recipe was
    /// not read from a text, if the key is not in it, or if the value has been changed since.
    pub(crate) fn locate(&self, error: Error) -> Error {
        let Some(text) = self
            .text
            .as_deref()
            .filter(|_| error.kind() == Kind::Config)
        else {
            return error;
        };
        let mut keys = Vec::new();
        for context in error.context() {
            match context {
                Context::Line { .. } => return error,
                Context::Key(key) => keys.push(key),
                _ => {}
            }
        }
        let (Ok(written), Ok(now)) = (toml::from_str(text), toml::from_str(&self.to_toml())) else {
            return error;
        };
        let (written, now) = (Value::Table(written), Value::Table(now));
        let found = keys.into_iter().find(|key| {
            let values = at(&written, key).zip(at(&now, key));
            values.is_some_and(|(before, after)| is_same(before, after))
        });
        match found.map(|key| position_of(text, key)) {
            Some(position) => with_line(text, position, error),
            None => error,
        }
    }
}

/// The value of a dotted key.
fn at<'a>(table: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(table, |here, part| here.get(part))
}

/// True if two values mean the same, but for keys that only one of them has: the canonical form
/// leaves out defaults, and a text may.
fn is_same(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Table(before), Value::Table(after)) => before
            .iter()
            .all(|(key, value)| after.get(key).is_none_or(|other| is_same(value, other))),
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len() && before.iter().zip(after).all(|(a, b)| is_same(a, b))
        }
        (Value::Integer(whole), Value::Float(number))
        | (Value::Float(number), Value::Integer(whole)) => *whole as f64 == *number,
        (before, after) => before == after,
    }
}
