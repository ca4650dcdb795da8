use std::time::Duration;

use jiff::Timestamp;
use run::{Reason, ReasonKind, Wait};

use crate::{
    Outcome,
    ports::{Ports, QueueError, StoreError},
};

/// Why a verb stopped. The host's [`Outcome`] follows from it.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The same message may succeed later.
    Retry(Duration),
    /// The chunk waits; a record says so.
    Deferred(Timestamp, Wait),
    /// For good.
    Failed(Reason),
}

impl Trouble {
    /// The same message may succeed at that time.
    pub(crate) fn until(time: Timestamp, ports: &Ports) -> Self {
        Self::Retry(Duration::try_from(time.duration_since(ports.world.now())).unwrap_or_default())
    }

    pub(crate) fn failed(kind: ReasonKind, message: impl Into<String>) -> Self {
        Self::Failed(Reason::new(kind, message))
    }

    /// The state store failed us even after several attempts.
    pub(crate) fn state(error: &StoreError) -> Self {
        match error {
            StoreError::Transient { .. } => Self::Retry(Duration::from_secs(30)),
            StoreError::Missing { .. }
            | StoreError::Denied { .. }
            | StoreError::Full { .. }
            | StoreError::Refused { .. } => Self::Failed(Reason::from_error(ReasonKind::State, error)),
        }
    }
}

/// What an error of the target means for its chunk or its run.
pub(crate) fn target_reason(error: &StoreError) -> Reason {
    let kind = match error {
        StoreError::Transient { .. } => ReasonKind::TargetUnreachable,
        StoreError::Missing { .. } => ReasonKind::TargetMissing,
        StoreError::Denied { .. } | StoreError::Refused { .. } => ReasonKind::TargetDenied,
        StoreError::Full { .. } => ReasonKind::TargetFull,
    };
    Reason::from_error(kind, error)
}

/// What a former run left, or nothing if it cannot be read, as after an update of this program: then everything is
/// made anew.
pub(crate) fn readable<T>(result: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Trouble::Failed(reason)) => {
            tracing::warn!(reason = reason.message, "a former run's documents cannot be used");
            Ok(None)
        }
        Err(trouble) => Err(trouble),
    }
}

impl From<QueueError> for Trouble {
    fn from(error: QueueError) -> Self {
        if error.transient {
            Self::Retry(Duration::from_secs(10))
        } else {
            Self::failed(ReasonKind::State, error.message)
        }
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(Reason::from_error(ReasonKind::State, &error))
    }
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Retry(after) => Self::Retry(after),
            Trouble::Deferred(until, _) => Self::Deferred(until),
            Trouble::Failed(reason) => Self::Failed(reason),
        }
    }
}
