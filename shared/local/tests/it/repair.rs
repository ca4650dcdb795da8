//! Objects of the target that vanish or change before publishing: F63, F75, F15; I1, I8.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use futures::FutureExt;
use local::MemoryStore;
use run::{ReasonKind, Verdict};
use steps::ports::{Metadata, Store};

use crate::{
    bench::{Bench, small_request, undisturbed},
    dataset::Dataset,
    gate::{Call, Fault, Port},
    reader,
};

const VICTIM: &str = "v/c/1/0";

/// The LIST before publishing, and not that of the planner.
fn is_check(call: &Call) -> bool {
    call.is(Port::Target, "list") && call.nth > 1
}

/// Something is done to the target at every check, until so many rounds of repair were opened. The replies to the opening
/// of two rounds are lost, which costs no round.
fn vandal(bench: &Bench, times: usize, harm: fn(&MemoryStore)) {
    let (target, mut rounds) = (Arc::clone(&bench.target), BTreeSet::new());
    bench.script(move |call| {
        if is_check(call) && rounds.len() < times {
            harm(&target);
        }
        let opens = opens_round(call);
        let first = opens && rounds.insert(call.key.clone());
        if first && times == 2 { Fault::LoseReply } else { Fault::None }
    });
}

fn opens_round(call: &Call) -> bool {
    call.is(Port::State, "put_new") && call.key.contains("/repair/")
}

fn delete(target: &MemoryStore) {
    target.delete(VICTIM).now_or_never().unwrap().unwrap();
}

/// Other bytes of the same length.
fn corrupt(target: &MemoryStore) {
    let length = target.snapshot()[VICTIM].len();
    target.put(VICTIM, vec![7; length].into(), &Metadata::new()).now_or_never().unwrap().unwrap();
}

/// The same bytes under another tag.
fn touch(target: &MemoryStore) {
    let bytes = target.snapshot()[VICTIM].clone();
    target.put(VICTIM, bytes, &Metadata::new()).now_or_never().unwrap().unwrap();
}

fn cut(target: &MemoryStore) {
    target.put(VICTIM, Bytes::new(), &Metadata::new()).now_or_never().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_wrong_is_made_again() {
    let expected = undisturbed(Dataset::small(), &small_request()).await;
    for harm in [delete, corrupt, cut] {
        for times in 1..=2 {
            let bench = Bench::new(Dataset::small());
            vandal(&bench, times, harm);
            let end = bench.run(&small_request()).await;
            bench.assert_published(&end).await;
            assert_eq!(reader::comparable(&bench.target.snapshot()), expected);
            assert_eq!(bench.shared.keys(Port::Source, "fetch").len(), 5 + times);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_tag_alone_is_no_harm() {
    let bench = Bench::new(Dataset::small());
    vandal(&bench, 1, touch);
    let end = bench.run(&small_request()).await;
    bench.assert_published(&end).await;
    assert_eq!(bench.shared.keys(Port::Source, "fetch").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_stays_wrong_fails_the_run_by_name() {
    for harm in [delete, corrupt, cut] {
        let bench = Bench::new(Dataset::small());
        vandal(&bench, usize::MAX, harm);
        let end = bench.run(&small_request()).await;
        bench.assert_failed(&end, ReasonKind::Incomplete).await;
        assert_eq!(end.missing_chunks, 1, "{end:?}");
        assert!(end.missing[0].starts_with("v/1.0: "), "{end:?}");
        assert_eq!(bench.shared.keys(Port::Source, "fetch").len(), 5 + 2, "two rounds of repair");
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_be_read_for_a_while_fails_nothing() {
    let bench = Bench::new(Dataset::small());
    let target = Arc::clone(&bench.target);
    bench.script(move |call| {
        if is_check(call) && call.nth == 2 {
            touch(&target);
        }
        if call.is(Port::Target, "get") && call.nth < 4 { Fault::Transient(None) } else { Fault::None }
    });
    let end = bench.run(&small_request()).await;
    bench.assert_published(&end).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_answers_differently_is_not_trusted() {
    let bench = Bench::new(Dataset::small());
    let (target, source) = (Arc::clone(&bench.target), Arc::clone(&bench.source));
    bench.script(move |call| {
        if is_check(call) && call.nth == 2 {
            delete(&target);
            source.change(|dataset| dataset.shift = 1);
        }
        Fault::None
    });
    let end = bench.run(&small_request()).await;
    bench.assert_failed(&end, ReasonKind::Diverged).await;
    let Verdict::Failed { reason } = &end.verdict else { panic!() };
    assert!(reason.message.contains("chunk 1.0 of `v`"), "{reason}");
}
