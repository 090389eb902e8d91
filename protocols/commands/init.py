"""``backbeam init``: a bench file to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SCHEMA_FILE = "backbeam-bench.schema.json"

INIT_EXAMPLES = """**Examples**

backbeam init                       my_bench.toml, here

backbeam init lab/bench.toml

backbeam check lab/bench.toml       is it right, who answers
"""


def init(
    path: Annotated[Path, typer.Argument(help="Bench file to write.")] = Path("my_bench.toml"),
    like: Annotated[
        str, typer.Option(help="Built-in bench to start from.", metavar="BENCH")
    ] = "digits",
) -> None:
    """Write a commented bench file, and beside it a schema for editors.

    Every instrument in it is simulated: `backbeam train PATH` runs right away. Replace them by
    real ones, one by one.
    """
    import json

    from instruments.bench_file.json_schema import bench_file_schema
    from instruments.bench_file.reading import built_in_text

    bench = _renamed(built_in_text(like), path)
    schema = json.dumps(bench_file_schema(_settings_of_drivers()), indent=2) + "\n"
    schema_path = path.with_name(SCHEMA_FILE)
    _check_replaceable(schema_path)
    _write(path, f"#:schema ./{SCHEMA_FILE}\n{bench}", "x")
    _write(schema_path, schema, "w")
    typer.echo(f"{path} is written; {SCHEMA_FILE} beside it lets editors complete and check it")
    typer.echo(f"next: backbeam check {_quoted(path)}")


def _quoted(path: Path) -> str:
    """Return a path as it has to be typed."""
    import os
    import shlex
    import subprocess

    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def _renamed(text: str, path: Path) -> str:
    """Return the text with the file's name as the bench's, so that no tables are mistaken."""
    import re

    from instruments.errors import SettingsError

    if path.suffix != ".toml":
        raise SettingsError(f"{path}: a bench file is called NAME.toml")
    name = re.sub(r"[^A-Za-z0-9 ._-]", "-", path.stem).lstrip(" ._-") or "bench"
    return re.sub(r'^name = "[^"]*"', f'name = "{name}"', text, count=1, flags=re.MULTILINE)


def _settings_of_drivers() -> dict[str, type]:
    """Return the settings models of the drivers that can be loaded here."""
    from instruments.errors import InstrumentError
    from instruments.opening import find_driver, installed_drivers

    settings: dict[str, type] = {}
    for name in installed_drivers():
        try:
            settings[name] = find_driver(name).Settings
        except InstrumentError:
            # A vendor's library that is not installed: its settings stay unchecked.
            continue
    return settings


def _check_replaceable(path: Path) -> None:
    """A schema of ours is rewritten, another file is left alone."""
    import json

    from instruments.bench_file.json_schema import TITLE
    from instruments.errors import SettingsError

    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        is_ours = isinstance(known, dict) and known.get("title") == TITLE
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        is_ours = False
    if not is_ours:
        raise SettingsError(f"{path} exists already and is something else: move it away first")


def _write(path: Path, text: str, mode: str) -> None:
    from instruments.errors import SettingsError

    try:
        with path.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise SettingsError(f"{path} exists already: give another name") from None
    except FileNotFoundError:
        raise SettingsError(
            f"{path} cannot be written: there is no folder {path.parent}; make it first"
        ) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"{path} cannot be written ({reason})") from error
