//! The tick: lost triggers, lost messages, planners that are not heard of, and runs in each other's way. F31, F33, F34,
//! F54.

use std::time::Duration;

use run::{ChunkTask, Failure, PlanMessage, Reason, ReasonKind, Record, RunId, Target, Verdict, Wait, What, keys};
use steps::{
    Deadline, Message, Outcome, handle,
    ports::{Queue, Settlement, Store},
};

use crate::{
    bench::{Bench, Process, Queues, request, small_request, v2},
    dataset::Dataset,
    gate::{Fault, Port},
    stack,
};

const KEY: &str = "requests/one.json";
const MINUTE: Duration = Duration::from_mins(1);
/// Visibility and time-out.
const PATIENCE: Duration = Duration::from_mins(11);

/// Ticks once a minute.
async fn ticks(process: &Process, times: u32) {
    for _ in 0..times {
        tokio::time::sleep(MINUTE).await;
        process.tick().await;
    }
}

async fn plan_messages(process: &Process) -> Vec<PlanMessage> {
    let deliveries = process.plans.receive(1_000, Duration::ZERO).await.unwrap();
    for delivery in &deliveries {
        process.plans.settle(delivery, Settlement::Done).await.unwrap();
    }
    deliveries.iter().map(|delivery| serde_json::from_str(&delivery.body).unwrap()).collect()
}

/// A run whose chunks are sent, and the process with its queues.
async fn planned() -> (Bench, Process, RunId) {
    let bench = stack::bench(Dataset::small());
    let run = bench.submit(KEY, &small_request()).await;
    let process = bench.process();
    assert_eq!(process.request(KEY).await, Outcome::Done);
    (bench, process, run)
}

async fn finish(bench: &Bench, process: &Process, run: &RunId) {
    process.work().await;
    process.handle(Message::Records(process.reports().await)).await;
    bench.assert_published(&bench.end(run).await.unwrap()).await;
}

fn chunk(task: &ChunkTask) -> (u32, grid::ChunkIndex) {
    (task.array, task.chunk.clone())
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_trigger_was_lost_is_found() {
    let bench = stack::bench(Dataset::small());
    bench.submit(KEY, &small_request()).await;
    bench.put("requests/notes.txt", b"?").await;
    bench.put("requests/folder/", b"").await;
    let process = bench.process();
    process.tick().await;
    tokio::time::sleep(MINUTE).await;
    process.tick().await;
    assert_eq!(plan_messages(&process).await, [], "its trigger may be on its way");
    ticks(&process, 60).await;
    let request = PlanMessage::Request(KEY.to_owned());
    assert_eq!(plan_messages(&process).await, vec![request; 5], "after 2, 4, 8, 16 and 32 minutes");
    process.request(KEY).await;
    ticks(&process, 120).await;
    assert!(!plan_messages(&process).await.iter().any(|message| matches!(message, PlanMessage::Request(_))));
}

#[tokio::test(start_paused = true)]
async fn empty_queues_for_three_ticks_mean_that_messages_were_lost() {
    let (bench, process, run) = planned().await;
    assert_eq!(process.tasks().await.len(), 5, "and nobody makes them");
    ticks(&process, 2).await;
    assert_eq!(process.tasks().await, []);
    ticks(&process, 1).await;
    finish(&bench, &process, &run).await;
}

#[tokio::test(start_paused = true)]
async fn ticks_that_come_twice_do_not_count_twice() {
    let (_bench, process, _run) = planned().await;
    process.tasks().await;
    tokio::time::sleep(MINUTE).await;
    for _ in 0..10 {
        process.tick().await;
    }
    tokio::time::sleep(MINUTE).await;
    process.tick().await;
    assert_eq!(process.tasks().await, []);
    tokio::time::sleep(MINUTE).await;
    process.tick().await;
    assert_eq!(process.tasks().await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn messages_that_stay_hidden_are_waited_for() {
    let (bench, process, run) = planned().await;
    // In the hands of workers that died.
    let hidden = process.chunks.receive(100, Duration::ZERO).await.unwrap();
    ticks(&process, 10).await;
    let chunks = &process.chunks;
    assert_eq!(chunks.depth().waiting, 0, "nothing is sent while they may come back");
    ticks(&process, 2).await;
    assert_eq!(chunks.depth().waiting, 5);
    assert_eq!(chunks.depth().in_flight, hidden.len() as u64);
    finish(&bench, &process, &run).await;
}

#[tokio::test(start_paused = true)]
async fn sending_again_in_vain_ends_and_names_what_is_missing() {
    let (bench, process, run) = planned().await;
    // All but one are made; that one's messages vanish.
    let mut tasks = process.tasks().await;
    let lost = chunk(&tasks.pop().unwrap());
    for task in tasks {
        process.handle(Message::Chunk(task)).await;
    }
    process.handle(Message::Records(process.reports().await)).await;
    bench.script(|_| Fault::None);
    let mut sent = 0;
    for _ in 0..60 {
        ticks(&process, 1).await;
        let tasks = process.tasks().await;
        assert!(tasks.iter().all(|task| chunk(task) == lost), "only what is missing");
        sent += tasks.len();
    }
    assert_eq!(sent, 3, "two rounds and one for grace");
    let end = bench.end(&run).await.unwrap();
    bench.assert_failed(&end, ReasonKind::Incomplete).await;
    assert_eq!((end.missing_chunks, end.missing.len()), (1, 1), "{end:?}");
    let Verdict::Failed { reason } = &end.verdict else { panic!() };
    assert!(reason.message.contains("dead-letter queue"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_only_waits_costs_no_write() {
    let (bench, process, _run) = planned().await;
    ticks(&process, 3).await;
    bench.script(|_| Fault::None);
    ticks(&process, 7).await;
    let writes = bench.shared.calls().into_iter().filter(|call| call.is_put(Port::State));
    assert_eq!(writes.collect::<Vec<_>>(), []);
    assert!(bench.shared.calls().len() <= 7 * 14, "{} calls in 7 ticks", bench.shared.calls().len());
}

/// Two runs on two targets that share the queues: messages of the one stand before those of the other.
async fn two_runs() -> (Bench, Process, [RunId; 2]) {
    let bench = stack::bench(Dataset::full());
    let queues = Queues::new(Duration::from_hours(12));
    let process = bench.process_on(&queues, "stack");
    let mut runs = Vec::new();
    for name in ["a", "b"] {
        let key = format!("requests/{name}.json");
        let target = Target::Folder { path: format!("/{name}.zarr") };
        runs.push(bench.submit(&key, &run::Request { target, ..request() }).await);
        assert_eq!(process.request(&key).await, Outcome::Done);
        ticks(&process, 1).await;
    }
    (bench, process, runs.try_into().unwrap())
}

/// What each run was sent since.
async fn sent_to(process: &Process, run: &RunId) -> usize {
    process.tasks().await.iter().filter(|task| task.run == *run).count()
}

/// News of a run once a minute, with nobody else being heard of and a queue that is never empty.
async fn news_of(process: &Process, tasks: &mut Vec<ChunkTask>, minutes: usize) {
    for _ in 0..minutes {
        tokio::time::sleep(MINUTE).await;
        if let Some(task) = tasks.pop() {
            process.handle(Message::Chunk(task)).await;
            process.handle(Message::Records(process.reports().await)).await;
        }
        process.tick().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_behind_another_in_a_moving_queue_is_not_stalled() {
    let (_bench, process, [first, second]) = two_runs().await;
    let (mut of_first, _): (Vec<_>, Vec<_>) = process.tasks().await.into_iter().partition(|task| task.run == first);
    let never_empty = "{}".to_owned();
    process.chunks.send(&[never_empty]).await.unwrap();
    let hidden = process.chunks.receive(1, Duration::ZERO).await.unwrap();
    let minutes = 20.min(of_first.len() - 2);
    news_of(&process, &mut of_first, minutes).await;
    assert!(minutes as u64 > PATIENCE.as_secs() / 60 + 2);
    assert_eq!(sent_to(&process, &second).await, 0, "it is behind the first, which moves");
    // The first stops moving: now what is behind it is late too, after its time.
    ticks(&process, 10).await;
    assert_eq!(sent_to(&process, &second).await, 0);
    ticks(&process, 3).await;
    let tasks = process.tasks().await;
    assert!(tasks.iter().any(|task| task.run == second) && tasks.iter().any(|task| task.run == first));
    process.chunks.settle(&hidden[0], Settlement::Done).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_came_later_is_no_excuse() {
    let (_bench, process, [first, second]) = two_runs().await;
    let (mut of_second, _): (Vec<_>, Vec<_>) = process.tasks().await.into_iter().partition(|task| task.run == second);
    process.chunks.send(&["{}".to_owned()]).await.unwrap();
    let _hidden = process.chunks.receive(1, Duration::ZERO).await.unwrap();
    news_of(&process, &mut of_second, 14).await;
    let tasks = process.tasks().await;
    assert!(!tasks.is_empty() && tasks.iter().all(|task| task.run == first), "its messages would have come by now");
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_is_not_heard_of_is_asked_again_and_not_for_ever() {
    let bench = stack::bench(Dataset::small());
    let run = bench.submit(KEY, &small_request()).await;
    let process = bench.process();
    // It dies after it wrote the marker, and so does whoever is asked in its place.
    bench.script(|call| if call.verb == "document" { Fault::Kill } else { Fault::None });
    tokio::select! {
        _ = process.request(KEY) => panic!("it was killed"),
        () = process.gate.killed() => {}
    }
    let ticker = bench.process();
    // The source may have asked it to wait for an hour.
    ticks(&ticker, 71).await;
    assert_eq!(plan_messages(&ticker).await, []);
    ticks(&ticker, 144).await;
    assert_eq!(plan_messages(&ticker).await, vec![PlanMessage::Run(run.clone()); 3]);
    ticks(&ticker, 72).await;
    let end = bench.end(&run).await.unwrap();
    bench.assert_failed(&end, ReasonKind::Incomplete).await;
    let Verdict::Failed { reason } = end.verdict else { panic!() };
    assert!(reason.message.contains("planning did not come through"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_its_target_is_sent_nothing() {
    let bench = stack::bench(Dataset::small());
    bench.submit(KEY, &small_request()).await;
    let process = bench.process();
    process.request(KEY).await;
    process.tasks().await;
    let second = bench.submit(KEY, &v2(small_request())).await;
    let outcome = process.request(KEY).await;
    assert!(matches!(outcome, Outcome::Retry(after) if after > MINUTE), "the quarantine: {outcome:?}");
    assert!(bench.state.get(&keys::plan(&second)).await.unwrap().is_some());
    ticks(&process, 8).await;
    assert_eq!(process.tasks().await, [], "before the planner is through nothing is sent, whatever stalls");
    assert_eq!(process.request(KEY).await, Outcome::Done);
    finish(&bench, &process, &second).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_be_read_ends_and_holds_up_no_other() {
    for broken in [keys::plan, keys::watch, keys::decision, |run: &RunId| keys::sending(run, 0)] {
        let (bench, process, [first, second]) = two_runs().await;
        process.tasks().await;
        bench.put(&broken(&first), b"{").await;
        let fresh = bench.process();
        ticks(&fresh, 4).await;
        let tasks = fresh.tasks().await;
        assert!(tasks.iter().any(|task| task.run == second), "{}", broken(&first));
        let readable = broken(&first) == keys::watch(&first);
        assert_eq!(tasks.iter().any(|task| task.run == first), readable);
        let ended = bench.state.get(&keys::end(&first)).await.unwrap().is_some();
        assert_eq!(ended, !readable && broken(&first) != keys::decision(&first), "{}", broken(&first));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tick_without_time_begins_nothing() {
    let (bench, process, _run) = planned().await;
    bench.script(|_| Fault::None);
    let soon = Deadline::at(process.ports.world.now() + Duration::from_secs(5));
    assert_eq!(handle(Message::Tick, &process.ports, soon).await, Outcome::Done);
    assert_eq!(bench.shared.keys(Port::State, "get"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_deferred_chunk_is_sent_when_its_time_has_come_and_once() {
    let (bench, process, run) = planned().await;
    let mut tasks = process.tasks().await;
    let late = tasks.pop().unwrap();
    for task in tasks {
        process.handle(Message::Chunk(task)).await;
    }
    let mut records = process.reports().await;
    let until = process.ports.world.now() + Duration::from_mins(5);
    let what = What::Deferred { array: late.array, chunk: late.chunk.clone(), until, wait: Wait::Asked };
    records.push(Record { run: run.clone(), what });
    process.handle(Message::Records(records)).await;
    ticks(&process, 4).await;
    assert_eq!(process.tasks().await, [], "though the queues were empty all the time");
    ticks(&process, 2).await;
    assert_eq!(process.tasks().await, std::slice::from_ref(&late));
    // It is on its way.
    process.chunks.send(&["{}".to_owned()]).await.unwrap();
    let hidden = process.chunks.receive(1, Duration::ZERO).await.unwrap();
    ticks(&process, 5).await;
    assert_eq!(process.tasks().await, []);
    process.chunks.settle(&hidden[0], Settlement::Done).await.unwrap();
    process.handle(Message::Chunk(late)).await;
    process.handle(Message::Records(process.reports().await)).await;
    bench.assert_published(&bench.end(&run).await.unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_put_off_while_it_is_repaired_is_not_forgotten() {
    let (bench, process, run) = planned().await;
    process.work().await;
    bench.target.delete("v/c/1/0").await.unwrap();
    bench.script(|_| Fault::None);
    process.handle(Message::Records(process.reports().await)).await;
    assert_eq!(bench.shared.keys(Port::Chunks, "send"), Vec::<String>::new(), "records send nothing");
    ticks(&process, 1).await;
    let [task]: [ChunkTask; 1] = process.tasks().await.try_into().unwrap();
    assert!(task.afresh);
    let until = process.ports.world.now() + Duration::from_mins(6);
    let what = What::Deferred { array: task.array, chunk: task.chunk.clone(), until, wait: Wait::Asked };
    process.handle(Message::Records(vec![Record { run: run.clone(), what }])).await;
    ticks(&process, 5).await;
    assert_eq!(process.tasks().await, [], "no other round meanwhile");
    ticks(&process, 2).await;
    assert_eq!(process.tasks().await, std::slice::from_ref(&task));
    process.handle(Message::Chunk(task)).await;
    process.handle(Message::Records(process.reports().await)).await;
    bench.assert_published(&bench.end(&run).await.unwrap()).await;
    assert_eq!(bench.shared.keys(Port::Source, "fetch").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_time_puts_its_chunk_off_and_the_run_ends_in_the_end() {
    let (bench, process, run) = planned().await;
    bench.script(|_| Fault::None);
    let mut begun = 0;
    for _ in 0..10 {
        for task in process.tasks().await {
            begun += 1;
            let soon = Deadline::at(process.ports.world.now() + Duration::from_secs(14));
            let outcome = handle(Message::Chunk(task), &process.ports, soon).await;
            assert!(matches!(outcome, Outcome::Deferred(_)), "{outcome:?}");
        }
        let records = process.reports().await;
        process.handle(Message::Records(records)).await;
        ticks(&process, 1).await;
    }
    assert_eq!(begun, 5 * 4, "each four times");
    assert_eq!(bench.shared.keys(Port::Source, "fetch"), Vec::<String>::new());
    let end = bench.end(&run).await.unwrap();
    bench.assert_failed(&end, ReasonKind::Incomplete).await;
    let Verdict::Failed { reason } = end.verdict else { panic!() };
    assert!(reason.message.contains("a worker's time does not suffice"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_took_all_the_time_is_not_written() {
    let (bench, process, _run) = planned().await;
    bench.script(|call| if call.verb == "fetch" { Fault::Delay(Duration::from_secs(17)) } else { Fault::None });
    let task = process.tasks().await.remove(0);
    let soon = Deadline::at(process.ports.world.now() + Duration::from_secs(20));
    let outcome = handle(Message::Chunk(task), &process.ports, soon).await;
    assert!(matches!(outcome, Outcome::Deferred(_)), "{outcome:?}");
    assert_eq!(bench.shared.keys(Port::Target, "put"), Vec::<String>::new());
    let [record] = process.reports().await.try_into().unwrap();
    assert!(matches!(record, Record { what: What::Deferred { wait: Wait::OutOfTime, .. }, .. }), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_was_lost_ends_the_run_at_once_unless_its_chunk_is_there() {
    let (bench, process, run) = planned().await;
    let tasks = process.tasks().await;
    let lost = |task: &ChunkTask| {
        let reason = Reason::new(ReasonKind::Internal, "no worker came back");
        let failure = Failure { array: task.array, chunk: task.chunk.clone(), reason };
        Record { run: run.clone(), what: What::Failure(failure) }
    };
    process.handle(Message::Chunk(tasks[0].clone())).await;
    process.handle(Message::Records(process.reports().await)).await;
    process.handle(Message::Records(vec![lost(&tasks[0])])).await;
    assert_eq!(bench.end(&run).await, None, "another delivery made it");
    process.handle(Message::Records(vec![lost(&tasks[1])])).await;
    let end = bench.end(&run).await.unwrap();
    bench.assert_failed(&end, ReasonKind::Internal).await;
    let Verdict::Failed { reason } = &end.verdict else { panic!() };
    assert!(reason.message.starts_with("chunk ") && reason.message.contains("of `v`: no worker"), "{reason}");
}
