use std::sync::Arc;

use dap_server::{Server, prism};
use source_http::{HttpOptions, HttpSource};
use steps::{
    Meter,
    conformance::{self, Served},
};

#[tokio::test]
async fn http_is_a_source() {
    let server = Server::start([prism::window(3, 12, 20)]).await.unwrap();
    let url = server.url("prism").parse().unwrap();
    let source = HttpSource::new(HttpOptions::default(), Arc::new(Meter::default())).unwrap();
    let value = |index: &[u64]| match *index {
        [time, row, column] => prism::value(prism::Field::Tmx, time, row, column),
        _ => panic!("three dimensions, found {index:?}"),
    };
    conformance::source(&source, Served { url: &url, variable: "tmx", value: &value }).await;
}
