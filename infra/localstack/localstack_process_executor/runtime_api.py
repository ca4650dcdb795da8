"""The Lambda Runtime API for one execution environment, on a loopback port of its own.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. An environment handles one invocation at a time, so
there is one slot: `offer` fills it, `GET next` takes from it, `POST response` or `POST error` ends the invocation.
"""

import json
import queue
import select
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_RESPONSE = 6 * 1024 * 1024 + 100
PREFIX = "/2018-06-01/runtime"
ACCEPTED = b'{"status":"OK"}'


def error_document(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class Invocation:
    """One call of the function. The first to finish it decides: the process, its end, or the time-out."""

    def __init__(self, request_id: str, headers: dict[str, str], body: bytes):
        self.request_id = request_id
        self.headers = headers
        self.body = body
        self.taken = False
        self.on_taken: Callable[[], None] | None = None
        self.payload = b""
        self.outcome = ""
        self._done = threading.Event()
        self._lock = threading.Lock()

    def finish(self, outcome: str, payload: bytes) -> bool:
        """Says whether this call is the one that ended it."""
        with self._lock:
            if self._done.is_set():
                return False
            self.outcome, self.payload = outcome, payload
            self._done.set()
            return True

    def wait(self, seconds: float) -> bool:
        return self._done.wait(max(seconds, 0))


class Session:
    """What belongs to one process. A restart gets a new one, so that a handler still waiting on behalf of the
    previous process can never take an invocation meant for the next."""

    def __init__(self):
        self.initialised = threading.Event()  # by the first GET next, an init error, or the end of the process
        self.ready = False
        self.init_error: bytes | None = None
        self.current: Invocation | None = None
        self.slot: queue.Queue[Invocation] = queue.Queue()
        self.over = False

    def offer(self, invocation: Invocation) -> None:
        self.current = invocation
        self.slot.put(invocation)

    def end(self) -> None:
        self.over = True
        self.initialised.set()


class RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"127.0.0.1:{self.server_port}"
        self.session = Session()
        threading.Thread(target=self.serve_forever, name=f"lambda-runtime-api-{self.server_port}", daemon=True).start()

    def new_session(self) -> Session:
        self.session.end()
        self.session = Session()
        return self.session

    def close(self) -> None:
        self.session.end()
        # shutdown() waits for the accept loop to come round, up to half a second; nobody needs to wait with it.
        threading.Thread(target=self._close, name="lambda-runtime-api-close", daemon=True).start()

    def _close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A process that is killed resets its connection; that is no news worth a traceback."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: RuntimeApi

    def do_GET(self):
        if self.path != f"{PREFIX}/invocation/next":
            return self._refuse(404, "NotFound", self.path)
        invocation = self._next(self.server.session)
        if invocation is None:
            self.close_connection = True
            return None
        return self._reply(200, invocation.body, invocation.headers)

    def do_POST(self):
        session = self.server.session
        body = self._body()
        if self.path == f"{PREFIX}/init/error":
            session.init_error = body
            session.initialised.set()
            return self._reply(202, ACCEPTED)
        request_id, _, verb = self.path.removeprefix(f"{PREFIX}/invocation/").partition("/")
        invocation = session.current
        if invocation is None or invocation.request_id != request_id or verb not in ("response", "error"):
            return self._refuse(400, "InvalidRequestID", "Invalid request ID")
        if verb == "response" and len(body) > MAX_RESPONSE:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
            invocation.finish("error", error_document("Function.ResponseSizeTooLarge", message))
            return self._refuse(413, "RequestEntityTooLarge", message)
        # The reply comes first: the process is back at GET next while LocalStack handles the result.
        self._reply(202, ACCEPTED)
        return invocation.finish("ok" if verb == "response" else "error", body)

    def _next(self, session: Session) -> Invocation | None:
        """Waits for an invocation; gives up when the process or the server has gone."""
        session.ready = True
        session.initialised.set()
        while not session.over and self._client_is_there():
            try:
                invocation = session.slot.get(timeout=0.5)
            except queue.Empty:
                continue
            if not self._client_is_there():
                return None  # killed while it was idle; the invocation is untouched, and another process gets it
            invocation.taken = True
            if invocation.on_taken:
                invocation.on_taken()
            return invocation
        return None

    def _client_is_there(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        if not readable:
            return True
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []  # a streamed response comes in chunks
        while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b"\n", b""):
            pass  # trailers
        return b"".join(parts)

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, kind: str, message: str) -> None:
        self._reply(status, error_document(kind, message))

    def log_message(self, *args):
        """LocalStack's log has better things to say than one line for each request."""
