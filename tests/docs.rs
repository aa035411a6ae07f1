//! The tables of docs/RECIPES.md and docs/AUGMENTATIONS.md that follow from the declarations of ops
//! and mixers, and the numbers of README.md and docs/PERFORMANCE.md that come from a record in
//! benches/record/. `FEEDMILL_BLESS=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use feedmill::recipe::Registry;
use feedmill::spec::{BareNumber, ParamSpec, Spec};
use serde_json::Value;

/// The path of a file of the repository.
fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), name].iter().collect()
}

/// The path of a page.
fn page(name: &str) -> PathBuf {
    file("docs").join(name)
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
fn check(path: &Path, expected: &str) {
    if std::env::var_os("FEEDMILL_BLESS").is_some() {
        fs::write(path, expected).unwrap();
        return;
    }
    let found = fs::read_to_string(path).unwrap();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(
            found,
            expected,
            "{} is out of date: run this test with FEEDMILL_BLESS=1",
            path.display()
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
    check(&page("RECIPES.md"), &text);
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
        &page("AUGMENTATIONS.md"),
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

/// One loader of a record.
struct Measured {
    loader: String,
    about: String,
    versions: String,
    /// The images/s of all timed epochs, sorted.
    rates: Vec<f64>,
    median: f64,
}

/// A file of benches/record/ (benches/record/README.md).
struct Record {
    json: Value,
    /// The fastest first.
    loaders: Vec<Measured>,
}

impl Record {
    fn read(path: &Path) -> Record {
        let json: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let mut loaders: Vec<Measured> = json["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| {
                let processes = run["images_per_s"].as_array().unwrap().iter();
                let mut rates: Vec<f64> = processes
                    .flat_map(|epochs| epochs.as_array().unwrap())
                    .map(|rate| rate.as_f64().unwrap())
                    .collect();
                rates.sort_by(f64::total_cmp);
                let versions = run["versions"].as_object().unwrap().iter();
                let versions: Vec<String> = versions
                    .map(|(name, version)| format!("{name} {}", version.as_str().unwrap()))
                    .collect();
                Measured {
                    loader: run["loader"].as_str().unwrap().to_string(),
                    about: run["about"].as_str().unwrap().to_string(),
                    versions: versions.join(", "),
                    rates,
                    median: run["median"].as_f64().unwrap(),
                }
            })
            .collect();
        loaders.sort_by(|a, b| b.median.total_cmp(&a.median));
        Record { json, loaders }
    }

    /// The newest record of the job that the README shows; of one day, the last by name.
    fn newest() -> Record {
        let files = fs::read_dir(file("benches/record")).unwrap();
        files
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .map(|path| (Record::read(&path), path))
            .filter(|(record, _)| record.json["job"]["preset"] == "imagenet")
            .max_by_key(|(record, path)| (record.text("/date"), path.clone()))
            .expect("a record of the preset imagenet")
            .0
    }

    /// The text at a place of the file, or nothing.
    fn text(&self, place: &str) -> String {
        match self.json.pointer(place).unwrap() {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    fn ours(&self) -> &Measured {
        let ours = |run: &&Measured| run.loader == "feedmill, folder";
        self.loaders.iter().find(ours).unwrap()
    }

    fn peers(&self) -> impl Iterator<Item = &Measured> {
        let peer = |run: &&Measured| !run.loader.starts_with("feedmill");
        self.loaders.iter().filter(peer)
    }

    /// Where and when it was measured, and what there is to know about it.
    fn origin(&self) -> String {
        let origin = format!(
            "{}, {} cores, {}, {}",
            self.text("/machine/cpu"),
            self.text("/machine/cores"),
            self.text("/machine/system"),
            self.text("/date"),
        );
        match self.text("/note") {
            note if note.is_empty() => origin,
            note => format!("{origin}; {note}"),
        }
    }
}

/// A whole number with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A paragraph in lines of at most 100 columns.
fn wrapped(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && line.len() + 1 + word.len() > 100 {
            lines += &(std::mem::take(&mut line) + "\n");
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines + &line + "\n"
}

#[test]
fn the_first_number_of_the_readme_is_that_of_the_newest_record() {
    let record = Record::newest();
    let ours = record.ours();
    let times: Vec<String> = record
        .peers()
        .take(3)
        .map(|peer| format!("{:.1} times {}", ours.median / peer.median, peer.loader))
        .collect();
    let (last, first) = times.split_last().expect("a peer");
    let sentence = format!(
        "**{} images/s with {} workers, from JPEG files to augmented f32 batches**: {} and {last} \
         in the same run. Machine: {}. [How it was measured](docs/PERFORMANCE.md#the-newest-record).",
        thousands(ours.median),
        record.text("/job/workers"),
        first.join(", "),
        record.origin(),
    );
    let plot = "![Images per second of feedmill and other loaders](docs/images/throughput.svg)";
    let block = format!("{}\n{plot}\n", wrapped(&sentence));
    let path = file("README.md");
    let text = fs::read_to_string(&path).unwrap();
    check(&path, &with_table(&text, "record", &block));
}

#[test]
fn the_first_table_of_the_performance_page_is_that_of_the_newest_record() {
    let record = Record::newest();
    let ours = record.ours().median;
    let head = format!(
        "Machine: {}. Data: {} ({} files, {:.0} MB). Load average before the run: {}.",
        record.origin(),
        record.text("/data/about"),
        thousands(record.json["data"]["files"].as_f64().unwrap()),
        record.json["data"]["bytes"].as_f64().unwrap() / 1e6,
        record.text("/machine/load_before"),
    );
    let mut table = wrapped(&head)
        + "\n| loader | images/s | lowest and highest epoch | feedmill, folder / it | what it runs |"
        + " versions |\n| --- | --- | --- | --- | --- | --- |\n";
    for run in &record.loaders {
        let (lowest, highest) = (run.rates[0], run.rates[run.rates.len() - 1]);
        table += &format!(
            "| {} | {} | {} to {} | {:.1} | {} | {} |\n",
            run.loader,
            thousands(run.median),
            thousands(lowest),
            thousands(highest),
            ours / run.median,
            run.about,
            run.versions,
        );
    }
    let path = page("PERFORMANCE.md");
    let text = fs::read_to_string(&path).unwrap();
    check(&path, &with_table(&text, "record", &table));
}

#[test]
fn the_plot_shows_the_newest_record() {
    let record = Record::newest();
    let plot = fs::read_to_string(page("images/throughput.svg")).unwrap();
    let mut expected = vec![record.text("/date"), record.text("/data/about")];
    for run in &record.loaders {
        expected.push(format!(">{}<", run.loader));
        expected.push(format!(">{}<", thousands(run.median)));
    }
    for text in expected {
        assert!(
            plot.contains(&text),
            "docs/images/throughput.svg lacks {text}: run benches/plot.py"
        );
    }
}
