use std::time::Duration;

use run::ReasonKind;
use source_http::{HttpOptions, HttpSource};
use steps::ports::SourceError;

use crate::{
    dds, fetch, options, permanent,
    scripted::{Scripted, answer},
    source, transient,
};

async fn data(status: &str, headers: &str, body: &str) -> Result<Vec<u8>, SourceError> {
    let server = Scripted::always(&answer(status, headers, body)).await;
    let result = fetch(&source(), &server.url()).await;
    // 400 and 404 are asked once more with raw brackets.
    let asked = if status.starts_with("400") || status.starts_with("404") { 2 } else { 1 };
    assert_eq!(server.requests().len(), asked, "{status}");
    result
}

#[tokio::test]
async fn a_thredds_403_with_too_big_is_too_large() {
    let body = "Error {\n  code = 403;\n  message = \"Request too big=1115.0 Mbytes, max=500.0\";\n};\n";
    let Err(SourceError::TooLarge { limit_bytes, reason }) = data("403 Forbidden", "", body).await else { panic!() };
    assert_eq!((limit_bytes, reason.kind), (Some(500_000_000), ReasonKind::SourceRefused));
    assert!(reason.message.contains("Request too big=1115.0 Mbytes"), "{}", reason.message);
    let result = data("413 Payload Too Large", "", "").await;
    assert!(matches!(result, Err(SourceError::TooLarge { limit_bytes: None, .. })), "{result:?}");
}

#[tokio::test]
async fn a_hyrax_400_with_too_large_is_not_about_brackets() {
    let body = "Error { code = 400; message = \"This is too large. It is limited to 2000000 bytes.\"; }";
    let server = Scripted::always(&answer("400 Bad Request", "", body)).await;
    let result = fetch(&source(), &server.url()).await;
    assert!(matches!(result, Err(SourceError::TooLarge { limit_bytes: Some(2_000_000), .. })), "{result:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn refusals_that_no_attempt_mends() {
    let error = |message: &str| format!("Error {{ code = 0; message = \"{message}\"; }}");
    let cases = [
        ("401 Unauthorized", String::new(), ReasonKind::SourceUnauthorised),
        ("403 Forbidden", "<html><title>No entry</title></html>".to_owned(), ReasonKind::SourceUnauthorised),
        ("404 Not Found", String::new(), ReasonKind::SourceNotFound),
        ("410 Gone", String::new(), ReasonKind::SourceNotFound),
        ("400 Bad Request", error("what?"), ReasonKind::SourceRefused),
        ("418 Teapot", String::new(), ReasonKind::SourceRefused),
        ("501 Not Implemented", String::new(), ReasonKind::SourceRefused),
        ("500 Oops", error("no such variable: v"), ReasonKind::SourceNotFound),
        ("300 Choose", String::new(), ReasonKind::SourceRefused),
    ];
    for (status, body, kind) in cases {
        let (found, message) = permanent(data(status, "", &body).await);
        assert_eq!(found, kind, "{status}");
        assert!(message.contains(&status[..3]) && message.contains("/d.nc.dods answered"), "{message}");
        assert!(!message.contains('?') || body.contains('?'), "{message}");
    }
    let (_, message) = permanent(data("403 Forbidden", "", "<html><title>No entry</title></html>").await);
    assert!(message.contains("says: No entry"), "{message}");
    let (_, message) = permanent(data("400 Bad Request", "", &error("bad \x1b[2Jindex")).await);
    assert!(message.contains("bad") && !message.contains('\x1b'), "{message:?}");
}

#[tokio::test]
async fn refusals_that_pass() {
    let cases = [
        ("408 Request Timeout", ReasonKind::SourceUnreachable),
        ("425 Too Early", ReasonKind::SourceUnreachable),
        ("429 Too Many Requests", ReasonKind::SourceUnreachable),
        ("500 Oops", ReasonKind::SourceRefused),
        ("502 Bad Gateway", ReasonKind::SourceUnreachable),
        ("503 Busy", ReasonKind::SourceUnreachable),
        ("504 Gateway Timeout", ReasonKind::SourceUnreachable),
        ("522 Cloud", ReasonKind::SourceRefused),
    ];
    for (status, kind) in cases {
        let (found, message, retry_after) = transient(data(status, "", "").await);
        assert_eq!((found, retry_after), (kind, None), "{status}: {message}");
        let (_, _, retry_after) = transient(data(status, "Retry-After: 7\r\n", "").await);
        assert_eq!(retry_after, Some(Duration::from_secs(7)), "{status}");
    }
    let page = "<html><body>Your IP address has reached the limit of concurrent connections</body></html>";
    let (kind, ..) = transient(data("403 Forbidden", "", page).await);
    assert_eq!(kind, ReasonKind::SourceUnreachable);
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let later = "Retry-After: Sun, 06 Nov 1994 08:50:00 GMT\r\n";
    let now = || "1994-11-06T08:49:00Z".parse().unwrap();
    let server = Scripted::always(&answer("503 Busy", later, "")).await;
    let source = HttpSource::new(HttpOptions { now, ..options() }, std::sync::Arc::default()).unwrap();
    assert_eq!(transient(fetch(&source, &server.url()).await).2, Some(Duration::from_mins(1)));

    // The server's own clock decides if it tells the time; a date that has passed means now.
    let wrong_clock = format!("Date: Sun, 06 Nov 1994 08:49:50 GMT\r\n{later}");
    assert_eq!(transient(data("503 Busy", &wrong_clock, "").await).2, Some(Duration::from_secs(10)));
    assert_eq!(transient(data("503 Busy", later, "").await).2, Some(Duration::ZERO));
    assert_eq!(transient(data("503 Busy", "Retry-After: soon\r\n", "").await).2, None);
}

#[tokio::test]
async fn a_missing_dataset_says_where_to_look() {
    let server = Scripted::always(&answer("404 Not Found", "", "<html><title>Nothing here</title></html>")).await;
    let (kind, message) = permanent(dds(&source(), &server.url()).await);
    let url = server.url();
    assert_eq!(kind, ReasonKind::SourceNotFound);
    assert_eq!(
        message,
        format!(
            "no such dataset: {url}.dds answered 404 Not Found, with a page that says: Nothing here; check the path \
             (open {url}.html in a browser)"
        )
    );
    assert_eq!(server.targets(), ["/d.nc.dds"]);
}

#[tokio::test]
async fn a_page_in_place_of_a_document_is_the_parsers_business() {
    let server = Scripted::always(&answer("200 OK", "Content-Type: text/html\r\n", "<html>log in</html>")).await;
    assert_eq!(dds(&source(), &server.url()).await.unwrap(), "<html>log in</html>");
    assert_eq!(fetch(&source(), &server.url()).await.unwrap(), b"<html>log in</html>");
}
