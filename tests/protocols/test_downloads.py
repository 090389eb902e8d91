"""Downloads, against a server on this machine: nothing here reaches the network."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from instruments.errors import DataError
from protocols import downloads
from protocols.downloads import TerminalBar, download, find_or_download
from protocols.published_sets import SOURCES, Source, dataset_of_file

FILES = {
    "train-images-idx3-ubyte.gz": b"training images" * 20_000,
    "train-labels-idx1-ubyte.gz": b"training labels",
    "t10k-images-idx3-ubyte.gz": b"test images",
    "t10k-labels-idx1-ubyte.gz": b"test labels",
}


class CountingHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and remembers what was asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(Path(self.path).name)
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server:
    def __init__(self, folder: Path, address: str, asked: list[str]) -> None:
        self.folder, self.address, self.asked = folder, address, asked

    def publish(self, files: dict[str, bytes]) -> dict[str, str]:
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


class RememberedBar:
    """Counts as the download does."""

    def __init__(self, file_name: str) -> None:
        self.file_name, self.total, self.count, self.closed = file_name, 0.0, 0.0, False

    def update(self, count: float) -> None:
        self.count += count

    def reset(self) -> None:
        self.count = 0

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "published"
    folder.mkdir()
    asked: list[str] = []
    handler = type("Handler", (CountingHandler,), {"asked": asked})
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    ) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield Server(folder, f"http://127.0.0.1:{running.server_port}/", asked)
        running.shutdown()
        thread.join()


def source(addresses: tuple[str, ...], checksums: dict[str, str], **more: object) -> Source:
    return Source(addresses, checksums, classes=10, torchvision_folder="MNIST", **more)  # type: ignore[arg-type]


@pytest.fixture
def closed_address() -> str:
    """An address of this machine at which nothing listens."""
    with http.server.HTTPServer(("127.0.0.1", 0), CountingHandler) as briefly:
        return f"http://127.0.0.1:{briefly.server_port}/"


def test_files_are_fetched_once_and_kept(server: Server, tmp_path: Path) -> None:
    sources = {"mnist": source((server.address,), server.publish(FILES))}
    for _ in range(2):
        folder = download("mnist", tmp_path / "kept", sources=sources)
        assert folder == tmp_path / "kept" / "mnist"
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert sorted(server.asked) == sorted(FILES)


def test_a_damaged_file_in_the_folder_is_fetched_again(server: Server, tmp_path: Path) -> None:
    sources = {"mnist": source((server.address,), server.publish(FILES))}
    folder = download("mnist", tmp_path, sources=sources)
    damaged = folder / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(b"test lab")
    download("mnist", tmp_path, sources=sources)
    assert damaged.read_bytes() == FILES[damaged.name]


def test_the_next_address_is_tried_where_one_fails(
    server: Server, closed_address: str, tmp_path: Path
) -> None:
    checksums = server.publish(FILES)
    addresses = (closed_address, f"{server.address}not-here/", server.address)
    folder = download("mnist", tmp_path, sources={"mnist": source(addresses, checksums)})
    assert len(list(folder.iterdir())) == 4


def test_a_bar_shows_each_file_to_its_end(server: Server, tmp_path: Path) -> None:
    sources = {"mnist": source((server.address,), server.publish(FILES))}
    bars: list[RememberedBar] = []

    def bar(file_name: str) -> RememberedBar:
        bars.append(RememberedBar(file_name))
        return bars[-1]

    download("mnist", tmp_path, bar=bar, sources=sources)
    assert [shown.file_name for shown in bars] == list(FILES)
    for shown in bars:
        assert shown.count == shown.total == len(FILES[shown.file_name])
        assert shown.closed
    bars.clear()
    download("mnist", tmp_path, bar=bar, sources=sources)
    assert bars == []


def test_the_terminals_bar_counts_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    bar = TerminalBar("gzip.zip")
    bar.total = 100
    bar.update(70)
    bar.reset()
    bar.update(100)
    bar.close()
    bar.close()
    assert bar.total == 100
    assert capsys.readouterr().out == ""


def test_without_a_network_the_message_says_what_to_do(closed_address: str, tmp_path: Path) -> None:
    checksums = dict.fromkeys(FILES, "0" * 64)
    bars: list[RememberedBar] = []

    def bar(file_name: str) -> RememberedBar:
        bars.append(RememberedBar(file_name))
        return bars[-1]

    with pytest.raises(DataError) as caught:
        download(
            "mnist", tmp_path, bar=bar, sources={"mnist": source((closed_address,), checksums)}
        )
    message = str(caught.value)
    assert message.startswith("cannot download mnist")
    assert "no connection" in message
    assert "--data-dir or BACKBEAM_DATA" in message
    assert all(name in message for name in FILES)
    assert "\n" not in message
    assert all(shown.closed for shown in bars)


def test_a_file_that_is_gone_is_said(server: Server, tmp_path: Path) -> None:
    sources = {"mnist": source((server.address,), dict.fromkeys(FILES, "0" * 64))}
    with pytest.raises(DataError, match="the server answered 404"):
        download("mnist", tmp_path, sources=sources)


def test_another_file_under_the_same_name_is_refused_and_not_kept(
    server: Server, tmp_path: Path
) -> None:
    server.publish(FILES)
    sources = {"mnist": source((server.address,), dict.fromkeys(FILES, "0" * 64))}
    with pytest.raises(DataError, match="expected checksum"):
        download("mnist", tmp_path, sources=sources)
    assert list((tmp_path / "mnist").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot make the folder"):
        download("mnist", tmp_path / "file")


def archive(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        for name, data in members.items():
            opened.writestr(f"gzip/{name}", data)
    return content.getvalue()


def test_a_data_set_inside_a_zip_file_is_unpacked_and_the_zip_file_deleted(
    server: Server, tmp_path: Path
) -> None:
    packed = archive({**FILES, "letters-idx3-ubyte.gz": b"another data set"})
    checksums = server.publish({"gzip.zip": packed})
    sources = {"mnist": source((server.address,), checksums, members=tuple(FILES))}
    for _ in range(2):
        folder = download("mnist", tmp_path, sources=sources)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert server.asked == ["gzip.zip"]


@pytest.mark.parametrize(
    ("packed", "problem"),
    [
        pytest.param(archive({"other.gz": b"x"}), "holds no file 'train-images", id="no member"),
        pytest.param(b"not a zip file", r"cannot be unpacked \(File is not a zip", id="no zip"),
    ],
)
def test_a_zip_file_without_the_data_set_is_said(
    server: Server, tmp_path: Path, packed: bytes, problem: str
) -> None:
    checksums = server.publish({"gzip.zip": packed})
    sources = {"mnist": source((server.address,), checksums, members=tuple(FILES))}
    with pytest.raises(DataError, match=problem):
        download("mnist", tmp_path, sources=sources)


def put_files(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


@pytest.mark.parametrize("place", [".", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("hyphen", ["-", "."])
def test_a_data_folder_may_be_laid_out_in_several_ways(
    tmp_path: Path, place: str, suffix: str, hyphen: str
) -> None:
    names = [
        f"{part}{hyphen}{kind}-ubyte{suffix}"
        for part, kind in (
            ("train-images", "idx3"),
            ("train-labels", "idx1"),
            ("t10k-images", "idx3"),
            ("t10k-labels", "idx1"),
        )
    ]
    put_files(tmp_path / place, names)
    assert find_or_download("mnist", tmp_path) == tuple(tmp_path / place / name for name in names)


def test_the_four_files_come_from_one_folder(tmp_path: Path) -> None:
    put_files(tmp_path / "mnist", list(FILES)[:2])
    put_files(tmp_path, list(FILES))
    assert {path.parent for path in find_or_download("mnist", tmp_path)} == {tmp_path}


def test_missing_files_are_named(tmp_path: Path) -> None:
    put_files(tmp_path, list(FILES)[:2])
    with pytest.raises(DataError, match=r"mnist needs t10k-images\S+ t10k-labels\S+ there"):
        find_or_download("mnist", tmp_path)


def test_a_data_folder_that_does_not_exist_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="no such folder; --data-dir must name"):
        find_or_download("mnist", tmp_path / "nowhere")
    monkeypatch.setenv("BACKBEAM_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="no such folder; BACKBEAM_DATA must name"):
        find_or_download("mnist")


def test_missing_files_are_downloaded_to_the_folder_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[tuple[str, Path | None]] = []

    def recorded(name: str, folder: Path | None = None) -> Path:
        wanted.append((name, folder))
        put_files((folder or tmp_path / "cache") / name, list(FILES))
        return (folder or tmp_path / "cache") / name

    monkeypatch.setattr(downloads, "download", recorded)
    monkeypatch.setenv("BACKBEAM_DATA", str(tmp_path))
    for _ in range(2):
        assert find_or_download("kmnist")[0].parent == tmp_path / "kmnist"
    assert wanted == [("kmnist", tmp_path)]
    monkeypatch.delenv("BACKBEAM_DATA")
    assert find_or_download("kmnist")[0].parent == tmp_path / "cache" / "kmnist"


def test_a_published_file_is_known_by_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(b"labels")
    assert dataset_of_file(path) is None
    sources = {"mnist": source((), {"a": hashlib.sha256(b"labels").hexdigest()})}
    assert dataset_of_file(path, sources) == "mnist"


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_published_set_is_four_files_with_checksums_and_more_than_one_address(
    name: str,
) -> None:
    published = SOURCES[name]
    kinds = [re.search(r"(images-idx3|labels-idx1)-ubyte\.gz$", file) for file in published.files]
    assert [kind[1] for kind in kinds if kind] == ["images-idx3", "labels-idx1"] * 2
    assert ["train" in file for file in published.files] == [True, True, False, False]
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in published.checksums.values())
    assert len(published.addresses) > 1
    assert all(re.fullmatch(r"https?://\S+/", address) for address in published.addresses)


def test_no_two_published_files_have_the_same_checksum() -> None:
    checksums = [text for source in SOURCES.values() for text in source.checksums.values()]
    assert len(set(checksums)) == len(checksums)
