"""The simulated wire of a bench: a model for every box with an address, all in one twin's light."""

from __future__ import annotations

import dataclasses
import threading
import zlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import cast

import pyvisa

from instruments.bench_file.schema import BenchFile
from instruments.clock import Clock
from instruments.errors import BenchFileError
from instruments.opening import SharedResources
from instruments.transport.addresses import canonical
from instruments.transport.wire import VisaWire
from sim_backends.simulated.stand_ins import (
    WIRE_MODELS_GROUP,
    is_simulated,
    stand_in_request,
)
from sim_backends.simulated.twin_of_bench import twin_of_bench
from sim_backends.twin.clock import SimulatedClock
from sim_backends.wire.box_link import BoxLink
from sim_backends.wire.real_time import RealTime
from sim_backends.wire.scpi_model import ScpiModel
from sim_backends.wire.visa_library import visa_library_of
from sim_backends.wire.wire_models import WireModel


@dataclasses.dataclass(frozen=True)
class BenchWire:
    """Every simulated box of a bench.

    Attributes
    ----------
    links
        By address, in VISA's canonical form.
    clock
        The twin's.
    """

    links: Mapping[str, BoxLink]
    clock: SimulatedClock

    def follow_real_time(self, wall: Clock | None = None) -> None:
        """Let the twin's time pass as real time does, for programs that do not wait by its own."""
        real_time = RealTime(self.clock, wall)
        for link in self.links.values():
            link.real_time = real_time


def bench_wire(bench: BenchFile, shared: SharedResources) -> BenchWire:
    """Build the boxes of a bench's instruments that have addresses.

    Raises
    ------
    BenchFileError
        If there is no model for the boxes of a driver, or two instruments would have boxes of
        different kinds at one address.
    """
    models = {entry.name: entry for entry in entry_points(group=WIRE_MODELS_GROUP)}
    boxes: dict[str, ScpiModel] = {}
    links: dict[str, BoxLink] = {}
    lock = threading.RLock()
    twin = shared.get("twin", lambda: twin_of_bench(bench))
    for name, section in bench.instruments.items():
        if not section.every_address or is_simulated(section):
            continue
        if section.driver not in models:
            raise BenchFileError(
                f"{bench.origin}: instruments.{name}.driver: there is no model of the boxes that "
                f"'{section.driver}' drives; simulate the instrument itself"
            )
        kind = cast(WireModel, models[section.driver].load())
        own: list[ScpiModel] = []
        for address in section.every_address:
            key = canonical(address)
            if key not in boxes:
                boxes[key] = kind.box(name, _serial(key), twin.clock)
                links[key] = BoxLink(boxes[key], address, twin.faults, lock)
            elif type(boxes[key]) is not kind.box:
                raise BenchFileError(
                    f"{bench.origin}: instruments.{name}.address: '{address}' is the address of "
                    f"'{boxes[key].name}', a box of another kind"
                )
            else:
                links[key].names.append(name)
            own.append(boxes[key])
        kind.hang(stand_in_request(bench, name, shared), own)
    return BenchWire(links, twin.clock)


def simulated_wire(bench: BenchFile, shared: SharedResources) -> VisaWire:
    """Return the wire of a bench whose file says ``wire = "simulated"``.

    Raises
    ------
    BenchFileError
        As of ``bench_wire``.
    """
    boxes = shared.get("simulated boxes", lambda: bench_wire(bench, shared))
    return VisaWire(pyvisa.ResourceManager(visa_library_of(boxes)))


def _serial(address: str) -> str:
    """Return a serial number: the one in a USB address, or one that belongs to the address."""
    parts = address.split("::")
    if parts[0].upper().startswith("USB") and len(parts) > 3:
        return parts[3]
    return f"M{zlib.crc32(address.encode()) % 100_000_000:08d}"
