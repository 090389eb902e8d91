"""What drivers without a wire speak to: an object of a vendor's library, or a window on a screen.

Such a driver takes that object as an argument. On a bench whose file says ``wire = "simulated"``
the object is a model of it in the light of the twin, found by an entry point of the group
``backbeam.library_models`` that has the driver's name; everything the driver does stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from instruments.clock import Clock, WallClock
from instruments.errors import BackbeamError, InstrumentError
from instruments.opening import OpeningRequest

ENTRY_POINT_GROUP = "backbeam.library_models"

Handle = TypeVar("Handle")


@dataclass(frozen=True, slots=True)
class Library(Generic[Handle]):
    """What a driver speaks to, and by which clock it waits.

    Parameters
    ----------
    handle
        The object that moves the device.
    clock
        The bench's time.
    simulated
        Whether nothing outside this computer hangs on it.
    """

    handle: Handle
    clock: Clock
    simulated: bool


LibraryModel = Callable[[OpeningRequest[Any]], Library[Any]]
"""What an entry point of the group has to be: from what a driver is told to a model of its object.
"""


def library_for(request: OpeningRequest[Any], load: Callable[[], Handle]) -> Library[Handle]:
    """Return what the driver of an instrument speaks to.

    Parameters
    ----------
    request
        What the driver was told.
    load
        Returns the real object; called only where the bench's wire is real.

    Raises
    ------
    InstrumentError
        If the library cannot be loaded, or there is no model of it.
    """
    bench = request.bench
    if bench.wire == "real":
        return Library(load(), WallClock(), simulated=False)
    driver = bench.instruments[request.name].driver
    found = entry_points(group=ENTRY_POINT_GROUP, name=driver)
    if not found:
        raise InstrumentError(
            f"{bench.origin}: instruments.{request.name}.driver: there is no model of what "
            f"'{driver}' speaks to; simulate the instrument itself"
        )
    model = cast(LibraryModel, next(iter(found)).load())
    return cast(Library[Handle], model(request))


def load_library(instrument: str, load: Callable[[], Handle], extra: str) -> Handle:
    """Return the object ``load`` makes of a vendor's library, or say which extra brings that.

    Whatever its methods raise is an ``InstrumentError`` from now on.

    Raises
    ------
    InstrumentError
        If the library is not installed or does not find its device.
    """
    try:
        return cast(Handle, _Guarded(instrument, load()))
    except InstrumentError:
        raise
    except ImportError as error:
        raise InstrumentError(
            f"{instrument}: the library it needs is not installed ({error}); install it with: "
            f'python -m pip install "backbeam[{extra}]"'
        ) from error
    except Exception as error:
        # Vendors' libraries raise anything without their device's files or with it unplugged.
        raise InstrumentError(
            f"{instrument}: its library cannot be used: {type(error).__name__}: {error}; check "
            "that the vendor's software is installed and the device is connected and free"
        ) from error


class _Guarded:
    """A vendor's object whose exceptions say which instrument they are about.

    Parameters
    ----------
    instrument
        Its name in the bench file.
    handle
        The object.
    """

    def __init__(self, instrument: str, handle: Any) -> None:
        object.__setattr__(self, "_instrument", instrument)
        object.__setattr__(self, "_handle", handle)

    def __getattr__(self, name: str) -> Any:
        with translated_errors(self._instrument, name):
            value = getattr(self._handle, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **named: Any) -> Any:
            with translated_errors(self._instrument, name):
                return value(*arguments, **named)

        return call

    def __setattr__(self, name: str, value: Any) -> None:
        with translated_errors(self._instrument, name):
            setattr(self._handle, name, value)


@contextmanager
def translated_errors(instrument: str, doing: str) -> Iterator[None]:
    """Turn whatever a vendor's library raises into an error about an instrument.

    Parameters
    ----------
    instrument
        Its name in the bench file.
    doing
        What was called.
    """
    try:
        yield
    except BackbeamError:
        raise
    except Exception as error:
        raise InstrumentError(
            f"{instrument}: its library failed at {doing}: {type(error).__name__}: {error}; check "
            "its power and cables, then start anew"
        ) from error
