"""IDX files: what is written comes back, and whatever is wrong with a file is said."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instruments.errors import DataError
from protocols.idx_files import read_idx, read_images, read_labels

TYPE_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file as the format's description says, without the reader's help."""
    code = TYPE_CODES[f"{array.dtype.kind}{array.dtype.itemsize}"]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def written(folder: Path, content: bytes, name: str = "images-idx3-ubyte") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@settings(max_examples=60, deadline=None)
@given(
    array=st.sampled_from(sorted(TYPE_CODES)).flatmap(
        lambda code: hnp.arrays(code, hnp.array_shapes(max_dims=4, max_side=5, min_side=0))
    ),
    compressed=st.booleans(),
)
def test_every_array_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, compressed: bool
) -> None:
    content = idx_bytes(array)
    path = written(
        tmp_path_factory.mktemp("idx"), gzip.compress(content) if compressed else content
    )
    read = read_idx(path)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


def test_the_first_bytes_tell_whether_a_file_is_gzipped_not_its_name(tmp_path: Path) -> None:
    plain = written(tmp_path, idx_bytes(IMAGES), "images-idx3-ubyte.gz")
    packed = written(tmp_path, gzip.compress(idx_bytes(IMAGES)), "images-idx3-ubyte")
    np.testing.assert_array_equal(read_images(plain), IMAGES)
    np.testing.assert_array_equal(read_images(packed), IMAGES)


def test_a_path_may_be_a_string(tmp_path: Path) -> None:
    path = written(tmp_path, idx_bytes(np.array([3, 1, 2], np.uint8)))
    assert read_labels(str(path)).tolist() == [3, 1, 2]


GOOD = idx_bytes(IMAGES)
PACKED = gzip.compress(GOOD)
BAD_CHECKSUM = PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:]
BAD_STREAM = PACKED[:10] + b"\xff" * (len(PACKED) - 18) + PACKED[-8:]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"", "holds 0 bytes", id="empty"),
        pytest.param(GOOD[:3], "holds 3 bytes", id="cut in the magic number"),
        pytest.param(GOOD[:9], "truncated inside its header, 9 of 16", id="cut in the header"),
        pytest.param(GOOD[:-1], "truncated, 39 bytes .* needs 40", id="cut in the elements"),
        pytest.param(GOOD + b"\0", "trailing bytes, 41 bytes .* needs 40", id="trailing bytes"),
        pytest.param(b"\0\1" + GOOD[2:], "wrong magic number 0x00010803", id="wrong magic number"),
        pytest.param(b"<!DOCTYPE html>", "wrong magic number", id="a web page"),
        pytest.param(b"\0\0\x0a" + GOOD[3:], "wrong element type 0x0a", id="unknown element type"),
        pytest.param(b"\0\0\x08\0" + GOOD[4:], "wrong number of dimensions, 0", id="no dimension"),
        pytest.param(
            b"\0\0\x08\xff" + struct.pack(">255I", *[1] * 255) + b"\0",
            "wrong number of dimensions, 255",
            id="more dimensions than numpy has",
        ),
        pytest.param(
            b"\0\0\x08\x03" + b"\xff" * 12, "truncated, 16 bytes", id="more elements than memory"
        ),
        pytest.param(PACKED[:-9], "truncated gzip", id="gzip cut in its data"),
        pytest.param(PACKED[:-3], "truncated gzip", id="gzip cut in its checksum"),
        pytest.param(PACKED[:5], "truncated gzip", id="gzip cut in its header"),
        pytest.param(BAD_CHECKSUM, "corrupt gzip file .*CRC", id="gzip checksum"),
        pytest.param(BAD_STREAM, "corrupt gzip file", id="gzip data"),
        pytest.param(PACKED + b"more", "corrupt gzip file", id="something behind the gzip data"),
        pytest.param(gzip.compress(GOOD[:-1]), "truncated, 39 bytes", id="gzip of a cut file"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line_that_names_it(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(DataError, match=problem) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing-idx3-ubyte: no such file"):
        read_idx(tmp_path / "nothing-idx3-ubyte")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{re.escape(str(tmp_path))}: cannot be read"):
        read_idx(tmp_path)


def test_images_must_have_three_dimensions(tmp_path: Path) -> None:
    path = written(tmp_path, idx_bytes(IMAGES.reshape(6, 4)))
    with pytest.raises(DataError, match=r"wrong number of dimensions, 2 .*need 3"):
        read_images(path)


def test_labels_must_have_one_dimension(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"wrong number of dimensions, 3 .*need 1"):
        read_labels(written(tmp_path, idx_bytes(IMAGES)))


def test_images_and_labels_must_be_unsigned_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, idx_bytes(IMAGES.astype(np.int16)))
    with pytest.raises(DataError, match="wrong element type, int16"):
        read_images(path)
    path = written(tmp_path, idx_bytes(np.zeros(3, np.float32)))
    with pytest.raises(DataError, match="wrong element type, float32"):
        read_labels(path)


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"empty, shape \[0, 28, 28\]"):
        read_images(written(tmp_path, idx_bytes(np.zeros((0, 28, 28), np.uint8))))
    with pytest.raises(DataError, match=r"empty, shape \[0\]"):
        read_labels(written(tmp_path, idx_bytes(np.zeros(0, np.uint8))))
