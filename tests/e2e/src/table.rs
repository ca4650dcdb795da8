//! Tables that tests print, and leave where `make test` finds them.

use std::fs;

use crate::build_folder;

/// Rows of text under titles.
#[derive(Debug, Clone)]
pub struct Table {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(titles: &[&str]) -> Self {
        Self { titles: titles.iter().map(|title| (*title).to_owned()).collect(), rows: Vec::new() }
    }

    /// One more row.
    pub fn row(&mut self, cells: &[&str]) {
        self.rows.push(cells.iter().map(|cell| (*cell).to_owned()).collect());
    }

    /// The rows, aligned.
    pub fn text(&self) -> String {
        let rows: Vec<_> = std::iter::once(&self.titles).chain(&self.rows).collect();
        let width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let line = |row: &&Vec<String>| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let width = width(column).unwrap_or_default();
                format!("{cell:width$}")
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n") + "\n"
    }

    /// Writes it to `NAME-table.txt` in the folder of all builds, and returns it.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn publish(&self, name: &str) -> String {
        let text = self.text();
        publish(name, &text);
        text
    }
}

/// Writes a table's text to `NAME-table.txt` in the folder of all builds.
///
/// # Panics
/// If the file cannot be written.
pub fn publish(name: &str, text: &str) {
    let builds = build_folder();
    let builds = builds.parent().unwrap_or(&builds);
    fs::write(builds.join(format!("{name}-table.txt")), text).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["case", "exit"]);
        table.row(&["no such host", "3"]);
        assert_eq!(table.text(), "case          exit\nno such host  3\n");
    }
}
