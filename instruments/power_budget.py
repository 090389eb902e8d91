"""How much light a bench needs where: neurons, amplifiers, the probe, the taps.

Everything is stated for a field of 1, the saturation field, in every neuron: a network in
training moves around it. References of the taps are not counted; they pass no weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scipy.constants import c, h

from instruments.bench_file.schema import BenchFile
from instruments.bench_file.stage_sections import StageSection
from instruments.calibration.field_encoder import FieldEncoder
from instruments.calibration.nominal import passive_full_scale
from instruments.gain_ledger import decibels
from instruments.opening import PreparedInstrument

LARGEST_LOADING = 0.1
"""Output power over saturation power from which gain, and with it phase, follows the signal.

1 uW at 30 dB into an amplifier that saturates at 10 mW: the phase moves by 0.23 rad for a
linewidth-enhancement factor of 5 (G. P. Agrawal and N. A. Olsson, IEEE J. Quantum Electron. 25,
2297 (1989), Eq. 2.12)."""

TYPICAL_SATURATION_WATTS = 10e-3
"""Taken for semiconductor amplifiers whose settings do not state it."""


@dataclass(frozen=True, slots=True)
class AmplifierPower:
    """Light through one amplifier of a stage.

    Attributes
    ----------
    instrument
        Its name.
    count
        How many amplifiers there are.
    is_steady
        Whether it stands in front of the modulators, where the light does not change from shot to
        shot and cannot turn a signal into a phase.
    gain_decibels
        Power gain it is set to.
    input_watts, output_watts
        Total power into and out of each amplifier, the gain taken as unsaturated.
    saturation_watts
        Output power at which its gain has fallen by a factor e; ``None`` where its settings do
        not say.
    """

    instrument: str
    count: int
    is_steady: bool
    gain_decibels: float
    input_watts: float
    output_watts: float
    saturation_watts: float | None

    @property
    def loading(self) -> float:
        """Output power over saturation power, a typical one where it is not stated."""
        return self.output_watts / (self.saturation_watts or TYPICAL_SATURATION_WATTS)

    @property
    def turns_signal_into_phase(self) -> bool:
        """Whether its phase depends on the signal, which no real-valued network has."""
        return not self.is_steady and self.loading > LARGEST_LOADING

    @property
    def lacks_power(self) -> bool:
        """Whether it is to give more than it saturates at."""
        return self.loading > 1.0


@dataclass(frozen=True, slots=True)
class StagePower:
    """Light in one stage; powers are of one neuron's beam, at field 1.

    Attributes
    ----------
    stage
        Its name.
    neuron_watts
        In front of the absorber.
    passive_decibels
        What is left, in power and along one path, of a neuron's light after fan-out to all rows, a
        block of weight 1, fan-in of all columns, and the optics' transmission. Negative.
    amplifier
        Its amplifier, if it has one.
    probe_watts
        Strongest beam of the injector; ``None`` without one.
    tap_photons
        Photons of a neuron's whole beam in an exposure window.
    """

    stage: str
    neuron_watts: float
    passive_decibels: float
    amplifier: AmplifierPower | None
    probe_watts: float | None
    tap_photons: float

    @property
    def shot_noise_field(self) -> float:
        """Uncertainty of a reading if all light is tapped, in saturation fields: 1/(2 sqrt n)."""
        return float(0.5 / self.tap_photons**0.5)


def power_budget(
    bench: BenchFile,
    prepared: Mapping[str, PreparedInstrument],
    encoders: Mapping[str, FieldEncoder],
    gain_decibels: Mapping[str, float],
) -> list[StagePower]:
    """Return the powers of every stage.

    Parameters
    ----------
    prepared
        The instruments; an amplifier's settings may state ``saturation_power``.
    encoders
        Tables of modulator arrays and mirror devices.
    gain_decibels
        What the amplifier of each stage is set to, by stage.
    """
    optics = bench.optics
    photon_joules = h * c / optics.wavelength
    budget = []
    for name, stage in bench.stages.items():
        budget.append(
            StagePower(
                stage=name,
                neuron_watts=optics.saturation_power,
                passive_decibels=decibels(passive_full_scale(stage) ** 2),
                amplifier=_amplifier(
                    bench, stage, prepared, encoders, gain_decibels.get(name, 0.0)
                ),
                probe_watts=(
                    None
                    if stage.injector is None
                    else optics.probe_limit**2 * optics.saturation_power
                ),
                tap_photons=optics.saturation_power * bench.exposure.window / photon_joules,
            )
        )
    return budget


def _amplifier(
    bench: BenchFile,
    stage: StageSection,
    prepared: Mapping[str, PreparedInstrument],
    encoders: Mapping[str, FieldEncoder],
    gain_decibels: float,
) -> AmplifierPower | None:
    if stage.amplifier is None:
        return None
    settings = prepared[stage.amplifier].request.settings
    count = int(getattr(settings, "channels", 1))
    entering = bench.optics.saturation_power
    if count == 1:
        # One for all modulators: each passes what is left of its share when it is not fully open.
        fields = 1.0 if stage.inputs is None else float(encoders[stage.inputs].highest_fields.max())
        entering *= stage.blocks.columns * fields**2
    return AmplifierPower(
        instrument=stage.amplifier,
        count=count,
        is_steady=count == 1 and stage.inputs is not None,
        gain_decibels=gain_decibels,
        input_watts=entering,
        output_watts=entering * 10 ** (gain_decibels / 10),
        saturation_watts=getattr(settings, "saturation_power", None),
    )
