//! A request and a source into a plan.

use std::collections::BTreeMap;

use cf::Cadence;
use dap::Dataset;
use jiff::Timestamp;
use run::{Advice, Plan, PlanError, Planning, Reason, ReasonKind, Request, RunId};

use crate::{Deadline, cadence::cadences, describe::Described, fits, ports::Ports, trouble::Trouble};

/// What a plan is drawn from.
#[derive(Debug)]
pub(crate) struct Drawing<'a> {
    pub(crate) request: &'a Request,
    pub(crate) run: RunId,
    pub(crate) continues: Option<RunId>,
    pub(crate) first: &'a Described,
    /// The dataset as it was described the second time.
    pub(crate) second: &'a Dataset,
    pub(crate) now: Timestamp,
}

impl Drawing<'_> {
    /// The plan, and why its chunks are as they are. Asks the source for the first times, and only once it is clear that
    /// there can be a plan: a mistake in a request costs the source nothing but metadata.
    pub(crate) async fn draw(&self, ports: &Ports, deadline: Deadline) -> Result<(Plan, Advice), Trouble> {
        let (plan, _) = self.with(BTreeMap::new(), ports)?;
        fits::check_memory(&plan, &ports.settings).map_err(Trouble::Failed)?;
        let cadences = cadences(&self.request.source, &self.first.dataset, ports, deadline).await?;
        let (plan, advice) = self.with(cadences, ports)?;
        fits::check_memory(&plan, &ports.settings).map_err(Trouble::Failed)?;
        Ok((plan, advice))
    }

    fn with(&self, cadences: BTreeMap<String, Cadence>, ports: &Ports) -> Result<(Plan, Advice), Trouble> {
        let planning = Planning {
            run: self.run.clone(),
            continues: self.continues.clone(),
            dataset: &self.first.dataset,
            fingerprint: run::fingerprint(&self.first.dataset, self.second),
            now: self.now,
            cadences,
            workers: fits::workers(self.request, &ports.settings),
        };
        run::advised_plan(self.request, planning).map_err(|error| unplannable(&error))
    }
}

fn unplannable(error: &PlanError) -> Trouble {
    Trouble::Failed(Reason::from_error(ReasonKind::BadRequest, error))
}
