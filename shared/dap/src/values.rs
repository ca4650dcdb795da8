//! From the tokens of an attribute line to typed values.

use cf::Values;
use grid::ElementType;

use crate::name::characters;

/// One value of an attribute line, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// Without quotes.
    Bare(&'a [u8]),
    /// Between quotes, still escaped.
    Quoted(&'a [u8]),
    /// Between quotes, by a server that does not escape.
    Verbatim(&'a [u8]),
}

impl Token<'_> {
    fn text(self) -> String {
        match self {
            Self::Bare(bytes) | Self::Verbatim(bytes) => characters(bytes),
            Self::Quoted(bytes) => unescape(bytes),
        }
    }
}

/// The type that opens an attribute line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeType {
    Number(ElementType),
    Text,
    /// `OtherXML`: not read.
    Xml,
    /// `Alias`: another name for an attribute we have anyway.
    Alias,
}

impl AttributeType {
    /// The types of DAP2 (ESE-RFC-004 §5), in any case, and those of DAP4 that libdap lets through.
    pub(crate) fn from_keyword(keyword: &[u8]) -> Option<Self> {
        let keyword = std::str::from_utf8(keyword).ok()?.to_ascii_lowercase();
        Some(match keyword.as_str() {
            "byte" => Self::Number(ElementType::UInt8),
            "string" | "url" => Self::Text,
            "otherxml" => Self::Xml,
            "alias" => Self::Alias,
            _ => Self::Number(ElementType::ALL.into_iter().find(|element| element.name() == keyword)?),
        })
    }
}

/// Values of a declared numeric type; with a remark where another type had to be taken.
pub(crate) fn numbers(declared: ElementType, tokens: &[Token<'_>]) -> (Values, Option<String>) {
    let texts: Vec<String> = tokens.iter().map(|token| token.text().trim().to_owned()).collect();
    let values = if declared.is_float() { floats(declared, &texts) } else { integers(declared, &texts) };
    let values = values.unwrap_or(Values::Text(texts));
    let remark = match values.element() {
        Some(found) if found == declared => None,
        Some(found) => Some(format!("does not fit its type {declared}, kept as {found}")),
        None => Some(format!("is no {declared}, kept as text")),
    };
    (values, remark)
}

/// Texts as they are.
pub(crate) fn texts(tokens: &[Token<'_>]) -> Values {
    Values::Text(tokens.iter().map(|token| token.text()).collect())
}

/// Integers in the declared type or the next that holds them all: wider of the same sign, then of the other.
fn integers(declared: ElementType, texts: &[String]) -> Option<Values> {
    let values: Vec<i128> = texts.iter().map(|text| integer(text)).collect::<Option<_>>()?;
    let unsigned = |element: ElementType| element.name().starts_with('u');
    let wider = |same: bool| {
        ElementType::ALL.into_iter().filter(move |element| {
            !element.is_float()
                && (element.size() > declared.size() || element.size() == 8)
                && (unsigned(*element) == unsigned(declared)) == same
        })
    };
    std::iter::once(declared).chain(wider(true)).chain(wider(false)).find_map(|element| fit(element, &values))
}

fn integer(text: &str) -> Option<i128> {
    // libdap reads attribute values with strtol, which takes hexadecimal too.
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok().map(i128::from);
    }
    text.parse().ok()
}

fn fit(element: ElementType, values: &[i128]) -> Option<Values> {
    fn all<T: TryFrom<i128>>(values: &[i128]) -> Option<Vec<T>> {
        values.iter().map(|value| T::try_from(*value).ok()).collect()
    }
    match element {
        ElementType::Int8 => all(values).map(Values::Int8),
        ElementType::UInt8 => all(values).map(Values::UInt8),
        ElementType::Int16 => all(values).map(Values::Int16),
        ElementType::UInt16 => all(values).map(Values::UInt16),
        ElementType::Int32 => all(values).map(Values::Int32),
        ElementType::UInt32 => all(values).map(Values::UInt32),
        ElementType::Int64 => all(values).map(Values::Int64),
        ElementType::UInt64 => all(values).map(Values::UInt64),
        ElementType::Float32 | ElementType::Float64 => None,
    }
}

/// Floats in the declared type; a 64-bit value under a 32-bit type that would become 0 or infinite stays 64-bit.
fn floats(declared: ElementType, texts: &[String]) -> Option<Values> {
    let wide: Vec<f64> = texts.iter().map(|text| float(text)).collect::<Option<_>>()?;
    if declared == ElementType::Float64 {
        return Some(Values::Float64(wide));
    }
    // Parsed anew, not narrowed: rounding twice can miss the nearest value.
    let narrow: Vec<f32> = texts.iter().map(|text| float(text)).collect::<Option<_>>()?;
    let lost = narrow
        .iter()
        .zip(&wide)
        .any(|(narrow, wide)| narrow.is_infinite() != wide.is_infinite() || (*narrow == 0.0) != (*wide == 0.0));
    Some(if lost { Values::Float64(wide) } else { Values::Float32(narrow) })
}

/// A float's type, for [`float`].
trait Float: std::str::FromStr + Copy {
    fn is_infinite(self) -> bool;
}

impl Float for f32 {
    fn is_infinite(self) -> bool {
        self.is_infinite()
    }
}

impl Float for f64 {
    fn is_infinite(self) -> bool {
        self.is_infinite()
    }
}

/// A float in any spelling seen: `1.`, `.5`, `NaN`, `-nan`, `inf`, `-inf`, Java's `Infinity`, and the `inf.` of Hyrax's
/// netCDF handler. Digits too large for 64 bits are no number: they do not become infinite.
fn float<T: Float>(text: &str) -> Option<T> {
    let bare = text.trim_end_matches('.');
    let symbolic = bare.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_alphabetic());
    if symbolic { bare.parse().ok() } else { text.parse::<T>().ok() }.filter(|value| {
        // Narrow types may overflow; [`floats`] looks at that.
        symbolic || !value.is_infinite() || text.parse::<f64>().is_ok_and(f64::is_finite)
    })
}

/// Undoes the escapes of a quoted value: `\"`, `\\`, and libdap's three octal digits for a byte (libdap `escattr`).
/// Any other backslash is kept with what follows it: pydap and old THREDDS servers do not escape.
fn unescape(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => break,
            [b'\\', quoted @ (b'"' | b'\\'), tail @ ..] => {
                plain.push(*quoted);
                tail
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                tail
            }
            [byte, tail @ ..] => {
                plain.push(*byte);
                tail
            }
        };
    }
    characters(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(declared: ElementType, texts: &[&str]) -> (Values, bool) {
        let tokens: Vec<_> = texts.iter().map(|text| Token::Bare(text.as_bytes())).collect();
        let (values, remark) = numbers(declared, &tokens);
        (values, remark.is_some())
    }

    #[test]
    fn integers_out_of_range_go_to_the_next_wider_type() {
        assert_eq!(read(ElementType::UInt8, &["0", "255"]), (Values::UInt8(vec![0, 255]), false));
        assert_eq!(read(ElementType::UInt8, &["-1"]), (Values::Int16(vec![-1]), true));
        assert_eq!(read(ElementType::UInt8, &["256"]), (Values::UInt16(vec![256]), true));
        assert_eq!(read(ElementType::Int16, &["80000"]), (Values::Int32(vec![80000]), true));
        assert_eq!(read(ElementType::UInt16, &["2147483647"]), (Values::UInt32(vec![2_147_483_647]), true));
        assert_eq!(read(ElementType::Int32, &["9223372036854775808"]), (Values::UInt64(vec![1 << 63]), true));
        assert_eq!(read(ElementType::Int32, &["0x1F"]), (Values::Int32(vec![31]), false));
        assert_eq!(read(ElementType::Int32, &["3.0"]), (Values::text("3.0"), true));
        assert_eq!(read(ElementType::Int32, &[]), (Values::Int32(vec![]), false));
    }

    #[test]
    fn floats_in_every_spelling() {
        for text in ["NaN", "nan", "-nan", "NAN"] {
            let (Values::Float32(values), false) = read(ElementType::Float32, &[text]) else { panic!("{text}") };
            assert!(values[0].is_nan());
        }
        for text in ["inf", "inf.", "Infinity", "INF", "+inf"] {
            assert_eq!(read(ElementType::Float64, &[text]), (Values::Float64(vec![f64::INFINITY]), false));
        }
        assert_eq!(read(ElementType::Float32, &["-inf."]), (Values::Float32(vec![f32::NEG_INFINITY]), false));
        assert_eq!(
            read(ElementType::Float64, &["-3.", ".3", "+2.", "1e-3"]),
            (Values::Float64(vec![-3.0, 0.3, 2.0, 1e-3]), false)
        );
        assert_eq!(read(ElementType::Float64, &["3.0.0"]), (Values::text("3.0.0"), true));
        assert_eq!(read(ElementType::Float64, &["1e999"]), (Values::text("1e999"), true));
        assert_eq!(read(ElementType::Float32, &["2.55E300"]), (Values::Float64(vec![2.55e300]), true));
        assert_eq!(read(ElementType::Float32, &["2.55E-300"]), (Values::Float64(vec![2.55e-300]), true));
        assert_eq!(read(ElementType::Float32, &["-9.99999979e+33"]), (Values::Float32(vec![-1e34]), false));
    }

    #[test]
    fn escapes_are_undone() {
        let plain = |text: &str| unescape(text.as_bytes());
        assert_eq!(plain(r#"say \"hi\""#), "say \"hi\"");
        assert_eq!(plain(r"a\\b\012c\303\251"), "a\\b\ncé");
        assert_eq!(plain(r"\\011"), "\\011");
        assert_eq!(plain(r"caf\351"), "café");
        assert_eq!(plain(r"C:\data\9\"), r"C:\data\9\");
        assert_eq!(unescape("µm\n".as_bytes()), "µm\n");
    }
}
