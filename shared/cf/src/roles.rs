use std::collections::BTreeSet;

use crate::Attributes;

/// The variables that other variables need whole: coordinates and bounds. Readers load them when they open a dataset,
/// so each stands in one chunk.
///
/// A variable counts if it is one-dimensional and named like its dimension (CF §5, "coordinate variable"), if it is
/// listed in another's `coordinates` attribute (CF §5.2), or named by a `bounds` or `climatology` attribute (CF §7.1,
/// §7.4), a `grid_mapping` (CF §5.6), or if it has no dimension at all. `variables` gives each variable's name,
/// dimension names and attributes.
pub fn whole_variables(variables: &[(&str, Vec<&str>, &Attributes)]) -> BTreeSet<String> {
    let mut whole = BTreeSet::new();
    for (name, dimensions, attributes) in variables {
        if dimensions.is_empty() || dimensions == &[*name] {
            whole.insert((*name).to_owned());
        }
        whole.extend(companions(attributes));
    }
    // Attributes of a stranger may name millions.
    let known: BTreeSet<&str> = variables.iter().map(|(name, _, _)| *name).collect();
    whole.retain(|name| known.contains(name.as_str()));
    whole
}

/// The names in a variable's `coordinates`, `bounds`, `climatology` and `grid_mapping` attributes, whether or not such
/// variables exist.
pub fn companions(attributes: &Attributes) -> Vec<String> {
    let texts = ["coordinates", "bounds", "climatology", "grid_mapping"].map(|key| attributes.text(key));
    let names = texts.into_iter().flatten().flat_map(str::split_whitespace);
    // `grid_mapping` may read `crs: x y`; the colon belongs to the syntax.
    names.map(|name| name.trim_end_matches(':').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Values;

    #[test]
    fn coordinates_and_bounds_are_found_by_name_and_by_attribute() {
        let mut time = Attributes::default();
        time.push("bounds", Values::text("time_bnds"));
        let mut sst = Attributes::default();
        sst.push("coordinates", Values::text("lat2d lon2d nowhere"));
        let none = Attributes::default();
        let variables = [
            ("time", vec!["time"], &time),
            ("time_bnds", vec!["time", "bnds"], &none),
            ("lat2d", vec!["y", "x"], &none),
            ("lon2d", vec!["y", "x"], &none),
            ("crs", vec![], &none),
            ("sst", vec!["time", "y", "x"], &sst),
            ("profile", vec!["z"], &none),
        ];
        let whole = whole_variables(&variables);
        assert_eq!(whole.into_iter().collect::<Vec<_>>(), ["crs", "lat2d", "lon2d", "time", "time_bnds"]);
    }
}
