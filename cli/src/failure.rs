use std::process::ExitCode;

use run::{Reason, ReasonKind};

use crate::printer::Printer;

/// Why a command failed: a sentence for people and an exit code for scripts.
#[derive(Debug)]
pub(crate) struct Failure(Reason);

impl Failure {
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self(Reason::new(ReasonKind::Internal, message))
    }

    pub(crate) fn request(error: &dyn std::error::Error) -> Self {
        Self(Reason::from_error(ReasonKind::BadRequest, error))
    }

    pub(crate) fn new(kind: ReasonKind, error: &dyn std::error::Error) -> Self {
        Self(Reason::from_error(kind, error))
    }

    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Prints the failure and gives the exit code.
    pub(crate) fn report(&self, printer: &Printer) -> ExitCode {
        printer.error(&self.0.message);
        if printer.json() {
            Printer::data(&serde_json::json!({ "error": self.0 }).to_string());
        }
        ExitCode::from(exit_code(self.0.kind))
    }
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self(reason)
    }
}

/// What went wrong, in one number: 2 the request, 3 the source, 4 the target, 5 chunks are missing, 1 ourselves.
pub(crate) const fn exit_code(kind: ReasonKind) -> u8 {
    match kind {
        ReasonKind::BadRequest => 2,
        ReasonKind::SourceUnreachable
        | ReasonKind::SourceNotFound
        | ReasonKind::SourceNotOpendap
        | ReasonKind::SourceUnauthorised
        | ReasonKind::SourceRefused
        | ReasonKind::SourceNotAllowed
        | ReasonKind::SourceChanged
        | ReasonKind::Diverged
        | ReasonKind::BodyWrong => 3,
        ReasonKind::TargetMissing
        | ReasonKind::TargetDenied
        | ReasonKind::TargetFull
        | ReasonKind::TargetOccupied
        | ReasonKind::TargetUnreachable
        | ReasonKind::Superseded => 4,
        ReasonKind::Incomplete => 5,
        ReasonKind::State | ReasonKind::Internal => 1,
    }
}
