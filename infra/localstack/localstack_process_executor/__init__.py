"""Runs LocalStack's Lambda functions as plain processes of the host, without Docker.

LocalStack finds this package through the entry points in pyproject.toml:

- `plugin.py`, `executor.py`: the runtime executor `process`; `process.py` starts and ends the processes,
  `runtime_api.py` speaks the Lambda Runtime API with them;
- `sqs.py`: SQS event source mappings that run several batches at once, up to MaximumConcurrency;
- `invocations.py`, `calls.py`, `faults.py`: for tests: measurements, a record of AWS calls, processes killed to order;
- `hooks.py` puts these in place when LocalStack starts, and ends the processes when it stops.

`python -m localstack_process_executor start|stop|status` (`launcher.py`) runs LocalStack itself.
"""
