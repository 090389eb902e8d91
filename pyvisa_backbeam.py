"""PyVISA backend ``@backbeam``: the name under which PyVISA looks for the simulated wire.

PyVISA finds a backend only as a top-level module called ``pyvisa_<name>``.
"""

from sim_backends.wire.visa_library import SimulatedVisaLibrary

WRAPPER_CLASS = SimulatedVisaLibrary
