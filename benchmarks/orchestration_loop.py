"""What the orchestration itself costs, with instruments that answer at once.

Run by ``speed.py``, as ``turns.py`` has it: ``orchestration_loop.py SECONDS``.

Counted is everything between calling ``forward`` and the return of ``backward`` of a bench of
64-48-10 in a cascade, for a batch of 64 samples in two exposures of 64 shots each: encoding
inputs and errors to volts, loading, arming, firing, reading four banks of taps and then one again,
turning their volts into fields, and the instruments' own bookkeeping. No light is worked out and no
weights are written.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "instruments" / "support"))

from immediate_instruments import (
    ImmediateModulatorArray,
    ImmediatePhotodetectorArray,
    ImmediateSpatialLightModulator,
    ImmediateTriggerSource,
)
from turns import take_turns

from instruments.arrangements.bench_light import BenchLight
from instruments.arrangements.cascade import Cascade
from instruments.bench import Bench
from instruments.calibration.encoder import EncoderTable
from instruments.calibration.tap import TapTable
from instruments.calibration.weight_bank import WeightBankTable
from instruments.exposure import Exposer
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.network import Layer, NonlinearUnit
from instruments.stage_hardware import Emitter, StageHardware

INPUTS, HIDDEN, OUTPUTS = 64, 48, 10
BATCH = 64
PERIOD = 4


def immediate_bench():
    trigger = ImmediateTriggerSource()
    instruments = {"trigger": trigger}

    def emitter(name, channels):
        modulators = instruments[name] = ImmediateModulatorArray(name, channels)
        trigger.listeners.append(modulators.triggered)
        table = EncoderTable.nominal(channels, 3.5, instrument=name, bench="immediate")
        return Emitter(modulators, table)

    def stage(name, outputs, inputs, **more):
        geometry = BlockGeometry(outputs, inputs, PERIOD, PERIOD)
        panel = ImmediateSpatialLightModulator(name, PERIOD * outputs, PERIOD * inputs)
        instruments[name] = panel
        bank = WeightBankTable.nominal(
            outputs, inputs, 256, PERIOD, 1.0, instrument=name, bench="immediate"
        )
        return StageHardware(name, panel, bank, geometry, PERIOD, 256, **more)

    banks = {"z": HIDDEN, "a": HIDDEN, "delta": HIDDEN, "outputs": OUTPUTS}
    detectors = {name: ImmediatePhotodetectorArray(name, n) for name, n in banks.items()}
    for detector in detectors.values():
        trigger.listeners.append(detector.triggered)
    stages = [
        stage(
            "first",
            HIDDEN,
            INPUTS,
            has_absorber=True,
            source=emitter("inputs", INPUTS),
            taps={"z": "z", "a": "a", "delta": "delta"},
        ),
        stage(
            "second",
            OUTPUTS,
            HIDDEN,
            has_absorber=False,
            injector=emitter("errors", OUTPUTS),
            taps={"z": "outputs"},
        ),
    ]
    taps = {
        name: TapTable.nominal(channels, 0.1, instrument=name, bench="immediate")
        for name, channels in banks.items()
    }
    light = BenchLight(Exposer(trigger, detectors, 10.0), taps, 10.0, probe_limit=0.3)
    layers = [
        Layer(INPUTS, HIDDEN, NonlinearUnit("absorber", 10.0, derivative="probe")),
        Layer(HIDDEN, OUTPUTS, None),
    ]
    return Bench(
        "immediate",
        layers,
        instruments | detectors,
        Cascade(light, stages),
        light,
        switch_on=lambda: None,
        safe_order=[],
        safe_timeout_seconds=1.0,
    )


def main(seconds):
    generator = np.random.default_rng(0)
    inputs = generator.random((BATCH, INPUTS), dtype=np.float32)
    errors = generator.normal(0, 0.1, (BATCH, OUTPUTS)).astype(np.float32)
    with immediate_bench() as bench:

        def turn():
            bench.backward(bench.forward(inputs), errors)
            durations, began = [], time.perf_counter()
            while time.perf_counter() - began < seconds:
                before = time.perf_counter()
                bench.backward(bench.forward(inputs), errors)
                durations.append(time.perf_counter() - before)
            return {"batch_milliseconds": 1e3 * statistics.median(durations)}

        take_turns(turn)


if __name__ == "__main__":
    main(float(sys.argv[1]))
