use std::time::Duration;

use run::{Reason, ReasonKind, Verdict};

use crate::setup::{User, finished};

fn failed() -> Verdict {
    Verdict::Failed { reason: Reason::new(ReasonKind::SourceRefused, "chunk 3 of `tmx`: the server answered 500") }
}

#[tokio::test]
async fn runs_are_listed_and_looked_at() {
    let user = User::new().await;
    let empty = user.run("status").await.expect(0).says("there is no run yet");
    assert!(empty.stdout.is_empty());
    let published = user.ended("one", Verdict::Publish, &[]).await;
    let open = user.converting("two", 3).await;
    let table = user.run("status").await.expect(0).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].contains(open.as_str()) && lines[1].contains("converting") && lines[1].contains("3/9"), "{table}");
    assert!(lines[2].contains(published.as_str()) && lines[2].contains("published"), "{table}");
    let only_open = user.run("status --ended 0 --json").await.expect(0).json();
    assert_eq!(only_open["runs"].as_array().unwrap().len(), 1);
    assert_eq!(only_open["runs"][0]["chunks"]["planned"], 9);

    let one = user.run(&format!("status {open}")).await.expect(0).stdout;
    assert!(one.contains("converting: 3 of 9 chunks (33 %)"), "{one}");
    let prefix = open.as_str().split('-').next().unwrap();
    user.run(&format!("status {prefix}")).await.expect(2).says("begins 2 runs");
    user.run("status 000000").await.expect(2).says("there is no run `000000`");
    user.run("status NOT-A-RUN").await.expect(2).says("is not a run's id");
}

#[tokio::test]
async fn watching_ends_with_the_run() {
    let user = User::new().await;
    let published = user.ended("one", Verdict::Publish, &[]).await;
    user.run(&format!("status {published} --watch")).await.expect(0).says("published s3://data/prism.zarr");
    let failed = user.ended("two", failed(), &["tmx/3/0: the server answered 500"]).await;
    let told = user.run(&format!("status {failed} --watch")).await.expect(3).says("the server answered 500");
    told.says(&format!("dap2zarr resume {failed}"));
    let json = user.run(&format!("status {failed} --watch --json")).await.expect(3).json();
    assert_eq!(json["missing_chunks"], 1);

    let open = user.converting("three", 8).await;
    let watching = user.spawn(&format!("status {open} --watch"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    user.ended("three", Verdict::Publish, &[]).await;
    let told = finished(watching.wait_with_output().await.unwrap()).expect(0);
    told.says("planned 9 chunks").says("8/9 chunks").says("published");
}

#[tokio::test]
async fn whoever_stops_watching_stops_nothing_else() {
    let user = User::new().await;
    let open = user.converting("one", 3).await;
    let watching = user.spawn(&format!("status {open} --watch"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let id = watching.id().unwrap();
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -INT {id}")]).status().unwrap();
    assert!(sent.success());
    let told = finished(watching.wait_with_output().await.unwrap()).expect(130);
    told.says("the run goes on").says(&format!("dap2zarr cancel {open}"));
    assert_eq!(user.get(&run::keys::decision(&open)).await, None);
}

#[tokio::test]
async fn a_request_that_cannot_be_read_hides_nothing() {
    let user = User::new().await;
    let open = user.converting("one", 3).await;
    let refused = user.ended("two", failed(), &[]).await;
    user.put(&run::keys::request(&refused), "{").await;
    user.put("runs/ffffffffffff-1/plan.json", "{").await;
    let told = user.run("status").await.expect(0);
    assert!(told.stdout.contains(open.as_str()) && told.stdout.contains(refused.as_str()), "{}", told.stdout);
    let told = told.says("run ffffffffffff-1 is left out: runs/ffffffffffff-1/plan.json cannot be read");
    assert_eq!(told.stdout.lines().count(), 3);
    user.run(&format!("resume {refused}")).await.expect(2).says("the request is not valid");
    // It may be to the same target, or not: nothing can be said of it.
    user.run(&crate::setup::submission()).await.expect(0).says("open already");
}
