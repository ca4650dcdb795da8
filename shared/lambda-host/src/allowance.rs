use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use steps::Deadline;

/// What is left of an invocation's time when the verb has to be done: enough to send a record, to hide a message and to
/// answer, at the pace of a bad day.
const MARGIN: Duration = Duration::from_secs(5);
/// What is left when a verb that is not done is cut off. A timeout of Lambda's would end the process too, and the next
/// message would wait for a new one.
const LAST_MOMENT: Duration = Duration::from_secs(1);
/// A message keeps hidden for so long after its worker must have ended, so that no second one starts while the first
/// may still run.
const AFTER_THE_END: Duration = Duration::from_secs(30);

/// The time of one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    ends: Timestamp,
    margin: Duration,
}

impl Allowance {
    /// The time from `now` until Lambda ends the function. Of a short time the margins take no more than a quarter.
    pub(crate) fn new(ends: SystemTime, now: Timestamp) -> Self {
        let ends = Timestamp::try_from(ends).unwrap_or(now);
        Self { ends, margin: MARGIN.min(between(now, ends) / 4) }
    }

    /// When a verb has to be done.
    pub(crate) fn deadline(self) -> Deadline {
        Deadline::at(self.ends.checked_sub(self.margin).unwrap_or(self.ends))
    }

    /// How long a verb may go on before it is cut off.
    pub(crate) fn until_cut_off(self, now: Timestamp) -> Duration {
        between(now, self.ends).saturating_sub(LAST_MOMENT.min(self.margin))
    }

    /// How much is left in all.
    pub(crate) fn left(self, now: Timestamp) -> Duration {
        between(now, self.ends)
    }

    /// Whether anything may still be begun.
    pub(crate) fn allows_more(self, now: Timestamp) -> bool {
        self.deadline().allows(now, self.margin)
    }

    /// How long to hide a message that is being handled.
    pub(crate) fn visibility(self, now: Timestamp) -> Duration {
        between(now, self.ends) + AFTER_THE_END
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_follow_the_time_there_is() {
        let now = Timestamp::from_second(1_000).unwrap();
        let at = |seconds: u64| Allowance::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + seconds), now);
        let seconds = Duration::from_secs;
        assert_eq!(at(300).deadline().left(now), Some(seconds(295)));
        assert_eq!(at(300).until_cut_off(now), seconds(299));
        assert_eq!(at(300).visibility(now), seconds(330));
        assert_eq!(at(8).deadline().left(now), Some(seconds(6)));
        assert_eq!(at(2).until_cut_off(now), Duration::from_millis(1_500));
        assert!(at(300).allows_more(now));
        assert!(!at(300).allows_more(now + seconds(291)), "less than the margin is left");
        let past = Allowance::new(SystemTime::UNIX_EPOCH, now);
        assert_eq!((past.until_cut_off(now), past.allows_more(now)), (Duration::ZERO, false));
    }
}
