//! From the tree of a DDS to a flat list of arrays, and a directory of what each name stands for.

use std::collections::{HashMap, HashSet};

use cf::Attributes;

use crate::{
    Projection, Unsupported, Variable,
    dds::{Declaration, Kind},
    directory::{Directory, Path, Target},
};

/// The arrays of a DDS.
#[derive(Debug, Default)]
pub(crate) struct Flat {
    pub(crate) variables: Vec<Variable>,
    pub(crate) unsupported: Vec<Unsupported>,
    /// What a DAS may call them.
    pub(crate) directory: Directory,
}

impl Flat {
    /// Flattens declarations.
    pub(crate) fn of(declarations: &[Declaration]) -> Self {
        let mut survey = Survey::default();
        survey.declarations(declarations, &Path::default());
        let ambiguous = survey.ambiguous_maps();
        let mut flat = Self::default();
        // Which variable a name became, if it is read.
        let mut taken: HashMap<&str, Option<usize>> = HashMap::new();
        let mut outcomes = Vec::with_capacity(survey.leaves.len());
        for leaf in &survey.leaves {
            let name = leaf.path.shown.as_str();
            let is_map = leaf.role == Role::Map;
            if is_map && (survey.declared.contains(name) || taken.contains_key(name)) {
                outcomes.push(None);
                continue;
            }
            let variable = if taken.contains_key(name) {
                Err("another variable has the same name".to_owned())
            } else if is_map && ambiguous.contains(name) {
                Err("Grids have maps of this name with different types or sizes".to_owned())
            } else {
                leaf.variable()
            };
            let outcome = flat.add(name, variable);
            taken.entry(name).or_insert(outcome);
            outcomes.push(outcome);
        }
        flat.enter(&survey, &outcomes, &taken);
        flat
    }

    fn add(&mut self, name: &str, variable: Result<Variable, String>) -> Option<usize> {
        match variable {
            Ok(variable) => {
                self.variables.push(variable);
                Some(self.variables.len() - 1)
            }
            Err(reason) => {
                self.unsupported.push(Unsupported { name: name.to_owned(), reason });
                None
            }
        }
    }

    /// Fills the directory. A name keeps what it stood for first, and what is declared comes before the maps of Grids.
    fn enter(&mut self, survey: &Survey<'_>, outcomes: &[Option<usize>], taken: &HashMap<&str, Option<usize>>) {
        for (leaf, outcome) in survey.leaves.iter().zip(outcomes).filter(|(leaf, _)| leaf.role != Role::Map) {
            self.directory.put(&leaf.path, outcome.map_or(Target::Unread, Target::Variable));
            if leaf.role == Role::Array {
                self.directory.put(&leaf.asked, outcome.map_or(Target::Unread, Target::GridArray));
            }
        }
        for path in &survey.structures {
            self.directory.put(path, Target::Structure);
        }
        for leaf in survey.leaves.iter().filter(|leaf| leaf.role == Role::Map) {
            let outcome = taken.get(leaf.path.shown.as_str()).copied().flatten();
            self.directory.put(&leaf.path, outcome.map_or(Target::Unread, Target::Variable));
            self.directory.put(&leaf.asked, outcome.map_or(Target::Unread, Target::GridMap));
        }
        for variable in &self.variables {
            self.directory.variable(variable.name.clone());
        }
    }
}

/// How an array is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    /// Of a Grid.
    Array,
    /// Of a Grid.
    Map,
}

/// An array, or something that is not read, on its way to being a variable.
#[derive(Debug)]
struct Leaf<'a> {
    /// The name it goes by: for the array of a Grid the Grid's, for a map the map's own.
    path: Path,
    /// The name it is asked for by.
    asked: Path,
    role: Role,
    declaration: &'a Declaration,
}

impl Leaf<'_> {
    fn variable(&self) -> Result<Variable, String> {
        let wire = match &self.declaration.kind {
            Kind::Number(wire) => *wire,
            Kind::Other(keyword) if ["string", "url"].contains(&keyword.to_ascii_lowercase().as_str()) => {
                return Err("text is not read yet".to_owned());
            }
            Kind::Other(keyword) => return Err(format!("`{keyword}` is no type of DAP2")),
            Kind::Sequence(_) => return Err("Sequences are not read yet".to_owned()),
            Kind::Structure(_) => return Err("arrays of Structures are not read yet".to_owned()),
            Kind::Grid { .. } => return Err("arrays of Grids are not read".to_owned()),
        };
        if !self.declaration.name_is_utf8 {
            return Err("its name is not UTF-8 and cannot be asked for".to_owned());
        }
        let projection = Projection::new(self.asked.raw.as_str()).map_err(|invalid| invalid.reason)?;
        Ok(Variable {
            name: self.path.shown.clone(),
            projection,
            wire,
            dimensions: self.declaration.dimensions.clone(),
            attributes: Attributes::default(),
            source_chunks: None,
        })
    }
}

/// Everything a DDS declares.
#[derive(Debug, Default)]
struct Survey<'a> {
    leaves: Vec<Leaf<'a>>,
    structures: Vec<Path>,
    /// Names that are declared themselves, not as a map.
    declared: HashSet<String>,
}

impl<'a> Survey<'a> {
    fn declarations(&mut self, declarations: &'a [Declaration], parent: &Path) {
        for declaration in declarations {
            let path = parent.member(&declaration.name);
            match &declaration.kind {
                Kind::Structure(members) if declaration.dimensions.is_empty() => {
                    self.declarations(members, &path);
                    self.structures.push(path);
                }
                Kind::Grid { array, maps } if declaration.dimensions.is_empty() => {
                    self.declared.insert(path.shown.clone());
                    let asked = path.member(&array.name);
                    for map in maps {
                        let role = Role::Map;
                        self.leaves.push(Leaf {
                            path: parent.member(&map.name),
                            asked: path.member(&map.name),
                            role,
                            declaration: map,
                        });
                    }
                    let before = self.leaves.len() - maps.len();
                    self.leaves.insert(before, Leaf { path, asked, role: Role::Array, declaration: array });
                }
                Kind::Structure(_) | Kind::Grid { .. } | Kind::Sequence(_) | Kind::Number(_) | Kind::Other(_) => {
                    self.declared.insert(path.shown.clone());
                    self.leaves.push(Leaf { path: path.clone(), asked: path, role: Role::Plain, declaration });
                }
            }
        }
    }

    /// Names that maps of different types or sizes share.
    fn ambiguous_maps(&self) -> HashSet<String> {
        let mut first: HashMap<&str, &Declaration> = HashMap::new();
        let mut ambiguous = HashSet::new();
        for leaf in self.leaves.iter().filter(|leaf| leaf.role == Role::Map) {
            let known = first.entry(leaf.path.shown.as_str()).or_insert(leaf.declaration);
            let sizes = |declaration: &Declaration| declaration.dimensions.iter().map(|d| d.size).collect::<Vec<_>>();
            if known.kind != leaf.declaration.kind || sizes(known) != sizes(leaf.declaration) {
                ambiguous.insert(leaf.path.shown.clone());
            }
        }
        ambiguous
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dds;

    fn flat(text: &str) -> Flat {
        Flat::of(&dds::parse(format!("Dataset {{ {text} }} d;").as_bytes()).unwrap().declarations)
    }

    fn projections(flat: &Flat) -> Vec<String> {
        flat.variables.iter().map(|v| format!("{}<-{}", v.name, v.projection)).collect()
    }

    #[test]
    fn names_are_flattened_in_order() {
        let flat = flat(
            "Grid { Array: Int16 t[y=2][x=3]; Maps: Float64 y[y=2]; Float64 x[x=3]; } t; Float64 x[x=3]; \
             Structure { Byte b; Structure { Int32 c%20d[2]; } u; Grid { Array: Byte g[z=1]; Maps: Byte z[z=1]; } g; } s;",
        );
        assert_eq!(
            projections(&flat),
            ["t<-t.t", "y<-t.y", "x<-x", "s.b<-s.b", "s.u.c d<-s.u.c%20d", "s.g<-s.g.g", "s.z<-s.g.z"]
        );
        assert_eq!(flat.unsupported, []);
    }

    #[test]
    fn nothing_is_dropped_silently() {
        let flat = flat(
            "String a; Url b[2]; Sequence { Int32 i; } q; Structure { Int32 i; } r[3]; Int64 l; Int32 n; Int16 n; \
             Int32 o%6Ee; Int32 one; ",
        );
        let names: Vec<_> = flat.unsupported.iter().map(|u| u.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "q", "r", "l", "n", "one"]);
        assert_eq!(projections(&flat), ["n<-n", "one<-o%6Ee"]);
    }

    #[test]
    fn maps_that_disagree_are_not_chosen_from() {
        let flat = flat(
            "Grid { Array: Int16 a[y=2]; Maps: Float64 y[y=2]; } a; Grid { Array: Int16 b[y=3]; Maps: Float64 y[y=3]; } b; \
             Grid { Array: Int16 c[x=3]; Maps: Float64 x[x=3]; } c; Grid { Array: Int16 d[x=3]; Maps: Float64 x[x=3]; } d;",
        );
        assert_eq!(projections(&flat), ["a<-a.a", "b<-b.b", "c<-c.c", "x<-c.x", "d<-d.d"]);
        assert_eq!(flat.unsupported.len(), 1);
        assert_eq!(flat.unsupported[0].name, "y");
    }
}
