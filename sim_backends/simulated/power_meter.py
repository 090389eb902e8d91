"""Simulated power meter."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

from instruments.errors import InstrumentError
from instruments.limits import Limit, check_value
from instruments.opening import OpeningRequest
from sim_backends.simulated.measurement_noise import measurement_noise
from sim_backends.simulated.settings import PowerMeterSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument
from sim_backends.simulated.stage_light import powers, stage_looked_at
from sim_backends.simulated.trigger_line import shared_trigger_line

_AVERAGES = Limit(1, math.inf, "readings")


class SimulatedPowerMeter(SimulatedInstrument):
    """A power meter in a twin's light, at the input side of a stage or behind its weights.

    It sees what the modulators hold between sequences, and is off by its calibration's
    uncertainty, drawn once from the twin's seed.
    """

    kind: ClassVar[str] = "power_meter"
    Settings: ClassVar[type[PowerMeterSettings]] = PowerMeterSettings

    def __init__(self, request: OpeningRequest[PowerMeterSettings]) -> None:
        own = request.settings
        super().__init__(
            request,
            {
                "wavelength_metres": Limit(own.shortest_wavelength, own.longest_wavelength, "m"),
                "power_watts": Limit(0.0, own.highest, "W"),
            },
        )
        self._own = own
        self._wavelength_metres = check_value(
            self.name,
            "wavelength_metres",
            request.bench.optics.wavelength,
            self._limits["wavelength_metres"],
        )
        self._line = shared_trigger_line(request)
        self._stage = stage_looked_at(request)
        beams = 0 if self._stage is None else powers(self._stage, own.port).shape[1]
        if own.neuron is not None and self._stage is not None and own.neuron >= beams:
            raise InstrumentError(
                f"{self.name}: settings.neuron: found {own.neuron}; port {own.port} of stage "
                f"'{own.stage}' has {beams} beams, from 0"
            )
        self._noise = measurement_noise(request)
        self._scale = 1 + own.uncertainty * self._noise.calibration_error

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the meter, set to the bench's wavelength.

        Raises
        ------
        InstrumentError
            If the stage or the beam it looks at does not exist, or the wavelength is outside its
            range.
        """
        return cls(request)

    def wavelength_metres(self) -> float:
        """Return the wavelength the reading is corrected for."""
        self._check_open()
        return self._wavelength_metres

    def set_wavelength_metres(self, metres: float) -> None:
        """Set the wavelength; the correction of this meter is the same for all."""
        self._wavelength_metres = self._checked("wavelength_metres", metres)

    def read_watts(self, averages: int = 1) -> float:
        """Return the mean of ``averages`` readings, in the twin's time."""
        self._check_open()
        check_value(self.name, "averages", averages, _AVERAGES)
        self._clock.wait(averages * self._own.response)
        watts = self._scale * self._true_watts()
        if watts > self._limits["power_watts"].high:
            raise InstrumentError(
                f"{self.name}: overloaded at {watts:.3g} W; it takes "
                f"{self._limits['power_watts']}: attenuate the light"
            )
        noise = self._own.noise / math.sqrt(averages)
        return float(watts + noise * self._noise.generator.normal())

    def _true_watts(self) -> float:
        if self._stage is None:
            return 0.0
        self._line.look()
        beams = powers(self._stage, self._own.port)[0]
        seen = beams.sum() if self._own.neuron is None else beams[self._own.neuron]
        return float(seen) * self.twin.layout.saturation_watts

    def _go_safe(self) -> None:
        """Stay as it is: a meter harms nobody."""
