use run::{Request, RunId, keys};

use crate::setup::{SOURCE, TARGET, User, request, submission};

#[tokio::test]
async fn a_request_is_put_where_the_planner_looks() {
    let user = User::new().await;
    let finished = user.run(&submission()).await.expect(0);
    let run = RunId::try_from(finished.stdout.trim().to_owned()).unwrap();
    assert!(run.is_of(&request().digest().unwrap()));
    let requests = user.requests().await;
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with(&format!("requests/{}-2", request().digest().unwrap().short())), "{requests:?}");
    assert_eq!(Request::from_json(&user.get(&requests[0]).await.unwrap()).unwrap(), request());
    let finished = finished.says(&format!("dap2zarr status {run} --watch"));

    let status = user.run(&format!("status {}", finished.stdout.trim())).await.expect(0);
    assert!(status.stdout.contains("waiting for the planner"), "{}", status.stdout);
}

#[tokio::test]
async fn what_is_open_is_not_submitted_again() {
    let user = User::new().await;
    let open = user.opened("one").await;
    let finished = user.run(&submission()).await.expect(0).says("this request is open already");
    assert_eq!(finished.stdout.trim(), open.as_str());
    assert!(user.requests().await.is_empty());

    let other = format!("submit {SOURCE} {TARGET} --chunks time=2");
    user.run(&other).await.expect(4).says("would be ended by this one");
    assert!(user.requests().await.is_empty());
    user.run(&format!("{other} --force --json")).await.expect(0);
    assert_eq!(user.requests().await.len(), 1);
}

#[tokio::test]
async fn a_file_is_as_good_as_arguments() {
    let user = User::new().await;
    let dry = user.run(&format!("{} --dry-run", submission())).await.expect(0);
    assert!(user.requests().await.is_empty());
    std::fs::write(user.path("prism.json"), &dry.stdout).unwrap();
    let first = user.run("submit --request prism.json --name daily").await.expect(0);
    assert_eq!(user.requests().await, ["requests/daily.json"]);
    assert_eq!(user.get("requests/daily.json").await.unwrap(), dry.stdout.as_bytes());
    // The same again is the same object, so the same run.
    let again = user.run("submit --request prism.json --name daily").await.expect(0);
    assert_eq!(first.stdout, again.stdout);
    let other = format!("submit {SOURCE} s3://data/other.zarr --name daily");
    user.run(&other).await.expect(2).says("choose another --name");
}

#[tokio::test]
async fn mistakes_are_told_before_anything_is_sent() {
    let user = User::new().await;
    let cases = [
        ("submit http://h/x ./x.zarr", "use dap2zarr convert"),
        ("submit http://h/x gs://bucket/x", "is not a target"),
        ("submit http://h/x s3://data/x --chunks time=0", "`chunks.time` is 0"),
        ("submit http://h/x", "<TARGET>"),
        ("submit http://h/x s3://data/x --request x.json", "cannot be used with"),
        ("submit --request missing.json", "missing.json: No such file"),
        ("submit --request bad.json", "bad.json: "),
        ("submit --request folder.json", "dap2zarr convert does"),
        ("submit http://h/x s3://data/x --name ../x", "expected 1 to 100"),
        ("submit http://h/x s3://elsewhere/x --stack climate", "the stack writes below s3://data/ alone"),
    ];
    std::fs::write(user.path("bad.json"), br#"{"version":1,"source":"http://h/x","sauce":1}"#).unwrap();
    let folder = br#"{"version":1,"source":"http://h/x","target":{"folder":{"path":"/x"}}}"#;
    std::fs::write(user.path("folder.json"), folder).unwrap();
    for (arguments, message) in cases {
        user.run(arguments).await.expect(2).says(message);
    }
    let bad = user.run("submit --request bad.json").await.expect(2).says("sauce");
    assert!(bad.stdout.is_empty());
    assert!(user.requests().await.is_empty());
}

#[tokio::test]
async fn a_name_the_stack_gives_the_target_is_no_obstacle() {
    let user = User::new().await;
    let submitted = user.run(&submission()).await.expect(0);
    let computed = submitted.stdout.trim();
    // The stack has filled in its endpoint, so the request's digest is another.
    let (_, version) = computed.split_once('-').unwrap();
    let run = RunId::try_from(format!("0123456789ab-{version}")).unwrap();
    user.put_json(&keys::request(&run), &request()).await;
    user.put(&keys::open(&run), "").await;
    let status = user.run(&format!("status {computed} --json")).await.expect(0).json();
    assert_eq!((status["run"].as_str(), status["state"].as_str()), (Some(run.as_str()), Some("planning")));
}
