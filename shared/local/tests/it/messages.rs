//! Messages that come twice, late, in another order or not at all: F28 to F33, F38, F53; I7.

use std::time::Duration;

use run::{End, ReasonKind, Record, What, keys};
use steps::{Message, Outcome};

use crate::{
    bench::{Bench, request, small_request, undisturbed},
    dataset::Dataset,
    gate::{Fault, Port},
    reader,
};

/// A run in which every send of messages has this fault.
async fn with_messages(fault: Fault) -> Bench {
    let bench = Bench::new(Dataset::full());
    bench.script(move |call| if call.verb == "send" { fault } else { Fault::None });
    let end = bench.run(&request()).await;
    bench.assert_published(&end).await;
    assert_eq!(reader::comparable(&bench.target.snapshot()), undisturbed(Dataset::full(), &request()).await);
    bench
}

#[tokio::test(start_paused = true)]
async fn duplicated_messages_change_nothing() {
    with_messages(Fault::Duplicate).await;
}

#[tokio::test(start_paused = true)]
async fn reordered_messages_change_nothing() {
    with_messages(Fault::Reverse).await;
}

#[tokio::test(start_paused = true)]
async fn late_messages_change_nothing() {
    with_messages(Fault::Later(Duration::from_secs(20))).await;
}

#[tokio::test(start_paused = true)]
async fn lost_chunk_messages_are_sent_again() {
    let bench = Bench::new(Dataset::full());
    bench.script(|call| if call.is(Port::Chunks, "send") && call.number < 60 { Fault::Drop } else { Fault::None });
    let end = bench.run(&request()).await;
    bench.assert_published(&end).await;
    assert!(bench.shared.keys(Port::Chunks, "send").len() > 1);
}

#[tokio::test(start_paused = true)]
async fn lost_receipts_cost_a_look_and_no_request() {
    let bench = Bench::new(Dataset::full());
    let mut sends = 0;
    bench.script(move |call| {
        let send = call.is(Port::Records, "send");
        sends += usize::from(send);
        if send && sends <= 12 { Fault::Drop } else { Fault::None }
    });
    let end = bench.run(&request()).await;
    bench.assert_published(&end).await;
    assert_eq!(bench.shared.chunk_fetches().len(), 31);
    let puts = bench.shared.keys(Port::Target, "put").len();
    assert_eq!(puts, 31 + 9, "31 chunks, 8 arrays and the root are each written once");
}

#[tokio::test(start_paused = true)]
async fn two_finalizers_at_once_write_the_same_and_agree() {
    let bench = Bench::new(Dataset::small());
    let run = bench.open(&small_request(), 1).await;
    let planner = bench.process();
    assert_eq!(planner.plan(&run).await, Outcome::Done);
    planner.work().await;
    let records = planner.reports().await;
    let (one, two) = (bench.process(), bench.process());
    bench.script(|call| Fault::Delay(Duration::from_millis((call.number as u64 * 7) % 31)));
    let (first, second) = records.split_at(3);
    let outcomes = tokio::join!(
        one.handle(Message::Records(first.to_vec())),
        two.handle(Message::Records(second.to_vec())),
        one.sweep(&run, true),
        two.sweep(&run, false),
    );
    for outcome in [outcomes.0, outcomes.1, outcomes.2, outcomes.3] {
        assert!(matches!(outcome, Outcome::Done | Outcome::Retry(_)), "{outcome:?}");
    }
    let end: End = bench.document(&keys::end(&run)).await.unwrap();
    bench.assert_published(&end).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_after_the_end_changes_nothing() {
    let bench = Bench::new(Dataset::small());
    let run = bench.open(&small_request(), 1).await;
    let process = bench.process();
    process.plan(&run).await;
    let tasks = process.tasks().await;
    for task in &tasks {
        process.handle(Message::Chunk(task.clone())).await;
    }
    let records = process.reports().await;
    process.handle(Message::Records(records.clone())).await;
    let end: End = bench.document(&keys::end(&run)).await.unwrap();
    bench.assert_published(&end).await;
    let before = (bench.state.snapshot(), bench.target.snapshot());
    bench.script(|_| Fault::None);
    process.plan(&run).await;
    for task in tasks {
        assert_eq!(process.handle(Message::Chunk(task)).await, Outcome::Done);
    }
    process.handle(Message::Records(records)).await;
    process.sweep(&run, true).await;
    assert_eq!((bench.state.snapshot(), bench.target.snapshot()), before);
    assert_eq!(bench.shared.keys(Port::Source, "fetch"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn one_deferral_told_often_is_one_deferral() {
    let bench = Bench::new(Dataset::full());
    let run = bench.open(&request(), 1).await;
    let process = bench.process();
    process.plan(&run).await;
    let mut tasks = process.tasks().await;
    let last = tasks.pop().unwrap();
    for task in &tasks {
        process.handle(Message::Chunk(task.clone())).await;
    }
    let until = process.ports.world.now() + Duration::from_mins(10);
    let what = What::Deferred { array: last.array, chunk: last.chunk.clone(), until, wait: run::Wait::Asked };
    let deferred = Record { run: run.clone(), what };
    // The batch is delivered again and again, each time with another receipt.
    for receipt in process.reports().await {
        let outcome = process.handle(Message::Records(vec![deferred.clone(), receipt])).await;
        assert_eq!(outcome, Outcome::Done);
    }
    assert_eq!(bench.document::<End>(&keys::end(&run)).await, None, "it is still to be made");
    process.handle(Message::Chunk(last)).await;
    process.handle(Message::Records(process.reports().await)).await;
    let end: End = bench.document(&keys::end(&run)).await.unwrap();
    bench.assert_published(&end).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_a_broken_run_serves_the_others() {
    let bench = Bench::new(Dataset::small());
    let whole = bench.open(&small_request(), 1).await;
    let process = bench.process();
    process.plan(&whole).await;
    process.work().await;
    let mut records = process.reports().await;
    // A run whose plan cannot be read, and whose name sorts before the other.
    let broken: run::RunId = "0-1".to_owned().try_into().unwrap();
    steps::ports::Store::put_new(bench.state.as_ref(), &keys::plan(&broken), "{".into()).await.unwrap();
    records.insert(0, Record { run: broken, ..records[0].clone() });
    let outcome = process.handle(Message::Records(records)).await;
    assert!(matches!(&outcome, Outcome::Failed(reason) if reason.kind == ReasonKind::State), "{outcome:?}");
    let end: End = bench.document(&keys::end(&whole)).await.unwrap();
    bench.assert_published(&end).await;
}
