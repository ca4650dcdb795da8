"""Measures dap2zarr against xarray and dask in one run: the same server, chunks, codec, endpoint and concurrency.

Called by against-peer.sh, which builds what is measured. Contenders take turns in every round; a round's stores are
compared on a sample and then removed. Wall time is the whole process; for the peer, the time without the start of
Python and its imports is measured as well, and the speed ratio uses it, so that it does not count what a long-lived
Python would not pay. Memory is the peak of the sum over the process tree, sampled: PSS for the peer where the system
has it (pages that its processes share count once), and for dap2zarr the larger of that and the kernel's own peak RSS.
"""

import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import numpy
import psutil
import s3fs
import xarray

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE_SECONDS = 0.05
TIMEOUT_SECONDS = 1800
WANTED_SPEED, WANTED_MEMORY = 3.0, 1 / 3
COMPRESSOR = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}


@dataclasses.dataclass
class Measurement:
    contender: str
    round: int
    wall_seconds: float
    work_seconds: float
    peak_bytes: int
    requests: int
    requests_in_flight: int


class MemoryWatch(threading.Thread):
    """Samples the memory of a process and all its descendants until it ends."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self.peak_proportional = 0
        self.peak_resident_kernel = 0

    def run(self):
        while True:
            try:
                if self._root.status() == psutil.STATUS_ZOMBIE:
                    return
                processes = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.peak_proportional = max(self.peak_proportional, sum(map(_proportional, processes)))
            self.peak_resident_kernel = max(self.peak_resident_kernel, _kernel_peak(self._root.pid))
            time.sleep(SAMPLE_SECONDS)


def _proportional(process) -> int:
    try:
        memory = process.memory_full_info()
        return getattr(memory, "pss", memory.rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _kernel_peak(pid) -> int:
    """The largest resident size the kernel has seen, which sampling may miss; 0 where it does not tell."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


class Service:
    """A program that prints its URL as its first line; ended by its own handle."""

    def __init__(self, command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline().strip()
        found = re.search(r"http://\S+", line)
        if not found:
            self.stop()
            raise SystemExit(f"{command[0]} printed {line!r}, expected its URL")
        self.url = found[0].rstrip("/")

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def statistics_of(server_url) -> dict:
    with urllib.request.urlopen(f"{server_url}/_stats", timeout=30) as answer:
        return json.load(answer)


def measure(contender, round_number, command, server_url, work) -> Measurement:
    """Runs one conversion to its end."""
    before = statistics_of(server_url)
    log = work / f"{contender}-{round_number}.log"
    with log.open("w") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        watch = MemoryWatch(process.pid)
        watch.start()
        try:
            output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        except BaseException:
            process.kill()
            raise
        wall = time.perf_counter() - started
    watch.join()
    if process.returncode != 0:
        raise SystemExit(f"{contender} failed with {process.returncode}: {log.read_text()[-2000:]}")
    own = contender == "dap2zarr"
    work_seconds = wall if own else json.loads(output.strip().splitlines()[-1])["work_seconds"]
    peak = max(watch.peak_proportional, watch.peak_resident_kernel) if own else watch.peak_proportional
    after = statistics_of(server_url)
    return Measurement(
        contender, round_number, wall, work_seconds, peak,
        after["dods"] - before["dods"], after.get("max_in_flight", 0),
    )


def check_stores(stores, source_url, chunks, storage_options, seed):
    """All stores have the wanted chunks and codec, and equal the source and each other on a sample of chunks."""
    files = s3fs.S3FileSystem(**storage_options)
    opened = {
        name: xarray.open_zarr(url, zarr_format=2, consolidated=True, chunks=None, decode_cf=False, storage_options=storage_options)
        for name, url in stores.items()
    }
    source = xarray.open_dataset(source_url, engine="netcdf4", decode_cf=False)
    choose = random.Random(seed)
    for name, variable in source.variables.items():
        planned = [min(chunks.get(dimension, size), size) for dimension, size in variable.sizes.items()]
        begin = [choose.randrange(0, size, length) for size, length in zip(variable.shape, planned)]
        # The corner of a chunk is enough: blosc decodes or fails as a whole.
        part = tuple(slice(first, first + 8) for first in begin)
        wanted = variable[part].values
        for contender, dataset in opened.items():
            found = dataset[name].variable[part].values
            if wanted.dtype != found.dtype or wanted.tobytes() != found.tobytes():
                raise SystemExit(f"{contender}: {name}{list(begin)} is not what the source has")
            if variable.ndim < 3:
                continue
            array = json.loads(files.cat_file(f"{stores[contender]}/{name}/.zarray"))
            compressor = {**COMPRESSOR, **(array["compressor"] or {"id": None})}
            if array["chunks"] != planned or compressor != COMPRESSOR:
                raise SystemExit(f"{contender}: {name} has chunks {array['chunks']} and codec {array['compressor']}")


def check_reads(server_url, contender, expected_chunks):
    """Every large chunk was asked for once: by as many different constraints as there are chunks."""
    constraints = [each for each in statistics_of(server_url).get("constraints", []) if each.count("[") >= 3]
    if len(constraints) != len(set(constraints)):
        repeated = len(constraints) - len(set(constraints))
        print(f"warning: {contender} asked {repeated} times for what it had asked for before", file=sys.stderr)
    if len(constraints) != expected_chunks:
        print(f"note: {contender} read {expected_chunks} chunks by {len(constraints)} requests", file=sys.stderr)


def commands(options, endpoint_url, work):
    """How each contender is called, given its server and its target."""

    def dap2zarr(source, target, name):
        chunks = options.chunks
        arguments = shlex.split(options.dap2zarr_arguments.format(chunks=chunks, concurrency=options.workers))
        state = work / f"state-{name}"
        return [options.bin, "convert", source, target, *arguments, "--endpoint-url", endpoint_url, "--state-dir", str(state)]

    def peer(scheduler):
        return lambda source, target, name: [
            sys.executable, str(HERE / "peer.py"), "--source", source, "--store", target, "--endpoint-url", endpoint_url,
            "--scheduler", scheduler, "--chunks", options.chunks, "--workers", str(options.workers),
        ]

    return {"dap2zarr": dap2zarr, "threads": peer("threads"), "processes": peer("processes")}


def run(options, endpoint_url, work) -> list[Measurement]:
    storage_options = {
        "key": os.environ["AWS_ACCESS_KEY_ID"],
        "secret": os.environ["AWS_SECRET_ACCESS_KEY"],
        "use_listings_cache": False,
        "client_kwargs": {"endpoint_url": endpoint_url, "region_name": "us-east-1"},
        "config_kwargs": {"request_checksum_calculation": "when_required"},
    }
    files = s3fs.S3FileSystem(**storage_options)
    chunks = {name: int(length) for name, length in (part.split("=") for part in options.chunks.split(","))}
    contenders = commands(options, endpoint_url, work)
    if options.only:
        contenders = {name: command for name, command in contenders.items() if name in options.only}
    measurements = []
    for round_number in range(1, options.rounds + 1):
        # Whoever goes first finds the colder machine; the order turns with the rounds.
        order = list(contenders)
        order = order[round_number % len(order) :] + order[: round_number % len(order)]
        stores = {name: f"s3://{options.bucket}/{name}-{round_number}.zarr" for name in order}
        for name in order:
            # A server of its own for each run: its counters then tell of this run alone.
            server = Service([options.server, "--port", "0", "--time", str(options.time)])
            try:
                source = f"{server.url}/{options.dataset}"
                command = contenders[name](source, stores[name], f"{name}-{round_number}")
                measurements.append(measure(name, round_number, command, server.url, work))
                check_reads(server.url, name, _large_chunks(source, chunks))
            finally:
                server.stop()
            print(f"round {round_number}: {name} {measurements[-1].work_seconds:.2f} s", file=sys.stderr, flush=True)
        server = Service([options.server, "--port", "0", "--time", str(options.time)])
        try:
            check_stores(stores, f"{server.url}/{options.dataset}", chunks, storage_options, round_number)
        finally:
            server.stop()
        for url in stores.values():
            try:
                files.rm(url, recursive=True)
            except OSError:
                # s3s-fs does not know every way to delete; the next round has stores of its own.
                print(f"{url} stays until the end", file=sys.stderr)
    return measurements


def _large_chunks(source_url, chunks) -> int:
    """How many chunks the arrays of three dimensions have, from the DDS alone."""
    with urllib.request.urlopen(f"{source_url}.dds", timeout=30) as answer:
        text = answer.read().decode()
    arrays = set()
    for name, dimensions in re.findall(r"(\w+)((?:\[\w+ = \d+\]){3,});", text):
        arrays.add((name, tuple(re.findall(r"\[(\w+) = (\d+)\]", dimensions))))
    total = 0
    for _, dimensions in arrays:
        grid = [-(-int(size) // min(chunks.get(name, int(size)), int(size))) for name, size in dimensions]
        total += numpy.prod(grid, dtype=int)
    return int(total)


def summarise(measurements) -> dict:
    """Medians by contender, and the ratios against the faster peer."""
    summary = {}
    for name, group in itertools.groupby(sorted(measurements, key=lambda each: each.contender), lambda each: each.contender):
        group = list(group)
        summary[name] = {
            "wall_seconds": statistics.median(each.wall_seconds for each in group),
            "work_seconds": statistics.median(each.work_seconds for each in group),
            "peak_bytes": statistics.median(each.peak_bytes for each in group),
            "requests": group[-1].requests,
            "requests_in_flight": max(each.requests_in_flight for each in group),
        }
    peers = {name: each for name, each in summary.items() if name != "dap2zarr"}
    result = {"contenders": summary}
    if peers and "dap2zarr" in summary:
        own, faster = summary["dap2zarr"], min(peers, key=lambda name: peers[name]["work_seconds"])
        result["faster_peer"] = faster
        result["speed_ratio"] = peers[faster]["work_seconds"] / own["work_seconds"]
        result["speed_ratio_wall"] = peers[faster]["wall_seconds"] / own["wall_seconds"]
        result["memory_ratio"] = own["peak_bytes"] / peers[faster]["peak_bytes"]
        result["met"] = result["speed_ratio"] >= WANTED_SPEED and result["memory_ratio"] <= WANTED_MEMORY
    return result


def print_summary(result, rounds):
    print(f"median of {rounds} rounds    work s    wall s  peak MB  data requests  most in flight")
    for name, each in result["contenders"].items():
        print(
            f"{name:20} {each['work_seconds']:9.2f} {each['wall_seconds']:9.2f} {each['peak_bytes'] / 1e6:8.0f}"
            f" {each['requests']:14} {each['requests_in_flight']:15}"
        )
    if "met" in result:
        print(f"speed:  {result['speed_ratio']:.2f} times {result['faster_peer']} (wanted: at least {WANTED_SPEED:.0f};"
              f" by whole processes {result['speed_ratio_wall']:.2f})")
        print(f"memory: {result['memory_ratio']:.3f} of {result['faster_peer']} (wanted: at most {WANTED_MEMORY:.3f})")
        print("met" if result["met"] else "NOT MET")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="the dap2zarr command, a release build")
    parser.add_argument("--server", required=True, help="dap2zarr-test-dap-server, a release build")
    parser.add_argument("--endpoint-url", help="an S3 endpoint that is running")
    parser.add_argument("--endpoint-command", help="what starts one and prints its URL, where none is running")
    parser.add_argument("--bucket", default="bench")
    parser.add_argument("--dataset", default="prism")
    parser.add_argument("--time", type=int, default=144, help="months of the dataset")
    parser.add_argument("--chunks", default="time=72,lat=354,lon=354")
    parser.add_argument("--workers", type=int, default=2, help="requests in flight")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", help="a contender; may be repeated")
    parser.add_argument(
        "--dap2zarr-arguments",
        default="--format v2 --codec blosc:lz4:5:shuffle --chunks {chunks} --concurrency {concurrency} --json",
        help="what `dap2zarr convert` is called with besides source, target, endpoint and state",
    )
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    if bool(options.endpoint_url) == bool(options.endpoint_command):
        parser.error("one of --endpoint-url and --endpoint-command is needed")
    options.bin = shutil.which(options.bin) or options.bin
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testtest")
    os.environ.setdefault("AWS_REGION", "us-east-1")

    with tempfile.TemporaryDirectory(prefix="dap2zarr-bench-") as work:
        endpoint = None
        if options.endpoint_command:
            (objects := pathlib.Path(work) / "objects").mkdir()
            command = shlex.split(options.endpoint_command)
            endpoint = Service([*command, "--root", str(objects), "--bucket", options.bucket])
        try:
            measurements = run(options, endpoint.url if endpoint else options.endpoint_url, pathlib.Path(work))
        finally:
            if endpoint:
                endpoint.stop()
    result = summarise(measurements)
    print_summary(result, options.rounds)
    if options.json:
        result["measurements"] = [dataclasses.asdict(each) for each in measurements]
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if result.get("met", True) else 1


if __name__ == "__main__":
    sys.exit(main())
