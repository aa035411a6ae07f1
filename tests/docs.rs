//! The tables of docs/RECIPES.md and docs/AUGMENTATIONS.md that follow from the declarations of ops
//! and mixers. `FEEDMILL_BLESS=1` writes them anew.

use std::fs;
use std::path::PathBuf;

use feedmill::recipe::Registry;
use feedmill::spec::{BareNumber, ParamSpec, Spec};

/// The path of a page.
fn page(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "docs", name].iter().collect()
}

/// A value as a recipe has it, with numbers as short as four decimals allow.
fn short(value: &feedmill::toml::Value) -> String {
    use feedmill::toml::Value;
    match value {
        Value::Float(number) => format!("{}", (number * 1e4).round() / 1e4),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(short).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Table(table) => {
            let entries = table.iter();
            let entries: Vec<String> = entries
                .map(|(key, value)| format!("{key} = {}", short(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// How a parameter reads a number alone, where that needs a word.
fn bare(param: &ParamSpec) -> &'static str {
    match param.bare {
        BareNumber::Fixed => "; a number is the same in every image",
        BareNumber::Strength => "; a number is a strength",
        BareNumber::Sides => "; a number is for all sides",
        BareNumber::Refused => "; a number alone is refused",
        _ => "",
    }
}

/// One parameter: its name, its default, what a recipe may write, and what it does.
fn parameter(param: &ParamSpec) -> String {
    let default = match param.default.map(|default| default()) {
        None => "required".to_string(),
        Some(None) => "none".to_string(),
        Some(Some(default)) => format!("`{}`", short(&default)),
    };
    let range = match param.range {
        Some(_) => format!(", {}", param.range_text()),
        None if param.unit.is_empty() => String::new(),
        None => format!(" in {}", param.unit),
    };
    let (name, form, bare) = (param.name, (param.form)(), bare(param));
    format!("`{name}` ({default}; {form}{range}{bare}): {}", param.about)
}

/// Text of a declaration without the links of rustdoc, which lead nowhere on a page.
fn unlinked(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let (name, after) = link.split_once("`]").expect("a link has an end");
        plain += before;
        plain += &format!("`{name}`");
        // `[name](path)`
        rest = match after
            .strip_prefix('(')
            .and_then(|after| after.split_once(')'))
        {
            Some((_, after)) => after,
            None => after,
        };
    }
    plain + rest
}

/// A row of a table of docs/RECIPES.md.
fn recipe_row(spec: &Spec) -> String {
    let mut params: Vec<String> = spec.params.iter().map(parameter).collect();
    params.extend(
        spec.notes
            .iter()
            .map(|(name, about)| format!("note `{name}`: {about}")),
    );
    let row = format!(
        "| `{}` | {} | {} |",
        spec.name,
        spec.about.replace('|', "\\|"),
        params.join("<br>").replace('|', "\\|")
    );
    unlinked(&row)
}

/// A row of the table of all ops in docs/AUGMENTATIONS.md.
fn op_row(spec: &Spec) -> String {
    let families: Vec<&str> = spec.families.iter().map(|family| family.name()).collect();
    format!(
        "| `{}` | {} | {} |",
        spec.name,
        spec.like.join(", "),
        families.join(", ")
    )
}

/// The page with the lines between `<!-- NAME: begin -->` and `<!-- NAME: end -->` replaced.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let begin = format!("<!-- {name}: begin -->\n");
    let end = format!("<!-- {name}: end -->");
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{begin}{table}{end}{after}")
}

/// Compares a page with the one that the declarations make, or writes it.
fn check(name: &str, expected: &str) {
    let path = page(name);
    if std::env::var_os("FEEDMILL_BLESS").is_some() {
        fs::write(&path, expected).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(
            found, expected,
            "docs/{name} is out of date: run this test with FEEDMILL_BLESS=1"
        );
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

#[test]
fn the_tables_of_the_recipe_page_are_those_of_the_declarations() {
    let registry = Registry::default();
    let mut text = fs::read_to_string(page("RECIPES.md")).unwrap();
    let mut groups: Vec<&str> = registry.op_specs().map(Spec::group).collect();
    groups.sort_unstable();
    groups.dedup();
    let head = "| op | what it does | parameters |\n| --- | --- | --- |\n";
    for group in groups {
        let specs = registry.op_specs().filter(|spec| spec.group() == group);
        let rows: String = specs.map(|spec| recipe_row(spec) + "\n").collect();
        text = with_table(&text, &format!("ops {group}"), &format!("{head}{rows}"));
    }
    let rows: String = registry
        .mixer_specs()
        .map(|spec| recipe_row(spec) + "\n")
        .collect();
    let head = "| mix | what it does | parameters |\n| --- | --- | --- |\n";
    text = with_table(&text, "mixers", &format!("{head}{rows}"));
    check("RECIPES.md", &text);
}

#[test]
fn the_table_of_all_ops_is_that_of_the_declarations() {
    let registry = Registry::default();
    let text = fs::read_to_string(page("AUGMENTATIONS.md")).unwrap();
    let rows: String = registry
        .op_specs()
        .map(|spec| op_row(spec) + "\n")
        .collect();
    let head = "| op | in other libraries | families |\n| --- | --- | --- |\n";
    check(
        "AUGMENTATIONS.md",
        &with_table(&text, "ops", &format!("{head}{rows}")),
    );
}

#[test]
fn every_op_and_mixer_is_described() {
    let registry = Registry::default();
    let mut unclear = Vec::new();
    for spec in registry.op_specs().chain(registry.mixer_specs()) {
        let name = spec.name;
        assert!(
            spec.about.ends_with(['.', ':']) && spec.about.len() > 10,
            "{name}"
        );
        assert!(!spec.like.is_empty(), "{name} has no name elsewhere");
        for param in spec.params {
            assert!(param.about.ends_with('.'), "{name} {}", param.name);
            let form = (param.form)();
            assert!(!form.is_empty(), "{name} {}", param.name);
            // Lists of numbers without a range are colors and pairs, and seeds may be any number.
            let is_number = form.contains("number") || form.contains("integer");
            let says = param.range.is_some() || !param.unit.is_empty();
            if is_number && !says && !form.starts_with("a list") && !param.name.contains("seed") {
                unclear.push(format!("{name}: {} ({form})", param.name));
            }
        }
    }
    assert_eq!(
        unclear, [""; 0],
        "numbers without a range and without a unit"
    );
}
