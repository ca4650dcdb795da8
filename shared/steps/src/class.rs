use std::time::Duration;

use dap::{BodyError, ServerErrorKind};
use run::{Reason, ReasonKind};

use crate::ports::{SourceError, StoreError};

/// What an error means for the next attempt.
#[derive(Debug)]
pub(crate) enum Class {
    /// Another attempt may succeed, not before the pause the other side asked for.
    Transient(Reason, Option<Duration>),
    /// It will not.
    Permanent(Reason),
    /// Ask for less: at most this many bytes, where the server says.
    TooLarge(Reason, Option<u64>),
}

/// Errors that say whether another attempt makes sense.
pub(crate) trait Classify {
    fn class(&self) -> Class;
}

impl Classify for SourceError {
    fn class(&self) -> Class {
        match self {
            Self::Transient { reason, retry_after } => Class::Transient(reason.clone(), *retry_after),
            Self::Permanent(reason) => Class::Permanent(reason.clone()),
            Self::TooLarge { limit_bytes, reason } => Class::TooLarge(reason.clone(), *limit_bytes),
            Self::Body(error) => error.class(),
        }
    }
}

impl Classify for BodyError {
    fn class(&self) -> Class {
        let reason = |kind| Reason::from_error(kind, self);
        match self {
            Self::ServerError(error) => match error.kind() {
                ServerErrorKind::TooLarge { limit_bytes } => {
                    Class::TooLarge(server(self, ReasonKind::SourceRefused), limit_bytes)
                }
                ServerErrorKind::Unauthorised => Class::Permanent(server(self, ReasonKind::SourceUnauthorised)),
                ServerErrorKind::NotFound => Class::Permanent(server(self, ReasonKind::SourceNotFound)),
                ServerErrorKind::Other => Class::Transient(server(self, ReasonKind::SourceRefused), None),
            },
            // A maintenance page passes; a login page does not, but costs only a few attempts.
            Self::NotDap { .. } => Class::Transient(reason(ReasonKind::SourceNotOpendap), None),
            // Asked again, the same server would describe the same other array.
            Self::WrongShape { .. } => Class::Permanent(reason(ReasonKind::BodyWrong)),
            Self::Truncated { .. }
            | Self::TooLong { .. }
            | Self::BadCount { .. }
            | Self::Header(_)
            | Self::Value(_) => Class::Transient(reason(ReasonKind::BodyWrong), None),
        }
    }
}

fn server(error: &BodyError, kind: ReasonKind) -> Reason {
    Reason::new(kind, format!("the server answered with an error: {error}"))
}

impl Classify for StoreError {
    fn class(&self) -> Class {
        let reason = crate::trouble::target_reason(self);
        if self.is_transient() { Class::Transient(reason, self.retry_after()) } else { Class::Permanent(reason) }
    }
}
