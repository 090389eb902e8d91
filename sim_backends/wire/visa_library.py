"""PyVISA backend ``@backbeam``: any program that uses PyVISA talks to simulated boxes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from pyvisa import constants, errors, rname
from pyvisa.constants import ResourceAttribute, StatusCode
from pyvisa.highlevel import VisaLibraryBase
from pyvisa.util import DebugInfo, LibraryPath

from sim_backends.wire.box_link import LinkBroken, LinkSession

if TYPE_CHECKING:
    from sim_backends.twin.clock import SimulatedClock
    from sim_backends.wire.bench_wire import BenchWire

DEFAULT_TIMEOUT_MILLISECONDS = 2000
NO_BENCH = "no bench"
_STREAMS = ("ASRL", "SOCKET")


class SimulatedVisaLibrary(VisaLibraryBase):
    """Answers for the boxes of the bench whose file stands before ``@backbeam``.

    ``pyvisa.ResourceManager("my_bench.toml@backbeam")``, or the variable
    ``PYVISA_LIBRARY=my_bench.toml@backbeam`` for a program that must not be changed.
    """

    bench_clock: SimulatedClock
    """The twin's time, which a driver has to wait by."""

    @staticmethod
    def get_library_paths() -> tuple[LibraryPath, ...]:
        """Return a place that only leads to a message: which bench is meant has to be said."""
        return (LibraryPath(NO_BENCH),)

    @staticmethod
    def get_debug_info() -> DebugInfo:
        """Return what ``pyvisa-info`` prints of this backend."""
        return {"Boxes": "those of the bench file before @backbeam"}

    def _init(self) -> None:
        from instruments.bench_file.reading import find_bench_file
        from instruments.errors import BackbeamError
        from instruments.opening import SharedResources
        from sim_backends.simulated.stand_ins import THE_WIRE, simulated_bench
        from sim_backends.wire.bench_wire import bench_wire

        path = str(self.library_path)
        if path == NO_BENCH:
            raise OSError("say which bench is meant: PYVISA_LIBRARY=my_bench.toml@backbeam")
        try:
            bench = simulated_bench(find_bench_file(path), THE_WIRE)
            boxes = bench_wire(bench, SharedResources())
            boxes.follow_real_time()
            self._attach(boxes)
        except BackbeamError as error:
            raise OSError(str(error)) from error

    def _attach(self, boxes: BenchWire) -> None:
        self.boxes = boxes
        self.bench_clock = boxes.clock
        self._numbers = itertools.count(1)
        self._open: dict[Any, LinkSession] = {}
        self._attributes: dict[Any, dict[Any, Any]] = {}

    # Resources -----------------------------------------------------------------------------------

    def open_default_resource_manager(self) -> Any:
        """Return a session for the manager itself."""
        number = next(self._numbers)
        return number, self.handle_return_value(None, StatusCode.success)

    def list_resources(self, session: Any, query: str = "?*::INSTR") -> Any:
        """Return the addresses of all boxes that match a VISA expression."""
        return rname.filter(list(self.boxes.links), query)

    def open(
        self,
        session: Any,
        resource_name: str,
        access_mode: Any = constants.AccessModes.no_lock,
        open_timeout: int = constants.VI_TMO_IMMEDIATE,
    ) -> Any:
        """Open a connection to a box."""
        try:
            parsed = rname.ResourceName.from_string(resource_name)
        except rname.InvalidResourceName:
            return 0, self.handle_return_value(None, StatusCode.error_invalid_resource_name)
        link = self.boxes.links.get(str(parsed))
        if link is None:
            return 0, self.handle_return_value(None, StatusCode.error_resource_not_found)
        kind, resource_class = parsed.interface_type, parsed.resource_class
        is_stream = kind in _STREAMS or resource_class in _STREAMS
        try:
            connection = link.connect(is_stream=is_stream)
        except LinkBroken:
            return 0, self.handle_return_value(None, StatusCode.error_resource_not_found)
        number = next(self._numbers)
        self._open[number] = connection
        self._attributes[number] = {
            ResourceAttribute.resource_name: str(parsed),
            ResourceAttribute.resource_class: resource_class,
            ResourceAttribute.interface_type: getattr(constants.InterfaceType, kind.lower()),
            ResourceAttribute.timeout_value: DEFAULT_TIMEOUT_MILLISECONDS,
            ResourceAttribute.termchar: ord("\n"),
            # A serial line ends reads at its terminator from the start.
            ResourceAttribute.termchar_enabled: int(kind == "ASRL"),
            ResourceAttribute.send_end_enabled: constants.VI_TRUE,
        }
        return number, self.handle_return_value(None, StatusCode.success)

    def close(self, session: Any) -> Any:
        """Close a connection, or the manager."""
        self._open.pop(session, None)
        self._attributes.pop(session, None)
        return self.handle_return_value(None, StatusCode.success)

    # Messages ------------------------------------------------------------------------------------

    def write(self, session: Any, data: bytes) -> Any:
        """Send bytes to a box."""
        connection = self._connection(session)
        ends = bool(self._attributes[session][ResourceAttribute.send_end_enabled])
        try:
            connection.write(data, ends=ends)
        except LinkBroken:
            return 0, self.handle_return_value(session, StatusCode.error_connection_lost)
        return len(data), self.handle_return_value(session, StatusCode.success)

    def read(self, session: Any, count: int) -> Any:
        """Return what a box has to say, up to ``count`` bytes."""
        connection = self._connection(session)
        attributes = self._attributes[session]
        stop = None
        if attributes[ResourceAttribute.termchar_enabled]:
            stop = attributes[ResourceAttribute.termchar]
        try:
            data, stopped, was_all = connection.read(count, None if stop is None else bytes([stop]))
        except LinkBroken:
            return b"", self.handle_return_value(session, StatusCode.error_connection_lost)
        if not data:
            # Nobody else can make it answer in the meantime: the time limit passes at once.
            self.bench_clock.wait(1e-3 * attributes[ResourceAttribute.timeout_value])
            return b"", self.handle_return_value(session, StatusCode.error_timeout)
        # On a stream nothing but the terminator says that a message is over.
        if stopped:
            status = StatusCode.success_termination_character_read
        elif was_all and (stop is None or not connection.is_stream):
            status = StatusCode.success
        else:
            status = StatusCode.success_max_count_read
        self._last_status = status
        self._last_status_in_session[session] = status
        return data, status

    def clear(self, session: Any) -> Any:
        """Throw away what is on its way."""
        try:
            self._connection(session).clear()
        except LinkBroken:
            return self.handle_return_value(session, StatusCode.error_connection_lost)
        return self.handle_return_value(session, StatusCode.success)

    def flush(self, session: Any, mask: Any) -> Any:
        """Throw away what has not been read."""
        return self.clear(session)

    def read_stb(self, session: Any) -> Any:
        """Return the status byte, as a serial poll does."""
        connection = self._connection(session)
        byte = connection.link.model.status_byte(has_reply=connection.has_reply)
        return byte, self.handle_return_value(session, StatusCode.success)

    def assert_trigger(self, session: Any, protocol: Any) -> Any:
        """Send a trigger over the bus."""
        self.write(session, b"*TRG\n")
        return self.handle_return_value(session, StatusCode.success)

    # Attributes and events -----------------------------------------------------------------------

    def get_attribute(self, session: Any, attribute: Any) -> Any:
        """Return an attribute of a connection."""
        found = self._attributes.get(session, {})
        if attribute not in found:
            return None, self.handle_return_value(session, StatusCode.error_nonsupported_attribute)
        return found[attribute], self.handle_return_value(session, StatusCode.success)

    def set_attribute(self, session: Any, attribute: Any, attribute_state: Any) -> Any:
        """Set an attribute of a connection; those of real interfaces change nothing."""
        self._attributes[session][attribute] = attribute_state
        return self.handle_return_value(session, StatusCode.success)

    def disable_event(self, session: Any, event_type: Any, mechanism: Any) -> Any:
        """Do nothing: there are no events."""
        return StatusCode.success

    def discard_events(self, session: Any, event_type: Any, mechanism: Any) -> Any:
        """Do nothing: there are no events."""
        return StatusCode.success

    def _connection(self, session: Any) -> LinkSession:
        connection = self._open.get(session)
        if connection is None:
            raise errors.VisaIOError(StatusCode.error_invalid_object)
        return connection


def visa_library_of(boxes: BenchWire) -> SimulatedVisaLibrary:
    """Return a backend for boxes that exist already, whatever their bench file is called."""

    class OfThisBench(SimulatedVisaLibrary):
        """PyVISA keeps one backend for each class and path: this bench has a class of its own."""

        def _init(self) -> None:
            self._attach(boxes)

    return OfThisBench(LibraryPath("the bench that is open"))
