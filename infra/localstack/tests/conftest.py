"""One LocalStack for the whole run, started as a user would start it, and a few words to talk to it with."""

import base64
import io
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid
import zipfile

import boto3
import botocore.config
import pytest

HERE = pathlib.Path(__file__).parent
INIT_TIMEOUT = 1.5


def until(condition, seconds=15, what="the condition"):
    """Waits until `condition()` is true, and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        if result := condition():
            return result
        assert time.monotonic() < deadline, f"{what} did not come about in {seconds} s"
        time.sleep(0.05)


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def lines(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def start(state, **variables):
    """Starts LocalStack; it stops when the standard input of the returned process closes."""
    launcher = subprocess.Popen(
        [sys.executable, "-m", "localstack_process_executor", "start", "--state", str(state), "--stop-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | variables,
    )
    endpoint = launcher.stdout.readline().strip()
    assert endpoint.startswith("http://127.0.0.1:"), f"LocalStack did not start; see {state / 'log'}"
    return launcher, endpoint


def package(**files):
    """A deployment package: the bootstrap, or whatever is named instead."""
    if not files:
        files = {"bootstrap": f"#!{sys.executable} -SE\n{(HERE / 'bootstrap.py').read_text()}"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


class Cloud:
    def __init__(self, state, endpoint):
        self.state = state
        self.endpoint = endpoint
        self.calls = state / "calls.jsonl"
        self.faults = state / "faults.json"
        self._clients = {}

    def client(self, service):
        if service not in self._clients:
            # One try and a long wait: a time-out must not turn into a second invocation.
            config = botocore.config.Config(
                retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=32
            )
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=config,
            )
        return self._clients[service]

    def function(self, name=None, timeout=10, code=None, role=None, **environment):
        name = name or f"f-{uuid.uuid4().hex[:8]}"
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=role or f"arn:aws:iam::000000000000:role/{name}",
            Code={"ZipFile": code or package()},
            Timeout=timeout,
            Environment={"Variables": environment},
        )
        return name

    def invoke(self, name, **event):
        """The answer, the kind of error (or None), and the log."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
        log = base64.b64decode(answer.get("LogResult", "")).decode()
        return json.loads(answer["Payload"].read()), answer.get("FunctionError"), log

    def queue(self, name=None, dead_letters_after=None, visibility=2):
        sqs = self.client("sqs")
        name = name or f"q-{uuid.uuid4().hex[:8]}"
        attributes = {"VisibilityTimeout": str(visibility)}
        dead = None
        if dead_letters_after:
            dead, dead_arn = self.queue(f"{name}-dead")
            attributes["RedrivePolicy"] = json.dumps(
                {"deadLetterTargetArn": dead_arn, "maxReceiveCount": dead_letters_after}
            )
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        return (url, arn, dead) if dead else (url, arn)

    def send(self, url, bodies):
        sqs = self.client("sqs")
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        for at in range(0, len(texts), 10):
            entries = [{"Id": str(i), "MessageBody": text} for i, text in enumerate(texts[at : at + 10])]
            assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    def map(self, arn, name, **options):
        options.setdefault("FunctionResponseTypes", ["ReportBatchItemFailures"])
        answer = self.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=name, **options)
        return answer["UUID"]

    def left(self, url):
        """Messages in the queue, waiting or being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def bodies(self, url):
        messages = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in messages]

    def invocations(self, name):
        return [line for line in lines(self.state / "invocations.jsonl") if line["function"] == name]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    state = tmp_path_factory.mktemp("localstack")
    launcher, endpoint = start(
        state,
        LAMBDA_PROCESS_INIT_TIMEOUT=str(INIT_TIMEOUT),
        LAMBDA_PROCESS_INVOCATIONS=str(state / "invocations.jsonl"),
        LAMBDA_PROCESS_RECORD_CALLS=str(state / "calls.jsonl"),
        LAMBDA_PROCESS_FAULTS=str(state / "faults.json"),
        LAMBDA_PROCESS_PASS_ENV="PASSED_ON",
        PASSED_ON="seen",
        KEPT_BACK="not seen",
    )
    yield Cloud(state, endpoint)
    launcher.stdin.close()
    launcher.wait(30)
    left = [line["pid"] for line in lines(state / "invocations.jsonl") if line["pid"] and alive(line["pid"])]
    assert not left, "these have outlived LocalStack"
