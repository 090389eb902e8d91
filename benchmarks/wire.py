"""What the in-process wire costs, drivers and PyVISA included. Prints JSON.

``scalar_query_microseconds``: a property of PyMeasure's ThorlabsPM100USB, unchanged, and of a
driver of this project. ``block_megabytes_per_second``: a waveform of 64 KiB up to a generator, and
a record of 100 kB down from an oscilloscope, as numbers.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pyvisa

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "sim_backends" / "support"))

from pymeasure.instruments.thorlabs import ThorlabsPM100USB
from wire_bench import wire_bench_file

from instruments.drivers.keysight_33500 import upload_codes
from instruments.drivers.thorlabs_itc4000 import itc4000
from instruments.opening import SharedResources
from instruments.transport.session import Session
from sim_backends.wire.bench_wire import simulated_wire

BLOCK_BYTES = 1 << 16
RECORD_BYTES = 100_000
REPEATS = 7


def best_seconds(action, count):
    """Return the least time one of ``count`` actions in a row took, over some repeats."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        for _ in range(count):
            action()
        times.append((time.perf_counter() - begin) / count)
    return min(times)


def main():
    bench = wire_bench_file()
    shared = SharedResources()
    wire = simulated_wire(bench, shared)
    places = {name: section.every_address for name, section in bench.instruments.items()}

    def session(name):
        return Session(name, places[name][0], wire).open()

    box = itc4000(session("amplifier_1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meter = ThorlabsPM100USB(
            pymeasure_adapter(wire.manager, places["meter"][0]), name="power meter"
        )
    generator, oscilloscope = session("inputs"), session("z")
    generator.write("FORM:BORD SWAP")
    codes = np.arange(BLOCK_BYTES // 2, dtype=np.int16) % 32767
    for command in (":WAV:FORM WORD", ":WAV:BYT LSBF", ":WAV:UNS 0", ":DIG"):
        oscilloscope.write(command)
    # The nearest length of a record that oscilloscopes of this family give out.
    oscilloscope.write(":WAV:POIN 50000")
    up = best_seconds(lambda: upload_codes(generator, 1, "W", codes), 50)
    down = best_seconds(lambda: oscilloscope.query_block(":WAV:DATA?", "<i2"), 50)
    print(
        json.dumps(
            {
                "scalar_query_microseconds": {
                    "pymeasure": 1e6 * best_seconds(lambda: meter.wavelength_min, 2000),
                    "driver": 1e6 * best_seconds(lambda: box.current_limit, 2000),
                    "session": 1e6 * best_seconds(lambda: box.adapter.session.query("*STB?"), 2000),
                },
                "block_megabytes_per_second": {
                    "up": 1e-6 * BLOCK_BYTES / up,
                    "down": 1e-6 * RECORD_BYTES / down,
                },
                "pyvisa": pyvisa.__version__,
            },
            indent=2,
        )
    )


def pymeasure_adapter(manager, address):
    from pymeasure.adapters import VISAAdapter

    return VISAAdapter(address, visa_library=manager.visalib)


if __name__ == "__main__":
    main()
