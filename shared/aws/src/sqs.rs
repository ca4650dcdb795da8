use std::{collections::HashSet, fmt, time::Duration};

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    types::{
        BatchResultErrorEntry, Message, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
    },
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use steps::ports::{Delivery, Depth, Queue, QueueError, Settlement};
use url::Url;

use crate::{
    attempts::Attempts,
    client::timeouts,
    error::Class,
    fault::{self, Fault},
    services::SHORT_ANSWER,
};

/// Messages in one request.
const BATCH: usize = 10;

/// Bytes of all bodies in one request. The limit is 1 MiB now, and was 256 KiB until 2025; a queue may keep the lower
/// one, and messages of ours are far from both.
const BATCH_BYTES: usize = 256 * 1024;

/// Requests of one [`Queue::send`] in flight. At 20 ms each this is 8,000 messages a second: a million in two minutes.
const IN_FLIGHT: usize = 16;

/// The longest a receive can wait for a message.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The longest a message is hidden. SQS counts 12 hours from its delivery and refuses what ends later; half an hour of
/// them is left to whoever had the message until now.
const LONGEST_HIDDEN: Duration = Duration::from_mins(12 * 60 - 30);

/// A standard queue of SQS.
///
/// Each request is tried a few times by itself, since nothing above the port does. A request whose answer was lost may
/// have been carried out, so a message can be sent twice: the port promises no less than once, and no more.
#[derive(Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
    /// The last segment of the URL; the one before it is the account's number, which messages leave out.
    name: String,
    place: String,
}

impl fmt::Debug for SqsQueue {
    /// Leaves the client out: it knows the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqsQueue").field("name", &self.name).field("place", &self.place).finish_non_exhaustive()
    }
}

impl SqsQueue {
    pub(crate) fn new(client: Client, url: &str, place: String) -> Result<Self, QueueError> {
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let name = parsed.as_ref().and_then(Url::path_segments).and_then(Iterator::last).unwrap_or_default();
        if name.is_empty() {
            let message = "this is no queue's URL: expected https://sqs.REGION.amazonaws.com/ACCOUNT/NAME".to_owned();
            return Err(QueueError { message, transient: false });
        }
        Ok(Self { client, url: url.to_owned(), name: name.to_owned(), place })
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hides a delivered message for this long from now, at most 11½ hours. One that was settled before, or whose
    /// visibility ended, is no error.
    ///
    /// # Errors
    /// See [`QueueError`].
    pub async fn hide(&self, handle: &str, duration: Duration) -> Result<(), QueueError> {
        let timeout = seconds(duration.min(LONGEST_HIDDEN));
        let mut attempts = Attempts::at("hide");
        loop {
            let request = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(handle);
            let fault = match request.visibility_timeout(timeout).send().await {
                Ok(_) => return Ok(()),
                Err(error) => Fault::of(&error),
            };
            if is_settled(&fault) {
                return Ok(());
            }
            attempts.again(fault).await.map_err(|fault| self.error("hide a message of", &fault))?;
        }
    }

    /// Removes a delivered message. One that was removed before is no error, nor is one whose visibility ended.
    ///
    /// # Errors
    /// See [`QueueError`].
    pub async fn remove(&self, handle: &str) -> Result<(), QueueError> {
        let mut attempts = Attempts::at("remove");
        loop {
            let request = self.client.delete_message().queue_url(&self.url).receipt_handle(handle);
            let fault = match request.send().await {
                Ok(_) => return Ok(()),
                Err(error) => Fault::of(&error),
            };
            if is_settled(&fault) {
                return Ok(());
            }
            attempts.again(fault).await.map_err(|fault| self.error("remove a message of", &fault))?;
        }
    }

    /// Sends one batch: until every message was taken, only those that were not.
    async fn send_batch(&self, bodies: &[String]) -> Result<(), QueueError> {
        let mut left: Vec<(String, &String)> =
            bodies.iter().enumerate().map(|(n, body)| (n.to_string(), body)).collect();
        let mut attempts = Attempts::at("send");
        loop {
            match self.send_once(&mut left).await {
                Ok(()) => return Ok(()),
                Err(fault) => attempts.again(fault).await.map_err(|fault| self.error("send to", &fault))?,
            }
        }
    }

    /// Sends what is left of a batch, and leaves what was not taken.
    async fn send_once(&self, left: &mut Vec<(String, &String)>) -> Result<(), Fault> {
        let mut request = self.client.send_message_batch().queue_url(&self.url);
        for (id, body) in left.iter() {
            let entry = SendMessageBatchRequestEntry::builder().id(id).message_body(body.as_str()).build();
            request = request.entries(entry.map_err(|error| Fault::new(Class::Refused, "", &error.to_string()))?);
        }
        let output = request.send().await.map_err(|error| Fault::of(&error))?;
        let all = left.len();
        // What is in neither list was not taken either.
        let taken: HashSet<&str> = output.successful.iter().map(|entry| entry.id.as_str()).collect();
        left.retain(|(id, _)| !taken.contains(id.as_str()));
        if left.is_empty() { Ok(()) } else { Err(partly(left.len(), all, &output.failed)) }
    }

    async fn receive_once(&self, most: usize, wait: Duration) -> Result<Vec<Delivery>, Fault> {
        let most = i32::try_from(most.min(BATCH)).unwrap_or(i32::MAX);
        // A wait below a second is one: not to wait asks only some of the machines that a queue is spread over.
        let wait = seconds(wait.min(LONGEST_WAIT));
        let limits = timeouts(SHORT_ANSWER + Duration::from_secs(wait.unsigned_abs().into()));
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(most)
            .wait_time_seconds(wait)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let config = aws_sdk_sqs::Config::builder().timeout_config(limits);
        let output = request.customize().config_override(config).send().await.map_err(|error| Fault::of(&error))?;
        Ok(output.messages.unwrap_or_default().into_iter().filter_map(delivery).collect())
    }

    fn error(&self, doing: &str, fault: &Fault) -> QueueError {
        let Self { name, place, .. } = self;
        let mut message = format!("cannot {doing} queue `{name}` at {place}: {}", fault.what());
        match fault.class {
            Class::Missing => message.push_str("; check the queue's URL and region, or deploy the stack again"),
            Class::Denied if !fault.code.is_empty() => {
                message.push_str("; the role needs ");
                message.push_str(permission(doing));
            }
            Class::Denied | Class::Transient | Class::Full | Class::Refused => {}
        }
        QueueError { message, transient: fault.is_transient() }
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, bodies: &[String]) -> Result<(), QueueError> {
        let batches: Vec<_> = batches(bodies).into_iter().map(|batch| self.send_batch(batch)).collect();
        stream::iter(batches).buffer_unordered(IN_FLIGHT).try_collect().await
    }

    async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let mut attempts = Attempts::at("receive");
        loop {
            match self.receive_once(most, wait).await {
                Ok(deliveries) => return Ok(deliveries),
                Err(fault) => attempts.again(fault).await.map_err(|fault| self.error("receive from", &fault))?,
            }
        }
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<(), QueueError> {
        match settlement {
            Settlement::Done => self.remove(&delivery.handle).await,
            Settlement::Retry(after) => self.hide(&delivery.handle, after).await,
        }
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as Hidden,
        };
        let mut attempts = Attempts::at("depth");
        loop {
            let request = self.client.get_queue_attributes().queue_url(&self.url);
            match request.set_attribute_names(Some(vec![Visible, Delayed, Hidden])).send().await {
                Ok(output) => {
                    let attributes = output.attributes.unwrap_or_default();
                    let count = |name| attributes.get(&name).and_then(|text| text.parse::<u64>().ok());
                    let (Some(visible), Some(in_flight)) = (count(Visible), count(Hidden)) else {
                        let fault = Fault::new(Class::Refused, "", "the answer holds no counts");
                        return Err(self.error("count", &fault));
                    };
                    return Ok(Depth { waiting: visible + count(Delayed).unwrap_or_default(), in_flight });
                }
                Err(error) => {
                    attempts.again(Fault::of(&error)).await.map_err(|fault| self.error("count", &fault))?;
                }
            }
        }
    }
}

/// Neighbours together, as many as one request takes. A message that is too large for any goes alone, and the service
/// says what it makes of it.
fn batches(bodies: &[String]) -> Vec<&[String]> {
    let mut batches = Vec::with_capacity(bodies.len().div_ceil(BATCH));
    let mut rest = bodies;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take(BATCH).take_while(|body| {
            bytes += body.len();
            bytes <= BATCH_BYTES
        });
        let (batch, after) = rest.split_at(fitting.count().max(1));
        batches.push(batch);
        rest = after;
    }
    batches
}

/// A batch of which some messages were not taken. The sender's fault is one that stays, a throttle is not.
fn partly(left: usize, all: usize, failed: &[BatchResultErrorEntry]) -> Fault {
    let of = |entry: &BatchResultErrorEntry| {
        let class = fault::class(if entry.sender_fault { 400 } else { 500 }, &entry.code);
        let said = entry.message.as_deref().unwrap_or_default();
        Fault::new(class, &entry.code, &format!("{left} of {all} messages were not taken: {} {said}", entry.code))
    };
    let mut faults: Vec<Fault> = failed.iter().map(of).collect();
    let worst = faults.iter().position(|fault| !fault.is_transient()).unwrap_or_default();
    if worst < faults.len() {
        return faults.swap_remove(worst);
    }
    Fault::new(Class::Transient, "", &format!("{left} of {all} messages were not taken, and no reason was given"))
}

/// Whether a message was settled before, or its visibility ended and it is another's by now.
fn is_settled(fault: &Fault) -> bool {
    let handle = || fault.what().to_ascii_lowercase().replace(' ', "").contains("receipthandle");
    match fault.code.as_str() {
        "ReceiptHandleIsInvalid" | "MessageNotInflight" => true,
        // "Value … for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
        "InvalidParameterValue" | "InvalidParameterValueException" => handle(),
        _ => false,
    }
}

/// The permission an action needs, in words for a message.
fn permission(doing: &str) -> &'static str {
    match doing {
        "send to" => "sqs:SendMessage on it, and kms:GenerateDataKey and kms:Decrypt where a key of yours encrypts it",
        "receive from" => "sqs:ReceiveMessage on it",
        "hide a message of" => "sqs:ChangeMessageVisibility on it",
        "remove a message of" => "sqs:DeleteMessage on it",
        _ => "sqs:GetQueueAttributes on it",
    }
}

/// Whole seconds, rounded up.
fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

/// A received message; one without a handle cannot be settled, and comes again.
fn delivery(message: Message) -> Option<Delivery> {
    let count = message.attributes.and_then(|attributes| {
        attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount).and_then(|text| text.parse().ok())
    });
    Some(Delivery {
        handle: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
        deliveries: count.unwrap_or(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(bodies: &[usize]) -> Vec<usize> {
        let bodies: Vec<String> = bodies.iter().map(|length| "x".repeat(*length)).collect();
        batches(&bodies).iter().map(|batch| batch.len()).collect()
    }

    #[test]
    fn batches_hold_ten_messages_and_their_bytes() {
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&[1; 25]), [10, 10, 5]);
        assert_eq!(lengths(&[100_000; 5]), [2, 2, 1]);
        assert_eq!(lengths(&[1, 300_000, 1, BATCH_BYTES - 1, 1]), [1, 1, 2, 1], "one too large goes alone");
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(50)), 1);
        assert_eq!(seconds(Duration::from_secs(20)), 20);
        assert_eq!(seconds(Duration::MAX), i32::MAX);
    }

    #[test]
    fn a_senders_fault_stays_and_a_throttle_passes() {
        let entry = |code: &str, sender_fault: bool| {
            BatchResultErrorEntry::builder().id("0").code(code).sender_fault(sender_fault).build().unwrap()
        };
        let class = |entries: &[BatchResultErrorEntry]| partly(1, 2, entries).class;
        assert_eq!(class(&[entry("InternalError", false)]), Class::Transient);
        assert_eq!(class(&[entry("Strange", false)]), Class::Transient);
        assert_eq!(class(&[entry("RequestThrottled", true)]), Class::Transient);
        assert_eq!(class(&[entry("InvalidMessageContents", true)]), Class::Refused);
        assert_eq!(class(&[entry("InternalError", false), entry("AccessDenied", true)]), Class::Denied);
        assert_eq!(class(&[]), Class::Transient);
    }
}
