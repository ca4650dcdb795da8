//! What the source says of its dataset.

use bytes::Bytes;
use dap::{Dataset, ParseError, ServerErrorKind};
use run::{Reason, ReasonKind, SourceUrl};

use crate::{
    Deadline,
    chunk::given_up,
    ports::{Document, Ports},
    retry::Attempts,
    trouble::Trouble,
};

/// A dataset and the documents it was read from.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) dds: Bytes,
    pub(crate) das: Bytes,
    pub(crate) dataset: Dataset,
}

/// Reads and parses DDS and DAS. Asks for no data.
pub(crate) async fn describe(url: &SourceUrl, ports: &Ports, deadline: Deadline) -> Result<Described, Trouble> {
    let dds = document(url, Document::Dds, ports, deadline).await?;
    let das = document(url, Document::Das, ports, deadline).await?;
    let dataset = parse(url, &dds, &das)?;
    Ok(Described { dds, das, dataset })
}

/// One document, with a few attempts.
pub(crate) async fn document(
    url: &SourceUrl,
    document: Document,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Bytes, Trouble> {
    let mut attempts = Attempts::new(ports, deadline, format!("GET {}", document.suffix()));
    loop {
        match ports.source.document(url, document, deadline).await {
            Ok(bytes) => return Ok(bytes),
            Err(error) => attempts.again(&error).await.map_err(given_up)?,
        }
    }
}

/// Parses DDS and DAS; an error says which URL it was.
pub(crate) fn parse(url: &SourceUrl, dds: &[u8], das: &[u8]) -> Result<Dataset, Trouble> {
    Dataset::from_dap2(dds, das).map_err(|error| {
        let said = if let ParseError::ServerError(said) = &error { Some(said.kind()) } else { None };
        let kind = match said {
            None => ReasonKind::SourceNotOpendap,
            Some(ServerErrorKind::Unauthorised) => ReasonKind::SourceUnauthorised,
            Some(ServerErrorKind::NotFound) => ReasonKind::SourceNotFound,
            Some(ServerErrorKind::TooLarge { .. } | ServerErrorKind::Other) => ReasonKind::SourceRefused,
        };
        let reason = Reason::from_error(kind, &error);
        Trouble::Failed(Reason { message: format!("{url}: {}", reason.message), ..reason })
    })
}
