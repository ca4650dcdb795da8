//! Finding the stack.

use crate::{
    cloud::Script,
    setup::{User, finished, outputs},
};

#[tokio::test]
async fn a_stack_is_found_by_its_name() {
    let user = User::new().await;
    let open = user.converting("one", 3).await;
    let table = user.run("status --stack climate").await.expect(0).stdout;
    assert!(table.contains(open.as_str()), "{table}");
    let told = user.run(&format!("status {open} --watch --stack nowhere")).await.expect(2);
    told.says("there is no stack `nowhere` in us-east-1").says("--region").says("--profile");
}

#[tokio::test]
async fn what_is_no_stack_of_ours_says_so() {
    let user = User::with(Script { outputs: Some(vec![("Url", "http://x")]), ..Script::default() }).await;
    user.run("status --stack climate").await.expect(2).says("is not a dap2zarr stack");
    let mut command = user.command("status");
    command.env_remove("DAP2ZARR_STATE_BUCKET");
    finished(command.output().await.unwrap()).expect(2).says("which stack?").says("DAP2ZARR_STACK");
    user.run("status --state-bucket no-such-bucket").await.expect(1).says("create bucket `no-such-bucket`");
}

#[tokio::test]
async fn missing_keys_and_silence_are_told_apart() {
    let user = User::with(Script { outputs: Some(outputs()), ..Script::default() }).await;
    let mut command = user.command("status --stack climate");
    command.env_remove("AWS_ACCESS_KEY_ID");
    finished(command.output().await.unwrap()).expect(1).says("no credentials").says("AWS_SECRET_ACCESS_KEY");
    let mut command = user.command("status --stack climate");
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    finished(command.output().await.unwrap()).expect(1).says("stack `climate` cannot be looked up");
}
