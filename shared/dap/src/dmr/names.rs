//! Fully qualified names: `/group/name`, with a backslash before `/`, `.`, `\` and blanks inside a name.

use std::collections::HashMap;

/// The parts of a name in full, without their backslashes.
pub(super) fn split(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = name.chars();
    while let Some(c) = characters.next() {
        let part = match c {
            '/' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(last) = parts.last_mut() {
            last.push(part);
        }
    }
    parts
}

/// A name in full for people and for Zarr: parts joined by slashes, none in front. pydap puts whole paths into the
/// names of a dataset without groups, `/group/name`.
pub(super) fn shown(parts: &[String]) -> String {
    let joined = parts.join("/");
    joined.strip_prefix('/').map_or(joined.clone(), str::to_owned)
}

/// Things by their names in full.
#[derive(Debug)]
pub(super) struct Directory<T>(HashMap<Vec<String>, T>);

impl<T> Default for Directory<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Directory<T> {
    /// Adds one; the first of a name stays.
    pub(super) fn add(&mut self, path: Vec<String>, what: T) -> bool {
        let fresh = !self.0.contains_key(&path);
        self.0.entry(path).or_insert(what);
        fresh
    }

    /// What a reference made inside the group `scope` stands for. A relative one is looked for in that group, then in
    /// those around it.
    pub(super) fn find(&self, reference: &str, scope: &[String]) -> Option<&T> {
        let found = if let Some(absolute) = reference.strip_prefix('/') {
            self.0.get(&split(absolute))
        } else {
            let parts = split(reference);
            (0..=scope.len()).rev().find_map(|depth| {
                let mut path = scope.get(..depth)?.to_vec();
                path.extend_from_slice(&parts);
                self.0.get(&path)
            })
        };
        found.or_else(|| self.0.get(&vec![reference.to_owned()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_slashes_that_are_not_escaped() {
        assert_eq!(split(r"g\.@\/\\$/lon\/2\.\\"), [r"g.@/\$", r"lon/2.\"]);
        assert_eq!(split("x"), ["x"]);
        assert_eq!(split("a/b/"), ["a", "b", ""]);
        assert_eq!(split(r"end\"), [r"end\"]);
    }

    #[test]
    fn references_are_found_from_the_inside_out() {
        let path = |name: &str| split(name);
        let mut directory = Directory::default();
        assert!(directory.add(path("x"), 1));
        assert!(directory.add(path("g/x"), 2));
        assert!(!directory.add(path("g/x"), 3));
        assert!(directory.add(vec!["/g/y".to_owned()], 4));
        assert_eq!(directory.find("/x", &path("g")), Some(&1));
        assert_eq!(directory.find("x", &path("g/h")), Some(&2));
        assert_eq!(directory.find("x", &path("h")), Some(&1));
        assert_eq!(directory.find("/g/y", &[]), Some(&4));
        assert_eq!(directory.find("z", &[]), None);
        assert_eq!(shown(&["/g/y".to_owned()]), "g/y");
        assert_eq!(shown(&path("g/x")), "g/x");
    }
}
