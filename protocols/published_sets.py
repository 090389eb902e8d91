"""The public image sets: where they are published, their checksums, and what they hold.

Checksums are SHA-256 of the files as published. Those of MNIST and of all of KMNIST but its
training images were computed from the files; the others are the ones TensorFlow Datasets gives
for the same addresses (``url_checksums/{fashion_mnist,kmnist,emnist}.txt``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """Where one data set is published.

    Parameters
    ----------
    addresses
        Folders on the net that hold the same files, each ending in ``/``; tried in this order.
    checksums
        SHA-256 of each file, by file name.
    classes
        Labels go from 0 to ``classes - 1``.
    torchvision_folder
        What torchvision calls the folder in which it keeps the data set.
    members
        Where the data set is inside one zip file: the names of the wanted files in it.
    transposed
        Rows and columns of the images are exchanged compared with MNIST.
    """

    addresses: tuple[str, ...]
    checksums: Mapping[str, str]
    classes: int
    torchvision_folder: str
    members: tuple[str, ...] = ()
    transposed: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The data set's files: training images and labels, test images and labels."""
        return self.members or tuple(self.checksums)


SOURCES: Mapping[str, Source] = {
    "mnist": Source(
        addresses=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        classes=10,
        torchvision_folder="MNIST",
        checksums={
            "train-images-idx3-ubyte.gz": (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
            ),
            "train-labels-idx1-ubyte.gz": (
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
            ),
        },
    ),
    "fashion-mnist": Source(
        addresses=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        classes=10,
        torchvision_folder="FashionMNIST",
        checksums={
            "train-images-idx3-ubyte.gz": (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
            ),
            "train-labels-idx1-ubyte.gz": (
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
            ),
        },
    ),
    "kmnist": Source(
        addresses=(
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        ),
        classes=10,
        torchvision_folder="KMNIST",
        checksums={
            "train-images-idx3-ubyte.gz": (
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"
            ),
            "train-labels-idx1-ubyte.gz": (
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"
            ),
        },
    ),
    "emnist-balanced": Source(
        addresses=(
            "https://biometrics.nist.gov/cs_links/EMNIST/",
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
        ),
        classes=47,
        torchvision_folder="EMNIST",
        transposed=True,
        checksums={
            "gzip.zip": "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        },
        members=(
            "emnist-balanced-train-images-idx3-ubyte.gz",
            "emnist-balanced-train-labels-idx1-ubyte.gz",
            "emnist-balanced-test-images-idx3-ubyte.gz",
            "emnist-balanced-test-labels-idx1-ubyte.gz",
        ),
    ),
}


def dataset_of_file(path: Path, sources: Mapping[str, Source] = SOURCES) -> str | None:
    """Name of the data set a file belongs to, by its checksum; None for a file not published."""
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    for name, source in sources.items():
        if checksum in source.checksums.values():
            return name
    return None
