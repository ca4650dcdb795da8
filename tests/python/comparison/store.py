"""The converted store, on a folder or on an S3 endpoint: its objects, and the readers that open it."""

import json
import math

import fsspec
import xarray
import zarr


class BareNonFinite(ValueError):
    """A JSON document holds NaN or Infinity bare, which JSON does not have and strict readers refuse."""


def _refuse_constant(name):
    raise BareNonFinite(f"bare {name} in JSON")


class Store:
    """A Zarr store at a path or `s3://bucket/key` URL."""

    def __init__(self, location, zarr_format, endpoint_url=None, key=None, secret=None):
        self.location = str(location).rstrip("/")
        self.zarr_format = zarr_format
        self._options = None
        if self.location.startswith("s3://"):
            self._options = {
                "key": key,
                "secret": secret,
                # What a folder listing said a moment ago must not answer for what the store holds now.
                "use_listings_cache": False,
                "client_kwargs": {"endpoint_url": endpoint_url, "region_name": "us-east-1"},
                "config_kwargs": {"response_checksum_validation": "when_required"},
            }
        self._files = fsspec.filesystem("s3" if self._options else "file", **(self._options or {}))
        self._root = self.location.removeprefix("s3://") if self._options else self.location

    def sizes(self) -> dict[str, int]:
        """Every object's length in bytes, by its key below the root of the store."""
        root = self._root if self._options else self._files._strip_protocol(self._root)
        # Not `find`, which lists a bucket with an empty delimiter: s3s-fs then answers with the prefix alone.
        files = [entry for _, _, files in self._files.walk(root, detail=True) for entry in files.values()]
        return {entry["name"][len(root) :].lstrip("/"): entry["size"] for entry in files}

    def document(self, key) -> dict:
        """A metadata document, parsed as strictly as the strictest reader."""
        return json.loads(self._files.cat_file(f"{self._root}/{key}"), parse_constant=_refuse_constant)

    def group(self) -> zarr.Group:
        """The root group as zarr-python opens it, which fails where there is no consolidated metadata."""
        return zarr.open_group(
            self.location,
            mode="r",
            zarr_format=self.zarr_format,
            use_consolidated=True,
            storage_options=self._options,
        )

    def dataset(self, **decoding) -> xarray.Dataset:
        """The store as xarray opens it from the consolidated metadata; nothing is loaded lazily through dask."""
        return xarray.open_zarr(
            self.location,
            zarr_format=self.zarr_format,
            consolidated=True,
            chunks=None,
            storage_options=self._options,
            **decoding,
        )


def planned_chunk_keys(name: str, array: zarr.Array) -> list[str]:
    """The key of every chunk object the array's grid calls for."""
    object_shape = array.shards or array.chunks
    grid = [math.ceil(size / length) for size, length in zip(array.shape, object_shape)]
    keys = []
    for flat in range(math.prod(grid)):
        index = []
        for length in reversed(grid):
            flat, position = divmod(flat, length)
            index.append(position)
        keys.append(f"{name}/{array.metadata.encode_chunk_key(tuple(reversed(index)))}")
    return keys
