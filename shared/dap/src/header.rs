//! The DDS that opens a `.dods` response: where it ends, and whether it describes what was asked for.

use percent_encoding::percent_decode_str;

use crate::{
    BodyError, Projection, WireType,
    dds::{self, Declaration, Kind},
    name::excerpt,
};

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) projection: Projection,
    pub(crate) wire: WireType,
    pub(crate) counts: Vec<u64>,
}

/// An array of a response.
struct Echo<'a> {
    /// Names of the constructors around it and its own, as sent.
    path: Vec<&'a str>,
    declaration: &'a Declaration,
}

/// Looks for the `Data:` line, of which only the end may be in the bytes from `from` on: the length of the DDS, and of
/// the DDS with that line. The line ends in LF or CRLF (14 files of the corpus have the latter).
pub(crate) fn data_line(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    const MARK: &[u8] = b"\nData:";
    let start = from.saturating_sub(MARK.len() + 1);
    (start..bytes.len()).find_map(|at| {
        let rest = bytes.get(at..)?.strip_prefix(MARK)?;
        let end = rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n")?;
        Some((at + 1, bytes.len() - end.len()))
    })
}

impl Asked {
    /// Whether the DDS of a response describes the array that was asked for and nothing else. Hyrax and THREDDS wrap
    /// the array of a Grid in a Structure of the Grid's name.
    pub(crate) fn check(&self, header: &[u8]) -> Result<(), BodyError> {
        let dds = dds::parse(header).map_err(BodyError::Header)?;
        let mut echoes = Vec::new();
        collect(&dds.declarations, &[], &mut echoes);
        let fits = match echoes.as_slice() {
            [echo] => self.is_named(&echo.path) && self.is_shaped(echo.declaration),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let found = match echoes.as_slice() {
            [] => "nothing".to_owned(),
            [echo] => describe(echo),
            [first, rest @ ..] => format!("{} and {} more", describe(first), rest.len()),
        };
        let sizes = brackets(self.counts.iter().copied());
        Err(BodyError::WrongShape { expected: format!("{} {}{sizes}", self.wire, self.projection), found })
    }

    /// The echoed path is the asked one or its end, as sent or decoded.
    fn is_named(&self, path: &[&str]) -> bool {
        let path = path.join(".");
        let asked: Vec<u8> = percent_decode_str(self.projection.as_str()).collect();
        let found: Vec<u8> = percent_decode_str(&path).collect();
        is_end(self.projection.as_str().as_bytes(), path.as_bytes()) || is_end(&asked, &found)
    }

    fn is_shaped(&self, declaration: &Declaration) -> bool {
        declaration.kind == Kind::Number(self.wire)
            && declaration.dimensions.iter().map(|dimension| dimension.size).eq(self.counts.iter().copied())
    }
}

/// Whether `path` is `asked` or what follows one of its dots.
fn is_end(asked: &[u8], path: &[u8]) -> bool {
    asked.strip_suffix(path).is_some_and(|before| before.is_empty() || before.ends_with(b"."))
}

/// The arrays of a response. What cannot be an array's wrapper counts as an array, and then does not fit.
fn collect<'a>(declarations: &'a [Declaration], parent: &[&'a str], echoes: &mut Vec<Echo<'a>>) {
    for declaration in declarations {
        let path = [parent, &[declaration.name.as_str()]].concat();
        match &declaration.kind {
            Kind::Structure(members) if declaration.dimensions.is_empty() => collect(members, &path, echoes),
            Kind::Grid { array, maps } if declaration.dimensions.is_empty() => {
                collect(std::slice::from_ref(array), &path, echoes);
                collect(maps, &path, echoes);
            }
            Kind::Structure(_) | Kind::Grid { .. } | Kind::Sequence(_) | Kind::Number(_) | Kind::Other(_) => {
                echoes.push(Echo { path, declaration });
            }
        }
    }
}

fn brackets(sizes: impl Iterator<Item = u64>) -> String {
    sizes.fold(String::new(), |text, size| text + "[" + &size.to_string() + "]")
}

fn describe(echo: &Echo<'_>) -> String {
    let kind = match &echo.declaration.kind {
        Kind::Number(wire) => wire.keyword(),
        Kind::Other(keyword) => keyword,
        Kind::Structure(_) => "Structure",
        Kind::Sequence(_) => "Sequence",
        Kind::Grid { .. } => "Grid",
    };
    let sizes = brackets(echo.declaration.dimensions.iter().map(|dimension| dimension.size));
    format!("{kind} {}{sizes}", excerpt(echo.path.join(".").as_bytes(), 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(projection: &str, counts: &[u64], dds: &str) -> Result<(), BodyError> {
        let projection = Projection::new(projection).unwrap();
        Asked { projection, wire: WireType::Int16, counts: counts.to_vec() }.check(dds.as_bytes())
    }

    #[test]
    fn wrappers_and_encodings_are_seen_through() {
        for (projection, dds) in [
            ("t.t", "Dataset { Structure { Int16 t[x = 2]; } t; } d;"),
            ("t.t", "Dataset { Int16 t[x = 2]; } d;"),
            ("t.t", "Dataset { Grid { Array: Int16 t[2]; Maps: } t; } d;"),
            ("s.sea%20temp", "Dataset { Structure { Int16 sea%20temp[2]; } s; } d;"),
            ("a%2Eb", "Dataset { Int16 a.b[2]; } d;"),
        ] {
            assert_eq!(check(projection, &[2], dds), Ok(()), "{projection} {dds}");
        }
        assert_eq!(check("crs", &[], "Dataset { Int16 crs; } d;"), Ok(()));
    }

    #[test]
    fn anything_else_is_the_wrong_shape() {
        for (dds, found) in [
            ("Dataset { Int16 t[3]; } d;", "Int16 t[3]"),
            ("Dataset { Int16 t; } d;", "Int16 t"),
            ("Dataset { Int32 t[2]; } d;", "Int32 t[2]"),
            ("Dataset { Int16 t2[2]; } d;", "Int16 t2[2]"),
            ("Dataset { Structure { Int16 t[2]; } u; } d;", "Int16 u.t[2]"),
            ("Dataset { Structure { Int16 t[2]; } t[1]; } d;", "Structure t[1]"),
            ("Dataset { Int16 t[2]; Int16 u[2]; } d;", "Int16 t[2] and 1 more"),
            ("Dataset { } d;", "nothing"),
        ] {
            let expected = "Int16 t.t[2]".to_owned();
            assert_eq!(check("t.t", &[2], dds), Err(BodyError::WrongShape { expected, found: found.to_owned() }));
        }
        assert!(matches!(check("t", &[2], "Dataset { Int16"), Err(BodyError::Header(_))));
    }

    #[test]
    fn the_data_line_is_found_wherever_the_bytes_are_cut() {
        for text in ["Dataset {} d;\nData:\n12", "Dataset {} d;\nData:\r\n12"] {
            for from in 0..text.len() - 2 {
                assert_eq!(data_line(text.as_bytes(), from), Some((14, text.len() - 2)));
            }
        }
        assert_eq!(data_line(b"Data:\n", 0), None);
        assert_eq!(data_line(b"\nData: \n", 0), None);
    }
}
