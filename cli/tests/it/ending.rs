//! Cancelling and resuming.

use run::{Decision, Reason, ReasonKind, Request, Verdict, keys};

use crate::setup::{User, request};

#[tokio::test]
async fn cancelling_is_a_decision() {
    let user = User::new().await;
    let open = user.converting("one", 3).await;
    let told = user.run(&format!("cancel {open}")).await.expect(0).says("is cancelled");
    told.says("3 chunks in the target stay there");
    let decision: Decision = serde_json::from_slice(&user.get(&keys::decision(&open)).await.unwrap()).unwrap();
    assert_eq!(decision.verdict, Verdict::Cancelled);
    user.run(&format!("cancel {open}")).await.expect(0).says("is cancelled");
    let status = user.run(&format!("status {open}")).await.expect(0).stdout;
    assert!(status.contains("cancelling"), "{status}");
}

#[tokio::test]
async fn what_is_published_is_not_cancelled() {
    let user = User::new().await;
    let published = user.ended("one", Verdict::Publish, &[]).await;
    user.run(&format!("cancel {published}")).await.expect(2).says("was published already: s3://data/prism.zarr");
    let cancelled = user.ended("two", Verdict::Cancelled, &[]).await;
    let json = user.run(&format!("cancel {cancelled} --json")).await.expect(0).json();
    assert_eq!(json["verdict"], "cancelled");
    user.run("cancel 000000000000-v000000000000").await.expect(2).says("there is no run");
}

#[tokio::test]
async fn resuming_submits_the_request_again() {
    let user = User::new().await;
    let reason = Reason::new(ReasonKind::SourceUnreachable, "the server is down");
    let failed = user.ended("one", Verdict::Failed { reason }, &["tmx/3/0: not tried or not finished"]).await;
    let told = user.run(&format!("resume {failed}")).await.expect(0);
    assert_ne!(told.stdout.trim(), failed.as_str());
    assert!(told.stdout.starts_with(request().digest().unwrap().short()), "{}", told.stdout);
    let requests = user.requests().await;
    assert_eq!(requests.len(), 1);
    assert_eq!(Request::from_json(&user.get(&requests[0]).await.unwrap()).unwrap(), request());
}

#[tokio::test]
async fn what_needs_no_help_is_left_alone() {
    let user = User::new().await;
    let open = user.converting("one", 3).await;
    let told = user.run(&format!("resume {open}")).await.expect(0).says("needs no help");
    assert_eq!(told.stdout.trim(), open.as_str());
    let published = user.ended("two", Verdict::Publish, &[]).await;
    user.run(&format!("resume {published} --watch")).await.expect(0).says("nothing left to do");
    // The open run asks for the same, so what failed before is under way already.
    let failed = user.ended("three", Verdict::Cancelled, &[]).await;
    let told = user.run(&format!("resume {failed}")).await.expect(0).says("open already");
    assert_eq!(told.stdout.trim(), open.as_str());
    assert!(user.requests().await.is_empty());
}
