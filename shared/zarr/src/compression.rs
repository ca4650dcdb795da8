use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the bytes of a chunk are compressed, in one word that fits on a command line.
///
/// ```text
/// codec   = "none" | "blosc" [":" cname [":" level [":" shuffle]]] | ("zstd" | "gzip" | "zlib") [":" level]
/// cname   = "lz4" | "lz4hc" | "zlib" | "zstd"
/// shuffle = "shuffle" | "bitshuffle" | "noshuffle"
/// level   = decimal; blosc 0 to 9, zstd 1 to 22, gzip and zlib 0 to 9
/// ```
///
/// What is left out is `zstd`, `3`, `shuffle` for blosc, `3` for zstd, `5` for gzip and zlib. It is always
/// printed in full: `blosc` prints as `blosc:zstd:3:shuffle`. `zlib` on its own exists in Zarr v2 only.
///
/// The default is `blosc:zstd:3:shuffle`: every reader we tested opens blosc, in both formats if it reads both, and on
/// gridded data it was smaller than `zstd` and `gzip` at 144 MB/s on one core; the README of this crate has the
/// measurement.
///
/// ```
/// let codec: zarr::Codec = "blosc:lz4".parse()?;
/// assert_eq!(codec.to_string(), "blosc:lz4:3:shuffle");
/// let error = "blosc:zst".parse::<zarr::Codec>().unwrap_err();
/// assert!(error.to_string().ends_with("found \"zst\", did you mean `zstd`?"));
/// # Ok::<(), zarr::CodecSpellingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Codec(pub(crate) Compression);

/// A spelling taken apart. Levels are within the bounds of their codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Compression {
    None,
    Blosc { cname: &'static str, level: u8, shuffle: Shuffle },
    Zstd { level: u8 },
    Gzip { level: u8 },
    Zlib { level: u8 },
}

/// Blosc's rearrangement of bytes or bits before it compresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shuffle {
    None,
    Bytes,
    Bits,
}

impl Shuffle {
    /// Zarr v3's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "noshuffle",
            Self::Bytes => "shuffle",
            Self::Bits => "bitshuffle",
        }
    }

    /// Numcodecs' number.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Bytes => 1,
            Self::Bits => 2,
        }
    }
}

const CODECS: [&str; 5] = ["blosc", "zstd", "gzip", "zlib", "none"];
/// What both the blosc that `zarrs` builds and the one in numcodecs can do, each read back with zarr-python 3.1.6.
const CNAMES: [&str; 4] = ["lz4", "lz4hc", "zlib", "zstd"];
const SHUFFLES: [&str; 3] = ["shuffle", "bitshuffle", "noshuffle"];

impl Default for Codec {
    fn default() -> Self {
        Self(Compression::Blosc { cname: "zstd", level: 3, shuffle: Shuffle::Bytes })
    }
}

impl std::fmt::Display for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Compression::None => f.write_str("none"),
            Compression::Blosc { cname, level, shuffle } => write!(f, "blosc:{cname}:{level}:{}", shuffle.name()),
            Compression::Zstd { level } => write!(f, "zstd:{level}"),
            Compression::Gzip { level } => write!(f, "gzip:{level}"),
            Compression::Zlib { level } => write!(f, "zlib:{level}"),
        }
    }
}

impl FromStr for Codec {
    type Err = CodecSpellingError;
    fn from_str(text: &str) -> Result<Self, CodecSpellingError> {
        let mut parts = Parts { text, parts: text.split(':') };
        let compression = match parts.one_of(&CODECS, None)? {
            "blosc" => parts.blosc()?,
            "zstd" => Compression::Zstd { level: parts.level(1..=22, 3)? },
            "gzip" => Compression::Gzip { level: parts.level(0..=9, 5)? },
            "zlib" => Compression::Zlib { level: parts.level(0..=9, 5)? },
            _ => Compression::None,
        };
        parts.end()?;
        Ok(Self(compression))
    }
}

/// The parts of a spelling that are still to be read.
struct Parts<'a> {
    text: &'a str,
    parts: std::str::Split<'a, char>,
}

impl Parts<'_> {
    /// `["blosc"] [":" cname [":" level [":" shuffle]]]`
    fn blosc(&mut self) -> Result<Compression, CodecSpellingError> {
        let cname = self.one_of(&CNAMES, Some("zstd"))?;
        let level = self.level(0..=9, 3)?;
        let shuffle = match self.one_of(&SHUFFLES, Some("shuffle"))? {
            "bitshuffle" => Shuffle::Bits,
            "noshuffle" => Shuffle::None,
            _ => Shuffle::Bytes,
        };
        Ok(Compression::Blosc { cname, level, shuffle })
    }

    /// The next part, which must be one of `choices`; `default` if there is none.
    fn one_of(
        &mut self,
        choices: &[&'static str],
        default: Option<&'static str>,
    ) -> Result<&'static str, CodecSpellingError> {
        let found = match (self.parts.next(), default) {
            (None, Some(default)) => return Ok(default),
            (found, _) => found.unwrap_or_default(),
        };
        choices.iter().copied().find(|choice| *choice == found).ok_or_else(|| {
            let names: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
            self.error(found, format!("one of {}", names.join(", ")), nearest(found, choices).map(str::to_owned))
        })
    }

    /// `level = decimal`, no sign, no leading zero.
    fn level(&mut self, bounds: std::ops::RangeInclusive<u8>, default: u8) -> Result<u8, CodecSpellingError> {
        let Some(found) = self.parts.next() else { return Ok(default) };
        match found.parse::<u8>() {
            Ok(level) if bounds.contains(&level) && level.to_string() == found => Ok(level),
            parsed => {
                let (least, most) = (*bounds.start(), *bounds.end());
                let nearest = parsed.ok().map(|level| level.clamp(least, most).to_string());
                Err(self.error(found, format!("a level from {least} to {most}"), nearest))
            }
        }
    }

    fn end(&mut self) -> Result<(), CodecSpellingError> {
        match self.parts.next() {
            None => Ok(()),
            Some(found) => Err(self.error(found, "nothing more".to_owned(), None)),
        }
    }

    fn error(&self, found: &str, expected: String, nearest: Option<String>) -> CodecSpellingError {
        CodecSpellingError { text: self.text.to_owned(), found: found.to_owned(), expected, nearest }
    }
}

/// The choice that differs from `found` in the fewest characters, if it has anything in common with it.
fn nearest<'a>(found: &str, choices: &[&'a str]) -> Option<&'a str> {
    // Long nonsense is near nothing, and comparing it would cost its length.
    if found.len() > 32 {
        return None;
    }
    let (distance, choice) = choices.iter().map(|choice| (distance(found, choice), *choice)).min()?;
    (distance < found.chars().count().max(choice.len())).then_some(choice)
}

/// Characters to insert, delete or replace to turn one text into the other (Levenshtein), ignoring case.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, character) in from.to_lowercase().chars().enumerate() {
        let mut previous = line + 1;
        let mut next = vec![previous];
        for (pair, target) in row.windows(2).zip(&to) {
            if let [diagonal, above] = pair {
                previous = (diagonal + usize::from(character != *target)).min(above + 1).min(previous + 1);
                next.push(previous);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

impl TryFrom<String> for Codec {
    type Error = CodecSpellingError;
    fn try_from(text: String) -> Result<Self, CodecSpellingError> {
        text.parse()
    }
}

impl From<Codec> for String {
    fn from(codec: Codec) -> Self {
        codec.to_string()
    }
}

/// A text that spells no codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("in codec {text:?}: expected {expected}, found {found:?}{}", hint(nearest.as_deref()))]
pub struct CodecSpellingError {
    /// The whole text.
    pub text: String,
    /// The part that is wrong.
    pub found: String,
    /// What may stand in its place.
    pub expected: String,
    /// The valid choice that comes closest.
    pub nearest: Option<String>,
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!(", did you mean `{nearest}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_out_is_printed() {
        for (short, long) in [
            ("none", "none"),
            ("blosc", "blosc:zstd:3:shuffle"),
            ("blosc:lz4:5", "blosc:lz4:5:shuffle"),
            ("blosc:lz4hc:9:bitshuffle", "blosc:lz4hc:9:bitshuffle"),
            ("zstd", "zstd:3"),
            ("gzip:9", "gzip:9"),
            ("zlib", "zlib:5"),
        ] {
            assert_eq!(short.parse::<Codec>().unwrap().to_string(), long);
        }
        assert_eq!("blosc".parse(), Ok(Codec::default()));
    }

    #[test]
    fn an_error_says_what_was_expected_and_what_is_nearest() {
        for (text, message) in [
            (
                "blocs",
                "in codec \"blocs\": expected one of `blosc`, `zstd`, `gzip`, `zlib`, `none`, found \"blocs\", did you mean `blosc`?",
            ),
            ("", "in codec \"\": expected one of `blosc`, `zstd`, `gzip`, `zlib`, `none`, found \"\""),
            (
                "blosc:LZ4",
                "in codec \"blosc:LZ4\": expected one of `lz4`, `lz4hc`, `zlib`, `zstd`, found \"LZ4\", did you mean `lz4`?",
            ),
            ("zstd:23", "in codec \"zstd:23\": expected a level from 1 to 22, found \"23\", did you mean `22`?"),
            ("gzip:+5", "in codec \"gzip:+5\": expected a level from 0 to 9, found \"+5\", did you mean `5`?"),
            ("gzip:", "in codec \"gzip:\": expected a level from 0 to 9, found \"\""),
            (
                "blosc:lz4:5:byteshuffle",
                "in codec \"blosc:lz4:5:byteshuffle\": expected one of `shuffle`, `bitshuffle`, `noshuffle`, found \"byteshuffle\", did you mean `bitshuffle`?",
            ),
            ("none:1", "in codec \"none:1\": expected nothing more, found \"1\""),
        ] {
            assert_eq!(text.parse::<Codec>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn the_distance_is_symmetric_and_counts_edits() {
        for (a, b, edits) in [("zstd", "zstd", 0), ("zst", "zstd", 1), ("gzp", "zip", 2), ("", "none", 4)] {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits), "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn a_codec_survives_its_spelling(text in "(blosc(:(lz4|lz4hc|zlib|zstd)(:[0-9](:(shuffle|bitshuffle|noshuffle))?)?)?|(zstd|gzip|zlib)(:[1-9])?|none)") {
            let codec: Codec = text.parse().unwrap();
            prop_assert!(codec.to_string().starts_with(&text));
            prop_assert_eq!(codec.to_string().parse(), Ok(codec.clone()));
            let json = serde_json::to_string(&codec).unwrap();
            prop_assert_eq!(serde_json::from_str::<Codec>(&json).unwrap(), codec);
        }

        #[test]
        fn any_text_is_a_codec_or_an_error(text in "\\PC{0,40}") {
            if let Ok(codec) = text.parse::<Codec>() {
                prop_assert!(codec.to_string().starts_with(&text));
            }
        }
    }
}
