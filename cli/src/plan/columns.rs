//! Text in columns whose heads have two lines.

/// Between two columns.
const GAP: usize = 2;

/// One column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    head: [String; 2],
    cells: Vec<String>,
    right: bool,
}

impl Column {
    /// Text, aligned at its beginning.
    pub(super) fn text(head: [&str; 2], cells: impl IntoIterator<Item = String>) -> Self {
        Self { head: head.map(str::to_owned), cells: cells.into_iter().collect(), right: false }
    }

    /// Numbers, aligned at their end.
    pub(super) fn numbers(head: [&str; 2], cells: impl IntoIterator<Item = String>) -> Self {
        Self { right: true, ..Self::text(head, cells) }
    }

    /// Several numbers in each cell, below words of their own in the head's second line.
    pub(super) fn several<const N: usize>(head: &str, words: [&str; N], rows: &[[String; N]]) -> Self {
        let width = |at: usize| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| length(cell));
            cells.chain(words.get(at).map(|word| length(word))).max().unwrap_or(0)
        };
        let line = |cells: [&str; N]| {
            let padded = cells.iter().enumerate().map(|(at, cell)| pad(cell, width(at), true));
            padded.collect::<Vec<_>>().join(" ")
        };
        let cells = rows.iter().map(|row| line(row.each_ref().map(String::as_str))).collect();
        Self { head: [head.to_owned(), line(words)], cells, right: true }
    }

    fn width(&self) -> usize {
        self.head.iter().chain(&self.cells).map(|text| length(text)).max().unwrap_or(0)
    }
}

/// Characters, of which nearly all are as wide as one another.
fn length(text: &str) -> usize {
    text.chars().count()
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(length(text)));
    if right { blanks + text } else { text.to_owned() + &blanks }
}

/// Characters of a line of so many columns.
pub(super) fn width(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width() + GAP).sum::<usize>().saturating_sub(GAP)
}

/// The lines of a table. A title stands before the row of its number.
pub(super) fn lines(columns: &[Column], titles: &[(usize, String)], indent: usize) -> Vec<String> {
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    let line = |cell: &dyn Fn(&Column) -> Option<String>| {
        let cells = columns.iter().map(|column| pad(&cell(column).unwrap_or_default(), column.width(), column.right));
        let text = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
        format!("{}{text}", " ".repeat(indent)).trim_end().to_owned()
    };
    let heads = (0..2).map(|at| line(&|column| column.head.get(at).cloned()));
    let mut lines: Vec<String> = heads.filter(|line| !line.is_empty()).collect();
    for row in 0..rows {
        let above = titles.iter().filter(|(before, _)| *before == row);
        lines.extend(above.map(|(_, title)| format!("{}{title}", " ".repeat(indent))));
        lines.push(line(&|column| column.cells.get(row).cloned()));
    }
    lines
}

/// Cuts columns into tables that are no wider than `most`. Each begins with `key`; `first` stay together.
pub(super) fn fitting(key: &Column, first: Vec<Column>, others: Vec<Column>, most: usize) -> Vec<Vec<Column>> {
    let mut tables = vec![std::iter::once(key.clone()).chain(first).collect::<Vec<_>>()];
    for column in others {
        if let Some(table) = tables.last_mut().filter(|table| width(table) + GAP + column.width() <= most) {
            table.push(column);
        } else {
            tables.push(vec![key.clone(), column]);
        }
    }
    tables
}

/// Breaks a text at blanks into lines of at most `most` characters; all but the first begin with `indent` blanks. A
/// no-break space becomes a blank where no line ends.
pub(super) fn wrapped(text: &str, indent: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(word) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("{}{word}", " ".repeat(indent))),
            None => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| line.replace('\u{a0}', " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn numbers_stand_below_their_words() {
        let columns = [
            Column::text(["", "name"], texts(&["a", "långt"])),
            Column::several("read", ["n", "s"], &[["1", "10"], ["200", "3"]].map(|row| row.map(str::to_owned))),
            Column::numbers(["", "last"], texts(&["5 %", "–"])),
        ];
        let lines = lines(&columns, &[(1, "then".to_owned())], 1);
        assert_eq!(
            lines,
            ["          read", " name     n  s  last", " a        1 10   5 %", " then", " långt  200  3     –"]
        );
        assert_eq!(width(&columns), 19);
    }

    #[test]
    fn what_does_not_fit_goes_into_another_table() {
        let column = |head: &str| Column::text([head, ""], Vec::new());
        let tables = fitting(&column("#"), vec![column("first")], vec![column("1234"), column("5")], 14);
        assert_eq!(tables.iter().map(|table| width(table)).collect::<Vec<_>>(), [14, 4]);
        let tables = fitting(&column("#"), vec![column("first")], vec![column("12345")], 14);
        assert_eq!(tables.len(), 2, "a table of its own where it would be too wide");
    }

    #[test]
    fn long_texts_are_broken_at_blanks() {
        assert_eq!(wrapped("one two three", 2, 8), ["one two", "  three"]);
        assert_eq!(wrapped("one 2\u{a0}s", 0, 5), ["one", "2 s"]);
        assert_eq!(wrapped("averylongword x", 0, 5), ["averylongword", "x"]);
    }
}
