//! What the refusals of SQS and Secrets Manager mean. Both answer most of them with 400, so the code tells.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::{
    credentials::{AWS_ADVICE, causes},
    error::{self, Class, find, readable},
};

/// What went wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) class: Class,
    /// The service's word for it, without the service's name; empty where there was no answer.
    pub(crate) code: String,
    what: String,
}

impl Fault {
    pub(crate) fn new(class: Class, code: &str, what: &str) -> Self {
        Self { class, code: short(code).to_owned(), what: without_accounts(&readable(what)) }
    }

    /// A request's error.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let (code, said) = (service.err().code().unwrap_or_default(), service.err().message());
                Self::answered(status, code, said.unwrap_or_default())
            }
            SdkError::TimeoutError(_) => Self::new(Class::Transient, "", "no answer in time"),
            SdkError::DispatchFailure(_) => Self::undispatched(error),
            SdkError::ConstructionFailure(_) => Self::new(Class::Refused, "", &causes(error)),
            SdkError::ResponseError(_) | _ => {
                Self::new(Class::Transient, "", &format!("an answer that cannot be read: {}", causes(error)))
            }
        }
    }

    fn answered(status: u16, code: &str, said: &str) -> Self {
        let separator = if code.is_empty() || said.is_empty() { "" } else { ": " };
        let what = format!("{status} {}{separator}{}", short(code), said.trim_end_matches('.'));
        Self::new(class(status, code), code, what.trim_end())
    }

    fn undispatched(error: &(dyn Error + 'static)) -> Self {
        let said = causes(error);
        match find::<CredentialsError>(error) {
            Some(CredentialsError::ProviderTimedOut(_)) => {
                Self::new(Class::Transient, "", &format!("credentials were not given in time: {said}"))
            }
            Some(_) => Self::new(Class::Denied, "", &format!("no credentials: {said}; {AWS_ADVICE}")),
            None => Self::new(Class::Transient, "", &format!("no connection: {said}")),
        }
    }

    /// The same after so many attempts.
    pub(crate) fn after(self, attempts: u32) -> Self {
        Self { what: format!("{} (tried {attempts} times)", self.what), ..self }
    }

    pub(crate) fn is_transient(&self) -> bool {
        self.class == Class::Transient
    }

    /// What happened, on one line.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
}

/// A code without what stands before it: `AWS.SimpleQueueService.NonExistentQueue` and `KMS.ThrottlingException` have
/// the service's name there.
fn short(code: &str) -> &str {
    code.rsplit(['.', '#']).next().unwrap_or(code)
}

/// Codes of the services' API references ("Common Errors", and those of each operation), and of LocalStack.
pub(crate) fn class(status: u16, code: &str) -> Class {
    match short(code) {
        "RequestThrottled"
        | "KmsThrottled"
        | "ThrottledException"
        | "TooManyRequestsException"
        // Of a receive: 120,000 messages are in flight.
        | "OverLimit"
        | "InternalFailure"
        | "InternalError"
        | "InternalServiceError"
        | "InternalServerError"
        | "ServiceUnavailable" => Class::Transient,
        "AccessDenied"
        | "AccessDeniedException"
        | "KmsAccessDenied"
        | "InvalidSecurity"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "OptInRequired"
        | "NotAuthorized" => Class::Denied,
        "QueueDoesNotExist" | "NonExistentQueue" | "ResourceNotFoundException" => Class::Missing,
        other => error::class(status, other),
    }
}

/// A text without the numbers of accounts, which stand in every ARN: twelve digits.
fn without_accounts(text: &str) -> String {
    const DIGITS: usize = 12;
    let mut clean = String::with_capacity(text.len());
    let mut digits = String::new();
    for character in text.chars().chain(std::iter::once('\0')) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        clean.push_str(if digits.len() == DIGITS { "…" } else { &digits });
        digits.clear();
        if character != '\0' {
            clean.push(character);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_classified() {
        for (status, code, expected) in [
            (403, "RequestThrottled", Class::Transient),
            (400, "ThrottlingException", Class::Transient),
            (400, "KMS.ThrottlingException", Class::Transient),
            (403, "OverLimit", Class::Transient),
            (500, "", Class::Transient),
            (503, "ServiceUnavailable", Class::Transient),
            (400, "InternalServiceError", Class::Transient),
            (400, "AccessDeniedException", Class::Denied),
            (400, "KmsAccessDenied", Class::Denied),
            (403, "", Class::Denied),
            (400, "ExpiredTokenException", Class::Denied),
            (400, "AWS.SimpleQueueService.NonExistentQueue", Class::Missing),
            (400, "QueueDoesNotExist", Class::Missing),
            (400, "ResourceNotFoundException", Class::Missing),
            (400, "InvalidMessageContents", Class::Refused),
            (400, "InvalidRequestException", Class::Refused),
        ] {
            assert_eq!(class(status, code), expected, "{status} {code}");
        }
    }

    #[test]
    fn messages_name_no_account() {
        let said =
            "User: arn:aws:sts::123456789012:assumed-role/r is not authorized on arn:aws:sqs:eu-west-1:123456789012";
        let fault = Fault::answered(400, "AccessDenied", said);
        assert!(!fault.what().contains("123456789012"), "{fault:?}");
        assert!(fault.what().starts_with("400 AccessDenied: User: arn:aws:sts::…:assumed-role/r"), "{fault:?}");
        assert_eq!(without_accounts("1 12345678901 1234567890123"), "1 12345678901 1234567890123");
        assert_eq!(Fault::answered(503, "", "").what(), "503");
    }
}
