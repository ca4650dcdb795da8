use std::str::FromStr;

use crate::{limits::MAX_DEPTH, limits::MAX_NAME_BYTES, name::is_printable};

/// How to ask for one array alone: the raw DDS names from the outermost, joined with dots.
///
/// A bare variable is `v`, the array of a Grid `g.g`, a member of a Structure `s.v`, a map that exists only inside a
/// Grid `g.map`. Names are kept as the server wrote them, `%20` and all: a DDS name is opaque and is encoded once more
/// on the wire (`sea%20temp` is asked for as `sea%2520temp`, Hyrax 1.16).
///
/// Invariants: not empty, no empty component, no control or other invisible character, and none of
/// the characters that mean something in a constraint expression (ESE-RFC-004 §4), so that a name can never ask for
/// anything but itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Projection(String);

/// A text that is no [`Projection`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be asked for: {reason}")]
pub struct InvalidProjection {
    /// The text, unprintable characters escaped.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Delimiters of constraint expressions, and what no server leaves unescaped in a name.
const FORBIDDEN: &str = ",;&?[](){}<>=!|\"`^";

impl Projection {
    /// # Errors
    /// [`InvalidProjection`] if an invariant does not hold.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidProjection> {
        let text = text.into();
        match Self::fault(&text) {
            None => Ok(Self(text)),
            Some(reason) => Err(InvalidProjection { text: text.escape_debug().to_string(), reason }),
        }
    }

    fn fault(text: &str) -> Option<String> {
        if text.len() > MAX_DEPTH * (MAX_NAME_BYTES + 1) {
            return Some(format!("it has {} bytes", text.len()));
        }
        if text.split('.').any(str::is_empty) {
            return Some("a part of it is empty".to_owned());
        }
        let bad = text.chars().find(|c| FORBIDDEN.contains(*c) || c.is_whitespace() || !is_printable(*c))?;
        Some(format!("{bad:?} in a name would change the constraint expression"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Projection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Projection {
    type Err = InvalidProjection;
    fn from_str(text: &str) -> Result<Self, InvalidProjection> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_ask_for_something_else_are_refused() {
        for text in ["", "a,b", "a&b", "a[0]", "f(a)", "a;b", "a b", "a\nb", "a.", ".a", "a..b", "a=1", "a\u{202e}b"] {
            assert!(Projection::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_of_real_servers_are_taken() {
        for text in
            ["t2m", "sst.sst", "/d16_1", ":gmd:title", "sea%20temp", "it's", "b#c", "per%cent", "a+b-c_d", "été"]
        {
            assert_eq!(text.parse::<Projection>().unwrap().to_string(), text);
        }
    }
}
