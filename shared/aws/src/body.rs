use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};
use tokio::time::{error::Elapsed, timeout};

use crate::client::{ANSWER, put_timeout};

/// Above this, hashing leaves the thread that serves everyone: 1 MiB takes about 2 ms.
const HASH_INLINE: usize = 1024 * 1024;

/// The largest object read: no chunk and no document of ours comes near.
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

/// `Content-MD5` of a body.
pub(crate) async fn content_md5(bytes: &Bytes) -> String {
    if bytes.len() <= HASH_INLINE {
        return hash(bytes);
    }
    let bytes = bytes.clone();
    let again = bytes.clone();
    // The pool refuses only when the runtime is going down.
    tokio::task::spawn_blocking(move || hash(&bytes)).await.unwrap_or_else(|_| hash(&again))
}

fn hash(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Worth another attempt.
    Broken(String),
    /// Larger than anything of ours.
    TooLarge(u64),
}

impl From<Elapsed> for BodyError {
    fn from(_: Elapsed) -> Self {
        Self::Broken("the body did not arrive in time".to_owned())
    }
}

/// A whole body, held to the length the headers gave.
pub(crate) async fn read(body: ByteStream, length: Option<i64>) -> Result<Bytes, BodyError> {
    let length = length.and_then(|length| u64::try_from(length).ok());
    if let Some(length) = length.filter(|length| *length > LARGEST) {
        return Err(BodyError::TooLarge(length));
    }
    timeout(put_timeout(length.unwrap_or(LARGEST)), collect(body, length, ANSWER)).await?
}

async fn collect(mut body: ByteStream, length: Option<u64>, pause: Duration) -> Result<Bytes, BodyError> {
    let expected = length.and_then(|length| usize::try_from(length).ok());
    let mut bytes = BytesMut::with_capacity(expected.unwrap_or_default());
    while let Some(part) = timeout(pause, body.next()).await? {
        let part = part.map_err(|error| {
            let found = bytes.len();
            let of = expected.map(|length| format!(" of {length}")).unwrap_or_default();
            BodyError::Broken(format!("the body broke off after {found}{of} bytes: {error}"))
        })?;
        bytes.extend_from_slice(&part);
        if bytes.len() as u64 > LARGEST {
            return Err(BodyError::TooLarge(bytes.len() as u64));
        }
    }
    match expected {
        Some(expected) if expected != bytes.len() => {
            Err(BodyError::Broken(format!("the body has {} bytes, {expected} were announced", bytes.len())))
        }
        _ => Ok(bytes.freeze()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_held_to_its_length() {
        let body = || ByteStream::from_static(b"four");
        assert_eq!(read(body(), Some(4)).await.unwrap(), "four");
        assert_eq!(read(body(), None).await.unwrap(), "four");
        assert!(matches!(read(body(), Some(5)).await, Err(BodyError::Broken(_))));
        assert_eq!(read(body(), Some(i64::MAX)).await, Err(BodyError::TooLarge(i64::MAX.unsigned_abs())));
    }

    #[tokio::test]
    async fn the_digest_is_that_of_rfc_1864() {
        // RFC 1321, A.5: MD5 ("abc") = 900150983cd24fb0d6963f7d28e17f72.
        assert_eq!(content_md5(&Bytes::from_static(b"abc")).await, "kAFQmDzST7DWlj99KOF/cg==");
        let large = Bytes::from(vec![0_u8; HASH_INLINE + 1]);
        assert_eq!(content_md5(&large).await, hash(&large));
    }
}
