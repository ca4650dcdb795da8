use std::time::Duration;

use jiff::Timestamp;
use run::{Reason, Wait};

use crate::{
    Deadline,
    class::{Class, Classify},
    ports::Ports,
};

/// The longest pause we choose ourselves.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// A server that asks for more than this is asked again after this.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Why there is no further attempt.
#[derive(Debug)]
pub(crate) enum GaveUp {
    /// The pause is too long to sit out here: try again at that time.
    Later(Timestamp, Wait),
    /// The attempts are used up, or another would not help.
    Failed(Reason),
    /// The server wants smaller requests.
    TooLarge(Reason, Option<u64>),
}

/// Attempts at one operation: how many there were, and whether there is to be another.
///
/// The pause doubles each time, with jitter between half and all of it, so that workers that failed together do not
/// come back together. A pause the other side asked for (`Retry-After`) is kept, with jitter on top.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    ports: &'a Ports,
    deadline: Deadline,
    made: u32,
    what: String,
}

impl<'a> Attempts<'a> {
    pub(crate) const fn new(ports: &'a Ports, deadline: Deadline, what: String) -> Self {
        Self { ports, deadline, made: 1, what }
    }

    /// After a failed attempt: waits and returns if there is to be another, else says why not.
    pub(crate) async fn again(&mut self, error: &(impl Classify + Sync)) -> Result<(), GaveUp> {
        let (reason, retry_after) = match error.class() {
            Class::Permanent(reason) => return Err(GaveUp::Failed(reason)),
            Class::TooLarge(reason, limit) => return Err(GaveUp::TooLarge(reason, limit)),
            Class::Transient(reason, retry_after) => (reason, retry_after),
        };
        let settings = &self.ports.settings;
        if self.made >= settings.attempts {
            let message = format!("{} (tried {} times)", reason.message, self.made);
            return Err(GaveUp::Failed(Reason { message, ..reason }));
        }
        let pause = self.pause(retry_after);
        let now = self.ports.world.now();
        let too_long = pause > settings.longest_pause;
        if too_long || !self.deadline.allows(now, pause) {
            let wait = if too_long || retry_after.is_some() { Wait::Asked } else { Wait::OutOfTime };
            return Err(GaveUp::Later(now.checked_add(pause).unwrap_or(Timestamp::MAX), wait));
        }
        tracing::warn!(
            what = self.what,
            attempt = self.made,
            of = settings.attempts,
            pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            reason = reason.message,
            "trying again"
        );
        self.ports.meter.add_retry();
        self.ports.world.sleep(pause).await;
        self.made += 1;
        Ok(())
    }

    fn pause(&self, retry_after: Option<Duration>) -> Duration {
        let doubled = self.ports.settings.pause.saturating_mul(1_u32.checked_shl(self.made - 1).unwrap_or(u32::MAX));
        let backoff = jittered(doubled.min(LONGEST_BACKOFF), self.ports.world.random());
        match retry_after {
            Some(asked) => asked.min(LONGEST_RETRY_AFTER).saturating_add(backoff),
            None => backoff,
        }
    }
}

/// Between half and all of a pause.
fn jittered(pause: Duration, random: u64) -> Duration {
    let half = pause / 2;
    #[expect(clippy::cast_precision_loss, reason = "a fraction from 0 to 1")]
    let fraction = random as f64 / u64::MAX as f64;
    half + half.mul_f64(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_half_and_all() {
        let pause = Duration::from_secs(8);
        assert_eq!(jittered(pause, 0), Duration::from_secs(4));
        assert_eq!(jittered(pause, u64::MAX), pause);
        assert!(jittered(pause, 1 << 62) < pause);
    }
}
