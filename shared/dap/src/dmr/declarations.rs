//! From XML elements to groups and variables.

use grid::{ElementType, Shape};
use roxmltree::Node;

use super::{
    Declaration, Dmr, Enumeration, Group, SharedDimension, Type,
    names::{self, Directory},
    xml,
};
use crate::{
    Dimension, ParseError, Position,
    das::Warnings,
    limits::{MAX_DEPTH, MAX_FULL_NAMES_BYTES, MAX_NAME_BYTES, MAX_VARIABLES},
    name::{excerpt, is_printable},
    text::check_name,
};

/// Reads a DMR.
pub(super) fn parse(bytes: &[u8]) -> Result<Dmr, ParseError> {
    let (text, remarks) = xml::text(bytes)?;
    let document = xml::document(&text)?;
    let dataset = document.root_element();
    let mut reader = Reader {
        namespace: dataset.tag_name().namespace(),
        scope: Vec::new(),
        dimensions: Directory::default(),
        enumerations: Directory::default(),
        listed: Vec::new(),
        warnings: Warnings::default(),
        count: 0,
        full_names: 0,
        comparisons: 0,
        escaped: false,
        foreign: 0,
    };
    for remark in remarks {
        reader.warnings.push(remark);
    }
    reader.version(dataset)?;
    // Hyrax's netCDF handler alone puts globals in there, and keeps the escapes of its DAP2 responses in texts.
    reader.escaped = reader.ours(dataset).any(|node| {
        node.tag_name().name() == "Attribute"
            && node.attribute("name") == Some("NC_GLOBAL")
            && node.attribute("type") == Some("Container")
    });
    reader.directory(dataset, 1)?;
    let root = reader.group(dataset, 1)?;
    let name = dataset.attribute("name").unwrap_or_default().to_owned();
    if reader.foreign > 0 {
        let foreign = reader.foreign;
        reader.warn(|| format!("{foreign} XML elements that are not of DAP4 were left out"));
    }
    Ok(Dmr { name, root, enumerations: reader.listed, warnings: reader.warnings.into_lines() })
}

/// What is known while a DMR is read.
pub(super) struct Reader<'a> {
    /// That of the root: what has another is not ours.
    namespace: Option<&'a str>,
    /// The names of the groups around what is read, the root's left out.
    pub(super) scope: Vec<String>,
    /// Name in full and size.
    dimensions: Directory<(String, u64)>,
    /// Positions in `listed`.
    pub(super) enumerations: Directory<usize>,
    pub(super) listed: Vec<Enumeration>,
    warnings: Warnings,
    /// Variables and members so far.
    count: usize,
    /// Bytes of names in full so far.
    full_names: usize,
    pub(super) comparisons: usize,
    /// Whether texts have DAP2's escapes.
    pub(super) escaped: bool,
    foreign: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn warn(&mut self, warning: impl FnOnce() -> String) {
        self.warnings.push_with(warning);
    }

    /// The elements inside one that belong to DAP4.
    pub(super) fn ours<'n, 'i>(&self, parent: Node<'n, 'i>) -> impl Iterator<Item = Node<'n, 'i>> + use<'a, 'n, 'i> {
        let own = self.namespace;
        parent.children().filter(move |node| node.is_element() && is_ours(node.tag_name().namespace(), own))
    }

    /// Where an element begins.
    #[expect(clippy::unused_self, reason = "reads as a question to the reader")]
    pub(super) fn at(&self, node: Node<'_, '_>) -> Position {
        xml::position(node.document().input_text(), node.range().start)
    }

    fn unexpected(&self, node: Node<'_, '_>, expected: &'static str, found: &str) -> ParseError {
        ParseError::Unexpected { at: self.at(node), expected, found: excerpt(found.as_bytes(), 120) }
    }

    /// Refuses what has the same root element and other elements inside: a version to come, a DDX that tells none.
    fn version(&self, dataset: Node<'_, '_>) -> Result<(), ParseError> {
        const EXPECTED: &str = "a DMR of DAP4";
        let found = self.namespace.unwrap_or_default().len();
        if found > MAX_NAME_BYTES {
            return Err(ParseError::TooLarge { what: "the XML namespace", found, limit: MAX_NAME_BYTES });
        }
        let version = dataset.attribute("dapVersion").unwrap_or_default().trim();
        if !version.is_empty() && !version.starts_with('4') {
            return Err(self.unexpected(dataset, EXPECTED, &format!("a description of DAP version {version}")));
        }
        match self.ours(dataset).find(|node| ["Grid", "Array", "dataBLOB", "blob"].contains(&node.tag_name().name())) {
            Some(node) => {
                let found = format!("a DDX: <{}> is none of DAP4; ask for DDS and DAS instead", node.tag_name().name());
                Err(self.unexpected(node, EXPECTED, &found))
            }
            None => Ok(()),
        }
    }

    /// A name that can be shown and written; DAP4 names are not escaped in their own declaration.
    fn name(&self, node: Node<'_, '_>) -> Result<String, ParseError> {
        let name = node.attribute("name").unwrap_or_default();
        check_name(name.as_bytes())?;
        if name.is_empty() || !name.chars().all(is_printable) {
            return Err(self.unexpected(node, "a name of characters that can be printed", &format!("{name:?}")));
        }
        Ok(name.to_owned())
    }

    /// Counts the bytes of names written in full.
    fn charge(&mut self, bytes: usize) -> Result<(), ParseError> {
        self.full_names = self.full_names.saturating_add(bytes);
        if self.full_names > MAX_FULL_NAMES_BYTES {
            let (found, limit) = (self.full_names, MAX_FULL_NAMES_BYTES);
            return Err(ParseError::TooLarge { what: "the DMR with its names written in full", found, limit });
        }
        Ok(())
    }

    /// Dimensions and enumerations of a group and those inside it: they may be used before they are declared.
    fn directory(&mut self, group: Node<'_, '_>, depth: usize) -> Result<(), ParseError> {
        if depth > MAX_DEPTH {
            return Err(ParseError::TooDeep { at: self.at(group), limit: MAX_DEPTH });
        }
        for node in self.ours(group) {
            match node.tag_name().name() {
                "Group" => {
                    let name = self.name(node)?;
                    self.scope.push(name);
                    self.directory(node, depth + 1)?;
                    self.scope.pop();
                }
                "Dimension" => {
                    let mut path = self.scope.clone();
                    path.push(self.name(node)?);
                    let size = self.size(node)?;
                    let shown = names::shown(&path);
                    self.charge(shown.len())?;
                    let label = shown.clone();
                    if !self.dimensions.add(path, (shown, size)) {
                        self.warn(|| format!("dimension `{label}` is declared twice, the first is kept"));
                    }
                }
                "Enumeration" => self.enumeration(node)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn size(&self, node: Node<'_, '_>) -> Result<u64, ParseError> {
        let size = node.attribute("size").unwrap_or_default();
        let digits = size.trim();
        let number = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
        number.ok_or_else(|| self.unexpected(node, "a size, a whole number", &format!("`{size}`")))
    }

    fn enumeration(&mut self, node: Node<'_, '_>) -> Result<(), ParseError> {
        let mut path = self.scope.clone();
        path.push(self.name(node)?);
        let keyword = node.attribute("basetype").or_else(|| node.attribute("type")).unwrap_or_default();
        let base = match atomic(keyword) {
            Some(Type::Number(element)) if !element.is_float() => element,
            _ => return Err(self.unexpected(node, "an integer type as basetype", &format!("`{keyword}`"))),
        };
        let mut constants = Vec::new();
        for constant in self.ours(node).filter(|child| child.tag_name().name() == "EnumConst") {
            let value = constant.attribute("value").unwrap_or_default();
            match value.trim().parse() {
                Ok(number) => constants.push((self.name(constant)?, number)),
                Err(_) => self.warn(|| format!("`{}` is no enumeration value", excerpt(value.as_bytes(), 40))),
            }
        }
        let name = Enumeration::path(&path);
        self.charge(name.len())?;
        let label = name.clone();
        if !self.enumerations.add(path, self.listed.len()) {
            self.warn(|| format!("enumeration `{label}` is declared twice, the first is kept"));
        }
        self.listed.push(Enumeration { name, base, constants });
        Ok(())
    }

    fn group(&mut self, node: Node<'_, '_>, depth: usize) -> Result<Group, ParseError> {
        let mut group = Group::default();
        if let Some(name) = self.scope.last() {
            group.name.clone_from(name);
        }
        let prefix: usize = self.scope.iter().map(|part| part.len() + 1).sum();
        for child in node.children().filter(Node::is_element) {
            if !is_ours(child.tag_name().namespace(), self.namespace) {
                self.foreign += 1;
                continue;
            }
            match child.tag_name().name() {
                "Group" => {
                    let name = self.name(child)?;
                    self.scope.push(name);
                    group.groups.push(self.group(child, depth + 1)?);
                    self.scope.pop();
                }
                "Dimension" => {
                    let mut path = self.scope.clone();
                    path.push(self.name(child)?);
                    let name = names::shown(&path);
                    self.charge(name.len())?;
                    let unlimited = child.attribute("_edu.ucar.isunlimited").is_some_and(|flag| flag == "1");
                    group.dimensions.push(SharedDimension { name, size: self.size(child)?, unlimited });
                }
                "Enumeration" | "Attribute" | "OtherXML" | "Map" => {}
                _ => group.variables.push(self.variable(child, prefix, depth)?),
            }
        }
        group.attributes = self.attributes(node, depth)?;
        Ok(group)
    }

    /// A variable or a member; `prefix` is the length of what stands before its name in full.
    fn variable(&mut self, node: Node<'_, '_>, prefix: usize, depth: usize) -> Result<Declaration, ParseError> {
        if depth > MAX_DEPTH {
            return Err(ParseError::TooDeep { at: self.at(node), limit: MAX_DEPTH });
        }
        self.count += 1;
        if self.count > MAX_VARIABLES {
            return Err(ParseError::TooMany { what: "variables", limit: MAX_VARIABLES });
        }
        let keyword = node.tag_name().name();
        let kind = match keyword {
            "Structure" | "Sequence" => None,
            "Enum" => {
                let reference = node.attribute("enum").unwrap_or_default();
                self.charge_search(reference)?;
                let at = self.enumerations.find(reference, &self.scope);
                let unknown = || self.unexpected(node, "an enumeration that is declared", &format!("`{reference}`"));
                Some(Type::Enumeration(*at.ok_or_else(unknown)?))
            }
            _ => Some(atomic(keyword).ok_or_else(|| {
                self.unexpected(node, "a type, a Group or an Attribute of DAP4", &format!("<{keyword}>"))
            })?),
        };
        let name = self.name(node)?;
        let prefix = prefix + name.len() + 1;
        self.charge(prefix)?;
        let (mut dimensions, mut maps, mut members) = (Vec::new(), Vec::new(), Vec::new());
        for child in self.ours(node) {
            match child.tag_name().name() {
                "Dim" => dimensions.push(self.dimension(child)?),
                "Map" => maps.push(child.attribute("name").unwrap_or_default().to_owned()),
                "Attribute" | "OtherXML" => {}
                _ if kind.is_none() => members.push(self.variable(child, prefix, depth + 1)?),
                other => {
                    return Err(self.unexpected(child, "<Dim>, <Map> or <Attribute>", &format!("<{other}>")));
                }
            }
        }
        Shape::new(dimensions.iter().map(|dimension| dimension.size).collect())
            .map_err(|source| ParseError::Shape { name: name.clone(), source })?;
        let kind = kind.unwrap_or(match keyword {
            "Sequence" => Type::Sequence(members),
            _ => Type::Structure(members),
        });
        let attributes = self.attributes(node, depth)?;
        Ok(Declaration { name, kind, dimensions, maps, attributes })
    }

    /// Counts what it takes to look a name up: a relative one is looked for in every group around.
    pub(super) fn charge_search(&mut self, reference: &str) -> Result<(), ParseError> {
        let path: usize = self.scope.iter().map(|part| part.len() + 1).sum();
        self.charge(if reference.starts_with('/') { 0 } else { path * self.scope.len() })
    }

    fn dimension(&mut self, node: Node<'_, '_>) -> Result<Dimension, ParseError> {
        let Some(reference) = node.attribute("name") else {
            return Ok(Dimension { name: None, size: self.size(node)? });
        };
        self.charge_search(reference)?;
        let unknown = || self.unexpected(node, "a dimension that is declared", &format!("`{reference}`"));
        let (name, size) = self.dimensions.find(reference, &self.scope).ok_or_else(unknown)?.clone();
        self.charge(name.len())?;
        Ok(Dimension { name: Some(name), size })
    }
}

/// Whether an element is of DAP4: it has the root's namespace, or that of DAP4, or none.
fn is_ours(namespace: Option<&str>, root: Option<&str>) -> bool {
    // A very long one would be compared once for every element.
    if namespace.is_some_and(|namespace| namespace.len() > MAX_NAME_BYTES) {
        return false;
    }
    namespace == root || namespace.is_none_or(|namespace| namespace.contains("/ns/DAP/4"))
}

/// The type of an element's name (DAP4 specification, volume 1, "Atomic Types").
fn atomic(keyword: &str) -> Option<Type> {
    Some(match keyword {
        "Byte" => Type::Number(ElementType::UInt8),
        "Char" => Type::Char,
        "String" | "URL" | "Url" | "URI" => Type::Text,
        "Opaque" => Type::Opaque,
        _ => {
            let lower = keyword.to_ascii_lowercase();
            Type::Number(ElementType::ALL.into_iter().find(|element| element.name() == lower)?)
        }
    })
}
