//! Once a minute: every open run, and requests that nobody opened.

use run::ReasonKind;

use crate::{Deadline, ports::Ports, trouble::Trouble};

pub(crate) async fn tick(_ports: &Ports, _deadline: Deadline) -> Result<(), Trouble> {
    Err(Trouble::failed(ReasonKind::Internal, "not written yet"))
}
