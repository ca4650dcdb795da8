use crate::Values;

/// An attribute: values, or a container of further attributes (DAP2 §6.2, DAP4 §"Attributes").
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// One or more values of one type; none at all where a server wrote an empty one.
    Values(Values),
    /// A named group of attributes.
    Container(Attributes),
}

/// Attributes in the order the server gave them, each name once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes(Vec<(String, Attribute)>);

impl Attributes {
    /// Adds values under a name; a later one of the same name takes the place of the former.
    pub fn push(&mut self, name: impl Into<String>, values: Values) {
        self.insert(name.into(), Attribute::Values(values));
    }

    /// Adds an attribute; a later one of the same name takes the place of the former.
    pub fn insert(&mut self, name: String, attribute: Attribute) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, former)) => *former = attribute,
            None => self.0.push((name, attribute)),
        }
    }

    /// The attribute of that name.
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, attribute)| attribute)
    }

    /// The values of that name, unless it is a container.
    pub fn values(&self, name: &str) -> Option<&Values> {
        match self.get(name)? {
            Attribute::Values(values) => Some(values),
            Attribute::Container(_) => None,
        }
    }

    /// The single text of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values(name)?.as_text()
    }

    /// Names and attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.0.iter().map(|(name, attribute)| (name.as_str(), attribute))
    }

    /// Keeps the attributes for which `keep` says yes.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    /// Number of attributes at this level.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
