use steps::ports::StoreError;

/// The longest key S3 takes, in bytes of UTF-8.
const LONGEST_KEY: usize = 1024;

/// Where a store is, for addresses and for messages.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) bucket: String,
    /// Without a slash at either end; may be empty.
    pub(crate) prefix: String,
    /// The endpoint's host, as it goes into messages.
    pub(crate) endpoint: String,
    /// What requests are signed for.
    pub(crate) region: String,
}

impl Place {
    /// The bucket's key of one of the store's keys, or of the beginning of some.
    pub(crate) fn full(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) }
    }

    /// The bucket's key of an object of the store.
    pub(crate) fn key(&self, key: &str) -> Result<String, StoreError> {
        let full = self.full(key);
        let wrong = if key.is_empty() {
            "is empty"
        } else if key.starts_with('/') || key.split('/').any(|segment| matches!(segment, "." | "..")) {
            // Clients and proxies resolve these, each in its own way.
            "begins with a slash or has a `.` or `..` segment"
        } else if full.len() > LONGEST_KEY {
            "is longer than the 1,024 bytes S3 allows"
        } else {
            return Ok(full);
        };
        Err(StoreError::Refused { message: format!("the key {} {wrong}", self.url(key)) })
    }

    /// The store's key of one of the bucket's, if it is the store's.
    pub(crate) fn relative<'a>(&self, full: &'a str) -> Option<&'a str> {
        let key = if self.prefix.is_empty() { full } else { full.strip_prefix(&self.prefix)?.strip_prefix('/')? };
        (!key.is_empty()).then_some(key)
    }

    /// `s3://bucket/key`, with control characters escaped.
    pub(crate) fn url(&self, key: &str) -> String {
        let full = self.full(key);
        let full: String =
            full.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
        format!("s3://{}/{full}", self.bucket)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn place(prefix: &str) -> Place {
        Place {
            bucket: "bucket".to_owned(),
            prefix: prefix.to_owned(),
            endpoint: "127.0.0.1:9000".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    #[test]
    fn keys_stay_below_the_prefix() {
        let place = place("a/b.zarr");
        assert_eq!(place.key("c/0").unwrap(), "a/b.zarr/c/0");
        assert_eq!(place.relative("a/b.zarr/c/0"), Some("c/0"));
        assert_eq!(place.relative("a/b.zarr/"), None, "a folder's marker is no object of ours");
        assert_eq!(place.relative("a/b.zarr2/c"), None);
        let long = "x".repeat(1_020);
        for bad in ["", "/c", "../c", "c/..", "./c", long.as_str()] {
            assert!(place.key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_prefix_is_the_bucket() {
        let place = place("");
        assert_eq!(place.key("c").unwrap(), "c");
        assert_eq!(place.relative("c"), Some("c"));
        assert_eq!(place.url("a\nb"), "s3://bucket/a\\nb");
    }
}
