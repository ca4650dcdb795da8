use run::{Reason, ReasonKind, Verdict, keys};

use crate::setup::User;

#[tokio::test]
async fn a_report_is_shown_wherever_the_run_was() {
    let user = User::new().await;
    let published = user.ended("one", Verdict::Publish, &[]).await;
    let text = user.run(&format!("report {published}")).await.expect(0).stdout;
    assert!(text.contains("published s3://data/prism.zarr") && text.contains("slowest"), "{text}");
    let reason = Reason::new(ReasonKind::SourceRefused, "the server answered 500");
    let failed = user.ended("two", Verdict::Failed { reason }, &["tmx/3/0: the server answered 500"]).await;
    let text = user.run(&format!("report {failed}")).await.expect(0).stdout;
    assert!(text.contains("failed: the server answered 500") && text.contains("    tmx/3/0: the server"), "{text}");
    let json = user.run(&format!("report {failed} --json")).await.expect(0).json();
    assert_eq!(json["missing"][0], "tmx/3/0: the server answered 500");
    let open = user.converting("three", 3).await;
    user.run(&format!("report {open}")).await.expect(2).says("has not ended");

    // The same documents in a folder are a run of this machine.
    let folder = user.path("state/runs").join(published.as_str());
    std::fs::create_dir_all(&folder).unwrap();
    for key in [keys::request(&published), keys::plan(&published), keys::end(&published), keys::report(&published)] {
        std::fs::write(user.path("state").join(&key), user.get(&key).await.unwrap()).unwrap();
    }
    let here = user.run(&format!("report {published} --state-dir state")).await.expect(0).stdout;
    assert_eq!(here, user.run(&format!("report {published}")).await.expect(0).stdout);
    let mut command = user.command(&format!("report {published}"));
    command.env_remove("DAP2ZARR_STATE_BUCKET").env("DAP2ZARR_STATE_DIR", user.path("state"));
    assert_eq!(here.as_bytes(), command.output().await.unwrap().stdout);
    user.run("report x --state-dir nowhere").await.expect(2).says("there is no folder nowhere");
}
