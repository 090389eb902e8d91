"""Arrays that grow along their first dimension, and the counters readers trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import RecordError
from protocols.record.documents import (
    array_document,
    chunk_file,
    document_dtype,
    read_document,
    write_document,
)
from protocols.record.files import replace_file, write_file


class Counter:
    """A scalar int64 array: how much of its neighbours counts.

    Parameters
    ----------
    folder
        Folder of the array.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """Make the folder, with a count of zero."""
        self.folder.mkdir()
        document = array_document((), np.dtype("<i8"), chunks=(), dimension_names=(), attributes={})
        write_document(self.folder, document)
        self.write(0)

    def write(self, count: int) -> None:
        """Replace the count."""
        replace_file(chunk_file(self.folder, None, 0), int(count).to_bytes(8, "little"))

    def read(self) -> int:
        """Read the count; ``OSError`` if there is none, ``RecordError`` if it is damaged."""
        path = chunk_file(self.folder, None, 0)
        data = path.read_bytes()
        count = int.from_bytes(data, "little", signed=True)
        if len(data) != 8 or count < 0:
            raise RecordError(f"{path} is damaged ({len(data)} bytes); restore it from a copy")
        return count


class GrowingArray:
    """The writer's side of an array that grows.

    The last chunk is kept in memory, so that it is written anew without being read, and rows
    already written keep every bit. ``length`` counts what was appended, written or not.
    """

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self.folder = folder
        self.row_shape: tuple[int, ...] = tuple(document["shape"][1:])
        self.dtype = document_dtype(document)
        self.length: int = document["shape"][0]
        self._document = document
        self._rows_per_chunk: int = document["chunk_grid"]["configuration"]["chunk_shape"][0]
        self._tail = self._empty_chunk()
        self._tail_changed = False

    @property
    def _told_of(self) -> int:
        """Rows that the shape on the disk tells readers of."""
        length: int = self._document["shape"][0]
        return length

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        row_shape: Sequence[int],
        dtype: npt.DTypeLike,
        rows_per_chunk: int,
        dimension_names: Sequence[str],
        attributes: Mapping[str, Any],
    ) -> GrowingArray:
        """Make the folder of an array without rows."""
        folder.mkdir()
        document = array_document(
            (0, *row_shape),
            np.dtype(dtype).newbyteorder("<"),
            chunks=(rows_per_chunk, *(max(length, 1) for length in row_shape)),
            dimension_names=dimension_names,
            attributes=attributes,
        )
        write_document(folder, document)
        return cls(folder, document)

    @classmethod
    def load(cls, folder: Path) -> GrowingArray:
        """Take up an existing array; ``shorten`` it before anything is appended."""
        return cls(folder, read_document(folder))

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the array."""
        attributes: dict[str, Any] = self._document["attributes"]
        return attributes

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Append rows ``[n, *row_shape]``; chunks that fill up are written at once."""
        done = 0
        while done < len(rows):
            start = self.length % self._rows_per_chunk
            count = min(self._rows_per_chunk - start, len(rows) - done)
            self._tail[start : start + count] = rows[done : done + count]
            self._tail_changed = True
            self.length += count
            done += count
            if start + count == self._rows_per_chunk:
                self._write_tail((self.length - 1) // self._rows_per_chunk)
                self._tail = self._empty_chunk()

    def flush(self) -> None:
        """Write what was appended, then the shape; the counter comes after this."""
        if self._tail_changed:
            self._write_tail(self.length // self._rows_per_chunk)
        self._document["shape"][0] = self.length
        write_document(self.folder, self._document)

    def shorten(self, length: int) -> None:
        """Drop every row from ``length`` on, also those no shape ever told of."""
        index, kept = divmod(length, self._rows_per_chunk)
        path = chunk_file(self.folder, index, self._tail.ndim)
        self._tail = self._empty_chunk()
        if kept:
            data = path.read_bytes()
            if len(data) != self._tail.nbytes:
                raise RecordError(
                    f"{path} is damaged ({len(data)} bytes instead of {self._tail.nbytes}); "
                    "restore it from a copy"
                )
            self._tail[:kept] = np.frombuffer(data, self.dtype).reshape(self._tail.shape)[:kept]
        self.length = length
        self._tail_changed = kept > 0
        self._document["shape"][0] = length
        write_document(self.folder, self._document)
        if kept:
            self._write_tail(index)
        for chunk in self.folder.glob("c.*"):
            if int(chunk.name.split(".")[1]) >= index + (kept > 0):
                chunk.unlink()

    def _write_tail(self, index: int) -> None:
        path = chunk_file(self.folder, index, self._tail.ndim)
        data = self._tail.reshape(-1).view(np.uint8).data
        if self._told_of <= index * self._rows_per_chunk:
            write_file(path, data)
        else:
            replace_file(path, data)
        self._tail_changed = False

    def _empty_chunk(self) -> npt.NDArray[Any]:
        chunks = self._document["chunk_grid"]["configuration"]["chunk_shape"]
        fill = np.nan if self.dtype.kind in "fc" else 0
        return np.full(chunks, fill, dtype=self.dtype)


class Series:
    """Arrays that grow together, and the counter that says how far they count."""

    def __init__(self, counter: Counter, arrays: Sequence[GrowingArray]) -> None:
        self.counter = counter
        self.arrays = tuple(arrays)
        self._committed = counter.read()

    @property
    def length(self) -> int:
        """Rows appended so far."""
        return self.arrays[0].length

    def commit(self) -> bool:
        """Make everything appended count; return whether there was anything."""
        if self.length == self._committed:
            return False
        for array in self.arrays:
            array.flush()
        self.counter.write(self.length)
        self._committed = self.length
        return True

    def lower(self, length: int) -> None:
        """Lower the counter, the first half of shortening."""
        self.counter.write(length)
        self._committed = length

    def shorten(self) -> None:
        """Shorten the arrays to the counter, the second half."""
        for array in self.arrays:
            array.shorten(self._committed)


def read_rows(folder: Path, start: int, stop: int) -> npt.NDArray[Any]:
    """Read rows ``start`` to ``stop`` of a growing array, all of which a counter vouched for.

    Raises
    ------
    OSError
        If a chunk is missing (the array is being shortened, or the record is damaged).
    RecordError
        If a chunk or the document is damaged.
    """
    document = read_document(folder)
    dtype = document_dtype(document)
    chunk_shape: list[int] = document["chunk_grid"]["configuration"]["chunk_shape"]
    row_shape = tuple(document["shape"][1:])
    rows = np.empty((max(stop - start, 0), *row_shape), dtype=dtype.newbyteorder("="))
    if rows.size == 0:
        return rows
    expected = int(np.prod(chunk_shape)) * dtype.itemsize
    for index in range(start // chunk_shape[0], (stop - 1) // chunk_shape[0] + 1):
        path = chunk_file(folder, index, len(chunk_shape))
        data = path.read_bytes()
        if len(data) != expected:
            raise RecordError(
                f"{path} is damaged ({len(data)} bytes instead of {expected}); "
                "restore it from a copy"
            )
        chunk = np.frombuffer(data, dtype).reshape(chunk_shape)
        first = index * chunk_shape[0]
        low, high = max(start, first), min(stop, first + chunk_shape[0])
        rows[low - start : high - start] = chunk[low - first : high - first]
    return rows
