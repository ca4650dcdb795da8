//! The source against servers that behave, and against servers that do not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests: a panic is a failure")]

mod bodies;
mod brackets;
mod conformance;
mod connections;
mod guard;
mod politeness;
mod redirects;
mod scripted;
mod statuses;

use std::{sync::Arc, time::Duration};

use dap::{BodyError, Projection, Query};
use grid::Hyperslab;
use run::{Reason, ReasonKind, SourceUrl};
use source_http::{HttpOptions, HttpSource, Timeouts};
use steps::{
    Deadline,
    ports::{Document, Sink, Source, SourceError},
};

/// Short waits, so that a test of a time limit takes no time.
fn options() -> HttpOptions {
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        first_byte: Duration::from_secs(2),
        idle: Duration::from_millis(400),
        slowest_bytes_per_second: 1_000,
    };
    HttpOptions { timeouts, ..HttpOptions::default() }
}

fn source() -> HttpSource {
    HttpSource::new(options(), Arc::default()).unwrap()
}

/// `v[0:1]`.
fn query() -> Query {
    Query::array(&Projection::new("v").unwrap(), &Hyperslab::new(vec![0], vec![2]).unwrap())
}

/// Keeps a body, up to a size.
struct Keep {
    body: Vec<u8>,
    most: usize,
}

impl Sink for Keep {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        self.body.extend_from_slice(bytes);
        if self.body.len() > self.most {
            return Err(BodyError::TooLong { expected: self.most as u64, found: self.body.len() as u64 });
        }
        Ok(())
    }
}

async fn fetch(source: &HttpSource, url: &SourceUrl) -> Result<Vec<u8>, SourceError> {
    fetch_until(source, url, Deadline::NONE).await
}

async fn fetch_until(source: &HttpSource, url: &SourceUrl, deadline: Deadline) -> Result<Vec<u8>, SourceError> {
    let mut sink = Keep { body: Vec::new(), most: usize::MAX };
    source.fetch(url, &query(), &mut sink, deadline).await?;
    Ok(sink.body)
}

async fn dds(source: &HttpSource, url: &SourceUrl) -> Result<String, SourceError> {
    let bytes = source.document(url, Document::Dds, Deadline::NONE).await?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

/// The parts of an error that ends the attempts.
fn permanent<T: std::fmt::Debug>(result: Result<T, SourceError>) -> (ReasonKind, String) {
    let Err(SourceError::Permanent(Reason { kind, message })) = result else { panic!("{result:?}") };
    (kind, message)
}

/// The parts of an error worth another attempt.
fn transient<T: std::fmt::Debug>(result: Result<T, SourceError>) -> (ReasonKind, String, Option<Duration>) {
    let Err(SourceError::Transient { reason, retry_after }) = result else { panic!("{result:?}") };
    (reason.kind, reason.message, retry_after)
}
