"""How far the true optics of a twin are from the nominal ones, and how large its noise is.

The section ``[twin]`` of a bench file. Every number is a property of real equipment, with its
source beside it; none was tuned to make a result come out. ``perfect`` switches all of them off,
and each can be switched on alone.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from instruments.quantities import (
    NonNegativeFraction,
    NonNegativeRadians,
    NonNegativeSeconds,
    NonNegativeVolts,
    PositiveSeconds,
    PositiveWatts,
)

Share = Annotated[float, Field(ge=0, lt=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModulatorImperfections(_Section):
    """Mach-Zehnder modulators.

    Attributes
    ----------
    half_wave_spread
        Relative spread of the half-wave voltage over an array (data sheets of lithium-niobate
        arrays: a few per cent).
    bias_spread
        Spread of the bias from null before it is measured; free-running lithium niobate drifts
        by such amounts within hours.
    leakage
        Field left at null, from unequal arms: 30 dB extinction of power is a field of 3 %.
    bias_drift, bias_drift_time
        rms and correlation time of the drift of the bias after that.
    quantised
        Whether the converter in front of the modulator has steps.
    """

    half_wave_spread: NonNegativeFraction = 0.02
    bias_spread: NonNegativeRadians = 0.05
    leakage: NonNegativeFraction = 0.03
    bias_drift: NonNegativeRadians = 0.01
    bias_drift_time: PositiveSeconds = 600.0
    quantised: bool = True


class MirrorImperfections(_Section):
    """Digital mirror devices.

    Attributes
    ----------
    leakage
        Field that a mirror sends on when it is off, relative to when it is on: a contrast of
        1000:1 in power, as vendors quote it, is a field of 3 %.
    illumination_spread
        Relative spread of the field that falls on single blocks.
    wavefront
        Spread of the phase of single blocks: mirrors of one chip do not lie in a plane, and what a
        correction leaves is a twentieth of a wave or less.
    image_shift, image_magnification
        Spreads of where the blocks' image falls on the panel's columns: its shift, in blocks, and
        how much too large it is. Mounts with screws of 10 um a touch set blocks of 100 um to a
        tenth; catalogue focal lengths hold to a per cent, and a zoom sets what is left.
    """

    leakage: NonNegativeFraction = 0.03
    illumination_spread: NonNegativeFraction = 0.03
    wavefront: NonNegativeRadians = 0.05
    image_shift: Annotated[float, Field(ge=0, le=1)] = 0.0
    image_magnification: NonNegativeFraction = 0.0


class PanelImperfections(_Section):
    """Liquid-crystal panels.

    Attributes
    ----------
    stroke_spread
        Relative error of the phase stroke (a look-up table made for another wavelength).
    bow
        Spread of the deviation of grey level against phase from a straight line, at mid-scale;
        vendors quote 0.1 to 0.3 rad after their own calibration, several times that before.
    region_spread
        Spread of both over the regions of a panel, relative to the panel's own error.
    regions
        Regions across and down whose curves differ.
    cross_talk
        Share of its field a block loses to each of its four neighbours.
    settling_time
        Time constant with which a new frame replaces the old one.
    quantised
        Whether grey levels are whole numbers.
    """

    stroke_spread: NonNegativeFraction = 0.03
    bow: NonNegativeRadians = 0.25
    region_spread: NonNegativeFraction = 0.3
    regions: Annotated[int, Field(ge=1, le=8)] = 2
    cross_talk: Share = 0.01
    settling_time: NonNegativeSeconds = 3e-3
    quantised: bool = True


class PathImperfections(_Section):
    """Lenses, slit and coatings of the vector-matrix multiplication.

    Attributes
    ----------
    slit_half_width
        Half width of the slit in units of ``lambda f / D``; 0.2705 passes half the power of an
        even field (supplement 2.1 of arXiv:1912.12256). Zero: no apodisation.
    slit_decentring
        Spread of the slit's centre against the axis, in the same units, stage by stage. For a lens
        of 300 mm, an aperture of 10 mm and 780 nm the unit is 23.4 um, so that a slit set to a
        micrometre or two is off by 0.04 to 0.08.
    loss_spread
        Relative spread of the transmission of a stage's field.
    neuron_spread
        Relative spread of the transmission of single neurons' fields.
    """

    slit_half_width: Annotated[float, Field(ge=0, le=1)] = 0.2705
    slit_decentring: Annotated[float, Field(ge=0, le=1)] = 0.0
    loss_spread: NonNegativeFraction = 0.05
    neuron_spread: NonNegativeFraction = 0.03


class AmplifierImperfections(_Section):
    """Semiconductor optical amplifiers.

    Attributes
    ----------
    gain_spread
        Relative spread of the field gain over an array (0.5 dB of power is 6 %).
    saturation_power
        Output power at which the gain has fallen by a factor e; zero effect if ``saturates`` is
        off.
    linewidth_enhancement
        Turns a change of gain into a change of phase.
    inversion_factor
        Spontaneous photons a mode and unit of gain; 2 is typical. Zero: no noise.
    """

    gain_spread: NonNegativeFraction = 0.05
    saturates: bool = True
    saturation_power: PositiveWatts = 10e-3
    linewidth_enhancement: Annotated[float, Field(ge=0)] = 5.0
    inversion_factor: Annotated[float, Field(ge=0)] = 2.0


class AbsorberImperfections(_Section):
    """The saturable absorber.

    Attributes
    ----------
    depth_error
        Relative error of the optical depth (a kelvin of oven temperature is about 8 %).
    depth_spread
        Relative spread of the optical depth over the neurons' beams.
    finite_probe
        Whether a probe saturates the medium together with the pump.
    probe_displacement
        Spread, in either direction, of the place of a stage's probes against their pumps, in waists
        ``w``. The pump's mode then holds ``exp(-d^2 / w^2)`` of the probe's power. A fine screw of
        a mirror mount moves a beam of 100 um waist by some 10 um a touch: 0.1.
    """

    depth_error: NonNegativeFraction = 0.05
    depth_spread: NonNegativeFraction = 0.01
    finite_probe: bool = True
    probe_displacement: Annotated[float, Field(ge=0, le=2)] = 0.0


class TapImperfections(_Section):
    """Beam-splitter taps with balanced homodyne detectors.

    Attributes
    ----------
    gain_spread
        Relative spread of volts per field (detector, splitter, reference power).
    offset
        Spread of the voltage without light.
    bank_phase
        Spread of the reference's phase against the light, bank by bank.
    neuron_phase
        Spread of it within a bank.
    phase_drift, phase_drift_time
        rms and correlation time of the drift of a bank's phase.
    shot_noise
        Whether light comes in photons.
    tapped
        Share of a neuron's power that reaches its tap.
    efficiency, visibility
        Of the detectors, and of the interference with the reference.
    electronic_noise
        rms noise of detector and amplifier in volts.
    reflection
        Pump reflected into the backward taps: field at the tap per unit field of the pump.
    reflection_drift
        rms by which each reflection wanders, relative to itself, with the correlation time of the
        phases: etalons drift with temperature.
    quantised
        Whether the digitiser has steps.
    """

    gain_spread: NonNegativeFraction = 0.05
    offset: NonNegativeVolts = 2e-3
    bank_phase: NonNegativeRadians = 0.1
    neuron_phase: NonNegativeRadians = 0.03
    phase_drift: NonNegativeRadians = 0.03
    phase_drift_time: PositiveSeconds = 60.0
    shot_noise: bool = True
    tapped: Annotated[float, Field(gt=0, le=1)] = 0.1
    efficiency: Annotated[float, Field(gt=0, le=1)] = 0.8
    visibility: Annotated[float, Field(gt=0, le=1)] = 0.95
    electronic_noise: NonNegativeVolts = 0.2e-3
    reflection: NonNegativeFraction = 0.01
    reflection_drift: NonNegativeFraction = 0.0
    quantised: bool = True


class CameraImperfections(_Section):
    """Where a camera really is: what remains after mounting it by eye.

    Attributes
    ----------
    rotation, scale, shift
        Spreads of the angle about the optical axis, of the relative magnification, and of the
        place in either direction, in pixels.
    """

    rotation: NonNegativeRadians = 5e-3
    scale: NonNegativeFraction = 0.005
    shift: Annotated[float, Field(ge=0, le=100)] = 0.7


class Imperfections(_Section):
    """Everything in which a twin differs from the ideal network."""

    seed: Annotated[int, Field(ge=0)] = 1
    modulators: ModulatorImperfections = ModulatorImperfections()
    mirrors: MirrorImperfections = MirrorImperfections()
    panels: PanelImperfections = PanelImperfections()
    path: PathImperfections = PathImperfections()
    amplifiers: AmplifierImperfections = AmplifierImperfections()
    absorber: AbsorberImperfections = AbsorberImperfections()
    taps: TapImperfections = TapImperfections()
    cameras: CameraImperfections = CameraImperfections()

    @classmethod
    def perfect(cls, seed: int = 1) -> Self:
        """Return a twin's section with every imperfection off."""
        return cls(
            seed=seed,
            modulators=ModulatorImperfections.model_construct(
                half_wave_spread=0.0,
                bias_spread=0.0,
                leakage=0.0,
                bias_drift=0.0,
                bias_drift_time=600.0,
                quantised=False,
            ),
            mirrors=MirrorImperfections.model_construct(
                leakage=0.0,
                illumination_spread=0.0,
                wavefront=0.0,
                image_shift=0.0,
                image_magnification=0.0,
            ),
            panels=PanelImperfections.model_construct(
                stroke_spread=0.0,
                bow=0.0,
                region_spread=0.0,
                regions=1,
                cross_talk=0.0,
                settling_time=0.0,
                quantised=False,
            ),
            path=PathImperfections.model_construct(
                slit_half_width=0.0, slit_decentring=0.0, loss_spread=0.0, neuron_spread=0.0
            ),
            amplifiers=AmplifierImperfections.model_construct(
                gain_spread=0.0,
                saturates=False,
                saturation_power=10e-3,
                linewidth_enhancement=0.0,
                inversion_factor=0.0,
            ),
            absorber=AbsorberImperfections.model_construct(
                depth_error=0.0, depth_spread=0.0, finite_probe=False, probe_displacement=0.0
            ),
            taps=TapImperfections.model_construct(
                gain_spread=0.0,
                offset=0.0,
                bank_phase=0.0,
                neuron_phase=0.0,
                phase_drift=0.0,
                phase_drift_time=60.0,
                shot_noise=False,
                tapped=0.1,
                efficiency=0.8,
                visibility=0.95,
                electronic_noise=0.0,
                reflection=0.0,
                reflection_drift=0.0,
                quantised=False,
            ),
            cameras=CameraImperfections.model_construct(rotation=0.0, scale=0.0, shift=0.0),
        )
