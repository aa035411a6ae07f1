//! What the plan needs to know about samples besides their number, read once when a loader is
//! opened.
//!
//! The plan is pure arithmetic on plain arrays: a sample group or a number for each sample. A
//! recipe names these arrays: a column of the data, a column of a text table, a file with a subset,
//! the class. [`gather`] replaces every such name by its values, so the plan opens no files.
//!
//! The order of an epoch depends on these values, but a source's fingerprint need not cover them.
//! So everything that is read here beside the source is hashed into a second fingerprint, which
//! becomes part of the identity of the run: a state does not resume over a table that was edited.

use std::collections::{BTreeMap, BTreeSet};

use super::classes::ClassList;
use super::table::Table;
use crate::error::{Error, Result};
use crate::plan::{
    By, Grouping, Prune, SampleMetadata, Sampler, Select, Setup, Subset, Values, Weighted,
};
use crate::recipe::Recipe;
use crate::sample::{Fingerprint, FingerprintBuilder};
use crate::source::Source;

/// Reads what a setup needs. In `setup`, names of files and columns are replaced by their values.
///
/// Returns the sample groups, and the fingerprint of everything that was read beside the source, if
/// there was anything.
///
/// # Errors
///
/// [`crate::Kind::Config`] if a file, a column or a class is missing or not of the form that the
/// setup needs; the errors of reading.
pub(super) fn gather(
    setup: &mut Setup,
    recipe: &Recipe,
    (source, classes): (&dyn Source, &ClassList),
) -> Result<(SampleMetadata, Option<Fingerprint>)> {
    let table = recipe
        .table
        .as_deref()
        .map(|path| SampleTable::open(path, source))
        .transpose()?;
    let mut reader = MetadataReader {
        source,
        class_list: classes,
        table,
        extra: FingerprintBuilder::default(),
        has_extra: false,
    };
    if let Some(SampleTable { table, .. }) = &reader.table {
        reader.extra.push(&table.bytes);
        reader.has_extra = true;
    }
    for select in &mut setup.select {
        match select {
            Select::Subset(subset) => reader.subset(subset)?,
            Select::Prune(Prune { score, .. }) => reader.values(score)?,
            _ => {}
        }
    }
    if let Sampler::Weighted(Weighted { weights, .. }) = &mut setup.sampler {
        reader.values(weights)?;
    }
    let mut metadata = SampleMetadata::new();
    for by in setup.needs().collect::<BTreeSet<_>>() {
        let grouping = match by {
            By::Class => reader.classes(recipe.target.classes)?,
            By::Source => continue,
            By::Column(name) => {
                let values = reader.column(name)?;
                Grouping::of_values(values.iter().map(|value| &value[..]))
            }
        };
        metadata = metadata.with(by.clone(), grouping);
    }
    Ok((metadata, reader.has_extra.then(|| reader.extra.finish())))
}

/// The recipe's table of values for samples, and which row belongs to which sample.
struct SampleTable {
    table: Table,
    /// The row of each sample. It lives only while the loader is being opened.
    rows: Vec<u32>,
}

impl SampleTable {
    /// Opens a table that has one row for each sample. Rows are matched by the column `sample` (the
    /// number), else by the column `name`, else by their order.
    fn open(path: &std::path::Path, source: &dyn Source) -> Result<SampleTable> {
        let table = Table::open(path)?;
        let samples = source.len();
        let count = u32::try_from(samples)
            .map_err(|_| Error::config("a table of more than 2^32 samples"))?;
        // `u32::MAX` marks a sample without a row.
        let mut rows = vec![u32::MAX; count as usize];
        let mut put = |line: usize, row: usize, sample: Option<u64>, cell: &str| {
            let at = sample.and_then(|sample| rows.get_mut(sample as usize));
            match at {
                Some(free @ &mut u32::MAX) => {
                    *free = row as u32;
                    Ok(())
                }
                Some(_) => Err(table.at(
                    line,
                    Error::config(format!("a second row for sample {cell}")),
                )),
                None => Err(table.at(line, Error::config(format!("there is no sample {cell}")))),
            }
        };
        if let Some(numbers) = table.column("sample") {
            for (row, (line, cell)) in numbers.enumerate() {
                put(line, row, Some(table.number("sample", (line, cell))?), cell)?;
            }
        } else if let Some(names) = table.column("name") {
            let known: BTreeMap<String, u64> =
                (0..samples).map(|id| (source.name(id), id)).collect();
            for (row, (line, cell)) in names.enumerate() {
                put(
                    line,
                    row,
                    known.get(cell).copied(),
                    &format!("named \"{cell}\""),
                )?;
            }
        } else if table.len() as u64 == samples {
            rows = (0..count).collect();
        } else {
            return Err(Error::config(format!(
                "{}: {} rows for {samples} samples: \
                 give one for each, or a column \"sample\" or \"name\"",
                path.display(),
                table.len()
            )));
        }
        if let Some(sample) = rows.iter().position(|row| *row == u32::MAX) {
            let sample = sample as u64;
            let name = source.name(sample);
            return Err(Error::config(format!(
                "{}: no row for sample {sample} ({name})",
                path.display()
            ))
            .with_sample(sample));
        }
        Ok(SampleTable { table, rows })
    }
}

/// Finds values for names, and keeps the fingerprint of what it has read.
struct MetadataReader<'a> {
    source: &'a dyn Source,
    class_list: &'a ClassList,
    /// The recipe's `table`.
    table: Option<SampleTable>,
    /// The fingerprint of everything read beside the source.
    extra: FingerprintBuilder,
    /// True if `extra` covers anything.
    has_extra: bool,
}

impl MetadataReader<'_> {
    /// The text of a column for each sample: of the recipe's table if it has the column, else of
    /// the data.
    fn column(&mut self, name: &str) -> Result<Vec<String>> {
        if let Some(SampleTable { table, rows }) = &self.table
            && let Some(cells) = table.column(name)
        {
            let cells: Vec<&str> = cells.map(|(_, cell)| cell).collect();
            return Ok(rows
                .iter()
                .map(|&row| cells[row as usize].to_owned())
                .collect());
        }
        let mut values = Vec::new();
        let found = self.source.column(name, &mut |_, text| {
            values.push(text.to_owned());
            Ok(())
        })?;
        if !found || values.len() as u64 != self.source.len() {
            let place = if self.table.is_some() {
                "neither the recipe's table nor the data has"
            } else {
                "the data has no"
            };
            return Err(Error::config(format!(
                "{place} column \"{name}\": name one of the data, \
                 or give the recipe a table = \"FILE.csv\" that has it"
            )));
        }
        // A source's fingerprint need not cover its columns, so the values are hashed here.
        values
            .iter()
            .for_each(|value| self.extra.push(value.as_bytes()));
        self.has_extra = true;
        Ok(values)
    }

    /// Replaces the name of a column by the numbers in it.
    fn values(&mut self, values: &mut Values) -> Result<()> {
        let Values::Column(name) = values else {
            return Ok(());
        };
        let mut numbers = Vec::new();
        for (sample, text) in (0u64..).zip(self.column(name)?) {
            numbers.push(text.trim().parse::<f64>().map_err(|_| {
                let owner = self.source.name(sample);
                let error = format!(
                    "column \"{name}\" of sample {sample} ({owner}): \"{text}\" is not a number"
                );
                Error::config(error).with_sample(sample)
            })?);
        }
        *values = Values::List(numbers);
        Ok(())
    }

    /// Replaces the file of a subset by its samples and, if it has them, their weights.
    fn subset(&mut self, subset: &mut Subset) -> Result<()> {
        let Some(path) = subset.file.take() else {
            return Ok(());
        };
        if !subset.samples.is_empty() || subset.weights.is_some() {
            return Err(Error::config(
                "select \"subset\": give a file, or samples and weights, not both",
            ));
        }
        let table = Table::open(&path)?;
        self.extra.push(&table.bytes);
        self.has_extra = true;
        subset.samples = table
            .expect("sample")?
            .map(|cell| table.number("sample", cell))
            .collect::<Result<_>>()?;
        if let Some(weights) = table.column("weight") {
            subset.weights = Some(
                weights
                    .map(|cell| table.number("weight", cell))
                    .collect::<Result<_>>()?,
            );
        }
        Ok(())
    }

    /// The class of each sample as a sample group. There are `known` classes, or as many as the
    /// source has names for.
    fn classes(&mut self, known: Option<u32>) -> Result<Grouping> {
        let of = self.class_list.get(self.source)?.to_vec();
        let names = self.source.classes().unwrap_or_default().to_vec();
        Ok(Grouping {
            of,
            count: known.unwrap_or(names.len() as u32),
            names,
        })
    }
}
