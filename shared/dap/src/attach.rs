//! From the tables of a DAS to the attributes of variables and of the dataset.

use std::collections::HashMap;

use cf::{Attribute, Attributes, Values};

use crate::{
    ParseError,
    das::{Entry, Table, Warnings},
    directory::{Directory, Path, Target},
    name::shown,
};

/// Comparisons the attribute tables may cost in all. Adding an attribute looks at every one before it, so one table may
/// have some 14,000 of them.
const MAX_COMPARISONS: usize = 100_000_000;

type Attributed = Vec<(String, Attribute)>;

/// What a DAS says, by whom it says it of.
#[derive(Debug)]
pub(crate) struct Attached<'a> {
    directory: &'a Directory,
    strays: Strays,
    warnings: &'a mut Warnings,
    globals: Attributed,
    variables: Vec<Own>,
    unlimited: Option<String>,
    comparisons: usize,
}

/// The attributes of one variable.
#[derive(Debug, Default)]
struct Own {
    /// From its own container.
    direct: Attributed,
    /// From the container of its Grid's array, inside the Grid's.
    array: Attributed,
    /// From its container as a map, inside a Grid's: the first of them.
    map: Option<Attributed>,
}

/// The result: of each variable in order, of the dataset, and the unlimited dimension.
pub(crate) struct Parts {
    pub(crate) variables: Vec<(Attributes, Option<Values>)>,
    pub(crate) globals: Attributes,
    pub(crate) unlimited: Option<String>,
}

/// Whose the containers are that belong to no variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strays {
    /// The dataset's: the DDS is whole.
    Global,
    /// Nobody's: a response may hold some of the variables only, and the others' attributes are not the dataset's.
    LeftOut,
}

/// Hands the entries of a DAS to their owners.
pub(crate) fn attach(
    directory: &Directory,
    table: Table,
    strays: Strays,
    warnings: &mut Warnings,
) -> Result<Parts, ParseError> {
    let variables = std::iter::repeat_with(Own::default).take(directory.names().len()).collect();
    let globals = Vec::new();
    let mut attached = Attached { directory, strays, warnings, globals, variables, unlimited: None, comparisons: 0 };
    for (name, entry) in table.0 {
        match entry {
            Entry::Values(_) => attached.global("", &name, entry),
            Entry::Table(table) => attached.table(&Path::default().member(&name), &name, table),
        }
    }
    attached.finish()
}

impl Attached<'_> {
    /// A container at the top or of a Structure's member.
    fn table(&mut self, path: &Path, name: &str, table: Table) {
        match self.directory.target(path) {
            Some(Target::Variable(at) | Target::GridArray(at) | Target::GridMap(at)) => self.variable(at, path, table),
            Some(Target::Structure) => self.structure(path, table),
            Some(Target::Unread) => {}
            None if name.starts_with("DODS") => self.dods(name, table),
            None if path.raw == name && is_global(name) => {
                for (name, entry) in table.0 {
                    self.global("", &name, entry);
                }
            }
            // A server may list the members of Structures at the top, as netCDF's client expects too.
            None => match self.directory.leaf(&shown(name)).filter(|_| path.raw == name) {
                Some(at) => self.variable(at, path, table),
                None => self.unknown(path, table),
            },
        }
    }

    /// The container of a variable, or of a Grid with containers of its array and maps inside it (Hyrax).
    fn variable(&mut self, at: usize, path: &Path, table: Table) {
        for (name, entry) in table.0 {
            let (target, table) = match entry {
                Entry::Table(table) => (self.directory.target(&path.member(&name)), table),
                Entry::Values(_) => {
                    self.own(at, |own| &mut own.direct, name, entry);
                    continue;
                }
            };
            match target {
                Some(Target::GridArray(at)) => {
                    for (name, entry) in table.0 {
                        self.own(at, |own| &mut own.array, name, entry);
                    }
                }
                Some(Target::GridMap(at)) => self.map(at, table),
                Some(Target::Unread) => {}
                Some(Target::Variable(_) | Target::Structure) | None => {
                    self.own(at, |own| &mut own.direct, name, Entry::Table(table));
                }
            }
        }
    }

    fn map(&mut self, at: usize, table: Table) {
        if self.variables.get(at).is_none_or(|own| own.map.is_some()) {
            return;
        }
        let entries = self.entries(table);
        if let Some(own) = self.variables.get_mut(at).filter(|_| !entries.is_empty()) {
            own.map = Some(entries);
        }
    }

    /// A Structure's container: members' containers, and attributes of its own, which become globals `s.name` as in
    /// netCDF's client.
    fn structure(&mut self, path: &Path, table: Table) {
        for (name, entry) in table.0 {
            match entry {
                Entry::Values(_) => self.global(&path.shown, &name, entry),
                Entry::Table(table) => self.table(&path.member(&name), &name, table),
            }
        }
    }

    /// A container of nothing we know: globals `container.name`, unless it may be that of a variable that was not
    /// asked for.
    fn unknown(&mut self, path: &Path, table: Table) {
        if self.strays == Strays::LeftOut {
            if !table.0.is_empty() && path.raw != "dimensions" {
                self.warnings.push(format!("`{}` is not in the response, its attributes are left out", path.shown));
            }
            return;
        }
        if !table.0.is_empty() && path.raw != "dimensions" {
            let name = &path.shown;
            self.warnings.push(format!("`{name}` is no variable, its attributes are kept as globals `{name}.…`"));
        }
        for (name, entry) in table.0 {
            self.global(&path.shown, &name, entry);
        }
    }

    /// What a server adds for other clients.
    fn dods(&mut self, container: &str, table: Table) {
        for (name, entry) in table.0 {
            if let ("DODS_EXTRA", "Unlimited_Dimension", Entry::Values(values)) = (container, name.as_str(), &entry) {
                self.unlimited = values.as_text().map(|name| shown(name).into_owned());
            }
        }
    }

    /// A global; a container is flattened.
    fn global(&mut self, prefix: &str, name: &str, entry: Entry) {
        let plain = shown(name);
        let full = if prefix.is_empty() { plain.into_owned() } else { format!("{prefix}.{plain}") };
        match entry {
            Entry::Values(values) => {
                if full == "DODS_EXTRA.Unlimited_Dimension" {
                    self.unlimited = values.as_text().map(|name| shown(name).into_owned());
                }
                if !is_server_made(&full) && !is_server_made(name) {
                    self.globals.push((full, Attribute::Values(values)));
                }
            }
            Entry::Table(_) if is_server_made(name) => {}
            Entry::Table(table) => {
                for (name, entry) in table.0 {
                    self.global(&full, &name, entry);
                }
            }
        }
    }

    fn own(&mut self, at: usize, part: fn(&mut Own) -> &mut Attributed, name: String, entry: Entry) {
        let attributes = self.entries(Table(vec![(name, entry)]));
        if let Some(own) = self.variables.get_mut(at) {
            part(own).extend(attributes);
        }
    }

    /// Entries as attributes, without what servers add. `_ChunkSizes` stays for now.
    fn entries(&mut self, table: Table) -> Attributed {
        let mut attributes = Vec::with_capacity(table.0.len());
        for (name, entry) in table.0 {
            if is_server_made(&name) && name != "_ChunkSizes" {
                continue;
            }
            let attribute = match entry {
                Entry::Values(values) => Attribute::Values(values),
                Entry::Table(table) => {
                    let entries = self.entries(table);
                    Attribute::Container(build(entries, &name, &mut self.comparisons, self.warnings))
                }
            };
            attributes.push((shown(&name).into_owned(), attribute));
        }
        attributes
    }

    fn finish(mut self) -> Result<Parts, ParseError> {
        let mut variables = Vec::with_capacity(self.variables.len());
        for (own, name) in std::mem::take(&mut self.variables).into_iter().zip(self.directory.names()) {
            let mut attributes = own.join();
            let chunks = attributes.iter().rposition(|(name, _)| name == "_ChunkSizes");
            let chunks = match chunks.map(|at| attributes.remove(at).1) {
                Some(Attribute::Values(values)) => Some(values),
                Some(Attribute::Container(_)) | None => None,
            };
            attributes.retain(|(name, _)| name != "_ChunkSizes");
            variables.push((build(attributes, name, &mut self.comparisons, self.warnings), chunks));
        }
        let globals = build(self.globals, "the dataset", &mut self.comparisons, self.warnings);
        if self.comparisons > MAX_COMPARISONS {
            return Err(ParseError::TooMany { what: "attributes in one table", limit: 14_000 });
        }
        Ok(Parts { variables, globals, unlimited: self.unlimited })
    }
}

impl Own {
    /// A Grid's own attributes come first, then those of its array that it does not have; a map's only if there are
    /// none.
    fn join(mut self) -> Attributed {
        if self.direct.is_empty() && self.array.is_empty() {
            return self.map.unwrap_or_default();
        }
        let known: std::collections::HashSet<String> = self.direct.iter().map(|(name, _)| name.clone()).collect();
        self.direct.extend(self.array.into_iter().filter(|(name, _)| !known.contains(name)));
        self.direct
    }
}

/// Attributes of which a name occurs once; the last counts. Stops at the limit, which is for the caller to report.
fn build(entries: Attributed, of: &str, comparisons: &mut usize, warnings: &mut Warnings) -> Attributes {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(entries.len());
    let mut distinct: Attributed = Vec::with_capacity(entries.len());
    for (name, attribute) in entries {
        let place = places.get(&name).copied();
        if let Some(former) = place.and_then(|place| distinct.get_mut(place)) {
            warnings.push(format!("`{of}` has attribute `{name}` twice, the last is kept"));
            former.1 = attribute;
        } else {
            places.insert(name.clone(), distinct.len());
            distinct.push((name, attribute));
        }
    }
    *comparisons = comparisons.saturating_add(distinct.len().saturating_mul(distinct.len()) / 2);
    let mut attributes = Attributes::default();
    if *comparisons <= MAX_COMPARISONS {
        for (name, attribute) in distinct {
            attributes.insert(name, attribute);
        }
    }
    attributes
}

/// Whether a container at the top holds global attributes: `NC_GLOBAL`, `HDF_GLOBAL`, `DAP4_GLOBAL`, whatever comes
/// before. netCDF's client takes any name that ends in "global" in any case.
fn is_global(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "global" || name.ends_with("_global")
}

/// Attributes that are not in the file but say how the server stores or sends it: used here, then left out.
fn is_server_made(name: &str) -> bool {
    name.starts_with("DODS") || ["_ChunkSizes", "string_length", "dimName"].contains(&name)
}
