"""What the conformance tests are run on: every implementation of every interface.

To put another class under the tests, add one line to ``RIGS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
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

from instruments.interfaces.mirror_device import MirrorBlocks
from instruments.interfaces.spatial_light_modulator import BlockPattern


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
]
