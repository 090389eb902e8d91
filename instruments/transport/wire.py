"""What instruments hang on: the laboratory's interfaces, or models of the instruments themselves.

The bench file says which, ``wire = "simulated"``; anything but the real one is found by the entry
point of that name in the group ``backbeam.wires``, as drivers are.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Protocol, cast

from instruments.bench_file.schema import BenchFile
from instruments.clock import Clock, WallClock
from instruments.errors import InstrumentError
from instruments.opening import OpeningRequest, SharedResources
from instruments.transport.connection import Connection
from instruments.transport.socket_connection import SocketConnection, host_and_port
from instruments.transport.visa_connection import VisaConnection

ENTRY_POINT_GROUP = "backbeam.wires"


class Wire(Protocol):
    """Opens connections, and knows by which clock drivers wait."""

    @property
    def clock(self) -> Clock:
        """The bench's time."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether nothing outside this computer hangs on it."""
        ...

    def connect(
        self, address: str, timeout_seconds: float, end: bytes, baud_rate: int | None
    ) -> Connection:
        """Open a connection; ``ConnectionLostError`` if there is nobody."""
        ...


class VisaWire:
    """PyVISA's interfaces, with the variable ``PYVISA_LIBRARY`` in force.

    Parameters
    ----------
    manager
        PyVISA's resource manager; by default that of its default backend.
    """

    def __init__(self, manager: Any = None) -> None:
        self._given = manager

    @property
    def manager(self) -> Any:
        """PyVISA's resource manager, built when it is first needed."""
        if self._given is None:
            import pyvisa

            try:
                self._given = pyvisa.ResourceManager()
            except (OSError, ValueError) as error:
                raise InstrumentError(
                    f"PyVISA finds no backend ({error}); install pyvisa-py or a vendor's VISA, or "
                    "look at the variable PYVISA_LIBRARY"
                ) from error
        return self._given

    @property
    def clock(self) -> Clock:
        """The laboratory's time, or that of the bench a simulating backend holds."""
        clock = getattr(self.manager.visalib, "bench_clock", None)
        return WallClock() if clock is None else cast(Clock, clock)

    @property
    def simulated(self) -> bool:
        """Whether the backend simulates."""
        return getattr(self.manager.visalib, "bench_clock", None) is not None

    def connect(
        self, address: str, timeout_seconds: float, end: bytes, baud_rate: int | None
    ) -> Connection:
        """Open a connection; ``ConnectionLostError`` if there is nobody."""
        place = host_and_port(address)
        if place is not None and type(self.manager.visalib).__module__.startswith("pyvisa_py"):
            return SocketConnection(*place, timeout_seconds, end)
        return VisaConnection(self.manager, address, timeout_seconds, end, baud_rate)


def shared_wire(request: OpeningRequest[Any]) -> Wire:
    """Return the wire of the bench an instrument is opened for.

    Raises
    ------
    InstrumentError
        If the file names a wire that is not installed.
    """
    shared = request.shared
    return shared.get("wire", lambda: _open_wire(request.bench, shared))


def _open_wire(bench: BenchFile, shared: SharedResources) -> Wire:
    if bench.wire == "real":
        return VisaWire()
    found = entry_points(group=ENTRY_POINT_GROUP, name=bench.wire)
    if not found:
        raise InstrumentError(
            f"{bench.origin}: wire: no '{bench.wire}' wire is installed; install backbeam whole"
        )
    factory = cast(Callable[[BenchFile, SharedResources], Wire], next(iter(found)).load())
    return factory(bench, shared)
