"""Deploys the real template on LocalStack, runs a command against it, and stops everything again.

    with_stack.py --binaries target/debug --sam .cache/infra/sam/bin/sam --work DIR -- COMMAND [ARGUMENT]...

Three stacks are deployed from one package, as a user would deploy three:

    here       writes to a bucket beside the stack's own
    elsewhere  writes to another endpoint, with keys from a secret; the command serves that endpoint
    keyless    like `elsewhere`, but its secret does not exist

The command finds them described in the JSON file that DAP2ZARR_TEST_STACK names: endpoint, outputs of each stack, the
ports it may serve sources and the other endpoint on, and the files that the process executor reads and writes.

It runs in LocalStack's own environment, which has boto3. LocalStack stops with it, however it ends.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import boto3
import botocore.config

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
REGION = "us-east-1"
SOURCES = 12  # ports a test may serve a source on
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
KEYS = {"access_key_id": "test", "secret_access_key": "testtest"}  # of the S3 endpoint that tests serve; looked for in logs
BUCKET = "datasets"

# Short: a worker that died is missed after this and half a minute.
TIMEOUT_SECONDS = 30
CONCURRENCY = 4


def say(message: str) -> None:
    print(f"with-stack: {message}", file=sys.stderr, flush=True)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on. All are held until all are known, so that they differ."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class LocalStack:
    """An instance that stops when this process does."""

    def __init__(self, work: pathlib.Path):
        self.work = work
        self.faults = work / "faults.json"
        self.invocations = work / "invocations.jsonl"
        self.calls = work / "calls.jsonl"
        for old in (self.faults, self.invocations, self.calls):
            old.unlink(missing_ok=True)
        self.faults.write_text("[]\n")

    def __enter__(self):
        environment = os.environ | {
            "LAMBDA_PROCESS_FAULTS": str(self.faults),
            "LAMBDA_PROCESS_INVOCATIONS": str(self.invocations),
            "LAMBDA_PROCESS_RECORD_CALLS": str(self.calls),
            # Nobody looks at them, and they would be a quarter of all that LocalStack does.
            "SQS_DISABLE_CLOUDWATCH_METRICS": "1",
        }
        command = [sys.executable, "-m", "localstack_process_executor", "start", "--stop-with-stdin"]
        command += ["--state", str(self.work / "localstack")]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.endpoint = self.process.stdout.readline().strip()
        if not self.endpoint:
            raise SystemExit("with-stack: LocalStack did not start; its words are above")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
            return
        self.process.kill()

    def client(self, service: str):
        config = botocore.config.Config(retries={"max_attempts": 3}, s3={"addressing_style": "path"})
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )


def package(sam: str, assembled: pathlib.Path, localstack: LocalStack) -> str:
    """Uploads the functions with `sam package`, as `sam deploy` does first, and returns the URL of the template that names
    them: too long to be sent with a call."""
    localstack.client("s3").create_bucket(Bucket="packages")
    packaged = assembled / "packaged.yaml"
    subprocess.run(
        [sam, "package", "--template-file", assembled / "template.yaml", "--s3-bucket", "packages"]
        + ["--output-template-file", packaged, "--no-progressbar", "--region", REGION],
        env=aws_environment(localstack.endpoint) | {"SAM_CLI_TELEMETRY": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    localstack.client("s3").upload_file(str(packaged), "packages", "template.yaml")
    return f"{localstack.endpoint}/packages/template.yaml"


def aws_environment(endpoint: str) -> dict[str, str]:
    """This process's environment, but for what would lead a client elsewhere than to LocalStack."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def deploy(template: str, parameters: dict[str, dict[str, str]], localstack: LocalStack) -> dict[str, dict[str, str]]:
    """Deploys one stack for each name, all at once, and returns their outputs."""
    cloudformation = localstack.client("cloudformation")
    for name, values in parameters.items():
        cloudformation.create_stack(
            StackName=name,
            TemplateURL=template,
            Capabilities=CAPABILITIES,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        )
    outputs = {}
    for name in parameters:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 180}
        )
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        outputs[name] = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return outputs


def set_up(options: argparse.Namespace, localstack: LocalStack) -> dict:
    """Everything a user would have before the first request."""
    sys.path.insert(0, str(REPOSITORY / "infra"))
    from assemble import assemble

    ports = free_ports(SOURCES + 1)
    sources, elsewhere = ports[:-1], ports[-1]
    started = time.monotonic()
    assembled = options.work / "assembled"
    assemble(options.binaries, assembled, strip=True)
    template = package(options.sam, assembled, localstack)
    localstack.client("s3").create_bucket(Bucket=BUCKET)
    secret = localstack.client("secretsmanager").create_secret(Name="target", SecretString=json.dumps(KEYS))
    here = {
        "TargetBucket": BUCKET,
        "AllowedSourceHosts": ",".join(f"127.0.0.1:{port}" for port in sources),
        "Contact": "tests@example.org",
        "MaximumConcurrency": str(CONCURRENCY),
        "FunctionTimeoutSeconds": str(TIMEOUT_SECONDS),
        "ReceiptBatchingWindowSeconds": "1",
        "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
    }
    other = {"TargetEndpoint": f"http://127.0.0.1:{elsewhere}", "TargetSecretArn": secret["ARN"]}
    missing = re.sub(r":secret:.*", ":secret:nobody-AbCdEf", secret["ARN"])
    parameters = {
        "here": here,
        "elsewhere": here | other,
        "keyless": here | other | {"TargetSecretArn": missing},
    }
    stacks = deploy(template, parameters, localstack)
    say(f"{len(stacks)} stacks deployed in {time.monotonic() - started:.1f} s")
    return {
        "endpoint": localstack.endpoint,
        "region": REGION,
        "sources": sources,
        "elsewhere": elsewhere,
        "concurrency": CONCURRENCY,
        "timeout_seconds": TIMEOUT_SECONDS,
        "faults": str(localstack.faults),
        "invocations": str(localstack.invocations),
        "logs": str(localstack.work / "localstack" / "functions"),
        "calls": str(localstack.calls),
        "stacks": stacks,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--binaries", type=pathlib.Path, required=True)
    parser.add_argument("--sam", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="for everything this writes")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("there is no command to run")
    # A test runner that is stopped must stop LocalStack: leave through the context managers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options.work = options.work.absolute()
    options.work.mkdir(parents=True, exist_ok=True)
    with LocalStack(options.work) as localstack:
        try:
            described = set_up(options, localstack)
        except subprocess.CalledProcessError as error:
            sys.stderr.write((error.stderr or b"").decode(errors="replace"))
            raise SystemExit(f"with-stack: {error}") from error
        document = options.work / "stack.json"
        document.write_text(json.dumps(described, indent=2) + "\n")
        environment = aws_environment(localstack.endpoint)
        environment |= {"DAP2ZARR_TEST_STACK": str(document), "DAP2ZARR_TEST_CALLS": str(localstack.calls)}
        # For the tests that hold the adapters to their ports.
        environment["DAP2ZARR_TEST_ENDPOINT"] = localstack.endpoint
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
