use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_lambda_events::sqs::SqsBatchResponse;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

/// What a handler needs to know of the invocation it is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invocation {
    /// When Lambda ends the function.
    pub ends: SystemTime,
}

/// Why an invocation failed as a whole. The event source delivers every message of it again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// An event that is none of ours.
    #[error("expected {expected}")]
    Event {
        /// What would have been.
        expected: &'static str,
    },
    /// A panic, or no time left. The log says which.
    #[error("the handler did not come to an end; the log says why")]
    Lost,
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        let error_type = match error {
            HandlerError::Event { .. } => "UnknownEvent",
            HandlerError::Lost => "Lost",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// Handles one function's events.
#[async_trait]
pub trait Handler: Send + Sync {
    /// What the function is called with.
    type Event: DeserializeOwned + Send;

    /// Handles an event: the messages of it that are to be delivered again.
    ///
    /// # Errors
    /// [`HandlerError`] if the invocation failed as a whole.
    async fn handle(&self, event: Self::Event, invocation: Invocation) -> Result<SqsBatchResponse, HandlerError>;
}

/// Asks Lambda for events and handles them, one at a time, for as long as the process lives.
pub async fn serve<H: Handler>(handler: H) -> ExitCode {
    let handler = Arc::new(handler);
    let service = service_fn(move |event: LambdaEvent<H::Event>| {
        let handler = Arc::clone(&handler);
        let (event, context) = event.into_parts();
        let span = tracing::info_span!("invocation", request_id = context.request_id);
        let invocation = Invocation { ends: context.deadline() };
        async move { handler.handle(event, invocation).await }.instrument(span)
    });
    match Runtime::new(service).run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(
                metric = "runtime_lost",
                reason = error.to_string(),
                "the Runtime API cannot be asked any more"
            );
            ExitCode::FAILURE
        }
    }
}

/// Says that the function cannot start, to the log and to Lambda, and how its process should end.
///
/// Why the process ends here and does not go on to fail each event: whoever deploys sees it at the first invocation, in
/// the answer itself; it is one line for a start, not for a message; and an invocation that failed as a whole makes the
/// event source slow down (Lambda developer guide, "Backoff strategy for failed invocations"), which batch item failures do
/// not. Messages stay hidden for their queue's visibility after each try, so that hours pass before one becomes a dead
/// letter, and a configuration that was put right in the meantime finds them all. Acknowledging them instead would lose
/// what only they know: which requests to plan.
pub fn cannot_start(reason: &str, get: impl Fn(&str) -> Option<String>) -> ExitCode {
    tracing::error!(metric = "cannot_start", reason, "the function cannot start");
    if let Some(address) = get("AWS_LAMBDA_RUNTIME_API") {
        let body = serde_json::json!({"errorType": "Configuration", "errorMessage": reason, "stackTrace": []});
        // Without it Lambda sees the process end, which is as visible, only with fewer words.
        if let Err(error) = report(&address, &body.to_string()) {
            tracing::warn!(reason = error.to_string(), "the Runtime API could not be told");
        }
    }
    ExitCode::FAILURE
}

/// Posts an initialisation error (Lambda developer guide, "Using the Lambda runtime API"). By hand: the runtime's crate
/// has no way to do it, and there is nothing in it that a dozen lines would get wrong.
fn report(address: &str, body: &str) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(
        connection,
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Function-Error-Type: Runtime.Configuration\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    // The answer says nothing, but a connection closed too early may take the request with it.
    connection.read(&mut [0; 64]).map(|_| ())
}
