"""The data a network is trained on: inputs between 0 and 1, labels, and three parts.

``digits`` comes with the installation; MNIST, Fashion-MNIST, KMNIST and EMNIST balanced come
from a folder of IDX files or from their public addresses; an ``.npz`` file is the user's own.
"""

from __future__ import annotations

import difflib
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import DataError
from protocols.published_sets import SOURCES
from protocols.stored_samples import (
    HOLD_OUT_PERIOD,
    Indices,
    Labels,
    StoredSamples,
    read_digits,
    read_public_set,
    read_users_file,
)

Inputs = npt.NDArray[np.float32]

DATASET_NAMES = ("digits", *SOURCES)

# Keeps the float copies of images that are being down-sampled within some 10 MB.
_IMAGES_AT_ONCE = 4096


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Inputs and labels in three parts.

    Parameters
    ----------
    name
        What the user called it.
    train_inputs, validation_inputs, test_inputs
        float32, C-contiguous, [samples, features]; between 0 and 1 unless scaled on loading.
    train_labels, validation_labels, test_labels
        int64, [samples], from 0 to ``classes - 1``.
    classes
        Number of classes.
    image_shape
        (rows, columns) of one sample, or None where the samples are not images.
    split_seed
        Seed of the division into parts (and of the choice of a subset).
    """

    name: str
    train_inputs: Inputs
    train_labels: Labels
    validation_inputs: Inputs
    validation_labels: Labels
    test_inputs: Inputs
    test_labels: Labels
    classes: int
    image_shape: tuple[int, int] | None
    split_seed: int

    @property
    def features(self) -> int:
        """Inputs of one sample."""
        return int(self.train_inputs.shape[1])

    def describe(self) -> dict[str, Any]:
        """What a record keeps of the data: only values JSON can hold.

        ``content_hash`` is equal for equal data and changes with any single value, label or
        order of samples; it costs some 30 ms for MNIST.
        """
        return {
            "name": self.name,
            "train_samples": len(self.train_labels),
            "validation_samples": len(self.validation_labels),
            "test_samples": len(self.test_labels),
            "features": self.features,
            "classes": self.classes,
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            "split_seed": self.split_seed,
            "content_hash": self._content_hash(),
        }

    def _content_hash(self) -> str:
        """Hexadecimal digest of the six arrays.

        Hashing every byte of MNIST takes a tenth of a second and more. The sums of all bit
        patterns along the rows and along the columns take a third of that.
        """
        digest = hashlib.sha256()
        for inputs, labels in (
            (self.train_inputs, self.train_labels),
            (self.validation_inputs, self.validation_labels),
            (self.test_inputs, self.test_labels),
        ):
            patterns = np.ascontiguousarray(inputs, dtype=np.float32).view(np.uint32)
            digest.update(repr(inputs.shape).encode())
            for axis in (0, 1):
                sums = np.add.reduce(patterns, axis=axis, dtype=np.uint32)
                digest.update(sums.astype("<u4").tobytes())
            digest.update(labels.astype("<i8").tobytes())
        return digest.hexdigest()

    def __repr__(self) -> str:
        shape = "" if self.image_shape is None else " ({} x {} pixels)".format(*self.image_shape)
        return (
            f"Dataset({self.name}: {len(self.train_labels)} training, "
            f"{len(self.validation_labels)} validation and {len(self.test_labels)} test samples; "
            f"{self.features} inputs{shape}, {self.classes} classes; split seed {self.split_seed})"
        )


def load_dataset(
    name_or_path: str | Path,
    *,
    data_folder: Path | None = None,
    split_seed: int = 0,
    image_size: int | None = None,
    subset: int | None = None,
    input_scale: float = 1.0,
) -> Dataset:
    """Load a data set by its name, or a user's own file.

    The public sets keep their training part whole; their test part is divided evenly and at
    random, class by class, into validation and test (arXiv:1912.12256, appendix A). Of
    ``digits`` and of a user's file a quarter is held out, class by class, and divided likewise.

    Parameters
    ----------
    name_or_path
        One of `DATASET_NAMES`, or the path of a file ending in ``.npz`` that holds ``x``
        ([n, features] or [n, rows, columns]; finite, not negative) and ``y`` ([n]; integers
        0 to k - 1, each at least eight times). Inputs of such a file are divided by the
        largest of them if that is larger than 1, so that they lie between 0 and 1.
    data_folder
        Folder with the four IDX files of a public set, or with a subfolder named as the set that
        holds them; gzipped or not, ``train-images-idx3-ubyte`` or ``train-images.idx3-ubyte``.
        torchvision's folders (``MNIST/raw``) are found too. Without it, the folder that the
        environment variable ``BACKBEAM_DATA`` names: files that are not there are downloaded to
        it. Without either, they are downloaded to the operating system's cache folder.
    split_seed
        Seed of the division into parts and of the choice of the subset.
    image_size
        Rows and columns of the images after down-sampling by area average (28 -> 14 is the mean
        of 2 x 2 pixels).
    subset
        Training samples to keep, the same number of each class as far as they go. A larger
        subset contains a smaller one of the same seed. Validation and test stay whole.
    input_scale
        Factor on all inputs after they have been brought between 0 and 1.

    Raises
    ------
    DataError
        The name is not known, a file is missing, damaged or does not hold what it should, or an
        option does not fit the data.
    """
    if split_seed < 0:
        raise DataError(f"split seed {split_seed}: a whole number from 0 on is needed")
    if not (math.isfinite(input_scale) and input_scale > 0):
        raise DataError(f"input scale {input_scale}: a finite number above 0 is needed")
    generator = np.random.default_rng(split_seed)
    name = str(name_or_path)
    known_name = name.lower().replace("_", "-")
    if known_name in SOURCES:
        name = known_name
        classes = SOURCES[name].classes
        train, held_out = read_public_set(name, data_folder)
        order = _by_class(held_out.labels, generator)
        validation_chosen, test_chosen = order[0::2], order[1::2]
    else:
        if known_name == "digits":
            name = known_name
            held_out = read_digits()
        elif Path(name).suffix.lower() == ".npz":
            held_out = read_users_file(Path(name).expanduser())
        else:
            raise _unknown_name(name, known_name)
        classes = int(held_out.labels.max()) + 1
        order = _by_class(held_out.labels, generator)
        place = np.arange(len(order)) % HOLD_OUT_PERIOD
        validation_chosen, test_chosen = order[place == 3], order[place == 7]
        train = held_out.part(order[(place != 3) & (place != 7)])
    if subset is not None:
        train = train.part(_subset(train.labels, subset, split_seed, name))
    validation, test = held_out.part(validation_chosen), held_out.part(test_chosen)
    image_shape = _image_shape(train.values, image_size, name)
    train_inputs, validation_inputs, test_inputs = (
        _inputs(part, image_size, input_scale) for part in (train, validation, test)
    )
    return Dataset(
        name=name,
        train_inputs=train_inputs,
        train_labels=train.labels,
        validation_inputs=validation_inputs,
        validation_labels=validation.labels,
        test_inputs=test_inputs,
        test_labels=test.labels,
        classes=classes,
        image_shape=image_shape,
        split_seed=int(split_seed),
    )


def _unknown_name(name: str, known_name: str) -> DataError:
    close = difflib.get_close_matches(known_name, DATASET_NAMES, n=1, cutoff=0.5)
    nearest = f"; did you mean {close[0]}?" if close else ";"
    return DataError(
        f"no data set {name!r}{nearest} allowed are {', '.join(DATASET_NAMES)} "
        "and the path of a file ending in .npz"
    )


def _by_class(labels: Labels, generator: np.random.Generator) -> Indices:
    """Indices of all samples, class after class, at random within a class.

    Every n-th of them is therefore a random choice in which each class has its share.
    """
    return np.lexsort((generator.random(len(labels)), labels))


def _subset(labels: Labels, count: int, split_seed: int, name: str) -> Indices:
    """A random choice of samples with the same number of each class, as far as they go."""
    if not 1 <= count <= len(labels):
        raise DataError(
            f"subset of {count} samples: {name} has {len(labels)} training samples; "
            f"choose 1 to {len(labels)}"
        )
    generator = np.random.default_rng([split_seed, 1])
    order = _by_class(labels, generator)
    first_of_class = np.searchsorted(labels[order], labels[order])
    round_of_choice = np.arange(len(order)) - first_of_class
    return order[np.lexsort((generator.random(len(order)), round_of_choice))[:count]]


def _image_shape(
    values: npt.NDArray[Any], image_size: int | None, name: str
) -> tuple[int, int] | None:
    """Rows and columns of the images after down-sampling; None for other samples."""
    shape = (values.shape[1], values.shape[2]) if values.ndim == 3 else None
    if image_size is None:
        return shape
    if shape is None:
        raise DataError(
            f"image size {image_size}: {name} has no images, its x is {list(values.shape)}; leave "
            "the image size out or store x as [n, rows, columns]"
        )
    if shape[0] != shape[1]:
        raise DataError(
            f"image size {image_size}: the images of {name} are {shape[0]} x {shape[1]} pixels; "
            "only square images can be down-sampled"
        )
    if not 1 <= image_size <= shape[0]:
        raise DataError(
            f"image size {image_size}: the images of {name} have {shape[0]} rows; choose 1 to "
            f"{shape[0]}"
        )
    return image_size, image_size


def _inputs(part: StoredSamples, image_size: int | None, input_scale: float) -> Inputs:
    """Inputs [n, features] of a network: down-sampled, then scaled."""
    values, largest = part.values, part.largest
    if image_size is not None and image_size != values.shape[1]:
        values, largest = _area_sums(values, image_size, largest)
    flat = values.reshape(len(values), -1)
    precision = np.result_type(flat, np.float32)
    inputs: Inputs = np.divide(flat, largest, dtype=precision).astype(np.float32, copy=False)
    if input_scale != 1:
        inputs *= np.float32(input_scale)
    return inputs


def _area_sums(
    images: npt.NDArray[Any], size: int, largest: float
) -> tuple[npt.NDArray[Any], float]:
    """Sums of pixels under each of ``size`` x ``size`` larger ones, and their largest value.

    Overlaps are counted in whole steps of 1 / (rows * size) of an image. Sums of byte images are
    then whole numbers that float32 holds exactly, so they are the same on every machine.
    """
    rows = images.shape[1]
    old_edges, new_edges = np.arange(rows + 1) * size, np.arange(size + 1) * rows
    overlap = np.minimum(new_edges[1:, None], old_edges[1:]) - np.maximum(
        new_edges[:-1, None], old_edges[:-1]
    )
    largest_sum = largest * rows**2
    exact = images.dtype.kind in "biu" and largest_sum < 2**24
    weights = np.clip(overlap, 0, None).astype(np.float32 if exact else np.float64)
    sums = np.empty((len(images), size, size), weights.dtype)
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        some = images[start : start + _IMAGES_AT_ONCE].astype(weights.dtype)
        sums[start : start + _IMAGES_AT_ONCE] = weights @ (some @ weights.T)
    return sums, largest_sum
