"""The data: what comes out of each source, how it is divided, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.errors import DataError
from protocols import stored_samples
from protocols.datasets import DATASET_NAMES, Dataset, load_dataset

ROWS = 6


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def put(folder: Path, name: str, array: np.ndarray) -> None:
    (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array), 1))


def image_set(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images whose first two pixels number them, with labels in no order."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, ROWS, ROWS), dtype=np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(count), 256)
    return images, generator.permutation(np.arange(count) % classes).astype(np.uint8)


@pytest.fixture
def mnist_like(tmp_path: Path) -> Path:
    """A folder laid out as MNIST's, with 200 training and 101 test images of 6 x 6 pixels."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, count, seed in (("train", 200, 1), ("t10k", 101, 2)):
        images, labels = image_set(count, 10, seed)
        put(folder, f"{part}-images-idx3-ubyte", images)
        put(folder, f"{part}-labels-idx1-ubyte", labels)
    return folder


def numbers(inputs: np.ndarray) -> np.ndarray:
    """Which images of `image_set` these are."""
    first_pixels = np.rint(inputs[:, :2] * 255).astype(int)
    return first_pixels[:, 0] * 256 + first_pixels[:, 1]


def users_file(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "own.npz"
    np.savez(path, **arrays)
    return path


X = np.random.default_rng(3).random((40, 5))
Y = np.arange(40) % 4


# ---------------------------------------------------------------- what comes out


def test_the_digits_come_with_the_installation() -> None:
    digits = load_dataset("digits")
    assert (len(digits.train_labels), len(digits.validation_labels)) == (1348, 225)
    assert len(digits.test_labels) == 224
    assert (digits.features, digits.classes, digits.image_shape) == (64, 10, (8, 8))
    labels = np.concatenate([digits.train_labels, digits.validation_labels, digits.test_labels])
    # Counts of the test part as UCI states them.
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.train_inputs.max() == 1
    sixteenths = digits.train_inputs * 16
    np.testing.assert_array_equal(sixteenths, np.rint(sixteenths))


def test_a_nearest_class_mean_reads_the_digits() -> None:
    """Labels belong to their images: chance would be 10 %."""
    digits = load_dataset("digits")
    means = np.stack(
        [digits.train_inputs[digits.train_labels == label].mean(0) for label in range(10)]
    )
    distances = ((digits.test_inputs[:, None] - means) ** 2).sum(2)
    assert (distances.argmin(1) == digits.test_labels).mean() > 0.85


def test_a_public_set_keeps_its_training_part_and_its_order(mnist_like: Path) -> None:
    loaded = load_dataset("mnist", data_folder=mnist_like)
    images, labels = image_set(200, 10, 1)
    np.testing.assert_array_equal(
        loaded.train_inputs, images.reshape(200, -1).astype(np.float32) / np.float32(255)
    )
    np.testing.assert_array_equal(loaded.train_labels, labels)
    assert loaded.image_shape == (ROWS, ROWS)


@pytest.mark.parametrize("name", ["MNIST", "mnist"])
def test_arrays_have_the_types_training_counts_on(mnist_like: Path, name: str) -> None:
    loaded = load_dataset(name, data_folder=mnist_like.parent)
    assert loaded.name == "mnist"
    for inputs in (loaded.train_inputs, loaded.validation_inputs, loaded.test_inputs):
        assert inputs.dtype == np.float32
        assert inputs.flags.c_contiguous
        assert inputs.flags.writeable
    for labels in (loaded.train_labels, loaded.validation_labels, loaded.test_labels):
        assert labels.dtype == np.int64


def test_the_folder_may_be_named_by_the_environment(
    mnist_like: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKBEAM_DATA", str(mnist_like.parent))
    assert len(load_dataset("mnist").train_labels) == 200


def test_emnist_images_are_turned_as_mnists_stand(tmp_path: Path) -> None:
    for part, count, seed in (("train", 100, 1), ("test", 94, 2)):
        images, labels = image_set(count, 47, seed)
        put(tmp_path, f"emnist-balanced-{part}-images-idx3-ubyte", images.transpose(0, 2, 1))
        put(tmp_path, f"emnist-balanced-{part}-labels-idx1-ubyte", labels)
    loaded = load_dataset("emnist-balanced", data_folder=tmp_path)
    assert loaded.classes == 47
    upright, _ = image_set(100, 47, 1)
    np.testing.assert_array_equal(np.rint(loaded.train_inputs * 255), upright.reshape(100, -1))


def test_a_users_inputs_between_0_and_1_are_kept(tmp_path: Path) -> None:
    loaded = load_dataset(users_file(tmp_path, x=X, y=Y))
    assert loaded.image_shape is None
    assert (loaded.features, loaded.classes) == (5, 4)
    rows = {row.tobytes() for row in X.astype(np.float32)}
    assert all(row.tobytes() in rows for row in loaded.train_inputs)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int64, np.float16, np.float64])
def test_a_users_larger_inputs_are_brought_between_0_and_1(
    tmp_path: Path, kind: type[np.generic]
) -> None:
    x = np.random.default_rng(0).integers(0, 201, (40, 3, 2)).astype(kind)
    x[7, 0, 0] = 200
    loaded = load_dataset(users_file(tmp_path, x=x, y=Y))
    everything = np.concatenate([loaded.train_inputs, loaded.validation_inputs, loaded.test_inputs])
    assert everything.dtype == np.float32
    assert everything.min() >= 0
    assert everything.max() == 1
    assert everything.mean(dtype=float) == pytest.approx(x.astype(float).mean() / 200, rel=1e-6)
    assert loaded.image_shape == (3, 2)


def test_inputs_beyond_single_precision_are_scaled_all_the_same(tmp_path: Path) -> None:
    loaded = load_dataset(users_file(tmp_path, x=X * 1e200, y=Y))
    assert np.isfinite(loaded.train_inputs).all()
    assert loaded.train_inputs.mean() > 0.3


def test_the_input_scale_is_a_factor_on_all_parts() -> None:
    one, three = load_dataset("digits"), load_dataset("digits", input_scale=3)
    np.testing.assert_array_equal(three.train_inputs, one.train_inputs * 3)
    np.testing.assert_array_equal(three.validation_inputs, one.validation_inputs * 3)
    np.testing.assert_array_equal(three.test_inputs, one.test_inputs * 3)


# ---------------------------------------------------------------- how it is divided


def test_the_test_part_is_divided_evenly_class_by_class(mnist_like: Path) -> None:
    loaded = load_dataset("mnist", data_folder=mnist_like)
    validation, test = numbers(loaded.validation_inputs), numbers(loaded.test_inputs)
    assert sorted([*validation, *test]) == list(range(101))
    _, labels = image_set(101, 10, 2)
    np.testing.assert_array_equal(loaded.validation_labels, labels[validation])
    np.testing.assert_array_equal(loaded.test_labels, labels[test])
    difference = np.bincount(loaded.validation_labels) - np.bincount(loaded.test_labels)
    assert np.abs(difference).max() <= 1
    assert difference.sum() == 1


@settings(max_examples=25, deadline=None)
@given(counts=st.lists(st.integers(8, 40), min_size=2, max_size=6), seed=st.integers(0, 2**32))
def test_a_users_file_is_divided_without_loss_and_every_class_is_in_every_part(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], seed: int
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    x = (np.arange(len(y)) / len(y)).reshape(-1, 1)
    loaded = load_dataset(users_file(tmp_path_factory.mktemp("own"), x=x, y=y), split_seed=seed)
    parts = [
        (loaded.train_inputs, loaded.train_labels, 6 / 8),
        (loaded.validation_inputs, loaded.validation_labels, 1 / 8),
        (loaded.test_inputs, loaded.test_labels, 1 / 8),
    ]
    indices = [np.rint(inputs[:, 0] * len(y)).astype(int) for inputs, _, _ in parts]
    assert sorted(np.concatenate(indices)) == list(range(len(y)))
    for (_, labels, share), index in zip(parts, indices, strict=True):
        np.testing.assert_array_equal(labels, y[index])
        found = np.bincount(labels, minlength=len(counts))
        assert (found > 0).all()
        assert np.abs(found - share * np.array(counts)).max() < 2


def test_the_same_seed_divides_alike_and_another_does_not() -> None:
    first, again, other = (load_dataset("digits", split_seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.test_inputs, again.test_inputs)
    np.testing.assert_array_equal(first.train_inputs, again.train_inputs)
    assert not np.array_equal(first.test_inputs, other.test_inputs)
    assert (first.split_seed, other.split_seed) == (5, 6)


def test_a_subset_holds_the_classes_equally_and_leaves_the_other_parts_whole(
    mnist_like: Path,
) -> None:
    whole = load_dataset("mnist", data_folder=mnist_like)
    some = load_dataset("mnist", data_folder=mnist_like, subset=50)
    assert np.bincount(some.train_labels).tolist() == [5] * 10
    assert len(set(numbers(some.train_inputs))) == 50
    np.testing.assert_array_equal(some.validation_inputs, whole.validation_inputs)
    np.testing.assert_array_equal(some.test_inputs, whole.test_inputs)
    odd = load_dataset("mnist", data_folder=mnist_like, subset=53)
    assert sorted(np.bincount(odd.train_labels)) == [5] * 7 + [6] * 3


def test_a_larger_subset_contains_a_smaller_one_and_the_seed_chooses(mnist_like: Path) -> None:
    def chosen(count: int, seed: int) -> set[int]:
        loaded = load_dataset("mnist", data_folder=mnist_like, subset=count, split_seed=seed)
        return set(numbers(loaded.train_inputs))

    assert chosen(30, 1) < chosen(80, 1)
    assert chosen(30, 1) != chosen(30, 2)
    assert chosen(200, 1) == set(range(200))


def test_a_subset_takes_more_of_the_larger_classes_where_the_small_ones_run_out(
    tmp_path: Path,
) -> None:
    y = np.repeat([0, 1], [8, 80])
    loaded = load_dataset(users_file(tmp_path, x=np.ones((88, 2)), y=y), subset=40)
    assert np.bincount(loaded.train_labels).tolist() == [6, 34]


# ---------------------------------------------------------------- down-sampling


def test_half_the_rows_are_means_of_two_by_two_pixels(mnist_like: Path) -> None:
    fine = load_dataset("mnist", data_folder=mnist_like)
    coarse = load_dataset("mnist", data_folder=mnist_like, image_size=ROWS // 2)
    blocks = fine.test_inputs.reshape(-1, ROWS // 2, 2, ROWS // 2, 2)
    assert coarse.image_shape == (3, 3)
    assert coarse.features == 9
    np.testing.assert_allclose(
        coarse.test_inputs, blocks.mean((2, 4)).reshape(len(blocks), -1), rtol=1e-6
    )


@pytest.mark.parametrize("size", [1, 4, 5])
def test_other_sizes_keep_the_light_of_an_image(mnist_like: Path, size: int) -> None:
    """An area average keeps the mean of each image and leaves a uniform one uniform."""
    fine = load_dataset("mnist", data_folder=mnist_like)
    coarse = load_dataset("mnist", data_folder=mnist_like, image_size=size)
    np.testing.assert_allclose(coarse.train_inputs.mean(1), fine.train_inputs.mean(1), rtol=1e-5)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
def test_a_ramp_stays_a_ramp_when_it_is_down_sampled(
    tmp_path: Path, kind: type[np.generic]
) -> None:
    x = np.broadcast_to(np.arange(6), (16, 6, 6)).astype(kind)
    path = users_file(tmp_path, x=x, y=np.arange(16) % 2)
    coarse = load_dataset(path, image_size=4).train_inputs.reshape(-1, 4, 4)
    # Pixel k of four covers 1.5 k to 1.5 (k + 1) of the six: by hand 1/3, 5/3, 10/3, 14/3.
    expected = np.array([1, 5, 10, 14]) / 3 / 5
    np.testing.assert_allclose(coarse, np.broadcast_to(expected, coarse.shape), rtol=1e-6)


def test_the_full_size_is_no_change(mnist_like: Path) -> None:
    fine = load_dataset("mnist", data_folder=mnist_like)
    same = load_dataset("mnist", data_folder=mnist_like, image_size=ROWS)
    np.testing.assert_array_equal(same.train_inputs, fine.train_inputs)


# ---------------------------------------------------------------- what it says of itself


def test_the_description_is_json_and_names_the_data() -> None:
    description = load_dataset("digits", split_seed=3).describe()
    assert json.loads(json.dumps(description)) == description
    assert description["name"] == "digits"
    assert description["train_samples"] == 1348
    assert description["image_shape"] == [8, 8]
    assert description["split_seed"] == 3


def changed_value(data: Dataset) -> Dataset:
    inputs = data.train_inputs.copy()
    inputs[17, 3] += 1e-7
    return replace(data, train_inputs=inputs)


def exchanged_pixels(data: Dataset) -> Dataset:
    inputs = data.train_inputs.copy()
    inputs[17] = inputs[17, ::-1]
    return replace(data, train_inputs=inputs)


def exchanged_samples(data: Dataset) -> Dataset:
    return replace(data, test_inputs=data.test_inputs[::-1].copy())


def changed_label(data: Dataset) -> Dataset:
    labels = data.validation_labels.copy()
    labels[0] = (labels[0] + 1) % 10
    return replace(data, validation_labels=labels)


@pytest.mark.parametrize(
    "change", [changed_value, exchanged_pixels, exchanged_samples, changed_label]
)
def test_the_content_hash_sees_a_change(change: Callable[[Dataset], Dataset]) -> None:
    digits = load_dataset("digits")
    original = digits.describe()["content_hash"]
    assert load_dataset("digits").describe()["content_hash"] == original
    assert change(digits).describe()["content_hash"] != original


def test_a_dataset_prints_what_it_holds(tmp_path: Path) -> None:
    assert repr(load_dataset("digits")) == (
        "Dataset(digits: 1348 training, 225 validation and 224 test samples; "
        "64 inputs (8 x 8 pixels), 10 classes; split seed 0)"
    )
    assert "5 inputs, 4 classes" in repr(load_dataset(users_file(tmp_path, x=X, y=Y)))


# ---------------------------------------------------------------- what is refused


def refused(name: str | Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset(name, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    message = refused("mnits")
    assert "did you mean mnist?" in message
    assert all(name in message for name in DATASET_NAMES)
    assert "did you mean kmnist?" in refused("k-mnist")
    assert "did you mean" not in refused("/some/where/data.csv")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"split_seed": -1}, "split seed -1"),
        ({"input_scale": 0.0}, "input scale 0.0"),
        ({"input_scale": float("nan")}, "input scale nan"),
        ({"subset": 0}, "choose 1 to 1348"),
        ({"subset": 1349}, "digits has 1348 training samples"),
        ({"image_size": 9}, "have 8 rows; choose 1 to 8"),
        ({"image_size": 0}, "choose 1 to 8"),
    ],
)
def test_options_that_do_not_fit_the_data_are_refused(
    options: dict[str, object], problem: str
) -> None:
    assert problem in refused("digits", **options)


def test_only_square_images_can_be_down_sampled(tmp_path: Path) -> None:
    path = users_file(tmp_path, x=np.ones((16, 3, 4)), y=np.arange(16) % 2)
    assert "3 x 4 pixels; only square images" in refused(path, image_size=2)
    path = users_file(tmp_path, x=np.ones((16, 9)), y=np.arange(16) % 2)
    assert "has no images" in refused(path, image_size=2)


def test_images_and_labels_must_be_equally_many(mnist_like: Path) -> None:
    put(mnist_like, "t10k-labels-idx1-ubyte", np.zeros(100, np.uint8))
    message = refused("mnist", data_folder=mnist_like)
    assert "t10k-images-idx3-ubyte.gz: 101 images, but 100 labels in t10k-labels" in message


def test_labels_beyond_the_classes_are_refused(mnist_like: Path) -> None:
    put(mnist_like, "train-labels-idx1-ubyte", np.full(200, 10, np.uint8))
    message = refused("mnist", data_folder=mnist_like)
    assert "train-labels-idx1-ubyte.gz: label 10; allowed are 0 to 9" in message


def test_training_and_test_images_must_be_alike(mnist_like: Path) -> None:
    put(mnist_like, "t10k-images-idx3-ubyte", np.zeros((101, 5, 6), np.uint8))
    assert "images of [5, 6] pixels" in refused("mnist", data_folder=mnist_like)


def test_a_damaged_file_of_a_public_set_is_named(mnist_like: Path) -> None:
    path = mnist_like / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    assert refused("mnist", data_folder=mnist_like).startswith(f"{path}: truncated gzip file")


def test_the_files_of_another_public_set_are_refused(
    mnist_like: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_samples, "dataset_of_file", lambda path: "mnist")
    load_dataset("mnist", data_folder=mnist_like)
    assert "belongs to mnist, not to kmnist" in refused("kmnist", data_folder=mnist_like)


def with_value(value: float) -> np.ndarray:
    x = X.copy()
    x[3, 2] = value
    return x


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        pytest.param({"x": with_value(np.nan), "y": Y}, "1 values of x are NaN", id="NaN"),
        pytest.param({"x": with_value(np.inf), "y": Y}, "1 values of x are NaN", id="infinite"),
        pytest.param({"x": with_value(-0.5), "y": Y}, "x goes down to -0.5", id="negative"),
        pytest.param({"x": X * 0, "y": Y}, "every value of x is 0", id="dark"),
        pytest.param({"x": X[:39], "y": Y}, "39 samples in x but 40 labels", id="lengths"),
        pytest.param({"x": X[:, 0], "y": Y}, "x has the shape [40]", id="one dimension"),
        pytest.param({"x": X[:, :0], "y": Y}, "x has the shape [40, 0]", id="no features"),
        pytest.param({"x": X.reshape(40, 1, 5, 1), "y": Y}, "[40, 1, 5, 1]", id="four dimensions"),
        pytest.param({"x": X * 1j, "y": Y}, "x holds complex128", id="complex"),
        pytest.param({"x": X.astype(str), "y": Y}, "x holds <U", id="text"),
        pytest.param({"x": X, "y": Y * 1.0}, "y holds float64", id="labels not integers"),
        pytest.param({"x": X, "y": Y[:, None]}, "y has the shape [40, 1]", id="labels as a column"),
        pytest.param({"x": X, "y": Y + 1}, "4 different labels from 1 to 4", id="labels from 1"),
        pytest.param({"x": X, "y": Y - 1}, "4 different labels from -1 to 2", id="labels from -1"),
        pytest.param({"x": X, "y": Y * 2}, "4 different labels from 0 to 6", id="labels missing"),
        pytest.param({"x": X, "y": Y * 0}, "1 classes in y; at least 2", id="one class"),
        pytest.param({"x": X[:0], "y": Y[:0]}, "0 classes in y", id="no samples"),
        pytest.param({"x": X[:30], "y": Y[:30]}, "7 samples of class 2; at least 8", id="few"),
        pytest.param({"x": X, "labels": Y}, "no array named y, only x, labels", id="no y"),
        pytest.param({"a": X}, "no array named x or y, only a", id="neither"),
        pytest.param({"x": X, "y": Y.astype(object)}, "Object arrays", id="Python objects"),
    ],
)
def test_a_users_file_that_cannot_be_trained_on_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], problem: str
) -> None:
    path = users_file(tmp_path, **arrays)
    message = refused(path)
    assert message.startswith(f"{path}: ")
    assert problem in message


def npy_bytes(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def npz_bytes() -> bytes:
    content = io.BytesIO()
    np.savez(content, x=X, y=Y)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"", "not a sound npz file", id="empty"),
        pytest.param(b"x,y\n1,2\n", "not a sound npz file", id="text"),
        pytest.param(npz_bytes()[:-30], "not a sound npz file", id="truncated"),
        pytest.param(npz_bytes().replace(X.tobytes(), (X + 1).tobytes()), "CRC", id="changed"),
        pytest.param(npy_bytes(X), "a single array", id="npy"),
    ],
)
def test_a_damaged_users_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "own.npz"
    path.write_bytes(content)
    message = refused(path)
    assert message.startswith(f"{path}: ")
    assert problem in message


def test_nobody_is_told_to_load_a_file_unsafely(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    path.write_text("x,y\n1,2\n")
    assert "pickle" not in refused(path)
    assert "it is no .npz file at all" in refused(path)


def test_a_users_file_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.npz"
    path.write_bytes(npz_bytes())

    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert refused(path) == f"{path}: cannot be read (Permission denied); check its permissions"


def test_a_missing_users_file_is_refused(tmp_path: Path) -> None:
    assert "nothing.npz: no such file" in refused(tmp_path / "nothing.npz")
