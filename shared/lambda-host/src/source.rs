use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use dap::Query;
use run::{Reason, ReasonKind, SourceUrl};
use source_http::{HttpOptions, HttpSource};
use steps::{
    Deadline, Meter,
    ports::{Document, Sink, Source, SourceError},
};

/// An [`HttpSource`] that is made when it is first asked: reading the system's root certificates takes a cold start more
/// time than all the rest, and the finalizer hardly ever asks.
#[derive(Debug)]
pub(crate) struct LazySource {
    options: HttpOptions,
    meter: Arc<Meter>,
    source: OnceLock<HttpSource>,
}

impl LazySource {
    pub(crate) const fn new(options: HttpOptions, meter: Arc<Meter>) -> Self {
        Self { options, meter, source: OnceLock::new() }
    }

    fn source(&self) -> Result<&HttpSource, SourceError> {
        if let Some(source) = self.source.get() {
            return Ok(source);
        }
        let source = HttpSource::new(self.options.clone(), Arc::clone(&self.meter))
            .map_err(|error| SourceError::Permanent(Reason::from_error(ReasonKind::Internal, &error)))?;
        Ok(self.source.get_or_init(|| source))
    }
}

#[async_trait]
impl Source for LazySource {
    async fn document(&self, url: &SourceUrl, document: Document, deadline: Deadline) -> Result<Bytes, SourceError> {
        self.source()?.document(url, document, deadline).await
    }

    async fn fetch(
        &self,
        url: &SourceUrl,
        query: &Query,
        sink: &mut dyn Sink,
        deadline: Deadline,
    ) -> Result<(), SourceError> {
        self.source()?.fetch(url, query, sink, deadline).await
    }
}
