use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first digits: enough to tell documents apart in a name that people read.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

impl TryFrom<String> for Digest {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let hexadecimal = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hexadecimal { Ok(Self(text)) } else { Err("expected 64 hexadecimal digits".to_owned()) }
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a run: the first digits of the request's digest, and an attempt. `4f3c2a9b1d7e-1`.
///
/// Invariant: 1 to 64 characters of `a-z 0-9 -`, so that it can be part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// The run of a request's digest at its `attempt`, counted from 1.
    pub fn attempt(request: &Digest, attempt: u32) -> Self {
        Self(format!("{}-{attempt}", request.short()))
    }

    /// The run of a request's digest, told apart from others of the same request by the version of the object that asked
    /// for it, so that the same object leads to the same run however often it is announced. `4f3c2a9b1d7e-v0a1b2c3d4e5f`.
    pub fn of_version(request: &Digest, version: &str) -> Self {
        Self(format!("{}-v{}", request.short(), Digest::of(version.as_bytes()).short()))
    }

    /// The run of an object that asked for it: by the version its bucket gave it or, in a bucket that keeps none, by what
    /// comes closest.
    pub fn of_object(
        request: &Digest,
        version: Option<&str>,
        etag: Option<&str>,
        modified: Option<jiff::Timestamp>,
    ) -> Self {
        // "null" is the one version of a bucket that keeps none.
        if let Some(version) = version.filter(|version| *version != "null") {
            return Self::of_version(request, version);
        }
        let modified = modified.map(|time| time.as_second().to_string()).unwrap_or_default();
        Self::of_version(request, &format!("{} {modified}", etag.unwrap_or_default()))
    }

    /// Whether this is a run of that request.
    pub fn is_of(&self, request: &Digest) -> bool {
        self.0.strip_prefix(request.short()).is_some_and(|rest| rest.starts_with('-'))
    }

    /// Whether another run is one of the same request.
    pub fn is_of_request_of(&self, other: &Self) -> bool {
        let request = |run: &'_ Self| run.0.rsplit_once('-').map(|(request, _)| request.to_owned());
        request(self).is_some_and(|ours| request(other) == Some(ours))
    }

    /// The attempt's number, if this is an attempt of that request.
    pub fn attempt_of(&self, request: &Digest) -> Option<u32> {
        self.0.strip_prefix(request.short())?.strip_prefix('-')?.parse().ok()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        // `runs/open/` holds the markers of open runs, so no run goes by that name.
        if (1..=64).contains(&text.len()) && text.bytes().all(good) && text != "open" {
            Ok(Self(text))
        } else {
            Err("expected a run id: 1 to 64 characters of a-z, 0-9 and -".to_owned())
        }
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a target in the state store: the digest of its address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetId(Digest);

impl TargetId {
    pub(crate) fn of(address: &str) -> Self {
        Self(Digest::of(address.as_bytes()))
    }

    /// The digest.
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_counts_attempts_of_its_request() {
        let request = Digest::of(b"request");
        let run = RunId::attempt(&request, 3);
        assert_eq!(run.attempt_of(&request), Some(3));
        assert_eq!(run.attempt_of(&Digest::of(b"other")), None);
    }

    #[test]
    fn a_version_names_its_run() {
        let request = Digest::of(b"request");
        let run = RunId::of_version(&request, "3HL4kqtJvjVBH40Nrjfkd");
        assert_eq!(run, RunId::of_version(&request, "3HL4kqtJvjVBH40Nrjfkd"));
        assert_ne!(run, RunId::of_version(&request, "another"));
        assert!(run.is_of(&request) && !run.is_of(&Digest::of(b"other")));
        assert_eq!(run.attempt_of(&request), None);
        assert!(RunId::try_from(run.to_string()).is_ok());
        assert!(run.is_of_request_of(&RunId::attempt(&request, 2)));
        assert!(!run.is_of_request_of(&RunId::of_version(&Digest::of(b"other"), "another")));
    }

    #[test]
    fn names_that_could_leave_their_folder_are_refused() {
        for name in ["", "../x", "a/b", "A", "a.b", "open", &"x".repeat(65)] {
            assert!(RunId::try_from(name.to_owned()).is_err(), "{name}");
        }
    }
}
