"""Samples as they are stored: the built-in digits, the public sets, and a user's own file."""

from __future__ import annotations

import importlib.resources
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import DataError
from protocols.downloads import find_or_download
from protocols.idx_files import read_images, read_labels
from protocols.published_sets import SOURCES, dataset_of_file

Labels = npt.NDArray[np.int64]
Indices = npt.NDArray[np.intp]

# Of a data set without a test part of its own, one sample in eight goes to validation and one to
# testing; so each class needs eight to appear in all three parts.
HOLD_OUT_PERIOD = 8

# What numpy and zipfile raise on files that are damaged, encrypted or hold Python objects; a
# damaged header may also ask for more memory than there is.
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class StoredSamples:
    """Values [n, features] or [n, rows, columns], their labels [n], and what stands for 1."""

    values: npt.NDArray[Any]
    labels: Labels
    largest: float

    def part(self, chosen: Indices) -> StoredSamples:
        """Some of the samples, in the order in which they are stored."""
        chosen = np.sort(chosen)
        return StoredSamples(self.values[chosen], self.labels[chosen], self.largest)


def read_digits() -> StoredSamples:
    """Read the 1 797 digits that come with the installation; their largest value is 16."""
    file = importlib.resources.files("protocols.digits").joinpath("digits.npz")
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        return StoredSamples(arrays["x"], arrays["y"].astype(np.int64), largest=16.0)


def read_public_set(name: str, data_folder: Path | None) -> tuple[StoredSamples, StoredSamples]:
    """Read the training and the test part of a public data set.

    Images stand as MNIST's do, whatever the files' order of rows and columns.

    Parameters
    ----------
    name
        A name in `protocols.published_sets.SOURCES`.
    data_folder
        As for `protocols.downloads.find_or_download`.

    Raises
    ------
    DataError
        A file is missing or damaged, belongs to another data set, or the four do not fit together.
    """
    train_images, train_labels, test_images, test_labels = find_or_download(name, data_folder)
    train = _labelled_images(name, train_images, train_labels)
    test = _labelled_images(name, test_images, test_labels)
    if train.values.shape[1:] != test.values.shape[1:]:
        raise DataError(
            f"{test_images}: images of {list(test.values.shape[1:])} pixels, those of "
            f"{train_images.name} have {list(train.values.shape[1:])}; fetch both files again"
        )
    return train, test


def _labelled_images(name: str, images_path: Path, labels_path: Path) -> StoredSamples:
    source = SOURCES[name]
    images, labels = read_images(images_path), read_labels(labels_path)
    owner = dataset_of_file(labels_path)
    if owner not in (None, name):
        raise DataError(
            f"{labels_path}: belongs to {owner}, not to {name}; put the files of {name} in a "
            f"folder of their own, named {name}"
        )
    if len(images) != len(labels):
        raise DataError(
            f"{images_path}: {len(images)} images, but {len(labels)} labels in {labels_path.name}; "
            "they must be equally many; fetch both files again"
        )
    if labels.max() >= source.classes:
        raise DataError(
            f"{labels_path}: label {labels.max()}; allowed are 0 to {source.classes - 1}; check "
            "that the file belongs to the data set"
        )
    if source.transposed:
        images = images.transpose(0, 2, 1)
    return StoredSamples(images, labels.astype(np.int64), largest=255.0)


def read_users_file(path: Path) -> StoredSamples:
    """Read a user's ``.npz`` file: ``x`` [n, features] or [n, rows, columns], and ``y`` [n].

    ``largest`` is the largest value of ``x``, but never below 1: inputs that lie between 0 and 1
    already are kept as they are.

    Raises
    ------
    DataError
        The file is missing or damaged, an array is missing or has the wrong type or shape, ``x``
        holds NaN, infinite or negative values or nothing but zeros, or ``y`` is not the integers
        0 to k - 1 with enough samples of each.
    """
    arrays = _users_arrays(path)
    x, y = arrays["x"], arrays["y"]

    def wrong(found: str, remedy: str) -> DataError:
        return DataError(f"{path}: {found}; {remedy}")

    if x.dtype.kind not in "biuf":
        raise wrong(f"x holds {x.dtype} values", "store numbers, whole or floating-point")
    if x.ndim not in (2, 3) or 0 in x.shape[1:]:
        raise wrong(
            f"x has the shape {list(x.shape)}", "allowed are [n, features] and [n, rows, columns]"
        )
    if y.dtype.kind not in "iu":
        raise wrong(f"y holds {y.dtype} values", "labels must be integers; store y.astype(int)")
    if y.ndim != 1:
        raise wrong(f"y has the shape {list(y.shape)}", "labels must be one integer a sample, [n]")
    if len(x) != len(y):
        raise wrong(f"{len(x)} samples in x but {len(y)} labels in y", "they must be equally many")
    labels, counts = np.unique(y, return_counts=True)
    if len(labels) < 2:
        raise wrong(f"{len(labels)} classes in y", "at least 2 are needed")
    if labels[0] != 0 or labels[-1] != len(labels) - 1:
        raise wrong(
            f"{len(labels)} different labels from {labels[0]} to {labels[-1]} in y",
            f"labels must be 0 to {len(labels) - 1}, each of them used",
        )
    if counts.min() < HOLD_OUT_PERIOD:
        raise wrong(
            f"{counts.min()} samples of class {counts.argmin()}",
            f"at least {HOLD_OUT_PERIOD} of each are needed to train, validate and test",
        )
    if not np.isfinite(x).all():
        raise wrong(
            f"{np.count_nonzero(~np.isfinite(x))} values of x are NaN or infinite",
            "every value must be finite",
        )
    if x.min() < 0:
        raise wrong(
            f"x goes down to {x.min():g}",
            "inputs are amplitudes of light: shift them to 0 and above",
        )
    largest = float(x.max())
    if largest == 0:
        raise wrong("every value of x is 0", "there must be something to see")
    return StoredSamples(x, y.astype(np.int64), largest=max(largest, 1.0))


def why_unreadable(error: Exception) -> str:
    """Return why numpy could not read an ``.npz`` file, in one line.

    What is neither ``.npz`` nor ``.npy`` numpy takes for a pickle, and advises to load it unsafely.
    """
    reason = " ".join(str(error).split()) or type(error).__name__
    return "it is no .npz file at all" if "pickle.load" in reason else reason


def _users_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    remedy = "write it with np.savez(path, x=x, y=y)"
    try:
        with path.open("rb") as opened:
            arrays = np.load(opened, allow_pickle=False)
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise DataError(f"{path}: a single array, not an npz file; {remedy}")
            with arrays:
                missing = [key for key in ("x", "y") if key not in arrays.files]
                if missing:
                    raise DataError(
                        f"{path}: no array named {' or '.join(missing)}, only "
                        f"{', '.join(arrays.files) or 'nothing'}; {remedy}"
                    )
                return {key: arrays[key] for key in ("x", "y")}
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the path") from error
    except PermissionError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); check its permissions"
        ) from error
    except _UNREADABLE as error:
        reason = why_unreadable(error)
        raise DataError(
            f"{path}: not a sound npz file of plain numbers ({reason}); {remedy}"
        ) from error
