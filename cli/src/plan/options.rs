//! The options that give a group of arrays the chunks of one of its plans.

use run::{Advice, Group};

/// So many arrays are named one by one.
const MOST_NAMED: usize = 4;

/// `--chunks time=168,lat=322,lon=352`; where another group has the same dimension in other lengths, with the arrays'
/// names: `--chunks tmx:time=168`.
pub(super) fn chunks(group: &Group, chunk: &[u64], advice: &Advice) -> String {
    let lengths = || group.axes.iter().zip(chunk);
    // Another group along the same dimension would be cut by a length without a name, too.
    let shared = |name: &str| {
        let length = lengths().find(|(axis, _)| axis.name == name).map(|(_, length)| *length);
        let others = advice.groups.iter().filter(|other| other.arrays != group.arrays);
        let mut planned = others.flat_map(|other| other.axes.iter().zip(&other.planned.chunk));
        planned.any(|(axis, other)| axis.name == name && Some(*other) != length)
    };
    let mut pairs: Vec<String> = lengths()
        .filter(|(axis, _)| !shared(&axis.name))
        .map(|(axis, length)| format!("{}={length}", axis.name))
        .collect();
    for array in group.arrays.iter().take(MOST_NAMED) {
        let own = lengths().filter(|(axis, _)| shared(&axis.name));
        pairs.extend(own.map(|(axis, length)| format!("{array}:{}={length}", axis.name)));
    }
    let text = format!("--chunks {}", pairs.join(","));
    let unnamed = group.arrays.len().saturating_sub(MOST_NAMED);
    if unnamed == 0 || !lengths().any(|(axis, _)| shared(&axis.name)) {
        return text;
    }
    format!("{text},… and so for the other {unnamed}")
}
