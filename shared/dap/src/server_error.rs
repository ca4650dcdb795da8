use crate::{
    limits::MAX_PAGE_BYTES,
    name::{characters, excerpt},
};

/// Characters of a server's message that are kept.
const MAX_MESSAGE: usize = 2_000;
/// Characters of a page's title that are kept.
const MAX_TITLE: usize = 200;

/// What a server says when it does not send what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The code it gives: an HTTP status, a DAP2 code, or anything else.
    pub code: Option<i64>,
    /// Its message on one line, without control characters, at most 2,000 characters.
    pub message: String,
}

/// What a server error means for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerErrorKind {
    /// The response would be larger than the server allows: ask for less.
    TooLarge {
        /// The largest response it allows, if it says so.
        limit_bytes: Option<u64>,
    },
    /// It wants to know who asks.
    Unauthorised,
    /// It has no such file or variable.
    NotFound,
    /// Anything else: it may work the next time.
    Other,
}

impl ServerError {
    /// Recognises a DAP2 `Error { … }` (ESE-RFC-004 §9.3), a BES error or a DAP4 error document at the beginning of a
    /// body, whatever the HTTP status was. A message that is cut is taken as far as it goes.
    pub fn recognise(body: &[u8]) -> Option<Self> {
        let body = body.trim_ascii_start();
        let body = body.get(..body.len().min(MAX_PAGE_BYTES)).unwrap_or_default();
        if body.first() == Some(&b'<') {
            return Self::from_xml(&characters(body));
        }
        let (head, rest) = body.split_at_checked(5)?;
        let rest = rest.trim_ascii_start();
        if !head.eq_ignore_ascii_case(b"Error") || rest.first() != Some(&b'{') {
            return None;
        }
        let text = characters(rest);
        let code = after_key(&text, "code").and_then(leading_integer);
        let message = after_key(&text, "message").map(dap2_message).unwrap_or_default();
        Some(Self { code, message: excerpt(message.as_bytes(), MAX_MESSAGE) })
    }

    /// `<BESError><Type>3</Type><Message>…`, `<dap4:Error httpcode="400"><dap4:Message>…`, `<Error httpcode=…>`.
    fn from_xml(text: &str) -> Option<Self> {
        let error = ["<BESError", "<dap4:Error", "<Error"].iter().find_map(|tag| text.find(tag))?;
        let text = text.get(error..)?;
        let head = text.split('>').next().unwrap_or_default();
        let code = head.split_once("httpcode=").map(|(_, value)| value.trim_start_matches(['"', '\'']));
        let code = code.or_else(|| element(text, "Type")).and_then(leading_integer);
        let message = element(text, "dap4:Message").or_else(|| element(text, "Message")).unwrap_or_default();
        Some(Self { code, message: excerpt(unescape_xml(message).as_bytes(), MAX_MESSAGE) })
    }

    /// What it means for the request. The message decides before the code: THREDDS says "too big" with code 403
    /// (CDAT/cdat#1453), Hyrax with 400.
    pub fn kind(&self) -> ServerErrorKind {
        let message = self.message.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        // A limit on requests or connections is not one on their size.
        if says(&["concurrent", "connections", "too many requests", "requests per"]) {
            return ServerErrorKind::Other;
        }
        if self.code == Some(413)
            || says(&["too big", "too large", "too much data", "maximum response size", "exceeds the limit"])
        {
            return ServerErrorKind::TooLarge { limit_bytes: limit_bytes(&message) };
        }
        if matches!(self.code, Some(401 | 403 | 407))
            || says(&["unauthorized", "unauthorised", "forbidden", "not authorized", "access denied", "login"])
        {
            return ServerErrorKind::Unauthorised;
        }
        let no_such = says(&["not found", "no such", "unknown variable", "does not exist", "nosuchvariable"]);
        if no_such || matches!(self.code, Some(404 | 410)) {
            return ServerErrorKind::NotFound;
        }
        ServerErrorKind::Other
    }
}

impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => write!(f, "the server says: {} (code {code})", self.message),
            None => write!(f, "the server says: {}", self.message),
        }
    }
}

impl std::error::Error for ServerError {}

/// The text after `key =`.
fn after_key<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.match_indices(key).find_map(|(at, _)| text.get(at + key.len()..)?.trim_start().strip_prefix('='))
}

fn leading_integer(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// A message may hold escaped or bare quotes and line ends, so it goes up to the last quote.
fn dap2_message(text: &str) -> String {
    let text = text.trim_start();
    match text.strip_prefix('"') {
        Some(quoted) => {
            let end = quoted.trim_end_matches(|c: char| c.is_whitespace() || c == ';' || c == '}');
            end.strip_suffix('"').unwrap_or(end).replace("\\\"", "\"")
        }
        None => text.split([';', '}']).next().unwrap_or_default().to_owned(),
    }
}

/// The text of the first element of that name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}"))?;
    let (_, rest) = rest.split_once('>')?;
    Some(rest.split("</").next().unwrap_or_default())
}

fn unescape_xml(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&#39;", "'").replace("&nbsp;", " ").replace("&amp;", "&")
}

/// The limit in a lower-case message: `max=500.0` with `mbytes` (THREDDS, 1000-based), `limited to 2000000 bytes`.
fn limit_bytes(message: &str) -> Option<u64> {
    let (_, rest) = ["max=", "max =", "limited to", "limit is", "limit of", "maximum of"]
        .iter()
        .find_map(|words| message.split_once(words))?;
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, unit) = rest.split_at(end);
    let number: f64 = number.trim_end_matches('.').parse().ok()?;
    // THREDDS names the unit only with the first of its two numbers.
    let unit = unit.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().filter(|unit| !unit.is_empty());
    let scale = match unit.unwrap_or(if message.contains("mbytes") { "mbytes" } else { "bytes" }) {
        "k" | "kb" | "kbyte" | "kbytes" | "kilobytes" => 1e3,
        "m" | "mb" | "mbyte" | "mbytes" | "megabytes" => 1e6,
        "g" | "gb" | "gbyte" | "gbytes" | "gigabytes" => 1e9,
        _ => 1.0,
    };
    let bytes = number * scale;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}

/// The title of an HTML page, or its first words if it has none; nothing if the body is not HTML. One line without
/// control characters, at most 200 characters.
pub fn page_title(body: &[u8]) -> Option<String> {
    let body = body.get(..body.len().min(MAX_PAGE_BYTES)).unwrap_or_default();
    let text = characters(body.trim_ascii_start());
    let lower = text.to_ascii_lowercase();
    let head: String = lower.chars().take(1_000).collect();
    let is_html = lower.starts_with('<')
        && ["<!doctype html", "<html", "<head", "<body", "<title", "<h1"].iter().any(|tag| head.contains(tag));
    if !is_html {
        return None;
    }
    let title = lower.find("<title").and_then(|tag| {
        let from = tag + lower.get(tag..)?.find('>')? + 1;
        let rest = text.get(from..)?;
        rest.get(..lower.get(from..)?.find("</").unwrap_or(rest.len()))
    });
    let title = unescape_xml(title.unwrap_or_default());
    let title = excerpt(title.as_bytes(), MAX_TITLE);
    Some(if title.is_empty() { excerpt(without_tags(&text).as_bytes(), MAX_TITLE) } else { title })
}

/// The words of a page, its tags, scripts and styles left out.
fn without_tags(text: &str) -> String {
    let mut words = String::new();
    let mut hidden = false;
    for piece in text.split('<') {
        let (tag, after) = piece.split_once('>').unwrap_or((piece, ""));
        let tag = tag.trim_start().to_ascii_lowercase();
        if tag.starts_with("script") || tag.starts_with("style") {
            hidden = true;
        } else if tag.starts_with("/script") || tag.starts_with("/style") {
            hidden = false;
        }
        if !hidden {
            words.push(' ');
            words.push_str(after);
        }
    }
    unescape_xml(&words)
}

/// What a response that is neither DAP nor a server error says of itself.
pub(crate) fn not_dap(body: &[u8]) -> String {
    page_title(body).unwrap_or_else(|| excerpt(body, MAX_TITLE))
}

/// A server error anywhere in these bytes: data, then the message of a server that gave up.
pub(crate) fn find_error(bytes: &[u8]) -> Option<ServerError> {
    (0..bytes.len()).find_map(|at| {
        let rest = bytes.get(at..)?;
        let starts = matches!(rest.first(), Some(b'E' | b'e'))
            || rest.starts_with(b"<?xml")
            || rest.starts_with(b"<BESError")
            || rest.starts_with(b"<dap4:Error")
            || rest.starts_with(b"<Error");
        if starts { ServerError::recognise(rest) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(body: &str) -> ServerError {
        ServerError::recognise(body.as_bytes()).unwrap()
    }

    #[test]
    fn dap2_errors_of_real_servers() {
        let error = recognised("Error {\n    code = 500;\n    message = \"barf with read size=1271\";\n};\n");
        assert_eq!(error, ServerError { code: Some(500), message: "barf with read size=1271".to_owned() });
        let error = recognised("error {\n code = ?;\n message = \"a \\\"b\\\" \"c\"\nd\";\n}");
        assert_eq!(error, ServerError { code: None, message: "a \"b\" \"c\" d".to_owned() });
        assert_eq!(recognised("Error { code = -1; message = \"cut he").message, "cut he");
        assert_eq!(ServerError::recognise(b"Errors {"), None);
        assert_eq!(ServerError::recognise(b"Dataset {"), None);
    }

    #[test]
    fn xml_errors() {
        let error = recognised(
            "<?xml version=\"1.0\"?>\n<dap4:Error xmlns:dap4=\"x\" httpcode=\"400\"><dap4:Message>a &lt; b</dap4:Message>",
        );
        assert_eq!(error, ServerError { code: Some(400), message: "a < b".to_owned() });
        let error = recognised("<response><BESError><Type>3</Type><Message>no</Message></BESError></response>");
        assert_eq!(error, ServerError { code: Some(3), message: "no".to_owned() });
        assert_eq!(ServerError::recognise(b"<html><body>Error</body></html>"), None);
    }

    #[test]
    fn the_message_decides_before_the_code() {
        let kind = |code, message: &str| ServerError { code: Some(code), message: message.to_owned() }.kind();
        let limit = |limit_bytes| ServerErrorKind::TooLarge { limit_bytes };
        assert_eq!(kind(403, "Request too big=1115.0 Mbytes, max=500.0"), limit(Some(500_000_000)));
        assert_eq!(kind(400, "which is too large. It is limited to 2000000 bytes."), limit(Some(2_000_000)));
        assert_eq!(kind(413, ""), limit(None));
        assert_eq!(kind(403, "Forbidden"), ServerErrorKind::Unauthorised);
        assert_eq!(kind(0, "variable `x` was not found"), ServerErrorKind::NotFound);
        assert_eq!(kind(0, "an identifier not found in the dataset"), ServerErrorKind::NotFound);
        assert_eq!(kind(404, ""), ServerErrorKind::NotFound);
        assert_eq!(kind(500, "barf"), ServerErrorKind::Other);
    }

    #[test]
    fn pages_tell_their_title() {
        let page = b"<!DOCTYPE html><html><head><TITLE>\n Earthdata\x07 Login </TITLE></head>";
        assert_eq!(page_title(page).unwrap(), "Earthdata Login");
        let page = b"<html><style>p {}</style><body><p>Down for <b>maintenance</b></body></html>";
        assert_eq!(page_title(page).unwrap(), "Down for maintenance");
        assert_eq!(page_title(b"Dataset {"), None);
        assert_eq!(page_title(b"<Dataset name=\"x\">"), None);
    }
}
