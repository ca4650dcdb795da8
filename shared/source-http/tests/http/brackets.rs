use dap::BodyError;
use dap_server::{Array, Behaviour, Dataset, Server};
use run::{ReasonKind, SourceUrl};
use steps::ports::SourceError;

use crate::{
    fetch, permanent,
    scripted::{Scripted, answer, send},
    source, transient,
};

const ENCODED: &str = "/d.nc.dods?v%5B0:1%5D";
const RAW: &str = "/d.nc.dods?v[0:1]";

async fn dap_server(change: impl FnOnce(&mut Behaviour)) -> (Server, SourceUrl) {
    let server = Server::start([Dataset::new("d.nc").with(Array::new("v", [("x", 2)], [7i32, 8]))]).await.unwrap();
    server.change(change);
    let url = server.url("d.nc").parse().unwrap();
    (server, url)
}

#[tokio::test]
async fn encoded_brackets_come_first() {
    let (server, url) = dap_server(|behaviour| behaviour.refuse_raw_brackets = true).await;
    let body = fetch(&source(), &url).await.unwrap();
    assert!(body.ends_with(&[0, 0, 0, 7, 0, 0, 0, 8]), "{body:?}");
    assert_eq!(server.stats().dods, 1);
}

#[tokio::test]
async fn raw_brackets_are_tried_once_and_remembered_for_the_host() {
    let (server, url) = dap_server(|behaviour| behaviour.refuse_encoded_brackets = true).await;
    let source = source();
    for _ in 0..3 {
        fetch(&source, &url).await.unwrap();
    }
    assert_eq!(server.stats().dods, 4);
}

#[tokio::test]
async fn raw_brackets_that_do_not_work_either_are_not_remembered() {
    let server = Scripted::start(|request| {
        let form = if request.target.contains('[') { "raw" } else { "encoded" };
        send("400 Bad Request", "", &format!("Error {{ code = 400; message = \"no {form}\"; }};"))
    })
    .await;
    let source = source();
    for _ in 0..2 {
        let (kind, message) = permanent(fetch(&source, &server.url()).await);
        assert_eq!(kind, ReasonKind::SourceRefused);
        assert!(message.contains("no encoded"), "{message}");
    }
    assert_eq!(server.targets(), [ENCODED, RAW, ENCODED, RAW]);
}

#[tokio::test]
async fn a_file_missing_where_encoded_brackets_work_is_asked_for_once() {
    let server = Scripted::start(|request| match request.number {
        0 => send("200 OK", "", "Dataset {"),
        _ => send("404 Not Found", "", ""),
    })
    .await;
    let source = source();
    fetch(&source, &server.url()).await.unwrap();
    assert_eq!(permanent(fetch(&source, &server.url()).await).0, ReasonKind::SourceNotFound);
    assert_eq!(server.targets(), [ENCODED, ENCODED]);
}

#[tokio::test]
async fn a_gds_error_with_status_200_is_answered_with_raw_brackets() {
    let server = Scripted::start(|request| {
        if request.target.contains('[') {
            return send("200 OK", "", "Dataset { Int32 v[x = 2]; } d;\nData:\n");
        }
        send("200 OK", "", "Error {\n code = 0;\n message = \"variable v%5b0:1%5d was not found\";\n};")
    })
    .await;
    let source = source();
    for _ in 0..2 {
        assert!(fetch(&source, &server.url()).await.unwrap().starts_with(b"Dataset"));
    }
    assert_eq!(server.targets(), [ENCODED, RAW, RAW]);
}

#[tokio::test]
async fn another_error_with_status_200_is_the_bodys() {
    let server = Scripted::always(&answer("200 OK", "", "Error { code = 500; message = \"out of memory\"; };")).await;
    let result = fetch(&source(), &server.url()).await;
    let Err(SourceError::Body(BodyError::ServerError(said))) = result else { panic!("{result:?}") };
    assert_eq!((said.code, said.message.as_str()), (Some(500), "out of memory"));
    assert_eq!(server.requests().len(), 1);
    let server = Scripted::always(&answer("200 OK", "", "Errors are not this")).await;
    assert_eq!(fetch(&source(), &server.url()).await.unwrap(), b"Errors are not this");
}

#[tokio::test]
async fn a_raw_request_that_fails_in_passing_says_so() {
    let server = Scripted::start(|request| match request.number {
        0 => send("404 Not Found", "", ""),
        _ => vec![crate::scripted::Step::Close],
    })
    .await;
    assert_eq!(transient(fetch(&source(), &server.url()).await).0, ReasonKind::SourceUnreachable);
}
