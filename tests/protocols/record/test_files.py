"""Files and folders appear and vanish whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from protocols.record.files import remove_folder, replace_file, sweep_partials, write_file


@pytest.mark.parametrize("durable", [True, False])
def test_replacing_leaves_nothing_behind(tmp_path: Path, durable: bool) -> None:
    for data in (b"one", b"two"):
        replace_file(tmp_path / "file", data, durable=durable)
        assert (tmp_path / "file").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("data", [b"", b"data of some length", memoryview(b"data of some length")])
def test_what_the_system_takes_in_several_pieces_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes | memoryview
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, left: write(file, left[:3]))
    (tmp_path / "file").write_bytes(b"something longer than what comes")
    write_file(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == bytes(data)


def test_a_reader_that_holds_the_file_on_windows_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace
    refusals = [PermissionError("in use"), PermissionError("in use")]

    def refuse_twice(source: Path, target: Path) -> Path:
        if refusals:
            raise refusals.pop()
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", refuse_twice)
    replace_file(tmp_path / "file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"
    assert refusals == []


def test_a_permission_that_never_comes_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> Path:
        raise PermissionError("never")

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr("protocols.record.files._REPLACE_PAUSE_SECONDS", 0)
    with pytest.raises(PermissionError, match="never"):
        replace_file(tmp_path / "file", b"data")


def test_a_half_removed_folder_is_swept_as_unfinished(tmp_path: Path) -> None:
    (tmp_path / "20" / "weights").mkdir(parents=True)
    (tmp_path / "20.partial").mkdir()
    remove_folder(tmp_path / "20")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a" / "b.partial" / "c.partial").mkdir(parents=True)
    (tmp_path / "a" / "d.partial").write_bytes(b"")
    (tmp_path / "a" / "e").write_bytes(b"")
    sweep_partials(tmp_path)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["e"]
