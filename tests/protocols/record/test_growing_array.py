"""Growing arrays hold what was appended, however it was cut, shortened and taken up again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.record.growing_array import Counter, GrowingArray, Series, read_rows


def new_array(folder: Path, rows_per_chunk: int = 4) -> GrowingArray:
    return GrowingArray.create(
        folder,
        row_shape=[2],
        dtype=np.float64,
        rows_per_chunk=rows_per_chunk,
        dimension_names=["step", "metric"],
        attributes={},
    )


def rows_numbered(start: int, stop: int) -> np.ndarray:
    return np.arange(2 * start, 2 * stop, dtype=np.float64).reshape(-1, 2)


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(st.integers(0, 11), min_size=1, max_size=6),
    keep=st.floats(0, 1),
    again=st.integers(0, 9),
)
def test_any_history_of_appending_and_shortening(
    pieces: list[int], keep: float, again: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        array = new_array(path)
        total = 0
        for piece in pieces:
            array.append(rows_numbered(total, total + piece))
            total += piece
            array.flush()
        assert np.array_equal(read_rows(path, 0, total), rows_numbered(0, total))
        kept = int(keep * total)
        taken_up = GrowingArray.load(path)
        taken_up.shorten(kept)
        taken_up.append(rows_numbered(kept, kept + again))
        taken_up.flush()
        total = kept + again
        assert np.array_equal(read_rows(path, 0, total), rows_numbered(0, total))
        assert np.array_equal(read_rows(path, kept, total), rows_numbered(kept, total))
        stored = zarr.open_array(path, mode="r")
        assert stored.shape == (total, 2)
        assert np.array_equal(np.asarray(stored[:]), rows_numbered(0, total))
        assert len(list(path.glob("c.*"))) == -(-total // 4), "no chunk is left over"


def test_shortening_drops_chunks_no_shape_told_of(tmp_path: Path) -> None:
    array = new_array(tmp_path / "rows")
    array.append(rows_numbered(0, 6))
    array.flush()
    array.append(rows_numbered(6, 20))  # full chunks are written, the shape is not
    taken_up = GrowingArray.load(tmp_path / "rows")
    taken_up.shorten(6)
    assert sorted(path.name for path in (tmp_path / "rows").glob("c.*")) == ["c.0.0", "c.1.0"]
    assert np.isnan(np.asarray(zarr.open_array(tmp_path / "rows")[4:])).sum() == 0


def test_the_count_comes_after_the_data_and_drops_before_them(tmp_path: Path) -> None:
    counter = Counter(tmp_path / "count")
    counter.create()
    series = Series(counter, [new_array(tmp_path / "rows")])
    series.arrays[0].append(rows_numbered(0, 9))
    assert counter.read() == 0
    assert series.commit()
    assert not series.commit(), "nothing new, nothing written"
    assert counter.read() == 9
    series.lower(5)
    assert counter.read() == 5
    assert zarr.open_array(tmp_path / "rows", mode="r").shape == (9, 2)
    series.shorten()
    assert zarr.open_array(tmp_path / "rows", mode="r").shape == (5, 2)


def test_a_sample_a_chunk_writes_nothing_twice(tmp_path: Path) -> None:
    array = new_array(tmp_path / "rows", rows_per_chunk=1)
    array.append(rows_numbered(0, 1))
    array.flush()
    before = (tmp_path / "rows" / "c.0.0").stat().st_mtime_ns
    array.append(rows_numbered(1, 3))
    array.flush()
    assert (tmp_path / "rows" / "c.0.0").stat().st_mtime_ns == before
    assert np.array_equal(read_rows(tmp_path / "rows", 0, 3), rows_numbered(0, 3))


@pytest.mark.parametrize("told_of", [2, 4, 6])
def test_a_disk_that_fills_up_spoils_no_row_a_shape_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_of: int
) -> None:
    array = new_array(tmp_path / "rows")
    array.append(rows_numbered(0, told_of))
    array.flush()

    def write_a_little(file: int, data: memoryview) -> int:
        write(file, data[:5])
        raise OSError("no space left")

    write = os.write
    monkeypatch.setattr(os, "write", write_a_little)
    with pytest.raises(OSError, match="no space"):
        array.append(rows_numbered(told_of, 9))
    monkeypatch.undo()
    path = tmp_path / "rows"
    assert np.array_equal(np.asarray(zarr.open_array(path)[:]), rows_numbered(0, told_of))
    taken_up = GrowingArray.load(path)
    taken_up.shorten(told_of)
    taken_up.append(rows_numbered(told_of, 9))
    taken_up.flush()
    assert np.array_equal(read_rows(path, 0, 9), rows_numbered(0, 9))
