"""Every allowance the comparison makes, by name. Anything else that differs is a difference."""

FILL_BASE64 = "fill-value-base64"
FILL_IN_ZARRAY = "fill-value-in-zarray"
FILL_UNREPRESENTABLE = "fill-value-unrepresentable"
NON_FINITE = "non-finite-attribute-as-string"
NAN_MISSING_VALUE = "nan-missing-value-dropped"
STRING_LIST = "string-list"
UNSIGNED_VALUES = "unsigned-lost-by-client"
UNSIGNED_ATTRIBUTE = "unsigned-attribute-lost-by-client"
BYTE_SCALAR = "byte-scalar-misread-by-client"
CLIENT_CANNOT_READ = "client-cannot-read"
CLIENT_DIFFERS_FROM_FILE = "client-differs-from-file"
ESCAPED_NAME = "client-shows-escaped-name"
GROUPS_MERGED = "client-merges-groups"
FLOAT32_DECODING = "float32-scale"
CORRECTED_SOURCE = "decoded-from-corrected-source"

MEANING = {
    FILL_BASE64: "v3 float _FillValue is stored as base64 of the little-endian float64, as xarray reads it",
    FILL_IN_ZARRAY: "v2 _FillValue is stored as fill_value of .zarray, as xarray reads it",
    FILL_UNREPRESENTABLE: "the source file's _FillValue does not fit the variable's type, so it masks nothing; "
    "the netCDF client returns uninitialised memory for it; the store must have no _FillValue",
    NON_FINITE: 'JSON has no NaN: a non-finite attribute is the string "NaN", "Infinity" or "-Infinity"',
    NAN_MISSING_VALUE: "a NaN missing_value masks nothing that is not NaN already, and is dropped",
    STRING_LIST: "the netCDF client joins a list of strings with newlines; the source file has the list",
    UNSIGNED_VALUES: "the netCDF client reads Byte, UInt16 and UInt32 as signed; the source file decides",
    UNSIGNED_ATTRIBUTE: "the netCDF client reads unsigned attributes as signed; the source file decides",
    BYTE_SCALAR: "the netCDF client takes the last byte of pydap's Byte scalar, which holds it in the first; "
    "the source file decides",
    CLIENT_CANNOT_READ: "the netCDF client cannot read this variable; the source file decides",
    CLIENT_DIFFERS_FROM_FILE: "client and store differ, and the store equals the source file",
    ESCAPED_NAME: "the netCDF client shows an attribute's name as it was escaped for the way (%20); the source file has "
    "the name, and so has the store",
    GROUPS_MERGED: "the file has groups, and the netCDF client shows an attribute of a group's variable on another "
    "variable or on the dataset; neither the source file nor the store has it there",
    FLOAT32_DECODING: "decoded in float64; equal after casting attributes to float32 (JSON has no float32)",
    CORRECTED_SOURCE: "decoded from the source as corrected by the other rules, not by opening the URL",
}
