use bytes::Bytes;
use dap::{BodyDecoder, BodyError, Dataset, Query, Variable};
use grid::{ChunkBuffer, Hyperslab, Scatter, Shape};
use run::SourceUrl;

use crate::{
    Deadline,
    ports::{Document, Sink, Source, SourceError},
};

/// A dataset that the source under test serves.
#[derive(Clone, Copy)]
pub struct Served<'a> {
    /// Its address.
    pub url: &'a SourceUrl,
    /// A `Float32` array or Grid of it, with at least two elements along every dimension.
    pub variable: &'a str,
    /// The array's value at an index.
    pub value: &'a (dyn Fn(&[u64]) -> f32 + Sync),
}

impl std::fmt::Debug for Served<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("url", &self.url).field("variable", &self.variable).finish_non_exhaustive()
    }
}

/// Holds a source to the port's promises.
///
/// # Panics
/// If it breaks one.
pub async fn source(source: &dyn Source, served: Served<'_>) {
    let document = |document| source.document(served.url, document, Deadline::NONE);
    let (dds, das): (Bytes, Bytes) = (document(Document::Dds).await.unwrap(), document(Document::Das).await.unwrap());
    let dataset = Dataset::from_dap2(&dds, &das).unwrap();
    let Some(variable) = dataset.variable(served.variable) else { panic!("the DDS has `{}`", served.variable) };
    let shape = variable.shape().unwrap();

    let whole = Hyperslab::whole(&shape);
    let inner = Hyperslab::new(vec![1; shape.rank()], shape.sizes().iter().map(|size| size - 1).collect()).unwrap();
    for slab in [&whole, &inner] {
        assert_eq!(fetch(source, served, variable, slab).await.unwrap(), expected(slab, served), "values of {slab}");
    }
    let many = (0..16).map(|_| fetch(source, served, variable, &inner));
    for values in futures::future::join_all(many).await {
        assert_eq!(values.unwrap(), expected(&inner, served), "requests at once do not mix");
    }

    let unknown = Query::array(&"no_such_variable".parse().unwrap(), &whole);
    let refused = source.fetch(served.url, &unknown, &mut Nothing, Deadline::NONE).await;
    assert!(refused.is_err(), "an unknown variable is refused, found {refused:?}");
    let query = Query::array(&variable.projection, &whole);
    let stopped = source.fetch(served.url, &query, &mut Nothing, Deadline::NONE).await;
    assert!(matches!(stopped, Err(SourceError::Body(_))), "what the sink says is passed on, found {stopped:?}");
}

/// Refuses every body.
struct Nothing;

impl Sink for Nothing {
    fn feed(&mut self, _bytes: &[u8]) -> Result<(), BodyError> {
        Err(BodyError::TooLong { expected: 0, found: 1 })
    }
}

struct Decoding(BodyDecoder, ChunkBuffer);

impl Sink for Decoding {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        self.0.feed(bytes, &mut self.1).map(|_| ())
    }
}

async fn fetch(
    source: &dyn Source,
    served: Served<'_>,
    variable: &Variable,
    slab: &Hyperslab,
) -> Result<Vec<u8>, SourceError> {
    let region = Hyperslab::whole(&Shape::new(slab.count().to_vec()).unwrap());
    let scatter = Scatter::new(variable.element(), slab.shape(), &region, variable.wire.wire_element()).unwrap();
    let buffer = ChunkBuffer::padded(variable.element(), slab.shape().clone(), &region, &[0; 4]).unwrap();
    let decoder = BodyDecoder::new(&variable.projection, variable.wire, slab.count(), scatter);
    let mut sink = Decoding(decoder, buffer);
    let query = Query::array(&variable.projection, slab);
    source.fetch(served.url, &query, &mut sink, Deadline::NONE).await?;
    sink.0.finish()?;
    Ok(sink.1.into_bytes())
}

fn expected(slab: &Hyperslab, served: Served<'_>) -> Vec<u8> {
    slab.split(1).iter().flat_map(|cell| (served.value)(cell.start()).to_ne_bytes()).collect()
}
