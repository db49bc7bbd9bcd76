//! Reads the golden tables of `tests/golden`: tab-separated, with a header row.
//!
//! Most rows hold for a span of releases, `first_version` to `last_version`, both included, in the order of a table that
//! lists the releases (`driver-versions.tsv`, `firmware-versions.tsv`).

use std::path::PathBuf;
use std::sync::Arc;

/// Where a golden file is.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "golden", name].iter().collect()
}

/// The text of a golden file. Panics if it cannot be read: the file is part of this repository.
#[must_use]
pub fn text(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    name: String,
    rows: Vec<Row>,
}

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    line: usize,
    columns: Arc<[String]>,
    cells: Vec<String>,
}

impl Table {
    /// Reads a table of `tests/golden`. Panics if a row has another number of cells than the header.
    #[must_use]
    pub fn read(name: &str) -> Self {
        let text = text(name);
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_else(|| panic!("{name} is empty"));
        let columns: Arc<[String]> = header.split('\t').map(str::to_owned).collect();
        let rows = lines
            .enumerate()
            .map(|(index, line)| {
                let cells: Vec<_> = line.split('\t').map(str::to_owned).collect();
                assert_eq!(cells.len(), columns.len(), "{name}:{}: number of cells", index + 2);
                Row { line: index + 2, columns: Arc::clone(&columns), cells }
            })
            .collect();
        Self { name: name.to_owned(), rows }
    }

    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every row.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows that hold for a release. `releases` lists all of them in order.
    pub fn rows_of<'a>(&'a self, release: &'a str, releases: &'a [String]) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.holds_for(release, releases))
    }
}

impl Row {
    /// The cell in a column. Panics if the table has no such column.
    #[must_use]
    pub fn get(&self, column: &str) -> &str {
        let index = self.columns.iter().position(|name| name == column);
        &self.cells[index.unwrap_or_else(|| panic!("there is no column {column} in {:?}", self.columns))]
    }

    /// The number in a column, decimal or hexadecimal with `0x`. Panics if it is none.
    #[must_use]
    pub fn number(&self, column: &str) -> i64 {
        let text = self.get(column);
        let number = match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.unwrap_or_else(|error| panic!("line {}: {column} is {text:?}: {error}", self.line))
    }

    /// The number in a column as a size or offset. Panics if it is negative or no number.
    #[must_use]
    pub fn size(&self, column: &str) -> usize {
        usize::try_from(self.number(column)).expect("sizes are not negative")
    }

    /// The line in the file, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether the row holds for a release. Panics if a release is not among `releases`.
    #[must_use]
    pub fn holds_for(&self, release: &str, releases: &[String]) -> bool {
        let at = |release: &str| {
            let position = releases.iter().position(|known| known == release);
            position.unwrap_or_else(|| panic!("line {}: unknown release {release}", self.line))
        };
        (at(self.get("first_version"))..=at(self.get("last_version"))).contains(&at(release))
    }
}

/// The releases in the only column of a table such as `driver-versions.tsv`, in order.
#[must_use]
pub fn releases(name: &str) -> Vec<String> {
    Table::read(name).rows().iter().map(|row| row.get("version").to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_for_their_span_of_releases() {
        let releases = releases("driver-versions.tsv");
        assert_eq!(releases.len(), 17);
        let sizes = Table::read("driver-struct-sizes.tsv");
        let launch = |release: &str| {
            sizes
                .rows_of(release, &releases)
                .filter(|row| {
                    row.get("struct") == "hailo_vdma_launch_transfer_params" && row.get("data_model") == "lp64"
                })
                .map(|row| row.size("size"))
                .collect::<Vec<_>>()
        };
        assert_eq!(launch("4.20.1"), [65]);
        assert_eq!(launch("4.21.0"), [153]);
        assert_eq!(launch("5.3.0"), [141]);
    }
}
