"""What the conformance tests are run on: every implementation of every interface.

To put another class under the tests, add one line to ``RIGS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from display_mirror_bench import mirrors_at_an_output
from immediate_instruments import (
    ImmediateCamera,
    ImmediateLaser,
    ImmediateMirrorDevice,
    ImmediateModulatorArray,
    ImmediateOpticalAmplifier,
    ImmediatePhaseShifterArray,
    ImmediatePhotodetectorArray,
    ImmediatePowerMeter,
    ImmediateReferencePhase,
    ImmediateShutter,
    ImmediateSpatialLightModulator,
    ImmediateTemperatureController,
    ImmediateTriggerSource,
)
from simulated_bench import (
    PANEL_8_BIT,
    TIMEOUT,
    SimulatedBench,
    pattern,
    random_levels,
    simulated_bench,
    volts_for,
)
from wire_bench import wire_bench

from instruments.bench_file.reading import read_bench_file
from instruments.bench_file.schema import BenchFile
from instruments.display.bit_planes import PLANES, unpacked
from instruments.interfaces.mirror_device import MirrorBlocks
from instruments.interfaces.spatial_light_modulator import BlockPattern
from instruments.opening import SharedResources, prepare_instrument
from sim_backends.simulated.stand_ins import simulated_bench as simulated_bench_file

SHOT_TAKERS = ("mirror_device", "modulator_array", "photodetector_array", "camera")


@dataclass
class Rig:
    """One open instrument and what is needed to test it.

    Parameters
    ----------
    instrument
        Fresh from its constructor: nothing shown, loaded, armed or enabled.
    fire
        Makes that many shots happen, as the trigger source of a bench would.
    light
        Returns what a detector sees of what the instrument shows now, or showed in each shot of
        its last sequence; ``None`` where nobody looks. Noise is to be off.
    light_tolerance
        By how much equal light may differ, relative to its largest value.
    reading_tolerance
        By how much a measured current, power or temperature may miss what was set, relative.
    timeout_seconds
        How long anything may take.
    pattern
        Makes a block pattern that the modulator can show, for one that cannot show every raster.
    blocks
        The same for the frames of a mirror device.
    shots_in_parts
        Whether the shots of a sequence may be fired in several parts. A box that runs by a clock
        of its own from the first trigger on cannot wait for the next part.
    close
        Puts away what was opened beside the instrument.
    kind
        Filled in from the list below.
    """

    instrument: Any
    fire: Callable[[int], None] | None = None
    light: Callable[[], npt.NDArray[Any]] | None = None
    light_tolerance: float = 0.0
    reading_tolerance: float = 0.02
    timeout_seconds: float = 10.0
    pattern: Callable[[np.random.Generator], BlockPattern] | None = None
    blocks: Callable[[np.random.Generator, int], MirrorBlocks] | None = None
    shots_in_parts: bool = True
    close: Callable[[], None] = lambda: None
    kind: str = ""


def _triggered(instrument: Any, light: Callable[[], npt.NDArray[Any]] | None = None) -> Rig:
    trigger = ImmediateTriggerSource()
    trigger.listeners.append(instrument.triggered)
    return Rig(instrument, fire=trigger.fire, light=light)


def immediate_modulators() -> Rig:
    modulators = ImmediateModulatorArray()
    return _triggered(modulators, light=lambda: modulators.volts.copy())


def immediate_mirrors() -> Rig:
    mirrors = ImmediateMirrorDevice()
    return _triggered(mirrors, light=lambda: mirrors.frames.copy())


def immediate_spatial_light_modulator(bit_depth: int) -> Rig:
    modulator = ImmediateSpatialLightModulator(bit_depth=bit_depth)
    return Rig(modulator, light=lambda: modulator.frame.copy())


def simulated(name: str, **changes: Any) -> Rig:
    """Return one instrument of a small bench; only what has to start switched off is not on."""
    bench = simulated_bench(**changes)
    instrument = bench[name]
    if name not in ("laser", "oven", "amplifier_1", "amplifier_2", "pump_shutter"):
        bench.switch_on()
    return Rig(instrument, fire=bench["trigger"].fire, timeout_seconds=TIMEOUT)


def simulated_modulators() -> Rig:
    rig = simulated("inputs")
    stage = rig.instrument.twin.stages[0]
    rig.light = lambda: stage.x[0].copy()
    return rig


def simulated_mirrors(**settings: Any) -> Rig:
    rig = simulated("mirrors", settings={"mirrors": settings})
    rig.light = rig.instrument.fields
    rig.light_tolerance = 1e-6
    return rig


def light_of_every_column(bench: SimulatedBench) -> npt.NDArray[Any]:
    """Return what the blocks of the first panel make of light, one column after the other."""
    bench.load(volts_for(np.eye(6)))
    bench["trigger"].fire(6)
    real, imaginary = bench.twin.stages[0].z
    return np.asarray(real + 1j * imaginary)


def simulated_panel(**settings: Any) -> Rig:
    """A panel whose every block is looked at by sending light through one column at a time."""
    bench = simulated_bench(
        settings={"slm_1": {**PANEL_8_BIT, **settings}, "slm_2": PANEL_8_BIT},
        twin={"panels": {"quantised": True}},
    )
    bench.switch_on()

    def some_pattern(generator: np.random.Generator) -> BlockPattern:
        panel = bench["slm_1"]
        return pattern(panel, *random_levels(panel, generator))

    return Rig(
        bench["slm_1"],
        light=lambda: light_of_every_column(bench),
        light_tolerance=1e-5,
        timeout_seconds=TIMEOUT,
        pattern=some_pattern,
    )


def panel_with_pixels(driver: str, **settings: Any) -> Rig:
    """A panel whose driver sends whole frames to what the twin looks at, column by column."""
    bench = wire_bench(
        "trigger",
        libraries={"slm_1": driver},
        twin={"panels": {"quantised": True}},
        settings={"slm_1": settings, "slm_2": PANEL_8_BIT},
    )
    bench.switch_on()
    return Rig(
        bench["slm_1"],
        light=lambda: light_of_every_column(bench),
        light_tolerance=1e-5,
        timeout_seconds=TIMEOUT,
    )


def vialux_mirrors() -> Rig:
    """A board's driver in front of a model of its library, and what the mirrors show."""
    bench = wire_bench("trigger", libraries={"mirrors": "vialux mirrors"})
    bench.switch_on()
    board = bench["mirrors"]._board
    return Rig(
        bench["mirrors"],
        fire=bench["trigger"].fire,
        light=board._mirrors.fields,
        light_tolerance=1e-6,
        timeout_seconds=TIMEOUT,
    )


def display_mirrors() -> Rig:
    """Mirrors on a window in memory, and what its pictures unpack to."""
    bench = mirrors_at_an_output()

    def light() -> npt.NDArray[Any]:
        shots = bench.mirrors.sequence.shots
        pictures = bench.window.pictures[-2 - (shots - 1) // PLANES : -1]
        return np.concatenate([unpacked(one) for one in pictures])[:shots]

    return Rig(bench.mirrors, fire=bench.trigger.fire, light=light, shots_in_parts=False)


def camera(driver: str) -> Rig:
    """A camera's driver in front of a model of its library."""
    bench = wire_bench("trigger", libraries={"camera": driver})
    bench.switch_on()
    return Rig(bench["camera"], fire=bench["trigger"].fire, timeout_seconds=TIMEOUT)


def takes_shots_in_parts(instrument: Any) -> bool:
    return bool(getattr(instrument, "takes_shots_in_parts", True))


def on_the_wire(name: str) -> Rig:
    """Return a real driver with models of its boxes; only what starts switched off is not on."""
    bench = wire_bench(name, "trigger")
    if name not in ("laser", "oven", "amplifier_1", "amplifier_2", "pump_shutter"):
        bench.switch_on()
    lights: dict[str, Callable[[], npt.NDArray[Any]]] = {
        "inputs": lambda: bench.twin.stages[0].x[0].copy(),
        "errors": lambda: np.array(bench.twin._drives["errors"]),
    }
    return Rig(
        bench[name],
        fire=bench["trigger"].fire,
        light=lights.get(name),
        timeout_seconds=TIMEOUT,
        shots_in_parts=takes_shots_in_parts(bench[name]),
    )


# Kind, name of the implementation, what builds a rig of it.
RIGS: list[tuple[str, str, Callable[[], Rig]]] = [
    ("spatial_light_modulator", "immediate", lambda: immediate_spatial_light_modulator(8)),
    ("spatial_light_modulator", "immediate-10-bit", lambda: immediate_spatial_light_modulator(10)),
    ("mirror_device", "immediate", immediate_mirrors),
    ("modulator_array", "immediate", immediate_modulators),
    (
        "photodetector_array",
        "immediate",
        lambda: _triggered(ImmediatePhotodetectorArray()),
    ),
    ("camera", "immediate", lambda: _triggered(ImmediateCamera())),
    ("power_meter", "immediate", lambda: Rig(ImmediatePowerMeter())),
    ("optical_amplifier", "immediate", lambda: Rig(ImmediateOpticalAmplifier())),
    ("laser", "immediate", lambda: Rig(ImmediateLaser())),
    ("shutter", "immediate", lambda: Rig(ImmediateShutter())),
    ("reference_phase", "immediate", lambda: Rig(ImmediateReferencePhase())),
    ("temperature_controller", "immediate", lambda: Rig(ImmediateTemperatureController())),
    ("phase_shifter_array", "immediate", lambda: Rig(ImmediatePhaseShifterArray())),
    ("trigger_source", "immediate", lambda: Rig(ImmediateTriggerSource())),
    ("spatial_light_modulator", "simulated", simulated_panel),
    (
        "spatial_light_modulator",
        "simulated-faithful",
        lambda: simulated_panel(faithful=True, bit_depth=8),
    ),
    ("spatial_light_modulator", "simulated-10-bit", lambda: simulated_panel(bit_depth=10)),
    ("mirror_device", "simulated", simulated_mirrors),
    ("mirror_device", "simulated-lee", lambda: simulated_mirrors(carrier_period=5)),
    ("modulator_array", "simulated", simulated_modulators),
    ("photodetector_array", "simulated", lambda: simulated("z")),
    ("camera", "simulated", lambda: simulated("camera")),
    ("power_meter", "simulated", lambda: simulated("meter")),
    ("optical_amplifier", "simulated", lambda: simulated("amplifier_1")),
    ("optical_amplifier", "simulated-array", lambda: simulated("amplifier_2")),
    ("laser", "simulated", lambda: simulated("laser")),
    ("shutter", "simulated", lambda: simulated("pump_shutter")),
    ("reference_phase", "simulated", lambda: simulated("actuators")),
    ("temperature_controller", "simulated", lambda: simulated("oven")),
    ("phase_shifter_array", "simulated", lambda: simulated("heaters")),
    ("trigger_source", "simulated", lambda: simulated("trigger")),
    (
        "spatial_light_modulator",
        "display",
        lambda: panel_with_pixels("display panel"),
    ),
    (
        "spatial_light_modulator",
        "slmsuite",
        lambda: panel_with_pixels("slmsuite panel"),
    ),
    (
        "spatial_light_modulator",
        "slmsuite-10-bit",
        lambda: panel_with_pixels("slmsuite panel", bit_depth=10, levels_per_wave=1024),
    ),
    ("camera", "pylablib", lambda: camera("pylablib camera")),
    ("camera", "harvesters", lambda: camera("harvesters camera")),
    ("mirror_device", "display", display_mirrors),
    ("trigger_source", "display", lambda: Rig(mirrors_at_an_output().trigger)),
    ("mirror_device", "vialux", vialux_mirrors),
    ("modulator_array", "keysight-33500", lambda: on_the_wire("inputs")),
    (
        "modulator_array",
        "red-pitaya",
        lambda: on_the_wire("errors"),
    ),
    (
        "photodetector_array",
        "keysight-infiniivision",
        lambda: on_the_wire("z"),
    ),
    ("photodetector_array", "red-pitaya", lambda: on_the_wire("a")),
    ("optical_amplifier", "thorlabs-itc4000", lambda: on_the_wire("amplifier_1")),
    ("optical_amplifier", "thorlabs-itc4000-array", lambda: on_the_wire("amplifier_2")),
    ("laser", "thorlabs-itc4000", lambda: on_the_wire("laser")),
    ("temperature_controller", "thorlabs-itc4000", lambda: on_the_wire("oven")),
    ("power_meter", "thorlabs-pm100", lambda: on_the_wire("meter")),
    ("shutter", "thorlabs-mbx", lambda: on_the_wire("pump_shutter")),
    ("trigger_source", "keysight-33500", lambda: on_the_wire("trigger")),
]


def rigs_of_bench(path: Path, simulate: str | None) -> list[tuple[str, str, Callable[[], Rig]]]:
    """Return a rig for every instrument of a bench file, real ones included."""
    bench = read_bench_file(path)
    if simulate is not None:
        bench = simulated_bench_file(bench, simulate)

    def building(name: str) -> Callable[[], Rig]:
        return lambda: rig_of_bench(bench, name)

    return [(one.kind, name, building(name)) for name, one in bench.instruments.items()]


def rig_of_bench(bench: BenchFile, name: str) -> Rig:
    """Open one instrument of a bench, and the trigger source if it takes shots."""
    shared = SharedResources()
    trigger = bench.exposure.trigger
    fires = bench.instruments[name].kind in SHOT_TAKERS
    opened = {
        one: prepare_instrument(bench, one, shared).open()
        for one in ((trigger, name) if fires and trigger != name else (name,))
    }
    instrument: Any = opened[name]
    source: Any = opened.get(trigger)

    def close() -> None:
        if source is not None and source is not instrument:
            source.make_safe()
            source.close()

    return Rig(
        instrument,
        fire=None if source is None else source.fire,
        timeout_seconds=bench.exposure.timeout,
        reading_tolerance=0.05,
        shots_in_parts=takes_shots_in_parts(instrument),
        close=close,
    )
