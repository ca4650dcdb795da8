use aws::Aws;
use aws_sdk_cloudwatchlogs::{
    Client,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::filter_log_events::FilterLogEventsError,
};
use jiff::Timestamp;
use run::{Reason, RunId};

use super::KIND;
use crate::{arguments::FunctionArgument, failure::Failure, stack::undispatched};

/// Lines are held until those of all functions are there, to print them in order.
const MOST_LINES: usize = 200_000;

/// One line of a log. Its order is that of printing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) at: Timestamp,
    pub(super) function: FunctionArgument,
    pub(super) id: String,
    pub(super) message: String,
}

/// The log groups of a stack's functions.
#[derive(Debug)]
pub(super) struct Logs {
    client: Client,
    functions: Vec<(FunctionArgument, String)>,
    run: RunId,
}

impl Logs {
    pub(super) fn new(aws: &Aws, functions: Vec<(FunctionArgument, String)>, run: &RunId) -> Self {
        Self { client: Client::new(aws.sdk_config()), functions, run: run.clone() }
    }

    /// Every line since then that names the run, in no order.
    pub(super) async fn read(&self, since: Timestamp) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        for (function, name) in &self.functions {
            let group = format!("/aws/lambda/{name}");
            let mut page = None;
            loop {
                let request = self
                    .client
                    .filter_log_events()
                    .log_group_name(&group)
                    // A term, not a JSON pattern: wherever in a line the id stands.
                    .filter_pattern(format!("\"{}\"", self.run))
                    .start_time(since.as_millisecond())
                    .set_next_token(page.take());
                let answer = match request.send().await {
                    Ok(answer) => answer,
                    // A function that never ran has no log group where the template does not make it.
                    Err(error) if is_missing(&error) => break,
                    Err(error) => return Err(refused(&group, &error)),
                };
                for event in answer.events.unwrap_or_default() {
                    let (Some(at), Some(message)) = (event.timestamp, event.message) else { continue };
                    // Emulators do not filter all that well.
                    if let (Ok(at), true) = (Timestamp::from_millisecond(at), message.contains(self.run.as_str())) {
                        let id = event.event_id.unwrap_or_else(|| message.clone());
                        events.push(Event { at, function: *function, id, message });
                    }
                }
                if events.len() > MOST_LINES {
                    let message =
                        format!("there are more than {MOST_LINES} lines: narrow them with --since or --function");
                    return Err(Reason::new(KIND, message).into());
                }
                page = answer.next_token;
                if page.is_none() {
                    break;
                }
            }
        }
        Ok(events)
    }
}

fn is_missing(error: &SdkError<FilterLogEventsError>) -> bool {
    error.as_service_error().is_some_and(FilterLogEventsError::is_resource_not_found_exception)
}

fn refused(group: &str, error: &SdkError<FilterLogEventsError>) -> Failure {
    let what = format!("the log group {group} cannot be read");
    let Some(service) = error.as_service_error() else {
        return undispatched(&what, error);
    };
    let (code, said) = (service.code().unwrap_or_default(), service.message().unwrap_or_default());
    let advice = if code.contains("AccessDenied") { "; the keys need logs:FilterLogEvents" } else { "" };
    Reason::new(KIND, format!("{what}: {code}: {}{advice}", said.trim_end_matches('.'))).into()
}
