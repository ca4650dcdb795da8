//! The first times are read for a plan, and for nothing else.

use std::time::Duration;

use run::ReasonKind;

use crate::{
    bench::{Bench, request, small_request, undisturbed},
    dataset::{Dataset, FIRST_TIMES as TIMES},
    gate::{Call, Fault, Port},
    reader,
};

fn of_times(call: &Call) -> bool {
    call.is(Port::Source, "fetch") && call.key == TIMES
}

fn fetches(bench: &Bench) -> Vec<String> {
    bench.shared.keys(Port::Source, "fetch")
}

#[tokio::test(start_paused = true)]
async fn a_look_at_a_source_asks_for_no_data_and_a_plan_for_four_times() {
    let bench = Bench::new(Dataset::full());
    let process = bench.process();
    steps::examine(&request().source, &process.ports).await.unwrap();
    assert_eq!(fetches(&bench), Vec::<String>::new());
    steps::preview(&request(), &process.ports).await.unwrap();
    assert_eq!(fetches(&bench), [TIMES]);
}

#[tokio::test(start_paused = true)]
async fn a_run_asks_once_and_no_receipt_counts_it() {
    let bench = Bench::new(Dataset::full());
    let end = bench.run(&request()).await;
    bench.assert_published(&end).await;
    let asked = fetches(&bench);
    assert_eq!(asked.iter().filter(|query| *query == TIMES).count(), 1);
    assert_eq!(asked[0], TIMES, "before any chunk");
    assert_eq!(end_requests(&bench, &end).await, asked.len() as u64 - 1);
    // Times without units say nothing, so nothing is asked.
    let bench = Bench::new(Dataset::small());
    bench.run(&small_request()).await;
    assert_eq!(fetches(&bench).len(), 5);
}

async fn end_requests(bench: &Bench, end: &run::End) -> u64 {
    let report: serde_json::Value = bench.document(&run::keys::report(&end.run)).await.unwrap();
    report["requests"].as_u64().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_the_times_is_planned_from_without() {
    let expected = undisturbed(Dataset::full(), &request()).await;
    for fault in [Fault::Permanent(ReasonKind::SourceRefused), Fault::TooLarge(None), Fault::Truncate(30)] {
        let bench = Bench::new(Dataset::full());
        bench.script(move |call| if of_times(call) { fault } else { Fault::None });
        let end = bench.run(&request()).await;
        bench.assert_published(&end).await;
        assert_eq!(reader::comparable(&bench.target.snapshot()), expected, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_busy_is_waited_for() {
    let bench = Bench::new(Dataset::full());
    let asked = Some(Duration::from_secs(20));
    bench.script(move |call| if of_times(call) && call.nth < 4 { Fault::Transient(asked) } else { Fault::None });
    let end = bench.run(&request()).await;
    bench.assert_published(&end).await;

    let bench = Bench::new(Dataset::full());
    bench.script(|call| if of_times(call) { Fault::Transient(None) } else { Fault::None });
    let end = bench.run(&request()).await;
    bench.assert_failed(&end, ReasonKind::SourceUnreachable).await;
    assert_eq!(fetches(&bench), [TIMES; 6]);
}
