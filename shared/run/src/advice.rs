use advisor::{Axis, Choice, Reader, Reads, Score, Sharding, Subject, Terms, Window};
use serde::Serialize;
use zarr::Format;

/// What the advisor has to say of a request: why the plan cuts each array as it does, and how else it could.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// The reads that the shapes were ranked by.
    pub reads: Reads,
    /// Who reads.
    pub reader: Reader,
    /// The sizes a chunk may have.
    pub window: Window,
    /// Arrays that share dimensions and so a grid; the largest first.
    pub groups: Vec<Group>,
    /// Coordinates and bounds, which stand in one chunk each.
    pub whole: Vec<String>,
}

/// Arrays over the same dimensions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Their names, the largest first.
    pub arrays: Vec<String>,
    /// Their dimensions; lengths that the user chose are marked.
    pub axes: Vec<Axis>,
    /// Bytes of an element of the largest type among them.
    pub element_bytes: u64,
    /// The shape that the plan has.
    pub planned: Score,
    /// What was to choose from, the user's lengths kept.
    pub choice: Choice,
    /// What the advisor would propose without the user's lengths, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free: Option<Choice>,
    /// Whether shards would help.
    pub sharding: Sharding,
}

impl Group {
    pub(crate) fn new(
        arrays: Vec<String>,
        subject: Subject,
        choice: Choice,
        planned: Score,
        terms: &Terms<'_>,
        format: Format,
    ) -> Self {
        let chose = subject.axes.iter().any(|axis| axis.chosen.is_some());
        let axes = subject.axes.iter().map(|axis| Axis { chosen: None, ..axis.clone() });
        let unbound = Subject { axes: axes.collect(), ..subject.clone() };
        // A window that nothing fits was said already where it mattered.
        let free = if chose { advisor::advise(&unbound, terms, &|_| None).ok() } else { None };
        let sharding = advisor::shards(&subject, &planned, terms, format == Format::V3);
        let element_bytes = subject.element_bytes;
        Self { arrays, axes: subject.axes, element_bytes, planned, choice, free, sharding }
    }
}

impl Advice {
    /// The group that an array belongs to.
    pub fn group_of(&self, array: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.arrays.iter().any(|name| name == array))
    }
}
