//! A user's prices.

use std::{io::Read as _, path::Path};

use advisor::Prices;
use serde_json::{Map, Value};

use crate::{failure::Failure, runs};

/// More than anybody writes.
const MOST_BYTES: u64 = 64_000;

/// The prices of a file, those it does not name as they are; without a file all of them.
pub(crate) fn read(file: Option<&Path>) -> Result<Prices, Failure> {
    let Some(file) = file else { return Ok(Prices::default()) };
    let failed = |what: String| runs::bad(format!("{}: {what}", file.display()));
    let mut text = String::new();
    let opened = std::fs::File::open(file);
    let read = opened.and_then(|opened| opened.take(MOST_BYTES + 1).read_to_string(&mut text));
    read.map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(failed(format!("more than {MOST_BYTES} bytes, expected a JSON object with a few prices")));
    }
    parse(&text).map_err(failed)
}

/// Each field by itself, so that what is wrong is named.
fn parse(text: &str) -> Result<Prices, String> {
    let known = fields(serde_json::to_value(Prices::default()));
    let given: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        format!("expected a JSON object with prices in dollars, such as {{\"put\": 0.000005}}: {error}")
    })?;
    let mut all = known.clone();
    for (name, value) in given {
        if !known.contains_key(&name) {
            let names: Vec<_> = known.keys().map(|name| format!("`{name}`")).collect();
            return Err(format!("there is no price `{}`; there are {}", shown(&name), names.join(", ")));
        }
        let valid = if name == "dated" { value.is_string() } else { value.as_f64().is_some_and(|price| price >= 0.0) };
        if !valid {
            let expected = if name == "dated" {
                "a text, such as \"2026-11, eu-north-1\""
            } else {
                "dollars: a number, 0 or more"
            };
            return Err(format!("`{name}` is {}, expected {expected}", shown(&value.to_string())));
        }
        all.insert(name, value);
    }
    let prices: Prices = serde_json::from_value(Value::Object(all)).map_err(|error| error.to_string())?;
    if prices.are_valid() { Ok(prices) } else { Err("a price is no number, or below 0".to_owned()) }
}

fn fields(value: Result<Value, serde_json::Error>) -> Map<String, Value> {
    match value {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// As much of a stranger's text as a message needs.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_names_is_taken_from_it() {
        let prices = parse(r#"{"put": 0.00001, "get": 0, "dated": "my own cloud"}"#).unwrap();
        let expected = Prices { put: 0.000_01, get: 0.0, dated: "my own cloud".to_owned(), ..Prices::default() };
        assert_eq!(prices, expected);
        assert_eq!(parse("{}").unwrap(), Prices::default());
        assert_eq!(read(None).unwrap(), Prices::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            (r#"{"putt": 1}"#, "there is no price `putt`; there are `dated`, `lambda_gb_second`, `lambda_call`"),
            (r#"{"put": -1}"#, "`put` is -1, expected dollars: a number, 0 or more"),
            (r#"{"put": "1"}"#, "`put` is \"1\", expected dollars"),
            (r#"{"put": null}"#, "`put` is null, expected dollars"),
            (r#"{"dated": 2026}"#, "`dated` is 2026, expected a text"),
            (r#"{"put": NaN}"#, "expected a JSON object with prices in dollars"),
            (r#"{"put": 1e999}"#, "number out of range at line 1"),
            ("[1]", "expected a JSON object with prices in dollars"),
            ("", "expected a JSON object with prices in dollars"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let missing = read(Some(Path::new("/nowhere/prices.json"))).unwrap_err();
        assert!(missing.message().starts_with("/nowhere/prices.json: No such file"), "{}", missing.message());
    }
}
