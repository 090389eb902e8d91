"""Fetches the public image sets: where they are, their checksums, and where they are kept.

Checksums are SHA-256 of the files as published. Those of MNIST and of KMNIST's test part were
computed from the files; the others are the ones TensorFlow Datasets publishes for the same
addresses (``url_checksums/{fashion_mnist,kmnist,emnist}.txt``).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from instruments.errors import DataError

_LOGGER = logging.getLogger(__name__)

DATA_FOLDER_VARIABLE = "BACKBEAM_DATA"

# Small enough for a bar that moves, large enough not to cost time on half a gigabyte.
_CHUNK_BYTES = 1 << 17
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Source:
    """Where one data set is published.

    Parameters
    ----------
    addresses
        Folders on the net that hold the same files, each ending in ``/``; tried in this order.
    checksums
        SHA-256 of each file, by file name.
    members
        Where the data set is inside one zip file: the names of the wanted files in it.
    """

    addresses: tuple[str, ...]
    checksums: Mapping[str, str]
    members: tuple[str, ...] = field(default=())

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that are in the folder after the download."""
        return self.members or tuple(self.checksums)


SOURCES: Mapping[str, Source] = {
    "mnist": Source(
        addresses=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
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


class DownloadBar(Protocol):
    """What shows how far the download of one file has come; pooch calls it."""

    total: float
    """Bytes of the whole file; 0 where the server does not say."""

    def update(self, count: float) -> None:
        """Another ``count`` bytes have come."""

    def reset(self) -> None:
        """Start again at no byte; called once before the last `update`."""

    def close(self) -> None:
        """The file is complete, or the download failed. May be called twice."""


class TerminalBar:
    """A bar on the standard error stream, or nothing where that is not a terminal.

    Parameters
    ----------
    file_name
        Shown in front of the bar.
    """

    def __init__(self, file_name: str) -> None:
        from rich import console, progress

        screen = console.Console(stderr=True)
        self._progress = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=screen,
            disable=not (screen.is_terminal or screen.is_jupyter),
        )
        self._task = self._progress.add_task(file_name, total=None)
        self._progress.start()

    @property
    def total(self) -> float:
        """Bytes of the whole file; 0 where the server does not say."""
        return self._progress.tasks[self._task].total or 0

    @total.setter
    def total(self, count: float) -> None:
        self._progress.update(self._task, total=count or None)

    def update(self, count: float) -> None:
        """Another ``count`` bytes have come."""
        self._progress.advance(self._task, count)

    def reset(self) -> None:
        """Start again at no byte, without losing the time that has passed."""
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Leave the bar as it is; the next one comes below it."""
        self._progress.stop()


def download(
    name: str,
    folder: Path | None = None,
    *,
    bar: Callable[[str], DownloadBar] = TerminalBar,
    sources: Mapping[str, Source] = SOURCES,
) -> Path:
    """Fetch a data set unless it is already there.

    Parameters
    ----------
    name
        A name in ``sources``.
    folder
        The data set is kept in ``folder / name``; without it, in the operating system's cache
        folder for ``backbeam``.
    bar
        Makes what shows the progress of one file, given the file's name.
    sources
        Where the data sets are published.

    Returns
    -------
    Path
        The folder with the data set's files. Files fetched one by one have passed their checksum
        now; files out of a zip file passed its checksum when they were fetched.

    Raises
    ------
    DataError
        No address answers with the right file, or the folder cannot be written.
    """
    import pooch

    source = sources[name]
    folder = (Path(pooch.os_cache("backbeam")) if folder is None else folder) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_fetched(name, source, f"cannot make the folder {folder}", error) from error
    if source.members:
        if not all((folder / member).is_file() for member in source.members):
            for file_name in source.checksums:
                _extract(name, source, _fetch(name, source, file_name, folder, bar))
    else:
        for file_name in source.checksums:
            _fetch(name, source, file_name, folder, bar)
    return folder


def dataset_of_file(path: Path, sources: Mapping[str, Source] = SOURCES) -> str | None:
    """Name of the data set a file belongs to, by its checksum; None for a file not published."""
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    for name, source in sources.items():
        if checksum in source.checksums.values():
            return name
    return None


class _Fetcher:
    """Downloads one file for pooch; its bar appears only when something has to be fetched."""

    def __init__(self, file_name: str, bar: Callable[[str], DownloadBar]) -> None:
        self._file_name = file_name
        self._bar = bar
        self._shown: DownloadBar | None = None

    def __call__(self, url: str, output_file: object, owner: object) -> None:
        import pooch

        self._shown = self._bar(self._file_name)
        fetch = pooch.HTTPDownloader(
            progressbar=self._shown,
            chunk_size=_CHUNK_BYTES,
            timeout=_TIMEOUT_SECONDS,
            # A server that unpacks .gz files on the way would spoil their checksum.
            headers={"Accept-Encoding": "identity"},
        )
        fetch(url, output_file, owner)

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()


def _fetch(
    name: str, source: Source, file_name: str, folder: Path, bar: Callable[[str], DownloadBar]
) -> Path:
    """Path of one file with the right checksum, from the folder or the first good address."""
    import pooch

    # pooch announces each download on the standard error stream; the bar says it already.
    pooch.get_logger().setLevel(logging.ERROR)
    failures: list[tuple[str, Exception]] = []
    for address in source.addresses:
        shop = pooch.create(
            path=folder,
            base_url=address,
            registry={file_name: f"sha256:{source.checksums[file_name]}"},
        )
        with contextlib.closing(_Fetcher(file_name, bar)) as fetcher:
            try:
                return Path(shop.fetch(file_name, downloader=fetcher))
            except (OSError, ValueError) as error:
                _LOGGER.debug("%s%s: %r", address, file_name, error)
                failures.append((address, error))
    reasons = "; ".join(f"{address}{file_name}: {_reason(error)}" for address, error in failures)
    raise _not_fetched(name, source, f"cannot download {name} ({reasons})") from failures[-1][1]


def _extract(name: str, source: Source, archive: Path) -> None:
    """Put the members of a zip file beside it, each complete or not at all; delete the zip."""
    try:
        with zipfile.ZipFile(archive) as opened:
            inside = {Path(entry).name: entry for entry in opened.namelist()}
            for member in source.members:
                partial = archive.with_name(f"{member}.partial")
                with opened.open(inside[member]) as packed, partial.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
                partial.replace(archive.with_name(member))
        archive.unlink()
    except KeyError as error:
        raise _not_fetched(name, source, f"{archive}: holds no file {error}") from error
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise _not_fetched(name, source, f"{archive}: cannot be unpacked", error) from error


def _not_fetched(
    name: str, source: Source, problem: str, error: Exception | None = None
) -> DataError:
    detail = "" if error is None else f" ({_reason(error)})"
    return DataError(
        f"{problem}{detail}; without a network put {', '.join(source.files)} in a folder {name} "
        f"and name the folder that holds it with --data-dir or {DATA_FOLDER_VARIABLE}"
    )


def _reason(error: Exception) -> str:
    """Why a download failed, in a few words; requests' own texts fill several lines."""
    if isinstance(error, OSError):
        response = getattr(error, "response", None)
        if response is not None:
            return f"the server answered {response.status_code}"
        if error.strerror:
            return error.strerror
        return f"no connection, {type(error).__name__}"
    if isinstance(error, ValueError):
        return "the file that came does not have the expected checksum"
    return " ".join(str(error).split())
