"""The function under test: a custom runtime in plain Python that does as its event says.

INIT in its environment says how it initialises: "ok", "exit", "error", "hang", or "once:PATH" (exits, leaving PATH as a
note, and starts properly the next time). An event says what to do, and so does the body of each SQS record:

    {"do": "ok" | "error" | "exit" | "sleep" | "wait" | "environment" | "put" | "child", ...}
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"


def call(path, body=None):
    with urllib.request.urlopen(urllib.request.Request(f"{API}/{path}", data=body), timeout=3600) as answer:
        return answer.headers, answer.read()


def initialise():
    how = os.environ.get("INIT", "ok")
    print(f"initialising: {how}", flush=True)
    if how == "exit":
        sys.exit(3)
    if how == "error":
        call("init/error", json.dumps({"errorType": "Test.Init", "errorMessage": "cannot begin"}).encode())
        sys.exit(1)
    if how == "hang":
        time.sleep(60)
    if how.startswith("once:") and not os.path.exists(how[5:]):
        pathlib.Path(how[5:]).touch()
        sys.exit(4)


def signed_put(bucket, key):
    """A PUT with a signature in form only: LocalStack reads the access key id and checks nothing."""
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/{os.environ['AWS_REGION']}/s3/aws4_request"
    request = urllib.request.Request(
        f"{os.environ['AWS_ENDPOINT_URL']}/{bucket}/{key}",
        data=b"x",
        method="PUT",
        headers={"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"},
    )
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


def work(event):
    do = event.get("do", "ok")
    if do == "error":
        raise ValueError(event.get("message", "as ordered"))
    if do == "exit":
        os._exit(event.get("code", 101))
    if do == "sleep":
        time.sleep(event["seconds"])
    if do == "wait":
        pathlib.Path(event["begun"]).touch()
        while not os.path.exists(event["until"]):
            time.sleep(0.05)
    if do == "environment":
        return dict(os.environ)
    if do == "put":
        return {"status": signed_put(event["bucket"], event["key"])}
    if do == "child":
        return {"child": subprocess.Popen(["sleep", "300"]).pid}
    return {"pid": os.getpid(), "version": os.environ.get("CODE", "1"), "echo": event}


def handle(event):
    if "Records" not in event:
        return work(event)
    failures = []
    for record in event["Records"]:
        try:
            work(json.loads(record["body"]))
        except ValueError:
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


initialise()
while True:
    headers, body = call("invocation/next")
    request = headers["Lambda-Runtime-Aws-Request-Id"]
    print("handling", request, flush=True)
    try:
        answer, verb = handle(json.loads(body)), "response"
    except Exception as error:
        answer, verb = {"errorType": type(error).__name__, "errorMessage": str(error)}, "error"
    call(f"invocation/{request}/{verb}", json.dumps(answer).encode())
