"""Reads IDX files, the format in which MNIST and its relatives are distributed.

An IDX file is a magic number of four bytes (zero, zero, element type, number of
dimensions), each dimension as a big-endian 32-bit integer, then the elements, big-endian,
last index fastest (Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "The IDX
file format").
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import DataError

# Second half of the magic number's meaning: the third byte names the type of the elements.
ELEMENT_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

_GZIP_MAGIC = b"\x1f\x8b"
_GET_IT_AGAIN = "fetch the file again"


def read_idx(path: Path | str) -> npt.NDArray[Any]:
    """Read an IDX file, gzipped or not.

    Whether the file is gzipped is read from its first bytes, not from its name.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    ndarray
        Read-only, in the machine's byte order, of the type and shape the file names.

    Raises
    ------
    DataError
        The file is missing, cannot be read, is not gzip or IDX although it begins like it,
        is shorter or longer than its header says, or names an unknown element type.
    """
    path = Path(path)
    content = _content(path)
    if len(content) < 4:
        raise DataError(
            f"{path}: holds {len(content)} bytes, too few for an IDX file; {_GET_IT_AGAIN}"
        )
    zeros, type_code, dimensions = struct.unpack_from(">HBB", content)
    if zeros != 0:
        raise DataError(
            f"{path}: wrong magic number 0x{content[:4].hex()}; an IDX file begins with two zero "
            f"bytes; {_GET_IT_AGAIN}"
        )
    if type_code not in ELEMENT_TYPES:
        allowed = ", ".join(f"0x{code:02x}" for code in ELEMENT_TYPES)
        raise DataError(
            f"{path}: wrong element type 0x{type_code:02x} in the magic number; allowed are "
            f"{allowed}; {_GET_IT_AGAIN}"
        )
    if dimensions == 0:
        raise DataError(
            f"{path}: wrong number of dimensions, 0, in the magic number; at least 1 is needed; "
            f"{_GET_IT_AGAIN}"
        )
    header_size = 4 + 4 * dimensions
    if len(content) < header_size:
        raise DataError(
            f"{path}: truncated inside its header, {len(content)} of {header_size} bytes; "
            f"{_GET_IT_AGAIN}"
        )
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    element_type = np.dtype(ELEMENT_TYPES[type_code])
    size = header_size + math.prod(shape) * element_type.itemsize
    size_text = f"{len(content)} bytes where the header's shape {list(shape)} needs {size}"
    if len(content) < size:
        raise DataError(f"{path}: truncated, {size_text}; {_GET_IT_AGAIN}")
    if len(content) > size:
        raise DataError(f"{path}: trailing bytes, {size_text}; {_GET_IT_AGAIN}")
    elements = np.frombuffer(content, dtype=element_type, offset=header_size)
    native = elements.astype(element_type.newbyteorder("="), copy=False)
    native.flags.writeable = False
    # numpy holds at most 32 (from version 2 on 64) dimensions, an IDX header up to 255.
    try:
        return native.reshape(shape)
    except ValueError as error:
        raise DataError(
            f"{path}: wrong number of dimensions, {dimensions}, in the magic number; numpy cannot "
            f"hold that many; {_GET_IT_AGAIN}"
        ) from error


def read_images(path: Path | str) -> npt.NDArray[np.uint8]:
    """Read an IDX file of grey-scale images: unsigned bytes, shape [images, rows, columns].

    Raises
    ------
    DataError
        As `read_idx`; also when the elements are not unsigned bytes, the dimensions not three,
        or there is no pixel in the file.
    """
    return _unsigned_bytes(Path(path), dimensions=3, content="images [images, rows, columns]")


def read_labels(path: Path | str) -> npt.NDArray[np.uint8]:
    """Read an IDX file of labels: unsigned bytes, shape [labels].

    Raises
    ------
    DataError
        As `read_idx`; also when the elements are not unsigned bytes, the dimensions not one,
        or there is no label in the file.
    """
    return _unsigned_bytes(Path(path), dimensions=1, content="labels [labels]")


def _unsigned_bytes(path: Path, *, dimensions: int, content: str) -> npt.NDArray[np.uint8]:
    array = read_idx(path)
    if array.dtype != np.uint8:
        raise DataError(
            f"{path}: wrong element type, {array.dtype}; {content} must be unsigned bytes (0x08); "
            "give the file the data set is distributed with"
        )
    if array.ndim != dimensions:
        raise DataError(
            f"{path}: wrong number of dimensions, {array.ndim} (shape {list(array.shape)}); "
            f"{content} need {dimensions}; check that images and labels are not exchanged"
        )
    if array.size == 0:
        raise DataError(f"{path}: empty, shape {list(array.shape)}; {_GET_IT_AGAIN}")
    return array


def _content(path: Path) -> bytes:
    """The bytes of a file, decompressed if they begin as a gzip file does."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); a readable file is needed"
        ) from error
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except EOFError as error:
        raise DataError(f"{path}: truncated gzip file; {_GET_IT_AGAIN}") from error
    except (OSError, zlib.error, struct.error) as error:
        raise DataError(f"{path}: corrupt gzip file ({error}); {_GET_IT_AGAIN}") from error
