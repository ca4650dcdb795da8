"""Converts real netCDF files through a real server and compares every one: the table of real files.

    real_files.py --bin DAP2ZARR --work FOLDER [--endpoint-url URL --bucket NAME] [--twice] [--only FILE.nc]...

Each netCDF file of iris-sample-data, and of ../shared/data where that exists, is served by pydap and converted to
Zarr v2 and v3, into a folder and (with --endpoint-url, where something else serves S3) into a bucket. Every store
is compared with its source by compare.py. With --twice each folder is converted again with another concurrency, and
the two must be equal byte for byte. Exit status 1 if anything is not.

The endpoint's credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import warnings

import iris_sample_data

from compare import compare
from comparison import rules
from comparison.report import Report
from comparison.source import Client, SourceFile, server_error
from comparison.store import Store

HERE = pathlib.Path(__file__).resolve().parent
SHARED_DATA = HERE.parents[2] / "shared" / "data"
NETCDF_MAGIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF")
CONVERSION_TIMEOUT_SECONDS = 300


@dataclasses.dataclass
class Case:
    """One conversion: a file as one server serves it, into one format and target."""

    name: str
    path: pathlib.Path
    url: str
    zarr_format: int
    target: str  # "folder" or "s3"
    server_error: str | None = None


@dataclasses.dataclass
class Settings:
    bin: str
    work: pathlib.Path
    endpoint_url: str | None
    bucket: str | None
    twice: bool


@dataclasses.dataclass
class Row:
    case: Case
    report: Report
    verdict: str
    skipped: list[str] = dataclasses.field(default_factory=list)


class ConversionFailed(Exception):
    """dap2zarr ended with a failure; the text is what it said."""


def real_files() -> list[pathlib.Path]:
    """Every real netCDF file there is here, by content rather than by name."""
    candidates = sorted(pathlib.Path(iris_sample_data.path).rglob("*.nc"))
    if SHARED_DATA.is_dir():
        candidates += sorted(SHARED_DATA.glob("*.nc"))
    else:
        print("SKIPPED: ../shared/data is not here; only the files of iris-sample-data are converted", flush=True)
    files = []
    for path in candidates:
        if path.read_bytes()[:4] in NETCDF_MAGIC:
            files.append(path)
        else:
            print(f"SKIPPED: {path.name} is not netCDF", flush=True)
    return files


def start_server(folder, *flags):
    """Starts our pydap on a folder; returns the process and its URL. It stops when we do."""
    command = [sys.executable, str(HERE / "pydap_server.py"), str(folder), "--stop-with-stdin", *flags]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()
    if not url:
        raise SystemExit("pydap did not start")
    return process, url


def convert(settings, url, target, zarr_format, state, concurrency, *options):
    """Runs `dap2zarr convert`; returns what it printed as JSON."""
    command = [settings.bin, "convert", url, str(target), "--format", f"v{zarr_format}", "--json"]
    command += ["--state-dir", str(state), "--concurrency", str(concurrency), *options]
    if str(target).startswith("s3://"):
        command += ["--endpoint-url", settings.endpoint_url]
        # The folder's stores have one chunk an array; these have many, with edges.
        command += ["--chunk-bytes", "50kB", "--request-bytes", "30kB"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=CONVERSION_TIMEOUT_SECONDS)
    if answer.returncode != 0:
        said = " ".join((answer.stderr.strip() or answer.stdout.strip()).split())
        raise ConversionFailed(f"exit status {answer.returncode}: {said[-500:]}")
    try:
        return json.loads(answer.stdout)
    except json.JSONDecodeError:
        return json.loads(answer.stdout.strip().splitlines()[-1])


def run_case(case: Case, settings: Settings) -> Row:
    """Converts and compares; whatever goes wrong becomes a difference of the row."""
    warnings.simplefilter("ignore")
    label = f"{case.name}-v{case.zarr_format}-{case.target}".replace(" ", "-")
    folder = settings.work / label
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if case.server_error:
        return run_unservable(case, settings, folder)
    target = folder / "store.zarr" if case.target == "folder" else f"s3://{settings.bucket}/{label}.zarr"
    report, skipped = Report(), []
    try:
        summary = convert(settings, case.url, target, case.zarr_format, folder / "state", 4)
        skipped = [each["name"] for each in summary.get("skipped", [])]
        credentials = (os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY"))
        endpoint = settings.endpoint_url if case.target == "s3" else None
        report = compare(case.url, case.path, Store(target, case.zarr_format, endpoint, *credentials), skipped)
        check_skipped(case.path, summary.get("skipped", []), report)
        if settings.twice and case.target == "folder":
            again = folder / "again.zarr"
            convert(settings, case.url, again, case.zarr_format, folder / "state-again", 1)
            compare_bytes(target, again, report)
    except ConversionFailed as error:
        report.differ(f"dap2zarr failed, {error}")
    except Exception as error:
        report.differ(f"{type(error).__name__}: {' '.join(str(error).split())[:500]}")
    return Row(case, report, "equal" if report.equal else "DIFFERENT", skipped)


def run_unservable(case, settings, folder) -> Row:
    """The server cannot describe this file: netCDF's client and dap2zarr must both fail, or lose what is missing."""
    report = Report()
    report.note(f"server: {case.server_error}")
    try:
        client = Client(case.url)
    except OSError as error:
        report.note(f"the netCDF client fails as well: {error}")
    else:
        if client.raw.attrs or any(variable.attrs for variable in client.raw.variables.values()):
            report.differ("the netCDF client reads a dataset with attributes where the server answers with an error")
        report.note("the netCDF client opens it, without one attribute")
    try:
        # The server gives the same answer however often it is asked.
        convert(settings, case.url, folder / "store.zarr", case.zarr_format, folder / "state", 4, "--retries", "1")
        report.differ("dap2zarr converted it, although the server answers with an error")
    except ConversionFailed as error:
        report.note(f"dap2zarr refuses it: {error}")
    return Row(case, report, "server cannot" if report.equal else "DIFFERENT")


def check_skipped(path, skipped, report):
    """Only what has no numbers may be skipped, and with a reason."""
    file = SourceFile(path)
    for each in skipped:
        if not each.get("reason"):
            report.differ(f"{each['name']} is skipped without a reason")
        variable = file.variables.get(each["name"])
        if variable is not None and variable.values is not None:
            report.differ(f"{each['name']} is skipped ({each.get('reason')}), but the file has numbers for it")


def compare_bytes(first, second, report):
    """Two conversions of one source must be the same bytes, but for who made them when."""
    keys = {str(path.relative_to(root)) for root in (first, second) for path in root.rglob("*") if path.is_file()}
    for key in sorted(keys):
        if not ((first / key).is_file() and (second / key).is_file()):
            report.differ(f"object {key} is in one of two conversions only")
        elif _without_provenance(first / key) != _without_provenance(second / key):
            report.differ(f"object {key} differs between two conversions")


def _without_provenance(path):
    content = path.read_bytes()
    if path.name not in ("zarr.json", ".zattrs", ".zmetadata"):
        return content
    document = json.loads(content)
    for holder in (document, document.get("attributes", {}), document.get("metadata", {}).get(".zattrs", {})):
        holder.pop("dap2zarr", None)
    return json.dumps(document)  # in the order of the document: that must be the same as well


def make_cases(files, plain_url, escaped_url, targets) -> list[Case]:
    cases = []
    for path in files:
        url = plain_url + path.name
        name, error = path.name, server_error(url)
        if error:
            cases.append(Case(name, path, url, 3, "folder", error))
            # The attributes alone are the problem: pydap with its DAS escaped can serve the file.
            url, name = escaped_url + path.name, f"{path.name} (DAS escaped)"
            if server_error(url):
                continue
        cases += [Case(name, path, url, zarr_format, target) for zarr_format in (2, 3) for target in targets]
    return cases


def print_table(rows):
    header = ("file", "zarr", "target", "variables", "chunks", "bytes", "verdict", "rules used; skipped variables")
    lines = [header]
    for row in rows:
        remarks = [f"{rule} ×{len(subjects)}" for rule, subjects in sorted(row.report.rules_used.items())]
        if row.skipped:
            remarks.append(f"skipped: {', '.join(row.skipped)}")
        numbers = (row.report.variables, row.report.chunks, row.report.stored_bytes)
        lines.append((row.case.name, f"v{row.case.zarr_format}", row.case.target, *map(str, numbers), row.verdict, "; ".join(remarks)))
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    for line in lines:
        cells = [cell.rjust(width) if cell.isdigit() else cell.ljust(width) for cell, width in zip(line, widths)]
        print("  ".join([*cells, line[-1]]).rstrip())

    used = sorted({rule for row in rows for rule in row.report.rules_used})
    if used:
        print("\nrules:")
    for rule in used:
        count = sum(len(row.report.rules_used.get(rule, [])) for row in rows)
        print(f"  {rule}, {count} times: {rules.MEANING[rule]}")
    for row in rows:
        for line in [*row.report.differences, *row.report.notes]:
            kind = "DIFFERENT" if line in row.report.differences else "note"
            print(f"{kind}: {row.case.name} v{row.case.zarr_format} {row.case.target}: {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.environ.get("DAP2ZARR_BIN"), help="the dap2zarr command (or DAP2ZARR_BIN)")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder for stores, states and links")
    parser.add_argument("--endpoint-url", help="an S3 endpoint that is running")
    parser.add_argument("--bucket", default="real-files", help="a bucket of it that exists")
    parser.add_argument("--only", action="append", metavar="FILE.nc", help="this file only; may be repeated")
    parser.add_argument("--twice", action="store_true", help="convert folders twice and compare the bytes")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the rows to this file as well")
    options = parser.parse_args()
    if not options.bin:
        parser.error("--bin or DAP2ZARR_BIN is needed")

    files = [path for path in real_files() if not options.only or path.name in options.only]
    served = options.work / "served"
    shutil.rmtree(served, ignore_errors=True)
    served.mkdir(parents=True)
    for path in files:
        (served / path.name).symlink_to(path)
    targets = ["folder", "s3"] if options.endpoint_url else ["folder"]
    if not options.endpoint_url:
        print("SKIPPED: no --endpoint-url, so nothing is converted into a bucket", flush=True)

    settings = Settings(
        shutil.which(options.bin) or options.bin, options.work, options.endpoint_url, options.bucket, options.twice
    )
    plain, plain_url = start_server(served)
    escaped, escaped_url = start_server(served, "--escape-das")
    try:
        cases = make_cases(files, plain_url, escaped_url, targets)
        # Processes of their own: the netCDF client has crashed on servers' answers before.
        pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
        with pool:
            rows = list(pool.map(run_case, cases, [settings] * len(cases)))
    finally:
        for process in (plain, escaped):
            process.stdin.close()
            process.wait()

    print_table(rows)
    failed = [row for row in rows if not row.report.equal]
    if options.json:
        lines = [
            {"file": row.case.name, "format": row.case.zarr_format, "target": row.case.target, "verdict": row.verdict,
             "skipped": row.skipped, **row.report.as_json()}
            for row in rows
        ]
        options.json.write_text(json.dumps(lines, indent=1) + "\n")
    print(f"\n{len(rows) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
