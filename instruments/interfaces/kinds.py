"""The kinds of instruments there are, by the names bench files call them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from instruments.interfaces.camera import Camera
from instruments.interfaces.laser import Laser
from instruments.interfaces.mirror_device import MirrorDevice
from instruments.interfaces.modulator_array import ModulatorArray
from instruments.interfaces.optical_amplifier import OpticalAmplifier
from instruments.interfaces.phase_shifter_array import PhaseShifterArray
from instruments.interfaces.photodetector_array import PhotodetectorArray
from instruments.interfaces.power_meter import PowerMeter
from instruments.interfaces.reference_phase import ReferencePhase
from instruments.interfaces.shutter import Shutter
from instruments.interfaces.spatial_light_modulator import SpatialLightModulator
from instruments.interfaces.temperature_controller import TemperatureController
from instruments.interfaces.trigger_source import TriggerSource

INTERFACES: Mapping[str, type[Any]] = MappingProxyType(
    {
        "spatial_light_modulator": SpatialLightModulator,
        "mirror_device": MirrorDevice,
        "modulator_array": ModulatorArray,
        "photodetector_array": PhotodetectorArray,
        "camera": Camera,
        "power_meter": PowerMeter,
        "optical_amplifier": OpticalAmplifier,
        "laser": Laser,
        "shutter": Shutter,
        "reference_phase": ReferencePhase,
        "temperature_controller": TemperatureController,
        "phase_shifter_array": PhaseShifterArray,
        "trigger_source": TriggerSource,
    }
)
