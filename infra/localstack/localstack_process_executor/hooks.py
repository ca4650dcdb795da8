"""What happens when LocalStack starts and stops."""

import logging
import os
import signal
import sys
import threading

from localstack.runtime import hooks

from localstack_process_executor import settings

LOG = logging.getLogger(__name__)

STOP_SECONDS = 15


@hooks.on_infra_start()
def start():
    from localstack import config

    from localstack_process_executor import calls

    if settings.STOP_WITH_STDIN:
        threading.Thread(target=_stop_with_stdin, name="stop-with-stdin", daemon=True).start()
    if settings.S3_STORAGE:
        _move_s3_storage()
    calls.install()
    if config.LAMBDA_RUNTIME_EXECUTOR == "process":
        from localstack_process_executor import sqs

        sqs.install()


@hooks.on_infra_shutdown()
def stop():
    # Only if a function was ever run: importing the executor now would be a strange thing to do.
    if executor := sys.modules.get("localstack_process_executor.executor"):
        executor.stop_all()
    threading.Thread(target=_leave, name="leave", daemon=True).start()


def _leave():
    """Leaves as soon as LocalStack has shut down. Python would go on waiting for LocalStack's threads, and one that was
    loading a service or calling the server that has just gone keeps it for half a minute or for ever."""
    from localstack.runtime import get_current_runtime

    runtime = get_current_runtime()
    if not runtime.stopped.wait(STOP_SECONDS):
        LOG.error("LocalStack did not shut down within %d s, so it leaves all the same", STOP_SECONDS)
    sys.stdout.flush()
    os._exit(runtime.exit_code if runtime.stopped.is_set() else 1)


def _move_s3_storage():
    """Puts the objects of S3 into a folder of this instance. LocalStack has one fixed folder in /tmp, which two
    instances share without knowing, and which nothing empties."""
    from localstack.services.s3 import provider

    settings.S3_STORAGE.mkdir(parents=True, exist_ok=True)
    provider.DEFAULT_S3_TMP_DIR = str(settings.S3_STORAGE)


def _stop_with_stdin():
    """Ends LocalStack when whoever started it has gone, by whatever means: its end of standard input closes then."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
