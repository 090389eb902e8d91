"""Which simulated instrument takes the place of which, and with what settings.

A driver names the nominal properties of its instrument as the simulated one does: the number of
channels, the half-wave voltage, the bits of a converter. Whatever both know is taken over; what
only the simulated one knows stands in the instrument's ``simulation`` table, or is its default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel

from instruments.bench_file.checks import check_bench
from instruments.bench_file.instrument_sections import InstrumentSection, kind_in_words
from instruments.bench_file.problems import listed, nearest, validate_section
from instruments.bench_file.schema import BenchFile
from instruments.errors import BenchFileError, InstrumentError, SettingsError
from instruments.library import ENTRY_POINT_GROUP as LIBRARY_MODELS_GROUP
from instruments.opening import OpeningRequest, SharedResources, find_driver
from sim_backends.simulated.settings import SETTINGS_OF_KIND

EVERYTHING = "all"
THE_WIRE = "wire"
WIRE_MODELS_GROUP = "backbeam.wire_models"

_PREFIX = "simulated "


def simulated_bench(bench: BenchFile, what: str) -> BenchFile:
    """Return a bench with simulated instruments in place of some.

    Parameters
    ----------
    bench
        As its file describes it.
    what
        ``"all"``: every instrument; names with commas between: those; ``"wire"``: drivers stay
        wherever there is a model of their boxes on the wire, or of the library or window they
        speak to, and everything else is simulated.

    Raises
    ------
    SettingsError
        If a name is not an instrument of the bench.
    BenchFileError
        If a simulated instrument lacks a setting.
    """
    if what == THE_WIRE:
        boxes = {entry.name for entry in entry_points(group=WIRE_MODELS_GROUP)}
        libraries = {entry.name for entry in entry_points(group=LIBRARY_MODELS_GROUP)}
        names: Iterable[str] = [
            name
            for name, section in bench.instruments.items()
            if section.driver not in libraries
            and (section.driver not in boxes or not section.every_address)
        ]
        return _replaced(bench, names, wire="simulated")
    if what == EVERYTHING:
        return _replaced(bench, bench.instruments)
    names = [name.strip() for name in what.split(",") if name.strip()]
    unknown = [name for name in names if name not in bench.instruments]
    if unknown or not names:
        found = listed(unknown) if unknown else "no name"
        raise SettingsError(
            f"simulate: found {found}; allowed: '{THE_WIRE}', '{EVERYTHING}', or names of "
            f"{bench.origin} with commas between: {listed(bench.instruments)}"
            f"{nearest(unknown[0], bench.instruments) if unknown else ''}"
        )
    return _replaced(bench, names)


def is_simulated(section: InstrumentSection) -> bool:
    """Return whether a section describes a simulated instrument already."""
    return section.driver.startswith(_PREFIX)


def stand_in(bench: BenchFile, name: str) -> InstrumentSection:
    """Return the simulated instrument that takes the place of one of a bench.

    Raises
    ------
    BenchFileError
        If its settings do not make a simulated instrument.
    """
    section = bench.instruments[name]
    if is_simulated(section):
        return section
    kind = kind_in_words(section.kind)
    model = SETTINGS_OF_KIND[section.kind]
    settings: dict[str, Any] = {
        key: value for key, value in _nominal(bench, name).items() if key in model.model_fields
    }
    settings.update(section.simulation)
    key = f"instruments.{name}.simulation"
    try:
        validate_section(bench.origin, model, settings, key)
    except BenchFileError as error:
        raise BenchFileError(
            f"{error} (to simulate '{name}', a {kind} driven by '{section.driver}')"
        ) from error
    return section.model_copy(
        update={
            "driver": f"{_PREFIX}{kind}",
            "address": None,
            "addresses": (),
            "settings": settings,
            "simulation": {},
        }
    )


def stand_in_request(bench: BenchFile, name: str, shared: SharedResources) -> OpeningRequest[Any]:
    """Return what the simulated instrument would be told that takes the place of one of a bench.

    Raises
    ------
    BenchFileError
        If its settings do not make a simulated instrument.
    """
    section = stand_in(bench, name)
    model = SETTINGS_OF_KIND[section.kind]
    key = f"instruments.{name}.simulation"
    return OpeningRequest(
        name=name,
        kind=section.kind,
        settings=validate_section(bench.origin, model, section.settings, key),
        addresses=(),
        limits={},
        bench=bench,
        shared=shared,
    )


def _nominal(bench: BenchFile, name: str) -> Mapping[str, Any]:
    """Return an instrument's settings as the file writes them, defaults of its driver included."""
    section = bench.instruments[name]
    try:
        model = _settings_model(section.driver)
    except (BenchFileError, InstrumentError):
        # Without the driver's package, or its vendor's library, the file's own words have to do.
        return section.settings
    key = f"instruments.{name}.settings"
    settings = validate_section(bench.origin, model, section.settings, key)
    written = settings.model_dump(mode="json")
    return {name: value for name, value in written.items() if value is not None}


@lru_cache(maxsize=64)
def _settings_model(driver: str) -> type[BaseModel]:
    # Looking through all installed packages takes tens of milliseconds.
    return find_driver(driver).Settings


def _replaced(bench: BenchFile, names: Iterable[str], wire: str = "real") -> BenchFile:
    replaced = {name: stand_in(bench, name) for name in names}
    copy = bench.model_copy(update={"instruments": {**bench.instruments, **replaced}, "wire": wire})
    check_bench(copy)
    return copy
