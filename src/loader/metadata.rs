//! What the plan has to know of samples, read once when a loader is opened.

use std::collections::{BTreeMap, BTreeSet};

use super::table::Table;
use crate::error::{Error, Result};
use crate::plan::{
    By, Grouping, Prune, SampleMetadata, Sampler, Select, Setup, Subset, Values, Weighted,
};
use crate::recipe::Recipe;
use crate::sample::{Fingerprint, FingerprintBuilder, Target};
use crate::source::Source;

/// Reads what the setup needs, and puts numbers in the place of files and columns. The fingerprint
/// is that of all that was read beside the source itself.
pub(super) fn gather(
    setup: &mut Setup,
    recipe: &Recipe,
    source: &dyn Source,
) -> Result<(SampleMetadata, Option<Fingerprint>)> {
    let table = recipe
        .table
        .as_deref()
        .map(|path| Side::open(path, source))
        .transpose()?;
    let mut reading = Reading {
        source,
        table,
        sum: FingerprintBuilder::default(),
        any: false,
    };
    if let Some(Side { table, .. }) = &reading.table {
        reading.sum.push(&table.bytes);
        reading.any = true;
    }
    for select in &mut setup.select {
        match select {
            Select::Subset(subset) => reading.subset(subset)?,
            Select::Prune(Prune { score, .. }) => reading.values(score)?,
            _ => {}
        }
    }
    if let Sampler::Weighted(Weighted { weights, .. }) = &mut setup.sampler {
        reading.values(weights)?;
    }
    let mut metadata = SampleMetadata::new();
    for by in setup.needs().collect::<BTreeSet<_>>() {
        let grouping = match by {
            By::Class => reading.classes(recipe.target.classes)?,
            By::Source => continue,
            By::Column(name) => {
                let values = reading.column(name)?;
                Grouping::of_values(values.iter().map(|value| &value[..]))
            }
        };
        metadata = metadata.with(by.clone(), grouping);
    }
    Ok((metadata, reading.any.then(|| reading.sum.finish())))
}

/// The recipe's table with the row of each sample.
struct Side {
    table: Table,
    /// 4 bytes a sample, while the loader is being opened.
    rows: Vec<u32>,
}

impl Side {
    fn open(path: &std::path::Path, source: &dyn Source) -> Result<Side> {
        let table = Table::open(path)?;
        let samples = source.len();
        let count = u32::try_from(samples)
            .map_err(|_| Error::config("a table of more than 2^32 samples"))?;
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
                "{}: {} rows for {samples} samples: give one for each, or a column \"sample\" or \"name\"",
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
        Ok(Side { table, rows })
    }
}

struct Reading<'a> {
    source: &'a dyn Source,
    table: Option<Side>,
    sum: FingerprintBuilder,
    any: bool,
}

impl Reading<'_> {
    /// A column of the recipe's table, or else of the data.
    fn column(&mut self, name: &str) -> Result<Vec<String>> {
        if let Some(Side { table, rows }) = &self.table
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
                "{place} column \"{name}\": name one of the data, or give the recipe a table = \"FILE.csv\" that has it"
            )));
        }
        // Fingerprints of sources need not cover columns that nobody asked for.
        values
            .iter()
            .for_each(|value| self.sum.push(value.as_bytes()));
        self.any = true;
        Ok(values)
    }

    fn values(&mut self, values: &mut Values) -> Result<()> {
        let Values::Column(name) = values else {
            return Ok(());
        };
        let mut numbers = Vec::new();
        for (sample, text) in (0u64..).zip(self.column(name)?) {
            numbers.push(text.trim().parse::<f64>().map_err(|_| {
                let whose = self.source.name(sample);
                let error = format!(
                    "column \"{name}\" of sample {sample} ({whose}): \"{text}\" is no number"
                );
                Error::config(error).with_sample(sample)
            })?);
        }
        *values = Values::List(numbers);
        Ok(())
    }

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
        self.sum.push(&table.bytes);
        self.any = true;
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

    fn classes(&mut self, known: Option<u32>) -> Result<Grouping> {
        let mut of = Vec::new();
        let source = self.source;
        source.labels(&mut |sample, target| {
            let wrong = match target {
                Target::Class(class) => {
                    of.push(class);
                    return Ok(());
                }
                Target::None => "has no class",
                _ => "has several classes",
            };
            let name = source.name(sample);
            let error = format!(
                "sample {sample} ({name}) {wrong}: what goes by class wants one of each sample"
            );
            Err(Error::config(error).with_sample(sample))
        })?;
        let names = source.classes().unwrap_or_default().to_vec();
        Ok(Grouping {
            of,
            count: known.unwrap_or(names.len() as u32),
            names,
        })
    }
}
