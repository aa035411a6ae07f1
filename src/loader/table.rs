//! Tables of text beside the data: a header, then rows of cells.

use std::path::Path;

use crate::error::{Error, Result};

/// A file of comma- or tab-separated cells. A cell may stand in double quotes, a doubled one inside
/// stands for itself.
pub(super) struct Table {
    path: String,
    header: Vec<String>,
    /// With the line that each begins at.
    rows: Vec<(usize, Vec<String>)>,
    /// The file as it is, for fingerprints.
    pub(super) bytes: Vec<u8>,
}

impl Table {
    pub(super) fn open(path: &Path) -> Result<Table> {
        let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
        Table::parse(path.display().to_string(), bytes)
    }

    fn parse(path: String, bytes: Vec<u8>) -> Result<Table> {
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            Error::corrupt(format!("{path}: byte {}: no UTF-8", error.valid_up_to()))
        })?;
        let text = text.trim_start_matches('\u{feff}');
        let first = text.lines().next().unwrap_or_default();
        let comma = if first.contains('\t') { '\t' } else { ',' };
        let mut rows = cells(text, comma).map_err(|line| {
            Error::corrupt(format!("{path}: line {line}: a quote that is never closed"))
        })?;
        rows.retain(|(_, row)| row.iter().any(|cell| !cell.is_empty()));
        if rows.is_empty() {
            return Err(Error::config(format!(
                "{path}: empty: expected a header and a row for each sample"
            )));
        }
        let (_, header) = rows.remove(0);
        if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != header.len()) {
            return Err(Error::config(format!(
                "{path}: line {line}: {} cells; the header has {}",
                row.len(),
                header.len()
            )));
        }
        Ok(Table {
            path,
            header,
            rows,
            bytes,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The cells of a column with their lines; `None` if there is none of that name.
    pub(super) fn column(&self, name: &str) -> Option<impl Iterator<Item = (usize, &str)>> {
        let at = self.header.iter().position(|column| column == name)?;
        Some(
            self.rows
                .iter()
                .map(move |(line, row)| (*line, &row[at][..])),
        )
    }

    /// The error with the file and a line of it.
    pub(super) fn at(&self, line: usize, error: Error) -> Error {
        error.at(format_args!("{}: line {line}", self.path))
    }

    /// A cell as a number.
    pub(super) fn number<T: std::str::FromStr>(
        &self,
        name: &str,
        (line, cell): (usize, &str),
    ) -> Result<T> {
        cell.trim().parse().map_err(|_| {
            self.at(
                line,
                Error::config(format!("{name} = \"{cell}\": expected a number")),
            )
        })
    }

    /// The column that there has to be.
    pub(super) fn expect(&self, name: &str) -> Result<impl Iterator<Item = (usize, &str)>> {
        self.column(name).ok_or_else(|| {
            Error::config(format!(
                "{}: no column \"{name}\"; the columns are {:?}",
                self.path, self.header
            ))
        })
    }
}

/// Rows of cells with the lines that they begin at, or the line of a row with a quote that is never
/// closed.
fn cells(text: &str, comma: char) -> std::result::Result<Vec<(usize, Vec<String>)>, usize> {
    // The crate takes the end of the file for the end of a quote. A row appended here comes out as
    // a row, unless an open quote swallows it.
    const LAST: &str = "\nend";
    let text = [text, LAST].concat();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(comma as u8)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for record in reader.records() {
        let record = record.expect("text in memory, and rows of any length");
        // The position is where the row before ended: line ends and empty lines may follow.
        let position = record.position().expect("set by the reader").byte() as usize;
        let rest = text[position..].trim_start_matches(['\r', '\n']);
        let start = text.len() - rest.len();
        line += text[counted..start].matches('\n').count();
        counted = start;
        rows.push((line, record.iter().map(String::from).collect()));
    }
    match rows.pop() {
        Some((_, last)) if last == [LAST.trim_start()] => Ok(rows),
        Some((line, _)) => Err(line),
        None => Ok(rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table> {
        Table::parse("t.csv".into(), text.as_bytes().to_vec())
    }

    #[test]
    fn cells_may_be_quoted_and_rows_have_lines() {
        let table = table("name,group\r\n\"a, \"\"b\"\"\",x\n\n\"two\nlines\",y\nc,z").unwrap();
        let names: Vec<_> = table.column("name").unwrap().collect();
        assert_eq!(names, [(2, "a, \"b\""), (4, "two\nlines"), (6, "c")]);
        assert_eq!(
            table
                .column("group")
                .unwrap()
                .map(|(_, cell)| cell)
                .collect::<String>(),
            "xyz"
        );
        assert!(table.column("other").is_none());
        let tabs = super::Table::parse("t".into(), b"a\tb\n1,5\t2\n".to_vec()).unwrap();
        assert_eq!(tabs.column("a").unwrap().next(), Some((2, "1,5")));
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let refused = |text: &str| table(text).err().unwrap().to_string();
        assert!(refused("a,b\n1,2\n3\n").contains("line 3: 1 cells"));
        assert!(refused("a\n\"1\n2\n").contains("line 2: a quote"));
        assert!(refused("").contains("empty"));
        let table = table("a\n1\nx\n").unwrap();
        let numbers: Vec<_> = table
            .column("a")
            .unwrap()
            .map(|cell| table.number::<f64>("a", cell))
            .collect();
        assert!(
            numbers[0].is_ok()
                && numbers[1]
                    .as_ref()
                    .unwrap_err()
                    .to_string()
                    .contains("line 3")
        );
        assert!(
            table
                .expect("b")
                .err()
                .unwrap()
                .to_string()
                .contains("no column \"b\"")
        );
    }
}
