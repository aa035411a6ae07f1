//! `feedmill inspect`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use feedmill::decode::{self, Limits};
use feedmill::geometry::Size;
use feedmill::sample::{Codec, Payload, Sample, Target};
use feedmill::shard::{Backing, Shard};
use feedmill::source::{self, Format, Shards, Source};
use feedmill::{Error, Result};
use serde_json::{Value, json};

use crate::Verdict;
use crate::output::{self, Failure, Out, bytes};

/// Samples read for the statistics of a form that has no index.
const PROBED: u64 = 1000;

/// The fields that are printed first; the others follow by name.
const ORDER: [&str; 7] = [
    "form", "sample", "name", "samples", "classes", "target", "codec",
];

/// Describe a data set: its form, samples, classes, codecs and sizes; or one of its samples
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The data set
    path: PathBuf,
    /// Describe only this sample, numbered from 0
    #[arg(long, value_name = "N")]
    sample: Option<u64>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self, out: &mut Out) -> std::result::Result<Verdict, Failure> {
        let format = source::detect(&self.path)?;
        let value = if format == Format::Shards {
            let shards = Shards::open(&self.path, Backing::default())?;
            match self.sample {
                Some(id) => sample(&shards, id, Some(&shards))?,
                None => self.shards(&shards),
            }
        } else {
            let source = source::open(&self.path)?;
            match self.sample {
                Some(id) => sample(&*source, id, None)?,
                None => overview(&*source, format),
            }
        };
        if self.json {
            output::json(out, &value)?;
        } else {
            print(out, &value, 0)?;
        }
        Ok(Verdict::Fine)
    }

    fn shards(&self, shards: &Shards) -> Value {
        let mut statistics = Statistics::default();
        for shard in shards.shards() {
            for record in 0..shard.len() {
                let entry = shard.entry(record);
                statistics.add(entry.length, entry.codec, entry.size);
                statistics.add_index(entry.jpeg_index.into());
            }
        }
        let files: u64 = shards
            .shards()
            .iter()
            .map(|shard| shard.sealed().bytes)
            .sum();
        let mut value = common(shards, "shards", &statistics);
        value["shards"] = json!(shards.shards().len());
        value["file_bytes"] = json!(files);
        if self.path.is_file()
            && let [shard] = shards.shards()
        {
            value["header"] = header(shard);
        }
        value
    }
}

/// The header of a shard.
fn header(shard: &Shard) -> Value {
    let (stamp, sealed) = (shard.stamp(), shard.sealed());
    json!({
        "conversion": stamp.conversion.to_string(),
        "part": stamp.part,
        "records": sealed.samples,
        "bytes": sealed.bytes,
        "footer_crc32c": format!("{:08x}", sealed.footer_crc32c),
        "extra_columns": shard.extras().collect::<Vec<_>>(),
    })
}

/// Describes a data set without an index from some evenly spaced samples, which are read.
fn overview(source: &dyn Source, format: Format) -> Value {
    let (total, mut statistics) = (source.len(), Statistics::default());
    let probed = total.min(PROBED);
    let mut buf = Vec::new();
    for number in 0..probed {
        let id = (u128::from(number) * u128::from(total) / u128::from(probed)) as u64;
        let read = source.read(id, std::mem::take(&mut buf)).and_then(|raw| {
            let probe = decode::probe(&raw.bytes, raw.codec, &Limits::default())?;
            statistics.add(raw.bytes.len() as u64, raw.codec, probe.size());
            statistics.add_index(source.jpeg_index(id)?.map_or(0, |index| index.len() as u64));
            Ok(raw)
        });
        match read {
            Ok(Sample {
                bytes: Payload::Owned(buffer),
                ..
            }) => buf = buffer,
            Ok(_) => {}
            Err(_) => statistics.unreadable += 1,
        }
    }
    let mut value = common(source, format.as_str(), &statistics);
    value["samples_read"] = json!(probed);
    value["unreadable"] = json!(statistics.unreadable);
    value
}

fn common(source: &dyn Source, form: &str, statistics: &Statistics) -> Value {
    let mut value = json!({
        "form": form,
        "samples": source.len(),
        "fingerprint": source.fingerprint().to_string(),
        "classes": source.classes(),
        "codecs": statistics.codecs,
        "bytes": statistics.bytes.value(),
        "width": statistics.width.value(),
        "height": statistics.height.value(),
    });
    if let Some(sizes) = class_sizes(source) {
        value["class_size"] = sizes;
    }
    if statistics.indexed > 0 {
        value["jpeg_indexes"] = json!(statistics.indexed);
        value["jpeg_index_bytes"] = json!(statistics.index_bytes);
    }
    if let Some(size) = source.uniform_size() {
        value["uniform_size"] = json!({"width": size.width, "height": size.height});
    }
    value
}

/// How many samples the classes have, if every sample has exactly one: class samplers are limited
/// by the smallest.
fn class_sizes(source: &dyn Source) -> Option<Value> {
    let mut sizes = BTreeMap::new();
    for class in 0..source.classes().map_or(0, <[String]>::len) as u32 {
        sizes.insert(class, 0);
    }
    let mut others = 0;
    let each = &mut |_, target| {
        match target {
            Target::Class(class) => *sizes.entry(class).or_insert(0) += 1,
            _ => others += 1,
        }
        Ok(())
    };
    source.labels(each).ok().filter(|()| others == 0)?;
    let mut spread = Spread::default();
    sizes.values().for_each(|size| spread.add(*size));
    Some(spread.value())
}

/// Describes one sample.
fn sample(source: &dyn Source, id: u64, shards: Option<&Shards>) -> Result<Value> {
    if id >= source.len() {
        return Err(Error::config(format!(
            "sample {id}: the data set has samples 0 to {}",
            source.len() - 1
        )));
    }
    let raw = source.read(id, Vec::new())?;
    let probe = decode::probe(&raw.bytes, raw.codec, &Limits::default());
    let probe = probe.map_err(|error| error.at(source.name(id)))?;
    let mut value = json!({
        "sample": id,
        "name": source.name(id),
        "target": target(&raw.target, source.classes()),
        "codec": codec_name(raw.codec),
        "bytes": raw.bytes.len(),
        "width": probe.width,
        "height": probe.height,
    });
    if let Some(index) = source.jpeg_index(id)? {
        value["jpeg_index_bytes"] = json!(index.len());
    }
    if let Some(shards) = shards
        && let Some((number, record)) = shards.locate(id)
    {
        let shard = &shards.shards()[number];
        let entry = shard.entry(record);
        value["shard"] = json!(
            shard
                .path()
                .file_name()
                .unwrap_or_default()
                .display()
                .to_string()
        );
        value["record"] = json!(record);
        value["offset"] = json!(entry.offset);
        value["crc32c"] = json!(format!("{:08x}", entry.crc32c));
        let extras: BTreeMap<&str, usize> = shard
            .extras()
            .map(|name| (name, shard.extra(name, record).map_or(0, <[u8]>::len)))
            .collect();
        value["extra_bytes"] = json!(extras);
    }
    Ok(value)
}

fn target(target: &Target, classes: Option<&[String]>) -> Value {
    let name = |class: &u32| classes.and_then(|classes| classes.get(*class as usize));
    match target {
        Target::Class(class) => json!({"class": class, "name": name(class)}),
        Target::Multi(list) => {
            json!({"classes": list, "names": list.iter().map(name).collect::<Vec<_>>()})
        }
        Target::Soft(weights) => json!({"weights": weights}),
        _ => Value::Null,
    }
}

fn codec_name(codec: Codec) -> &'static str {
    match codec {
        Codec::Jpeg => "jpeg",
        Codec::Png => "png",
        Codec::WebP => "webp",
        Codec::Raw { channels: 1, .. } => "raw gray",
        Codec::Raw { .. } => "raw rgb",
        _ => "other",
    }
}

#[derive(Default)]
struct Statistics {
    codecs: BTreeMap<&'static str, u64>,
    bytes: Spread,
    width: Spread,
    height: Spread,
    unreadable: u64,
    indexed: u64,
    index_bytes: u64,
}

impl Statistics {
    fn add(&mut self, bytes: u64, codec: Codec, size: Size) {
        *self.codecs.entry(codec_name(codec)).or_default() += 1;
        self.bytes.add(bytes);
        self.width.add(size.width.into());
        self.height.add(size.height.into());
    }

    /// The entropy index of a sample; 0 bytes for none.
    fn add_index(&mut self, bytes: u64) {
        self.indexed += u64::from(bytes > 0);
        self.index_bytes += bytes;
    }
}

#[derive(Default)]
struct Spread {
    count: u64,
    sum: u128,
    least: u64,
    most: u64,
}

impl Spread {
    fn add(&mut self, value: u64) {
        self.least = if self.count == 0 {
            value
        } else {
            self.least.min(value)
        };
        self.most = self.most.max(value);
        self.sum += u128::from(value);
        self.count += 1;
    }

    fn value(&self) -> Value {
        if self.count == 0 {
            return Value::Null;
        }
        let mean = (self.sum / u128::from(self.count)) as u64;
        let sum = u64::try_from(self.sum).ok();
        json!({"min": self.least, "mean": mean, "max": self.most, "sum": sum})
    }
}

/// Prints the object with one field a line.
fn print(out: &mut Out, value: &Value, indent: usize) -> std::io::Result<()> {
    let rank = |key: &str| {
        ORDER
            .iter()
            .position(|known| *known == key)
            .unwrap_or(ORDER.len())
    };
    let mut fields: Vec<_> = value.as_object().into_iter().flatten().collect();
    fields.sort_by_key(|(key, _)| rank(key));
    for (key, value) in fields {
        let label = key.replace('_', " ");
        match value {
            Value::Null => {}
            Value::Object(fields) if key == "bytes" => {
                let size = |name: &str| {
                    fields
                        .get(name)
                        .and_then(Value::as_u64)
                        .map_or(String::new(), bytes)
                };
                let (sum, min, mean, max) = (size("sum"), size("min"), size("mean"), size("max"));
                writeln!(
                    out,
                    "{label:>16}  {sum}; each {min} to {max}, {mean} on average"
                )?;
            }
            Value::Object(fields) if fields.contains_key("mean") => {
                writeln!(
                    out,
                    "{label:>16}  {} to {}, {} on average",
                    fields["min"], fields["max"], fields["mean"]
                )?;
            }
            Value::Object(fields) if !fields.is_empty() => {
                writeln!(out, "{label:>16}")?;
                print(out, value, indent + 2)?;
            }
            Value::Object(_) => {}
            Value::Array(items) => {
                let some: Vec<String> = items.iter().take(12).map(plain).collect();
                let more = if items.len() > some.len() {
                    ", …"
                } else {
                    ""
                };
                writeln!(
                    out,
                    "{:indent$}{label:>16}  {}: {}{more}",
                    "",
                    items.len(),
                    some.join(", ")
                )?;
            }
            other => writeln!(out, "{:indent$}{label:>16}  {}", "", plain(other))?,
        }
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => output::clean(text),
        other => other.to_string(),
    }
}
