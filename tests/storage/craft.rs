//! Builds shards by hand, from docs/FORMAT.md alone, so that tests can put anything into an index.
//!
//! A damaged file is found by its checksums. What a checksum cannot find is a file that was written
//! wrong, or by an attacker, so [`Craft`] computes all checksums after the change.

use crc32c::crc32c;

/// One column of the index.
#[derive(Clone)]
pub(crate) struct Column {
    pub name: Vec<u8>,
    /// The type of its cells: 1, 2 and 3 are integers of 8, 32 and 64 bits, 4 is a string.
    pub cell: u8,
    /// 1 if a reader must know the column.
    pub flags: u8,
    pub data: Vec<u8>,
    /// Position and length to write in place of the right ones.
    pub claim: Option<(u64, u64)>,
}

/// The parts of a shard. A test changes some of them and then calls [`Craft::bytes`].
#[derive(Clone)]
pub(crate) struct Craft {
    pub samples: u64,
    pub payload: Vec<u8>,
    pub columns: Vec<Column>,
    /// The number of columns to write in place of the right one.
    pub count: Option<u32>,
    pub version: u32,
    /// Changes the offset and length of the footer before the tail gets its checksum.
    pub tail: fn(u64, u64) -> (u64, u64),
    pub header_length: u32,
}

/// Little-endian cells of 64 bits.
pub(crate) fn u64s(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Little-endian cells of 32 bits.
pub(crate) fn u32s(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// A column of strings: one position more than there are cells, then the bytes of all cells.
pub(crate) fn strings(cells: &[&[u8]]) -> Vec<u8> {
    let mut end = 0;
    let ends = cells.iter().map(|cell| {
        end += cell.len() as u64;
        end
    });
    let mut out = u64s(&std::iter::once(0).chain(ends).collect::<Vec<_>>());
    out.extend(cells.concat());
    out
}

impl Craft {
    /// A valid shard of three raw gray images of 4 x 2 pixels, at bytes 64, 128 and 192.
    pub(crate) fn sound() -> Craft {
        let records = [[1u8; 8], [2; 8], [3; 8]];
        let payload = records
            .iter()
            .flat_map(|record| [&record[..], &[0; 56]].concat())
            .collect();
        let column = |name: &str, cell, data| Column {
            name: name.into(),
            cell,
            flags: 1,
            data,
            claim: None,
        };
        Craft {
            samples: 3,
            payload,
            columns: vec![
                column("offset", 3, u64s(&[64, 128, 192])),
                column("length", 3, u64s(&[8, 8, 8])),
                column("crc32c", 2, u32s(&records.map(|record| crc32c(&record)))),
                column("width", 2, u32s(&[4, 4, 4])),
                column("height", 2, u32s(&[2, 2, 2])),
                column("codec", 1, vec![4, 4, 4]),
                column("name", 4, strings(&[b"x", b"y", b"z"])),
                column("target.kind", 1, vec![0, 1, 2]),
                column("target", 4, strings(&[b"", &u32s(&[7]), &u32s(&[1, 2])])),
            ],
            count: None,
            version: 1,
            tail: |offset, length| (offset, length),
            header_length: 64,
        }
    }

    /// The column of a name.
    pub(crate) fn column(&mut self, name: &str) -> &mut Column {
        self.columns
            .iter_mut()
            .find(|column| column.name == name.as_bytes())
            .unwrap()
    }

    /// The first 64 bytes: magic, version, length, and the checksum at byte 60.
    pub(crate) fn header(&self) -> Vec<u8> {
        let mut header = b"\x89MILL\r\n\x1a".to_vec();
        header.extend(u32s(&[self.version, self.header_length]));
        header.resize(60, 0);
        header.extend(u32s(&[crc32c(&header)]));
        header
    }

    /// The index: the number of samples and columns, a directory entry of 48 bytes for each column,
    /// and the columns, each at a multiple of 8.
    pub(crate) fn footer(&self) -> Vec<u8> {
        let mut footer = u64s(&[self.samples]);
        footer.extend(u32s(&[self.count.unwrap_or(self.columns.len() as u32), 0]));
        let mut at = 16 + 48 * self.columns.len();
        let mut body = Vec::new();
        for column in &self.columns {
            let position = at.next_multiple_of(8);
            body.resize(body.len() + position - at, 0);
            body.extend(&column.data);
            at = position + column.data.len();
            let mut entry = column.name.clone();
            entry.resize(24, 0);
            entry.extend([column.cell, column.flags, 0, 0, 0, 0, 0, 0]);
            let (offset, length) = column
                .claim
                .unwrap_or((position as u64, column.data.len() as u64));
            entry.extend(u64s(&[offset, length]));
            footer.extend(entry);
        }
        footer.extend(body);
        footer
    }

    /// The last 32 bytes, for a footer at `offset`.
    pub(crate) fn tail_for(&self, offset: u64, footer: &[u8]) -> Vec<u8> {
        let (offset, length) = (self.tail)(offset, footer.len() as u64);
        let mut tail = u64s(&[offset, length]);
        tail.extend(u32s(&[crc32c(footer)]));
        tail.extend(u32s(&[crc32c(&tail)]));
        tail.extend(b"MILLEND\n");
        tail
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        out.extend(&self.payload);
        let footer = self.footer();
        let tail = self.tail_for(out.len() as u64, &footer);
        out.extend(footer);
        out.extend(tail);
        out
    }
}
