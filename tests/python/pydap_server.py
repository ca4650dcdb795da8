"""Serves a folder of netCDF files over DAP2 with pydap's own server: a second, real implementation to test against.

    pydap_server.py FOLDER [--port N] [--stop-with-stdin] [--escape-das]

Prints `http://127.0.0.1:PORT/` once it listens; FILE.nc in the folder is then the dataset http://127.0.0.1:PORT/FILE.nc.
Stops on SIGTERM, or with --stop-with-stdin when its standard input closes (so it cannot outlive the test that
started it).

What pydap 3.5.9 sends is left as it is but for what makes it unusable; each repair says why.
"""

import argparse
import os
import pathlib
import signal
import sys
import threading

import numpy
import pydap.handlers.netcdf_handler as netcdf_handler
import pydap.responses.das as das_response
from pydap.wsgi.app import DapServer
from werkzeug.serving import WSGIRequestHandler, make_server


def repair_hyperslabs_and_scalars():
    """Makes `LazyVariable.__getitem__` return what was asked for.

    pydap reshapes whatever it has read to the shape of the whole variable, which raises for every slice that is
    smaller than the variable: no hyperslab can be served. It also passes the key `None` for a variable without
    dimensions, which netCDF4 refuses to index with, so no scalar can be served either. Both die after the headers
    have gone out, so a client sees 200 and a body that ends early.
    """

    def getitem(self, key):
        with netcdf_handler.netcdf_file(self.filepath, "r") as source:
            # Numbers as stored. pydap itself masks here, which is harmless, and scales nowhere.
            source.set_auto_maskandscale(False)
            if key is None:
                return numpy.asarray(source[self.path][...]).astype(self.dtype).reshape(1)
            return numpy.asarray(source[self.path][key]).astype(self.dtype)

    netcdf_handler.LazyVariable.__getitem__ = getitem


def escape_das():
    """Makes the DAS text escaped as libdap writes it: `\\"`, `\\\\`, and octal for all but printable ASCII.

    pydap escapes nothing, and answers 500 when an attribute is not ASCII (it catches UnicodeDecodeError where
    UnicodeEncodeError is raised). An attribute with a quotation mark makes netCDF-C drop every attribute of the
    dataset. Off by default, so that the unescaped text is what most files are tested with.
    """
    plain_encode = das_response.encode

    def encode(value):
        if not isinstance(value, str):
            return plain_encode(value)
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"%s"' % "".join(chr(byte) if 32 <= byte < 127 else "\\%03o" % byte for byte in quoted.encode())

    das_response.encode = encode


class OneAtATime:
    """Answers one request at a time, with the whole body made before the status is sent.

    HDF5 as built into netCDF4's wheels is not thread safe: two requests reading netCDF-4 files at once kill the
    process. And because pydap makes the body while sending it, an error would otherwise come after a 200; made
    first, it becomes the DAP2 error document it should be, with the cause in it.
    """

    def __init__(self, application):
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ, start_response):
        answer = {}

        def remember(status, headers, exc_info=None):
            answer.update(status=status, headers=headers)

        with self._lock:
            try:
                body = b"".join(self._application(environ, remember))
            except Exception as error:  # whatever pydap raises is what the client should be told
                cause = f"{type(error).__name__}: {error}".replace("\\", "\\\\").replace('"', '\\"')
                body = f'Error {{\n    code = 500;\n    message = "pydap: {cause}";\n}};\n'.encode()
                answer.update(
                    status="500 Internal Server Error",
                    headers=[("Content-Type", "text/plain"), ("Content-Description", "dods_error")],
                )
        headers = [(name, value) for name, value in answer["headers"] if name.lower() != "content-length"]
        start_response(answer["status"], [*headers, ("Content-Length", str(len(body)))])
        return [body]


class QuietHandler(WSGIRequestHandler):
    """HTTP/1.1 with Content-Length, one request per connection; logs a line per request only when asked."""

    protocol_version = "HTTP/1.1"
    # Headers and body go out in two writes; with Nagle's algorithm the second waits for the client's delayed ACK.
    disable_nagle_algorithm = True
    log_requests = False

    def log(self, type, message, *args):
        if self.log_requests:
            print(message % args, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input closes")
    parser.add_argument("--escape-das", action="store_true", help="escape attribute text as libdap does")
    parser.add_argument("--log", action="store_true", help="one line per request on standard error")
    options = parser.parse_args()
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")

    repair_hyperslabs_and_scalars()
    if options.escape_das:
        escape_das()
    QuietHandler.log_requests = options.log
    application = OneAtATime(DapServer(str(options.folder.resolve())))
    server = make_server("127.0.0.1", options.port, application, threaded=True, request_handler=QuietHandler)

    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if options.stop_with_stdin:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
