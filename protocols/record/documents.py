"""The JSON documents that make a folder a zarr v3 group or array, and arrays of one chunk.

They follow the Zarr core specification version 3.0. zarr itself would write the same, at one
to nine milliseconds a call which the training loop would wait for (they hold the interpreter
lock). Chunks are not compressed, so a chunk is the bytes of its values in C order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import RecordError
from protocols.record.files import replace_file

DOCUMENT = "zarr.json"
_CODECS = [{"name": "bytes", "configuration": {"endian": "little"}}]
_KINDS = "biufc"
_ITEM_BYTES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}


def storable_dtype(dtype: np.dtype[Any], where: str) -> np.dtype[Any]:
    """Return the little-endian form of a dtype, or ``RecordError`` if zarr v3 has none for it."""
    if dtype.kind not in _KINDS or dtype.itemsize not in _ITEM_BYTES[dtype.kind]:
        raise RecordError(
            f"{where}: an array of {dtype} cannot be recorded; use booleans, integers, "
            "float16 to float64 or complex numbers of those"
        )
    return dtype.newbyteorder("<")


def group_document(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Document of a group."""
    return {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes)}


def array_document(
    shape: Sequence[int],
    dtype: np.dtype[Any],
    *,
    chunks: Sequence[int],
    dimension_names: Sequence[str],
    attributes: Mapping[str, Any],
) -> dict[str, Any]:
    """Document of an array; what was never written reads as NaN, zero or false."""
    fill: Any = {"b": False, "i": 0, "u": 0, "f": "NaN", "c": ["NaN", "NaN"]}[dtype.kind]
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunks)}},
        # Chunks of one array lie in one folder: no folder has to be made while recording.
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": fill,
        "codecs": _CODECS,
        "attributes": dict(attributes),
        "dimension_names": list(dimension_names),
        "storage_transformers": [],
    }


def write_document(folder: Path, document: Mapping[str, Any], *, durable: bool = False) -> None:
    """Make an existing folder the group or array the document describes."""
    text = json.dumps(document, allow_nan=False)
    replace_file(folder / DOCUMENT, text.encode(), durable=durable)


def read_document(folder: Path) -> dict[str, Any]:
    """Read the document of a group or array.

    Raises
    ------
    FileNotFoundError
        If there is none.
    RecordError
        If it is damaged.
    """
    path = folder / DOCUMENT
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise RecordError(f"{path} is damaged ({error}); restore it from a copy") from error
    if not isinstance(document, dict) or not isinstance(document.get("attributes"), dict):
        raise RecordError(f"{path} is damaged (no zarr document); restore it from a copy")
    return document


def document_dtype(document: Mapping[str, Any]) -> np.dtype[Any]:
    """Dtype of an array's values in its chunks."""
    return np.dtype(str(document["data_type"])).newbyteorder("<")


def chunk_file(folder: Path, index: int | None, dimensions: int) -> Path:
    """File of the chunk at ``index`` along the first dimension; ``None`` for a scalar."""
    if index is None or dimensions == 0:
        return folder / "c"
    return folder / ".".join(["c", str(index), *["0"] * (dimensions - 1)])


def write_array(
    folder: Path, values: npt.NDArray[Any], dimension_names: Sequence[str], where: str
) -> memoryview:
    """Write an array as one chunk into a new folder; return the bytes of the chunk."""
    dtype = storable_dtype(values.dtype, where)
    stored = np.asarray(values, dtype=dtype, order="C")
    data = stored.reshape(-1).view(np.uint8).data
    folder.mkdir(parents=True)
    if stored.size:
        (chunk_file(folder, 0, stored.ndim)).write_bytes(data)
    document = array_document(
        stored.shape,
        dtype,
        chunks=[max(length, 1) for length in stored.shape],
        dimension_names=dimension_names,
        attributes={},
    )
    (folder / DOCUMENT).write_text(json.dumps(document), encoding="utf-8")
    return data


def read_array(folder: Path) -> npt.NDArray[Any]:
    """Read an array of one chunk; ``ValueError`` or ``OSError`` if it is not whole."""
    document = read_document(folder)
    shape = tuple(document["shape"])
    dtype = document_dtype(document)
    data = b"" if 0 in shape else chunk_file(folder, 0, len(shape)).read_bytes()
    # A copy in the machine's own byte order, which may be changed.
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
