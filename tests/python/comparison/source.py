"""The source, seen two ways: through netCDF4's own DAP client, and in the file the server serves.

The client is the reference, as long as it is right. The file is asked only where client and store differ.
"""

import dataclasses
import urllib.error
import urllib.request

import netCDF4
import numpy
import xarray

# DAP2 has no Int8 and no 64-bit integers; pydap serves them as these, whatever the values are.
SERVED_AS = {"int8": "int16", "int64": "int32", "uint64": "uint32"}


def is_left_out(attribute: str) -> bool:
    """Attributes that servers and clients make up about the transport; exactly these are not converted."""
    return attribute in ("_ChunkSizes", "string_length", "dimName") or attribute.startswith("DODS")


@dataclasses.dataclass
class FileVariable:
    dimensions: tuple[str, ...]
    attributes: dict
    values: numpy.ndarray | None  # None for what has no numeric array: strings, compounds, variable lengths

    def as_served(self) -> numpy.ndarray | None:
        """The values in the type DAP2 carries them in."""
        if self.values is None:
            return None
        return self.values.astype(SERVED_AS.get(self.values.dtype.name, self.values.dtype))


class SourceFile:
    """The netCDF file behind the server, read as stored: nothing masked, nothing scaled."""

    def __init__(self, path):
        self.variables: dict[str, FileVariable] = {}
        with netCDF4.Dataset(path) as dataset:
            self.has_groups = bool(dataset.groups)
            dataset.set_auto_maskandscale(False)
            self.attributes = {name: dataset.getncattr(name) for name in dataset.ncattrs()}
            self._read(dataset, "")

    def _read(self, group, prefix):
        for name, variable in group.variables.items():
            numeric = isinstance(variable.datatype, numpy.dtype) and variable.dtype.kind in "iuf"
            values = None
            if numeric:
                # Little-endian, as the store has it: HDF5 and netCDF-3 files may hold either order.
                values = numpy.ma.getdata(numpy.asarray(variable[...]))
                values = values.astype(values.dtype.newbyteorder("="))
            attributes = {each: variable.getncattr(each) for each in variable.ncattrs()}
            self.variables[prefix + name] = FileVariable(variable.dimensions, attributes, values)
        for name, child in group.groups.items():
            self._read(child, f"{prefix}{name}.")


class Client:
    """The dataset as netCDF4's DAP client shows it, one variable failing without the others."""

    def __init__(self, url, names=None):
        """`names` limits it to some variables.

        The client fetches all small variables in one request as soon as the first of them is read, and then none
        of them can be read when one fails. A projection in the URL switches that off.
        """
        self.url = url if names is None else f"{url}?{','.join(names)}"
        self.raw = self.open(decode_cf=False, create_default_indexes=False)

    def open(self, **decoding) -> xarray.Dataset:
        return xarray.open_dataset(self.url, engine="netcdf4", **decoding)

    def values(self, name) -> numpy.ndarray | None:
        """The raw values, or None where the client cannot read them."""
        try:
            return self.raw[name].values
        except (RuntimeError, IndexError, OSError, ValueError):
            return None


def open_client(url, convertible: list[str], everything: bool) -> Client:
    """Opens `url`: the plain way if all of it is to be read and can be, else by naming the convertible variables."""
    if everything:
        client = Client(url)
        if all(client.values(name) is not None for name in client.raw.variables):
            return client
    present = Client(url).raw.variables
    return Client(url, [name for name in convertible if name in present] or None)


def server_error(url) -> str | None:
    """What the server says instead of the dataset's structure or attributes, or None if it sends both."""
    for suffix in (".dds", ".das"):
        try:
            with urllib.request.urlopen(url + suffix, timeout=60) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            text = " ".join(error.read(2000).decode("utf-8", "replace").split())
            return f"{suffix} answers {error.code}: {text}"
    return None

