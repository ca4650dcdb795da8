use std::time::Duration;

use jiff::Timestamp;

/// The time by which a handler must have returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Option<Timestamp>);

impl Deadline {
    /// No deadline: the local run.
    pub const NONE: Self = Self(None);

    /// A deadline.
    pub const fn at(time: Timestamp) -> Self {
        Self(Some(time))
    }

    /// The time left, or nothing if there is no deadline.
    pub fn left(self, now: Timestamp) -> Option<Duration> {
        self.0.map(|time| Duration::try_from(time.duration_since(now)).unwrap_or_default())
    }

    /// Whether something that takes `duration` can still be started.
    pub fn allows(self, now: Timestamp, duration: Duration) -> bool {
        self.left(now).is_none_or(|left| left > duration)
    }
}
