"""The store's own order: documents, consolidated metadata, dimension names, chunk objects, provenance."""

from .report import Report
from .store import BareNonFinite, Store, planned_chunk_keys

PROVENANCE = "dap2zarr"


def compare_layout(store: Store, report: Report, foreign_store: bool):
    """Checks what needs no source. `foreign_store` allows a store that another program wrote."""
    sizes = store.sizes()
    group = store.group()
    arrays = dict(group.arrays())

    documents = _documents(store, arrays, sizes, report)
    if group.metadata.consolidated_metadata is None:
        report.differ("consolidated metadata is not used: zarr-python finds none")
    _compare_consolidated(store, documents, arrays, report)

    planned = [key for name, array in arrays.items() for key in planned_chunk_keys(name, array)]
    for name, array in arrays.items():
        keys = planned_chunk_keys(name, array)
        missing = [key for key in keys if key not in sizes]
        if missing:
            report.differ(f"{name}: {len(missing)} of {len(keys)} chunk objects are missing, the first is {missing[0]}")
    for key in sorted(set(sizes) - set(planned) - set(documents) - {".zmetadata"}):
        report.differ(f"object {key} belongs to no array of the store")

    report.variables = len(arrays)
    report.chunks = sum(key in sizes for key in planned)
    report.stored_bytes = sum(sizes.values())
    _check_provenance(group, report, foreign_store)


def _documents(store, arrays, sizes, report) -> dict[str, dict]:
    """Reads every metadata document the format calls for; a missing or invalid one is a difference."""
    if store.zarr_format == 2:
        keys = [".zgroup", ".zattrs"] + [f"{name}/{own}" for name in arrays for own in (".zarray", ".zattrs")]
        required = {".zgroup"} | {f"{name}/.zarray" for name in arrays}
    else:
        keys = ["zarr.json"] + [f"{name}/zarr.json" for name in arrays]
        required = set(keys)
    documents = {}
    for key in keys:
        if key not in sizes:
            if key in required:
                report.differ(f"document {key} is missing")
            continue
        try:
            documents[key] = store.document(key)
        except BareNonFinite as error:
            report.differ(f"document {key}: {error}")
            documents[key] = {}
    return documents


def _compare_consolidated(store, documents, arrays, report):
    """The consolidated metadata must say what each array's own document says, and name no other."""
    if store.zarr_format == 2:
        try:
            consolidated = dict(store.document(".zmetadata")["metadata"])
        except (FileNotFoundError, KeyError, BareNonFinite) as error:
            report.differ(f"document .zmetadata: {error!r}")
            return
        own = documents
    else:
        inline = documents["zarr.json"].get("consolidated_metadata") or {}
        consolidated = dict(inline.get("metadata") or {})
        own = {key.removesuffix("/zarr.json"): document for key, document in documents.items() if key != "zarr.json"}
        own = {key: {k: v for k, v in document.items() if k != "consolidated_metadata"} for key, document in own.items()}
        consolidated = {
            key: {k: v for k, v in document.items() if k != "consolidated_metadata"}
            for key, document in consolidated.items()
        }
    for key in sorted(set(own) | set(consolidated)):
        if key not in consolidated:
            report.differ(f"consolidated metadata does not have {key}")
        elif key not in own:
            report.differ(f"consolidated metadata has {key}, which is no document of the store")
        elif own[key] != consolidated[key]:
            report.differ(f"consolidated metadata of {key} is not what its own document says")
    for name in arrays:
        _check_dimension_names(name, store.zarr_format, documents, report)


def _check_dimension_names(name, zarr_format, documents, report):
    """v2 names dimensions in _ARRAY_DIMENSIONS, v3 in dimension_names, and never in both."""
    if zarr_format == 2:
        rank = len(documents.get(f"{name}/.zarray", {}).get("shape", []))
        names = documents.get(f"{name}/.zattrs", {}).get("_ARRAY_DIMENSIONS")
    else:
        document = documents.get(f"{name}/zarr.json", {})
        rank = len(document.get("shape", []))
        names = document.get("dimension_names", [] if rank == 0 else None)
        if "_ARRAY_DIMENSIONS" in document.get("attributes", {}):
            report.differ(f"{name}: _ARRAY_DIMENSIONS shows up as an attribute in v3")
    if not isinstance(names, list) or len(names) != rank or not all(isinstance(each, str) for each in names):
        report.differ(f"{name}: dimension names are {names!r}, expected {rank} strings")


def _check_provenance(group, report, foreign_store):
    if foreign_store:
        return
    provenance = group.attrs.asdict().get(PROVENANCE)
    if not isinstance(provenance, dict):
        report.differ(f"root attribute {PROVENANCE} is {provenance!r}, expected an object")
        return
    if set(provenance) != {"run", "time", "version"}:
        report.differ(f"root attribute {PROVENANCE} has {sorted(provenance)}, expected run, time and version")
    for key, value in provenance.items():
        if not isinstance(value, str) or not value:
            report.differ(f"root attribute {PROVENANCE}: {key} is {value!r}, expected text")
