use serde::{Deserialize, Serialize};

use crate::TargetId;

/// Where the Zarr dataset goes.
///
/// Credentials are no part of it: they belong to whoever carries the run out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "Document")]
pub enum Target {
    /// A folder of the machine that runs the conversion, as an absolute path.
    Folder {
        /// Absolute, `/`-separated.
        path: String,
    },
    /// A bucket on S3 or on an endpoint that speaks its protocol.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The dataset's prefix, without a slash at either end; may be empty.
        prefix: String,
        /// The endpoint's URL; AWS where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// The region; the client's configuration decides where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
    },
}

/// A target as its document has it, before it is checked.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Document {
    Folder {
        path: String,
    },
    S3 {
        bucket: String,
        #[serde(default)]
        prefix: String,
        endpoint: Option<String>,
        region: Option<String>,
    },
}

impl TryFrom<Document> for Target {
    type Error = TargetError;
    fn try_from(document: Document) -> Result<Self, TargetError> {
        match document {
            Document::Folder { path } if path.starts_with('/') => Ok(Self::Folder { path }),
            Document::Folder { path } => Err(TargetError::Relative { path }),
            Document::S3 { bucket, prefix, endpoint, region } => {
                let whole = Self::s3(&format!("s3://{bucket}/{prefix}"), endpoint, region)?;
                match &whole {
                    // A slash in the bucket's name would have moved into the prefix.
                    Self::S3 { bucket: read, .. } if *read == bucket => Ok(whole),
                    Self::S3 { .. } | Self::Folder { .. } => Err(TargetError::Bucket { text: bucket }),
                }
            }
        }
    }
}

/// Why an address cannot be a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A scheme we do not write to.
    #[error("`{text}` is not a target: expected a folder or s3://bucket/prefix")]
    Scheme {
        /// What was given.
        text: String,
    },
    /// An S3 address without a valid bucket name.
    #[error("`{text}` names no valid bucket: expected s3://bucket/prefix with 3 to 63 of a-z, 0-9, - and .")]
    Bucket {
        /// What was given.
        text: String,
    },
    /// A folder that depends on where the program was started.
    #[error("`{path}` is not an absolute path")]
    Relative {
        /// What was given.
        path: String,
    },
    /// A prefix that readers or endpoints would resolve elsewhere.
    #[error("the prefix of `{text}` has an empty, `.` or `..` segment or a control character")]
    Prefix {
        /// What was given.
        text: String,
    },
}

impl Target {
    /// Reads `s3://bucket/prefix`.
    ///
    /// # Errors
    /// See [`TargetError`].
    pub fn s3(text: &str, endpoint: Option<String>, region: Option<String>) -> Result<Self, TargetError> {
        let address = text.strip_prefix("s3://").ok_or_else(|| TargetError::Scheme { text: text.to_owned() })?;
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.' || b == b'_';
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(good) {
            return Err(TargetError::Bucket { text: text.to_owned() });
        }
        let prefix = prefix.trim_end_matches('/');
        let bad = |segment: &str| matches!(segment, "" | "." | "..") || segment.chars().any(char::is_control);
        if !prefix.is_empty() && prefix.split('/').any(bad) {
            return Err(TargetError::Prefix { text: text.to_owned() });
        }
        let endpoint = endpoint.map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned(), endpoint, region })
    }

    /// The name the target goes by in the state store. Two spellings of one place give one name; the region is left
    /// out, since a bucket's name is enough to find it.
    pub fn id(&self) -> TargetId {
        match self {
            Self::Folder { path } => TargetId::of(&format!("file://{}", path.trim_end_matches('/'))),
            Self::S3 { bucket, prefix, endpoint, .. } => {
                TargetId::of(&format!("s3+{}://{bucket}/{prefix}", endpoint.as_deref().unwrap_or("aws")))
            }
        }
    }
}

impl std::fmt::Display for Target {
    /// The address as a person would give it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder { path } => f.write_str(path),
            Self::S3 { bucket, prefix, .. } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_addresses_are_split_and_checked() {
        let target = Target::s3("s3://my-bucket/a/b.zarr/", Some("http://h:9000/".to_owned()), None).unwrap();
        assert_eq!(target.to_string(), "s3://my-bucket/a/b.zarr");
        assert_eq!(
            target.id(),
            Target::s3("s3://my-bucket/a/b.zarr", Some("http://h:9000".to_owned()), None).unwrap().id()
        );
        assert_ne!(target.id(), Target::s3("s3://my-bucket/a/b.zarr", None, None).unwrap().id());
        for text in ["gs://b/x", "s3://", "s3://B/x", "s3://bucket/a//b", "s3://bucket/../x", "/tmp/x"] {
            assert!(Target::s3(text, None, None).is_err(), "{text}");
        }
    }

    #[test]
    fn a_document_brings_in_nothing_that_an_address_could_not() {
        let read = |text: &str| serde_json::from_str::<Target>(text).map_err(|error| error.to_string());
        let target = Target::s3("s3://my-bucket/a/b.zarr", None, None).unwrap();
        assert_eq!(read(&serde_json::to_string(&target).unwrap()), Ok(target.clone()));
        assert_eq!(read(r#"{"s3":{"bucket":"my-bucket","prefix":"a/b.zarr/"}}"#), Ok(target));
        for bad in [
            r#"{"s3":{"bucket":"my-bucket","prefix":"../x"}}"#,
            r#"{"s3":{"bucket":"my-bucket","prefix":"a//b"}}"#,
            r#"{"s3":{"bucket":"my-bucket/a","prefix":"b"}}"#,
            r#"{"s3":{"bucket":"B","prefix":""}}"#,
            r#"{"s3":{"bucket":"my-bucket","prefix":"x","key":"y"}}"#,
            r#"{"folder":{"path":"relative"}}"#,
            r#"{"gs":{}}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
