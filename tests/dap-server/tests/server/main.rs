//! The server over HTTP: what it serves, how it fails, and the program around it.

#![expect(
    clippy::float_cmp,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests: the same bits are the point, and a panic is a failure"
)]

mod faults;
mod program;
mod serving;

use dap_server::{Array, Dataset, Server};

/// Five numbers and a map, small enough to count by hand.
fn tiny() -> Dataset {
    Dataset::new("tiny")
        .with(Array::new("t", [("x", 5)], [1i32, 2, 3, 4, 5]).attribute("units", "K"))
        .with(Array::formula("wide", [("y", 1000), ("x", 1000)], |i| {
            f64::from(u32::try_from(i[0] * 1000 + i[1]).unwrap())
        }))
        .global("title", "tiny")
}

async fn start() -> Server {
    Server::start([tiny()]).await.unwrap()
}

/// Status, headers and body, or the error of reading it.
async fn get(url: &str) -> Result<(u16, reqwest::header::HeaderMap, Vec<u8>), reqwest::Error> {
    let response = reqwest::get(url).await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok((status, headers, response.bytes().await?.to_vec()))
}

async fn text(url: &str) -> (u16, String) {
    let (status, _, body) = get(url).await.unwrap();
    (status, String::from_utf8(body).unwrap())
}

/// DDS and binary data.
fn halves(body: &[u8]) -> (&str, &[u8]) {
    let mark = b"\nData:\n";
    let at = body.windows(mark.len()).position(|w| w == mark).unwrap();
    (std::str::from_utf8(&body[..=at]).unwrap(), &body[at + mark.len()..])
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.as_chunks::<4>().0;
    words.iter().map(|word| f32::from_be_bytes(*word)).collect()
}
