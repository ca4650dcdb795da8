//! What an endpoint's refusals mean.
//!
//! Codes are those of the S3 API's list of error responses, and of `MinIO`, Ceph and others where they differ.

use std::{error::Error, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use steps::ports::StoreError;

use crate::{
    credentials::{AWS_ADVICE, causes},
    place::Place,
};

/// What a caller does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Transient,
    Missing,
    Denied,
    Full,
    Refused,
}

/// An answer that is an error.
#[derive(Debug, Clone, Default)]
struct Answer<'a> {
    status: u16,
    code: Option<&'a str>,
    message: Option<&'a str>,
    /// `x-amz-bucket-region`: S3 sends it with redirects, and to whoever signed for another region.
    region: Option<&'a str>,
    retry_after: Option<Duration>,
}

impl Place {
    /// The error of one attempt at an operation (`put`, `list`, …) on a key or prefix.
    pub(crate) fn failed<E>(&self, operation: &str, key: &str, error: &SdkError<E, HttpResponse>) -> StoreError
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let raw = service.raw();
                if raw.status().is_success() && service.err().code().is_none() {
                    return self.not_s3(operation, key, raw.status().as_u16(), error);
                }
                let header = |name: &str| raw.headers().get(name);
                let answer = Answer {
                    status: raw.status().as_u16(),
                    code: service.err().code(),
                    message: service.err().message(),
                    region: header("x-amz-bucket-region"),
                    retry_after: header("retry-after")
                        .and_then(|text| text.trim().parse().ok())
                        .map(Duration::from_secs),
                };
                self.answered(operation, key, &answer)
            }
            SdkError::TimeoutError(_) => self.transient(operation, key, "no answer in time"),
            SdkError::ResponseError(response) => self.not_s3(operation, key, response.raw().status().as_u16(), error),
            SdkError::DispatchFailure(_) => self.undispatched(operation, key, error),
            SdkError::ConstructionFailure(_) => {
                self.error(Class::Refused, operation, key, &readable(&causes(error)), None)
            }
            _ => self.transient(operation, key, &readable(&causes(error))),
        }
    }

    /// An answer that cannot be read: a page for people, or half a document.
    fn not_s3(&self, operation: &str, key: &str, status: u16, error: &(dyn Error + 'static)) -> StoreError {
        let said = readable(&causes(error));
        let what =
            format!("{status} with an answer that is not S3's: {said}; check the endpoint's address if this stays");
        self.transient(operation, key, &what)
    }

    /// A request that met no answer: no credentials, no connection, or a broken one.
    fn undispatched(&self, operation: &str, key: &str, error: &(dyn Error + 'static)) -> StoreError {
        let said = readable(&causes(error));
        match find::<CredentialsError>(error) {
            Some(CredentialsError::ProviderTimedOut(_)) => {
                self.transient(operation, key, &format!("credentials were not given in time: {said}"))
            }
            Some(_) => {
                let what = format!("no credentials: {said}; {AWS_ADVICE}");
                self.error(Class::Denied, operation, key, &what, None)
            }
            // The connection's errors are kept as text by the client, so text is what there is to read.
            None if said.contains("certificate") => {
                let what = format!("no trusted connection: {said}; check the endpoint's address and its certificate");
                self.error(Class::Refused, operation, key, &what, None)
            }
            None => self.transient(operation, key, &format!("no connection: {said}")),
        }
    }

    fn answered(&self, operation: &str, key: &str, answer: &Answer<'_>) -> StoreError {
        let class = class(answer.status, answer.code.unwrap_or_default());
        let mut what = answer.status.to_string();
        for (before, part) in [(" ", answer.code), (": ", answer.message)] {
            if let Some(part) = part.map(readable).filter(|part| !part.is_empty()) {
                what.push_str(before);
                what.push_str(part.trim_end_matches('.'));
            }
        }
        if let Some(advice) = self.advice(operation, class, answer) {
            what.push_str("; ");
            what.push_str(&advice);
        }
        self.error(class, operation, key, &what, answer.retry_after)
    }

    /// What to do about it, where anything can be done.
    fn advice(&self, operation: &str, class: Class, answer: &Answer<'_>) -> Option<String> {
        let Self { bucket, region: ours, .. } = self;
        let elsewhere = answer.region.filter(|region| region != ours).map(readable);
        let advice = match (class, answer.status, answer.code.unwrap_or_default()) {
            (Class::Refused, _, _) if elsewhere.is_some() => format!(
                "bucket `{bucket}` is in region {}, the request was for {ours}: name the bucket's region",
                elsewhere.unwrap_or_default()
            ),
            (_, _, "AuthorizationHeaderMalformed") => format!("the request was for region {ours}: name the bucket's"),
            (_, 300..=399, _) => {
                format!("the request for region {ours} was redirected: name the bucket's region, or its own endpoint")
            }
            (_, _, "RequestTimeTooSkewed") => "this machine's clock differs from the endpoint's: set it".to_owned(),
            (Class::Missing, _, _) => format!("create bucket `{bucket}`, or check its name and the endpoint's address"),
            (Class::Denied, _, "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired") => {
                "the session is over: log in again".to_owned()
            }
            (Class::Denied, _, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken")
            | (Class::Denied, 401, _) => "check that the keys are those of this endpoint".to_owned(),
            (Class::Denied, _, _) => format!("the keys need {}", permission(operation)),
            (Class::Full, _, _) => "free some room there or raise the quota, then resume".to_owned(),
            (Class::Refused, 501, _) => "the endpoint does not implement this".to_owned(),
            (Class::Refused, 400, "") => "this may be an expired session or a wrong region".to_owned(),
            _ => return None,
        };
        Some(advice)
    }

    /// An error worth another attempt.
    pub(crate) fn transient(&self, operation: &str, key: &str, what: &str) -> StoreError {
        self.error(Class::Transient, operation, key, what, None)
    }

    /// An error that another attempt would not change.
    pub(crate) fn refused(&self, operation: &str, key: &str, what: &str) -> StoreError {
        self.error(Class::Refused, operation, key, what, None)
    }

    fn error(&self, class: Class, operation: &str, key: &str, what: &str, retry_after: Option<Duration>) -> StoreError {
        let message = format!("{operation} of {} at {}: {what}", self.url(key), self.endpoint);
        match class {
            Class::Transient => StoreError::Transient { message, retry_after },
            Class::Missing => StoreError::Missing { message },
            Class::Denied => StoreError::Denied { message },
            Class::Full => StoreError::Full { message },
            Class::Refused => StoreError::Refused { message },
        }
    }
}

/// The permission an operation needs, in words for a message.
fn permission(operation: &str) -> &'static str {
    match operation {
        "list" => "s3:ListBucket on the bucket for this prefix",
        "head" => {
            "s3:GetObject on this prefix, and s3:ListBucket, without which a missing object is answered with 403 too"
        }
        "get" => "s3:GetObject on this prefix, and s3:ListBucket",
        "delete" => "s3:DeleteObject on this prefix",
        _ => "s3:PutObject on this prefix",
    }
}

pub(crate) fn class(status: u16, code: &str) -> Class {
    match code {
        "NoSuchBucket" => return Class::Missing,
        "QuotaExceeded" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" | "InsufficientStorage" => {
            return Class::Full;
        }
        // The body did not arrive as it was sent, or not in time: the next one may. Of a clock that is wrong the client
        // has learned from the answer, and signs the next attempt by the endpoint's.
        "BadDigest"
        | "XAmzContentSHA256Mismatch"
        | "XAmzContentChecksumMismatch"
        | "IncompleteBody"
        | "RequestTimeout"
        | "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "ConditionalRequestConflict"
        | "OperationAborted"
        | "RequestTimeTooSkewed" => return Class::Transient,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "InvalidToken" => return Class::Denied,
        "InvalidObjectState" | "AuthorizationHeaderMalformed" => return Class::Refused,
        _ => {}
    }
    match status {
        507 => Class::Full,
        501 | 505 => Class::Refused,
        // An error under a status of success is one that came up late.
        200..=299 | 408 | 409 | 425 | 429 | 500.. => Class::Transient,
        401 | 403 => Class::Denied,
        404 => Class::Missing,
        _ => Class::Refused,
    }
}

/// A server's text on one line, without what could be a token or forge a line of a log.
pub(crate) fn readable(text: &str) -> String {
    const WORD: usize = 120;
    const TEXT: usize = 500;
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> =
        clean.split_whitespace().map(|word| if word.chars().count() > WORD { "…" } else { word }).collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(TEXT) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// The first of an error's causes that is of a type.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(this) = next {
        if let Some(found) = this.downcast_ref() {
            return Some(found);
        }
        next = this.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::tests::place;

    #[test]
    fn codes_and_statuses_are_classified() {
        for (status, code, expected) in [
            (500, "InternalError", Class::Transient),
            (503, "SlowDown", Class::Transient),
            (502, "", Class::Transient),
            (504, "", Class::Transient),
            (429, "", Class::Transient),
            (408, "", Class::Transient),
            (400, "RequestTimeout", Class::Transient),
            (400, "BadDigest", Class::Transient),
            (400, "XAmzContentSHA256Mismatch", Class::Transient),
            (409, "ConditionalRequestConflict", Class::Transient),
            (409, "OperationAborted", Class::Transient),
            (403, "RequestTimeTooSkewed", Class::Transient),
            (404, "NoSuchBucket", Class::Missing),
            (404, "", Class::Missing),
            (403, "AccessDenied", Class::Denied),
            (403, "InvalidAccessKeyId", Class::Denied),
            (403, "SignatureDoesNotMatch", Class::Denied),
            (400, "ExpiredToken", Class::Denied),
            (401, "", Class::Denied),
            (507, "XMinioStorageFull", Class::Full),
            (507, "", Class::Full),
            (403, "QuotaExceeded", Class::Full),
            (301, "PermanentRedirect", Class::Refused),
            (307, "TemporaryRedirect", Class::Refused),
            (400, "AuthorizationHeaderMalformed", Class::Refused),
            (400, "KeyTooLongError", Class::Refused),
            (400, "InvalidBucketName", Class::Refused),
            (403, "InvalidObjectState", Class::Refused),
            (405, "MethodNotAllowed", Class::Refused),
            (412, "PreconditionFailed", Class::Refused),
            (501, "NotImplemented", Class::Refused),
        ] {
            assert_eq!(class(status, code), expected, "{status} {code}");
        }
    }

    #[test]
    fn messages_say_what_where_and_what_next() {
        let missing =
            Answer { status: 404, code: Some("NoSuchBucket"), message: Some("No such bucket."), ..Answer::default() };
        assert_eq!(
            place("p").answered("put", "c/0", &missing).to_string(),
            "put of s3://bucket/p/c/0 at 127.0.0.1:9000: 404 NoSuchBucket: No such bucket; \
             create bucket `bucket`, or check its name and the endpoint's address"
        );
        let elsewhere = Answer { status: 301, region: Some("eu-west-1"), ..Answer::default() };
        let message = place("p").answered("head", "c", &elsewhere).to_string();
        assert!(message.contains("is in region eu-west-1, the request was for us-east-1"), "{message}");
        let denied = Answer { status: 403, ..Answer::default() };
        assert!(place("").answered("head", "c", &denied).to_string().contains("s3:ListBucket"));
    }

    #[test]
    fn a_servers_text_is_made_safe() {
        let token = "A".repeat(400);
        let long = "word ".repeat(400);
        assert_eq!(readable(&format!("a\r\n\x1b[31mb {token}  c")), "a [31mb … c");
        assert!(readable(&long).chars().count() <= 501);
    }
}
