"""The peer of the bench: an OPeNDAP dataset to Zarr v2 with xarray and dask, as well as it can be done.

    peer.py --source URL --store s3://BUCKET/NAME.zarr --endpoint-url URL --scheduler threads|processes
            [--chunks time=72,lat=354,lon=354] [--workers 2]

Each Zarr chunk is one dask chunk, so it is read by one constrained request and written once. Values are copied as
stored (nothing is masked or scaled, which would only cost time), compressed with blosc-lz4 level 5 and byte shuffle,
and empty chunks are written without being looked for. Prints `{"work_seconds": ...}`: the time from opening the
source to the last byte stored, without the start of Python and its imports.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import time

import cloudpickle
import dask
import numcodecs
import xarray


_held = []


def hold(pickled):
    """Keeps the source open in a worker process, which would otherwise open it again for every chunk."""
    # The first chunk opens it; its file manager closes it only when the last reference in the process goes.
    _held.append(cloudpickle.loads(pickled))


def scheduling(options, lazy):
    """dask's configuration for one of the two schedulers."""
    if options.scheduler == "threads":
        return {"scheduler": "threads", "num_workers": options.workers}
    pool = concurrent.futures.ProcessPoolExecutor(
        options.workers,
        mp_context=multiprocessing.get_context("spawn"),  # a fork would share the netCDF library's state
        initializer=hold,
        initargs=(cloudpickle.dumps(lazy),),
    )
    return {"scheduler": "processes", "pool": pool, "num_workers": options.workers}


def open_source(source, chunks):
    return xarray.open_dataset(
        source, engine="netcdf4", chunks=chunks, decode_times=False, mask_and_scale=False, decode_coords=False
    )


def copy(dataset, store, chunks, storage_options):
    """Converts the whole dataset; the computation runs under dask's current scheduler."""
    encoding = {
        name: {
            "compressors": numcodecs.Blosc(cname="lz4", clevel=5, shuffle=numcodecs.Blosc.SHUFFLE),
            "chunks": tuple(min(chunks.get(dimension, size), size) for dimension, size in variable.sizes.items()),
        }
        for name, variable in dataset.data_vars.items()
        if variable.ndim
    }
    dataset.to_zarr(
        store,
        mode="w",
        zarr_format=2,
        consolidated=True,
        encoding=encoding,
        write_empty_chunks=True,
        storage_options=storage_options,
    )


def parse_chunks(text):
    return {name: int(length) for name, length in (part.split("=") for part in text.split(","))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--endpoint-url", required=True)
    parser.add_argument("--scheduler", choices=["threads", "processes"], required=True)
    parser.add_argument("--chunks", type=parse_chunks, default=parse_chunks("time=72,lat=354,lon=354"))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    storage_options = {
        "key": os.environ["AWS_ACCESS_KEY_ID"],
        "secret": os.environ["AWS_SECRET_ACCESS_KEY"],
        "client_kwargs": {"endpoint_url": options.endpoint_url, "region_name": "us-east-1"},
        # Checksums in trailers cost a second encoding of the body, and not every endpoint reads them.
        "config_kwargs": {"request_checksum_calculation": "when_required"},
    }
    started = time.perf_counter()
    dataset = open_source(options.source, options.chunks)
    with dask.config.set(scheduling(options, dataset)):
        copy(dataset, options.store, options.chunks, storage_options)
    print(json.dumps({"work_seconds": time.perf_counter() - started}))


if __name__ == "__main__":  # worker processes import this file
    main()
