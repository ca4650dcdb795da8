//! Text and numbers as they stand in the page.

use std::fmt::{self, Write as _};

use crate::units::{bytes, count, lasting, percent, whole};

/// Characters of a stranger's text that are shown: names are rarely longer than this, and a page has to stay small.
const MOST_CHARACTERS: usize = 160;
/// The same for sentences: notes and reasons.
const MOST_SENTENCE: usize = 600;

/// Text for an element's content or a quoted attribute. Control characters, and those that turn the direction of writing,
/// are shown as the replacement character: with them a name could pass for another.
pub(super) fn escape(raw: &str) -> String {
    let mut escaped = String::with_capacity(raw.len());
    for character in raw.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// At most so many characters, the last of them an ellipsis where something was left out.
pub(super) fn shortened(raw: &str, most: usize) -> String {
    if raw.chars().count() <= most {
        return raw.to_owned();
    }
    let mut short: String = raw.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A sentence that may hold names of the dataset.
pub(super) fn sentence(raw: &str) -> String {
    escape(&shortened(raw, MOST_SENTENCE))
}

/// A name of the dataset.
pub(super) fn name(raw: &str) -> String {
    format!("<code>{}</code>", escape(&shortened(raw, MOST_CHARACTERS)))
}

/// A name in an attribute or a drawing, where there is less room.
pub(super) fn label(raw: &str) -> String {
    escape(&shortened(raw, 40))
}

/// `a`, `a and b`, `a, b and 5 more`.
pub(super) fn listed(names: &[String], most: usize, each: &dyn Fn(&str) -> String) -> String {
    let rest = names.len().saturating_sub(most);
    let shown: Vec<String> = names.iter().take(most).map(|name| each(name)).collect();
    if rest > 0 {
        return format!("{} and {} more", shown.join(", "), count(rest as u64));
    }
    match shown.split_last() {
        Some((last, head)) if !head.is_empty() => format!("{} and {last}", head.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// A shape: `168 × 322 × 352`.
pub(super) fn shape(lengths: &[u64]) -> String {
    if lengths.is_empty() {
        return "one element".to_owned();
    }
    lengths.iter().map(|length| count(*length)).collect::<Vec<_>>().join(" × ")
}

/// Adds to a text.
pub(super) fn put(text: &mut String, part: fmt::Arguments<'_>) {
    // Writing to a text in memory does not fail.
    let _ = text.write_fmt(part);
}

/// Parts, one after another.
pub(super) fn concat(parts: impl Iterator<Item = String>) -> String {
    parts.fold(String::new(), |all, part| all + &part)
}

/// A count as a number with a fraction, for drawing and for shares.
#[expect(clippy::cast_precision_loss, reason = "for people, and for pixels")]
pub(super) const fn real(count: u64) -> f64 {
    count as f64
}

/// Bytes on average.
pub(super) fn bytes_of(number: f64) -> String {
    bytes(whole(number))
}

/// Seconds: `20 ms`, `4.2 s`, `42 s`, `3 min 07 s`.
pub(super) fn seconds(number: f64) -> String {
    if number > 0.0 && number < 0.095 { format!("{:.0} ms", (number * 1000.0).max(1.0)) } else { lasting(number) }
}

/// A share of a whole: `93 %`, and never 100 % where it is less. Its two parts stay in one line.
pub(super) fn share(share: f64) -> String {
    let words = if (0.995..1.0).contains(&share) { "99 %".to_owned() } else { percent(share) };
    words.replace(' ', "&nbsp;")
}

/// A region that scrolls by itself where it is wider than the page.
pub(super) fn scrolling(label: &str, content: &str) -> String {
    format!("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">{content}</div>\n")
}
