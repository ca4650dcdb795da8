//! What a conversion takes: seconds here, seconds and dollars with a stack.

use advisor::{Estimate, Prices, SourceSpeed, Workers, estimate};
use run::{Plan, Totals};
use serde::Serialize;
use steps::Probed;

use super::{columns::wrapped, group::LINE};
use crate::{
    arguments::PlanArguments,
    units::{bytes, count, counted, dollars, lasting, seconds, whole},
};

/// What the stack's template has by default: its parameters `MaximumConcurrency` and `ChunkMemoryMb`.
pub(crate) const STACK: Workers = Workers { at_once: 4, memory: Some(1769 << 20) };
/// Two responses at a time are worth their connections where both together bring so many times one's bytes; where they
/// do not, what one or both bring is all there is.
const WORTH_TWO: f64 = 1.5;

/// Who converts, in the two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    /// This machine.
    pub(crate) here: Workers,
    /// A stack's functions.
    pub(crate) stack: Workers,
}

impl Who {
    /// As the options say.
    pub(super) fn of(arguments: &PlanArguments) -> Self {
        let memory = u64::from(arguments.stack_memory) << 20;
        Self {
            here: Workers { at_once: arguments.source.concurrency, memory: None },
            stack: Workers { at_once: arguments.stack_concurrency, memory: Some(memory) },
        }
    }
}

/// The two ways to convert a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Estimates {
    /// On this machine.
    pub(crate) here: Estimate,
    /// With a stack of as many functions as were asked for.
    pub(crate) stack: Estimate,
}

impl Estimates {
    pub(crate) fn of(plan: &Plan, who: Who, source: SourceSpeed, prices: &Prices) -> Self {
        Self { here: of(plan, who.here, source, prices), stack: of(plan, who.stack, source, prices) }
    }

    /// For people.
    pub(super) fn lines(&self, prices: &Prices) -> Vec<String> {
        let Self { here, stack } = self;
        let (at_once, each) = (here.workers.at_once, seconds(here.chunk_s));
        let texts = [
            "what it takes, roughly:".to_owned(),
            format!("  here    {} with --concurrency {at_once}, {each} s a chunk", lasting(here.seconds)),
            format!("  stack   {}", with_stack(stack)),
            format!("  stored  {}, {} a month on S3", bytes(whole(stack.stored_bytes)), month(stack)),
            format!("  {}{}", speed(&here.source), if is_known(&here.source) { "" } else { "; --probe measures it" }),
            format!("  prices: {}, without the free tier; --prices FILE sets others", prices.dated),
        ];
        texts.iter().flat_map(|text| wrapped(text, 4, LINE)).collect()
    }
}

/// The estimate for one way.
pub(crate) fn of(plan: &Plan, workers: Workers, source: SourceSpeed, prices: &Prices) -> Estimate {
    estimate(plan.totals.work(), workers, source, prices)
}

/// `15.8 GB`, and `, 31.6 GB on the wire` where the source sends another amount.
pub(crate) fn amount(totals: &Totals, of: &str) -> String {
    let (data, sent) = (bytes(totals.bytes), bytes(totals.on_the_wire()));
    let wire = if data == sent { String::new() } else { format!(", {sent} on the wire") };
    format!("{data}{of}{wire}")
}

/// `6 min 03 s with 4 functions of 1769 MB: 1,234 GB seconds, $0.25`.
pub(crate) fn with_stack(estimate: &Estimate) -> String {
    let Workers { at_once, memory } = estimate.workers;
    let memory = memory.map_or_else(String::new, |memory| format!(" of {} MB", memory >> 20));
    let functions = counted(at_once.into(), "function");
    let spent = spent(estimate.gb_seconds, estimate.dollars.map(|dollars| dollars.total));
    format!("{} with {functions}{memory} at a time{spent}", lasting(estimate.seconds))
}

fn spent(gb_seconds: Option<f64>, total: Option<f64>) -> String {
    let gb_seconds = gb_seconds.map(|gb_seconds| format!(": {} GB seconds", count(whole(gb_seconds))));
    let total = total.map(|total| format!(", {}", dollars(total)));
    gb_seconds.into_iter().chain(total).collect()
}

/// What storage costs.
pub(crate) fn month(estimate: &Estimate) -> String {
    dollars(estimate.dollars.map_or(0.0, |dollars| dollars.storage_month))
}

/// Where the source's speed comes from.
pub(crate) fn speed(source: &SourceSpeed) -> String {
    let SourceSpeed { latency_s, bytes_per_s, most_bytes_per_s, measured, given } = source;
    let rate = |rate: f64| format!("{}/s", bytes(whole(rate)));
    let each = format!("{} s to a response's first byte, then {}", seconds(*latency_s), rate(*bytes_per_s));
    let most = most_bytes_per_s.map_or_else(String::new, |most| format!(", {} in all", rate(most)));
    if *measured {
        format!("the source's speed is what was measured: {each}{most}")
    } else if *given {
        format!("the source's speed is taken as you gave it (--source-latency, --source-rate): {each}{most}")
    } else {
        format!("the source's speed is assumed, not measured: {each}{most} (a study's figure)")
    }
}

/// Whether the speed is this source's, and not the study's.
const fn is_known(source: &SourceSpeed) -> bool {
    source.measured || source.given
}

/// What the user says of the source; the study's figure where one of the two is not said.
pub(super) fn given(arguments: &PlanArguments) -> SourceSpeed {
    let study = SourceSpeed::default();
    let latency = arguments.source_latency.map(|milliseconds| f64::from(milliseconds) / 1000.0);
    #[expect(clippy::cast_precision_loss, reason = "a rate for an estimate")]
    let rate = arguments.source_rate.map(|rate| rate as f64);
    SourceSpeed {
        latency_s: latency.unwrap_or(study.latency_s),
        bytes_per_s: rate.unwrap_or(study.bytes_per_s),
        given: latency.is_some() || rate.is_some(),
        ..study
    }
}

/// What was measured, as the estimate takes it.
pub(super) fn measured(probed: &Probed) -> SourceSpeed {
    let (one, two) = (probed.one_stream_bytes_per_s, probed.two_streams_bytes_per_s);
    SourceSpeed {
        latency_s: probed.latency_s,
        bytes_per_s: one,
        most_bytes_per_s: (two < WORTH_TWO * one).then_some(two),
        measured: true,
        given: false,
    }
}

/// For people.
pub(super) fn probe(probed: &Probed) -> Vec<String> {
    let rate = |rate: f64| format!("{}/s", bytes(whole(rate)));
    let (one, two) = (probed.one_stream_bytes_per_s, probed.two_streams_bytes_per_s);
    let more = if measured(probed).most_bytes_per_s.is_some() {
        "hardly more, so more at a time will not help"
    } else {
        "so several at a time help"
    };
    vec![
        format!(
            "measured with {}, the largest of {}:",
            counted(probed.requests.into(), "request"),
            bytes(probed.request_bytes)
        ),
        format!("  {} s to a response's first byte", seconds(probed.latency_s)),
        format!("  {} alone, {} with two at a time: {more}", rate(one), rate(two)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_streams_that_bring_no_more_are_all_there_is() {
        let probed = |two| Probed {
            latency_s: 0.3,
            one_stream_bytes_per_s: 2e6,
            two_streams_bytes_per_s: two,
            request_bytes: 36_091_008,
            requests: 6,
        };
        let [slow, fast] = [2.4e6, 3.0e6].map(|two| measured(&probed(two)));
        assert_eq!((slow.bytes_per_s, slow.most_bytes_per_s, slow.measured), (2e6, Some(2.4e6), true));
        assert_eq!(fast.most_bytes_per_s, None);
        let texts = [probe(&probed(2.4e6)), vec![speed(&slow)], probe(&probed(3.0e6)), vec![speed(&fast)]];
        insta::assert_snapshot!(texts.concat().join("\n"));
    }
}
