use run::ReasonKind;

use crate::{
    dds, fetch, permanent,
    scripted::{Scripted, answer, send},
    source,
};

/// Sends everything to the same path on another port, as a change from http to https would.
async fn moved_to(port: u16, rewrite: fn(&str) -> String) -> Scripted {
    Scripted::start(move |request| {
        let location = format!("Location: http://127.0.0.1:{port}{}\r\n", rewrite(&request.target));
        send("302 Found", &location, "moved")
    })
    .await
}

#[tokio::test]
async fn a_redirect_of_the_dds_is_remembered_for_the_data() {
    let new = Scripted::always(&answer("200 OK", "", "Dataset {")).await;
    let old = moved_to(new.port, str::to_owned).await;
    let source = source();
    dds(&source, &old.url()).await.unwrap();
    for _ in 0..2 {
        fetch(&source, &old.url()).await.unwrap();
    }
    assert_eq!(old.targets(), ["/d.nc.dds"]);
    assert_eq!(new.targets(), ["/d.nc.dds", "/d.nc.dods?v%5B0:1%5D", "/d.nc.dods?v%5B0:1%5D"]);
}

#[tokio::test]
async fn where_a_redirect_led_is_forgotten_when_nobody_answers_there() {
    let new = Scripted::start(|request| match request.number {
        0 => send("200 OK", "", "Dataset {"),
        _ => vec![crate::scripted::Step::Close],
    })
    .await;
    let old = moved_to(new.port, str::to_owned).await;
    let source = source();
    dds(&source, &old.url()).await.unwrap();
    fetch(&source, &old.url()).await.unwrap_err();
    fetch(&source, &old.url()).await.unwrap_err();
    assert_eq!(old.targets(), ["/d.nc.dds", "/d.nc.dods?v%5B0:1%5D"]);
}

#[tokio::test]
async fn brackets_encoded_twice_are_refused_before_they_are_sent() {
    let new = Scripted::always(&answer("200 OK", "", "Dataset {")).await;
    let old = moved_to(new.port, |target| target.replace('%', "%25").replace("5B", "5b")).await;
    let (kind, message) = permanent(fetch(&source(), &old.url()).await);
    assert_eq!(kind, ReasonKind::SourceRefused);
    let expected = format!("give http://127.0.0.1:{}/d.nc as the dataset's URL", new.port);
    assert!(message.contains("%255B") && message.ends_with(&expected), "{message}");
    assert_eq!((old.requests().len(), new.requests().len()), (1, 0));

    // After the DDS showed the way, the data is asked for there.
    let source = source();
    dds(&source, &old.url()).await.unwrap();
    fetch(&source, &old.url()).await.unwrap();
    assert_eq!(new.targets(), ["/d.nc.dds", "/d.nc.dods?v%5B0:1%5D"]);
}

#[tokio::test]
async fn a_loop_ends_after_five() {
    let server = Scripted::always(&answer("301 Moved", "Location: /d.nc.dds\r\n", "")).await;
    let (kind, message) = permanent(dds(&source(), &server.url()).await);
    assert_eq!((kind, server.requests().len()), (ReasonKind::SourceRefused, 6));
    assert!(message.starts_with("more than 5 redirects"), "{message}");
}
