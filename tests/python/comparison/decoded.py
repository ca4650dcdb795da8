"""Both sides as a user sees them: masked, scaled, with times."""

import numpy
import xarray

from . import rules
from .report import Report

# Attributes whose type decides the type xarray decodes to, or what it masks.
_DECODING = ("scale_factor", "add_offset", "_FillValue", "missing_value")


def compare_decoded(open_source, store, expected_raw: xarray.Dataset, report: Report):
    """Compares the decoded datasets.

    `open_source` opens the source decoded; `expected_raw` is the source as it was before decoding, whose attributes
    still have their types. `store` is a `Store`.
    """
    source, source_error = _attempt(open_source)
    stored, store_error = _attempt(store.dataset)
    if source is None and stored is None:
        report.note(f"xarray cannot decode the source, nor the store: {source_error}")
        return
    if source is None or stored is None:
        which = "store" if stored is None else "source"
        report.differ(f"xarray cannot decode the {which}, but can the other: {store_error or source_error}")
        return
    float32 = None
    for name in source.variables:
        if name not in stored.variables:
            continue  # already reported as missing
        wanted, found = source[name], stored[name]
        difference = _difference(wanted, found)
        if difference is None:
            continue
        casts = _float32_attributes(expected_raw[name])
        if casts:
            float32 = float32 if float32 is not None else _with_float32(store.dataset(decode_cf=False), expected_raw)
            if _difference(wanted, float32[name]) is None:
                report.use(rules.FLOAT32_DECODING, name)
                continue
        report.differ(f"decoded {name}: {difference}")
    if set(source.coords) != set(stored.coords):
        report.differ(f"decoded coordinates are {sorted(stored.coords)}, source has {sorted(source.coords)}")


def _attempt(open_dataset):
    try:
        return open_dataset(), None
    except (ValueError, TypeError, OverflowError, KeyError) as error:
        return None, " ".join(str(error).split())[:300]


def _float32_attributes(variable) -> list[str]:
    return [name for name in _DECODING if isinstance(variable.attrs.get(name), numpy.float32)]


def _with_float32(raw: xarray.Dataset, expected: xarray.Dataset) -> xarray.Dataset:
    """Our side decoded with the float32 attributes of the source as float32 again."""
    raw = raw.copy()
    for name in raw.variables:
        if name in expected.variables:
            for attribute in _float32_attributes(expected[name]):
                if attribute in raw[name].attrs:
                    raw[name].attrs[attribute] = numpy.float32(raw[name].attrs[attribute])
    return xarray.decode_cf(raw)


def _difference(wanted, found) -> str | None:
    """One line on how two decoded variables differ, or None. NaN equals NaN; otherwise every bit counts."""
    if wanted.dtype != found.dtype:
        return f"type is {found.dtype} in the store, {wanted.dtype} in the source"
    if wanted.dims != found.dims or wanted.shape != found.shape:
        return f"dimensions are {dict(found.sizes)} in the store, {dict(wanted.sizes)} in the source"
    left, right = numpy.asarray(wanted.values), numpy.asarray(found.values)
    if left.dtype.kind in "f":
        nan_left, nan_right = numpy.isnan(left), numpy.isnan(right)
        if not numpy.array_equal(nan_left, nan_right):
            return f"{int(nan_right.sum())} values are NaN in the store, {int(nan_left.sum())} in the source"
        left, right = numpy.where(nan_left, 0, left), numpy.where(nan_right, 0, right)
        unequal = numpy.asarray(left.view(f"u{left.dtype.itemsize}") != right.view(f"u{right.dtype.itemsize}"))
    elif left.dtype.kind in "mM":
        unequal = left.view("i8") != right.view("i8")  # NaT has a value of its own here
    else:
        unequal = numpy.asarray(left != right)
    if unequal.any():
        return f"{int(unequal.sum())} of {unequal.size} values differ"
    return None
