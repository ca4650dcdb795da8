use std::collections::BTreeMap;

use cf::{Attribute, Attributes, Values};
use dap::Dataset;
use serde::{Deserialize, Serialize};

use crate::Digest;

/// What a dataset looked like when it was planned: its structure and its attributes.
///
/// Values are not part of it: a change of values under unchanged metadata cannot be seen this way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Digest of every variable's name, type and dimensions, the size of the unlimited dimension left out.
    pub structure: Digest,
    /// Digest of each variable's attributes by name; the globals under the empty name.
    pub attributes: BTreeMap<String, Digest>,
    /// The unlimited dimension's name and size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlimited: Option<(String, u64)>,
    /// Attributes that differ from one reading to the next, as `variable:attribute` (globals as `:attribute`). They
    /// are left out of the digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volatile: Vec<String>,
}

/// What a later reading differs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The unlimited dimension grew, nothing else: what was planned is still there.
    Grew {
        /// Its size at planning.
        from: u64,
        /// Its size now.
        to: u64,
    },
    /// Something else; in words.
    Other(String),
}

/// The fingerprint of a dataset read twice: what differs between the readings is volatile. ERDDAP stamps the time of
/// the request into `history`, so that name counts as volatile whether or not it differs.
pub fn fingerprint(first: &Dataset, second: &Dataset) -> Fingerprint {
    let (one, two) = (tables(first), tables(second));
    let mut volatile = Vec::new();
    for (table, attributes) in &one {
        for (name, attribute) in attributes.iter() {
            let again = two.get(table).and_then(|attributes| attributes.get(name));
            if again.is_none_or(|again| canonical(again) != canonical(attribute)) || is_history(table, name) {
                volatile.push(format!("{table}:{name}"));
            }
        }
    }
    for (table, attributes) in &two {
        let known = one.get(table);
        let fresh = attributes.iter().filter(|(name, _)| known.is_none_or(|known| known.get(name).is_none()));
        volatile.extend(fresh.map(|(name, _)| format!("{table}:{name}")));
    }
    Fingerprint {
        structure: structure(first),
        attributes: digests(first, &volatile),
        unlimited: unlimited(first),
        volatile,
    }
}

impl Fingerprint {
    /// What `dataset`, read later, differs in; nothing if it is what was planned.
    pub fn change(&self, dataset: &Dataset) -> Option<Change> {
        if structure(dataset) != self.structure {
            return Some(Change::Other("the variables, their types or their dimensions changed".to_owned()));
        }
        let now = digests(dataset, &self.volatile);
        let differing = |table: &&String| self.attributes.get(*table) != now.get(*table);
        if let Some(table) = self.attributes.keys().chain(now.keys()).find(differing) {
            let of =
                if table.is_empty() { "the global attributes".to_owned() } else { format!("attributes of `{table}`") };
            return Some(Change::Other(format!("{of} changed")));
        }
        match (&self.unlimited, unlimited(dataset)) {
            (Some((_, from)), Some((_, to))) if to > *from => Some(Change::Grew { from: *from, to }),
            (then, now) if *then != now => Some(Change::Other("the unlimited dimension shrank".to_owned())),
            _ => None,
        }
    }
}

fn is_history(table: &str, name: &str) -> bool {
    table.is_empty() && (name == "history" || name.ends_with(".history"))
}

fn tables(dataset: &Dataset) -> BTreeMap<&str, &Attributes> {
    let variables = dataset.variables.iter().map(|variable| (variable.name.as_str(), &variable.attributes));
    std::iter::once(("", &dataset.attributes)).chain(variables).collect()
}

fn unlimited(dataset: &Dataset) -> Option<(String, u64)> {
    let name = dataset.unlimited.as_ref()?;
    let mut dimensions = dataset.variables.iter().flat_map(|variable| &variable.dimensions);
    let dimension = dimensions.find(|dimension| dimension.name.as_ref() == Some(name))?;
    Some((name.clone(), dimension.size))
}

fn structure(dataset: &Dataset) -> Digest {
    let mut lines = Vec::new();
    for variable in &dataset.variables {
        let mut words = vec![variable.projection.to_string(), variable.element().to_string()];
        for dimension in &variable.dimensions {
            let unlimited = dimension.name.is_some() && dimension.name == dataset.unlimited;
            let size = if unlimited { "*".to_owned() } else { dimension.size.to_string() };
            words.push(format!("{}={size}", dimension.name.as_deref().unwrap_or_default()));
        }
        lines.push(words.join("\0"));
    }
    lines.extend(dataset.unsupported.iter().map(|unsupported| format!("?{}", unsupported.name)));
    Digest::of(lines.join("\n").as_bytes())
}

fn digests(dataset: &Dataset, volatile: &[String]) -> BTreeMap<String, Digest> {
    let mut digests = BTreeMap::new();
    for (table, attributes) in tables(dataset) {
        let kept = attributes.iter().filter(|(name, _)| !volatile.contains(&format!("{table}:{name}")));
        let lines: Vec<_> = kept.map(|(name, attribute)| format!("{name}\0{}", canonical(attribute))).collect();
        digests.insert(table.to_owned(), Digest::of(lines.join("\n").as_bytes()));
    }
    digests
}

/// One attribute as text that differs whenever a type or a bit differs.
fn canonical(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Values(Values::Float32(values)) => {
            format!("f32 {:x?}", values.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
        }
        Attribute::Values(Values::Float64(values)) => {
            format!("f64 {:x?}", values.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
        }
        Attribute::Values(values) => format!("{values:?}"),
        Attribute::Container(attributes) => {
            let entries: Vec<_> =
                attributes.iter().map(|(name, attribute)| format!("{name}\0{}", canonical(attribute))).collect();
            entries.join("\0")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DDS: &str = "Dataset { Float32 v[time = 3]; Int32 time[time = 3]; } d;";

    fn dataset(dds: &str, das: &str) -> Dataset {
        Dataset::from_dap2(dds.as_bytes(), das.as_bytes()).unwrap()
    }

    fn das(title: &str, history: &str) -> String {
        format!(
            "Attributes {{ NC_GLOBAL {{ String title \"{title}\"; String history \"{history}\"; }} v {{ Float32 a 1.5; }} \
             DODS_EXTRA {{ String Unlimited_Dimension \"time\"; }} }}"
        )
    }

    #[test]
    fn attributes_that_differ_between_two_readings_do_not_count() {
        let print = fingerprint(&dataset(DDS, &das("a", "at 1")), &dataset(DDS, &das("b", "at 2")));
        assert_eq!(print.volatile, [":title", ":history"]);
        assert_eq!(print.change(&dataset(DDS, &das("c", "at 3"))), None);
    }

    #[test]
    fn a_changed_attribute_is_named() {
        let first = dataset(DDS, &das("a", "x"));
        let print = fingerprint(&first, &first);
        assert_eq!(print.change(&first), None);
        let changed = print.change(&dataset(DDS, &das("b", "x")));
        assert_eq!(changed, Some(Change::Other("the global attributes changed".to_owned())));
    }

    #[test]
    fn growth_of_the_unlimited_dimension_alone_is_told_apart() {
        let first = dataset(DDS, &das("a", "x"));
        let print = fingerprint(&first, &first);
        let grown = dataset(&DDS.replace("= 3", "= 5"), &das("a", "x"));
        assert_eq!(print.change(&grown), Some(Change::Grew { from: 3, to: 5 }));
        let other = dataset(&DDS.replace("Float32 v", "Float64 v"), &das("a", "x"));
        assert!(matches!(print.change(&other), Some(Change::Other(_))));
    }
}
