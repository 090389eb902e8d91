"""Finds the files of the public image sets, in a folder or on the net.

pooch fetches and checks them; `protocols.published_sets` says what there is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from instruments.errors import DataError
from protocols.published_sets import SOURCES, Source

_LOGGER = logging.getLogger(__name__)

DATA_FOLDER_VARIABLE = "BACKBEAM_DATA"

# Small enough for a bar that moves, large enough not to cost time on half a gigabyte.
_CHUNK_BYTES = 1 << 17
_TIMEOUT_SECONDS = 30


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


def find_or_download(name: str, data_folder: Path | None = None) -> tuple[Path, ...]:
    """Find the files of a data set, and download them where that is allowed.

    Parameters
    ----------
    name
        A name in `SOURCES`.
    data_folder
        Folder that holds the files, itself or in a subfolder ``name``, gzipped or not, spelled
        ``train-images-idx3-ubyte`` or ``train-images.idx3-ubyte``; torchvision's folders
        (``MNIST/raw``) are found too. Without it, the folder that the environment variable
        ``BACKBEAM_DATA`` names, to which missing files are downloaded; without either, the
        operating system's cache folder.

    Returns
    -------
    tuple of Path
        Training images, training labels, test images, test labels; from one folder.

    Raises
    ------
    DataError
        The folder does not exist or does not hold all files, or a download fails.
    """
    named = os.environ.get(DATA_FOLDER_VARIABLE)
    if data_folder is None and not named:
        folder = download(name)
        found = _found(name, folder)
    else:
        folder = Path(data_folder or named or "").expanduser()
        if not folder.is_dir():
            origin = "--data-dir" if data_folder else DATA_FOLDER_VARIABLE
            raise DataError(f"{folder}: no such folder; {origin} must name a folder of IDX files")
        found = _found(name, folder)
        if data_folder is None and len(found) < len(SOURCES[name].files):
            found = _found(name, download(name, folder))
    missing = [file for file in SOURCES[name].files if file not in found]
    if missing:
        raise DataError(
            f"{folder}: {name} needs {', '.join(missing)} there or in a subfolder {name}, gzipped "
            "or not; put the files there or name another folder"
        )
    return tuple(found[file] for file in SOURCES[name].files)


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
        try:
            fetch(url, output_file, owner)
        except OSError as error:
            # An answer that is an error keeps its connection until it is closed.
            response = getattr(error, "response", None)
            if response is not None:
                response.close()
            raise

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()


def _found(name: str, folder: Path) -> dict[str, Path]:
    """The files of a data set by their published names, from the folder that has most of them."""

    def files_in(place: Path) -> dict[str, Path]:
        found = {}
        for published in SOURCES[name].files:
            hyphened = published.removesuffix(".gz")
            dotted = hyphened.replace("-idx", ".idx")
            for spelling in (hyphened, published, dotted, f"{dotted}.gz"):
                if (place / spelling).is_file():
                    found[published] = place / spelling
                    break
        return found

    torchvision_folder = folder / SOURCES[name].torchvision_folder / "raw"
    return max(map(files_in, (folder / name, torchvision_folder, folder)), key=len)


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
