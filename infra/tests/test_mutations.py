"""The rules of rules.py see what they are made for: each is shown a template that is wrong in one place."""

import pytest
import rules
from stack import TEMPLATE, load

TEXT = TEMPLATE.read_text(encoding="utf-8")

# The rule that must notice, what stands in the template, what is put in its place (everywhere it stands).
MUTATIONS = [
    ("visibility_is_six_times_the_timeout", "VisibilitySeconds: 5460", "VisibilitySeconds: 5399"),
    ("visibility_is_six_times_the_timeout", "MaxValue: 60\n", "MaxValue: 300\n"),
    ("numbers_that_repeat_agree", 'DAP2ZARR_MAX_RECEIVE_COUNT: "5"', 'DAP2ZARR_MAX_RECEIVE_COUNT: "4"'),
    ("numbers_that_repeat_agree", "DAP2ZARR_CHUNK_MEMORY_MB: !Ref ChunkMemoryMb", "DAP2ZARR_CHUNK_MEMORY_MB: 512"),
    ("numbers_that_repeat_agree", "SlowMilliseconds: 270000", "SlowMilliseconds: 300000"),
    ("mappings_bound_concurrency", "ScalingConfig: { MaximumConcurrency: !Ref MaximumConcurrency }", "Enabled: true"),
    ("mappings_bound_concurrency", "MemorySize: !Ref ChunkMemoryMb", "ReservedConcurrentExecutions: 4"),
    ("mappings_bound_concurrency", "FunctionResponseTypes: [ReportBatchItemFailures]", "Enabled: true"),
    ("recursion_detection_is_on", "CodeUri: functions/planner", "CodeUri: functions/planner\n      RecursiveLoop: Allow"),
    ("ticks_are_not_repeated", "MaximumRetryAttempts: 0", "MaximumRetryAttempts: 2"),
    ("queues_have_dead_letter_queues", "MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 604800"),
    ("queues_have_dead_letter_queues", "maxReceiveCount: 5", "maxReceiveCount: 1"),
    ("queues_have_dead_letter_queues", "SqsManagedSseEnabled: true", "DelaySeconds: 0"),
    ("queues_have_dead_letter_queues", "redrivePermission: byQueue", "redrivePermission: allowAll"),
    (
        "policies_refuse_http_and_strangers",
        'Action: sqs:*\n            Resource: !GetAtt ReceiptDeadLetterQueue.Arn\n            Condition: { Bool: { aws:SecureTransport: "false" } }',
        'Action: sqs:*\n            Resource: !GetAtt ReceiptDeadLetterQueue.Arn\n            Condition: { Bool: { aws:SecureTransport: "true" } }',
    ),
    ("policies_refuse_http_and_strangers", "Queues: [!Ref ChunkQueue]", "Queues: [!Ref PlanQueue]"),
    ("policies_refuse_http_and_strangers", 'Action: s3:*', 'Action: s3:GetObject'),
    ("state_bucket_is_closed_and_triggers", "StringEquals: { aws:SourceAccount: !Ref AWS::AccountId }\n", "Null: {}\n"),
    ("state_bucket_is_closed_and_triggers", "RestrictPublicBuckets: true", "RestrictPublicBuckets: false"),
    ("state_bucket_is_closed_and_triggers", "DependsOn: PlanQueuePolicy", "DependsOn: PlanQueue"),
    ("nothing_written_triggers", '"${StateBucket.Arn}/accepted/*"', '"${StateBucket.Arn}/requests/*"'),
    ("roles_have_no_wildcards", "Action: secretsmanager:GetSecretValue", 'Action: "secretsmanager:*"'),
    ("roles_have_no_wildcards", "Resource: !Ref TargetKmsKeyArn", 'Resource: "*"'),
    ("roles_are_separate", "Role: !GetAtt ChunkRole.Arn", "Role: !GetAtt FinalizerRole.Arn"),
    ("functions_reach_their_queues_only", "Resource: !GetAtt ReceiptQueue.Arn", "Resource: !GetAtt PlanQueue.Arn"),
    ("the_chunk_function_deletes_nothing", "Action: [s3:GetObject, s3:PutObject]", "Action: [s3:GetObject, s3:DeleteObject]"),
    ("missing_keys_answer_404", "s3:prefix: [runs/*, targets/*]", "s3:prefix: [targets/*]"),
    ("the_target_is_reached_with_one_set_of_keys", "- RolesReachTarget\n", "- Notifies\n"),
    ("the_target_stays_below_its_prefix", ':${TargetBucket}/${TargetPrefix}/*\n', ":${TargetBucket}/${TargetPrefix}*\n"),
    ("the_target_stays_below_its_prefix", "*.zmetadata", "*"),
    ("functions_have_log_groups", "LogGroup: !Ref ChunkLogGroup", "LogGroup: !Ref PlannerLogGroup"),
    ("environment_is_the_agreed_one", "DAP2ZARR_LOG: !Ref LogLevel", "RUST_LOG: !Ref LogLevel"),
    ("no_secret_in_the_environment", "DAP2ZARR_LOG: !Ref LogLevel", "DAP2ZARR_LOG: '{{resolve:secretsmanager:x}}'"),
    ("functions_are_plain", "Binary: chunk", "Binary: planner"),
    ("outputs_are_there", "  ReceiptQueueUrl:\n", "  ReceiptsUrl:\n"),
    ("alarms_cover_what_goes_wrong", "LogGroupName: !Ref PlannerLogGroup", "LogGroupName: !Ref ChunkLogGroup"),
    ("alarms_cover_what_goes_wrong", "Value: !GetAtt ChunkDeadLetterQueue.QueueName", "Value: !GetAtt ChunkQueue.QueueName"),
    ("alarms_cover_what_goes_wrong", ' || ($.metric = "publish_stuck")', ""),
    ("alarms_cover_what_goes_wrong", ' || ($.metric = "runtime_lost")', ""),
    ("alarms_cover_what_goes_wrong", '($.metric = "panic") || ', '($.metric = "panic") && '),
    ("alarms_cover_what_goes_wrong", "      MetricName: Mistakes\n", "      MetricName: FailedRuns\n"),
    ("alarms_cover_what_goes_wrong", "MetricName: Mistakes, ", "MetricName: Slips, "),
    ("counted_lines_are_logged", '"worker_lost"', '"worker_gone"'),
    ("counted_lines_are_logged", '($.metric = "message_lost") || ', ""),
    ("a_secret_is_named_by_its_whole_arn", "-[A-Za-z0-9]{6})?$", ")?$"),
    ("a_secret_is_named_by_its_whole_arn", "-[A-Za-z0-9]{6})?$", "-[A-Za-z0-9]{6})$"),
    ("names_fit_a_stack_name_of_50", "FunctionName: !Sub ${AWS::StackName}-finalizer", "FunctionName: !Sub ${AWS::StackName}-finalizing-function"),
    ("everything_is_used_and_documented", "  Contact:\n    Type: String\n", "  Unheard:\n    Type: String\n    Default: x\n  Contact:\n    Type: String\n"),
]


@pytest.mark.parametrize(("rule", "old", "new"), MUTATIONS, ids=[f"{n}-{m[0]}" for n, m in enumerate(MUTATIONS)])
def test_a_broken_template_is_noticed(rule, old, new):
    assert old in TEXT, "the mutation has nothing to change any more"
    broken = load(TEXT.replace(old, new))
    assert list(getattr(rules, rule)(broken))


def test_every_rule_is_tested():
    assert {rule.__name__ for rule in rules.ALL} == {rule for rule, _, _ in MUTATIONS}
