//! One line of JSON for each event, as Logs Insights of `CloudWatch` and metric filters read it best: all fields at the top.
//!
//! ```json
//! {"level":"INFO","message":"handled","request_id":"…","message_id":"…","run":"4f3c2a9b1d7e-1","array":0,"chunk":"1.0.2",…}
//! ```
//!
//! The fields of the spans around an event stand beside the event's own, which win: `filter run = "…"` in Insights and
//! `{ $.metric = "run_failed" }` in a metric filter need no path. `tracing-subscriber`'s own JSON keeps spans apart,
//! under `span` and `spans`, with no way to merge them. `timestamp` and `level` are the names Lambda itself filters by
//! (Lambda developer guide, "Working with JSON structured logs").

use std::{
    fmt::{self, Write as _},
    io::Write as _,
    panic::PanicHookInfo,
};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt as _, filter_fn},
    layer::{Context, SubscriberExt as _},
    registry::{LookupSpan, Scope},
};

/// Names the filter.
pub(crate) const FILTER: &str = "DAP2ZARR_LOG";
/// What is logged where nothing else is said.
const DEFAULT: &str = "info";
/// What clients say of each request is worth nothing here, and below `info` they may show headers, which hold keys. Who
/// names one of them means it.
const QUIET: &str = "aws_config=warn,aws_runtime=warn,aws_sdk_s3=warn,aws_sdk_secretsmanager=warn,aws_sdk_sqs=warn,\
                     aws_sigv4=warn,aws_smithy_http_client=warn,aws_smithy_runtime=warn,aws_smithy_runtime_api=warn,\
                     h2=warn,hyper=warn,hyper_util=warn,lambda_runtime=warn,reqwest=warn,rustls=warn";
/// A panic's message is ours, but what it was formatted from may not be.
const LONGEST_PANIC: usize = 500;

/// Whether a text is a filter.
pub(crate) fn is_filter(text: &str) -> Option<()> {
    filter(text).map(|_| ())
}

fn filter(text: &str) -> Option<EnvFilter> {
    EnvFilter::builder().parse(format!("{QUIET},{text}")).ok()
}

/// Logs to standard output from now on, panics included. A filter that cannot be read is the configuration's to report.
pub fn start(get: impl Fn(&str) -> Option<String>) {
    let text = get(FILTER).filter(|text| !text.trim().is_empty());
    let filter = text.and_then(|text| filter(&text)).or_else(|| filter(DEFAULT)).unwrap_or_default();
    let lines = JsonLines(to_standard_output).with_filter(filter.or(filter_fn(is_needed)));
    let subscriber = tracing_subscriber::registry().with(lines);
    // It fails only where a test has set another.
    let _ = tracing::subscriber::set_global_default(subscriber);
    std::panic::set_hook(Box::new(log_panic));
}

/// What alarms count is logged whatever the filter says, with the fields that name the run and the message.
fn is_needed(metadata: &Metadata<'_>) -> bool {
    metadata.fields().field("metric").is_some() || (metadata.is_span() && metadata.target().starts_with("lambda_host"))
}

/// A line that cannot be written is lost: there is nowhere left to say so.
fn to_standard_output(line: &str) {
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let said = panic.payload_as_str().unwrap_or("(no text)");
    let said: String = said.chars().take(LONGEST_PANIC).collect();
    tracing::error!(metric = "panic", panic = said, place, "a mistake of ours: please report it");
}

/// Writes events as lines.
pub(crate) struct JsonLines<W>(pub(crate) W);

/// A span's fields, kept with it.
struct Fields(Map<String, Value>);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Map::new();
        attributes.record(&mut Collect(&mut fields));
        span.extensions_mut().insert(Fields(fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(Fields(fields)) = span.extensions_mut().get_mut() {
            values.record(&mut Collect(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Map::new();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(Fields(fields)) = span.extensions().get() {
                line.extend(fields.clone());
            }
        }
        event.record(&mut Collect(&mut line));
        let metadata = event.metadata();
        line.insert("timestamp".to_owned(), format!("{:.3}", Timestamp::now()).into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        let mut text = one_line(&Value::Object(line).to_string());
        text.push('\n');
        (self.0)(&text);
    }
}

/// JSON escapes the controls of ASCII. Others, and what turns the direction of text, may stand in it as they are, and
/// would let a server's words forge what a person reads in a terminal.
fn one_line(json: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if hidden(c) {
            // Writing into a string does not fail.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// Collects fields.
struct Collect<'a>(&'a mut Map<String, Value>);

impl Collect<'_> {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Collect<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn lines(log: impl FnOnce()) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let write = {
            let lines = Arc::clone(&lines);
            move |line: &str| lines.lock().unwrap().push(line.to_owned())
        };
        let subscriber = tracing_subscriber::registry().with(JsonLines(write));
        tracing::subscriber::with_default(subscriber, log);
        std::mem::take(&mut *lines.lock().unwrap())
    }

    #[test]
    fn the_fields_of_spans_stand_beside_the_events_own() {
        let lines = lines(|| {
            let _request = tracing::info_span!("request", request_id = "r-1").entered();
            let message = tracing::info_span!("message", message_id = "m-1", run = tracing::field::Empty, array = 3);
            message.record("run", "4f-1");
            let _message = message.entered();
            tracing::error!(metric = "run_failed", array = 4, chunk = %"0.1", "it\nfailed");
        });
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        for (field, expected) in [
            ("request_id", Value::from("r-1")),
            ("message_id", "m-1".into()),
            ("run", "4f-1".into()),
            ("array", 4.into()),
            ("chunk", "0.1".into()),
            ("metric", "run_failed".into()),
            ("level", "ERROR".into()),
            ("message", "it\nfailed".into()),
        ] {
            assert_eq!(line[field], expected, "{field}");
        }
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }

    #[test]
    fn an_event_is_one_line_whatever_stands_in_it() {
        let lines = lines(|| tracing::info!(said = "a\r\n{\"b\":1}\u{85}\u{202e}\u{2028}\u{1b}[31m\u{7f}ä", "x"));
        assert_eq!(lines.len(), 1);
        let line = lines[0].strip_suffix('\n').unwrap();
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{2028}'), "{line:?}");
        let read: Value = serde_json::from_str(line).unwrap();
        assert_eq!(read["said"], "a\r\n{\"b\":1}\u{85}\u{202e}\u{2028}\u{1b}[31m\u{7f}ä");
    }

    #[test]
    fn clients_stay_quiet_unless_they_are_named() {
        let filter = |text| filter(text).unwrap().to_string();
        assert!(filter("trace").contains("aws_smithy_runtime=warn"));
        assert!(filter("info,aws_smithy_runtime=trace").contains("aws_smithy_runtime=trace"));
        assert!(is_filter("info,steps=debug").is_some());
        assert!(is_filter("=,=").is_none());
    }
}
