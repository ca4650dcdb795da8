//! The options that give a group of arrays the chunks of one of its plans.

use run::{Advice, Group};

use super::harmless;
use crate::units::parse_chunk;

/// So many arrays are named one by one.
const MOST_NAMED: usize = 4;

/// `--chunks time=168,lat=322,lon=352`; where another group has the same dimension in other lengths, with the arrays'
/// names: `--chunks tmx:time=168`. Names are a stranger's, and the options are there to be pasted into a shell: they are
/// quoted. Where no option can hold a name, that is said instead.
pub(super) fn chunks(group: &Group, chunk: &[u64], advice: &Advice) -> String {
    let lengths = || group.axes.iter().zip(chunk);
    // Another group along the same dimension would be cut by a length without a name, too.
    let shared = |name: &str| {
        let length = lengths().find(|(axis, _)| axis.name == name).map(|(_, length)| *length);
        let others = advice.groups.iter().filter(|other| other.arrays != group.arrays);
        let mut planned = others.flat_map(|other| other.axes.iter().zip(&other.planned.chunk));
        planned.any(|(axis, other)| axis.name == name && Some(*other) != length)
    };
    let mut pairs: Vec<(String, u64)> =
        lengths().filter(|(axis, _)| !shared(&axis.name)).map(|(axis, length)| (axis.name.clone(), *length)).collect();
    for array in group.arrays.iter().take(MOST_NAMED) {
        let own = lengths().filter(|(axis, _)| shared(&axis.name));
        pairs.extend(own.map(|(axis, length)| (format!("{array}:{}", axis.name), *length)));
    }
    if let Some((name, _)) = pairs.iter().find(|(name, length)| !is_option(name, *length)) {
        return format!(
            "no option gives it: --chunks cannot hold the name `{}`; the `chunks` of a request as JSON can (dap2zarr \
             submit --request)",
            harmless(name).replace('\n', "\\n")
        );
    }
    let pairs: Vec<String> = pairs.iter().map(|(name, length)| format!("{name}={length}")).collect();
    let text = format!("--chunks {}", quoted(&pairs.join(",")));
    let unnamed = group.arrays.len().saturating_sub(MOST_NAMED);
    if unnamed == 0 || !lengths().any(|(axis, _)| shared(&axis.name)) {
        return text;
    }
    format!("{text},… and so for the other {unnamed}")
}

/// Whether a length by this name is read again as what it is: the parser parts pairs at commas and takes blanks off, and
/// what a terminal would obey is not shown as it is.
fn is_option(name: &str, length: u64) -> bool {
    let shown = harmless(name) == name && !name.contains('\n');
    shown && !name.contains(',') && parse_chunk(&format!("{name}={length}")).is_ok_and(|(read, _)| read == name)
}

/// As one word of a POSIX shell (Shell Command Language, 2.2.2): between single quotes all letters stand for themselves,
/// and a single quote stands outside of them, behind a backslash.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_.:=,-".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_takes_a_quoted_word_as_it_is() {
        for word in [
            "time=72",
            "ti$(touch /tmp/pwn)me=715",
            "a'b=1",
            "''",
            "`id`;x=1",
            "a b=1",
            "!x*?~=\"1\"",
            "\\=1",
            "é=1",
            "",
        ] {
            let printed = Command::new("sh").args(["-c", &format!("printf %s {}", quoted(word))]).output().unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), word, "{}", quoted(word));
        }
        assert_eq!(quoted("tmx:time_0=7,lat-b=1.5"), "tmx:time_0=7,lat-b=1.5");
        assert_eq!(quoted("a'$(x)=1"), r"'a'\''$(x)=1'");
    }

    #[test]
    fn names_that_the_parser_would_read_otherwise_are_told() {
        for (name, expected) in [
            ("time", true),
            ("ti$(x)me", true),
            ("a=b", true),
            ("a,b", false),
            (" a", false),
            ("", false),
            ("a\u{1b}", false),
            ("a\nb", false),
            ("a\u{202e}", false),
        ] {
            assert_eq!(is_option(name, 5), expected, "{name:?}");
        }
    }
}
