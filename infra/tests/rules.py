"""What template.yaml has to be, beyond what linters check. Each rule takes the template and returns what is wrong with it.

That they see what they are made for is shown by test_mutations.py.
"""

import fnmatch
import re

from stack import ACCOUNT, REPOSITORY, Stack, as_list, third_party, variants

FUNCTIONS = {"Planner", "Chunk", "Finalizer"}
README = REPOSITORY / "infra" / "README.md"
OPERATIONS = REPOSITORY / "infra" / "operations.md"

# What each function reads from its environment.
EVERY = {
    "DAP2ZARR_STATE_BUCKET",
    "DAP2ZARR_CHUNK_QUEUE_URL",
    "DAP2ZARR_TARGET_BUCKET",
    "DAP2ZARR_TARGET_PREFIX",
    "DAP2ZARR_TARGET_ENDPOINT_URL",
    "DAP2ZARR_TARGET_REGION",
    "DAP2ZARR_TARGET_PATH_STYLE",
    "DAP2ZARR_TARGET_SECRET_ARN",
    "DAP2ZARR_ALLOWED_SOURCE_HOSTS",
    "DAP2ZARR_CONTACT",
    "DAP2ZARR_FUNCTION_TIMEOUT_SECONDS",
    "DAP2ZARR_LOG",
}
ENVIRONMENT = {
    "Planner": EVERY
    | {
        "DAP2ZARR_PLAN_QUEUE_URL",
        "DAP2ZARR_MAXIMUM_CONCURRENCY",
        "DAP2ZARR_CHUNK_MEMORY_MB",
        "DAP2ZARR_FINALIZER_MEMORY_MB",
    },
    "Chunk": EVERY | {"DAP2ZARR_RECEIPT_QUEUE_URL", "DAP2ZARR_MAXIMUM_CONCURRENCY", "DAP2ZARR_MAX_RECEIVE_COUNT"},
    "Finalizer": EVERY | {"DAP2ZARR_PLAN_QUEUE_URL", "DAP2ZARR_RECEIPT_QUEUE_URL", "DAP2ZARR_VISIBILITY_SECONDS"},
}
# What the command line reads.
OUTPUTS = {
    "StateBucket",
    "PlanQueueUrl",
    "ChunkQueueUrl",
    "ReceiptQueueUrl",
    "TargetBucket",
    "PlannerFunction",
    "ChunkFunction",
    "FinalizerFunction",
    "DashboardUrl",
}
BATCH_SIZES = {"PlanQueue": 1, "ChunkQueue": 1, "ReceiptQueue": 1000}
# What alarms count in the logs: for each metric the values of the field `metric`.
COUNTED = {
    "FailedRuns": {"run_failed", "publish_stuck"},
    "Mistakes": {"panic", "cannot_start", "worker_lost", "message_lost", "finalizer_failed", "runtime_lost"},
}
# Errors that are logged with a metric and raise no alarm: anybody who may write to a queue can cause them.
NOT_COUNTED = {"foreign_message"}
RECEIVES = {"PlanQueue": 10, "ChunkQueue": 5, "ReceiptQueue": 5}


def visibility_is_six_times_the_timeout(template):
    for stack in variants(template):
        for mapping, function, queue in stack.mappings():
            timeout = int(stack.of("Lambda::Function")[function]["Timeout"])
            needed = 6 * timeout + mapping.get("MaximumBatchingWindowInSeconds", 0)
            visibility = stack.of("SQS::Queue")[queue]["VisibilityTimeout"]
            if not needed <= visibility <= 43200:
                yield f"{queue}: visibility {visibility} s with a timeout of {timeout} s, expected {needed} s"


def numbers_that_repeat_agree(template):
    for stack in variants(template):
        functions, queues = stack.of("Lambda::Function"), stack.of("SQS::Queue")
        variable = {name: f["Environment"]["Variables"] for name, f in functions.items()}
        longest = max(int(f["Timeout"]) for f in functions.values())
        for name in FUNCTIONS:
            if int(variable[name]["DAP2ZARR_FUNCTION_TIMEOUT_SECONDS"]) != longest:
                yield f"{name}: DAP2ZARR_FUNCTION_TIMEOUT_SECONDS is not the longest timeout, {longest}"
        same = {
            "receives": (
                variable["Chunk"]["DAP2ZARR_MAX_RECEIVE_COUNT"],
                queues["ChunkQueue"]["RedrivePolicy"]["maxReceiveCount"],
            ),
            "visibility": (
                variable["Finalizer"]["DAP2ZARR_VISIBILITY_SECONDS"],
                queues["ChunkQueue"]["VisibilityTimeout"],
            ),
            "chunk memory": (variable["Planner"]["DAP2ZARR_CHUNK_MEMORY_MB"], functions["Chunk"]["MemorySize"]),
            "finalizer memory": (
                variable["Planner"]["DAP2ZARR_FINALIZER_MEMORY_MB"],
                functions["Finalizer"]["MemorySize"],
            ),
            "slow": (stack.of("CloudWatch::Alarm")["ChunkDurationAlarm"]["Threshold"], longest * 900),
        }
        for mapping, function, _ in stack.mappings():
            if function == "Chunk":
                for reader in ("Planner", "Chunk"):
                    same[f"concurrency, {reader}"] = (
                        variable[reader]["DAP2ZARR_MAXIMUM_CONCURRENCY"],
                        mapping["ScalingConfig"]["MaximumConcurrency"],
                    )
        for what, (one, other) in same.items():
            if int(one) != int(other):
                yield f"{what}: {one} in one place, {other} in another"


def mappings_bound_concurrency(template):
    for stack in variants(template):
        seen = set()
        for mapping, function, queue in stack.mappings():
            seen.add(queue)
            concurrency = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
            if concurrency is None or not 2 <= int(concurrency) <= 1000:
                yield f"{function}: MaximumConcurrency is {concurrency}"
            if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
                yield f"{function}: one failed message would fail its batch"
            if mapping["BatchSize"] != BATCH_SIZES[queue]:
                yield f"{function}: batches of {mapping['BatchSize']}"
            if {"FilterCriteria", "ProvisionedPollerConfig"} & mapping.keys():
                yield f"{function}: a filter discards messages, provisioned pollers exclude MaximumConcurrency"
        if seen != set(BATCH_SIZES):
            yield f"mappings read {seen}"
        for name, function in stack.of("Lambda::Function").items():
            if "ReservedConcurrentExecutions" in function:
                yield f"{name}: event sources ignore reserved concurrency and pull too much"


def recursion_detection_is_on(template):
    text = str(template)
    return [f"the template sets {word}" for word in ("RecursiveLoop", "RecursionConfig") if word in text]


def ticks_are_not_repeated(template):
    stack = Stack(template)
    for name, config in stack.of("Lambda::EventInvokeConfig").items():
        if (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) != (0, 60):
            yield f"{name}: {config}"
    schedules = [rule for rule in stack.of("Events::Rule").values() if "ScheduleExpression" in rule]
    if [rule["ScheduleExpression"] for rule in schedules] != ["rate(1 minute)"]:
        yield f"schedules: {schedules}"
    for rule in schedules:
        if rule["Targets"][0]["RetryPolicy"]["MaximumRetryAttempts"] != 0:
            yield "the schedule repeats ticks"


def queues_have_dead_letter_queues(template):
    stack = Stack(template)
    queues = stack.of("SQS::Queue")
    dead = {name for name in queues if name.endswith("DeadLetterQueue")}
    for name in queues.keys() - dead:
        queue, source = queues[name], stack.fn_getatt([name, "Arn"])
        redrive = queue.get("RedrivePolicy")
        if redrive is None:
            yield f"{name} has no dead-letter queue"
            continue
        letters = stack.queue(redrive["deadLetterTargetArn"])
        dead.discard(letters)
        if redrive["maxReceiveCount"] != RECEIVES[name]:
            yield f"{name}: {redrive['maxReceiveCount']} receives, expected {RECEIVES[name]}"
        if queues[letters]["MessageRetentionPeriod"] <= queue["MessageRetentionPeriod"]:
            yield f"{letters}: messages keep their age, and would be deleted before those of {name}"
        allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [source]}
        if queues[letters].get("RedriveAllowPolicy") != allowed:
            yield f"{letters}: other queues may use it"
        if queue.get("RedriveAllowPolicy") != {"redrivePermission": "denyAll"}:
            yield f"{name}: other queues may use it for their dead letters"
    if dead:
        yield f"nobody's dead-letter queues: {dead}"
    for name, queue in queues.items():
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"
        if queue.get("FifoQueue"):
            yield f"{name} is a FIFO queue"


def policies_refuse_http_and_strangers(template):
    stack = Stack(template)
    documents = {}
    for policy in stack.of("SQS::QueuePolicy").values():
        for url in policy["Queues"]:
            documents.setdefault(url, []).extend(policy["PolicyDocument"]["Statement"])
    for policy in stack.of("S3::BucketPolicy").values():
        documents.setdefault(policy["Bucket"], []).extend(policy["PolicyDocument"]["Statement"])
    strangers = {
        "StringNotEquals": {"aws:PrincipalAccount": ACCOUNT},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }
    needed = {"http": {"Bool": {"aws:SecureTransport": "false"}}, "strangers": strangers}
    protected = [(name, "sqs:*", False) for name in stack.of("SQS::Queue")]
    protected += [(name, "s3:*", True) for name in stack.of("S3::Bucket")]
    for name, action, objects in protected:
        arn = stack.fn_getatt([name, "Arn"])
        resources = [arn, f"{arn}/*"] if objects else [arn]
        statements = documents.get(stack.reference(name), [])
        for what, condition in needed.items():
            wanted = {"Effect": "Deny", "Principal": "*", "Action": action, "Condition": condition}
            if not any(
                wanted.items() <= statement.items() and as_list(statement["Resource"]) == resources
                for statement in statements
            ):
                yield f"{name} does not refuse {what}"
        for statement in statements:
            if statement["Effect"] == "Allow" and (name, statement["Sid"]) != ("PlanQueue", "RequestsOfTheStateBucket"):
                yield f"{name}: {statement['Sid']} allows"


def state_bucket_is_closed_and_triggers(template):
    stack = Stack(template)
    ((name, bucket),) = stack.of("S3::Bucket").items()
    if bucket["VersioningConfiguration"] != {"Status": "Enabled"}:
        yield "versions are off, and the version of a request names its run"
    if bucket["PublicAccessBlockConfiguration"] != dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    ):
        yield "public access is not blocked"
    if bucket["OwnershipControls"] != {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}:
        yield "access lists are on"
    if not bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]:
        yield "no encryption"
    if not any("AbortIncompleteMultipartUpload" in rule for rule in bucket["LifecycleConfiguration"]["Rules"]):
        yield "incomplete uploads stay"
    if stack.resources[name]["DeletionPolicy"] != "RetainExceptOnCreate":
        yield "deleting the stack would delete its records"
    ((trigger),) = bucket["NotificationConfiguration"]["QueueConfigurations"]
    rules = {rule["Name"]: rule["Value"] for rule in trigger["Filter"]["S3Key"]["Rules"]}
    if (stack.queue(trigger["Queue"]), rules) != ("PlanQueue", {"prefix": "requests/", "suffix": ".json"}):
        yield f"the trigger is {trigger}"
    depends = as_list(stack.resources[name].get("DependsOn", []))
    if "PlanQueuePolicy" not in depends:
        yield "S3 tries the queue when the bucket is made, so the queue's policy has to be there first"
    (allowed,) = [
        statement
        for statement in stack.of("SQS::QueuePolicy")["PlanQueuePolicy"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    if allowed["Condition"] != {
        "ArnEquals": {"aws:SourceArn": stack.fn_getatt([name, "Arn"])},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }:
        yield f"requests come from {allowed['Condition']}"
    if not re.fullmatch(r"[a-z0-9-]{3,63}", bucket["BucketName"]):
        yield f"{bucket['BucketName']} is no bucket's name"


def _state_keys(stack, statement):
    bucket = stack.fn_getatt(["StateBucket", "Arn"])
    return [arn.removeprefix(f"{bucket}/") for arn in statement["Resource"] if arn.startswith(f"{bucket}/")]


def nothing_written_triggers(template):
    for stack in variants(template):
        for role in stack.of("IAM::Role"):
            for statement in stack.statements(role):
                if set(statement["Action"]) & {"s3:PutObject", "s3:DeleteObject"}:
                    for key in _state_keys(stack, statement):
                        if fnmatch.fnmatch("requests/x.json", key):
                            yield f"{role} may write {key}, and so start itself"


def roles_have_no_wildcards(template):
    for stack in variants(template):
        for role in stack.of("IAM::Role"):
            if stack.of("IAM::Role")[role].get("ManagedPolicyArns"):
                yield f"{role} has managed policies"
            for statement in stack.statements(role):
                where = f"{role}, {statement.get('Sid')}"
                for action in statement["Action"]:
                    if "*" in action:
                        yield f"{where}: action {action}"
                for resource in statement["Resource"]:
                    # Keys below a prefix of a bucket that is named, and the streams of a log group that is named.
                    name, _, rest = resource.partition("/") if ":s3:::" in resource else (resource, "", "")
                    if resource.startswith("arn:aws:logs:"):
                        name = resource.removesuffix(":*")
                    if "*" in name or rest == "*" and stack.reference("StateBucket") in name:
                        yield f"{where}: resource {resource}"


def roles_are_separate(template):
    stack = Stack(template)
    roles = {name: f["Role"] for name, f in stack.of("Lambda::Function").items()}
    if roles.keys() != FUNCTIONS or len(set(roles.values())) != len(FUNCTIONS):
        yield f"functions and roles: {roles}"
    for name, role in stack.of("IAM::Role").items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"] != {"Service": "lambda.amazonaws.com"} or trust["Action"] != "sts:AssumeRole":
            yield f"{name} may be taken by {trust}"


QUEUE_OF = {"Planner": "PlanQueue", "Chunk": "ChunkQueue", "Finalizer": "ReceiptQueue"}
SENDS_TO = {"Planner": {"ChunkQueue"}, "Chunk": {"ReceiptQueue"}, "Finalizer": {"ChunkQueue", "PlanQueue"}}
MEASURES = {"Planner": {"PlanQueue"}, "Chunk": {"ChunkQueue"}, "Finalizer": {"ReceiptQueue", "ChunkQueue"}}


def functions_reach_their_queues_only(template):
    for stack in variants(template):
        for role in stack.of("IAM::Role"):
            function = stack.function_of(role)
            own = {QUEUE_OF[function]}
            expected = {
                "sqs:ReceiveMessage": own,
                "sqs:DeleteMessage": own,
                "sqs:ChangeMessageVisibility": own,
                "sqs:GetQueueAttributes": MEASURES[function],
                "sqs:SendMessage": SENDS_TO[function],
            }
            found = {}
            for statement in stack.statements(role):
                for action in statement["Action"]:
                    if action.startswith("sqs:"):
                        found.setdefault(action, set()).update(map(stack.queue, statement["Resource"]))
            if found != expected:
                yield f"{function}: {found}, expected {expected}"


def the_chunk_function_deletes_nothing(template):
    for stack in variants(template):
        for statement in stack.statements("ChunkRole"):
            deletes = [action for action in statement["Action"] if "Delete" in action and action != "sqs:DeleteMessage"]
            if deletes:
                yield f"it may {deletes}"


def missing_keys_answer_404(template):
    """S3 answers 403 for a missing key to whoever may not list it, and takes the key for s3:prefix to decide that."""
    for stack in variants(template):
        for role in stack.of("IAM::Role"):
            listed = {}
            for statement in stack.statements(role):
                if "s3:ListBucket" in statement["Action"]:
                    for bucket in statement["Resource"]:
                        prefixes = as_list(statement["Condition"]["StringLike"]["s3:prefix"])
                        listed.setdefault(bucket, []).extend(prefixes)
            for statement in stack.statements(role):
                if "s3:GetObject" in statement["Action"]:
                    for resource in statement["Resource"]:
                        bucket, _, key = resource.partition("/")
                        if not any(fnmatch.fnmatch(key, prefix) for prefix in listed.get(bucket, [])):
                            yield f"{role} may get {resource}, but not list it"


def the_target_is_reached_with_one_set_of_keys(template):
    target = "arn:aws:s3:::datasets"
    for stack in variants(template):
        for role in stack.of("IAM::Role"):
            resources = {resource for statement in stack.statements(role) for resource in statement["Resource"]}
            reached = any(resource.startswith(target) for resource in resources)
            if reached == bool(stack.parameters["TargetSecretArn"]):
                yield f"{role}: target by role is {reached}, secret is {stack.parameters['TargetSecretArn']!r}"
    stack = third_party(template)
    for role in stack.of("IAM::Role"):
        by_action = {action: s for s in stack.statements(role) for action in s["Action"]}
        if by_action["secretsmanager:GetSecretValue"]["Resource"] != [stack.parameters["TargetSecretArn"]]:
            yield f"{role} may read other secrets"
        if "kms:ViaService" not in str(by_action["kms:Decrypt"].get("Condition")):
            yield f"{role} may decrypt what it likes"


def the_target_stays_below_its_prefix(template):
    stack = Stack(template, TargetPrefix="zarr/public")
    for role in stack.of("IAM::Role"):
        for statement in stack.statements(role):
            for resource in statement["Resource"]:
                key = resource.partition("arn:aws:s3:::datasets")[2]
                if key and not key.startswith("/zarr/public/"):
                    yield f"{role}: {resource}"
                if resource == "arn:aws:s3:::datasets" and statement["Condition"] != {
                    "StringLike": {"s3:prefix": "zarr/public/*"}
                }:
                    yield f"{role} may list elsewhere"
    documents = {"zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata"}
    for stack in variants(template):
        for statement in stack.statements("PlannerRole"):
            if "s3:DeleteObject" in statement["Action"]:
                for resource in statement["Resource"]:
                    end = resource.rpartition("*")[2]
                    if end not in documents and not resource.endswith("/runs/open/*"):
                        yield f"the planner may delete {resource}"


def functions_have_log_groups(template):
    for stack in variants(template):
        groups = {group["LogGroupName"]: group for group in stack.of("Logs::LogGroup").values()}
        for name, function in stack.of("Lambda::Function").items():
            group = groups.get(f"/aws/lambda/{function['FunctionName']}")
            if group is None or function.get("LoggingConfig", {}).get("LogGroup") != group["LogGroupName"]:
                yield f"{name} has no log group of its own"
            elif not group.get("RetentionInDays"):
                yield f"{name}'s logs stay for ever"
            arn = f":log-group:/aws/lambda/{function['FunctionName']}:*"
            for statement in stack.statements(f"{name}Role"):
                if any(action.startswith("logs:") for action in statement["Action"]) and not all(
                    resource.endswith(arn) for resource in statement["Resource"]
                ):
                    yield f"{name} may write other logs"


def environment_is_the_agreed_one(template):
    for stack in variants(template):
        for name, function in stack.of("Lambda::Function").items():
            found = set(function["Environment"]["Variables"])
            if found != ENVIRONMENT[name]:
                yield f"{name}: too few {ENVIRONMENT[name] - found}, too many {found - ENVIRONMENT[name]}"


def no_secret_in_the_environment(template):
    hidden = {name for name, parameter in template["Parameters"].items() if parameter.get("NoEcho")}
    stack = third_party(template)
    for name, function in stack.of("Lambda::Function").items():
        for variable, value in function["Environment"]["Variables"].items():
            if "resolve:" in str(value) or re.search(r"PASSWORD|TOKEN|ACCESS_KEY|SECRET(?!_ARN$)", variable):
                yield f"{name}: {variable} may hold a secret"
    if hidden:
        yield f"secrets as parameters: {hidden}"


def functions_are_plain(template):
    for stack in variants(template):
        if stack.of("Lambda::Url"):
            yield "there is a function URL"
        for name, function in stack.of("Lambda::Function").items():
            if function["Runtime"] != "provided.al2023" or function["Architectures"] != [stack.parameters["Architecture"]]:
                yield f"{name}: {function['Runtime']} {function['Architectures']}"
    for name in FUNCTIONS:
        written = template["Resources"][name]
        if written["Metadata"].get("BuildMethod") != "rust-cargolambda":
            yield f"{name} is not built by cargo-lambda"
        if written["Metadata"]["BuildProperties"]["Binary"] != written["Properties"]["CodeUri"].rpartition("/")[2]:
            yield f"{name}: binary and package differ"


def outputs_are_there(template):
    return [f"no output {name}" for name in OUTPUTS - Stack(template).outputs.keys()]


def alarms_cover_what_goes_wrong(template):
    stack = Stack(template)
    queues, alarms = stack.of("SQS::Queue"), stack.of("CloudWatch::Alarm")
    watched = {(a.get("MetricName"), d["Value"]) for a in alarms.values() for d in a.get("Dimensions", [])}
    for name, queue in queues.items():
        metric = "ApproximateNumberOfMessagesVisible" if "DeadLetter" in name else "ApproximateAgeOfOldestMessage"
        if (metric, queue["QueueName"]) not in watched:
            yield f"no alarm on {name}"
    groups = {g["LogGroupName"] for g in stack.of("Logs::LogGroup").values()}
    counting = {}
    for name, counter in stack.of("Logs::MetricFilter").items():
        (made,) = counter["MetricTransformations"]
        counting.setdefault(made["MetricName"], set()).add(counter["LogGroupName"])
        # Nothing but this, so that no part of the pattern is passed over.
        values = sorted(re.findall(r'"(\w+)"', counter["FilterPattern"]))
        terms = [f'$.metric = "{value}"' for value in re.findall(r'"(\w+)"', counter["FilterPattern"])]
        if counter["FilterPattern"] != "{ " + " || ".join(f"({term})" for term in terms) + " }":
            yield f"{name}: the pattern is {counter['FilterPattern']}"
        if values != sorted(COUNTED.get(made["MetricName"], ())):
            yield f"{name} counts {values} as {made['MetricName']}"
        watching = [a for a in alarms.values() if a.get("MetricName") == made["MetricName"]]
        if [a["Namespace"] for a in watching] != [made["MetricNamespace"]]:
            yield f"{name}: no alarm on {made['MetricName']}"
    if counting != dict.fromkeys(COUNTED, groups):
        yield f"counted are {counting}"
    for metric in ("Throttles", "Errors"):
        functions = {
            d["Value"]
            for alarm in alarms.values()
            for m in alarm.get("Metrics", [])
            if m.get("MetricStat", {}).get("Metric", {}).get("MetricName") == metric
            for d in m["MetricStat"]["Metric"]["Dimensions"]
        }
        if len(functions) != len(FUNCTIONS):
            yield f"{metric} are counted for {functions} only"
    for stack, notified in ((stack, False), (Stack(template, AlarmEmail="me@example.org"), True)):
        for name, alarm in stack.of("CloudWatch::Alarm").items():
            if bool(alarm.get("AlarmActions")) != notified:
                yield f"{name}: actions {alarm.get('AlarmActions')}"


def counted_lines_are_logged(template):
    """What the alarms count is what the code logs."""
    counted = {
        value
        for counter in Stack(template).of("Logs::MetricFilter").values()
        for value in re.findall(r'"(\w+)"', counter["FilterPattern"])
    }
    logged, errors = set(), set()
    for source in sorted((REPOSITORY / "shared").glob("*/src/**/*.rs")):
        text = source.read_text(encoding="utf-8")
        logged |= set(re.findall(r'\bmetric = "(\w+)"', text))
        errors |= set(re.findall(r'tracing::error!\(\s*metric = "(\w+)"', text))
    if counted - logged:
        yield f"nothing logs {counted - logged}"
    if errors - counted - NOT_COUNTED:
        yield f"no alarm counts {errors - counted - NOT_COUNTED}"


def a_secret_is_named_by_its_whole_arn(template):
    """GetSecretValue finds a secret by a part of its ARN, but the role's Resource would not be that secret."""
    pattern = template["Parameters"]["TargetSecretArn"]["AllowedPattern"]
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
    for text, allowed in {
        "": True,
        f"{arn}target-AbCdE1": True,
        f"{arn}a/b-c-AbCdE1": True,
        f"{arn}targets": False,
        f"{arn}target-AbCdE": False,
        f"{arn}targetAbCdE1": False,
        f"{arn}*-AbCdE1": False,
    }.items():
        if bool(re.search(pattern, text)) != allowed:
            yield f"TargetSecretArn {'refuses' if allowed else 'allows'} {text!r}"


def names_fit_a_stack_name_of_50(template):
    stack = Stack(template)
    limits = {"Lambda::Function": ("FunctionName", 64), "SQS::Queue": ("QueueName", 80)}
    for kind, (key, longest) in limits.items():
        for name, own in stack.of(kind).items():
            if len(own[key]) - len("dap2zarr") + 50 > longest:
                yield f"{name}: {own[key]} leaves no room"


def everything_is_used_and_documented(template):
    readme, operations = README.read_text(encoding="utf-8"), OPERATIONS.read_text(encoding="utf-8")
    rest = str({key: value for key, value in template.items() if key not in ("Parameters", "Metadata")})
    for name in template["Parameters"]:
        if f"`{name}`" not in readme:
            yield f"infra/README.md says nothing of the parameter {name}"
        if f"'{name}'" not in rest and f"${{{name}}}" not in rest:
            yield f"the parameter {name} is not used"
        if not template["Parameters"][name].get("Description"):
            yield f"the parameter {name} has no description"
    for variable in sorted(set().union(*ENVIRONMENT.values())):
        if f"`{variable}`" not in readme:
            yield f"infra/README.md says nothing of {variable}"
    stack = Stack(template)
    for name in stack.outputs:
        if f"`{name}`" not in readme:
            yield f"infra/README.md says nothing of the output {name}"
    for alarm in stack.of("CloudWatch::Alarm").values():
        name = alarm["AlarmName"].removeprefix("dap2zarr-")
        if f"`{name}`" not in operations:
            yield f"infra/operations.md says nothing of the alarm {name}"
    for value in sorted(set().union(*COUNTED.values())):
        if f"`{value}`" not in operations:
            yield f"infra/operations.md says nothing of {value}"
    for parameter in sorted(set(re.findall(r"^\| `([A-Z][A-Za-z]+)` \|", readme, re.MULTILINE))):
        if parameter not in template["Parameters"] and parameter not in stack.outputs:
            yield f"infra/README.md describes {parameter}, which is not there"


ALL = [
    rule
    for name, rule in list(globals().items())
    if callable(rule) and getattr(rule, "__module__", "") == __name__ and not name.startswith("_")
]
