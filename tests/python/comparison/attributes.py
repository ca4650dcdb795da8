"""Attributes, value for value and type for type, and the fill value, which Zarr keeps elsewhere."""

import base64
import math
import struct
import urllib.parse

import numpy

from . import rules
from .layout import PROVENANCE
from .report import Report
from .source import is_left_out

FILL = "_FillValue"


def as_python(value):
    """A client's attribute as JSON would hold it: int, float (float32 widened), str, or a list of them."""
    if isinstance(value, numpy.ndarray):
        return [as_python(each) for each in value] if value.ndim else as_python(value[()])
    if isinstance(value, numpy.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [as_python(each) for each in value]
    return value


def _spelled(value):
    """Non-finite numbers as the strings the store holds; everything else as it is."""
    if isinstance(value, list):
        return [_spelled(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def same(left, right) -> bool:
    """Equal in type and in every bit: 1 is not 1.0, and 0.0 is not -0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    return left == right


def _is_nan(value) -> bool:
    return isinstance(value, (float, numpy.floating)) and math.isnan(value)


def _unsigned(client_value, file_value):
    """The client's signed numbers as the file's unsigned ones, where the bits are the same; else None."""
    client, source = numpy.asarray(client_value), numpy.asarray(file_value)
    if client.dtype.kind != "i" or source.dtype.kind != "u" or client.shape != source.shape:
        return None
    seen = client.view(f"u{client.dtype.itemsize}")
    return as_python(seen) if numpy.array_equal(seen, source) else None


def compare_attributes(
    subject: str, expected: dict, stored: dict, file: dict, report: Report, file_has_groups: bool = False
) -> dict:
    """Compares the attributes of one variable, or of the dataset, but for `_FillValue`.

    Returns the expected attributes as corrected by the file where a rule said so.
    """
    stored = {name: value for name, value in stored.items() if name != FILL}
    if subject == "dataset":
        stored.pop(PROVENANCE, None)
    corrected = {}
    for name, value in expected.items():
        if name == FILL or is_left_out(name):
            continue
        decoded = urllib.parse.unquote(name)
        if name not in file and decoded in file and decoded not in expected:
            report.use(rules.ESCAPED_NAME, f"{subject}.{decoded}")
            name = decoded
        label = f"{subject}.{name}"
        corrected[name] = value
        if name == "missing_value" and _is_nan(value):
            if name in stored:
                report.differ(f"attribute {label} is NaN in the source and must be dropped, store has {stored.pop(name)!r}")
            else:
                report.use(rules.NAN_MISSING_VALUE, label)
            continue
        if name not in stored and file_has_groups and name not in file:
            del corrected[name]
            report.use(rules.GROUPS_MERGED, label)
            continue
        if name not in stored:
            report.differ(f"attribute {label} is missing in the store, source has {as_python(value)!r}")
            continue
        found = stored.pop(name)
        plain = as_python(value)
        wanted = _spelled(plain)
        if same(found, wanted):
            if not same(plain, wanted):
                report.use(rules.NON_FINITE, label)
        elif name in file and same(found, _unsigned(value, file[name])):
            report.use(rules.UNSIGNED_ATTRIBUTE, label)
            corrected[name] = file[name]
        elif name in file and _is_joined(value, file[name]) and found == list(file[name]):
            report.use(rules.STRING_LIST, label)
            corrected[name] = list(file[name])
        else:
            report.differ(
                f"attribute {label} is {found!r} ({type(found).__name__}) in the store, "
                f"{wanted!r} ({type(wanted).__name__}) in the source"
            )
    for name, value in stored.items():
        report.differ(f"attribute {subject}.{name} is only in the store: {value!r}")
    return corrected


def _is_joined(client_value, file_value) -> bool:
    return (
        isinstance(client_value, str)
        and isinstance(file_value, (list, tuple))
        and client_value == "\n".join(map(str, file_value))
    )


def compare_fill(name, dtype, expected: dict, array, file: dict, report: Report, foreign_store: bool):
    """Compares the CF fill value with what the format's readers take it from.

    Returns the fill that a reader should apply, in the variable's type, or None.
    """
    attributes = array.attrs.asdict()
    stored = array.metadata.fill_value
    zarr_format = array.metadata.zarr_format
    wanted = _wanted_fill(name, dtype, expected, file, report)

    if zarr_format == 2:
        if FILL in attributes:
            report.differ(f"{name}: _FillValue is in .zattrs, readers of v2 take it from .zarray")
        if wanted is None:
            # Zero, or anything else but null, would be masked by xarray.
            if stored is not None:
                report.differ(f"{name}: fill_value is {stored!r} in .zarray, the source has none (null)")
        elif stored is None or not _same_fill(stored, wanted):
            report.differ(f"{name}: fill_value is {stored!r} in .zarray, _FillValue of the source is {wanted!r}")
        else:
            report.use(rules.FILL_IN_ZARRAY, name)
        return wanted

    found = attributes.get(FILL)
    if wanted is None:
        if found is not None:
            report.differ(f"{name}: attribute _FillValue is {found!r}, the source has none")
        return None
    if dtype.kind == "f":
        encoded = base64.b64encode(struct.pack("<d", float(wanted))).decode()
        if _is_nan(wanted) and isinstance(found, str) and _decodes_to_nan(found):
            report.use(rules.FILL_BASE64, name)
        elif found != encoded:
            report.differ(f"{name}: attribute _FillValue is {found!r}, expected {encoded!r} for {wanted!r}")
        else:
            report.use(rules.FILL_BASE64, name)
    elif not same(found, int(wanted)):
        report.differ(f"{name}: attribute _FillValue is {found!r}, expected {int(wanted)!r}")
    # GDAL takes no-data from fill_value; xarray, which ignores it in v3, writes something else there.
    if not foreign_store and not _same_fill(stored, wanted):
        report.differ(f"{name}: fill_value is {stored!r} in zarr.json, _FillValue of the source is {wanted!r}")
    return wanted


def _wanted_fill(name, dtype, expected, file, report):
    """The source's `_FillValue` in the variable's type, or None where it has none that can occur in the data."""
    if FILL in file and not _fits(file[FILL], dtype):
        report.use(rules.FILL_UNREPRESENTABLE, name)
        return None
    if FILL not in expected:
        return None
    value = numpy.asarray(expected[FILL])
    if dtype.kind == "u" and value.dtype.kind == "i" and value.dtype.itemsize == dtype.itemsize:
        if FILL in file and as_python(value) != as_python(numpy.asarray(file[FILL])):
            report.use(rules.UNSIGNED_ATTRIBUTE, f"{name}.{FILL}")
        return value.view(dtype)[()]
    return value.astype(dtype)[()]


def _fits(value, dtype) -> bool:
    """Whether a fill value can be one of the variable's values."""
    if dtype.kind == "f":
        return True
    number = float(numpy.asarray(value).item())
    if not math.isfinite(number) or number != int(number):
        return False
    limits = numpy.iinfo(dtype)
    return limits.min <= int(number) <= limits.max


def _same_fill(stored, wanted) -> bool:
    stored = numpy.asarray(stored)
    if stored.dtype.kind not in "iuf":
        return False
    stored = stored.astype(numpy.asarray(wanted).dtype)[()]
    return (_is_nan(stored) and _is_nan(wanted)) or stored.tobytes() == numpy.asarray(wanted).tobytes()


def _decodes_to_nan(text) -> bool:
    try:
        return math.isnan(struct.unpack("<d", base64.b64decode(text, validate=True))[0])
    except (ValueError, struct.error):
        return False
