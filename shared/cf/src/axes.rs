mod attributes;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::names::Guess;
use crate::Attributes;

/// What a dimension counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Steps in time.
    Time,
    /// Levels, up or down, whatever their unit.
    Vertical,
    /// Rows: latitude, northing, or the slower index of a curvilinear grid.
    Y,
    /// Columns: longitude, easting, or the faster index of a curvilinear grid.
    X,
    /// Anything else: members of an ensemble, stations, vertices of bounds, runs of a model; and what nothing is known of.
    Other,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Time => "time",
            Self::Vertical => "vertical",
            Self::Y => "y",
            Self::X => "x",
            Self::Other => "other",
        })
    }
}

type Variable<'a> = (&'a str, Vec<&'a str>, &'a Attributes);

/// The roles of all dimensions, by name. `variables` gives each variable's name, dimension names and attributes; a
/// dimension without a name (an empty text) is left out.
///
/// For each dimension the first of these that says anything counts:
///
/// 1. A dimension that only bounds have, the variables named by `bounds` or `climatology` (CF §7.1, §7.4), is
///    [`Role::Other`].
/// 2. Its coordinate variable, one-dimensional and of its name (CF §5), by the variable's attributes: `axis` (CF §4) or
///    `cartesian_axis` (GFDL's), `standard_name` (CF §3.3), `_CoordinateAxisType` (netCDF-Java), `units` (CF §4.1 to §4.4),
///    `positive` (CF §4.3).
/// 3. One-dimensional auxiliary coordinates over it, those that some variable's `coordinates` names (CF §5.2), by the same
///    attributes. Time wins, since along the points of a trajectory time advances (CF §9, Appendix H); otherwise, where
///    they disagree, as latitudes and longitudes of stations or of an unstructured grid do, it is [`Role::Other`].
/// 4. Latitudes and longitudes in two dimensions that one `coordinates` attribute names together (CF §5.2): the first
///    dimension is y and the second x. WRF repeats them for every time: a time dimension in front is passed over.
/// 5. Its name, lower-cased, without the number that THREDDS and others append (`time1`, `lat_0`). Such a guess gives way to
///    a dimension of the same variable whose role is known from 2 to 4; of two guesses that would make one role of two
///    dimensions of one variable, a name without a number wins, then the faster dimension.
pub fn axis_roles(variables: &[Variable<'_>]) -> BTreeMap<String, Role> {
    let bounds = named_by(variables, &["bounds", "climatology"]);
    let auxiliaries = named_by(variables, &["coordinates"]);
    let mut roles: BTreeMap<&str, Role> = BTreeMap::new();
    let mut open = BTreeSet::new();
    for (_, dimensions, _) in variables {
        for dimension in dimensions.iter().filter(|dimension| !dimension.is_empty()) {
            if roles.contains_key(dimension) || open.contains(dimension) {
                continue;
            }
            let described = || described(dimension, variables, &auxiliaries);
            if !is_used(dimension, variables, &bounds) {
                roles.insert(dimension, Role::Other);
            } else if let Some(role) = described() {
                roles.insert(dimension, role);
            } else {
                open.insert(*dimension);
            }
        }
    }
    for (dimension, role) in curvilinear(variables, &roles) {
        if open.remove(dimension) {
            roles.insert(dimension, role);
        }
    }
    let mut guesses: BTreeMap<&str, Guess> =
        open.iter().filter_map(|dimension| Some((*dimension, names::guess(dimension)?))).collect();
    for (_, dimensions, _) in variables {
        settle(dimensions, &roles, &mut guesses);
    }
    for dimension in open {
        roles.insert(dimension, guesses.get(dimension).map_or(Role::Other, |guess| guess.role));
    }
    roles.into_iter().map(|(dimension, role)| (dimension.to_owned(), role)).collect()
}

/// The variable whose values are the times along each time dimension, by dimension: the coordinate variable (CF §5), or a
/// one-dimensional auxiliary coordinate (CF §5.2), of which `units` says `UNIT since DATE` (CF §4.4). Not every time
/// dimension has one.
pub fn time_coordinates(variables: &[Variable<'_>]) -> BTreeMap<String, String> {
    let auxiliaries = named_by(variables, &["coordinates"]);
    let roles = axis_roles(variables);
    let times = roles.into_iter().filter(|(_, role)| *role == Role::Time);
    times
        .filter_map(|(dimension, _)| {
            let counts_time = |attributes: &Attributes| {
                attributes.text("units").is_some_and(attributes::is_time_unit)
                    && !matches!(attributes::role(attributes), Some(role) if role != Role::Time)
            };
            let own = own(&dimension, variables).filter(|(_, _, attributes)| counts_time(attributes));
            let beside = || along(&dimension, variables, &auxiliaries).find(|(_, _, a)| counts_time(a));
            let (name, _, _) = own.or_else(beside)?;
            let name = (*name).to_owned();
            Some((dimension, name))
        })
        .collect()
}

/// The names in these attributes of any variable.
fn named_by<'a>(variables: &[Variable<'a>], keys: &[&str]) -> BTreeSet<&'a str> {
    let texts = variables.iter().flat_map(|(_, _, attributes)| keys.iter().filter_map(|key| attributes.text(key)));
    texts.flat_map(str::split_whitespace).collect()
}

/// Whether a variable that is not bounds has the dimension.
fn is_used(dimension: &str, variables: &[Variable<'_>], bounds: &BTreeSet<&str>) -> bool {
    variables.iter().any(|(name, dimensions, _)| dimensions.contains(&dimension) && !bounds.contains(name))
}

/// The dimension's coordinate variable.
fn own<'a, 'b>(dimension: &str, variables: &'b [Variable<'a>]) -> Option<&'b Variable<'a>> {
    variables.iter().find(|(name, dimensions, _)| *name == dimension && dimensions == &[dimension])
}

/// The auxiliary coordinates over this dimension alone.
fn along<'a, 'b>(
    dimension: &str,
    variables: &'b [Variable<'a>],
    auxiliaries: &BTreeSet<&str>,
) -> impl Iterator<Item = &'b Variable<'a>> {
    variables.iter().filter(move |(name, dimensions, _)| {
        *name != dimension && dimensions == &[dimension] && auxiliaries.contains(name)
    })
}

/// The role that one-dimensional coordinates give a dimension.
fn described(dimension: &str, variables: &[Variable<'_>], auxiliaries: &BTreeSet<&str>) -> Option<Role> {
    if let Some(role) = own(dimension, variables).and_then(|(_, _, attributes)| attributes::role(attributes)) {
        return Some(role);
    }
    let beside = along(dimension, variables, auxiliaries);
    let mut found: BTreeSet<Role> = beside.filter_map(|(_, _, attributes)| attributes::role(attributes)).collect();
    if found.contains(&Role::Time) {
        return Some(Role::Time);
    }
    let one = found.pop_first()?;
    Some(if found.is_empty() { one } else { Role::Other })
}

/// The dimensions of latitudes and longitudes in two dimensions.
fn curvilinear<'a>(variables: &[Variable<'a>], known: &BTreeMap<&str, Role>) -> Vec<(&'a str, Role)> {
    let mut found = Vec::new();
    let texts: BTreeSet<&str> =
        variables.iter().filter_map(|(_, _, attributes)| attributes.text("coordinates")).collect();
    for text in texts {
        let named: BTreeSet<&str> = text.split_whitespace().collect();
        let grids = |role: Role| {
            let of_role = variables.iter().filter(move |(name, _, attributes)| {
                named.contains(name) && attributes::role(attributes) == Some(role)
            });
            of_role.filter_map(|(_, dimensions, _)| grid(dimensions, known)).collect::<Vec<_>>()
        };
        let rows = grids.clone()(Role::Y);
        for (first, second) in grids(Role::X).into_iter().filter(|columns| rows.contains(columns)) {
            let guess = |name| names::guess(name).map(|guess| guess.role);
            // Arrays are stored the other way round here and there, and then say so.
            let swapped = (guess(first), guess(second)) == (Some(Role::X), Some(Role::Y));
            let (y, x) = if swapped { (second, first) } else { (first, second) };
            found.extend([(y, Role::Y), (x, Role::X)]);
        }
    }
    found
}

/// The two dimensions of a horizontal grid, a time in front passed over.
fn grid<'a>(dimensions: &[&'a str], known: &BTreeMap<&str, Role>) -> Option<(&'a str, &'a str)> {
    let is_time = |name: &str| {
        known.get(name).copied().or_else(|| names::guess(name).map(|guess| guess.role)) == Some(Role::Time)
    };
    match dimensions {
        [y, x] => Some((*y, *x)),
        [time, y, x] if is_time(time) => Some((*y, *x)),
        _ => None,
    }
}

/// Takes back the guesses that would give two dimensions of one variable the same role.
fn settle(dimensions: &[&str], known: &BTreeMap<&str, Role>, guesses: &mut BTreeMap<&str, Guess>) {
    for role in [Role::Time, Role::Vertical, Role::Y, Role::X] {
        let rivals: Vec<(usize, &str, bool)> = (0..)
            .zip(dimensions)
            .filter_map(|(axis, name)| {
                let guess = guesses.get(name).filter(|guess| guess.role == role)?;
                Some((axis, *name, guess.is_exact))
            })
            .collect();
        let is_known = dimensions.iter().any(|name| known.get(name) == Some(&role));
        let best = rivals.iter().max_by_key(|(axis, _, exact)| (*exact, *axis)).filter(|_| !is_known);
        let best = best.map(|(_, name, _)| *name);
        for (_, name, _) in rivals {
            if Some(name) != best {
                guesses.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests;
