use serde::{Deserialize, Serialize};

/// Why a chunk or a run failed: a kind that programs decide by, and a sentence for people that says what was expected,
/// what was found and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Reason {
    /// The kind.
    pub kind: ReasonKind,
    /// The sentence. Holds no secret and no control character.
    pub message: String,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// The request asks for what the dataset does not have, or what no plan can give.
    BadRequest,
    /// The source's host cannot be reached, or keeps failing.
    SourceUnreachable,
    /// The source has no such dataset.
    SourceNotFound,
    /// The source answers, but not with OPeNDAP.
    SourceNotOpendap,
    /// The source wants credentials or refuses them.
    SourceUnauthorised,
    /// The source refused this request with an error of its own.
    SourceRefused,
    /// The source is not among the hosts that may be read, or its address is not public. Nothing was sent there.
    SourceNotAllowed,
    /// The source's structure or attributes are no longer those of the plan.
    SourceChanged,
    /// The same request gave different bytes at different times.
    Diverged,
    /// The response is not what the constraint predicts, however often it is asked for.
    BodyWrong,
    /// The target's bucket or folder does not exist.
    TargetMissing,
    /// The target refuses our credentials or our right to write.
    TargetDenied,
    /// The target has no room left.
    TargetFull,
    /// The target holds something that is not ours to replace.
    TargetOccupied,
    /// The target cannot be reached, or keeps failing.
    TargetUnreachable,
    /// Objects were missing or different after every round of repair.
    Incomplete,
    /// A newer run took the target.
    Superseded,
    /// A document of the state store cannot be read or written.
    State,
    /// A mistake of ours.
    Internal,
}

impl ReasonKind {
    /// Whether the failure of one chunk for this reason means that the others would fail too, so that the run ends at
    /// once. Otherwise the other chunks go on and the run fails when all are accounted for.
    pub const fn ends_run(self) -> bool {
        !matches!(self, Self::SourceRefused | Self::BodyWrong | Self::SourceNotFound)
    }
}

impl Reason {
    /// A reason; control characters in `message` are replaced, since servers' own words end up in it.
    pub fn new(kind: ReasonKind, message: impl Into<String>) -> Self {
        let message = message.into().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self { kind, message }
    }

    /// A reason from an error and its causes, outermost first.
    pub fn from_error(kind: ReasonKind, error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        Self::new(kind, causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}
