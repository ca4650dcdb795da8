use grid::ChunkIndex;
use serde::{Deserialize, Serialize};

use crate::{Digest, RunId};

/// The message that starts a run: its request lies in the state store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTask {
    /// The run.
    pub run: RunId,
}

/// A message of the plan queue that one of our own functions sent: `{"request":"requests/NAME.json"}` or `{"run":"RUN"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanMessage {
    /// A request that has no run yet, by its key.
    Request(String),
    /// A run that has no plan yet, or whose chunks were not all sent.
    Run(RunId),
}

/// The message for one chunk. It carries no URL, so a forged message cannot make us fetch anything that was not
/// planned; the digest ties it to one plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChunkTask {
    /// The run.
    pub run: RunId,
    /// The digest of the plan's document.
    pub plan: Digest,
    /// Position of the array in the plan.
    pub array: u32,
    /// The chunk.
    pub chunk: ChunkIndex,
    /// Make it even if its object is there: that object was found to be wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub afresh: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_message_is_one_thing_or_the_other() {
        let read = |text: &str| serde_json::from_str::<PlanMessage>(text).ok();
        let request = PlanMessage::Request("requests/a.json".to_owned());
        assert_eq!(read(r#"{"request":"requests/a.json"}"#), Some(request.clone()));
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"request":"requests/a.json"}"#);
        let run = RunId::attempt(&Digest::of(b"x"), 1);
        assert_eq!(read(&format!(r#"{{"run":"{run}"}}"#)), Some(PlanMessage::Run(run)));
        for other in [
            r#"{"run":"../x"}"#,
            r#"{"run":"a-1","request":"requests/a.json"}"#,
            r#"{"request":"requests/a.json","x":1}"#,
            r#"{"request":1}"#,
            "{}",
            "[]",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_chunk_task_stays_below_300_bytes() {
        let task = ChunkTask {
            run: RunId::attempt(&Digest::of(b"request"), 12),
            plan: Digest::of(b"plan"),
            array: 9_999,
            chunk: ChunkIndex::new(vec![99_999; 6]),
            afresh: true,
        };
        let json = serde_json::to_string(&task).unwrap();
        assert!(json.len() < 300, "{}: {json}", json.len());
        assert!(!json.contains("http"));
    }
}
