use crate::{
    cloud::Script,
    setup::{User, outputs, request},
};

const AT: u64 = 1_900_000_000_000;

async fn user() -> (User, String) {
    let run = run::RunId::of_version(&request().digest().unwrap(), "one").to_string();
    let line = |level: &str, message: &str, rest: &str| {
        format!(r#"{{"level":"{level}","message":"{message}","run":"{run}"{rest}}}"#)
    };
    let logs = vec![
        ("/aws/lambda/climate-planner", vec![(AT, line("INFO", "chunks sent", r#","sent":9"#))]),
        (
            "/aws/lambda/climate-chunk",
            vec![
                (AT + 2_000, line("WARN", "trying again", r#","array":0,"chunk":"3/0","attempt":1"#)),
                (AT + 1_000, line("INFO", "written", r#","array":0,"chunk":"2/0""#)),
                (AT + 1_500, r#"{"level":"INFO","message":"another run's","run":"0"}"#.to_owned()),
            ],
        ),
        // The finalizer has not run yet, so it has no log group.
    ];
    (User::with(Script { outputs: Some(outputs()), logs }).await, run)
}

#[tokio::test]
async fn lines_of_all_functions_come_in_order() {
    let (user, run) = user().await;
    user.converting("one", 3).await;
    let text = user.run(&format!("logs {run} --stack climate")).await.expect(0).stdout;
    let expected = "\
2030-03-17 17:46:40.000Z  planner    INFO   chunks sent  sent=9
2030-03-17 17:46:41.000Z  chunk      INFO   written  array=0 chunk=2/0
2030-03-17 17:46:42.000Z  chunk      WARN   trying again  array=0 attempt=1 chunk=3/0
";
    assert_eq!(text, expected);
    let chunk = user.run(&format!("logs {run} --stack climate --chunk tmx/3/0 --json")).await.expect(0).stdout;
    assert_eq!(chunk.lines().count(), 1, "{chunk}");
    assert!(chunk.contains(r#""attempt":1"#), "{chunk}");
    let none = user.run(&format!("logs {run} --stack climate --function finalizer")).await.expect(0);
    none.says("no line of run");
    let late = user.run(&format!("logs {run} --stack climate --since 2030-03-17T17:46:41Z")).await.expect(0).stdout;
    assert_eq!(late.lines().count(), 2, "{late}");
    user.run(&format!("logs {run} --stack climate --chunk sst/0")).await.expect(2).says("it has tmx, time");
    user.run(&format!("logs {run}")).await.expect(2).says("name the stack with --stack");
}

#[tokio::test]
async fn following_ends_with_the_run() {
    let (user, run) = user().await;
    user.ended("one", run::Verdict::Publish, &[]).await;
    let text = user.run(&format!("logs {run} --stack climate --follow")).await.expect(0).stdout;
    assert_eq!(text.lines().count(), 3, "{text}");
}
