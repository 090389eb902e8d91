"""PyVISA backend ``@backbeam``: the name under which PyVISA looks for the simulated wire.

PyVISA finds a backend only as a top-level module called ``pyvisa_<name>``. The instrument
models that answer on the wire are not part of this version; asking for the backend says so.
"""

from __future__ import annotations

from pyvisa.highlevel import VisaLibraryBase
from pyvisa.util import LibraryPath


class SimulatedWire(VisaLibraryBase):
    """Refuses to open, with a message that says why."""

    @staticmethod
    def get_library_paths() -> tuple[LibraryPath, ...]:
        """Return the one place this backend lives in."""
        return (LibraryPath("backbeam"),)

    def _init(self) -> None:
        raise OSError(
            "the simulated wire @backbeam is not part of this version of backbeam; "
            "use another PyVISA backend, such as @py"
        )


WRAPPER_CLASS = SimulatedWire
