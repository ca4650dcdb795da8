//! From a dropped request to an open run.

use run::ReasonKind;

use crate::{Deadline, ports::Ports, trouble::Trouble};

pub(crate) async fn request(key: &str, _ports: &Ports, _deadline: Deadline) -> Result<(), Trouble> {
    Err(Trouble::failed(ReasonKind::Internal, format!("{key}: not written yet")))
}
