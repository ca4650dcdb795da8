//! What a response holds, in the order of its bytes.

use grid::Shape;

use crate::{
    DecodeError, Dimension, ParseError, Unsupported, WireType,
    dds::{Declaration, Kind},
    directory::Path,
};

/// Bytes of all names together, with those of the Structures around each and of the dimensions: a short text can
/// declare gigabytes of them.
const MAX_NAMES_BYTES: usize = 4 << 20;

/// A step of reading.
#[derive(Debug)]
pub(super) enum Node {
    /// Values of a variable.
    Values {
        /// Whose: a position in [`Plan::leaves`].
        leaf: usize,
        /// How many; nothing for a scalar.
        count: Option<u64>,
    },
    /// An array of Structures: its count, and its members that often.
    Repeat { name: String, count: u64, nodes: Vec<Node>, smallest: u64 },
    /// A Sequence: its members as often as there are rows.
    Rows {
        name: String,
        /// Which: a position in [`Plan::sequences`]; nothing if it is not read.
        sequence: Option<usize>,
        nodes: Vec<Node>,
    },
}

/// How values stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    Number(WireType),
    Text,
}

/// How an array is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// Of a Grid.
    Array,
    /// Of a Grid.
    Map,
}

/// A variable to be.
#[derive(Debug)]
pub(super) struct Leaf {
    /// The name it goes by: for the array of a Grid the Grid's, for a map the map's own.
    pub(super) path: Path,
    /// Its name with those of all constructors around it.
    pub(super) full: Path,
    pub(super) role: Role,
    pub(super) kind: LeafKind,
    /// Those of arrays of Structures around it, the Sequence's (with a size of 0 for now) and its own.
    pub(super) dimensions: Vec<Dimension>,
    pub(super) rows: Option<Rows>,
    /// Whether its bytes are only walked over.
    pub(super) skipped: bool,
}

/// The Sequence around a variable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Which: a position in [`Plan::sequences`].
    pub(super) sequence: usize,
    /// The dimension that is its rows.
    pub(super) axis: usize,
}

/// How to read a response.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) nodes: Vec<Node>,
    pub(super) leaves: Vec<Leaf>,
    /// Structures and Sequences.
    pub(super) constructors: Vec<Path>,
    /// What is listed as unsupported.
    pub(super) unread: Vec<Path>,
    /// Number of Sequences that are read.
    pub(super) sequences: usize,
    pub(super) unsupported: Vec<Unsupported>,
    /// Whether there is an array of numbers without elements.
    pub(super) has_empty_arrays: bool,
    names_bytes: usize,
    data_start: u64,
}

/// Where a declaration stands.
#[derive(Debug, Clone, Default)]
struct Place {
    path: Path,
    dimensions: Vec<Dimension>,
    rows: Option<Rows>,
    /// Inside an array of Structures.
    repeated: bool,
    skipped: bool,
}

impl Place {
    fn member(&self, name: &str) -> Self {
        Self { path: self.path.member(name), ..self.clone() }
    }
}

impl Plan {
    /// How to read what a DDS declares; the data begin at byte `data_start`.
    pub(super) fn of(declarations: &[Declaration], data_start: u64) -> Result<Self, DecodeError> {
        let mut plan = Self { data_start, ..Self::default() };
        plan.nodes = plan.declarations(declarations, &Place::default())?;
        Ok(plan)
    }

    fn declarations(&mut self, declarations: &[Declaration], parent: &Place) -> Result<Vec<Node>, DecodeError> {
        let mut nodes = Vec::new();
        for declaration in declarations {
            let place = parent.member(&declaration.name);
            self.spend(&place.path, &[])?;
            match &declaration.kind {
                Kind::Number(_) | Kind::Other(_) => {
                    let full = place.path.clone();
                    nodes.push(self.leaf(declaration, place, full, Role::Plain)?);
                }
                Kind::Structure(members) => self.structure(declaration, members, place, &mut nodes)?,
                Kind::Sequence(members) => self.sequence(declaration, members, place, &mut nodes)?,
                Kind::Grid { array, maps } => self.grid(declaration, (array, maps), parent, place, &mut nodes)?,
            }
        }
        Ok(nodes)
    }

    /// A variable.
    fn leaf(&mut self, declaration: &Declaration, at: Place, full: Path, role: Role) -> Result<Node, DecodeError> {
        let kind = match &declaration.kind {
            Kind::Number(wire) => LeafKind::Number(*wire),
            Kind::Other(keyword) if keyword.eq_ignore_ascii_case("string") || keyword.eq_ignore_ascii_case("url") => {
                LeafKind::Text
            }
            // Its size is unknown, and so is where everything after it begins.
            Kind::Other(keyword) => return Err(self.no_type(&at.path, keyword)),
            Kind::Structure(_) | Kind::Sequence(_) | Kind::Grid { .. } => {
                return Err(self.no_type(&at.path, "one in a Grid"));
            }
        };
        let own = sizes(&declaration.dimensions);
        let count = (!own.is_empty()).then(|| own.iter().product());
        self.has_empty_arrays |= count == Some(0) && kind != LeafKind::Text;
        let mut dimensions = at.dimensions;
        dimensions.extend(declaration.dimensions.iter().cloned());
        shape(&at.path.shown, &dimensions)?;
        self.spend(&full, &dimensions)?;
        self.leaves.push(Leaf { path: at.path, full, role, kind, dimensions, rows: at.rows, skipped: at.skipped });
        Ok(Node::Values { leaf: self.leaves.len() - 1, count })
    }

    fn structure(
        &mut self,
        declaration: &Declaration,
        members: &[Declaration],
        mut place: Place,
        nodes: &mut Vec<Node>,
    ) -> Result<(), DecodeError> {
        self.constructors.push(place.path.clone());
        if declaration.dimensions.is_empty() {
            nodes.extend(self.declarations(members, &place)?);
            return Ok(());
        }
        place.repeated = true;
        place.dimensions.extend(declaration.dimensions.iter().cloned());
        let members = self.declarations(members, &place)?;
        nodes.push(self.repeat(declaration, place, members)?);
        Ok(())
    }

    fn sequence(
        &mut self,
        declaration: &Declaration,
        members: &[Declaration],
        mut place: Place,
        nodes: &mut Vec<Node>,
    ) -> Result<(), DecodeError> {
        let reason = if place.rows.is_some() {
            Some("Sequences inside Sequences are not read")
        } else if !declaration.dimensions.is_empty() {
            Some("arrays of Sequences are not read")
        } else if place.repeated {
            Some("Sequences inside arrays of Structures are not read")
        } else {
            None
        };
        let mut sequence = None;
        if let Some(reason) = reason {
            self.skip(&mut place, reason);
        } else if !place.skipped {
            sequence = Some(self.sequences);
            place.rows = Some(Rows { sequence: self.sequences, axis: place.dimensions.len() });
            place.dimensions.push(Dimension { name: Some(place.path.shown.clone()), size: 0 });
            self.sequences += 1;
            self.constructors.push(place.path.clone());
        }
        let members = self.declarations(members, &place)?;
        let rows = Node::Rows { name: place.path.shown.clone(), sequence, nodes: members };
        nodes.push(if declaration.dimensions.is_empty() { rows } else { self.repeat(declaration, place, vec![rows])? });
        Ok(())
    }

    fn grid(
        &mut self,
        declaration: &Declaration,
        (array, maps): (&Declaration, &[Declaration]),
        parent: &Place,
        mut place: Place,
        nodes: &mut Vec<Node>,
    ) -> Result<(), DecodeError> {
        if !declaration.dimensions.is_empty() {
            self.skip(&mut place, "arrays of Grids are not read");
        }
        let full = place.path.member(&array.name);
        let mut parts = vec![self.leaf(array, place.clone(), full, Role::Array)?];
        for map in maps {
            let full = place.path.member(&map.name);
            let at = Place { path: parent.path.member(&map.name), ..place.clone() };
            parts.push(self.leaf(map, at, full, Role::Map)?);
        }
        if declaration.dimensions.is_empty() {
            nodes.extend(parts);
        } else {
            nodes.push(self.repeat(declaration, place, parts)?);
        }
        Ok(())
    }

    fn repeat(&self, declaration: &Declaration, place: Place, nodes: Vec<Node>) -> Result<Node, DecodeError> {
        shape(&place.path.shown, &declaration.dimensions)?;
        let count = sizes(&declaration.dimensions).iter().product();
        let smallest = self.smallest(&nodes);
        Ok(Node::Repeat { name: place.path.shown, count, nodes, smallest })
    }

    /// Lists what is not read, unless it is inside something that is listed already.
    fn skip(&mut self, place: &mut Place, reason: &str) {
        if !place.skipped {
            self.unsupported.push(Unsupported { name: place.path.shown.clone(), reason: reason.to_owned() });
            self.unread.push(place.path.clone());
        }
        place.skipped = true;
    }

    /// The fewest bytes these can take.
    fn smallest(&self, nodes: &[Node]) -> u64 {
        nodes.iter().fold(0, |sum: u64, node| sum.saturating_add(self.smallest_of(node)))
    }

    fn smallest_of(&self, node: &Node) -> u64 {
        match node {
            Node::Rows { .. } => 4,
            Node::Repeat { count, smallest, .. } => count.saturating_mul(*smallest).saturating_add(4),
            Node::Values { leaf, count } => {
                let wire = match self.leaves.get(*leaf).map(|leaf| leaf.kind) {
                    Some(LeafKind::Number(wire)) => Some(wire),
                    Some(LeafKind::Text) | None => None,
                };
                let width = wire.map_or(4, |wire| wire.wire_element().width as u64);
                match count {
                    None => width.max(4),
                    Some(0) => 4,
                    Some(count) => {
                        let counts = if wire.is_some() { 8 } else { 4 };
                        count.saturating_mul(width).saturating_add(3) / 4 * 4 + counts
                    }
                }
            }
        }
    }

    fn spend(&mut self, path: &Path, dimensions: &[Dimension]) -> Result<(), DecodeError> {
        let names = dimensions.iter().filter_map(|dimension| dimension.name.as_ref()).map(String::len).sum::<usize>();
        self.names_bytes = self.names_bytes.saturating_add(path.raw.len()).saturating_add(names);
        if self.names_bytes > MAX_NAMES_BYTES {
            return Err(DecodeError::TooLarge {
                what: "bytes of all names together, those of the Structures around them included".to_owned(),
                found: self.names_bytes as u64,
                limit: MAX_NAMES_BYTES as u64,
            });
        }
        Ok(())
    }

    fn no_type(&self, path: &Path, found: &str) -> DecodeError {
        let expected = format!("`{}` to have one of DAP2's types", path.shown);
        DecodeError::Wrong { at: self.data_start, expected, found: found.to_owned() }
    }
}

fn sizes(dimensions: &[Dimension]) -> Vec<u64> {
    dimensions.iter().map(|dimension| dimension.size).collect()
}

/// Checks that sizes make an array.
pub(super) fn shape(name: &str, dimensions: &[Dimension]) -> Result<Shape, DecodeError> {
    Shape::new(sizes(dimensions))
        .map_err(|source| DecodeError::Metadata(ParseError::Shape { name: name.to_owned(), source }))
}
