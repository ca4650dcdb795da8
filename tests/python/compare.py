"""Compares a dataset served over DAP2 with the Zarr store it was converted to, and demands that they are equal.

    compare.py --source-url URL [--source-file FILE.nc] --store PATH_OR_S3URL --format 2|3
               [--endpoint-url U --key K --secret S] [--skipped NAME]... [--foreign-store] [--json]

The source is read by netCDF4's own DAP client. Where that client is wrong, the file behind the server decides, and
the report names the variable and the rule. Exit status: 0 equal, 1 different, 2 could not be compared.
"""

import argparse
import json
import os
import sys
import traceback
import warnings

import xarray

from comparison import rules
from comparison.attributes import FILL, compare_attributes, compare_fill
from comparison.decoded import compare_decoded
from comparison.layout import compare_layout
from comparison.report import Report
from comparison.source import SourceFile, is_left_out, open_client
from comparison.store import Store
from comparison.values import compare_values


def compare(source_url, source_file, store: Store, skipped=(), foreign_store=False) -> Report:
    """Compares everything; see the module's text. `source_file` may be None: the client is then always right."""
    report = Report()
    try:
        store.group()
    except Exception as error:  # zarr-python says "not found" in several types
        report.differ(f"zarr-python cannot open the store from consolidated metadata: {type(error).__name__}: {error}")
        return report
    compare_layout(store, report, foreign_store)

    file = SourceFile(source_file) if source_file else None
    names = _source_names(source_url, file)
    # A skipped group or structure stands for everything in it.
    convertible = [name for name in names if not any(name == each or name.startswith(f"{each}.") for each in skipped)]
    client = open_client(source_url, convertible, everything=not skipped)
    stored = store.dataset(decode_cf=False, create_default_indexes=False)
    arrays = dict(store.group().arrays())

    for name in sorted(each for each in skipped if not any(f"{name}.".startswith(f"{each}.") for name in names)):
        report.differ(f"{name} is listed as skipped, but the source has no such variable")
    for name in sorted(set(skipped) & set(stored.variables)):
        report.differ(f"{name} is listed as skipped, but is in the store")
    for name in sorted(set(stored.variables) - set(names)):
        report.differ(f"{name} is only in the store")

    compare_attributes(
        "dataset", client.raw.attrs, stored.attrs, file.attributes if file else {}, report, bool(file and file.has_groups)
    )
    expected, corrected = {}, False
    for name in convertible:
        if name not in stored.variables:
            report.differ(f"{name} is missing in the store, and is not listed as skipped")
            continue
        expected[name], was_corrected = _compare_variable(
            name, client, stored[name], arrays[name], file, report, foreign_store
        )
        corrected = corrected or was_corrected

    try:
        expected_raw = xarray.Dataset(expected)
    except ValueError as error:
        report.differ(f"the decoded comparison is impossible, sizes contradict each other: {error}")
        return report
    _compare_coordinates(expected_raw, store, report)
    if corrected:
        report.use(rules.CORRECTED_SOURCE, "dataset")
        compare_decoded(lambda: xarray.decode_cf(expected_raw), store, expected_raw, report)
    else:
        compare_decoded(client.open, store, expected_raw, report)
    return report


def _source_names(source_url, file) -> list[str]:
    """Every variable of the source. The file knows them all; the client drops those with a dimension of length 0."""
    if file is not None:
        return list(file.variables)
    return list(xarray.open_dataset(source_url, engine="netcdf4", decode_cf=False, create_default_indexes=False).variables)


def _compare_variable(name, client, stored, array, file, report, foreign_store):
    """Compares one variable; returns it as it should be before decoding, and whether the client was corrected."""
    in_file = file.variables.get(name) if file else None
    file_attributes = in_file.attributes if in_file else {}
    values = client.values(name) if name in client.raw.variables else None
    if name in client.raw.variables:
        dimensions, attributes = client.raw[name].dims, dict(client.raw[name].attrs)
    else:
        dimensions, attributes = in_file.dimensions, dict(in_file.attributes)

    if stored.dims != dimensions:
        report.differ(f"{name}: dimensions are {stored.dims} in the store, {dimensions} in the source")
    found = stored.values
    corrected = compare_values(name, values, found, in_file, report)
    attributes_wanted = compare_attributes(name, attributes, stored.attrs, file_attributes, report, bool(file and file.has_groups))
    fill = compare_fill(name, found.dtype, attributes, array, file_attributes, report, foreign_store)
    if fill is not None:
        attributes_wanted[FILL] = fill
    elif FILL in attributes:
        corrected = True  # the client shows a fill value that the source does not have
    kept = {key: value for key, value in attributes.items() if not is_left_out(key)}
    corrected = corrected or set(kept) != set(attributes_wanted) or any(
        attributes_wanted[key] is not value for key, value in kept.items() if key != FILL
    )
    use_found = corrected or values is None or values.shape != found.shape
    return (dimensions, found if use_found else values, attributes_wanted), corrected


def _compare_coordinates(expected_raw, store, report):
    """Without decoding of values, the same variables must be coordinates on both sides."""
    options = {"decode_times": False, "mask_and_scale": False}
    wanted = set(xarray.decode_cf(expected_raw, **options).coords)
    found = set(store.dataset(**options).coords)
    if wanted != found:
        report.differ(f"coordinates are {sorted(found)} in the store, {sorted(wanted)} in the source")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source-url", required=True)
    parser.add_argument("--source-file", help="the netCDF file behind the server; without it the client decides")
    parser.add_argument("--store", required=True, help="a folder or s3://bucket/key")
    parser.add_argument("--format", required=True, choices=["2", "3"], dest="zarr_format")
    parser.add_argument("--endpoint-url")
    parser.add_argument("--key", default=os.environ.get("AWS_ACCESS_KEY_ID"))
    parser.add_argument("--secret", default=os.environ.get("AWS_SECRET_ACCESS_KEY"))
    parser.add_argument("--skipped", action="append", default=[], metavar="NAME", help="listed as not converted")
    parser.add_argument("--foreign-store", action="store_true", help="written by another program: no provenance asked")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    options = parser.parse_args()

    warnings.simplefilter("ignore")  # xarray's advice on decoding is not what is asked here
    store = Store(options.store, int(options.zarr_format), options.endpoint_url, options.key, options.secret)
    try:
        report = compare(options.source_url, options.source_file, store, options.skipped, options.foreign_store)
    except Exception as error:
        traceback.print_exc()
        print(f"could not be compared: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report.as_json()) if options.json else report.as_text())
    return 0 if report.equal else 1


if __name__ == "__main__":
    sys.exit(main())
