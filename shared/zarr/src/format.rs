use serde::{Deserialize, Serialize};

/// The version of the Zarr format that is written: `v2` or `v3`. Read from `2`, `3`, `v2` or `v3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Zarr specification version 2: `.zarray`, `.zattrs`, `.zgroup`, and `.zmetadata` for all of them.
    V2,
    /// Zarr core specification version 3: `zarr.json`.
    #[default]
    V3,
}

impl Format {
    /// `v2` or `v3`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Format {
    type Err = FormatError;
    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text {
            "2" | "v2" => Ok(Self::V2),
            "3" | "v3" => Ok(Self::V3),
            _ => Err(FormatError { found: text.to_owned() }),
        }
    }
}

/// Text that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a Zarr format `v2` or `v3`, found {found:?}")]
pub struct FormatError {
    /// The text.
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_read_with_and_without_its_letter() {
        for format in [Format::V2, Format::V3] {
            assert_eq!(format.to_string().parse(), Ok(format));
            assert_eq!(format.to_string().trim_start_matches('v').parse(), Ok(format));
            assert_eq!(serde_json::to_string(&format).unwrap(), format!("\"{format}\""));
        }
        let error = "V4".parse::<Format>().unwrap_err();
        assert_eq!(error.to_string(), "expected a Zarr format `v2` or `v3`, found \"V4\"");
        assert_eq!(Format::default(), Format::V3);
    }
}
