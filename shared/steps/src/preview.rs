//! A look at a source without a run: nothing is written anywhere.

use dap::Dataset;
use run::{Advice, Plan, Reason, ReasonKind, Request, RunId, SourceUrl};

use crate::{
    Deadline,
    describe::{self, describe},
    draw::Drawing,
    ports::{Document, Ports},
    trouble::Trouble,
};

/// What a source says of its dataset.
///
/// # Errors
/// Why it cannot be read.
pub async fn examine(url: &SourceUrl, ports: &Ports) -> Result<Dataset, Reason> {
    describe(url, ports, Deadline::NONE).await.map(|described| described.dataset).map_err(reason)
}

/// The plan a run of this request would have, and why its chunks are as they are.
///
/// # Errors
/// Why the source cannot be read or the request cannot be planned.
pub async fn preview(request: &Request, ports: &Ports) -> Result<(Plan, Advice), Reason> {
    let first = describe(&request.source, ports, Deadline::NONE).await.map_err(reason)?;
    let again = describe::document(&request.source, Document::Das, ports, Deadline::NONE).await.map_err(reason)?;
    let second = describe::parse(&request.source, &first.dds, &again).map_err(reason)?;
    let digest = request.digest().map_err(|error| Reason::from_error(ReasonKind::BadRequest, &error))?;
    let drawing = Drawing {
        request,
        run: RunId::attempt(&digest, 1),
        continues: None,
        first: &first,
        second: &second,
        now: ports.world.now(),
    };
    drawing.draw(ports, Deadline::NONE).await.map_err(reason)
}

fn reason(trouble: Trouble) -> Reason {
    match trouble {
        Trouble::Failed(reason) => reason,
        Trouble::Deferred(until, _) => {
            Reason::new(ReasonKind::SourceUnreachable, format!("the source asks to be left alone until {until}"))
        }
        Trouble::Retry(_) => Reason::new(ReasonKind::SourceUnreachable, "the source cannot be read just now"),
    }
}
