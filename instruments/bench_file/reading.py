"""Read a bench file, by its path or by the name of a built-in bench."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from instruments.bench_file.checks import check_bench
from instruments.bench_file.problems import listed, nearest, validate_section
from instruments.bench_file.schema import BenchFile
from instruments.errors import BenchFileError

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)")


def read_bench_file(path: Path) -> BenchFile:
    """Read and check the bench file at ``path``.

    Raises
    ------
    BenchFileError
        If it cannot be read, is not TOML or says something that cannot be; one line names the
        file, the key, what was found and what is allowed.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BenchFileError(
            f"{path}: no such file; `backbeam init {path}` writes a bench file to start from"
        ) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BenchFileError(f"{path}: cannot be read ({reason})") from error
    try:
        # Editors on Windows put a byte order mark in front.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BenchFileError(
            f"{path}, line {line}: not UTF-8; save the file in that encoding"
        ) from error
    return parse_bench_file(text, str(path), path.parent)


def parse_bench_file(
    text: str, origin: str = "bench file", folder: Path | None = None
) -> BenchFile:
    """Check the text of a bench file.

    Parameters
    ----------
    text
        TOML.
    origin
        What messages call the file.
    folder
        What paths in the file are relative to; ``None`` for the current folder.

    Raises
    ------
    BenchFileError
        As of ``read_bench_file``.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BenchFileError(_not_toml(str(error), text, origin)) from error
    bench = validate_section(origin, BenchFile, table).read_from(origin, folder)
    check_bench(bench)
    return bench


def parse_bench_record(table: Mapping[str, Any], origin: str) -> BenchFile:
    """Check a bench as a record holds it: ``BenchFile.model_dump(mode="json")``.

    Raises
    ------
    BenchFileError
        As of ``read_bench_file``.
    """
    bench = validate_section(origin, BenchFile, table).read_from(origin, None)
    check_bench(bench)
    return bench


def built_in_names() -> list[str]:
    """Return the names of the built-in benches, sorted."""
    entries = files(__package__).joinpath("built_in").iterdir()
    return sorted(
        entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml")
    )


def built_in_text(name: str) -> str:
    """Return the text of a built-in bench file.

    Raises
    ------
    BenchFileError
        If there is none of that name.
    """
    names = built_in_names()
    if name not in names:
        raise BenchFileError(
            f"there is no built-in bench '{name}'; built in: {listed(names)}{nearest(name, names)}"
        )
    return files(__package__).joinpath("built_in", f"{name}.toml").read_text(encoding="utf-8")


def built_in_bench(name: str) -> BenchFile:
    """Return a built-in bench.

    Raises
    ------
    BenchFileError
        If there is none of that name.
    """
    return parse_bench_file(built_in_text(name), f"built-in bench '{name}'")


def find_bench_file(bench: str) -> BenchFile:
    """Return what a person means by ``bench``: a file, or else a built-in bench.

    Raises
    ------
    BenchFileError
        As of ``read_bench_file``, or if it is neither.
    """
    path = Path(bench)
    if path.is_file() or path.suffix == ".toml":
        return read_bench_file(path)
    names = built_in_names()
    if bench in names:
        return built_in_bench(bench)
    raise BenchFileError(
        f"'{bench}' is neither a bench file (NAME.toml) nor a built-in bench; built in: "
        f"{listed(names)}{nearest(bench, names)}"
    )


def _not_toml(message: str, text: str, origin: str) -> str:
    """Return one line that names the line where the parser gave up."""
    place = _PLACE.search(message)
    what = _PLACE.sub("", message)
    what = what[:1].lower() + what[1:]
    if place is None:
        return f"{origin}: not TOML: {what}"
    if place[1] is None:
        return f"{origin}, line {len(text.splitlines()) or 1}: not TOML: {what} at the end"
    return f"{origin}, line {place[1]}, column {place[2]}: not TOML: {what}"
