//! The text of a constraint: `var`, `var[i]`, `var[a:b]`, `var[a:s:b]`, `grid.grid[..]`, joined by commas.
//!
//! Zero-based, the last index inclusive, the stride in the middle (ESE-RFC-004, section 6).

/// One `[...]` as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) first: u64,
    pub(crate) stride: u64,
    pub(crate) last: u64,
}

/// One projection: a dotted path and no bounds at all, or one for each dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Projection {
    pub(crate) path: String,
    pub(crate) bounds: Vec<Bounds>,
}

/// A constraint that cannot be answered; every kind is HTTP 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConstraintError {
    #[error("constraint expression parse error: syntax error at `{0}`")]
    Syntax(String),
    #[error("selections are not supported: `{0}`")]
    Selection(String),
    #[error("the expression referenced an identifier not found in the dataset: `{0}`")]
    Unknown(String),
    #[error("invalid constraint parameters: `{path}` has {expected} dimensions, {found} were given")]
    Rank { path: String, expected: usize, found: usize },
    #[error(
        "invalid constraint parameters: [{first}:{stride}:{last}] does not match dimension {dimension} of `{path}`, size {size}"
    )]
    Range { path: String, dimension: usize, size: u64, first: u64, stride: u64, last: u64 },
    #[error("data of Sequence `{0}` is not served")]
    Sequence(String),
}

/// Parses a percent-decoded constraint; an empty one asks for everything and gives no projection.
pub(crate) fn parse(text: &str) -> Result<Vec<Projection>, ConstraintError> {
    if let Some(at) = text.find('&') {
        let selection = text.get(at..).unwrap_or_default();
        return Err(ConstraintError::Selection(selection.to_owned()));
    }
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(projection).collect()
}

fn projection(text: &str) -> Result<Projection, ConstraintError> {
    let syntax = || ConstraintError::Syntax(text.to_owned());
    let (path, mut rest) = text.split_at(text.find('[').unwrap_or(text.len()));
    if path.is_empty() || path.contains(']') {
        return Err(syntax());
    }
    let mut bounds = Vec::new();
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').ok_or_else(syntax)?;
        let (inner, after) = inner.split_once(']').ok_or_else(syntax)?;
        bounds.push(slice(inner).ok_or_else(syntax)?);
        rest = after;
    }
    Ok(Projection { path: path.to_owned(), bounds })
}

fn slice(text: &str) -> Option<Bounds> {
    let numbers: Vec<u64> = text.split(':').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    let (first, stride, last) = match *numbers.as_slice() {
        [index] => (index, 1, index),
        [first, last] => (first, 1, last),
        [first, stride, last] => (first, stride, last),
        _ => return None,
    };
    Some(Bounds { first, stride, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Vec<(u64, u64, u64)> {
        let parsed = parse(text).unwrap();
        assert_eq!(parsed.len(), 1);
        parsed[0].bounds.iter().map(|b| (b.first, b.stride, b.last)).collect()
    }

    #[test]
    fn the_stride_is_in_the_middle() {
        assert_eq!(one("a[3]"), [(3, 1, 3)]);
        assert_eq!(one("a[3:7]"), [(3, 1, 7)]);
        assert_eq!(one("g.a[3:2:7][0:0][5]"), [(3, 2, 7), (0, 1, 0), (5, 1, 5)]);
        assert_eq!(one("a"), []);
    }

    #[test]
    fn projections_are_joined_by_commas() {
        let paths: Vec<_> = parse("a,b.c[1],d").unwrap().into_iter().map(|p| p.path).collect();
        assert_eq!(paths, ["a", "b.c", "d"]);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["a[", "a]", "a[]", "a[x]", "a[1:2:3:4]", "a[-1]", ",a", "[0]", "a[0]b", "a&b>1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
