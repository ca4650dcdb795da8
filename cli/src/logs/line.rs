//! A line of a function's log, for people. Pure.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use run::Plan;
use serde_json::{Map, Value};

use crate::arguments::FunctionArgument;

/// What every line of a run has, or nobody wants to read.
const HIDDEN: [&str; 14] = [
    "run",
    "message",
    "level",
    "timestamp",
    "time",
    "target",
    "name",
    "requestId",
    "request_id",
    "AWSRequestId",
    "xrayTraceId",
    "threadId",
    "filename",
    "line_number",
];

/// A chunk that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The array's name, and its position in the plan where that is known.
    array: String,
    number: Option<usize>,
    /// `0/3/1`; whatever is logged between the numbers.
    index: Vec<u64>,
}

impl Chunk {
    /// Reads `tmx/0/3/1`; `tmx` alone is a scalar's one chunk.
    pub(super) fn parse(text: &str, plan: Option<&Plan>) -> Result<Self, String> {
        let (array, index) = text.split_once('/').unwrap_or((text, ""));
        let expected = || format!("`{text}` is no chunk: expected ARRAY/INDEX, such as tmx/0/3/1");
        let number = |part: &str| part.parse().map_err(|_| expected());
        let index: Vec<u64> =
            index.split(['/', '.']).filter(|part| !part.is_empty()).map(number).collect::<Result<_, _>>()?;
        let paths = plan.map(|plan| plan.arrays.iter().map(|array| array.spec.path.to_string()).collect::<Vec<_>>());
        let position = paths.as_ref().map(|paths| paths.iter().position(|path| path == array));
        match (position, array) {
            (_, "") => Err(expected()),
            (Some(None), _) => {
                let names = paths.unwrap_or_default().join(", ");
                Err(format!("the run's plan has no array `{array}`; it has {names}"))
            }
            (position, _) => Ok(Self { array: array.to_owned(), number: position.flatten(), index }),
        }
    }
}

/// A line and what it says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    at: Timestamp,
    function: FunctionArgument,
    level: String,
    message: String,
    fields: BTreeMap<String, Value>,
}

impl Line {
    /// Reads a line: JSON as the functions write it (fields beside the message, in `fields`, in `span` and `spans`), or
    /// any text.
    pub(super) fn read(at: Timestamp, function: FunctionArgument, text: &str) -> Self {
        let text = text.trim_end();
        let Ok(Value::Object(object)) = serde_json::from_str(text) else {
            let (level, message, fields) = (String::new(), text.to_owned(), BTreeMap::new());
            return Self { at, function, level, message, fields };
        };
        let mut fields = BTreeMap::new();
        let spans = object.get("spans").and_then(Value::as_array).into_iter().flatten();
        for part in spans.chain([&object].iter().filter_map(|object| object.get("span"))) {
            flatten(part.as_object(), &mut fields);
        }
        flatten(Some(&object), &mut fields);
        flatten(object.get("fields").and_then(Value::as_object), &mut fields);
        let text = |name: &str| fields.get(name).map(word).unwrap_or_default();
        Self { at, function, level: text("level"), message: text("message"), fields }
    }

    /// Whether it speaks of a chunk.
    pub(super) fn is_about(&self, chunk: &Chunk) -> bool {
        let Some(array) = self.fields.get("array").map(word) else { return false };
        let index = self.fields.get("chunk").map(word).unwrap_or_default();
        let numbers = index.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        let same_array = array == chunk.array || chunk.number.is_some_and(|number| array == number.to_string());
        same_array && numbers.map(|part| part.parse().ok()).eq(chunk.index.iter().copied().map(Some))
    }
}

fn flatten(object: Option<&Map<String, Value>>, fields: &mut BTreeMap<String, Value>) {
    for (name, value) in object.into_iter().flatten() {
        if !matches!(name.as_str(), "span" | "spans" | "fields") {
            fields.insert(name.clone(), value.clone());
        }
    }
}

/// A value on one line, without what would move a terminal's cursor.
fn word(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    printable(&text)
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for Line {
    /// `2026-01-31 12:00:00.123Z  chunk      WARN   trying again  array=0 chunk=1/2`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = match self.function {
            FunctionArgument::Planner => "planner",
            FunctionArgument::Chunk => "chunk",
            FunctionArgument::Finalizer => "finalizer",
        };
        let at = self.at.strftime("%Y-%m-%d %H:%M:%S%.3fZ");
        write!(f, "{at}  {function:9}  {:5}  {}", self.level, printable(&self.message))?;
        let mut separator = "  ";
        for (name, value) in self.fields.iter().filter(|(name, _)| !HIDDEN.contains(&name.as_str())) {
            let value = word(value);
            if value.is_empty() || value.contains(' ') {
                write!(f, "{separator}{name}={value:?}")?;
            } else {
                write!(f, "{separator}{name}={value}")?;
            }
            separator = " ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &str = r#"{"timestamp":"2026-01-31T12:00:00Z","level":"WARN","fields":{"message":"trying again","attempt":2,"reason":"503 from the server"},"target":"steps::retry","span":{"run":"aaaaaaaaaaaa-1","array":0,"chunk":"0/3/1","request_id":"r","name":"chunk"},"spans":[{"run":"aaaaaaaaaaaa-1","name":"invocation"}]}"#;
    const FLAT: &str = r#"{"timestamp":"2026-01-31T12:00:00Z","level":"INFO","message":"chunks sent","run":"aaaaaaaaaaaa-1","chunks":504,"sent":504}"#;

    fn line(function: FunctionArgument, text: &str) -> Line {
        Line::read(Timestamp::from_millisecond(1_900_000_000_123).unwrap(), function, text)
    }

    #[test]
    fn lines_are_shown_in_one_form() {
        let lines = [
            line(FunctionArgument::Planner, FLAT),
            line(FunctionArgument::Chunk, NESTED),
            line(FunctionArgument::Finalizer, "aaaaaaaaaaaa-1 \u{1b}[31mnot JSON\n"),
        ];
        insta::assert_snapshot!(lines.map(|line| line.to_string()).join("\n"));
    }

    #[test]
    fn a_chunk_is_found_by_the_arrays_name_or_number() {
        let mut chunk = Chunk::parse("tmx/0/3/1", None).unwrap();
        let nested = line(FunctionArgument::Chunk, NESTED);
        assert!(!nested.is_about(&chunk));
        chunk.number = Some(0);
        assert!(nested.is_about(&chunk));
        assert!(!nested.is_about(&Chunk { index: vec![0, 3], ..chunk.clone() }));
        assert!(!line(FunctionArgument::Planner, FLAT).is_about(&chunk));
        for bad in ["", "/0", "tmx/x"] {
            assert!(Chunk::parse(bad, None).unwrap_err().contains("is no chunk"), "{bad}");
        }
    }
}
