use serde::Serialize;

use crate::{Fit, Score, Subject, Terms, candidates::candidates, count, real, score::score, search::shape};

/// Whether a finer grid inside the chunks would help (Zarr v3's `sharding_indexed`: one object is a shard of many inner
/// chunks, each of which a reader can fetch with a ranged GET).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sharding {
    /// Whether it is worth it.
    pub advised: bool,
    /// What a reader would fetch, where it is advised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner: Option<Vec<u64>>,
    /// What an object would hold: a multiple of `inner` along each axis, near the proposed chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Vec<u64>>,
    /// Why, or why not.
    pub why: String,
}

/// Below this many objects, small chunks need no shards: listing them takes a few requests.
const FEW_OBJECTS: u64 = 10_000;
/// Inner chunks make the reads at least this much faster, or they are not worth a format that fewer readers know.
const FASTER: f64 = 0.6;
/// The smallest inner chunk, in bytes: below it a ranged GET is all latency.
const LEAST_INNER: u64 = 100_000;

/// Judges shards for an array whose proposed chunks are `chosen`. Readers' costs are those with several GETs at once:
/// alone, one GET after another, many small ones never help.
pub fn shards(subject: &Subject, chosen: &Score, terms: &Terms<'_>, v3: bool) -> Sharding {
    let not = |why: String| Sharding { advised: false, inner: None, shard: None, why };
    if !v3 {
        return not("not in Zarr v2, which has no shards".to_owned());
    }
    if chosen.chunks <= 1 || chosen.chunk_bytes < 2 * LEAST_INNER {
        return not("not for chunks this small: one GET brings all of it".to_owned());
    }
    let window = terms.window.inner(chosen.chunk_bytes / 2);
    let inside = |bytes: u64| bytes >= LEAST_INNER && window.fit(bytes) != Fit::Above;
    let free: Vec<_> = subject.axes.iter().map(|axis| crate::Axis { chosen: None, ..axis.clone() }).collect();
    let subject = &Subject { axes: free, ..subject.clone() };
    let at_once = |score: &Score| -> f64 { score.reads.iter().map(|read| read.weight * read.seconds_at_once).sum() };
    let found = candidates(subject, terms, inside);
    let lanes = f64::from(terms.reader.at_once.max(1));
    let Some(best) = found.into_iter().min_by(|a, b| {
        // In parallel a GET's latency is shared by as many as there are lanes, its bytes are not spared.
        let cost = |c: &crate::candidates::Candidate| c.cost_s / lanes + terms.reader.chunk_s(c.bytes);
        cost(a).total_cmp(&cost(b)).then_with(|| a.chunks.cmp(&b.chunks)).then_with(|| a.chunk.cmp(&b.chunk))
    }) else {
        return not("no finer grid fits inside these chunks".to_owned());
    };
    let inner = score(subject, &best.chunk, terms);
    let ratio = at_once(&inner) / at_once(chosen).max(f64::MIN_POSITIVE);
    let lanes = terms.reader.at_once;
    if ratio > FASTER {
        let (percent, inner) = (ratio * 100.0, shape(&best.chunk));
        return not(if ratio >= 1.0 {
            format!("inner chunks, such as {inner}, would make the reads no faster; plain chunks do")
        } else {
            format!(
                "the reads would take {percent:.0} % of the time with inner chunks of {inner}, too little gained for a format \
                 that fewer readers know; plain chunks do"
            )
        });
    }
    if inner.chunks <= FEW_OBJECTS {
        return not(format!(
            "with {lanes} GETs at once, chunks of {} ({}) would serve the reads in {:.0} % of the time, and make {} \
             objects only: choose these as plain chunks rather than shards",
            shape(&best.chunk),
            size(inner.chunk_bytes),
            ratio * 100.0,
            count(inner.chunks)
        ));
    }
    let shard: Vec<u64> = best
        .chunk
        .iter()
        .zip(&chosen.chunk)
        .map(|(inner, chunk)| ((real(*chunk) / real(*inner)).floor().max(1.0), *inner))
        .map(|(times, inner)| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small multiple")]
            let times = times as u64;
            times.saturating_mul(inner)
        })
        .collect();
    if terms.window.fit(subject.chunk_bytes(&shard)) == Fit::Above {
        return not("no multiple of the best inner chunks fits the window of sizes".to_owned());
    }
    let why = format!(
        "with {lanes} GETs at once, inner chunks of {} ({}) serve the reads in {:.0} % of the time, and shards of {} \
         keep the objects at {} instead of {}",
        shape(&best.chunk),
        size(inner.chunk_bytes),
        ratio * 100.0,
        shape(&shard),
        count(score(subject, &shard, terms).chunks),
        count(inner.chunks)
    );
    Sharding { advised: true, inner: Some(best.chunk), shard: Some(shard), why }
}

/// For people.
fn size(bytes: u64) -> String {
    format!("{:.1} MB", real(bytes) / 1e6)
}
