//! Shards made by hand, by docs/FORMAT.md alone: for indexes that no writer would write.

use crc32c::crc32c;

/// One column as it goes into the file.
#[derive(Clone)]
pub(crate) struct Column {
    pub name: Vec<u8>,
    pub cell: u8,
    pub flags: u8,
    pub data: Vec<u8>,
    /// In place of the right position and length.
    pub claim: Option<(u64, u64)>,
}

/// A shard in parts that can be bent before it is put together.
#[derive(Clone)]
pub(crate) struct Craft {
    pub samples: u64,
    pub payload: Vec<u8>,
    pub columns: Vec<Column>,
    /// In place of the right number of columns.
    pub count: Option<u32>,
    pub version: u32,
    /// Footer offset and length, changed before the tail gets its checksum.
    pub tail: fn(u64, u64) -> (u64, u64),
    pub header_length: u32,
}

pub(crate) fn u64s(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

pub(crate) fn u32s(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Positions, then bytes.
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
    /// Three sound records of raw gray pixels, 4 x 2, at bytes 64, 128 and 192.
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

    pub(crate) fn column(&mut self, name: &str) -> &mut Column {
        self.columns
            .iter_mut()
            .find(|column| column.name == name.as_bytes())
            .unwrap()
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        let mut header = b"\x89MILL\r\n\x1a".to_vec();
        header.extend(u32s(&[self.version, self.header_length]));
        header.resize(60, 0);
        header.extend(u32s(&[crc32c(&header)]));
        header
    }

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

    pub(crate) fn tail_for(&self, offset: u64, footer: &[u8]) -> Vec<u8> {
        let (offset, length) = (self.tail)(offset, footer.len() as u64);
        let mut tail = u64s(&[offset, length]);
        tail.extend(u32s(&[crc32c(footer)]));
        tail.extend(u32s(&[crc32c(&tail)]));
        tail.extend(b"MILLEND\n");
        tail
    }

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
