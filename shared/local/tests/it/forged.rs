//! Messages that no planner of ours sent: F39, F43. Nothing is fetched for them, and they end no run.

use std::time::Duration;

use grid::ChunkIndex;
use run::{ChunkTask, Digest, End, Failure, Reason, ReasonKind, Record, RunId, What, keys};
use steps::{Message, Outcome};

use crate::{
    bench::{Bench, small_request},
    dataset::Dataset,
    gate::{Fault, Port},
};

fn forgeries(task: &ChunkTask) -> Vec<ChunkTask> {
    vec![
        ChunkTask { plan: Digest::of(b"another plan"), ..task.clone() },
        ChunkTask { run: RunId::attempt(&Digest::of(b"nobody's"), 1), ..task.clone() },
        ChunkTask { array: 99, ..task.clone() },
        ChunkTask { array: u32::MAX, ..task.clone() },
        ChunkTask { chunk: ChunkIndex::new(vec![9, 0]), ..task.clone() },
        ChunkTask { chunk: ChunkIndex::new(vec![u64::MAX, u64::MAX]), ..task.clone() },
        ChunkTask { chunk: ChunkIndex::new(vec![]), ..task.clone() },
        ChunkTask { chunk: ChunkIndex::new(vec![0; 40]), ..task.clone() },
    ]
}

#[tokio::test(start_paused = true)]
async fn a_forged_task_costs_nothing_and_ends_nothing() {
    let bench = Bench::new(Dataset::small());
    let run = bench.open(&small_request(), 1).await;
    let process = bench.process();
    process.plan(&run).await;
    let tasks = process.tasks().await;
    bench.script(|_| Fault::None);
    for task in forgeries(&tasks[0]) {
        let outcome = process.handle(Message::Chunk(task.clone())).await;
        assert!(
            matches!(&outcome, Outcome::Failed(reason) if reason.kind == ReasonKind::State),
            "{task:?} {outcome:?}"
        );
    }
    let outside = bench.shared.calls().into_iter().filter(|call| call.port != Port::State);
    assert_eq!(outside.collect::<Vec<_>>(), [], "no fetch, no look at the target, no record");
    for task in tasks {
        process.handle(Message::Chunk(task)).await;
    }
    process.handle(Message::Records(process.reports().await)).await;
    bench.assert_published(&bench.document::<End>(&keys::end(&run)).await.unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn records_of_chunks_that_are_not_planned_do_not_count() {
    let bench = Bench::new(Dataset::small());
    let run = bench.open(&small_request(), 1).await;
    let process = bench.process();
    process.plan(&run).await;
    process.work().await;
    let records = process.reports().await;
    let forged = |array: u32, chunk: u64| {
        let reason = Reason::new(ReasonKind::Internal, "gotcha");
        let failure = Failure { array, chunk: ChunkIndex::new(vec![chunk, 0]), reason };
        Record { run: run.clone(), what: What::Failure(failure) }
    };
    let mut receipt = records[0].clone();
    if let What::Receipt(receipt) = &mut receipt.what {
        receipt.chunk = ChunkIndex::new(vec![7, 7]);
    }
    let unknown = Record { run: RunId::attempt(&Digest::of(b"nobody's"), 1), ..records[0].clone() };
    let outcome = process.handle(Message::Records(vec![forged(0, 9), forged(77, 0), receipt, unknown])).await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(bench.document::<End>(&keys::end(&run)).await, None);
    process.handle(Message::Records(records)).await;
    bench.assert_published(&bench.document::<End>(&keys::end(&run)).await.unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_runs_that_nobody_knows_are_dropped() {
    let bench = Bench::new(Dataset::small());
    let process = bench.process();
    let run = RunId::attempt(&Digest::of(b"nobody's"), 1);
    assert_eq!(process.sweep(&run, true).await, Outcome::Done);
    assert_eq!(process.handle(Message::Records(Vec::new())).await, Outcome::Done);
    let outcome = process.plan(&run).await;
    assert!(matches!(&outcome, Outcome::Failed(reason) if reason.kind == ReasonKind::BadRequest), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn text_that_is_no_message_stops_no_worker() {
    let bench = Bench::new(Dataset::small());
    let run = bench.open(&small_request(), 1).await;
    let process = bench.process();
    for queue in [&process.chunks, &process.records] {
        let texts = ["", "{}", "null", "[", "\u{0}", "{\"run\":\"../x\"}"].map(str::to_owned);
        steps::ports::Queue::send(queue.as_ref(), &texts).await.unwrap();
    }
    let Some(Ok(local::Driven::Ended(end))) = process.drive(&run).await else { panic!() };
    bench.assert_published(&end).await;
    assert!(process.chunks.depth().is_empty());
    tokio::time::sleep(Duration::from_secs(1)).await;
}
