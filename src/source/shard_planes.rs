//! Planes in shards: their bytes lie behind a record and its entropy index, one after the other; an
//! extra column lists them.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::sample::{Codec, Plane, PlaneKind};
use crate::shard::Shard;

/// The extra column that lists a record's planes in JSON; empty where it has none.
pub const PLANES: &str = "planes.1";

/// One plane as the column says it.
#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    name: String,
    kind: String,
    codec: Form,
    bytes: u64,
    crc32c: u32,
}

/// How a plane's bytes are encoded.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Jpeg,
    Png,
    WebP,
    /// Rows of values: columns, rows.
    Raw(u32, u32),
}

/// The cell of the column for a record's planes.
pub(crate) fn list(planes: &[Plane]) -> String {
    let listed = planes.iter().map(|plane| Listed {
        name: plane.name.clone(),
        kind: plane.kind.as_str().into(),
        codec: match plane.codec {
            Codec::Jpeg => Form::Jpeg,
            Codec::Png => Form::Png,
            Codec::WebP => Form::WebP,
            Codec::Raw { width, height, .. } => Form::Raw(width, height),
        },
        bytes: plane.bytes.len() as u64,
        crc32c: crc32c::crc32c(&plane.bytes),
    });
    serde_json::to_string(&listed.collect::<Vec<_>>()).expect("strings and numbers")
}

/// The planes of a record.
///
/// # Errors
///
/// [`crate::Kind::Corrupt`] for a list or a plane that is damaged, and the errors of reading. The
/// message does not name the record.
pub(crate) fn read(shard: &Shard, record: u64) -> Result<Vec<Plane>> {
    let Some(cell) = shard.extra(PLANES, record).filter(|cell| !cell.is_empty()) else {
        return Ok(Vec::new());
    };
    let listed: Vec<Listed> = serde_json::from_slice(cell).map_err(|error| {
        Error::corrupt(format!("not the list of planes: {error}")).with_source(error)
    })?;
    let mut start = 0u64;
    let plane = |listed: Listed| {
        let Listed {
            name,
            kind,
            codec,
            bytes,
            crc32c,
        } = listed;
        let Some(kind) = PlaneKind::of(&kind) else {
            return Err(Error::corrupt(format!(
                "plane \"{name}\" of unknown kind \"{kind}\""
            )));
        };
        let codec = match codec {
            Form::Jpeg => Codec::Jpeg,
            Form::Png => Codec::Png,
            Form::WebP => Codec::WebP,
            Form::Raw(width, height) => Codec::Raw {
                width,
                height,
                channels: kind.channels(),
            },
        };
        let content = shard.trailing(record, start, bytes)?;
        start += bytes;
        let found = crc32c::crc32c(&content);
        if found != crc32c {
            return Err(Error::corrupt(format!(
                "the checksum of plane \"{name}\" is {found:08x}, the list says {crc32c:08x}: the plane is damaged; \
                 convert or copy the shard again"
            )));
        }
        Ok(Plane {
            name,
            kind,
            codec,
            bytes: content,
        })
    };
    listed.into_iter().map(plane).collect()
}
