#!/usr/bin/env python3
"""Deploys template.yaml to LocalStack, converts a dataset with it, opens the result, and says what it did.

scripts/deploy-local.sh builds the functions and calls this with the Python of scripts/infra-env.sh sam. What is started
is stopped again, by process id, also when something fails; with --keep it stays until `scripts/deploy-local.sh --stop`.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import assemble
import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parent.parent
HOME = REPOSITORY / ".cache" / "deploy-local"
STACK, REGION, TARGET_BUCKET, TARGET_PREFIX = "dap2zarr", "eu-central-1", "datasets", "zarr"
SAM_BUCKET = "sam-artifacts"
DATASET = f"{TARGET_PREFIX}/prism.zarr"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}

OPEN = """
import sys, xarray
url, endpoint = sys.argv[1:]
dataset = xarray.open_zarr(url, storage_options={"client_kwargs": {"endpoint_url": endpoint}, "key": "test", "secret": "test"})
print(dataset)
print("mean of the first month's precipitation:", float(dataset["ppt"][0].mean()))
"""


class Failed(Exception):
    """Something did not go as it should; the text says what."""


class Steps:
    """Prints what is done, and how long each step took."""

    def __init__(self):
        self.started = time.monotonic()

    def run(self, what, action, *arguments):
        print(f"{what} ...", flush=True)
        started = time.monotonic()
        result = action(*arguments)
        print(f"    {time.monotonic() - started:.1f} s", flush=True)
        return result


def start_localstack(state):
    """LocalStack without Docker; it stays until it is stopped by its state folder."""
    command = [REPOSITORY / "infra/localstack/run", "start", "--port", "0", "--state", state]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed("LocalStack did not start; see above")
    return done.stdout.strip().splitlines()[-1]


def start_server(binary, months):
    """The test server for OPeNDAP, with `months` of a dataset in the shape of PRISM."""
    port_file = HOME / "port"
    port_file.unlink(missing_ok=True)
    with (HOME / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [binary, "--port", "0", "--time", str(months), "--port-file", port_file],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (HOME / "server.pid").write_text(f"{server.pid}\n")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        if port_file.is_file() and (port := port_file.read_text().strip()):
            return int(port)
        time.sleep(0.05)
    raise Failed(f"the test server did not start; see {HOME / 'server.log'}")


def make_buckets(s3):
    for bucket in (TARGET_BUCKET, SAM_BUCKET):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


def deploy(endpoint, binaries, port, concurrency):
    template = assemble.assemble(binaries, HOME / "assembled", strip=shutil.which("strip") is not None)
    parameters = {
        "TargetBucket": TARGET_BUCKET,
        "TargetPrefix": TARGET_PREFIX,
        "AllowedSourceHosts": f"127.0.0.1:{port}",
        "Contact": "nobody@example.org",
        "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
        "MaximumConcurrency": concurrency,
        "ReceiptBatchingWindowSeconds": 1,
    }
    command = [Path(sys.executable).parent / "sam", "deploy", "--template-file", template.name, "--stack-name", STACK]
    command += ["--s3-bucket", SAM_BUCKET, "--region", REGION, "--capabilities", "CAPABILITY_IAM"]
    command += ["--no-progressbar", "--no-confirm-changeset", "--parameter-overrides"]
    command += [f"{name}={value}" for name, value in parameters.items()]
    environment = os.environ | CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint, "SAM_CLI_TELEMETRY": "0"}
    log = HOME / "sam.log"
    with log.open("wb") as out:
        done = subprocess.run(command, cwd=template.parent, env=environment, stdout=out, stderr=out)
    if done.returncode != 0:
        sys.stderr.write("".join(log.read_text(errors="replace").splitlines(keepends=True)[-40:]))
        raise Failed(f"sam deploy failed; all of its output is in {log}")


def outputs(client):
    (stack,) = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def request(port):
    return {
        "version": 1,
        "source": f"http://127.0.0.1:{port}/prism",
        "target": {"s3": {"bucket": TARGET_BUCKET, "prefix": DATASET}},
        "chunks": {"time": 12, "lat": 354, "lon": 354},
    }


def objects(s3, bucket, prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry for page in pages for entry in page.get("Contents", [])]


def wait_for_end(s3, bucket, seconds):
    """What became of the one run there is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for entry in objects(s3, bucket, "runs/"):
            if entry["Key"].endswith("/end.json"):
                return entry["Key"].split("/")[1], json.load(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"])
        time.sleep(0.5)
    there = [entry["Key"] for entry in objects(s3, bucket, "")]
    raise Failed(f"no run has ended within {seconds} s; the state bucket holds {there}")


def published(s3, bucket, seconds):
    run, end = wait_for_end(s3, bucket, seconds)
    if "publish" not in json.dumps(end.get("verdict")):
        raise Failed(f"run {run} was not published: {json.dumps(end)}")
    return run


def open_dataset(python, endpoint):
    environment = os.environ | CREDENTIALS
    done = subprocess.run([python, "-c", OPEN, f"s3://{TARGET_BUCKET}/{DATASET}", endpoint], env=environment)
    if done.returncode != 0:
        raise Failed("xarray could not open what was published")


def convert(arguments, state):
    steps = Steps()
    endpoint = steps.run("Starting LocalStack, without Docker", start_localstack, state)
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3})
    session = boto3.Session("test", "test", region_name=REGION)

    def client(service):
        return session.client(service, endpoint_url=endpoint, config=config)

    s3 = client("s3")
    server = arguments.binaries / "dap2zarr-test-dap-server"
    port = steps.run("Starting a server that publishes a dataset over OPeNDAP", start_server, server, arguments.months)
    steps.run(f"Making the bucket `{TARGET_BUCKET}` for datasets", make_buckets, s3)
    steps.run(
        "Deploying template.yaml with `sam deploy`", deploy, endpoint, arguments.binaries, port, arguments.concurrency
    )
    stack = outputs(client)
    body = json.dumps(request(port), indent=2)
    print(f"Dropping this request into {stack['RequestsUrl']}prism.json:\n{body}")
    started = time.monotonic()
    s3.put_object(Bucket=stack["StateBucket"], Key="requests/prism.json", Body=body.encode())
    run = steps.run("Waiting for the dataset", published, s3, stack["StateBucket"], arguments.timeout)
    there = objects(s3, TARGET_BUCKET, f"{DATASET}/")
    size = sum(entry["Size"] for entry in there)
    print(
        f"Run {run} was published {time.monotonic() - started:.1f} s after its request:"
        f" {len(there)} objects, {size / 1e6:.1f} MB in s3://{TARGET_BUCKET}/{DATASET}"
    )
    steps.run("Opening it with xarray", open_dataset, arguments.python, endpoint)
    print(f"All of it took {time.monotonic() - steps.started:.0f} s.")
    return endpoint, stack


def stop(state):
    """Stops what an earlier call started, by process id."""
    pid_file = HOME / "server.pid"
    if pid_file.is_file():
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline")
        # The number may belong to somebody else by now. Where there is no /proc nothing can be asked.
        ours = b"dap2zarr-test-dap-server" in command.read_bytes() if command.exists() else not Path("/proc").is_dir()
        if ours:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        pid_file.unlink()
    if (state / "pid").is_file():
        subprocess.run([REPOSITORY / "infra/localstack/run", "stop", "--state", state], check=False)


def keep_words(endpoint, stack):
    return f"""
It stays. To look around:

    export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={REGION} AWS_REGION={REGION}
    aws s3 ls --recursive s3://{stack["StateBucket"]}/
    dap2zarr status --stack {STACK}

To stop it: scripts/deploy-local.sh --stop
"""


def interrupted(number, _frame):
    raise Failed(f"stopped by {signal.Signals(number).name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--binaries", type=Path, default=REPOSITORY / "target/debug", help="where cargo put the programs")
    parser.add_argument("--python", default=sys.executable, help="a Python with xarray, zarr and s3fs")
    parser.add_argument("--months", type=int, default=24, help="how much data the server publishes; 10.5 MB a month")
    parser.add_argument("--concurrency", type=int, default=4, help="chunks at a time")
    parser.add_argument("--timeout", type=int, default=300, help="seconds to wait for the dataset")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--stop", action="store_true", help="stop what --keep has left running")
    arguments = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    state = HOME / "localstack"
    if arguments.stop:
        stop(state)
        return 0
    if (state / "pid").is_file() or (HOME / "server.pid").is_file():
        print("deploy-local: stopping what an earlier call has left", file=sys.stderr)
        stop(state)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupted)
    keeping = False
    try:
        endpoint, stack = convert(arguments, state)
        if arguments.keep:
            keeping = True
            print(keep_words(endpoint, stack))
    except (Failed, assemble.AssemblyError, subprocess.CalledProcessError) as error:
        print(f"deploy-local: {error}", file=sys.stderr)
        print(f"deploy-local: logs of the functions are in {state / 'functions'}, LocalStack's in {state / 'log'}", file=sys.stderr)
        return 1
    finally:
        if not keeping:
            stop(state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
