//! What a conversion takes: seconds here, seconds and dollars with a stack.

use advisor::{Estimate, Prices, SourceSpeed, Work, Workers, estimate};
use run::Plan;
use serde::Serialize;
use steps::Probed;

use super::{columns::wrapped, group::LINE};
use crate::units::{bytes, count, counted, dollars, lasting, seconds, whole};

/// What the stack's template has by default: its parameters `MaximumConcurrency` and `ChunkMemoryMb`.
pub(crate) const STACK: Workers = Workers { at_once: 4, memory: Some(1769 << 20) };
/// Two responses at a time are worth their connections where both together bring so many times one's bytes; where they
/// do not, what one or both bring is all there is.
const WORTH_TWO: f64 = 1.5;

/// The two ways to convert a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Estimates {
    /// On this machine.
    pub(crate) here: Estimate,
    /// With a stack as its template makes it.
    pub(crate) stack: Estimate,
}

impl Estimates {
    pub(crate) fn of(plan: &Plan, concurrency: u32, source: SourceSpeed, prices: &Prices) -> Self {
        let here = Workers { at_once: concurrency, memory: None };
        Self { here: of(plan, here, source, prices), stack: of(plan, STACK, source, prices) }
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
            format!("  {}{}", speed(&here.source), if here.source.measured { "" } else { "; --probe measures it" }),
            format!("  prices: {}, without the free tier; --prices FILE sets others", prices.dated),
        ];
        texts.iter().flat_map(|text| wrapped(text, 4, LINE)).collect()
    }
}

/// The estimate for one way.
pub(crate) fn of(plan: &Plan, workers: Workers, source: SourceSpeed, prices: &Prices) -> Estimate {
    let totals = &plan.totals;
    estimate(Work { chunks: totals.chunks, requests: totals.requests, bytes: totals.bytes }, workers, source, prices)
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
    let SourceSpeed { latency_s, bytes_per_s, most_bytes_per_s, measured } = source;
    let rate = |rate: f64| format!("{}/s", bytes(whole(rate)));
    let each = format!("{} s to a response's first byte, then {}", seconds(*latency_s), rate(*bytes_per_s));
    let most = most_bytes_per_s.map_or_else(String::new, |most| format!(", {} in all", rate(most)));
    if *measured {
        format!("the source's speed is what was measured: {each}{most}")
    } else {
        format!("the source's speed is assumed, not measured: {each}{most} (a study's figure)")
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
