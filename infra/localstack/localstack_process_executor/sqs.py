"""SQS event source mappings that run several batches at once.

LocalStack's own poller takes one batch, waits for the function to finish it, and sleeps for a second; it knows neither
MaximumConcurrency nor more than one environment. Here one thread of each mapping collects batches and hands each to a
thread of its own, with at most MaximumConcurrency under way.

One collector rather than one per place: with a batching window, N collectors would share the messages of a quiet queue
out among themselves and send N small batches where AWS sends one. The collector takes no more from the queue than there
are free places for, so that no message spends its visibility timeout waiting in here.

FIFO queues keep LocalStack's own poller, which is serial.
"""

import copy
import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import batched

from localstack.services.lambda_.event_source_mapping import esm_worker_factory
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker
from localstack.services.lambda_.event_source_mapping.event_processor import PartialBatchFailureError
from localstack.services.lambda_.event_source_mapping.pollers.poller import parse_batch_item_failures
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller, transform_into_events

from localstack_process_executor import settings

LOG = logging.getLogger(__name__)

# AWS ends a batch where its payload would pass 6 MB; a record carries some 700 bytes beside its body.
MAX_PAYLOAD = 6_000_000
RECORD_OVERHEAD = 1_000

LONG_POLL_SECONDS = 1

# What one request fetches for several batches together: bodies of 256 KB make that 12 MB.
MOST_MESSAGES = 50


class Places:
    """How many batches of a mapping may run at once.

    It belongs to the mapping rather than to a poller: an update makes a new poller while batches of the old one are
    still running, and the two together keep to the limit.
    """

    def __init__(self):
        self._condition = threading.Condition()
        self._taken = 0
        self._limit = 1
        self.closed = False  # the mapping is disabled or deleted: nothing more may start

    def open(self, limit: int) -> None:
        with self._condition:
            self._limit = limit
            self.closed = False
            self._condition.notify_all()

    def take(self, most: int, stop: threading.Event) -> int:
        """Waits until a place is free and takes the free ones, at most `most`; 0 when told to stop first."""
        with self._condition:
            while not stop.is_set():
                free = min(self._limit - self._taken, most)
                if free > 0:
                    self._taken += free
                    return free
                self._condition.wait(0.2)
            return 0

    def give_back(self, places: int) -> None:
        with self._condition:
            self._taken -= places
            self._condition.notify_all()


_places: dict[str, Places] = {}
_places_lock = threading.Lock()


def _places_of(mapping: str) -> Places:
    with _places_lock:
        return _places.setdefault(mapping, Places())


class ConcurrentSqsPoller(SqsPoller):
    """Polls for one mapping. `bind` is called before the first poll."""

    def bind(self, mapping: str, places: Places, stop: threading.Event) -> None:
        self._mapping = mapping
        self._places = places
        self._stop = stop

    def poll_events(self) -> None:
        """Polls until the mapping is stopped. What is raised makes LocalStack wait a while and call again."""
        if self.is_fifo_queue:
            return super().poll_events()
        # With a window, batches are gathered one after another. Without, one request fetches for all free places: the
        # request is what takes time.
        most = 1 if self.maximum_batching_window else max(1, MOST_MESSAGES // self.batch_size)
        while places := self._places.take(most, self._stop):
            batches = []
            try:
                messages = self._collect(places * self.batch_size)
                if self._places.closed:
                    self._return(messages)
                else:
                    batches = list(batched(messages, self.batch_size))
            finally:
                self._places.give_back(places - len(batches))
            for batch in batches:
                name = f"sqs-batch-{self._mapping}"
                threading.Thread(target=self._run, args=(batch,), name=name, daemon=True).start()
        return None

    def _collect(self, most: int) -> list[dict]:
        """What there is; with a window a full batch, or what there was when it closed. Empty after a quiet second."""
        messages = self._receive(most, LONG_POLL_SECONDS)
        closes = time.monotonic() + self.maximum_batching_window
        while messages and len(messages) < self.batch_size and not self._stop.is_set():
            left = closes - time.monotonic()
            if left <= 0:
                break
            if left >= LONG_POLL_SECONDS:
                messages += self._receive(self.batch_size - len(messages), LONG_POLL_SECONDS)
            else:
                self._stop.wait(min(left, 0.1))
                messages += self._receive(self.batch_size - len(messages), 0)
        return messages

    def _receive(self, limit: int, wait: int) -> list[dict]:
        answer = self.source_client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(limit, 10),
            WaitTimeSeconds=wait,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            # LocalStack's own means of receiving more than 10 messages at once.
            sqs_override_max_message_count=limit,
        )
        return answer.get("Messages", [])

    def _return(self, messages: list[dict]) -> None:
        """Puts back what came in just as the mapping was disabled or deleted."""
        for ten in batched(messages, 10):
            entries = [
                {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                for i, message in enumerate(ten)
            ]
            self.source_client.change_message_visibility_batch(QueueUrl=self.queue_url, Entries=entries)

    def _run(self, batch: tuple[dict, ...]) -> None:
        """Handles a batch in its place, and gives that back. A batch too large for one payload becomes several
        invocations, one after another."""
        try:
            for part in _payloads(batch):
                try:
                    self._process(part)
                except Exception as error:
                    # The messages stay in the queue and are seen again after their visibility timeout.
                    LOG.info("a batch of %d from %s failed: %s", len(part), self.source_arn, error)
        finally:
            self._places.give_back(1)

    def _process(self, messages: list[dict]) -> None:
        """LocalStack's `handle_messages`, but for the bodies: that one parses and rewrites those that are JSON, so that
        a function does not see the text that was sent."""
        events = transform_into_events(messages)
        matching = [event for event in events if self._matches(event)]
        matching_ids = {event["messageId"] for event in matching}
        done = {message["MessageId"] for message in messages}
        if matching:
            try:
                self.processor.process_events_batch(self.add_source_metadata(matching))
            except PartialBatchFailureError as failure:
                # Raises where an identifier is not of this batch: then the whole batch has failed, as on AWS.
                done -= set(parse_batch_item_failures(failure.partial_failure_payload, matching_ids))
            except Exception:
                self.delete_messages(messages, done - matching_ids)
                raise
        self.delete_messages(messages, done)

    def _matches(self, event: dict) -> bool:
        if not self.filter_patterns:
            return True
        parsed = copy.copy(event)
        try:
            parsed["body"] = json.loads(event["body"])
        except ValueError:
            pass  # a pattern may be about a body that is plain text
        return bool(self.filter_events([parsed]))


def _payloads(messages: Iterable[dict]) -> Iterator[list[dict]]:
    part: list[dict] = []
    size = 0
    for message in messages:
        # As it stands in the payload: a string in JSON, with quotation marks and control characters escaped.
        length = len(json.dumps(message["Body"])) + RECORD_OVERHEAD
        if part and size + length > MAX_PAYLOAD:
            yield part
            part, size = [], 0
        part.append(message)
        size += length
    if part:
        yield part


class ConcurrentEsmWorker(EsmWorker):
    """LocalStack's worker of a mapping, which tells the poller how many batches there may be and when to stop.

    An update makes a new worker, enabled or not, before it stops the old one.
    """

    def __init__(self, esm_config, poller, enabled=True, **kwargs):
        super().__init__(esm_config, poller, enabled=enabled, **kwargs)
        self._places = _places_of(self.uuid)
        if enabled:
            scaling = esm_config.get("ScalingConfig") or {}
            self._places.open(scaling.get("MaximumConcurrency") or settings.SQS_CONCURRENCY)
        else:
            self._places.closed = True
        if isinstance(poller, ConcurrentSqsPoller):
            poller.bind(self.uuid, self._places, self._shutdown_event)

    def delete(self):
        self._places.closed = True
        super().delete()


def install() -> None:
    """Has LocalStack make these instead of its own, for every mapping from now on."""
    esm_worker_factory.SqsPoller = ConcurrentSqsPoller
    esm_worker_factory.EsmWorker = ConcurrentEsmWorker
