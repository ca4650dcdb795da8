"""compare.py finds every kind of difference, and allows what its rules allow and no more.

The stores here are written by xarray and then damaged; the source is a netCDF file served by pydap.
"""

import base64
import json
import pathlib
import shutil
import struct
import subprocess
import sys

import netCDF4
import numpy
import pytest
import xarray
import zarr

from compare import compare
from comparison import rules
from comparison.attributes import compare_attributes, compare_fill, same
from comparison.report import Report
from comparison.source import FileVariable, is_left_out
from comparison.store import Store
from comparison.values import compare_values

HERE = pathlib.Path(__file__).parent
PROVENANCE = {"run": "r-1", "time": "2026-01-01T00:00:00Z", "version": "0.1.0"}
NAN_WITH_PAYLOAD = numpy.array([0x7FC00123], "u4").view("f4")


def make_file(path):
    """A file with everything the comparison has a rule for, but strings."""
    random = numpy.random.default_rng(3)
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", None)
        for name, size in (("lat", 5), ("lon", 7)):
            file.createDimension(name, size)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time.calendar = "days since 2000-01-01", "noleap"
        time[:] = numpy.arange(6) + 0.5
        for name in ("lat", "lon"):
            variable = file.createVariable(name, "f4", (name,))
            variable.units = {"lat": "degrees_north", "lon": "degrees_east"}[name]
            variable[:] = numpy.linspace(0, 60, len(file.dimensions[name]))
        packed = file.createVariable("packed", "i2", ("time", "lat", "lon"), fill_value=-32767)
        packed.set_auto_maskandscale(False)
        packed[:] = random.integers(-100, 100, (6, 5, 7))
        packed[0, 0, 0] = -32767
        packed.scale_factor, packed.add_offset = numpy.float32(0.01), numpy.float32(273.15)
        packed.coordinates, packed.valid_range = "height", numpy.array([-100, 100], "i2")
        field = file.createVariable("field", "f4", ("lat", "lon"), fill_value=numpy.float32(1e20))
        field.set_auto_mask(False)
        field[:] = random.random((5, 7))
        field[1, 1], field[2, 2] = numpy.float32(1e20), NAN_WITH_PAYLOAD[0]
        field.missing_value, field.limit = numpy.float32(numpy.nan), numpy.array([0, numpy.inf], "f4")
        height = file.createVariable("height", "f8", ())
        height[...] = 2.0
        flags = file.createVariable("flags", "u1", ("lon",), fill_value=255)
        flags.set_auto_mask(False)
        flags[:] = [0, 1, 127, 128, 255, 254, 6]
        flags.flag_masks = numpy.array([1, 128], "u1")
        code = file.createVariable("code", "u1", ())
        code[...] = 42
        file.title, file.precision = "test", numpy.float32(0.1)
        file.setncattr_string("authors", ["one", "two"])


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    make_file(folder / "small.nc")
    with subprocess.Popen(
        [sys.executable, HERE / "pydap_server.py", folder, "--stop-with-stdin"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:
        yield server.stdout.readline().strip() + "small.nc", folder / "small.nc"
        server.stdin.close()


def write_store(path, source_file, zarr_format):
    """What dap2zarr should make of the file, written by xarray."""
    raw = xarray.open_dataset(source_file, decode_cf=False).load()
    for name in raw.variables:
        if "_FillValue" not in raw[name].attrs:
            raw[name].encoding["_FillValue"] = None
    del raw["field"].attrs["missing_value"]
    raw["field"].attrs["limit"] = [0.0, "Infinity"]
    # pydap's own additions: the lengths of the dimensions, as a container of the data set.
    raw.attrs |= {"dimensions.time": 6, "dimensions.lat": 5, "dimensions.lon": 7, "dap2zarr": PROVENANCE}
    raw.attrs["precision"] = float(numpy.float32("0.1"))
    with zarr.config.set({"array.write_empty_chunks": True}):
        chunks = {"packed": {"chunks": (4, 5, 4)}}
        raw.to_zarr(path, zarr_format=zarr_format, consolidated=True, encoding=chunks)
    for name in ("packed", "field", "flags"):
        fill = raw[name].attrs["_FillValue"]
        if zarr_format == 3:  # xarray leaves fill_value alone in v3; dap2zarr sets it for GDAL
            edit_array(path, zarr_format, name, lambda array, fill=fill: array.update(fill_value=fill.item()))


@pytest.fixture(scope="session")
def pristine(source, tmp_path_factory):
    stores = {zarr_format: tmp_path_factory.mktemp("stores") / f"v{zarr_format}.zarr" for zarr_format in (2, 3)}
    for zarr_format, path in stores.items():
        write_store(path, source[1], zarr_format)
    return stores


@pytest.fixture(params=[2, 3], ids=["v2", "v3"])
def zarr_format(request):
    return request.param


@pytest.fixture
def damaged(pristine, tmp_path, zarr_format):
    """A copy of the good store, for a test to damage."""
    return pathlib.Path(shutil.copytree(pristine[zarr_format], tmp_path / "store.zarr"))


def edit_json(path, edit):
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def edit_array(path, zarr_format, name, edit, own=True, consolidated=True):
    """Edits an array's metadata, in its own document and in the consolidated one."""
    path = pathlib.Path(path)
    if zarr_format == 2:
        if own:
            edit_json(path / name / ".zarray", edit)
        if consolidated:
            edit_json(path / ".zmetadata", lambda document: edit(document["metadata"][f"{name}/.zarray"]))
    else:
        if own:
            edit_json(path / name / "zarr.json", edit)
        if consolidated:
            edit_json(path / "zarr.json", lambda root: edit(root["consolidated_metadata"]["metadata"][name]))


def edit_attributes(path, zarr_format, name, edit):
    """Edits attributes of an array, or of the root when `name` is empty."""
    if zarr_format == 2:
        edit_json(path / name / ".zattrs", edit)
        key = f"{name}/.zattrs" if name else ".zattrs"
        edit_json(path / ".zmetadata", lambda document: edit(document["metadata"][key]))
    elif name:
        edit_array(path, 3, name, lambda array: edit(array["attributes"]))
    else:
        edit_json(path / "zarr.json", lambda root: edit(root["attributes"]))


def write_value(path, name, index, value):
    """Writes the raw bits of one value."""
    array = zarr.open_array(path, path=name, mode="r+")
    values = numpy.array(array[...])
    values[index] = value
    with zarr.config.set({"array.write_empty_chunks": True}):
        array[...] = values


def check(source, path, zarr_format, **options):
    return compare(source[0], source[1], Store(path, zarr_format), **options)


def the_difference(source, path, zarr_format, *words, **options):
    """The one kind of difference that was made is found: every line has all the words."""
    report = check(source, path, zarr_format, **options)
    assert report.differences, "no difference was found"
    for word in words:
        assert any(word in line for line in report.differences), report.differences
    return report.differences


def test_a_good_store_is_equal_and_every_allowance_is_named(source, pristine, zarr_format):
    report = check(source, pristine[zarr_format], zarr_format)
    assert report.differences == []
    assert report.variables == 8 and report.chunks == 4 + 7
    used = {rule: sorted(subjects) for rule, subjects in report.rules_used.items()}
    fill = {2: rules.FILL_IN_ZARRAY, 3: rules.FILL_BASE64}[zarr_format]
    assert used == {
        fill: ["field", "flags", "packed"] if zarr_format == 2 else ["field"],
        rules.NON_FINITE: ["field.limit"],
        rules.NAN_MISSING_VALUE: ["field.missing_value"],
        rules.STRING_LIST: ["dataset.authors"],
        rules.UNSIGNED_VALUES: ["flags"],
        rules.UNSIGNED_ATTRIBUTE: ["flags._FillValue", "flags.flag_masks"],
        rules.BYTE_SCALAR: ["code"],
        rules.FLOAT32_DECODING: ["packed"],
        rules.CORRECTED_SOURCE: ["dataset"],
    }


def test_without_the_file_the_client_decides(source, pristine, zarr_format):
    report = compare(source[0], None, Store(pristine[zarr_format], zarr_format))
    assert any(line.startswith("flags: type is uint8 in the store, int8 in the source") for line in report.differences)


@pytest.mark.parametrize(
    "name, index, value, words",
    [
        ("packed", (5, 4, 6), 1000, ["packed", "1 of 210 values differ", "(5, 4, 6)", "1000", "0x03e8"]),
        ("field", (0, 0), numpy.float32(-0.0), ["field", "1 of 35 values differ", "0x80000000"]),
        # Another NaN is another value.
        ("field", (2, 2), numpy.float32(numpy.nan), ["field", "0x7fc00123"]),
        ("flags", (4,), 254, ["flags", "source file"]),
        ("code", (), 43, ["code"]),
        ("time", (0,), 0.25, ["time"]),
    ],
)
def test_a_changed_value(source, damaged, zarr_format, name, index, value, words):
    write_value(damaged, name, index, value)
    the_difference(source, damaged, zarr_format, *words)


def test_another_type(source, damaged, zarr_format):
    raw = xarray.open_zarr(damaged, decode_cf=False, chunks=None)[["height"]].load().astype("f4")
    raw.attrs = {}
    shutil.rmtree(damaged / "height")
    raw.to_zarr(damaged, mode="a", consolidated=True, zarr_format=zarr_format, encoding={"height": {"_FillValue": None}})
    the_difference(source, damaged, zarr_format, "height", "type is float32 in the store, float64 in the source")


@pytest.mark.parametrize(
    "name, attribute, value, words",
    [
        ("time", "units", "days since 2000-01-02", ["attribute time.units", "2000-01-02"]),
        ("packed", "add_offset", 273, ["packed.add_offset", "(int) in the store", "(float) in the source"]),
        ("packed", "add_offset", "273.15", ["packed.add_offset", "(str) in the store"]),
        # Not widened from float32.
        ("packed", "scale_factor", 0.01, ["packed.scale_factor"]),
        ("packed", "valid_range", [-100], ["packed.valid_range"]),
        ("packed", "valid_range", [-100.0, 100.0], ["packed.valid_range"]),
        ("time", "calendar", ["noleap"], ["time.calendar", "(list) in the store", "(str) in the source"]),
        ("field", "limit", [0.0, "inf"], ["field.limit"]),
        ("field", "missing_value", "NaN", ["field.missing_value", "must be dropped"]),
        ("flags", "flag_masks", [1, 129], ["flags.flag_masks"]),
        ("lat", "extra", 1, ["lat.extra", "only in the store"]),
        ("lat", "_ChunkSizes", 5, ["lat._ChunkSizes", "only in the store"]),
        ("", "title", "other", ["dataset.title"]),
        ("", "authors", ["one", "three"], ["dataset.authors"]),
        ("", "extra", "x", ["dataset.extra", "only in the store"]),
    ],
)
def test_a_changed_attribute(source, damaged, zarr_format, name, attribute, value, words):
    edit_attributes(damaged, zarr_format, name, lambda attributes: attributes.update({attribute: value}))
    the_difference(source, damaged, zarr_format, *words)


@pytest.mark.parametrize("name, attribute", [("time", "units"), ("", "title"), ("flags", "flag_masks")])
def test_a_missing_attribute(source, damaged, zarr_format, name, attribute):
    edit_attributes(damaged, zarr_format, name, lambda attributes: attributes.pop(attribute))
    the_difference(source, damaged, zarr_format, f"{name or 'dataset'}.{attribute} is missing in the store")


def test_another_fill_value(source, damaged, zarr_format):
    if zarr_format == 2:
        edit_array(damaged, 2, "packed", lambda array: array.update(fill_value=-32768))
        edit_array(damaged, 2, "lat", lambda array: array.update(fill_value=0.0))
        the_difference(source, damaged, 2, "packed: fill_value is", "lat: fill_value is", "null")
    else:
        # 1e20 as float64, not rounded to float32 first: it would mask nothing.
        wrong = base64.b64encode(struct.pack("<d", 1e20)).decode()
        edit_attributes(damaged, 3, "field", lambda attributes: attributes.update(_FillValue=wrong))
        edit_attributes(damaged, 3, "packed", lambda attributes: attributes.pop("_FillValue"))
        edit_attributes(damaged, 3, "time", lambda attributes: attributes.update(_FillValue=wrong))
        the_difference(source, damaged, 3, "field: attribute _FillValue", "packed: attribute _FillValue", "time: attribute")


def test_v3_fill_value_beside_the_attribute(source, damaged, zarr_format):
    if zarr_format == 3:
        edit_array(damaged, 3, "packed", lambda array: array.update(fill_value=0))
        the_difference(source, damaged, 3, "packed: fill_value is")
        assert check(source, damaged, 3, foreign_store=True).equal


def test_a_missing_chunk(source, damaged, zarr_format):
    (damaged / "packed" / {2: "1.0.1", 3: "c/1/0/1"}[zarr_format]).unlink()
    the_difference(source, damaged, zarr_format, "packed: 1 of 4 chunk objects are missing")


def test_a_missing_chunk_that_readers_would_fill_with_the_right_values(source, damaged, zarr_format):
    edit_array(damaged, zarr_format, "height", lambda array: array.update(fill_value=2.0))
    (damaged / "height" / {2: "0", 3: "c"}[zarr_format]).unlink()
    the_difference(source, damaged, zarr_format, "height: 1 of 1 chunk objects are missing")


def test_an_object_that_belongs_to_nothing(source, damaged, zarr_format):
    (damaged / "packed" / "leftover.partial").write_bytes(b"x")
    the_difference(source, damaged, zarr_format, "object packed/leftover.partial belongs to no array")


def test_documents_of_the_other_format(source, damaged, zarr_format):
    (damaged / {2: "zarr.json", 3: ".zgroup"}[zarr_format]).write_text('{"zarr_format": %d}' % (5 - zarr_format))
    the_difference(source, damaged, zarr_format, "belongs to no array")


def remove_variable(path, zarr_format, name):
    shutil.rmtree(path / name)
    if zarr_format == 2:
        edit_json(path / ".zmetadata", lambda document: [
            document["metadata"].pop(key) for key in list(document["metadata"]) if key.startswith(f"{name}/")
        ])
    else:
        edit_json(path / "zarr.json", lambda root: root["consolidated_metadata"]["metadata"].pop(name))


def test_a_missing_variable(source, damaged, zarr_format):
    remove_variable(damaged, zarr_format, "code")
    the_difference(source, damaged, zarr_format, "code is missing in the store, and is not listed as skipped")
    assert check(source, damaged, zarr_format, skipped=["code"]).equal


def test_a_skipped_variable_that_is_there_or_never_was(source, damaged, zarr_format):
    the_difference(source, damaged, zarr_format, "code is listed as skipped, but is in the store", skipped=["code"])
    the_difference(source, damaged, zarr_format, "nothing is listed as skipped, but the source", skipped=["nothing"])


def test_an_additional_variable(source, damaged, zarr_format):
    xarray.Dataset({"more": ((), 1)}).to_zarr(damaged, mode="a", consolidated=True, zarr_format=zarr_format)
    the_difference(source, damaged, zarr_format, "more is only in the store")


def test_another_dimension(source, damaged, zarr_format):
    if zarr_format == 2:
        edit_attributes(damaged, 2, "flags", lambda attributes: attributes.update(_ARRAY_DIMENSIONS=["y"]))
    else:
        edit_array(damaged, 3, "flags", lambda array: array.update(dimension_names=["y"]))
    the_difference(source, damaged, zarr_format, "flags: dimensions are ('y',) in the store, ('lon',) in the source")


def test_a_lost_coordinate(source, damaged, zarr_format):
    edit_attributes(damaged, zarr_format, "packed", lambda attributes: attributes.pop("coordinates"))
    the_difference(source, damaged, zarr_format, "packed.coordinates is missing", "coordinates are ['lat'")


def test_v3_dimension_names_in_both_places(source, damaged, zarr_format):
    if zarr_format == 3:
        edit_attributes(damaged, 3, "flags", lambda attributes: attributes.update(_ARRAY_DIMENSIONS=["lon"]))
        the_difference(source, damaged, 3, "flags: _ARRAY_DIMENSIONS shows up as an attribute in v3")


def test_no_consolidated_metadata(source, damaged, zarr_format):
    if zarr_format == 2:
        (damaged / ".zmetadata").unlink()
    else:
        edit_json(damaged / "zarr.json", lambda root: root.pop("consolidated_metadata"))
    the_difference(source, damaged, zarr_format, "cannot open the store from consolidated metadata")


def test_consolidated_metadata_that_says_something_else(source, damaged, zarr_format):
    def edit(array):
        array["compressor" if zarr_format == 2 else "codecs"] = None

    edit_array(damaged, zarr_format, "flags", edit, consolidated=False)
    the_difference(source, damaged, zarr_format, "is not what its own document says")


def test_bare_nan_in_json(source, damaged, zarr_format):
    edit_attributes(damaged, zarr_format, "lat", lambda attributes: attributes.update(units=float("nan")))
    the_difference(source, damaged, zarr_format, "bare NaN in JSON")


@pytest.mark.parametrize("value", [None, {"run": "r"}, {**PROVENANCE, "more": "x"}, {**PROVENANCE, "run": ""}, "text"])
def test_provenance(source, damaged, zarr_format, value):
    edit_attributes(damaged, zarr_format, "", lambda attributes: attributes.update(dap2zarr=value))
    the_difference(source, damaged, zarr_format, "root attribute dap2zarr")
    assert check(source, damaged, zarr_format, foreign_store=True).equal


def test_the_list_of_what_is_left_out():
    left_out = ["_ChunkSizes", "DODS", "DODS.strlen", "DODS_EXTRA.Unlimited_Dimension", "string_length", "dimName"]
    assert all(map(is_left_out, left_out))
    kept = ["ChunkSizes", "_ChunkSize", "dods", "strlen", "dimensions.time", "_Unsigned", "history", "_NCProperties"]
    assert not any(map(is_left_out, kept))


def test_left_out_attributes_are_not_asked_for():
    report = Report()
    compare_attributes("x", {"_ChunkSizes": 3, "DODS.dimName": "n", "units": "m"}, {"units": "m"}, {}, report)
    assert report.equal and report.rules_used == {}


def test_the_client_merges_the_attributes_of_groups():
    report = Report()
    compare_attributes("x", {"path": "/g", "units": "m"}, {"units": "m"}, {"units": "m"}, report, file_has_groups=True)
    assert report.equal and report.rules_used == {rules.GROUPS_MERGED: ["x.path"]}
    # An attribute that the file has is missing, groups or not.
    compare_attributes("x", {"units": "m"}, {}, {"units": "m"}, report, file_has_groups=True)
    assert len(report.differences) == 1


def test_the_client_shows_names_as_they_were_escaped():
    file, report = {"a name": "A1B"}, Report()
    corrected = compare_attributes("x", {"a%20name": "A1B"}, {"a name": "A1B"}, file, report)
    assert report.equal and report.rules_used == {rules.ESCAPED_NAME: ["x.a name"]}
    assert corrected == file
    for stored in ({"a%20name": "A1B"}, {"a name": "E1"}, {}):
        report = Report()
        compare_attributes("x", {"a%20name": "A1B"}, stored, file, report)
        assert not report.equal
    report = Report()
    compare_attributes("x", {"a%20name": "A1B"}, {"a name": "A1B"}, {"a%20name": "A1B"}, report)
    assert not report.equal


def test_what_the_client_cannot_read_is_judged_by_the_file():
    file = FileVariable(("x",), {}, numpy.array([1, 2], "i4"))
    report = Report()
    assert compare_values("x", None, numpy.array([1, 2], "i4"), file, report) and report.equal
    assert report.rules_used == {rules.CLIENT_CANNOT_READ: ["x"]}
    assert not compare_values("x", None, numpy.array([1, 3], "i4"), file, report)
    assert not compare_values("x", None, numpy.array([1, 2], "i4"), None, report)
    assert len(report.differences) == 2


def test_values_that_the_server_narrowed_are_noted():
    file = FileVariable(("x",), {}, numpy.array([1, 2**40], "i8"))
    sent = numpy.array([1, 0], "i4")
    report = Report()
    assert not compare_values("x", sent, sent, file, report)
    assert report.equal and "1 of 2 values do not fit" in report.notes[0]


@pytest.mark.parametrize("fill, kept", [(numpy.nan, False), (1e20, False), (0.5, False), (7.0, True)])
def test_a_fill_value_that_does_not_fit_is_asked_to_be_absent(tmp_path, zarr_format, fill, kept):
    """A float fill on an integer variable: the client returns whatever was in memory."""
    path = tmp_path / "a.zarr"
    array = zarr.create_array(path, shape=(2,), dtype="i2", zarr_format=zarr_format, fill_value=7)
    if zarr_format == 3:
        array.attrs["_FillValue"] = 7
    report = Report()
    arguments = ({"_FillValue": numpy.int16(7)}, array, {"_FillValue": numpy.float64(fill)}, report, True)
    assert compare_fill("x", numpy.dtype("i2"), *arguments) == (7 if kept else None)
    assert report.equal is kept
    assert (rules.FILL_UNREPRESENTABLE in report.rules_used) is not kept


def test_same_is_strict():
    assert same([1, 2.0, "x"], [1, 2.0, "x"]) and same(float("nan"), float("nan"))
    assert not same(1, 1.0) and not same(True, 1) and not same(0.0, -0.0) and not same([1], 1) and not same([1], [1, 2])


@pytest.mark.parametrize("skip", [[], ["--skipped", "code"]])
def test_command_line(source, pristine, zarr_format, skip):
    answer = subprocess.run(
        [sys.executable, HERE / "compare.py", "--source-url", source[0], "--source-file", source[1],
         "--store", pristine[zarr_format], "--format", str(zarr_format), "--json", *skip],
        capture_output=True, text=True,
    )
    assert answer.returncode == (1 if skip else 0), answer.stderr
    assert json.loads(answer.stdout)["equal"] is not bool(skip)
