//! The promises of ops and mixers that follow from their declarations.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Result;
use crate::spec::{BareNumber, ParamSpec, Parameters};

/// The result of `run`; a panic becomes one that names the part and says what was done to it.
pub(super) fn without_panic<T>(part: &str, doing: &str, run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| panic!("{part} panics {doing}"))
}

/// Checks the parameters of an op or a mixer. `make` makes another one of the same name.
pub(super) fn check_parameters<T: Parameters + ?Sized>(
    part: &T,
    make: &dyn Fn(toml::Table) -> Result<Box<dyn Fn() -> toml::Table>>,
) {
    let name = part.name();
    assert!(
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
        "the name \"{name}\" is not in snake_case"
    );
    let params = part.params();
    assert_eq!(
        params,
        part.params(),
        "{name}: two calls of params() differ"
    );
    if let Err(error) = part.check_params() {
        panic!("{name}: the parameters are refused: {error}");
    }
    match make(params.clone()) {
        Ok(read) => assert_eq!(
            read(),
            params,
            "{name}: the parameters read back are not those that were written"
        ),
        Err(error) => panic!("{name}: the parameters cannot be read back: {error}"),
    }
    // As text, as a recipe has them.
    let text = params.to_string();
    match text.parse::<toml::Table>() {
        Ok(parsed) => assert_eq!(
            parsed, params,
            "{name}: the text of the parameters is not them"
        ),
        Err(error) => panic!("{name}: the parameters are not TOML: {error}"),
    }
    let Some(spec) = part.spec() else {
        return;
    };
    assert_eq!(spec.name, name, "the declaration has another name");
    for param in spec.params {
        check_param(name, &params, param, &|table| make(table).is_err());
    }
}

/// Checks one parameter: its default is in its range, numbers outside of the range are refused, and
/// so is a number alone where that could be misread.
fn check_param(
    name: &str,
    params: &toml::Table,
    param: &ParamSpec,
    refused: &dyn Fn(toml::Table) -> bool,
) {
    let key = param.name;
    assert!(
        !param.about.is_empty(),
        "{name}: {key} has no documentation"
    );
    let with = |value: toml::Value| {
        let mut table = params.clone();
        table.insert(key.to_string(), value);
        table
    };
    let default = param.default.and_then(|default| default());
    if let (Some(default), Some([least, most])) = (&default, param.range) {
        for number in numbers(default) {
            assert!(
                (least..=most).contains(&number),
                "{name}: the default of {key} has {number}, which is not in {least} to {most}"
            );
        }
    }
    if param.bare == BareNumber::Refused && !param.is_list {
        let [_, most] = param.range.unwrap_or([0.0, 1.0]);
        assert!(
            refused(with(most.into())),
            "{name}: {key} = {most} is accepted, but could mean a range"
        );
    }
    if let Some([least, most]) = param.range {
        for outside in [least - 1.0, most + 1.0] {
            for value in forms(outside) {
                assert!(
                    refused(with(value.clone())),
                    "{name}: {key} = {value} is accepted outside of {least} to {most}"
                );
            }
        }
    }
}

/// The forms that a parameter may have for one number.
pub(super) fn forms(number: f64) -> [toml::Value; 4] {
    let (integer, float) = (toml::Value::from(number as i64), toml::Value::from(number));
    [
        toml::Value::from(vec![integer.clone(), integer.clone()]),
        integer,
        toml::Value::from(vec![float.clone(), float.clone()]),
        float,
    ]
}

/// The tables with one parameter at an end of its range, as far as they are accepted.
pub(super) fn extremes(
    part: &(impl Parameters + ?Sized),
    accepted: &dyn Fn(&toml::Table) -> bool,
) -> Vec<toml::Table> {
    let params = part.params();
    let mut found = Vec::new();
    for param in part.spec().map_or(&[][..], |spec| spec.params) {
        for end in param.range.into_iter().flatten() {
            let tables = forms(end).map(|value| {
                let mut table = params.clone();
                table.insert(param.name.to_string(), value);
                table
            });
            found.extend(tables.into_iter().find(accepted));
        }
    }
    found
}

/// All numbers in a value.
fn numbers(value: &toml::Value) -> Vec<f64> {
    match value {
        toml::Value::Integer(number) => vec![*number as f64],
        toml::Value::Float(number) => vec![*number],
        toml::Value::Array(values) => values.iter().flat_map(numbers).collect(),
        toml::Value::Table(table) => table.values().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}
