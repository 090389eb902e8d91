"""From a bench file to instruments: find drivers by name, check their settings, open them.

Drivers are entry points of the group ``backbeam.instruments``, so that another package can bring
one: the name is what a bench file writes, the value a class such as ``Driver`` describes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from pydantic import BaseModel

from instruments.bench_file.problems import Problem, listed, nearest, refuse, validate_section
from instruments.bench_file.schema import BenchFile
from instruments.errors import BenchFileError, InstrumentError
from instruments.interfaces.instrument import Instrument
from instruments.interfaces.kinds import INTERFACES
from instruments.limits import Limit

ENTRY_POINT_GROUP = "backbeam.instruments"

Resource = TypeVar("Resource")
SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


class SharedResources:
    """What several instruments of one bench share, such as its twin; each is built once.

    May be asked from several threads at a time, as instruments are opened in parallel.
    """

    def __init__(self) -> None:
        # Re-entrant, because a resource may be built from another one.
        self._lock = threading.RLock()
        self._built: dict[str, object] = {}

    def get(self, key: str, factory: Callable[[], Resource]) -> Resource:
        """Return the resource of that name, built by ``factory`` the first time it is asked for.

        Whoever asks for a name has to mean the same type by it. If ``factory`` raises, nothing is
        kept.
        """
        with self._lock:
            if key not in self._built:
                self._built[key] = factory()
            return cast(Resource, self._built[key])

    def built(self) -> dict[str, object]:
        """Return the resources built so far, by name."""
        with self._lock:
            return dict(self._built)


@dataclass(frozen=True, slots=True)
class OpeningRequest(Generic[SettingsModel]):
    """All a driver is told when its instrument is opened.

    Parameters
    ----------
    name
        The instrument's name in the bench file.
    kind
        Its kind, a key of ``INTERFACES``.
    settings
        The instrument's settings, as the driver's own model.
    addresses
        Where its boxes answer, in the order of their channels.
    limits
        What the bench file allows at most, by quantity; ``Limit.narrowed`` applies them.
    bench
        The whole bench file.
    shared
        What the instruments of this bench share.
    """

    name: str
    kind: str
    settings: SettingsModel
    addresses: tuple[str, ...]
    limits: Mapping[str, Limit]
    bench: BenchFile
    shared: SharedResources

    @property
    def address(self) -> str | None:
        """Where it answers if it is a single box, or ``None``."""
        return self.addresses[0] if len(self.addresses) == 1 else None


class Driver(Protocol):
    """What an entry point of the group ``backbeam.instruments`` has to be: a class like this.

    ``kind`` is a key of ``INTERFACES``, ``Settings`` a pydantic model of the driver's settings.
    """

    kind: ClassVar[str]
    Settings: ClassVar[type[BaseModel]]

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Instrument:
        """Return the instrument, ready to use and in its safe state.

        Raises
        ------
        InstrumentError
            If it does not answer, is another device than expected or is in use.
        """
        ...


@dataclass(frozen=True, slots=True)
class PreparedInstrument:
    """An instrument that can be opened: its driver is there and its settings are right."""

    driver: type[Driver]
    request: OpeningRequest[Any]

    def open(self) -> Instrument:
        """Open it; errors as of ``Driver.open``."""
        return self.driver.open(self.request)


def installed_drivers() -> dict[str, EntryPoint]:
    """Return the installed drivers by name, none of them loaded yet.

    Raises
    ------
    BenchFileError
        If two packages bring different drivers of the same name.
    """
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        # The same one twice is an editable installation beside an ordinary one.
        if entry.name in found and found[entry.name].value != entry.value:
            raise BenchFileError(
                f"driver '{entry.name}' is installed twice, as {found[entry.name].value} and "
                f"{entry.value}; uninstall one of the packages"
            )
        found[entry.name] = entry
    return found


def find_driver(name: str, installed: Mapping[str, EntryPoint] | None = None) -> type[Driver]:
    """Return the driver of that name.

    Parameters
    ----------
    name
        As a bench file writes it.
    installed
        Drivers to choose from; by default all that are installed, which takes milliseconds to
        find out.

    Raises
    ------
    BenchFileError
        If no such driver is installed; the message lists those that are.
    InstrumentError
        If it cannot be loaded, for want of a vendor's library for instance, or is not a driver.
    """
    drivers = installed_drivers() if installed is None else installed
    if name not in drivers:
        raise BenchFileError(
            f"no driver '{name}' is installed; installed: {listed(drivers)}{nearest(name, drivers)}"
        )
    entry = drivers[name]
    try:
        driver = entry.load()
    except Exception as error:
        # Vendors' libraries raise anything when they are loaded without their hardware's files.
        raise InstrumentError(
            f"driver '{name}' ({entry.value}) cannot be loaded: {type(error).__name__}: {error}; "
            "install what it needs or choose another driver"
        ) from error
    settings = getattr(driver, "Settings", None)
    if (
        getattr(driver, "kind", None) not in INTERFACES
        or not (isinstance(settings, type) and issubclass(settings, BaseModel))
        or not callable(getattr(driver, "open", None))
    ):
        raise InstrumentError(
            f"driver '{name}' ({entry.value}) is not a driver; it needs a pydantic model "
            f"Settings, a class method open and a kind: {listed(INTERFACES)}"
        )
    return cast(type[Driver], driver)


def prepare_instrument(bench: BenchFile, name: str, shared: SharedResources) -> PreparedInstrument:
    """Find the driver of one instrument of a bench and check its kind and its settings.

    Raises
    ------
    BenchFileError
        If the driver is not installed or for another kind, or a setting is not allowed; the
        message names the file and the key.
    InstrumentError
        If the driver cannot be loaded.
    """
    section = bench.instruments[name]
    key = f"instruments.{name}"
    try:
        driver = find_driver(section.driver, shared.get("installed drivers", installed_drivers))
    except BenchFileError as error:
        raise BenchFileError(f"{bench.origin}: {key}.driver: {error}") from error
    except InstrumentError as error:
        raise InstrumentError(f"{bench.origin}: {key}.driver: {error}") from error
    if driver.kind != section.kind:
        problem = Problem(
            f"{key}.driver",
            f"'{section.driver}' drives a {driver.kind.replace('_', ' ')}; '{name}' is a "
            f"{section.kind.replace('_', ' ')}",
        )
        refuse(bench.origin, [problem])
    settings = validate_section(bench.origin, driver.Settings, section.settings, f"{key}.settings")
    request = OpeningRequest(
        name=name,
        kind=section.kind,
        settings=settings,
        addresses=section.every_address,
        limits=section.limits,
        bench=bench,
        shared=shared,
    )
    return PreparedInstrument(driver, request)


def prepare_instruments(
    bench: BenchFile, shared: SharedResources | None = None
) -> dict[str, PreparedInstrument]:
    """Prepare all instruments of a bench, by name; nothing is opened yet.

    Raises
    ------
    BenchFileError, InstrumentError
        As of ``prepare_instrument``, for the first instrument that is not right.
    """
    resources = SharedResources() if shared is None else shared
    return {name: prepare_instrument(bench, name, resources) for name in bench.instruments}
