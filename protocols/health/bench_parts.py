"""What an open bench was made from: its tables, its file, and which instrument is where."""

from __future__ import annotations

from instruments.bench import Bench
from instruments.bench_file.schema import BenchFile
from instruments.camera_taps import CameraTaps
from instruments.errors import CalibrationError
from instruments.tables_in_use import TablesInUse


def tables_of(bench: Bench) -> TablesInUse:
    """Return the tables a bench works with.

    Raises
    ------
    CalibrationError
        If it was wired by hand, without any.
    """
    if bench.tables is None:
        raise CalibrationError(
            f"bench {bench.name} was wired by hand and names no tables: open it with "
            "instruments.bench_opening.open_bench to have it checked"
        )
    return bench.tables


def file_of(bench: Bench) -> BenchFile:
    """Return the file a bench was opened from.

    Raises
    ------
    CalibrationError
        If it was wired by hand, from none.
    """
    tables_of(bench)
    assert bench.file is not None
    return bench.file


def is_nominal(bench: Bench, kind: str, name: str) -> bool:
    """Return whether the table of an instrument or stage is no measured one.

    Parameters
    ----------
    kind
        Of tables: ``encoders``, ``weight_banks``, ``absorbers``, ``camera_regions``.
    """
    table = getattr(tables_of(bench).tables, kind).get(name)
    return table is None or table.provenance.source == "nominal"


def tap_banks(bench: Bench) -> list[str]:
    """Return the banks of taps, stage by stage."""
    return [
        bank
        for stage in file_of(bench).stages.values()
        for port in ("z", "a", "delta", "rho")
        if (bank := getattr(stage.taps, port))
    ]


def is_camera(bench: Bench, bank: str) -> bool:
    """Return whether a bank of taps is a camera."""
    return isinstance(bench.light.exposer.detectors[bank], CameraTaps)


def panel_of(bench: Bench, stage: str) -> str:
    """Return what shows the weights of a stage."""
    return file_of(bench).stages[stage].weights


def oven_of(bench: Bench) -> str | None:
    """Return what heats the absorber, if anything does."""
    own = file_of(bench).absorber
    return None if own is None else own.oven
