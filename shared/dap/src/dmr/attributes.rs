//! The attributes of a DMR (DAP4 specification, volume 1, "Attributes").

use cf::{Attribute, Attributes, Values};
use grid::ElementType;
use roxmltree::Node;

use super::{declarations::Reader, names};
use crate::{
    ParseError,
    limits::{MAX_DEPTH, MAX_NAME_BYTES},
    name::{excerpt, is_printable},
    values::{AttributeType, Token, numbers, texts},
};

/// As in a DAS: comparing each with each takes a second, then.
const MAX_COMPARISONS: usize = 100_000_000;

/// What an attribute's type says of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Declared {
    Container,
    Xml,
    Number(ElementType),
    Text,
    /// A position in the enumerations.
    Enumeration(usize),
    Unknown,
}

impl Reader<'_> {
    /// The attributes directly inside an element.
    pub(super) fn attributes(&mut self, parent: Node<'_, '_>, depth: usize) -> Result<Attributes, ParseError> {
        if depth > MAX_DEPTH {
            return Err(ParseError::TooDeep { at: self.at(parent), limit: MAX_DEPTH });
        }
        let mut attributes = Attributes::default();
        for node in self.ours(parent).filter(|node| node.tag_name().name() == "Attribute") {
            let name = node.attribute("name").unwrap_or_default();
            if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_printable) {
                let shown = excerpt(name.as_bytes(), 80);
                self.warn(|| format!("attribute `{shown}` was left out: its name is empty, too long or unprintable"));
                continue;
            }
            self.comparisons += attributes.len();
            if self.comparisons > MAX_COMPARISONS {
                return Err(ParseError::TooMany { what: "attributes in one table", limit: 14_000 });
            }
            let attribute = match self.declared(node)? {
                Declared::Xml => {
                    self.warn(|| format!("attribute `{}` is XML and was left out", excerpt(name.as_bytes(), 80)));
                    continue;
                }
                Declared::Container => Attribute::Container(self.attributes(node, depth + 1)?),
                declared @ (Declared::Number(_) | Declared::Text | Declared::Enumeration(_) | Declared::Unknown) => {
                    Attribute::Values(self.values(node, name, declared))
                }
            };
            if attributes.get(name).is_some() {
                self.warn(|| format!("attribute `{}` is there twice, the last is kept", excerpt(name.as_bytes(), 80)));
            }
            attributes.insert(name.to_owned(), attribute);
        }
        Ok(attributes)
    }

    fn declared(&mut self, node: Node<'_, '_>) -> Result<Declared, ParseError> {
        let Some(declared) = node.attribute("type").map(str::trim).filter(|declared| !declared.is_empty()) else {
            let nested = self.ours(node).any(|child| child.tag_name().name() == "Attribute");
            return Ok(if nested { Declared::Container } else { Declared::Text });
        };
        match declared.to_ascii_lowercase().as_str() {
            "container" => return Ok(Declared::Container),
            // `str`, `int` and `float` are what pydap writes for values of Python's own types.
            "char" | "uri" | "opaque" | "str" => return Ok(Declared::Text),
            "int" => return Ok(Declared::Number(ElementType::Int64)),
            "float" => return Ok(Declared::Number(ElementType::Float64)),
            _ => {}
        }
        Ok(match AttributeType::from_keyword(declared.as_bytes()) {
            Some(AttributeType::Number(element)) => Declared::Number(element),
            Some(AttributeType::Text | AttributeType::Alias) => Declared::Text,
            Some(AttributeType::Xml) => Declared::Xml,
            None => {
                self.charge_search(declared)?;
                let found = self.enumerations.find(declared, &self.scope);
                found.map_or(Declared::Unknown, |at| Declared::Enumeration(*at))
            }
        })
    }

    fn values(&mut self, node: Node<'_, '_>, name: &str, declared: Declared) -> Values {
        let mut found: Vec<String> = node.attribute("value").map(str::to_owned).into_iter().collect();
        for value in self.ours(node).filter(|child| child.tag_name().name() == "Value") {
            found.push(value.attribute("value").map_or_else(|| inner_text(value), str::to_owned));
        }
        let shown = || excerpt(name.as_bytes(), 80);
        match declared {
            Declared::Number(element) => {
                // Nothing is no number: `<Value></Value>` stands for an attribute without values.
                found.retain(|text| !text.trim().is_empty());
                let tokens: Vec<_> = found.iter().map(|text| Token::Bare(text.as_bytes())).collect();
                let (values, remark) = numbers(element, &tokens);
                if let Some(remark) = remark {
                    self.warn(|| format!("attribute `{}` {remark}", shown()));
                }
                return values;
            }
            Declared::Enumeration(at) => {
                if let Some(values) = self.listed.get(at).and_then(|known| known.values(&found)) {
                    return values;
                }
                self.warn(|| format!("attribute `{}` is no value of its enumeration, kept as text", shown()));
            }
            Declared::Unknown => {
                self.warn(|| format!("attribute `{}` is of a type we do not know, kept as text", shown()));
            }
            Declared::Text | Declared::Container | Declared::Xml => {}
        }
        let escaped = self.escaped;
        let tokens: Vec<_> = found
            .iter()
            .map(|text| if escaped { Token::Quoted(text.as_bytes()) } else { Token::Verbatim(text.as_bytes()) })
            .collect();
        texts(&tokens)
    }
}

impl super::Enumeration {
    /// Names or numbers as values of the base type; nothing if one is neither.
    pub(crate) fn values(&self, texts: &[String]) -> Option<Values> {
        let value = |text: &String| {
            let text = text.trim();
            let named = self.constants.iter().find(|(name, _)| name == text).map(|(_, value)| *value);
            named.or_else(|| text.parse().ok())
        };
        numbers_of(self.base, &texts.iter().map(value).collect::<Option<Vec<i128>>>()?)
    }

    /// The enumeration's name in full, from its parts.
    pub(super) fn path(parts: &[String]) -> String {
        names::shown(parts)
    }
}

/// Integers as values of a type; nothing if one does not fit.
pub(crate) fn numbers_of(element: ElementType, values: &[i128]) -> Option<Values> {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    let tokens: Vec<_> = texts.iter().map(|text| Token::Bare(text.as_bytes())).collect();
    Some(numbers(element, &tokens)).filter(|(_, remark)| remark.is_none()).map(|(values, _)| values)
}

/// Whether a server made an attribute for other clients: it is not in the file, but says how the server stores or sends
/// the data.
pub(crate) fn is_server_made(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "_ChunkSizes",
        "string_length",
        "dimName",
        "_DAP4_Little_Endian",
        "_DAP4_Checksum_CRC32",
        "DAP4_Checksum_CRC32",
        "_dap4.ce",
        "_NCProperties",
    ];
    name.starts_with("DODS") || name.starts_with("_edu.ucar.") || NAMES.contains(&name)
}

/// All text inside an element, also where a comment or CDATA parts it. White space is data.
fn inner_text(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|text| text.text()).collect()
}
