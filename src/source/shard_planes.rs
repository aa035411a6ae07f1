//! Planes in shards. Their bytes lie end to end behind a record and its entropy index, and the
//! extra column `planes.1` lists them.
//!
//! They are not in the footer, because the footer is kept in memory as long as the shard is open.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::sample::{Codec, Plane, PlaneKind};
use crate::shard::Shard;

/// The extra column that lists the planes of a record in JSON; its cell is empty for a record
/// without planes.
pub const PLANES: &str = "planes.1";

/// One plane in the list.
#[derive(Debug, Serialize, Deserialize)]
struct ListedPlane {
    name: String,
    kind: String,
    codec: StoredCodec,
    bytes: u64,
    crc32c: u32,
}

/// How the bytes of a plane are encoded.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredCodec {
    Jpeg,
    Png,
    WebP,
    /// Rows of values: columns, rows.
    Raw(u32, u32),
}

/// Returns the cell of the column for the planes of a record.
pub(crate) fn list(planes: &[Plane]) -> String {
    let listed = planes.iter().map(|plane| ListedPlane {
        name: plane.name.clone(),
        kind: plane.kind.as_str().into(),
        codec: match plane.codec {
            Codec::Jpeg => StoredCodec::Jpeg,
            Codec::Png => StoredCodec::Png,
            Codec::WebP => StoredCodec::WebP,
            Codec::Raw { width, height, .. } => StoredCodec::Raw(width, height),
        },
        bytes: plane.bytes.len() as u64,
        crc32c: crc32c::crc32c(&plane.bytes),
    });
    serde_json::to_string(&listed.collect::<Vec<_>>()).expect("strings and numbers")
}

/// Reads the planes of a record.
///
/// # Errors
///
/// [`crate::Kind::Corrupt`] for a list or a plane that is damaged, and the errors of reading. The
/// message does not name the record.
pub(crate) fn read(shard: &Shard, record: u64) -> Result<Vec<Plane>> {
    let Some(cell) = shard.extra(PLANES, record).filter(|cell| !cell.is_empty()) else {
        return Ok(Vec::new());
    };
    let listed: Vec<ListedPlane> = serde_json::from_slice(cell).map_err(|error| {
        Error::corrupt(format!("not the list of planes: {error}")).with_source(error)
    })?;
    let mut start = 0u64;
    let plane = |listed: ListedPlane| {
        let ListedPlane {
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
            StoredCodec::Jpeg => Codec::Jpeg,
            StoredCodec::Png => Codec::Png,
            StoredCodec::WebP => Codec::WebP,
            StoredCodec::Raw(width, height) => Codec::Raw {
                width,
                height,
                channels: kind.channels(),
            },
        };
        let content = shard.trailing(record, start, bytes)?;
        // The sum does not overflow: the plane was read, so it ends inside the file.
        start += bytes;
        let found = crc32c::crc32c(&content);
        if found != crc32c {
            return Err(Error::corrupt(format!(
                "the checksum of plane \"{name}\" is {found:08x}, the list says {crc32c:08x}: \
                 the plane is damaged; convert or copy the shard again"
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
