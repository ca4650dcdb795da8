"""Values bit for bit, with the source file as judge where client and store differ."""

import numpy

from . import rules
from .report import Report


def identical(left: numpy.ndarray, right: numpy.ndarray) -> bool:
    """Same type, shape and bytes: NaN payloads and the sign of zero count."""
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


def compare_values(name, client, stored, file, report: Report) -> bool:
    """Compares one variable.

    `client` is None where the netCDF client cannot read it; `file` is the `FileVariable` behind it, or None.
    Returns whether a rule replaced the client's values by the file's.
    """
    served = None if file is None else file.as_served()
    if client is not None and identical(client, stored):
        if served is not None and not identical(served, stored):
            report.note(f"{name}: the server sends other values than the file has ({first_difference(served, stored)})")
        elif file is not None and file.values is not None and file.values.dtype != stored.dtype:
            _note_narrowing(name, file.values, stored, report)
        return False

    if served is None:
        reason = "there is no file to judge" if file is None else "the file has no numbers for it"
        if client is None:
            report.differ(f"{name}: the netCDF client cannot read it, and {reason}")
        else:
            report.differ(f"{name}: {describe(client, stored)} ({reason})")
        return False
    if not identical(served, stored):
        seen = "the netCDF client cannot read it" if client is None else f"client: {describe(client, stored)}"
        report.differ(f"{name}: {seen}; source file: {describe(served, stored)}")
        return False
    report.use(_why(client, stored), name)
    _note_narrowing(name, file.values, stored, report)
    return True


def _why(client, stored) -> str:
    if client is None:
        return rules.CLIENT_CANNOT_READ
    same_width = client.dtype.itemsize == stored.dtype.itemsize and client.shape == stored.shape
    if stored.dtype.kind == "u" and client.dtype.kind == "i" and same_width:
        if client.tobytes() == stored.tobytes():
            return rules.UNSIGNED_VALUES
        if stored.dtype == numpy.uint8 and stored.ndim == 0:
            return rules.BYTE_SCALAR
    return rules.CLIENT_DIFFERS_FROM_FILE


def _note_narrowing(name, in_file, stored, report):
    if in_file.dtype == stored.dtype:
        return
    lost = int((in_file != stored.astype(in_file.dtype)).sum())
    loss = "no value changed" if lost == 0 else f"{lost} of {in_file.size} values do not fit and are changed by the server"
    report.note(f"{name}: {in_file.dtype} in the file, served and stored as {stored.dtype}: {loss}")


def describe(expected, stored) -> str:
    """One line on how two arrays differ."""
    if expected.dtype != stored.dtype:
        return f"type is {stored.dtype} in the store, {expected.dtype} in the source"
    if expected.shape != stored.shape:
        return f"shape is {stored.shape} in the store, {expected.shape} in the source"
    return first_difference(expected, stored)


def first_difference(expected, stored) -> str:
    """How many elements differ, and the first of them with its bits."""
    if expected.dtype != stored.dtype or expected.shape != stored.shape:
        return describe(expected, stored)
    width = expected.dtype.itemsize
    left = numpy.ascontiguousarray(expected).reshape(-1).view(numpy.uint8).reshape(-1, width)
    right = numpy.ascontiguousarray(stored).reshape(-1).view(numpy.uint8).reshape(-1, width)
    unequal = numpy.flatnonzero((left != right).any(axis=1))
    if unequal.size == 0:
        return "no element differs"
    index = tuple(int(each) for each in numpy.unravel_index(unequal[0], expected.shape))
    return (
        f"{unequal.size} of {expected.size} values differ, the first at {index}: "
        f"{stored[index]!r} (0x{right[unequal[0]][::-1].tobytes().hex()}) in the store, "
        f"{expected[index]!r} (0x{left[unequal[0]][::-1].tobytes().hex()}) in the source"
    )
