//! What the names of a DDS stand for, as a DAS uses them.

use std::collections::HashMap;

use crate::name::shown;

/// What a (dotted) name of the DDS stands for when a DAS uses it. Numbers are positions in the list of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A variable; or a Grid, which goes by its array.
    Variable(usize),
    /// The array inside a Grid: its attributes join the Grid's.
    GridArray(usize),
    /// A map inside a Grid: its attributes count if the variable of its name has none of its own.
    GridMap(usize),
    /// A Structure.
    Structure,
    /// Something that is not read.
    Unread,
}

/// A dotted name in both its forms.
#[derive(Debug, Clone, Default)]
pub(crate) struct Path {
    /// As sent.
    pub(crate) raw: String,
    /// As shown.
    pub(crate) shown: String,
}

impl Path {
    /// The name of a member.
    pub(crate) fn member(&self, name: &str) -> Self {
        if self.raw.is_empty() {
            return Self { raw: name.to_owned(), shown: shown(name).into_owned() };
        }
        Self { raw: format!("{}.{name}", self.raw), shown: format!("{}.{}", self.shown, shown(name)) }
    }
}

/// Every name a DAS may use.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// The variables' names, as shown.
    names: Vec<String>,
    raw: HashMap<String, Target>,
    decoded: HashMap<String, Target>,
    /// Last components of dotted names; nothing where two variables share one.
    leaves: HashMap<String, Option<usize>>,
}

impl Directory {
    /// What a name of a DAS stands for: compared as sent, then decoded.
    pub(crate) fn target(&self, path: &Path) -> Option<Target> {
        self.raw.get(&path.raw).or_else(|| self.decoded.get(&path.shown)).copied()
    }

    /// The only variable inside Structures whose last name this is.
    pub(crate) fn leaf(&self, name: &str) -> Option<usize> {
        self.leaves.get(name).copied().flatten()
    }

    /// The variables' names in order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The next variable.
    pub(crate) fn variable(&mut self, name: String) {
        if let Some((_, leaf)) = name.rsplit_once('.') {
            let at = self.names.len();
            self.leaves.entry(leaf.to_owned()).and_modify(|former| *former = None).or_insert(Some(at));
        }
        self.names.push(name);
    }

    /// A name, which keeps what it stood for first.
    pub(crate) fn put(&mut self, path: &Path, target: Target) {
        self.raw.entry(path.raw.clone()).or_insert(target);
        self.decoded.entry(path.shown.clone()).or_insert(target);
    }
}
