use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

use crate::fault::Fault;

/// Attempts at one request, counting the first.
const ATTEMPTS: u32 = 6;

/// First pause between two attempts; doubled each time.
const PAUSE: Duration = Duration::from_millis(100);

/// Attempts at one request to SQS or Secrets Manager.
///
/// Objects of the store are tried again by the verbs, with the run's budget. Queues and secrets are not: the verbs send
/// once, a host settles once, and an error there costs a whole delivery. So these attempts are made here: few, with
/// short pauses, and only for what a moment can mend. Pauses have jitter between half and all of them, as the
/// verbs' have, so that a fleet that was throttled together does not come back together.
#[derive(Debug)]
pub(crate) struct Attempts {
    operation: &'static str,
    made: u32,
}

impl Attempts {
    pub(crate) const fn at(operation: &'static str) -> Self {
        Self { operation, made: 1 }
    }

    /// After a failed attempt: waits and returns if there is to be another, else gives the fault back.
    pub(crate) async fn again(&mut self, fault: Fault) -> Result<(), Fault> {
        if !fault.is_transient() {
            return Err(fault);
        }
        if self.made >= ATTEMPTS {
            return Err(fault.after(self.made));
        }
        let pause = pause(self.made, RandomState::new().build_hasher().finish());
        tracing::debug!(
            operation = self.operation,
            attempt = self.made,
            of = ATTEMPTS,
            pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            reason = fault.what(),
            "trying again"
        );
        tokio::time::sleep(pause).await;
        self.made += 1;
        Ok(())
    }
}

/// The pause after so many attempts: between half and all of the doubled one.
fn pause(made: u32, random: u64) -> Duration {
    let whole = PAUSE.saturating_mul(1_u32.checked_shl(made.saturating_sub(1)).unwrap_or(u32::MAX));
    let half = u64::try_from(whole.as_micros() / 2).unwrap_or(u64::MAX);
    Duration::from_micros(half.saturating_add(random % half.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_between_half_and_all() {
        assert_eq!(pause(1, 0), PAUSE / 2);
        assert_eq!(pause(1, 50_000), PAUSE);
        assert_eq!(pause(3, 0), PAUSE * 2);
        let all: Duration = (1..ATTEMPTS).map(|made| pause(made, u64::MAX)).sum();
        assert!(all < Duration::from_secs(4), "{all:?}");
        assert!(pause(u32::MAX, u64::MAX) > PAUSE, "does not overflow");
    }
}
