//! Text from a server, made fit for a line of a terminal.

/// The columns a line is cut to. Standard output is often a pipe, so the terminal is not asked.
pub(super) const COLUMNS: usize = 100;

/// The text on one line, with what a terminal would obey or hide (control, bidirectional and invisible characters)
/// written as Rust escapes. Quotes and backslashes stand as they are.
pub(crate) fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for piece in text.split_inclusive(['\'', '"', '\\']) {
        let quote = piece.chars().next_back().filter(|last| matches!(last, '\'' | '"' | '\\'));
        let plain = quote.and_then(|quote| piece.strip_suffix(quote)).unwrap_or(piece);
        line.extend(plain.escape_debug());
        line.extend(quote);
    }
    line
}

/// At most `most` columns of a line; `…` stands for what is missing.
pub(super) fn cut(line: &str, most: usize) -> String {
    if width(line) <= most {
        return line.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += columns(*c);
        used <= most
    };
    let kept: String = line.chars().take_while(fits).collect();
    format!("{}…", kept.trim_end_matches([' ', ',', '×']))
}

/// The same, with the missing part in the middle.
pub(super) fn cut_inside(line: &str, most: usize) -> String {
    if width(line) <= most {
        return line.to_owned();
    }
    let tail_columns = most.saturating_sub(1) / 2;
    let mut used = 0;
    let fits = |c: &char| {
        used += columns(*c);
        used <= tail_columns
    };
    let backwards: Vec<char> = line.chars().rev().take_while(fits).collect();
    let head = cut(line, most.saturating_sub(tail_columns));
    backwards.iter().rev().fold(head, |mut line, c| {
        line.push(*c);
        line
    })
}

/// Columns a line takes on a terminal.
pub(super) fn width(line: &str) -> usize {
    line.chars().map(columns).sum()
}

/// Items separated by commas, on lines of at most [`COLUMNS`], the first line and the others beginning at `indent`.
pub(super) fn wrap(items: &[String], indent: usize) -> String {
    let mut text = String::new();
    let mut used = indent;
    for (position, item) in items.iter().enumerate() {
        let item = cut(item, COLUMNS.saturating_sub(indent + 1));
        let needed = width(&item);
        if position > 0 {
            // The comma that may follow needs its column too.
            if used + 2 + needed + 1 > COLUMNS {
                text.push_str(",\n");
                text.push_str(&" ".repeat(indent));
                used = indent;
            } else {
                text.push_str(", ");
                used += 2;
            }
        }
        text.push_str(&item);
        used += needed;
    }
    text
}

/// The blocks of wide characters (Unicode UAX #11, W and F), roughly: names are rarely in them, and a table one column
/// off is no harm.
fn columns(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(clean("a\u{1b}[31mb\n\u{9b}\u{202e}\u{7f}"), r"a\u{1b}[31mb\n\u{9b}\u{202e}\u{7f}");
        assert_eq!(clean(r#"the city's "C:\x" é 海"#), r#"the city's "C:\x" é 海"#);
        assert_eq!(clean(""), "");
    }

    #[test]
    fn lines_are_cut_by_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("ab cdefg", 4), "ab…");
        assert_eq!(cut("海面水温", 8), "海面水温");
        assert_eq!(cut("海面水温", 7), "海面水…");
        assert_eq!(cut("海面水温", 6), "海面…");
    }

    #[test]
    fn names_are_cut_inside() {
        assert_eq!(cut_inside("temperature_007", 15), "temperature_007");
        assert_eq!(cut_inside("temperature_007", 9), "temp…_007");
        assert_eq!(cut_inside("temperature_007", 10), "tempe…_007");
        assert_eq!(cut_inside("海面水温海面水温", 8), "海面…温");
    }

    #[test]
    fn lists_are_wrapped_within_the_columns() {
        let items: Vec<_> = (0..40).map(|n| format!("dimension_{n} 100")).chain(["x".repeat(300)]).collect();
        let text = wrap(&items, 16);
        assert!(text.lines().count() > 5, "{text}");
        for (at, line) in text.lines().enumerate() {
            let indent = if at == 0 { 16 } else { 0 };
            assert!(width(line) + indent <= COLUMNS, "{line}");
        }
        assert_eq!(wrap(&["time 5".to_owned(), "lat 6".to_owned()], 16), "time 5, lat 6");
        assert_eq!(wrap(&[], 16), "");
    }
}
