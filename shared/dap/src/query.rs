use std::fmt::Write as _;

use grid::Hyperslab;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Projection;

/// A constraint expression that asks for a block of one array (ESE-RFC-004 §4).
///
/// Strides are always 1 and written in the two-part form `[first:last]`, which every server reads alike; the three-part
/// form means something else to xpublish. A scalar has no brackets, and neither has a block without elements: an index
/// range cannot say "none", and an array that has a dimension of size 0 is asked for whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    name: String,
    brackets: String,
}

/// What may stand unencoded in a query by RFC 3986 §3.4 and means nothing to a server.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

impl Query {
    /// Asks for `slab`, in the array's own indices.
    pub fn array(projection: &Projection, slab: &Hyperslab) -> Self {
        let mut brackets = String::new();
        if slab.elements() > 0 {
            for (start, count) in slab.start().iter().zip(slab.count()) {
                // Cannot underflow: no count is 0. Cannot fail: writing to a String.
                let _ = write!(brackets, "[{start}:{}]", start + count - 1);
            }
        }
        Self { name: projection.as_str().to_owned(), brackets }
    }

    /// The expression as it goes after the `?` of a URL: everything unsafe percent-encoded, brackets included, because
    /// Tomcat refuses raw ones (netcdf-c#1425). A `%` of the name becomes `%25`.
    pub fn encoded(&self) -> String {
        let brackets = self.brackets.replace('[', "%5B").replace(']', "%5D");
        format!("{}{brackets}", utf8_percent_encode(&self.name, NAME))
    }

    /// The same with raw brackets, for the servers that answer 404 to encoded ones (IRI,
    /// netcdf-java#696).
    pub fn raw_brackets(&self) -> String {
        format!("{}{}", utf8_percent_encode(&self.name, NAME), self.brackets)
    }
}

impl std::fmt::Display for Query {
    /// Unencoded, for messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.name, self.brackets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, start: &[u64], count: &[u64]) -> Query {
        Query::array(&Projection::new(name).unwrap(), &Hyperslab::new(start.to_vec(), count.to_vec()).unwrap())
    }

    #[test]
    fn ranges_are_inclusive_and_have_two_parts() {
        assert_eq!(query("t2m", &[0, 5], &[1, 10]).to_string(), "t2m[0:0][5:14]");
        assert_eq!(query("crs", &[], &[]).encoded(), "crs");
        assert_eq!(query("empty", &[0, 0], &[0, 3]).encoded(), "empty");
    }

    #[test]
    fn a_name_is_encoded_once_more() {
        let query = query("s.sea%20temp#1", &[2], &[3]);
        assert_eq!(query.to_string(), "s.sea%20temp#1[2:4]");
        assert_eq!(query.encoded(), "s.sea%2520temp%231%5B2:4%5D");
        assert_eq!(query.raw_brackets(), "s.sea%2520temp%231[2:4]");
    }
}
