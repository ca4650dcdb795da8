use serde::{Deserialize, Serialize};
use url::Url;

/// The address of a dataset on an OPeNDAP server, without a suffix such as `.dds` and without a constraint.
///
/// Invariants: `http` or `https`, a host, no user name or password (they would end up in documents), no fragment. The
/// path is kept as the user encoded it: encoding it again is a known way to lose datasets (netcdf-c#1876).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceUrl(Url);

/// Why an address cannot be a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceUrlError {
    /// Not a URL at all.
    #[error("`{text}` is not a URL: {reason}; expected something like https://server/path/dataset.nc")]
    Malformed {
        /// What was given.
        text: String,
        /// What the parser said.
        reason: String,
    },
    /// A scheme we do not fetch.
    #[error("the scheme `{found}` is not supported, expected http or https")]
    Scheme {
        /// The scheme that was given.
        found: String,
    },
    /// Credentials in the URL.
    #[error("the URL holds a user name or a password; they would be stored with the run, so pass them another way")]
    Credentials,
    /// A constraint expression in the URL.
    #[error("the URL holds a constraint (`?{constraint}`); choose with --variables and --range instead")]
    Constraint {
        /// The query.
        constraint: String,
    },
}

impl SourceUrl {
    /// The URL of one of the dataset's responses: `suffix` is `.dds`, `.das` or `.dods`, `query` is already encoded.
    pub fn response(&self, suffix: &str, query: Option<&str>) -> Url {
        let mut url = self.0.clone();
        let path = format!("{}{suffix}", url.path());
        url.set_path(&path);
        url.set_query(query);
        url
    }

    /// The host, for messages and limits.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl std::str::FromStr for SourceUrl {
    type Err = SourceUrlError;
    fn from_str(text: &str) -> Result<Self, SourceUrlError> {
        let malformed =
            |reason: &str| SourceUrlError::Malformed { text: without_credentials(text), reason: reason.to_owned() };
        // xarray and netCDF spell the protocol into the scheme.
        let plain = text.strip_prefix("dap2://").map(|rest| format!("http://{rest}"));
        let mut url = Url::parse(plain.as_deref().unwrap_or(text)).map_err(|e| malformed(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SourceUrlError::Scheme { found: url.scheme().to_owned() });
        }
        if url.host_str().unwrap_or_default().is_empty() {
            return Err(malformed("it names no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SourceUrlError::Credentials);
        }
        if let Some(constraint) = url.query().filter(|query| !query.is_empty()) {
            // A projection may be told; what has an `=` may be a token.
            let constraint = if constraint.contains('=') { "…" } else { constraint };
            return Err(SourceUrlError::Constraint { constraint: constraint.to_owned() });
        }
        url.set_query(None);
        url.set_fragment(None);
        // A pasted address often ends in the page or response it was seen on.
        for suffix in [".html", ".dds", ".das", ".dods", ".ascii"] {
            if let Some(path) = url.path().strip_suffix(suffix).map(str::to_owned) {
                url.set_path(&path);
                break;
            }
        }
        Ok(Self(url))
    }
}

/// The text without all that stands before its last `@`: it goes into a message, and no parser has understood it.
fn without_credentials(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => text.to_owned(),
    }
}

impl TryFrom<String> for SourceUrl {
    type Error = SourceUrlError;
    fn try_from(text: String) -> Result<Self, SourceUrlError> {
        text.parse()
    }
}

impl From<SourceUrl> for String {
    fn from(url: SourceUrl) -> Self {
        url.0.into()
    }
}

impl std::fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Result<SourceUrl, SourceUrlError> {
        text.parse()
    }

    #[test]
    fn responses_keep_the_path_as_it_was_encoded() {
        let url = source("http://h:8080/dap/a%20b/c%2Fd.nc").unwrap();
        assert_eq!(
            url.response(".dods", Some("v%5B0:1%5D")).as_str(),
            "http://h:8080/dap/a%20b/c%2Fd.nc.dods?v%5B0:1%5D"
        );
    }

    #[test]
    fn a_pasted_page_address_names_its_dataset() {
        for text in ["http://h/x.nc.html", "http://h/x.nc.dds", "http://h/x.nc#top", "dap2://h/x.nc", "http://h/x.nc?"]
        {
            assert_eq!(source(text).unwrap().as_str(), "http://h/x.nc", "{text}");
        }
    }

    #[test]
    fn addresses_that_cannot_be_a_source_say_why() {
        assert!(matches!(source("prism"), Err(SourceUrlError::Malformed { .. })));
        assert!(matches!(source("file:///etc/passwd"), Err(SourceUrlError::Scheme { .. })));
        assert!(matches!(source("http://u:p@h/x"), Err(SourceUrlError::Credentials)));
        assert!(matches!(source("http://h/x?v[0:1]"), Err(SourceUrlError::Constraint { .. })));
        let texts = [
            "http://u:secret@h/x",
            "http://u:secret@h:port/x",
            "http://u:se/secret@h:port/x",
            "//u:secret@h/x",
            "http//u:secret@h/x",
            "http://h/x?token=secret",
        ];
        for text in texts {
            let message = source(text).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
